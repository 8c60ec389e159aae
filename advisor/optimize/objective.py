"""The monthly cost of a set of choices: pools bought jointly, platforms counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from advisor.economics.purchase import Offer, Prices, Purchase, Steps, at_levels, buy
from advisor.portfolio import HOURS_PER_MONTH

from .choices import Array, Candidate, Pool
from .setting import Setting
from .stands import Stand, stands, use


@dataclass(frozen=True)
class Mix:
    """What a pool is bought as, in machines at the mean of all hours."""

    committed: float
    spot_hours: float
    on_demand_hours: float


@dataclass(frozen=True, eq=False)
class PoolBill:
    """One pool's joint purchase.

    Attributes
    ----------
    pool : Pool
    members : tuple of Candidate
    need, spot_limit : array, shape (T,)
        Machines needed at given hours, and those of them that may be spot.
    volume : array, shape (days,)
        Machine-hours a month of each day that may wait for any of its hours.
    purchase : Purchase
        What is bought for it; arrays with one row.
    prices : Prices
    steps : Steps
    """

    pool: Pool
    members: tuple[Candidate, ...]
    need: Array
    spot_limit: Array
    volume: Array
    purchase: Purchase
    prices: Prices
    steps: Steps

    @property
    def usd_month(self) -> float:
        """What it costs; ``inf`` where the need cannot be had."""
        return float(self.purchase.usd[0])

    @property
    def offer(self) -> Offer:
        """Its prices."""
        offer = self.members[0].offer
        assert offer is not None  # a pool exists only where machines are bought jointly
        return offer

    @cached_property
    def stands(self) -> list[Stand]:
        """Hosts that members share."""
        return stands(self.members)

    @cached_property
    def use(self) -> Array:
        """Machines that each member accounts for in each step, shape (members, T)."""
        return use(self.members)

    @cached_property
    def level(self) -> Array:
        """Machines under commitment in each step, those held before included, shape (T,)."""
        new = self.purchase.whole[0] + self.purchase.yearly[0][self.steps.years]
        return np.asarray(new + self.prices.held[0])

    @property
    def spot(self) -> Array:
        """Spot machines in each step, shape (T,)."""
        return np.asarray(self.purchase.spot[0])

    @property
    def on_demand(self) -> Array:
        """On-demand machines in each step, shape (T,)."""
        return np.asarray(self.purchase.on_demand[0])

    @cached_property
    def terms(self) -> dict[str, float]:
        """Machines newly committed to, by term, at the mean of the horizon."""
        bought = {"whole": float(self.purchase.whole[0]), "yearly": 0.0}
        shares = np.bincount(self.steps.years, self.steps.hours_month) / HOURS_PER_MONTH
        bought["yearly"] = float(self.purchase.yearly[0] @ shares)
        prices = {"whole": self.prices.whole[0], "yearly": self.prices.yearly[0]}
        return {
            next(name for name, usd in self.offer.terms if usd == prices[kind]): machines
            for kind, machines in bought.items()
            if machines > 0
        }

    @cached_property
    def mix(self) -> Mix:
        """What it is bought as; work that waits counts as the hours bought for it."""
        h = self.steps.hours_month
        waiting = float(self.purchase.waiting_hours.sum()) / HOURS_PER_MONTH
        cheaper = bool(self.prices.spot[0] < self.prices.on_demand[0])
        return Mix(
            committed=_mean(self.level, h),
            spot_hours=_mean(self.spot, h) + waiting * cheaper,
            on_demand_hours=_mean(self.on_demand, h) + waiting * (not cheaper),
        )

    def usd_month_at(self, committed: float) -> float:
        """What it would cost with another number of machines newly committed all along."""
        level = np.array([committed])
        none = np.zeros_like(self.purchase.yearly)
        found = at_levels(
            self.need[None], self.spot_limit[None], self.volume[None], self.prices, self.steps,
            level, none,
        )  # fmt: skip
        return float(found.usd[0])


def _mean(machines: Array, h: Array) -> float:
    """Mean over the steps, rounded so that whole machines stay whole."""
    return round(float(machines @ h / h.sum()), 9)


class Objective:
    """Prices any assignment of candidates; remembers pools it has priced."""

    def __init__(self, setting: Setting, constant_usd_month: float) -> None:
        self._setting = setting
        self._constant = constant_usd_month
        # Kept with the setting: its candidates live as long, so their identities are good keys.
        self._pools: dict[frozenset[int], PoolBill] = setting.pool_bills

    def pool_bill(self, members: Sequence[Candidate]) -> PoolBill:
        """The cheapest joint purchase for candidates that share a pool."""
        key = frozenset(id(m) for m in members)
        if key not in self._pools:
            self._pools[key] = self.price(members)
        return self._pools[key]

    def price(self, members: Sequence[Candidate]) -> PoolBill:
        """The same, for candidates that are not to be remembered."""
        steps = self._setting.steps
        rigid = [m for m in members if not m.waits and m.host is None]
        shape = steps.hours_month.shape
        need = np.sum([m.machines for m in rigid], axis=0) if rigid else np.zeros(shape)
        limit = np.sum([m.spot_limit for m in rigid], axis=0) if rigid else np.zeros(shape)
        need = need + sum(s.machines for s in stands(members))
        volume = np.zeros(int(steps.day[-1]) + 1)
        for member in members:
            if member.waits:
                volume += np.bincount(steps.day, member.machines * steps.hours_month)
        pool, offer = members[0].pool, members[0].offer
        # Only pooled candidates come here.
        assert pool is not None
        assert offer is not None
        prices = self._setting.prices_of(pool, offer)
        bought = buy(need[None], limit[None], volume[None], prices, steps)
        return PoolBill(pool, tuple(members), need, limit, volume, bought, prices, steps)

    def platform_usd_month(self, platform: str) -> float:
        """What running one platform at all costs, by its engineering hours."""
        return self._setting.platforms[platform]

    def bills(self, chosen: Iterable[Candidate]) -> list[PoolBill]:
        """The purchase of every pool in use."""
        pools: dict[Pool, list[Candidate]] = {}
        for candidate in chosen:
            if candidate.pool is not None:
                pools.setdefault(candidate.pool, []).append(candidate)
        return [self.pool_bill(members) for members in pools.values()]

    def platforms_usd_month(self, chosen: Iterable[Candidate]) -> float:
        """All platforms in use, each once."""
        names = {p for c in chosen for p in c.platforms}
        return sum(self.platform_usd_month(p) for p in sorted(names))

    def own_usd_month(self, candidate: Candidate) -> float:
        """A candidate's own share of the objective, one-off work spread over the horizon."""
        usd = candidate.run_rate_usd_month + candidate.around_usd_month
        return usd + candidate.one_off_usd / self._setting.horizon_months

    def total(self, chosen: Sequence[Candidate]) -> float:
        """USD a month: 12-month (horizon) total over its months, one-off costs included."""
        own = sum(self.own_usd_month(c) for c in chosen)
        pooled = sum(b.usd_month for b in self.bills(chosen))
        return self._constant + own + pooled + self.platforms_usd_month(chosen)

    def swapping(self, chosen: Sequence[Candidate], position: int) -> Callable[[Candidate], float]:
        """The total as a function of the candidate at `position`, everything else as chosen.

        The same figure as `total` but for rounding, at a fraction of the work.
        """
        rest = [*chosen[:position], *chosen[position + 1 :]]
        base, running = self.total(rest), {p for c in rest for p in c.platforms}
        pools: dict[Pool, list[Candidate]] = {}
        for candidate in rest:
            if candidate.pool is not None:
                pools.setdefault(candidate.pool, []).append(candidate)

        def cost(candidate: Candidate) -> float:
            usd = base + self.own_usd_month(candidate)
            if candidate.pool is not None:
                mates = pools.get(candidate.pool, [])
                usd += self.pool_bill([*mates, candidate]).usd_month
                usd -= self.pool_bill(mates).usd_month if mates else 0.0
            new = (p for p in candidate.platforms if p not in running)
            return usd + sum(self.platform_usd_month(p) for p in new)

        return cost
