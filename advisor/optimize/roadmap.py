r"""In which order to do the work, and what the bills read month by month while it lands.

Moving a workload saves :math:`s` a month for :math:`h` hours; moves are done in order of
:math:`s/h`, as fast as hours allow. While a workload is moved it runs twice for some days. What a
pool commits to is bought only once everything that will run on it has landed: until then its
machines are paid by the hour. Months between are priced with the objective on the mix of what has
landed and what has not, so the first is today and the last the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from advisor.economics.labour import payback_months

from .choices import Candidate
from .plan import Plan

DAYS_PER_MONTH = 730.0 / 24.0
MONTHS = 12


@dataclass(frozen=True, eq=False)
class Roadmap:
    """Order of work and run-rate.

    Attributes
    ----------
    actions : DataFrame
        One row per workload to move, in order: ``workload``, ``levers``, ``hours``,
        ``one_off_usd``, ``saving_usd_month`` (what undoing that move alone would cost),
        ``payback_months``, ``roi`` (of the horizon), ``usd_per_hour`` (saving a month per hour),
        ``lands_in_month``.
    commitments : DataFrame
        ``pool``, ``machines``, ``term``, ``from_month``, ``waits_for``.
    months : DataFrame
        Indexed by month, 0 today: ``run_rate_usd``, ``one_off_usd``, ``double_usd``,
        ``saved_usd`` (cumulative, one-off work and double running paid).
    capacity_hours_month : float
    """

    actions: pd.DataFrame
    commitments: pd.DataFrame
    months: pd.DataFrame
    capacity_hours_month: float

    @property
    def break_even_month(self) -> int | None:
        """The first month by whose end the work has paid for itself; None within what is shown."""
        after = self.months[self.months["saved_usd"] >= 0].index
        after = after[after > 0]
        return int(after[0]) if len(after) else None


def capacity(plan: Plan) -> float:
    """Engineering hours a month for the work.

    What is limited is spread over the horizon; else a share of those who run production ML.
    """
    org, catalog = plan.portfolio.organisation, plan.setting.catalog
    if org.engineering_hours is not None:
        return org.engineering_hours / plan.setting.horizon_months
    fte = org.team_fte or 1.0
    year = catalog.assumption("engineer_hours_year")
    return fte * year / 12.0 * catalog.assumption("roadmap_team_share")


def roadmap(plan: Plan, months: int = MONTHS) -> Roadmap:
    """Order of work and what bills read until it is done."""
    hours_month = capacity(plan)
    actions = _actions(plan)
    done = actions["hours"].cumsum()
    if hours_month > 0:
        actions["lands_in_month"] = np.maximum(np.ceil(done / hours_month - 1e-9), 1.0)
    else:
        actions["lands_in_month"] = np.where(done > 0, np.inf, 1.0)
    lands = dict(zip(actions["workload"], actions["lands_in_month"], strict=True))
    commitments = _commitments(plan, lands)
    return Roadmap(actions, commitments, _months(plan, lands, months), hours_month)


def _actions(plan: Plan) -> pd.DataFrame:
    rows = []
    total, horizon = plan.objective.total(plan.chosen), plan.setting.horizon_months
    for w, (chosen, before) in enumerate(zip(plan.chosen, plan.today, strict=True)):
        if chosen is before:
            continue
        undone = plan.objective.total([*plan.chosen[:w], before, *plan.chosen[w + 1 :]])
        once = chosen.one_off_usd
        saving = undone - total + once / horizon
        hours = chosen.total_hours
        rows.append(
            {
                "workload": chosen.workload,
                "levers": tuple(chosen.hours),
                "hours": hours,
                "one_off_usd": once,
                "saving_usd_month": saving,
                "payback_months": payback_months(once, saving),
                "roi": (saving * horizon - once) / once if once > 0 else np.inf,
                "usd_per_hour": saving / hours if hours > 0 else np.inf,
            }
        )
    columns = ["workload", "levers", "hours", "one_off_usd", "saving_usd_month",
               "payback_months", "roi", "usd_per_hour"]  # fmt: skip
    found = pd.DataFrame(rows, columns=columns)
    order = ["usd_per_hour", "saving_usd_month", "workload"]
    return found.sort_values(order, ascending=[False, False, True], ignore_index=True)


def _commitments(plan: Plan, lands: dict[str, float]) -> pd.DataFrame:
    """What is committed to, and the month from which: once all that use it have landed."""
    rows = []
    for bill in plan.pools:
        waits = {m.workload: lands.get(m.workload, 0.0) for m in bill.members}
        for term, machines in bill.terms.items():
            last = max(waits, key=lambda name: waits[name])
            rows.append((bill.pool, machines, term, max(waits.values()) + 1.0, last))
    return pd.DataFrame(rows, columns=["pool", "machines", "term", "from_month", "waits_for"])


def _months(plan: Plan, lands: dict[str, float], months: int) -> pd.DataFrame:
    days = plan.setting.catalog.assumption("double_running_days")
    once = {c.workload: c.one_off_usd for c in plan.chosen}
    training = sum(t.one_off_usd for t in plan.training)
    today = _run_rate(plan, lands, -1)
    rows, saved = [(0, today, 0.0, 0.0, 0.0)], 0.0
    for month in range(1, months + 1):
        # What lands in a month counts from the next one on.
        rate = _run_rate(plan, lands, month - 1)
        landing = [c for c in plan.chosen if lands.get(c.workload) == month]
        spent = sum(once[c.workload] for c in landing) + (training if month == 1 else 0.0)
        double = sum(_alone(plan, c) for c in landing) * min(days / DAYS_PER_MONTH, 1.0)
        saved += today - rate - spent - double
        rows.append((month, rate, spent, double, saved))
    columns = ["month", "run_rate_usd", "one_off_usd", "double_usd", "saved_usd"]
    return pd.DataFrame(rows, columns=columns).set_index("month")


def _run_rate(plan: Plan, lands: dict[str, float], month: int) -> float:
    """What the bills read in the month after `month`, USD; before any work for -1."""
    started = month >= 0
    mix = [
        after if lands.get(after.workload, np.inf) <= month else before
        for after, before in zip(plan.chosen, plan.today, strict=True)
    ]
    usd = sum(c.run_rate_usd_month + c.around_usd_month for c in mix)
    usd += plan.objective.platforms_usd_month(mix)
    usd += sum(plan.constants.values())
    usd += sum(t.usd_month if started else t.today_usd_month for t in plan.training)
    for bill in plan.objective.bills(mix):
        members = {c.workload for c in plan.chosen if c.pool == bill.pool}
        complete = all(lands.get(name, 0.0) < month for name in members)
        by_hour = bill.usd_month_at(0.0)
        usd += bill.usd_month if complete or not np.isfinite(by_hour) else by_hour
    return float(usd)


def _alone(plan: Plan, candidate: Candidate) -> float:
    """What a choice's machines cost a month by themselves; nothing where it is hosted."""
    if candidate.offer is None:
        return 0.0
    usd = plan.objective.pool_bill([candidate]).usd_month_at(0.0)
    return usd if np.isfinite(usd) else 0.0
