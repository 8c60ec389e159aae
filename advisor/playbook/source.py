"""Build or buy: hosted API, managed inference, self-hosted or owned, for each workload."""

from __future__ import annotations

import numpy as np

from advisor.format import count, money
from advisor.optimize import sources
from advisor.optimize.choices import Candidate
from advisor.optimize.considered import today_of
from advisor.optimize.marginal import Move
from advisor.optimize.plan import Plan
from advisor.portfolio import Lever, Workload

from .base import Action, Assumption, Chart, Note, Report, Risk, Table, View
from .claims import claims_for
from .crossing import FACTORS, BreakEven, crossing
from .describe import machine, machine_sub, to_action
from .filters import closed_ways, distances
from .proposals import by_saving, money_phrase
from .regions import labour_table, region_chart
from .wording import label, of_all, sentence, short

SERIES = {
    "managed_api": "hosted API",
    "self_hosted": "self-hosted",
    "managed_inference": "managed inference",
    "owned": "owned",
}


class Source:
    """Who runs the model, on whose machines."""

    key = "source"
    title = "Build or buy"
    mark = "⇄"
    lever: Lever | None = "SOURCING"

    def report(self, view: View) -> Report:
        """What each way of sourcing would cost, and from which volume the next one pays."""
        actions = [self._action(view, m) for m in by_saving(view.moves(self.key, "SOURCING"))]
        found = crossing(view.plans[self.key])
        return Report(
            headline=_headline(view, actions, found),
            sub=(
                "Each way at its best, with every other move you accepted. Running a platform "
                "takes people: their hours are counted once, for all workloads that share it."
            ),
            actions=actions,
            charts=_charts(view, found),
            tables=_tables(view, found),
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view, found),
            notes=[_labour(view), *distances(view)],
        )

    def _action(self, view: View, move: Move) -> Action:
        return to_action(
            view,
            "SOURCING",
            move,
            today=_cell(view, move.before),
            proposed=_cell(view, move.after),
            risk=_risk(view, move),
            step=self.key,
        )


def _cell(view: View, candidate: Candidate) -> tuple[str, str]:
    sourcing = short(view.catalog, "sourcing", str(candidate.choice["sourcing"]))
    if candidate.choice["sourcing"] == "managed_api":
        return sourcing, machine(candidate)
    return sourcing, f"{machine(candidate)} · {machine_sub(candidate)}"


def _risk(view: View, move: Move) -> tuple[Risk, str]:
    """Who holds the data, and how hard the way back is."""
    workload = view.portfolio.workload(move.workload)
    after = move.after.choice
    if after["sourcing"] == "owned":
        lead = view.catalog.assumption("owned_lead_months")
        return "high", f"Paid up front, about {count(lead)} months from order to service."
    if after["sourcing"] == "managed_api":
        return _risk_hosted(workload, move)
    if after["sourcing"] == "managed_inference":
        return "low", "The same model on the same kind of machine; some lock-in."
    return "medium", "Your team runs it: on-call, upgrades and capacity become its work."


def _risk_hosted(workload: Workload, move: Move) -> tuple[Risk, str]:
    if workload.residency:
        where = ", ".join(workload.residency)
        return "high", f"Requests leave for a host: check that they stay in {where}."
    if move.after.details["api_tier"] == "batch":
        return "medium", "Answers come within a day, not sooner: check what waits for them."
    if move.before.choice["sourcing"] == "managed_api":
        model = move.after.choice["model"]
        return "medium", f"Another host or model ({model}): compare answers first."
    return "medium", "Requests leave for a host, whose prices, limits and versions change."


def _headline(view: View, actions: list[Action], found: BreakEven | None) -> str:
    total = len(view.portfolio.workloads)
    start = "Every workload is already sourced the cheapest way that is known here"
    if actions:
        n = len(actions)
        verb = "is" if n == 1 else "are"
        start = (
            f"{of_all(n, total, 'workload')} {verb} cheaper sourced another way: "
            f"{money_phrase(view, 'source', actions)}"
        )
    if found is None or found.factor is None:
        return f"{start}."
    if found.factor <= 1.0:
        return f"{start}. At its volume, running {found.workload.name} yourself beats a hosted API."
    return (
        f"{start}. Running {found.workload.name} yourself would pay from about "
        f"{count(found.factor * found.per_day)} predictions a day."
    )


def _charts(view: View, found: BreakEven | None) -> list[Chart]:
    return [] if found is None else [_chart(found), region_chart(view, found, SERIES)]


def _tables(view: View, found: BreakEven | None) -> list[Table]:
    computed = [] if found is None else [labour_table(view, found)]
    return [_costs(view), *computed, *closed_ways(view), _ways(view)]


