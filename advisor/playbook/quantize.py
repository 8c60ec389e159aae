"""Step 3, quantize: as few bits as the quality floor allows."""

from __future__ import annotations

import math
from typing import Any

from advisor.catalog.records import records
from advisor.format import count, money, percent
from advisor.optimize.choices import Candidate
from advisor.optimize.considered import considered, every_variant
from advisor.optimize.marginal import Move
from advisor.portfolio import Lever

from .base import Action, Assumption, Chart, Note, Report, Table, View
from .claims import claims_for
from .describe import machine, meets, to_action
from .proposals import (
    by_saving,
    money_phrase,
    saving_note,
    unlocked,
    why_not,
)
from .quality import risk, worst_quality
from .training_jobs import training_actions, training_table
from .wording import inner, of_all, short

PAIR = ("weight_precision", "kv_precision")
FLOORS_SHOWN = 3


class Quantize:
    """Weight and KV-cache precision, and pruning."""

    key = "quantize"
    title = "Quantize"
    mark = "3"
    lever: Lever | None = "PRECISION"

    def report(self, view: View) -> Report:
        """Which workloads run on fewer bits, what that saves and what it may cost in quality."""
        moves = by_saving(view.moves(self.key, "PRECISION"))
        actions = [self._action(view, m) for m in moves]
        charts, notes = self._explained(view, moves[0]) if moves else ([], [])
        return Report(
            headline=_headline(view, actions),
            sub=(
                "Quality is expected quality as a share of today's. A precision whose typical loss "
                "falls under a workload's floor is never proposed."
            ),
            actions=[*actions, *training_actions(view, self.key, "PRECISION")],
            charts=charts,
            tables=[*_memory_table(view, moves), *training_table(view, self.key)],
            claims=claims_for(view, self.key),
            assumptions=self._floors(view, moves),
            notes=notes,
        )

    def _action(self, view: View, move: Move) -> Action:
        return to_action(
            view,
            "PRECISION",
            move,
            today=(precision(view, move.before), _size(move.before)),
            proposed=(precision(view, move.after), _size(move.after)),
            risk=risk(view, move),
            step=self.key,
        )

    def _explained(self, view: View, top: Move) -> tuple[list[Chart], list[Note]]:
        plan = view.plans[self.key]
        levers = unlocked(view, self.key, top.workload, "PRECISION")
        table = considered(plan, top.workload, levers, PAIR)

        def label(row: dict[str, Any]) -> str:
            weights = short(view.catalog, "precisions", row["weight_precision"])
            if row["kv_precision"] == "kv-16":
                return weights
            return f"{weights}, {short(view.catalog, 'precisions', row['kv_precision'])}"

        rows: list[dict[str, Any]] = []
        for row in records(table[table["usd_month"].notna()]):
            state = "today" if row["today"] else "other" if rows else "best"
            rows.append(
                {
                    "label": label(row) + (" (as deployed)" if row["today"] else ""),
                    "usd": float(row["usd_month"]),
                    "quality": float(row["candidate"].details["quality"]),
                    "state": state,
                    "workload": top.workload,
                }
            )
        floor = view.portfolio.workload(top.workload).quality_floor
        chart = Chart(
            "tradeoff",
            f"{top.workload}: cost against expected quality",
            f"monthly, each precision on its cheapest machine; quality floor {percent(floor)}",
            rows,
            f"Cheapest: {rows[0]['label']} at {money(rows[0]['usd'])} a month with "
            f"{percent(rows[0]['quality'])} of today's quality.",
        )
        notes = [saving_note(view, self.key, top), _gain_note(view, top)]
        lines = why_not(table, label)
        return [chart], [*notes, Note("Why not…", lines)] if lines else notes

    def _floors(self, view: View, moves: list[Move]) -> list[Assumption]:
        out = []
        for move in moves[:FLOORS_SHOWN]:
            workload = view.portfolio.workload(move.workload)
            levers = unlocked(view, self.key, move.workload, "PRECISION")
            table = every_variant(view.plans[self.key], move.workload, levers)
            poor = table[table["reason"].astype(str).str.startswith("quality")]
            hint = "Every precision that the chips and the framework have is allowed."
            if len(poor):
                best = poor.sort_values("quality").iloc[-1]
                share = math.floor(float(best["quality"]) * 1000) / 10
                hint = f"At {share:g}% or less, {precision_of(view, best)} may be chosen."
            out.append(
                Assumption(
                    f"workload.{workload.name}.quality_floor",
                    f"Quality floor, {workload.name}",
                    "share",
                    workload.quality_floor,
                    hint,
                    0.0,
                    1.0,
                )
            )
        return out


