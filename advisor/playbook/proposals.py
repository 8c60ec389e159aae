"""What the steps that propose moves have in common: headlines, formulas, the considered options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from advisor.catalog.records import records
from advisor.format import count, duration, money, percent
from advisor.optimize.choices import Candidate
from advisor.optimize.considered import interval
from advisor.optimize.marginal import Move
from advisor.optimize.plan import Plan
from advisor.portfolio import HOURS_PER_MONTH, Lever, Workload

from .base import Action, Assumption, Note, View
from .wording import hourly, sentence

SHOWN = 6
"""Most options of either kind, priced or rejected, in one chart."""


def by_saving(moves: Sequence[Move]) -> list[Move]:
    """Largest saving first."""
    return sorted(moves, key=lambda m: -m.saving_usd_month)


def previous(view: View, step: str) -> Plan:
    """The plan one step earlier."""
    keys = list(view.plans)
    return view.plans[keys[max(keys.index(step) - 1, 0)]]


def unlocked(view: View, step: str, name: str, lever: Lever) -> frozenset[Lever]:
    """Levers of a workload at a step, the step's own included even where it is rejected."""
    return frozenset(view.plans[step].levers[name] | {lever})


def money_phrase(view: View, step: str, actions: Sequence[Action]) -> str:
    """How a headline ends: what the step saves, or what it would."""
    saved = view.saving(step)
    if any(a.accepted for a in actions) and saved > 0:
        return f"{money(saved)} a month"
    offered = sum(a.saving_usd_month for a in actions)
    return f"up to {money(offered)} a month, none of it accepted yet"


def formula(candidate: Candidate) -> str:
    """A monthly cost as the product it is."""
    d = candidate.details
    if candidate.choice["sourcing"] == "managed_api":
        each = d["usd_per_request"]
        requests = candidate.run_rate_usd_month / each if each else 0.0
        return f"{count(requests)} requests × {money(each)}"
    n = f"{candidate.machines.mean():,.1f}".removesuffix(".0")
    rest = candidate.rest_usd_month
    hosts = f" + {money(rest)} to {candidate.choice['escalate_host']}" if rest else ""
    return f"{n} × {hourly(d['machine_usd_hour'])} × {HOURS_PER_MONTH:.0f} h{hosts}"


def price(candidate: Candidate) -> str:
    """Where a candidate's price was read."""
    d = candidate.details
    place = candidate.choice["region"] or candidate.choice["provider"]
    return f"Price: {place}, {d['price_standing']}, {d['price_as_of']}; {d['price_source']}."


def speed(candidate: Candidate, workload: Workload) -> str:
    """What one replica does, and how surely."""
    d = candidate.details
    shape = ""
    if workload.kind == "llm":
        shape = f" at {count(workload.isl_tokens)} tokens in, {count(workload.osl_tokens)} out"
    return (
        f"{count(d['rps'])} requests/s per replica{shape}; limited by {d['bound']}; "
        f"{d['speed_evidence']}, ±{percent(d['spread'])} (80%)."
    )


def saving_note(view: View, step: str, move: Move) -> Note:
    """Where the largest saving comes from."""
    plan = view.plans[step]
    workload = view.portfolio.workload(move.workload)
    lines = [
        (
            f"{formula(move.before)} − {formula(move.after)}",
            f"for {move.workload}; machines at the mean of the week, at list price.",
        )
    ]
    if move.one_off_usd:
        horizon = plan.setting.horizon_months
        lines.append(
            (
                f"− {money(move.one_off_usd / horizon)} a month",
                f"for {count(move.hours)} hours of work, spread over {horizon} months.",
            )
        )
    lines += [("", speed(move.after, workload)), ("", price(move.after))]
    return Note(f"Where {money(move.saving_usd_month)} comes from", lines)


def option_rows(
    table: pd.DataFrame,
    label: Callable[[dict[str, Any]], str],
    note: Callable[[Candidate], str],
) -> list[dict[str, Any]]:
    """Rows of a 'machines' or 'frameworks' chart from `advisor.optimize.considered.considered`."""
    priced = table[table["usd_month"].notna()]
    shown = pd.concat([priced.head(SHOWN), priced[priced["today"]]])
    shown = shown[~shown.index.duplicated()].sort_values("usd_month", kind="stable")
    rejected = table[table["usd_month"].isna()].drop_duplicates("reason").head(SHOWN)
    rows: list[dict[str, Any]] = []
    for row in records(pd.concat([shown, rejected])):
        candidate = row["candidate"]
        blocked = not isinstance(candidate, Candidate)
        best = not rows and not blocked
        usd = None if blocked else float(row["usd_month"])
        ends = None if blocked or row["today"] else interval(candidate, float(row["usd_month"]))
        text = money(usd) + (" · today" if row["today"] else "")
        rows.append(
            {
                "label": label(row),
                "value": usd,
                "text": "" if blocked else text,
                "state": "best"
                if best
                else "blocked"
                if blocked
                else "today"
                if row["today"]
                else "other",
                "note": row["reason"] if blocked else note(candidate),
                "low": ends[0] if ends else None,
                "high": ends[1] if ends else None,
                "order": len(rows),
            }
        )
    return rows


def why_not(table: pd.DataFrame, label: Callable[[dict[str, Any]], str]) -> list[tuple[str, str]]:
    """The next dearer options in dollars, then the nearest rejected ones with their reason."""
    priced = records(table[table["usd_month"].notna()])
    lines = [
        (label(row), f"+{money(row['usd_month'] - priced[0]['usd_month'])} a month.")
        for row in priced[1:3]
    ]
    rejected = table[table["usd_month"].isna()].drop_duplicates("reason").head(3)
    lines += [(label(row), sentence(row["reason"]) + ".") for row in records(rejected)]
    return lines


def target_of(workload: Workload) -> tuple[str, str, float] | None:
    """The tightest latency target that is set: field, label, seconds."""
    slo = workload.slo
    if workload.deferrable_hours is not None:
        return None
    for field, label, value in (
        ("tpot_s", "Time per output token", slo.tpot_s),
        ("latency_s", "Latency target", slo.latency_s),
        ("ttft_s", "Time to first token", slo.ttft_s),
    ):
        if value is not None:
            return field, f"{label}, {workload.name} (P{slo.percentile:g})", value
    return None


def target_assumption(workload: Workload, variants: pd.DataFrame) -> list[Assumption]:
    """The latency target, and what another value would admit."""
    target = target_of(workload)
    if target is None:
        return []
    field, label, value = target
    column = "token_s" if field == "tpot_s" else "first_s"
    hint = "Every machine that fits meets it."
    late = variants[variants["reason"].astype(str).str.startswith("misses latency")]
    late = late[late[column] > value]
    if len(late):
        nearest = late.sort_values(column).iloc[0]
        hint = f"From {duration(float(nearest[column]))} on, {nearest['accelerator']} meets it too."
    path = f"workload.{workload.name}.slo.{field}"
    return [Assumption(path, label, "s", value, hint, 1e-4, 604_800.0)]
