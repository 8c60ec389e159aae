"""What each workload is expected to cost and how busy it should be: the figures behind step 8."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.optimize.choices import Array, Candidate
from advisor.optimize.considered import interval
from advisor.optimize.sweep import hit_of

from .base import View
from .describe import utilisation
from .wording import UNIT

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
    candidate: Candidate, rates: Array, use: float | None, *, deferred: bool
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