def precision_of(view: View, row: Any) -> str:
    """Weights, KV cache and pruning of a choice in words."""
    parts = [short(view.catalog, "precisions", row["weight_precision"])]
    if row["kv_precision"] and row["kv_precision"] != "kv-16":
        parts.append(short(view.catalog, "precisions", row["kv_precision"]))
    if row["compression"] != "none":
        parts.append(inner(short(view.catalog, "compression", row["compression"])))
    return " · ".join(parts)


def precision(view: View, candidate: Candidate) -> str:
    """A candidate's precision in words."""
    return precision_of(view, candidate.choice)


def _size(candidate: Candidate) -> str:
    return f"{count(candidate.details['weights_gib'])} GiB · {machine(candidate)}"


def _gain_note(view: View, top: Move) -> Note:
    new = view.catalog.lookup("precisions", top.after.choice["weight_precision"])
    before, after = (c.details for c in (top.before, top.after))
    lines = [
        (
            f"{count(before['weights_gib'])} → {count(after['weights_gib'])} GiB",
            f"of weights for {top.workload}.",
        )
    ]
    if new["weight_only"]:
        lines.append(
            (
                "Bandwidth, not arithmetic:",
                f"{new['label']} is unpacked to 16 bits before it is "
                "multiplied, so small batches gain and large ones may not.",
            )
        )
    else:
        lines.append(
            (
                "Memory and arithmetic:",
                f"{new['label']} runs on the chip's {new['peak'].upper()} units where it has them.",
            )
        )
    if before["rps"] and top.before.choice["instance"] == top.after.choice["instance"]:
        lines.append(
            (
                f"{after['rps'] / before['rps']:.2g}×",
                "the requests per replica on the same machine, within the latency target.",
            )
        )
    return Note("What is gained, and what is not", lines)


def _memory_table(view: View, moves: list[Move]) -> list[Table]:
    if not moves:
        return []
    rows = []
    for move in moves:
        workload = view.portfolio.workload(move.workload)
        new = view.catalog.lookup("precisions", move.after.choice["weight_precision"])
        rows.append(
            [
                move.workload,
                f"{precision(view, move.before)} → {precision(view, move.after)}",
                f"{count(move.before.details['weights_gib'])} → "
                f"{count(move.after.details['weights_gib'])}",
                "bandwidth" if new["weight_only"] else "bandwidth, arithmetic",
                f"{move.after.details['quality']:.1%}",
                f"{worst_quality(view, move.after):.1%}",
                f"{workload.quality_floor:.1%}",
                meets(workload, move.after) or "—",
            ]
        )
    return [
        Table(
            "Memory, speed and quality",
            "GiB of weights; quality as a share of today's",
            ["Workload", "Precision", "GiB", "Saves", "Expected", "At worst", "Floor", "Latency"],
            rows,
            numeric=(2, 4, 5, 6),
        )
    ]


def _headline(view: View, actions: list[Action]) -> str:
    if not any(c.choice["weight_precision"] for c in view.baseline.chosen):
        return "No model here runs on machines of yours: its precision is the provider's choice."
    if not actions:
        return "No workload gets cheaper at another precision within its quality floor."
    n, total = len(actions), len(view.portfolio.workloads)
    verb, floor = ("runs", "its quality floor") if n == 1 else ("run", "their quality floors")
    return (
        f"{of_all(n, total, 'workload')} {verb} cheaper at another precision within {floor}: "
        f"{money_phrase(view, 'quantize', actions)}."
    )


STEP = Quantize()
