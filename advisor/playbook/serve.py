"""Step 4, optimize serving: the framework and the techniques it is run with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from advisor.format import count, money
from advisor.optimize.choices import Candidate
from advisor.optimize.considered import considered
from advisor.optimize.marginal import Move
from advisor.portfolio import Lever

from .base import Action, Assumption, Chart, Note, Report, Risk, Table, View
from .claims import claims_for
from .describe import machine, meets, to_action
from .proposals import (
    by_saving,
    money_phrase,
    option_rows,
    saving_note,
    unlocked,
    why_not,
)
from .wording import inner, of_all, short
from .wording import label as label_of

LIFECYCLE = {
    "active": "active",
    "limited_maintenance": "limited maintenance",
    "maintenance": "in maintenance mode",
    "archived": "archived",
}


class Serve:
    """Framework, batching, paged and prefix caching of KV, speculative decoding, graphs."""

    key = "serve"
    title = "Optimize serving"
    mark = "4"
    lever: Lever | None = "SERVING"

    def report(self, view: View) -> Report:
        """Which frameworks and techniques serve the same requests on fewer machines."""
        moves = by_saving(view.moves(self.key, "SERVING"))
        actions = [self._action(view, m) for m in moves]
        charts, notes = self._explained(view, moves[0]) if moves else ([], [])
        return Report(
            headline=_headline(view, actions),
            sub=(
                "Latency targets and quality floors stay. Running a framework at all takes hours "
                "every month: the plan counts them once for all its workloads."
            ),
            actions=actions,
            charts=charts,
            tables=[_frameworks(view)],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view, moves),
            notes=notes,
        )

    def _action(self, view: View, move: Move) -> Action:
        return to_action(
            view,
            "SERVING",
            move,
            today=(framework(view, move.before), techniques(view, move.before.choice)),
            proposed=(framework(view, move.after), changed(view, move)),
            risk=risk(view, move),
            step=self.key,
        )

    def _explained(self, view: View, top: Move) -> tuple[list[Chart], list[Note]]:
        plan = view.plans[self.key]
        workload = view.portfolio.workload(top.workload)
        table = considered(
            plan, top.workload, unlocked(view, self.key, top.workload, "SERVING"), ("framework",)
        )

        def label(row: dict[str, Any]) -> str:
            return short(view.catalog, "frameworks", row["framework"])

        def note(candidate: Candidate) -> str:
            used = techniques(view, candidate.choice)
            return " · ".join(
                p for p in (machine(candidate), used, meets(workload, candidate)) if p
            )

        def unique(row: dict[str, Any]) -> str:
            return label(row) + (" (as deployed)" if row["today"] else "")

        rows = option_rows(table, unique, note)
        blocked = sum(r["state"] == "blocked" for r in rows)
        chart = Chart(
            "frameworks",
            f"{top.workload}: what each framework would cost",
            "monthly, each on its cheapest machine; line = 80% interval of the prediction",
            rows,
            f"Cheapest: {rows[0]['label']} at {rows[0]['text']} a month, of {len(rows) - blocked} "
            f"that would work; {blocked} shown that would not.",
        )
        notes = [saving_note(view, self.key, top)]
        lines = why_not(table, unique)
        return [chart], [*notes, Note("Why not…", lines)] if lines else notes


def framework(view: View, candidate: Candidate) -> str:
    """A candidate's framework, with its lifecycle where it is not active."""
    name = candidate.choice["framework"]
    row = view.catalog.lookup("frameworks", name)
    label = short(view.catalog, "frameworks", name)
    return label if row["lifecycle"] == "active" else f"{label} ({LIFECYCLE[row['lifecycle']]})"


def techniques(view: View, choice: Mapping[str, Any]) -> str:
    """Techniques of a choice in words."""
    return _named(view, choice["techniques"]) or "no techniques"


def _named(view: View, names: Iterable[str]) -> str:
    return ", ".join(inner(label_of(view.catalog, "techniques", t)) for t in names)


