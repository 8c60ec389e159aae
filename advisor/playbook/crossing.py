"""Where running a language model oneself pays, over volume and what people cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from advisor.economics.surface import Surface
from advisor.optimize import sources
from advisor.optimize.plan import Plan
from advisor.portfolio import Workload

from .students import per_day

FACTORS = tuple(float(f) for f in np.geomspace(1e-2, 1e2, 25))
"""Multiples of today's volume that are looked at."""
LABOUR = tuple(float(f) for f in np.geomspace(0.25, 4.0, 9))
"""Multiples of today's loaded cost of an engineer."""
HERE = (len(FACTORS) // 2, len(LABOUR) // 2)
"""Position of today's volume and cost of people."""


@dataclass(frozen=True)
class BreakEven:
    """Where running the top language model oneself begins to pay."""

    workload: Workload
    per_day: float
    surface: Surface
    """USD a month by sourcing at each of `FACTORS` and `LABOUR`, the people to run it included."""
    factor: float | None
    api_usd_month: float | None
    """What the hosted API would bill at that volume."""
    bill_usd_month: float
    """What it bills at today's volume."""

    @cached_property
    def costs(self) -> list[dict[str, float]]:
        """USD a month by sourcing at each of `FACTORS` and today's cost of people."""
        usd = self.surface.usd[:, :, HERE[1]].T
        return [dict(zip(self.surface.ways, at, strict=True)) for at in usd.tolist()]

    @cached_property
    def factors(self) -> list[float]:
        """Multiple of today's volume from which self-hosting pays at each of `LABOUR`."""
        volumes = np.array(FACTORS)
        return [float(f) for f in self.surface.crossing(volumes, "self_hosted", "managed_api")]


@lru_cache(maxsize=1)
def crossing(plan: Plan) -> BreakEven | None:
    """Break-even of self-hosting for the dearest language model that has both options."""
    language = [w for w in plan.portfolio.workloads if w.kind == "llm"]
    language.sort(key=lambda w: -plan.workload_usd_month[w.name])
    for workload in language:
        ways = sources.best(plan, workload)
        if "managed_api" in ways and "self_hosted" in ways:
            rates = plan.setting.usd_per_hour * np.array(LABOUR)
            found = sources.costs(plan, workload, FACTORS).over(rates)
            bill = ways["managed_api"][0]
            out = BreakEven(workload, per_day(plan, workload), found, None, None, bill)
            factor = sources.break_even(plan, workload, FACTORS, out.costs)
            spent = None if factor is None else bill * factor
            return replace(out, factor=factor, api_usd_month=spent)
    return None
