"""Step 1, measure: what production ML costs today, per prediction, and how much of it waits."""

from __future__ import annotations

from typing import Any

from advisor.format import money, percent
from advisor.portfolio import Lever

from . import baseline, baseline_tables
from .base import Assumption, Chart, Note, Report, View
from .claims import claims_for
from .describe import machine, share, volume
from .proposals import formula, price
from .wording import listing, of_all, sentence, things

UNEXPLAINED_WORTH_SAYING = 0.02


class Measure:
    """The baseline, taken apart and reconciled to the bill."""

    key = "measure"
    title = "Measure"
    mark = "1"
    lever: Lever | None = None

    def report(self, view: View) -> Report:
        """What today's deployment costs, where it goes and what it waits for."""
        uses = baseline.uses(view)
        return Report(
            headline=_headline(view, uses),
            sub=_sub(view),
            charts=[
                _parts_chart(view),
                *_unit_chart(view),
                *_utilisation_chart(uses),
            ],
            tables=[
                baseline_tables.anatomy(view),
                baseline_tables.unit_table(view),
                *baseline_tables.bills(view),
                baseline_tables.tco(view),
            ],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view),
            notes=[_source_note(view), _wait_note(uses), *_doubt_note(view)],
        )


def _headline(view: View, uses: list[baseline.Use]) -> str:
    total = view.baseline.usd_month
    n = len(view.portfolio.workloads)
    start = sentence(f"{things(n, 'workload')} cost{'s' if n == 1 else ''} {money(total)} a month")
    idle = sum(u.idle_usd for u in uses)
    if any(u.share is not None for u in uses):
        return f"{start}; {percent(idle / total)} of it is machines that wait."
    if not uses:
        return f"{start}, billed by the token: no machine of yours waits."
    return f"{start}; how busy the machines are cannot be said yet."


def _sub(view: View) -> str:
    billed = baseline.unexplained(view)
    extra = "Data, tooling, training and the work of running the platforms are included."
    if not billed:
        return f"{extra} No bill is known: the baseline is modelled from machines and prices."
    known = of_all(len(billed), len(view.portfolio.workloads), "workload")
    return (
        f"{extra} Bills are known for {known[0].lower()}{known[1:]}; "
        "what they hold beyond the model stays in every step and is never counted as a saving."
    )


def _parts_chart(view: View) -> Chart:
    rows = baseline.parts(view)
    top = max(rows, key=lambda r: r["usd"])
    total = view.baseline.usd_month
    return Chart(
        "cost_by_workload",
        "Where the money goes",
        f"{money(total)} a month, as deployed",
        rows,
        f"Monthly cost by workload. The largest part is {top['workload']} ({top['part']}) at "
        f"{money(top['usd'])}, {share(top['usd'], total)} of {money(total)}.",
    )


def _unit_chart(view: View) -> list[Chart]:
    rows: list[dict[str, Any]] = []
    for u in baseline.unit_costs(view):
        band = u.band or {}
        rows.append(
            {
                "workload": u.workload,
                "unit": u.unit,
                "usd": u.usd,
                "plan_usd": u.plan_usd,
                "opt_low": band.get("optimized_low_usd"),
                "opt_high": band.get("optimized_high_usd"),
                "unopt_low": band.get("unoptimized_low_usd"),
                "unopt_high": band.get("unoptimized_high_usd"),
                "market_usd": u.market[1] if u.market else None,
            }
        )
    dearest = max(rows, key=lambda r: r["usd"])
    return [
        Chart(
            "unit_cost",
            "Cost per prediction against the guide and the market",
            "log scale; bands are the guide's, optimized and unoptimized",
            rows,
            f"Unit costs of {things(len(rows), 'workload')}; the dearest is {dearest['workload']} "
            f"at {money(dearest['usd'])} per {dearest['unit']}.",
        )
    ]


def _utilisation_chart(uses: list[baseline.Use]) -> list[Chart]:
    known = [u for u in uses if u.share is not None]
    if not known:
        return []
    idle = sum(u.idle_usd for u in known)
    return [
        Chart(
            "utilisation",
            "Utilisation and what waits",
            "mean demand over what the machines could serve within their targets",
            [{"workload": u.workload, "share": u.share, "idle_usd": u.idle_usd} for u in known],
            f"{known[0].workload} leaves the most unused: {money(known[0].idle_usd)} of "
            f"{money(idle)} a month in all.",
        )
    ]


def _assumptions(view: View) -> list[Assumption]:
    org = view.portfolio.organisation
    year = view.setting.usd_per_hour * view.catalog.assumption("engineer_hours_year")
    cost = baseline.tco(view)
    team = f"{share(cost['labour'], sum(cost.values()))} of the cost of ownership"
    return [
        Assumption(
            "organisation.team_fte",
            "Engineers who run production ML",
            "FTE",
            org.team_fte,
            f"Labour is {team}.",
            0.0,
            10_000.0,
            None,
        ),
        Assumption(
            "organisation.engineer_usd_year",
            "Loaded cost of an engineer",
            "USD a year",
            org.engineer_usd_year,
            f"{money(view.setting.usd_per_hour)} an hour of work.",
            1.0,
            5e6,
            year,
        ),
        Assumption(
            "organisation.data_usd_month",
            "Data pipelines and storage",
            "USD a month",
            org.data_usd_month,
            "The same in every step.",
            0.0,
            1e10,
            0.0,
        ),
        Assumption(
            "organisation.platform_usd_month",
            "MLOps tooling",
            "USD a month",
            org.platform_usd_month,
            "The same in every step.",
            0.0,
            1e10,
            0.0,
        ),
    ]


def _source_note(view: View) -> Note:
    ranked = sorted(
        view.baseline.chosen, key=lambda c: -view.baseline.workload_usd_month[c.workload]
    )
    lines = []
    for candidate in ranked[:3]:
        usd = money(view.baseline.workload_usd_month[candidate.workload])
        made = volume(view.portfolio.workload(candidate.workload), candidate)
        lines.append(
            (
                f"{candidate.workload}: {usd}",
                f"= {formula(candidate)} ({machine(candidate)}) for {made}. {price(candidate)}",
            )
        )
    return Note("Where it comes from", lines)


def _wait_note(uses: list[baseline.Use]) -> Note:
    known = [u for u in uses if u.share is not None]
    if not known:
        return Note("What waits", [("", "No machine's utilisation is known.")])
    lines = [
        (f"{u.workload}: {money(u.idle_usd)}", f"{percent(u.share)} in use.") for u in known[:3]
    ]
    lines.append(
        (
            "",
            "Part of it is needed: peaks, spares and latency targets want headroom. "
            "The later steps count only what can go.",
        )
    )
    return Note("What waits", lines)


def _doubt_note(view: View) -> list[Note]:
    lines = [
        (c.workload, sentence(str(c.details["doubt"])) + ".")
        for c in view.baseline.chosen
        if c.details.get("doubt")
    ]
    gaps = baseline.unexplained(view)
    large = [n for n, (m, b) in gaps.items() if abs(b - m) > UNEXPLAINED_WORTH_SAYING * b]
    if large:
        lines.append(
            (
                listing(large),
                "The bill and the model differ by more than "
                f"{percent(UNEXPLAINED_WORTH_SAYING)}: look for untagged or shared items.",
            )
        )
    return [Note("Where model and reality differ", lines)] if lines else []


STEP = Measure()
