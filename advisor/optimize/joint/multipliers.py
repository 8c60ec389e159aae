r"""Prices that split the problem into its workloads.

Relaxing what couples them gives, for any rents :math:`\lambda` of machines, prices
:math:`\pi` of quota, :math:`\mu` of an hour of work and :math:`\alpha, \beta` of a host's work and
memory, each column a cost of its own

.. math:: r_c = F_c + \mu\eta_c + \sum_t \left[u_{ct}(\lambda_t + \pi_t)
    - e_{ct}(\lambda_t - s h_t)^+\right] + \sum_{day} V_{c,day}
    \min_{t \in day}\frac{\min(\lambda_t, s h_t) + \pi_t}{h_t} + \alpha\ell_c + \beta m_c

and a bound: no choice on the platforms :math:`Z` costs less than

.. math:: \Phi(Z) + \sum_w \min_{c \in w,\; platforms(c) \subseteq Z} r_c - \mu B
    - \sum_{pt} \lambda_{pt}\,\text{held}_{pt} - \sum_{pt} \pi_{pt}\,\text{most}_p

as long as :math:`0 \le \lambda_t \le a h_t`, :math:`\sum_{t \in block} \lambda_t \le b_m H_{block}`
and :math:`\alpha_j + \beta_j \le v_j \sum_t (\lambda_t + \pi_t)`: `feasible` makes any prices so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bill import row_demand
from .problem import Array, Ints, Problem

DEAR = 1e7
"""Stands for the price of machines sold in no other way than by commitment, USD per hour."""
CHUNK = 20_000
"""Rows whose machines are widened to double precision at a time."""


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Prices of what workloads share, USD a month.

    Attributes
    ----------
    rent, quota : array, shape (P, T)
        Of a machine in a step, and of a machine within a limited number.
    hour : float
        Of an engineering hour.
    load, memory : array, shape (J,)
        Of the whole work and memory of a host.
    """

    rent: Array
    quota: Array
    hour: float
    load: Array
    memory: Array


def no_prices(problem: Problem) -> Multipliers:
    """Prices of nothing."""
    shape = (len(problem.pools), len(problem.hours_month))
    hosts = np.zeros(len(problem.hosts))
    return Multipliers(np.zeros(shape), np.zeros(shape), 0.0, hosts, hosts)


def feasible(problem: Problem, m: Multipliers) -> Multipliers:
    """The nearest prices for which the bound holds."""
    pools, h = problem.pools, problem.hours_month
    top = np.where(np.isfinite(pools.on_demand), pools.on_demand, DEAR)
    rent = np.clip(m.rent, 0.0, top[:, None] * h)
    for term, block in enumerate(problem.block):
        price = pools.commit[:, term]
        for b in np.unique(block):
            of = block == b
            total = rent[:, of].sum(axis=1)
            most = price * h[of].sum()
            over = np.isfinite(most) & (total > most)
            rent[np.ix_(over, of)] *= (most[over] / total[over] * (1.0 - 1e-13))[:, None]
    limited = np.isfinite(pools.most)
    quota = np.where(limited[:, None], np.maximum(m.quota, 0.0), 0.0)
    hour = max(m.hour, 0.0) if np.isfinite(problem.hours_limit) else 0.0
    worth = problem.hosts.machines * (rent + quota)[problem.hosts.pool].sum(axis=1)
    return Multipliers(rent, quota, hour, *split(worth, m.load, m.memory))


def split(worth: Array, load: Array, memory: Array) -> tuple[Array, Array]:
    """What a host is worth, all of it, over its work and its memory as they were priced.

    Prices that add up to more would break the bound; less would only weaken it. Half and half where
    neither had a price.
    """
    of_load = np.maximum(load, 0.0)
    asked = of_load + np.maximum(memory, 0.0)
    share = np.divide(of_load, asked, out=np.full_like(asked, 0.5), where=asked > 0)
    return worth * share, worth * (1.0 - share)


