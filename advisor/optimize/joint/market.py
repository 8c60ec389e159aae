"""Prices at which what some columns need would be bought."""

from __future__ import annotations

import numpy as np

from advisor.economics.purchase import Steps, rents

from .bill import demand, prices_of
from .multipliers import Multipliers, filled, no_prices
from .problem import Array, Ints, Problem


def market(
    problem: Problem,
    steps: Steps,
    columns: Ints,
    share: Array | None = None,
    given: Multipliers | None = None,
) -> Multipliers:
    """Prices at which what these columns need would be bought.

    Parameters
    ----------
    share : array, optional
        How much of each column counts.
    given : Multipliers, optional
        Prices to keep where they are about more than pools in use.
    """
    p = problem
    drawing = np.flatnonzero(p.pool[columns] >= 0)
    part = None if share is None else share[drawing]
    of = columns[drawing]
    need = demand(p, of, p.pool[of], len(p.pools), part)
    living = np.flatnonzero(p.host[columns] >= 0)
    if len(living):
        some, hosts = columns[living], p.hosts
        most = np.maximum(p.host_load[some], p.host_memory[some])
        machines = hosts.machines[p.host[some]] * most * (1.0 if share is None else share[living])
        np.add.at(need.need, hosts.pool[p.host[some]], machines[:, None])
    used = np.flatnonzero(need.need.any(axis=1) | need.volume.any(axis=1))
    m = given or no_prices(p)
    # Each machine counts by its price, so that small ones do not drown large ones.
    usd = np.where(np.isfinite(p.pools.on_demand), p.pools.on_demand, 0.0)
    rent = filled(p, m.rent, usd @ need.need, steps.years)
    terms = prices_of(p.pools, steps, used)
    rent[used] = rents(need.need[used], need.spot[used], need.volume[used], terms, steps)
    return Multipliers(rent, m.quota, m.hour, m.load, m.memory)


def pools_of(problem: Problem, columns: Ints) -> Ints:
    """Pools that columns draw on, by themselves or by the hosts they live on."""
    hosts = problem.host[columns]
    found = np.unique(np.r_[problem.pool[columns], problem.hosts.pool[hosts[hosts >= 0]]])
    out: Ints = found[found >= 0].astype(np.int64)
    return out
