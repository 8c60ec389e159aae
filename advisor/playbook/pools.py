"""Pools of machines as they are bought: the figures behind step 6 and what step 8 watches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.economics.purchase import Offer
from advisor.optimize.choices import Array
from advisor.optimize.objective import PoolBill
from advisor.optimize.plan import Plan
from advisor.portfolio import HOURS_PER_MONTH

GPU_KINDS = ("gpu", "neuron", "tpu")


@dataclass(frozen=True)
class Pool:
    """One pool's joint purchase, hour by hour."""

    bill: PoolBill

    @property
    def instance(self) -> str:
        """The machine."""
        return self.bill.pool[3]

    @property
    def place(self) -> str:
        """Where it stands: 'us-east-1 (aws)'."""
        _, cloud, region, *_ = self.bill.pool
        return cloud if region == "any" else f"{region} ({cloud})"

    @property
    def workloads(self) -> list[str]:
        """Who draws on it."""
        return [m.workload for m in self.bill.members]

    @property
    def offer(self) -> Offer:
        """Its prices."""
        return self.bill.offer

    @cached_property
    def need(self) -> Array:
        """Machines running for the workloads in each step, work that waits spread over its day."""
        total: Array = self.bill.use.sum(axis=0)
        return total

    @property
    def committed(self) -> float:
        """Machines under commitment."""
        return self.bill.mix.committed

    @property
    def spot(self) -> Array:
        """Spot machines in each step, shape (T,)."""
        return self._with_waiting(self.bill.spot, self.bill.mix.spot_hours)

    @property
    def on_demand(self) -> Array:
        """On-demand machines in each step, shape (T,)."""
        return self._with_waiting(self.bill.on_demand, self.bill.mix.on_demand_hours)

    def _with_waiting(self, machines: Array, mean: float) -> Array:
        """Machines for given hours, and evenly those bought for work that may run at any."""
        return machines + max(mean - float(machines.mean()), 0.0)

    @property
    def break_even_use(self) -> float | None:
        """Share of hours a committed machine must be needed to beat on-demand: b/a."""
        if self.offer.commit is None or not self.offer.on_demand:
            return None
        return min(self.offer.commit / self.offer.on_demand, 1.0)

    @property
    def quantile(self) -> float:
        """Share of hours in which the need is covered by the commitment."""
        return float((self.need <= self.committed).mean())

    @property
    def commitment_use(self) -> float:
        """Share of the committed hours that is needed; 0 without a commitment."""
        if not self.committed:
            return 0.0
        return float(np.minimum(self.need, self.committed).mean() / self.committed)

    def usd_month_at(self, committed: float) -> float | None:
        """What the pool would cost with another commitment; None where that cannot be bought."""
        usd = self.bill.usd_month_at(committed)
        return usd if np.isfinite(usd) else None

    @property
    def committed_saving_usd_month(self) -> float:
        """What the commitment saves against on-demand hours, USD a month."""
        if not self.committed or self.offer.on_demand is None or self.offer.commit is None:
            return 0.0
        used = self.committed * self.commitment_use * self.offer.on_demand
        return (used - self.committed * self.offer.commit) * HOURS_PER_MONTH

    @property
    def spot_saving_usd_month(self) -> float:
        """What spot saves against on-demand hours, USD a month."""
        if self.offer.spot is None or self.offer.on_demand is None:
            return 0.0
        return float(self.spot.mean()) * (self.offer.on_demand - self.offer.spot) * HOURS_PER_MONTH

    def mix_text(self) -> str:
        """'5 committed, 4 spot, 0.9 on demand'."""
        parts = [
            (self.committed, "committed"),
            (float(self.spot.mean()), "spot"),
            (float(self.on_demand.mean()), "on demand"),
        ]
        return ", ".join(f"{machines(n)} {how}" for n, how in parts if n > 0) or "nothing running"


def pools(plan: Plan) -> list[Pool]:
    """All pools of a plan, dearest first."""
    return sorted((Pool(b) for b in plan.pools), key=lambda p: -p.bill.usd_month)


def machines(n: float) -> str:
    """A mean number of machines: '5', '0.9', '0.04'."""
    if n == 0:
        return "0"
    return f"{n:.1f}".removesuffix(".0") if n >= 0.05 else f"{n:.2f}"


def discounts(plan: Plan, option: str) -> pd.DataFrame:
    """Listed discount of a purchase option against on-demand, for accelerators one may rent.

    Returns
    -------
    DataFrame
        ``discount`` (share off on-demand), ``as_of`` and ``standing`` of each offer with both
        prices; placeholders at or above on-demand are left out.
    """
    setting = plan.setting
    prices = _listed(setting.catalog)
    keys = ["cloud", "region", "instance"]
    mine = setting.allowed[setting.allowed["chip_kind"].isin(GPU_KINDS)][keys]
    base = prices[prices["purchase"] == "on_demand"][[*keys, "usd_per_hour"]]
    other = prices[prices["purchase"] == option][[*keys, "usd_per_hour", "as_of", "standing"]]
    both = mine.merge(base, on=keys).merge(other, on=keys, suffixes=("_base", ""))
    both["discount"] = 1.0 - both["usd_per_hour"] / both["usd_per_hour_base"]
    return both[both["discount"] > 0]


def _listed(catalog: Catalog) -> pd.DataFrame:
    prices = catalog.prices()
    return prices[prices["usd_per_hour"].notna()]
