"""The monthly cost of a set of choices: pools bought jointly, platforms counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.economics.purchase import Mix, best_mix
from advisor.portfolio import HOURS_PER_MONTH

from .choices import Candidate, Pool
from .setting import Setting


@dataclass(frozen=True)
class PoolBill:
    """One pool's joint purchase."""

    pool: Pool
    mix: Mix
    usd_month: float
    members: tuple[Candidate, ...]


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
            need = np.sum([m.machines for m in members], axis=0)
            limit = np.floor(np.sum([m.machines * m.spot_share for m in members], axis=0))
            offer, pool = members[0].offer, members[0].pool
            # Only pooled candidates come here.
            assert offer is not None
            assert pool is not None
            mix = best_mix(need, limit, offer)
            usd = mix.usd_per_hour * HOURS_PER_MONTH
            self._pools[key] = PoolBill(pool, mix, usd, tuple(members))
        return self._pools[key]

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
        return candidate.run_rate_usd_month + candidate.one_off_usd / self._setting.horizon_months

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
