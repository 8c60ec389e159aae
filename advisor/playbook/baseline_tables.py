"""Step 1's tables: anatomy, unit costs, bills, cost of ownership."""

from __future__ import annotations

from advisor.catalog.records import records
from advisor.format import count, money, percent

from . import baseline
from .base import Table, View
from .describe import share
from .wording import span, things


def anatomy(view: View) -> Table:
    """Today's spend in the guide's categories, beside its shares."""
    cost = baseline.spend(view)
    total = sum(cost.values())
    rows = []
    for row in records(baseline.guide_shares(view, "spend")):
        usd = cost.get(row["category"])
        rows.append(
            [
                str(row["label"]),
                money(usd),
                share(usd or 0.0, total),
                span(row["share_low"], row["share_high"]),
                percent(row["normalised"]),
                str(row["growth"] or "—"),
            ]
        )
    return Table(
        "Cost anatomy",
        "the guide's mid-points add to more than 100%, so they are also shown normalised",
        ["Category", "USD a month", "Share", "Guide", "Normalised", "Grows"],
        rows,
        numeric=(1, 2, 3, 4),
    )


def unit_table(view: View) -> Table:
    """Cost per prediction of each workload, with band and market."""
    rows = []
    for u in baseline.unit_costs(view):
        low, middle, high = u.market or (None, None, None)
        hosted = money(middle)
        if middle is not None and low != high:
            hosted += f" ({money(low)} – {money(high)})"
        rows.append(
            [
                u.workload,
                u.unit,
                money(u.usd),
                money(u.plan_usd),
                u.verdict() + (f" · {u.band['label']}" if u.band else ""),
                hosted,
            ]
        )
    return Table(
        "Cost per prediction",
        "market: median hosted price of the same model, with the range",
        ["Workload", "Per", "Today", "Plan", "Against the guide", "Market"],
        rows,
        numeric=(2, 3, 5),
    )


def bills(view: View) -> list[Table]:
    """Modelled against billed, where bills are known."""
    known = baseline.unexplained(view)
    if not known:
        return []
    rows = [
        [
            name,
            money(modelled),
            money(billed),
            money(billed - modelled),
            share(billed - modelled, billed),
        ]
        for name, (modelled, billed) in known.items()
    ]
    modelled, billed = (sum(v[i] for v in known.values()) for i in (0, 1))
    if len(known) > 1:
        rows.append(
            [
                "Together",
                money(modelled),
                money(billed),
                money(billed - modelled),
                share(billed - modelled, billed),
            ]
        )
    missing = len(view.portfolio.workloads) - len(known)
    hint = f"no bill for {things(missing, 'workload')}" if missing else "every bill is known"
    return [
        Table(
            "Reconciled to the bill",
            hint,
            ["Workload", "Modelled", "Billed", "Unexplained", "Of the bill"],
            rows,
            numeric=(1, 2, 3, 4),
        )
    ]


def tco(view: View) -> Table:
    """Total cost of ownership in the guide's parts."""
    cost = baseline.tco(view)
    total = sum(cost.values())
    fte = view.portfolio.organisation.team_fte
    rows = []
    for row in records(baseline.guide_shares(view, "tco")):
        usd = cost.get(row["category"])
        known = pair = "—"
        if usd is not None:
            known, pair = share(usd, total), span(row["share_low"], row["share_high"])
        rows.append([str(row["label"]), money(usd), known, pair])
    team = (
        f"labour: {count(fte)} engineers of the team"
        if fte is not None
        else "labour: the hours that running the platforms takes; state the team's size for more"
    )
    return Table(
        "Total cost of ownership",
        f"{money(total)} a month; {team}",
        ["Part", "USD a month", "Share", "Guide"],
        rows,
        numeric=(1, 2, 3),
    )
