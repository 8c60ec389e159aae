"""The problem, or its relaxation, as HiGHS wants it: sparse rows over chosen columns and steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .bill import row_demand
from .multipliers import Multipliers, no_prices
from .problem import Array, Ints, Problem


@dataclass(frozen=True, eq=False)
class Model:
    """A mixed-integer program: ``A_ub v <= b_ub``, ``A_eq v = b_eq``, ``bottom <= v <= top``.

    Attributes
    ----------
    columns : array of int, shape (k,)
        Columns of the problem; the first k variables choose among them.
    whole : array of int
        Integrality of each variable, for `scipy.optimize.milp`.
    rows : dict
        First row of each family of inequalities, and what its rows stand for.
    """

    columns: Ints
    objective: Array
    A_ub: sparse.csr_array
    b_ub: Array
    A_eq: sparse.csr_array
    b_eq: Array
    bottom: Array
    top: Array
    whole: Ints
    rows: dict[str, tuple[int, Any]]
    cluster: Ints


class _Rows:
    """Rows of a sparse matrix, put together family by family."""

    def __init__(self) -> None:
        self.count = 0
        self._entries: list[tuple[Array, Ints, Ints]] = []
        self._limits: list[Array] = []

    def family(self, limits: Array) -> int:
        """Rows with these right-hand sides; returns the number of the first."""
        first = self.count
        self.count += limits.size
        self._limits.append(np.asarray(limits, float).ravel())
        return first

    def put(self, rows: Ints, variables: Ints, values: Any) -> None:
        """Entries; values broadcast."""
        rows, variables, values = np.broadcast_arrays(rows, variables, values)
        self._entries.append((values.ravel(), rows.ravel(), variables.ravel()))

    def matrix(self, variables: int) -> tuple[sparse.csr_array, Array]:
        values, rows, at = (
            np.concatenate(part) if part else np.zeros(0)
            for part in (list(zip(*self._entries, strict=True)) or [[], [], []])
        )
        shape = (self.count, variables)
        keep = values != 0
        coo = sparse.coo_array((values[keep], (rows[keep], at[keep])), shape=shape)
        limits = np.concatenate(self._limits) if self._limits else np.zeros(0)
        return coo.tocsr(), limits


def model(problem: Problem, columns: Ints, cluster: Ints | None = None, opened: int = 0) -> Model:
    """The program over some columns, at full resolution or over clusters of like steps.

    Parameters
    ----------
    columns : array of int
        At least one of each workload, in order.
    cluster : array of int, shape (T,), optional
        Cluster of each step, all of one year and numbered from 0; each step its own by default.
        Over clusters, work that waits may go anywhere.
    opened : int
        Platforms that are paid for whatever is chosen, as bits.
    """
    p, h = problem, problem.hours_month
    steps = len(h)
    fine = cluster is None
    cluster = np.arange(steps) if cluster is None else cluster
    n_clusters = int(cluster.max()) + 1
    hours = np.bincount(cluster, h)
    first_step = np.unique(cluster, return_index=True)[1]
    day = p.day if fine else np.zeros(n_clusters, np.int64)
    days = int(day.max()) + 1
    spread = sparse.csr_array((h / hours[cluster], (np.arange(steps), cluster)))

    drawing = np.flatnonzero(p.pool[columns] >= 0)
    living = np.flatnonzero(p.host[columns] >= 0)
    kinds, kind = np.unique(p.host[columns[living]], return_inverse=True)
    pools, pool = np.unique(
        np.r_[p.pool[columns[drawing]], p.hosts.pool[kinds]], return_inverse=True
    )
    n_pools = len(pools)
    grid = np.arange(n_pools * n_clusters).reshape(n_pools, n_clusters)
    sold = p.pools
    usable = (sold.spot < sold.on_demand)[pools]
    # Variables: x | z | N | k by term and block | y | q | g.
    bits = p.platforms[columns]
    paid = [f for f, usd in enumerate(p.platform_usd) if usd > 0 and ((bits >> f) & 1).any()]
    x, at = np.arange(len(columns)), len(columns)
    z = at + np.arange(len(paid))
    N = z[-1:].max(initial=at - 1) + 1 + np.arange(len(kinds))
    at = len(columns) + len(paid) + len(kinds)
    cost = [p.own_usd[columns], p.platform_usd[paid], np.zeros(len(kinds))]
    top = [np.ones(len(columns)), np.ones(len(paid)), np.full(len(kinds), np.inf)]
    levels: list[tuple[Ints, Ints, Ints]] = []
    for term, block in enumerate(p.block):
        have = np.flatnonzero(np.isfinite(sold.commit[pools, term]))
        blocks = int(block.max()) + 1
        k = at + np.arange(len(have) * blocks).reshape(len(have), blocks)
        levels.append((have, k, block[first_step]))
        cost.append((sold.commit[pools[have], term][:, None] * np.bincount(block, h)).ravel())
        top.append(np.full(k.size, np.inf))
        at += k.size
    y, q, g = (at + i * grid.size + grid for i in range(3))
    at += 3 * grid.size
    by_hour = sold.on_demand[pools]
    for price in (by_hour, np.where(usable, sold.spot[pools], np.inf), np.zeros(n_pools)):
        known = np.isfinite(price)
        cost.append((np.where(known, price, 0.0)[:, None] * hours).ravel())
        top.append(np.repeat(np.where(known, np.inf, 0.0), n_clusters))
    up, eq = _Rows(), _Rows()

    w = np.searchsorted(p.start, columns, "right") - 1
    eq.family(np.ones(p.workloads))
    eq.put(w, x, 1.0)
    held = sold.held[pools] @ spread
    rows: dict[str, tuple[int, Any]] = {"need": (up.family(held), pools)}
    need_row, spot_row = grid, grid + up.family(np.zeros(grid.shape))
    need, spot, volume = row_demand(p, p.row[columns[drawing]])
    of = pool[: len(drawing)]
    up.put(need_row[of], x[drawing][:, None], need @ spread)
    up.put(spot_row[of], x[drawing][:, None], -(spot @ spread))
    rigid = need_row[pool[len(drawing) :]]
    up.put(rigid, N[:, None], p.hosts.machines[kinds][:, None])
    up.put(need_row, g, 1.0)
    up.put(need_row, y, -1.0)
    up.put(need_row, q, -1.0)
    up.put(spot_row, q, 1.0)
    up.put(spot_row, g, -1.0)
    for have, k, block in levels:
        up.put(need_row[have], k[:, block], -1.0)
    if not fine:
        volume = volume.sum(axis=1, keepdims=True)
    first = eq.family(np.zeros((n_pools, days)))
    day_row = first + np.arange(n_pools * days).reshape(n_pools, days)
    eq.put(day_row[:, day], g, hours)
    eq.put(day_row[of], x[drawing][:, None], -volume)
    limited = np.flatnonzero(np.isfinite(sold.most[pools]))
    room = np.maximum(sold.most[pools[limited], None] - held[limited], 0.0)
    rows["quota"] = (up.family(room), pools[limited])
    quota_row = rows["quota"][0] + np.arange(room.size).reshape(room.shape)
    up.put(quota_row, y[limited], 1.0)
    up.put(quota_row, q[limited], 1.0)
    for have, k, block in levels:
        inside = np.isin(limited, have)
        up.put(quota_row[inside], k[np.searchsorted(have, limited[inside])][:, block], 1.0)
    if np.isfinite(p.hours_limit):
        rows["hours"] = (up.family(np.array([p.hours_limit])), None)
        up.put(np.array(rows["hours"][0]), x, p.hours[columns])
    rows["load"] = (up.family(np.zeros(len(kinds))), kinds)
    up.put(rows["load"][0] + kind, x[living], p.host_load[columns[living]])
    rows["memory"] = (up.family(np.zeros(len(kinds))), kinds)
    up.put(rows["memory"][0] + kind, x[living], p.host_memory[columns[living]])
    for family in ("load", "memory"):
        up.put(rows[family][0] + np.arange(len(kinds)), N, -1.0)
    single = up.family(np.zeros(len(living)))
    up.put(single + np.arange(len(living)), x[living], 1.0)
    up.put(single + np.arange(len(living)), N[kind], -1.0)
    for i, f in enumerate(paid):
        on = np.flatnonzero((bits >> f) & 1)
        of_w, row = np.unique(w[on], return_inverse=True)
        first = up.family(np.zeros(len(of_w)))
        up.put(first + row, x[on], 1.0)
        up.put(first + np.arange(len(of_w)), z[i], -1.0)
    A_ub, b_ub = up.matrix(at)
    A_eq, b_eq = eq.matrix(at)
    whole = np.zeros(at, np.int64)
    whole[: len(columns) + len(paid) + len(kinds)] = 1
    bottom = np.zeros(at)
    bottom[z] = [float(opened >> f & 1) for f in paid]
    return Model(
        columns=columns,
        objective=np.concatenate(cost),
        A_ub=A_ub,
        b_ub=b_ub,
        A_eq=A_eq,
        b_eq=b_eq,
        bottom=bottom,
        top=np.concatenate(top),
        whole=whole,
        rows=rows,
        cluster=cluster,
    )


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