def changed(view: View, move: Move) -> str:
    """What is switched on and off, and the machines it then takes."""
    before, after = (set(c.choice["techniques"]) for c in (move.before, move.after))
    parts = [
        f"{sign} {_named(view, sorted(names))}"
        for sign, names in (("+", after - before), ("−", before - after))
        if names
    ]
    return " · ".join([*parts, machine(move.after)])


def risk(view: View, move: Move) -> tuple[Risk, str]:
    """How much of the stack changes, and how alive the new one is."""
    old, new = (c.choice["framework"] for c in (move.before, move.after))
    row = view.catalog.lookup("frameworks", new)
    added = set(move.after.choice["techniques"]) - set(move.before.choice["techniques"])
    if row["lifecycle"] != "active":
        return "high", f"{row['label']} is {LIFECYCLE[row['lifecycle']]}."
    if old != new and row["complexity"] == "high":
        return "high", f"{row['label']} is a complex stack to run and to build models for."
    if old != new:
        note = f"Another server to run ({row['complexity']} complexity): test in parallel."
        return "medium", note
    if "speculative_decoding" in added:
        return "medium", "Speculation pays only as long as drafts are accepted: watch the rate."
    return "low", "The same framework with other settings; easily undone."


def _frameworks(view: View) -> Table:
    used: dict[str, list[str]] = {}
    for column, plan in ((0, view.baseline), (1, view.plans["serve"])):
        for candidate in plan.chosen:
            name = candidate.choice["framework"]
            if name:
                used.setdefault(name, ["0", "0"])
                used[name][column] = str(int(used[name][column]) + 1)
    rows = []
    for row in view.catalog["frameworks"].to_dict("records"):
        today, planned = used.get(row["framework"], ["—", "—"])
        hours = float(row["operate_hours_month"])
        rows.append(
            [
                str(row["label"]),
                LIFECYCLE[row["lifecycle"]],
                today,
                planned,
                f"{count(hours)} h · {money(hours * view.setting.usd_per_hour)}",
                str(row["best_for"]),
            ]
        )
    rows.sort(key=lambda r: (r[3] == "—", r[2] == "—"))
    return Table(
        "Frameworks and how alive they are",
        "workloads today and in this step's plan; hours to run one a month",
        ["Framework", "Lifecycle", "Today", "Plan", "To run", "Best for"],
        rows,
        numeric=(2, 3),
    )


def _assumptions(view: View, moves: list[Move]) -> list[Assumption]:
    out = []
    for move in moves[:2]:
        workload = view.portfolio.workload(move.workload)
        if workload.kind != "llm":
            continue
        known = workload.prefix_share is not None
        typical = view.catalog.lookup("techniques", "prefix_caching")["hit_ratio"]
        used = "prefix_caching" in move.after.choice["techniques"]
        hint = (
            "Prompt tokens found again are not computed again."
            if used
            else "Not used: the proposed choice has no prefix caching."
        )
        if not known:
            hint += " Not stated: the catalog's typical value is used."
        out.append(
            Assumption(
                f"workload.{workload.name}.prefix_share",
                f"Shared prompt tokens, {workload.name}",
                "share of input",
                workload.prefix_share,
                hint,
                0.0,
                1.0,
                float(typical or 0.0),
            )
        )
    hours = sum(m.hours for m in moves)
    rate = view.portfolio.organisation.engineer_usd_year
    year = view.setting.usd_per_hour * view.catalog.assumption("engineer_hours_year")
    out.append(
        Assumption(
            "organisation.engineer_usd_year",
            "Loaded cost of an engineer",
            "USD a year",
            rate,
            f"{count(hours)} hours proposed here cost {money(hours * view.setting.usd_per_hour)}.",
            1.0,
            5e6,
            year,
        )
    )
    return out


def _headline(view: View, actions: list[Action]) -> str:
    if not any(c.choice["framework"] for c in view.baseline.chosen):
        return "Nothing here is served by a framework of yours: it is billed by the token."
    if not actions:
        return "No other framework or technique would be cheaper here."
    n, total = len(actions), len(view.portfolio.workloads)
    verb = "is" if n == 1 else "are"
    return (
        f"{of_all(n, total, 'workload')} {verb} served more cheaply by another framework or with "
        f"other techniques: {money_phrase(view, 'serve', actions)}."
    )


STEP = Serve()
