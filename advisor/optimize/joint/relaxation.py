"""The problem's relaxation, and its residue as a whole program, solved by HiGHS."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.cluster.vq import kmeans2
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from .bill import demand
from .model import Model
from .multipliers import Multipliers, no_prices
from .problem import Array, Ints, Problem

CLUSTERS = 24
INFEASIBLE = 2
"""Status of `scipy.optimize.milp`."""


def relaxed(built: Model, seconds: float) -> tuple[Array, Array] | None:
    """Shares of the columns and marginals of the inequalities; None where it was not solved."""
    found = linprog(
        built.objective,
        A_ub=built.A_ub,
        b_ub=built.b_ub,
        A_eq=built.A_eq,
        b_eq=built.b_eq,
        bounds=np.column_stack([built.bottom, built.top]),
        method="highs",
        options={"time_limit": max(seconds, 0.01)} if np.isfinite(seconds) else {},
    )
    if found.status != 0:
        return None
    return found.x[: len(built.columns)], found.ineqlin.marginals


def solved_whole(built: Model, seconds: float, gap: float) -> tuple[Array | None, float]:
    """Shares of the columns of the best choice found, if any, and a bound that holds."""
    found = milp(
        built.objective,
        integrality=built.whole,
        bounds=Bounds(built.bottom, built.top),
        constraints=[
            LinearConstraint(built.A_ub, -np.inf, built.b_ub),
            LinearConstraint(built.A_eq, built.b_eq, built.b_eq),
        ],
        # HiGHS 1.12's presolve has been seen to crash, to hang and to miss the optimum here.
        options={"time_limit": seconds, "mip_rel_gap": gap, "presolve": False},
    )
    shares = None if found.x is None else found.x[: len(built.columns)]
    if found.status == INFEASIBLE:
        return shares, np.inf
    bound = found.mip_dual_bound
    return shares, -np.inf if bound is None or np.isnan(bound) else float(bound)


def solved_hosts(
    problem: Problem, columns: Ints, reduced: Array, worth: Array, seconds: float, gap: float
) -> tuple[Ints | None, float]:
    """The best choice where all but whole hosts has its price, if any was found, and a bound.

    Parameters
    ----------
    columns : array of int
        Those to choose from, at least one of each workload.
    reduced : array
        What each costs at the prices, its part of a host aside.
    worth : array, shape (J,)
        What one host costs at the prices.
    """
    p = problem
    some = _hosts_or_cheapest(p, columns, reduced)
    columns, reduced = columns[some], reduced[some]
    workload = np.searchsorted(p.start, columns, "right") - 1
    living = np.flatnonzero(p.host[columns] >= 0)
    of = columns[living]
    kinds, kind = np.unique(p.host[of], return_inverse=True)
    # A host stands before anybody lives on it: all of a workload's columns there count together.
    pairs, pair = np.unique(np.stack([workload[living], kind]), axis=1, return_inverse=True)
    k, j, one = len(columns), len(kinds), np.ones(len(living))
    entries = [(kind, living, p.host_load[of]), (j + kind, living, p.host_memory[of])]
    entries += [(2 * j + pair.ravel(), living, one)]
    entries += [(np.arange(n * j, (n + 1) * j), k + np.arange(j), -np.ones(j)) for n in (0, 1)]
    entries += [(2 * j + np.arange(pairs.shape[1]), k + pairs[1], -np.ones(pairs.shape[1]))]
    row, variable, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    shares = sparse.csr_array((value, (row, variable)), shape=(2 * j + pairs.shape[1], k + j))
    once = sparse.csr_array((np.ones(k), (workload, np.arange(k))), shape=(p.workloads, k + j))
    found = milp(
        np.r_[reduced, worth[kinds]],
        integrality=np.ones(k + j),
        bounds=Bounds(np.zeros(k + j), np.r_[np.ones(k), np.full(j, np.inf)]),
        constraints=[LinearConstraint(shares, -np.inf, 0.0), LinearConstraint(once, 1.0, 1.0)],
        options={"time_limit": seconds, "mip_rel_gap": gap, "presolve": False},
    )
    bound = found.mip_dual_bound
    lower = -np.inf if bound is None or np.isnan(bound) else float(bound)
    if found.x is None:
        return None, lower
    order = np.lexsort((-found.x[:k], workload))
    first = np.searchsorted(workload[order], np.arange(p.workloads))
    out: Ints = columns[order[first]]
    return out, lower


def _hosts_or_cheapest(problem: Problem, columns: Ints, reduced: Array) -> Ints:
    """Of each workload, the cheapest column by itself, and on each kind of host what may be best.

    A column that is dearer there and takes more is not.
    """
    p = problem
    host = p.host[columns]
    workload = np.searchsorted(p.start, columns, "right") - 1
    group = workload * (len(p.hosts) + 1) + host + 1
    load, memory = p.host_load[columns], p.host_memory[columns]
    order = np.lexsort((memory, load, reduced, group))
    keep = np.zeros(len(columns), bool)
    at, least = -1, (np.inf, np.inf)
    for i in order.tolist():
        if group[i] != at:
            at, least = int(group[i]), (np.inf, np.inf)
        if load[i] < least[0] or memory[i] < least[1]:
            keep[i] = True
            least = (min(least[0], load[i]), min(least[1], memory[i]))
    return np.flatnonzero(keep)


def prices(problem: Problem, built: Model, marginals: Array) -> Multipliers:
    """What couples the workloads is worth, from the marginals of the relaxation's inequalities."""
    out = no_prices(problem)
    worth = -marginals
    h, cluster = problem.hours_month, built.cluster
    share = h / np.bincount(cluster, h)[cluster]
    n_clusters = int(cluster.max()) + 1
    for family, into in (("need", out.rent), ("quota", out.quota)):
        first, pools = built.rows[family]
        found = worth[first : first + len(pools) * n_clusters].reshape(len(pools), n_clusters)
        into[pools] = found[:, cluster] * share
    for family, onto in (("load", out.load), ("memory", out.memory)):
        first, kinds = built.rows[family]
        onto[kinds] = worth[first : first + len(kinds)]
    # The price of a need within a quota is the market's rent and the quota's price together.
    out.rent[...] -= out.quota
    hour = float(worth[built.rows["hours"][0]]) if "hours" in built.rows else 0.0
    return Multipliers(out.rent, out.quota, hour, out.load, out.memory)