def _chart(found: BreakEven) -> Chart:
    rows = [
        {
            "volume": found.per_day * factor,
            "usd": costs[way],
            "series": name,
            "here": bool(np.isclose(factor, 1.0)),
        }
        for factor, costs in zip(FACTORS, found.costs, strict=True)
        for way, name in SERIES.items()
        if way in costs
    ]
    said = "Self-hosting stays dearer than a hosted API over the whole range"
    if found.factor is not None and found.factor > FACTORS[0]:
        said = (
            f"Self-hosting pays from about {count(found.factor * found.per_day)} a day, where the "
            f"API bill would be {money(found.api_usd_month)} a month"
        )
    elif found.factor is not None:
        said = "Self-hosting is cheaper than a hosted API over the whole range"
    return Chart(
        "break_even",
        f"{found.workload.name}: from which volume which way pays",
        "alone, the people to run it included",
        rows,
        f"{said}; today {count(found.per_day)} a day.",
    )


def _costs(view: View) -> Table:
    plan = view.plans["source"]
    rows = []
    for workload in plan.portfolio.workloads:
        ways = sources.best(plan, workload)
        chosen = plan.candidate(workload.name).choice["sourcing"]
        now = today_of(plan, workload.name).choice["sourcing"]
        row = [workload.name]
        for way in SERIES:
            if way not in ways:
                row.append(sentence(sources.why_not(plan, workload, way)))
                continue
            marks = [m for m, s in (("plan", chosen), ("today", now)) if s == way]
            row.append(" · ".join([money(ways[way][0]), *marks]))
        rows.append(row)
    return Table(
        "What each way would cost a month",
        "each at its best, alone; without the people of a platform, which are shared",
        ["Workload", *(sentence(name) for name in SERIES.values())],
        rows,
    )


def _ways(view: View) -> Table:
    rows = []
    for row in view.catalog["sourcing"].to_dict("records"):
        hours = float(row["operate_hours_month"])
        rows.append(
            [
                str(row["label"]),
                f"{count(hours)} h, {money(hours * view.setting.usd_per_hour)}",
                f"{count(float(row['adopt_hours']))} h",
                str(row["best_for"]),
                str(row["trade_off"]),
            ]
        )
    return Table(
        "What does not show in the price",
        "people: a month to have it at all; to adopt: once per workload",
        ["Way", "People", "To adopt", "Best for", "Trade-off"],
        rows,
    )


def _assumptions(view: View, found: BreakEven | None) -> list[Assumption]:
    out = []
    if found is not None and found.workload.demand.mean_rps is not None:
        hint = "A hosted API is cheaper up to a hundred times that."
        if found.factor is not None:
            hint = (
                "Running it yourself pays from about "
                f"{count(found.factor * found.per_day / 86_400.0)} a second."
            )
        name = found.workload.name
        out.append(
            Assumption(f"workload.{name}.demand.mean_rps", f"Mean requests, {name}", "per second",
                       found.workload.demand.mean_rps, hint, 1e-9, 1e7)
        )  # fmt: skip
    if found is not None:
        share = found.workload.prefix_share
        name = found.workload.name
        out.append(
            Assumption(f"workload.{name}.prefix_share", f"Shared input tokens, {name}", "share",
                       share, "Hosts bill cached input at less; your own fleet reads it once.",
                       0.0, 1.0,
                       float(view.catalog.lookup("techniques", "prefix_caching")["hit_ratio"] or 0))
        )  # fmt: skip
    hours = float(view.catalog.lookup("sourcing", "self_hosted")["operate_hours_month"])
    year = view.setting.usd_per_hour * view.catalog.assumption("engineer_hours_year")
    usd = hours * view.setting.usd_per_hour
    hint = f"Self-hosting takes {count(hours)} hours, {money(usd)} a month."
    out.append(
        Assumption("organisation.engineer_usd_year", "Loaded cost of an engineer", "USD a year",
                   view.portfolio.organisation.engineer_usd_year, hint, 1.0, 5e6, year)
    )  # fmt: skip
    return out


def _labour(view: View) -> Note:
    """What the plan pays for running things at all."""
    plan: Plan = view.plans["source"]
    names = sorted({p for c in plan.chosen for p in c.platforms})
    lines = []
    for name in names:
        kind, what = name.split(":", 1)
        text = label(view.catalog, "sourcing" if kind == "sourcing" else "frameworks", what)
        lines.append((money(plan.objective.platform_usd_month(name)), f"a month for {text}."))
    return Note("People to run it, in this plan", lines or [("", "None.")])


STEP = Source()
