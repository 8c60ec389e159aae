"""From which volume running a language model oneself pays: the figures behind build or buy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from advisor.optimize import sources
from advisor.optimize.plan import Plan
from advisor.portfolio import Workload

from .students import per_day

FACTORS = tuple(float(f) for f in np.geomspace(1e-2, 1e2, 13))
"""Multiples of today's volume that are looked at."""


@dataclass(frozen=True)
class BreakEven:
    """Where running the top language model oneself begins to pay."""

    workload: Workload
    per_day: float
    costs: list[dict[str, float]]
    """USD a month by sourcing at each of `FACTORS`, the people to run it included."""
    factor: float | None
    api_usd_month: float | None
    """What the hosted API would bill at that volume."""


@lru_cache(maxsize=1)
def crossing(plan: Plan) -> BreakEven | None:
    """Break-even of self-hosting for the dearest language model that has both options."""
    language = [w for w in plan.portfolio.workloads if w.kind == "llm"]
    language.sort(key=lambda w: -plan.workload_usd_month[w.name])
    for workload in language:
        ways = sources.best(plan, workload)
        if "managed_api" in ways and "self_hosted" in ways:
            costs = sources.sweep(plan, workload, FACTORS)
            factor = sources.break_even(plan, workload, FACTORS, costs)
            bill = None if factor is None else ways["managed_api"][0] * factor
            return BreakEven(workload, per_day(plan, workload), costs, factor, bill)
    return None
