"""Total cost of ownership and the order of work, for people."""

from __future__ import annotations

import numpy as np

from advisor.catalog.records import records
from advisor.format import count, money, months, percent
from advisor.optimize.ownership import YEAR_MONTHS, table, term_months
from advisor.optimize.plan import Plan
from advisor.optimize.roadmap import Roadmap

from .base import Chart, Table
from .wording import listing

PARTS = {
    "Machines and models": ("compute", "training"),
    "Engineering": ("operations", "watching", "oncall"),
    "One-off work": ("one_off",),
    "Data and tools": ("data", "tooling"),
    "Other": ("unexplained", "team", "opportunity"),
}


def ownership_chart(plan: Plan) -> Chart:
    """A year's total cost, today's deployment above the plan."""
    found = table(plan, YEAR_MONTHS)
    rows = [
        {"who": label, "part": part, "usd": float(found.loc[list(names), column].sum()), "order": i}
        for label, column in (("Today", "today"), ("Plan", "plan"))
        for i, (part, names) in enumerate(PARTS.items())
    ]
    today, after = float(found["today"].sum()), float(found["plan"].sum())
    return Chart(
        "ownership",
        "Total cost of ownership, 12 months",
        f"{money(today)} as deployed, {money(after)} as planned",
        rows,
        f"Over 12 months today's deployment costs {money(today)} in all and the plan "
        f"{money(after)}, {percent(1 - after / today)} less.",
    )


def ownership_table(plan: Plan) -> Table:
    """By category, over a year and over the term."""
    term = max(term_months(plan), YEAR_MONTHS)
    year, whole = table(plan, YEAR_MONTHS), table(plan, term)
    rows = [
        [
            f"{r['label']}{' (not stated)' if r['unknown'] else ''}",
            money(r["today"]),
            money(r["plan"]),
            money(w["today"]),
            money(w["plan"]),
        ]
        for r, w in zip(records(year), records(whole), strict=True)
        if r["today"] or r["plan"] or r["unknown"]
    ]
    sums = [float(f[c].sum()) for f in (year, whole) for c in ("today", "plan")]
    rows.append(["In all", *(money(v) for v in sums)])
    return Table(
        "What it costs in all",
        "on call, opportunity and watching come on top of what the optimizer weighs",
        ["USD", "Today, 12 months", "Plan, 12 months", f"Today, {term} months",
         f"Plan, {term} months"],
        rows,
        numeric=(1, 2, 3, 4),
    )  # fmt: skip


def run_rate_chart(found: Roadmap) -> Chart:
    """What bills read as the work lands."""
    landed: dict[float, list[str]] = {}
    for r in found.actions.to_dict("records"):
        landed.setdefault(float(r["lands_in_month"]), []).append(str(r["workload"]))
    rows = [
        {
            "month": int(month),
            "usd": float(r["run_rate_usd"]),
            "text": money(r["run_rate_usd"]),
            "note": listing(landed.get(float(month), ["nothing"]), 4),
        }
        for month, r in zip(found.months.index, found.months.to_dict("records"), strict=True)
    ]
    paid = found.break_even_month
    since = (
        f"The work has paid for itself by month {paid}."
        if paid
        else ("The work does not pay for itself within the months shown.")
    )
    return Chart(
        "run_rate",
        "What the bills read while the work lands",
        f"at {count(found.capacity_hours_month)} engineering hours a month",
        rows,
        f"From {rows[0]['text']} today to {rows[-1]['text']} a month. {since}",
    )  # fmt: skip


def order_table(found: Roadmap) -> Table:
    """Moves by what an engineering hour returns."""
    rows = [
        [
            str(r["workload"]),
            listing([str(x).lower() for x in r["levers"]], 4),
            count(r["hours"]),
            money(r["one_off_usd"]),
            money(r["saving_usd_month"]),
            months(r["payback_months"]),
            "—" if np.isinf(r["roi"]) else f"{r['roi']:,.0f}×",
            _month(r["lands_in_month"]),
        ]
        for r in found.actions.to_dict("records")
    ]
    return Table(
        "Order of work",
        "best return on engineering time first; saving: what undoing that move alone would cost",
        ["Workload", "Work on", "Hours", "One-off", "Saves /mo", "Payback", "ROI", "Lands in"],
        rows,
        numeric=(2, 3, 4, 5, 6),
    )


def commitments_table(found: Roadmap) -> Table | None:
    """What to commit to, and not before when."""
    if found.commitments.empty:
        return None
    rows = [
        [
            f"{c['machines']:.0f} × {c['pool'][3]}, {c['pool'][2]} ({c['pool'][1]})",
            str(c["term"]).replace("commit_", "").replace("y", " year"),
            _month(c["from_month"]),
            str(c["waits_for"]),
        ]
        for c in found.commitments.to_dict("records")
    ]
    return Table(
        "Commit last",
        "not before everything that will run on it has landed",
        ["Machines", "Term", "From", "Waits for"],
        rows,
    )


def _month(month: float) -> str:
    return f"month {month:.0f}" if np.isfinite(month) else "no hours for it"
