"""What a choice costs, exactly: its own costs, platforms, and every pool bought at its optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.economics.purchase import Prices, Purchase, Steps, buy

from .hosts import Packing, pack
from .problem import Array, Ints, Pools, Problem


@dataclass(frozen=True, eq=False)
class Demand:
    """What pools have to supply; rows are pools.

    Attributes
    ----------
    need, spot : array, shape (k, T)
        Machines in each step, and those of them that may be spot.
    volume : array, shape (k, days)
        Machine-hours a month of each day that may wait for any of its hours.
    """

    need: Array
    spot: Array
    volume: Array


@dataclass(frozen=True, eq=False)
class Bill:
    """What a choice costs, USD a month.

    Attributes
    ----------
    usd : float
        The whole; ``inf`` where something cannot be bought, or hours run over their limit.
    own_usd, platforms_usd : float
    pools : array of int, shape (k,)
        Pools in use.
    purchase : Purchase
        What is bought in each of them.
    packing : Packing
        Which columns share which host.
    """

    usd: float
    own_usd: float
    platforms_usd: float
    pools: Ints
    purchase: Purchase
    packing: Packing


def steps_of(problem: Problem) -> Steps:
    """The steps of a problem."""
    return Steps(problem.hours_month, problem.day, problem.block)


def prices_of(pools: Pools, steps: Steps, index: Ints) -> Prices:
    """Prices of pools, each term at what it is good for.

    A term whose level may change can also stay level, so the whole-horizon price is the least of
    all.
    """
    none = np.full(len(index), np.inf)
    commit, yearly = pools.commit[index], steps.yearly
    return Prices(
        on_demand=pools.on_demand[index],
        spot=pools.spot[index],
        whole=commit.min(axis=1) if commit.shape[1] else none,
        yearly=commit[:, yearly].min(axis=1) if yearly.any() else none,
        held=pools.held[index],
        most=pools.most[index],
    )


def demand(
    problem: Problem, columns: Ints, of: Ints, pools: int, share: Array | None = None
) -> Demand:
    """Demand on pools from columns that draw on one.

    Parameters
    ----------
    of : array of int
        Number of each column's pool, below `pools`.
    share : array, optional
        How much of each column counts; all of it by default.
    """
    hours, days = len(problem.hours_month), int(problem.day[-1]) + 1
    out = Demand(*(np.zeros((pools, n)) for n in (hours, hours, days)))
    parts = row_demand(problem, problem.row[columns])
    for total, part in zip((out.need, out.spot, out.volume), parts, strict=True):
        np.add.at(total, of, part if share is None else part * share[:, None])
    return out


def row_demand(problem: Problem, rows: Ints) -> tuple[Array, Array, Array]:
    """Need, spot limit and waiting volume of rows: shapes (k, T), (k, T), (k, days)."""
    need = problem.need[rows].astype(float)
    waits = problem.waits[rows][:, None]
    starts = np.flatnonzero(np.r_[True, np.diff(problem.day) != 0])
    volume = np.add.reduceat(need * problem.hours_month, starts, axis=1)
    spot = np.floor(need * problem.spot_share[rows][:, None] + 1e-9)
    return np.where(waits, 0.0, need), np.where(waits, 0.0, spot), np.where(waits, volume, 0.0)


def platforms_usd(problem: Problem, bits: int) -> float:
    """What a set of platforms costs, USD a month."""
    return float(sum(usd for f, usd in enumerate(problem.platform_usd) if bits >> f & 1))


def cost(problem: Problem, chosen: Sequence[int] | Ints) -> Bill:
    """The bill of one column for each workload.

    The same choice always gives the same figure, to the last bit.
    """
    columns = np.asarray(chosen, np.int64)
    steps = steps_of(problem)
    packing = pack(problem, columns)
    drawing = columns[problem.pool[columns] >= 0]
    hosts = problem.hosts.pool[packing.kinds]
    used, of = np.unique(np.r_[problem.pool[drawing], hosts], return_inverse=True)
    need = demand(problem, drawing, of[: len(drawing)], len(used))
    for kind, opened, pool in zip(
        packing.kinds.tolist(), packing.opened.tolist(), of[len(drawing) :].tolist(), strict=True
    ):
        need.need[pool] += problem.hosts.machines[kind] * opened
    purchase = buy(need.need, need.spot, need.volume, prices_of(problem.pools, steps, used), steps)
    own = float(problem.own_usd[columns].sum())
    shared = platforms_usd(problem, int(np.bitwise_or.reduce(problem.platforms[columns])))
    hours = float(problem.hours[columns].sum())
    over = hours > problem.hours_limit * (1.0 + 1e-9) + 1e-9
    usd = own + shared + float(purchase.usd.sum())
    return Bill(np.inf if over else usd, own, shared, used, purchase, packing)
