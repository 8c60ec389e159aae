"""Step 8, monitor: what to watch, from which level on to act, and what erodes the savings."""

from __future__ import annotations

from typing import Any

from advisor.format import UNKNOWN, count, money, percent
from advisor.optimize.sweep import hit_of
from advisor.portfolio import Lever

from .base import Assumption, Chart, Note, Report, Table, View
from .claims import claims_for
from .pools import Pool, pools
from .watching import ALERT, Watch, watches
from .wording import listing, sentence, things


class Monitor:
    """Nothing is saved here: what was saved is kept."""

    key = "monitor"
    title = "Monitor"
    mark = "8"
    lever: Lever | None = None

    def report(self, view: View) -> Report:
        """Expected unit costs with their alerts, and the figures that announce a change."""
        watched = watches(view)
        found = [p for p in pools(view.final) if p.committed]
        saved = view.baseline.usd_month - view.final.usd_month
        guard = "There is no saving to guard yet"
        if saved > 0:
            verb = "It guards" if len(watched) == 1 else "They guard"
            guard = f"{verb} {money(saved)} a month of savings"
        return Report(
            headline=f"{sentence(things(len(watched), 'unit cost'))} to watch. {guard}.",
            sub=(
                "Cost per prediction is the one figure that shows every regression: of traffic, of "
                "model, of price or of fleet. The others say which it was."
            ),
            charts=_chart(watched),
            tables=[_table(watched), *_commitments(found)],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view),
            notes=[_erosion(view), _rule()],
        )


def _chart(watched: list[Watch]) -> list[Chart]:
    rows: list[dict[str, Any]] = [
        {
            "workload": w.workload,
            "usd": w.usd / w.today_usd,
            "alert_usd": w.alert_usd / w.today_usd,
            "today_usd": 1.0,
        }
        for w in watched
        if w.today_usd > 0
    ]
    if not rows:
        return []
    least = min(rows, key=lambda r: r["usd"])
    return [
        Chart(
            "watch",
            "Expected cost per prediction and its alert",
            "of today's; the alert stands above the plan, not above today",
            rows,
            f"Planned unit costs of {things(len(rows), 'workload')} against today's; the lowest is "
            f"{least['workload']} at {percent(least['usd'])}.",
        )
    ]


def _table(watched: list[Watch]) -> Table:
    rows = [
        [
            w.workload,
            f"{money(w.usd)} per {w.unit}",
            f"{money(w.alert_usd)} (+{percent(w.slack)})",
            _band(w),
            f"under {percent(w.hit / (1.0 + w.slack))} (plan {percent(w.hit)})" if w.hit else "—",
            f"{100.0 * w.quality:.1f}% expected",
        ]
        for w in watched
    ]
    return Table(
        "What to watch",
        "utilisation: below it machines wait, above it the latency target is at risk",
        ["Workload", "Expected", "Alert above", "Utilisation", "Cache hits", "Quality"],
        rows,
        numeric=(1, 2, 3),
    )


def _band(w: Watch) -> str:
    if w.use is None or w.busiest_use is None:
        return "—"
    low = w.use / (1.0 + w.slack)
    high = max(w.busiest_use, w.use)
    return f"{percent(low)} – {percent(high)} (plan {percent(w.use)})"


def _commitments(found: list[Pool]) -> list[Table]:
    if not found:
        return []
    rows = [
        [
            f"{p.instance}, {p.place}",
            f"{p.committed:.0f}",
            percent(p.commitment_use),
            percent(p.break_even_use) if p.break_even_use is not None else UNKNOWN,
            money(p.committed_saving_usd_month),
        ]
        for p in found
    ]
    return [
        Table(
            "Commitments",
            "below the alert a committed machine costs more than on-demand hours would",
            ["Pool", "Committed", "Expected use", "Alert below", "Saves a month"],
            rows,
            numeric=(1, 2, 3, 4),
        )
    ]


def _assumptions(view: View) -> list[Assumption]:
    org = view.portfolio.organisation
    hours = view.catalog.assumption("monitor_hours_month")
    usd = hours * view.setting.usd_per_hour
    year = view.setting.usd_per_hour * view.catalog.assumption("engineer_hours_year")
    return [
        Assumption("organisation.engineer_usd_year", "Loaded cost of an engineer", "USD a year",
                   org.engineer_usd_year,
                   f"Watching takes {count(hours)} hours a month: {money(usd)}, not in the plan.",
                   1.0, 5e6, year),
        Assumption("organisation.platform_usd_month", "MLOps tooling", "USD a month",
                   org.platform_usd_month, "Monitoring is part of it; the same in every step.",
                   0.0, 1e10, 0.0),
    ]  # fmt: skip


def _erosion(view: View) -> Note:
    """What the savings rest on, in dollars, and how old the prices are."""
    found = pools(view.final)
    lines: list[tuple[str, str]] = []
    spot = sum(p.spot_saving_usd_month for p in found)
    if spot:
        drift = view.catalog.lookup("purchase_options", "spot")
        lines.append(
            (
                f"{money(spot)} a month rests on spot prices,",
                f"which drift by {percent(drift['sigma_per_90_days'])} in 90 days.",
            )
        )
    tied = sum(p.committed_saving_usd_month for p in found)
    if tied:
        lines.append(
            (
                f"{money(tied)} a month rests on commitments",
                "being used: a move to other machines strands them.",
            )
        )
    cached = [c.workload for c in view.final.chosen if hit_of(c)]
    if cached:
        lines.append((listing(cached), f"rel{'ies' if len(cached) == 1 else 'y'} on cache hits."))
    hosted = [c for c in view.final.chosen if c.choice["sourcing"] == "managed_api"]
    if hosted:
        usd = sum(view.final.workload_usd_month[c.workload] for c in hosted)
        lines.append(
            (
                f"{money(usd)} a month is billed by the token:",
                "longer prompts and answers cost at once, with no fleet to absorb them.",
            )
        )
    growth = view.catalog.assumption("demand_growth_year")
    lines.append(
        (
            f"Demand may grow {percent(growth)} a year (catalog);",
            "the plan is for today's volume: solve again when it has moved.",
        )
    )
    dates = sorted(str(c.details["price_as_of"]) for c in view.final.chosen)
    if dates:
        lines.append(
            (
                f"The oldest price in the plan is of {dates[0]}.",
                "Prices age: refresh before signing.",
            )
        )
    return Note("What erodes savings", lines)  # fmt: skip


def _rule() -> Note:
    return Note(
        "Where the alerts stand",
        [
            (f"{percent(ALERT)} over plan,",
             "or the upper end of the prediction's 80% interval where that is wider, so that what "
             "is within the expected error raises no alarm."),
            ("Utilisation and hits", "are set where they would raise cost per prediction as much."),
        ],
    )  # fmt: skip


STEP = Monitor()
