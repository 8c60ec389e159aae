"""Every way to run one workload, as columns of the joint problem.

A column is a replica variant in a place, bought jointly with its pool or, where purchasing is
locked, as today's fleet is; with or without a result cache in front. Money and work are known for
all of them; machines hour by hour are worked out only for those that a solve asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from advisor.portfolio import HOURS_PER_MONTH, Workload

from .caches import CacheOption
from .choices import Array, Candidate
from .fleet import working_rates
from .levers import LeverSet
from .parts import machines, of_variants
from .places import Bools, Ints
from .setting import Setting
from .thin import bits


@dataclass(eq=False)
class Columns:
    """The columns of one workload: arrays over its n columns, the given candidates first.

    Attributes
    ----------
    given : list of Candidate
        Today's deployment, and what has no machines to choose: hosted models, and all these
        behind a cache.
    variants : DataFrame
        Useful replica variants, of one model or of two (`advisor.optimize.parts`).
    caches : list of CacheOption
        Caches that a machine's column may have in front.
    variant, place, cache : array of int
        Variant, place and cache of each column; -1 for none.
    fixed : array of bool
        Whether its fleet is bought as today's is, and not jointly with its pool.
    price : array
        USD per machine-hour of a fixed fleet that pays for itself, else NaN.
    needs : array of int
        Levers that must be open, as bits.
    hours, run_usd, once_usd : array
        Engineering hours; USD a month and once, without the machines of its own.
    around_usd, disk_usd : array
        What stands around it, USD a month, and the disks of each of its machines.
    per_machine, rest_per_machine : array of int
        Replicas per machine, of the second model where there is one on machines, else 0.
    rest_usd : array
        Of `run_usd`, what the host of the second model is paid.
    platforms : array of int
        What the organisation must run at all, as bits of `Setting.platforms`.
    host : array of int
        Kind of host (`Setting.hosts`) that it lives on beside others; -1 for none.
    host_load, host_memory : array
        Share of one host's work and memory that it takes there.
    host_machines : int
        Machines of each host that it may live on.
    beside : DataFrame
        What variants do beside others, where they may (`advisor.optimize.sharing`).
    """

    workload: Workload
    given: list[Candidate]
    variants: pd.DataFrame
    caches: Sequence[CacheOption]
    variant: Ints
    place: Ints
    cache: Ints
    fixed: Bools
    price: Array
    needs: Ints
    hours: Array
    run_usd: Array
    once_usd: Array
    around_usd: Array
    disk_usd: Array
    per_machine: Ints
    rest_per_machine: Ints
    rest_usd: Array
    platforms: Ints
    host: Ints
    host_load: Array
    host_memory: Array
    host_machines: int = 0
    beside: pd.DataFrame = field(default_factory=pd.DataFrame)
    built: dict[int, Candidate] = field(default_factory=dict)
    _open: dict[LeverSet, Ints] = field(default_factory=dict)
    _machines: dict[int, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.variant)

    @property
    def today(self) -> Candidate:
        """Today's deployment, column 0."""
        return self.given[0]

    def open_to(self, levers: LeverSet) -> Ints:
        """Columns that the levers allow; the same array for the same levers."""
        if levers not in self._open:
            self._open[levers] = np.flatnonzero((self.needs & ~bits(levers)) == 0)
        return self._open[levers]

    def own_usd(self, setting: Setting, columns: Ints) -> Array:
        """What columns cost apart from their pools, one-off work spread over the horizon, USD."""
        usd = self.run_usd[columns] + self.once_usd[columns] / setting.horizon_months
        usd += self.around_usd[columns]
        run = np.flatnonzero(self.variant[columns] >= 0)
        if len(run):
            fleets = self.machines(setting, columns[run]).mean(axis=1)
            hourly = np.nan_to_num(self.price[columns[run]]) * HOURS_PER_MONTH
            usd[run] += (hourly + self.disk_usd[columns[run]]) * fleets
        return usd

    def machines(self, setting: Setting, columns: Ints) -> Array:
        """Machines that columns with a variant run in each step, shape (k, T)."""
        codes = self.code(columns)
        fresh, first = np.unique(codes, return_index=True)
        missing = np.array([c not in self._machines for c in fresh.tolist()], bool)
        if missing.any():
            count = self._count(setting, columns[first[missing]])
            self._machines.update(zip(fresh[missing].tolist(), count, strict=True))
        return np.array([self._machines[c] for c in codes.tolist()])

    @property
    def bought_jointly(self) -> Bools:
        """Columns whose machines come from their place's pool, shape (n,)."""
        return (self.place >= 0) & np.isnan(self.price) & (self.host < 0)

    def code(self, columns: Ints) -> Ints:
        """A number that columns with the same machines share."""
        code = self.variant[columns] * 64 + self.per_machine[columns]
        code = (code * 64 + self.rest_per_machine[columns]) * 4
        code = (code + self.cache[columns] + 1) * 2 + self.fixed[columns]
        return code * 2 + (self.host[columns] >= 0)

    def _count(self, setting: Setting, columns: Ints) -> Array:
        workload = self.workload
        share = np.array([*(1.0 - c.hit_ratio for c in self.caches), 1.0])[self.cache[columns]]
        rates = working_rates(workload, setting.rates(workload))[None, :] * share[:, None]
        per = (self.per_machine[columns], self.rest_per_machine[columns])
        parts = of_variants(setting, self.variants, self.variant[columns], per)
        alone = machines(setting, workload, parts, rates, self.fixed[columns])
        # Those of the whole host, at all hours: what it takes of them is said by its shares.
        return np.where(self.host[columns][:, None] >= 0, self.host_machines, alone)