def filled(problem: Problem, rent: Array, profile: Array, years: Ints) -> Array:
    """Rents raised as far as they may be, in the busiest steps of `profile` first.

    Higher rents never make a column cheaper, so pools that a relaxation leaves idle, whose rents it
    need not raise, are better priced this way.

    Parameters
    ----------
    rent : array, shape (k, T)
        Of all pools of the problem.
    profile : array, shape (T,)
        Machines wanted in each step, in any unit.
    years : array of int, shape (T,)
        The finest stretches over which commitments are level.
    """
    pools, h = problem.pools, problem.hours_month
    top = np.where(np.isfinite(pools.on_demand), pools.on_demand, DEAR)
    commit = pools.commit.min(axis=1, initial=np.inf)
    out = np.minimum(rent, top[:, None] * h)
    for year in np.unique(years):
        steps = np.flatnonzero(years == year)
        order = steps[np.argsort(-profile[steps], kind="stable")]
        now = out[:, order]
        room = top[:, None] * h[order] - now
        left = np.where(np.isfinite(commit), commit * h[steps].sum() - now.sum(axis=1), np.inf)
        before = np.cumsum(room, axis=1) - room
        out[:, order] = now + np.clip(left[:, None] - before, 0.0, room)
    return out


def constant(problem: Problem, m: Multipliers) -> float:
    """The part of the bound that no column changes."""
    out = -float((m.rent * problem.pools.held).sum())
    limited = np.isfinite(problem.pools.most)
    out -= float(m.quota[limited].sum(axis=1) @ problem.pools.most[limited])
    if np.isfinite(problem.hours_limit):
        out -= m.hour * problem.hours_limit
    return out


class Pricer:
    """Prices all columns of a problem; what does not depend on prices is worked out once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        drawing = np.flatnonzero(problem.pool >= 0)
        order = drawing[np.argsort(problem.pool[drawing], kind="stable")]
        self._columns = order
        key = problem.pool[order] * (len(problem.need) + 1) + problem.row[order]
        pairs, first, which = np.unique(key, return_index=True, return_inverse=True)
        self._which = which
        self._rows = problem.row[order[first]]
        self._pools = problem.pool[order[first]]
        self._starts = np.flatnonzero(
            np.r_[len(pairs) > 0, np.diff(self._pools) != 0][: len(pairs)]
        )

    def reduced(self, m: Multipliers) -> Array:
        """Cost of each column at the prices, USD a month, shape (n,)."""
        p = self.problem
        out = p.own_usd + m.hour * p.hours
        if len(p.hosts):
            living = np.flatnonzero(p.host >= 0)
            kind = p.host[living]
            out[living] += m.load[kind] * p.host_load[living]
            out[living] += m.memory[kind] * p.host_memory[living]
        if len(self._rows):
            out[self._columns] += self._machines(m)[self._which]
        return out

    def _machines(self, m: Multipliers) -> Array:
        """Cost of each (pool, row) pair in use."""
        p, h = self.problem, self.problem.hours_month
        out = np.empty(len(self._rows))
        ends = [*self._starts[1:], len(self._rows)]
        for first, last in zip(self._starts, ends, strict=True):
            pool = int(self._pools[first])
            rent, quota = m.rent[pool], m.quota[pool]
            spot = p.pools.spot[pool]
            spot = spot if spot < p.pools.on_demand[pool] else np.inf
            saved = np.maximum(rent - spot * h, 0.0) if np.isfinite(spot) else None
            for at in range(first, last, CHUNK):
                rows = self._rows[at : min(at + CHUNK, last)]
                need = p.need[rows].astype(float)
                usd = need @ (rent + quota)
                if saved is not None and saved.any():
                    limit = np.floor(need * p.spot_share[rows][:, None] + 1e-9)
                    usd -= limit @ saved
                waits = np.flatnonzero(p.waits[rows])
                if len(waits):
                    per_hour = (np.minimum(rent, spot * h) + quota) / h
                    starts = np.flatnonzero(np.r_[True, np.diff(p.day) != 0])
                    usd[waits] = row_demand(p, rows[waits])[2] @ np.minimum.reduceat(
                        per_hour, starts
                    )
                out[at : at + len(rows)] = usd
        return out
