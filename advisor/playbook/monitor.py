"""Step 8, monitor: what to watch, from which level on to act, and what erodes the savings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from advisor.format import UNKNOWN, count, money, percent
from advisor.optimize.choices import Candidate
from advisor.optimize.explain import interval
from advisor.optimize.sweep import hit_of
from advisor.portfolio import Lever

from .base import Assumption, Chart, Note, Report, Table, View
from .claims import claims_for
from .describe import utilisation
from .pools import Pool, pools
from .wording import UNIT, listing, sentence, things

ALERT = 0.2
"""A cost per prediction this far above plan is an alert, unless the prediction is less sure."""


@dataclass(frozen=True)
class Watch:
    """Expected figures of one workload and where an alert should stand."""

    workload: str
    unit: str
    today_usd: float
    usd: float
    alert_usd: float
    use: float | None
    busiest_use: float | None
    hit: float
    quality: float

    @property
    def slack(self) -> float:
        """Alert over plan, as a share."""
        return self.alert_usd / self.usd - 1.0 if self.usd else ALERT


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
            guard = f"They guard {money(saved)} a month of savings"
        return Report(
            headline=f"{sentence(things(len(watched), 'unit cost'))} to watch. {guard}.",
            sub=(
                "Cost per prediction is the one figure that shows every regression, be it of traffic, "
                "model, price or fleet. The others say which it was."
            ),
            charts=_chart(watched),
            tables=[_table(watched), *_commitments(found)],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view),
            notes=[_erosion(view), _rule()],
        )


def watches(view: View) -> list[Watch]:
    """One per workload, dearest in the plan first."""
    plan = view.final
    ranked = sorted(plan.chosen, key=lambda c: -plan.workload_usd_month[c.workload])
    return [_watch(view, c) for c in ranked]


def _watch(view: View, candidate: Candidate) -> Watch:
    name, plan = candidate.workload, view.final
    workload = view.portfolio.workload(name)
    usd = plan.workload_usd_month[name]
    n = candidate.predictions_per_month
    ends = interval(candidate, usd)
    slack = max(ALERT, ends[1] / usd - 1.0) if ends and usd > 0 else ALERT
    rates = view.setting.rates(workload) * (1.0 - hit_of(candidate))
    use = utilisation(candidate, float(rates.mean()))
    return Watch(
        workload=name,
        unit=UNIT[workload.unit],
        today_usd=view.baseline.workload_usd_month[name] / n,
        usd=usd / n,
        alert_usd=usd / n * (1.0 + slack),
        use=use,
        busiest_use=_busiest(candidate, rates, use, deferred=workload.deferrable_hours is not None),
        hit=hit_of(candidate),
        quality=float(candidate.details.get("quality") or 1.0),
    )


def _busiest(
    candidate: Candidate, rates: np.ndarray, use: float | None, *, deferred: bool
) -> float | None:
    """Utilisation in the hour that strains the fleet most."""
    if use is None or deferred:
        return use
    running = candidate.machines > 0
    mean_capacity = float(rates.mean()) / use if use else 0.0
    if not running.any() or mean_capacity <= 0:
        return None
    per_machine = mean_capacity / float(candidate.machines.mean())
    strain = rates[running] / (candidate.machines[running] * per_machine)
    return float(min(strain.max(), 1.0))


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
        lines.append((f"{money(spot)} a month rests on spot prices,",
                      f"which drift by {percent(drift['sigma_per_90_days'])} in 90 days."))
    tied = sum(p.committed_saving_usd_month for p in found)
    if tied:
        lines.append((f"{money(tied)} a month rests on commitments",
                      "being used: a move to other machines strands them."))
    cached = [c.workload for c in view.final.chosen if hit_of(c)]
    if cached:
        lines.append((listing(cached), f"rel{'ies' if len(cached) == 1 else 'y'} on cache hits."))
    hosted = [c for c in view.final.chosen if c.choice["sourcing"] == "managed_api"]
    if hosted:
        usd = sum(view.final.workload_usd_month[c.workload] for c in hosted)
        lines.append((f"{money(usd)} a month is billed by the token:",
                      "longer prompts and answers cost at once, with no fleet to absorb them."))
    growth = view.catalog.assumption("demand_growth_year")
    lines.append((f"Demand may grow {percent(growth)} a year (catalog);",
                  "the plan is for today's volume: solve again when it has moved."))
    dates = sorted(str(c.details["price_as_of"]) for c in view.final.chosen)
    if dates:
        lines.append((f"The oldest price in the plan is of {dates[0]}.",
                      "Prices age: refresh before signing."))
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