def rounded(problem: Problem, built: Model, shares: Array) -> Ints:
    """The column of each workload that the relaxation takes most of."""
    w = np.searchsorted(problem.start, built.columns, "right") - 1
    order = np.lexsort((-shares, w))
    first = np.searchsorted(w[order], np.arange(problem.workloads))
    out: Ints = built.columns[order[first]]
    return out


def clusters(problem: Problem, columns: Ints, years: Ints) -> Ints:
    """Steps that are alike in what these columns need of pools, shape (T,).

    At most `CLUSTERS` for each year, numbered from 0.
    """
    p = problem
    drawing = columns[p.pool[columns] >= 0]
    used, of = np.unique(p.pool[drawing], return_inverse=True)
    need = demand(p, drawing, of, len(used)).need
    scaled = need / np.maximum(need.max(axis=1, keepdims=True), 1e-12)
    out = np.zeros(len(years), np.int64)
    for year in np.unique(years):
        steps = np.flatnonzero(years == year)
        points = scaled[:, steps].T
        label = np.zeros(len(steps), np.int64)
        if points.size and np.ptp(points) > 0:
            some = min(CLUSTERS, len(np.unique(points, axis=0)))
            _, label = kmeans2(points, some, minit="++", rng=0, missing="warn")
        out[steps] = np.unique(label, return_inverse=True)[1] + (out.max() + 1) * (year > 0)
    return out
