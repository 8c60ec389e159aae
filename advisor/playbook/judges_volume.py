"""The guide on caching, distillation, payback and sourcing, judged at the portfolio's volumes."""

from __future__ import annotations

import numpy as np

from advisor.economics.labour import payback_months
from advisor.format import count, money, months, percent
from advisor.optimize import sources

from .base import View
from .claims import Judged, judge
from .crossing import crossing
from .distill import size_ratio, studies_of
from .hits import Trial, trials
from .wording import number, of_all

GUIDE_HIT = 0.3
"""Lower end of the hit ratios that the guide calls typical."""
CLOSE = 0.8
"""A cost ratio of this share of the size ratio counts as following it."""
QUICK_MONTHS = 3.0
"""The slow end of the payback the guide calls typical."""
CROSSOVER_USD = (20_000.0, 50_000.0)


@judge("cache-30-60")
def _hit_ratios(view: View) -> Judged:
    best: dict[str, Trial] = {}
    for trial in [t for t in trials(view.plans["cache"]) if not t.blocked]:
        name = trial.workload.name
        if name not in best or trial.hit > best[name].hit:
            best[name] = trial
    if not best:
        return None
    ranked = sorted(best.values(), key=lambda t: -t.hit)
    reach = [t for t in ranked if t.hit >= GUIDE_HIT]
    stated = sum(t.stated for t in ranked)
    text = (
        f"{of_all(len(reach), len(ranked), 'workload')} "
        f"reach{'es' if len(reach) == 1 else ''} {percent(GUIDE_HIT)}; hit ratios run from "
        f"{percent(ranked[-1].hit)} to {percent(ranked[0].hit)} ({ranked[0].workload.name}), "
        f"{stated} of them stated, the rest from the catalog."
    )
    if len(reach) == len(ranked):
        return "holds", text
    return ("holds_if" if reach else "does_not_hold"), text


@judge("distill-70x")
def _seventy(view: View) -> Judged:
    found = [s for s in studies_of(view) if s.after is not None]
    ranked = [
        (ratio, s)
        for s in found
        if s.after is not None and (ratio := size_ratio(view, s.before, s.after)) and ratio > 1.0
    ]
    if not ranked:
        return None
    ratio, s = max(ranked, key=lambda pair: pair[0])
    horizon = view.setting.horizon_months
    after = s.before_usd - s.run_saving(horizon)
    cheaper = s.before_usd / after if after > 0 else float("inf")
    text = (
        f"{s.model} is {ratio:.2g}× smaller than {s.before.choice['model']} and {cheaper:.2g}× "
        f"cheaper to run for {s.workload.name} ({money(s.before_usd)} to {money(after)} a month, "
        "each on the machines that suit it): the smallest fleet costs what it costs."
    )
    return ("holds" if cheaper >= CLOSE * ratio else "does_not_hold"), text


@judge("payback-1-3")
def _payback(view: View) -> Judged:
    horizon, plan = view.setting.horizon_months, view.final
    paid = []
    for candidate in plan.chosen:
        usd = plan.workload_usd_month[candidate.workload]
        saved = view.baseline.workload_usd_month[candidate.workload] - usd
        if candidate.one_off_usd > 0:
            run = saved + candidate.one_off_usd / horizon
            paid.append((payback_months(candidate.one_off_usd, run), candidate.workload))
    if not paid:
        return None
    slowest, name = max(paid)
    quick = [p for p, _ in paid if p <= QUICK_MONTHS]
    text = (
        f"{of_all(len(quick), len(paid), 'changed workload')} "
        f"pay{'s' if len(quick) == 1 else ''} back within {number(int(QUICK_MONTHS))} months; "
    )
    text += f"the slowest, {name}, {_takes(slowest)}."
    share = len(quick) / len(paid)
    return ("holds" if share > 0.5 else "holds_if" if quick else "does_not_hold"), text


def _takes(slowest: float) -> str:
    return "never does by itself" if np.isinf(slowest) else f"takes {months(slowest)}"


@judge("crossover-20-50k")
def _crossover(view: View) -> Judged:
    found = crossing(view.plans["source"])
    if found is None:
        return None
    name = found.workload.name
    if found.factor is None or found.api_usd_month is None:
        return "does_not_hold", (
            f"{name} stays cheaper with a hosted API up to a hundred times today's volume."
        )
    low, high = CROSSOVER_USD
    text = (
        f"{name} by itself crosses at {money(found.api_usd_month)} a month of API spend "
        f"({count(found.factor * found.per_day)} predictions a day), with the people to run it."
    )
    return ("holds" if low <= found.api_usd_month <= high else "does_not_hold"), text


@judge("managed-most-expensive")
def _dearest(view: View) -> Judged:
    plan = view.plans["source"]
    worst, known, gaps = 0, 0, []
    for workload in plan.portfolio.workloads:
        costs = {k: usd for k, (usd, _) in sources.best(plan, workload, platforms=True).items()}
        if "managed_api" not in costs or len(costs) < 2:
            continue
        known += 1
        worst += costs["managed_api"] >= max(costs.values())
        other = min(usd for way, usd in costs.items() if way != "managed_api")
        gaps.append((costs["managed_api"] / other, workload.name))
    if not known:
        return None
    ratio, name = min(gaps)
    text = (
        f"{of_all(worst, known, 'workload') if worst else 'None'} with a hosted price "
        f"{'has' if worst == 1 else 'have'} it as the dearest way, people included; for {name} the "
        f"API costs {percent(ratio)} of the cheapest other way."
    )
    return ("holds" if worst == known else "holds_if" if worst else "does_not_hold"), text
