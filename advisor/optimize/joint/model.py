"""The problem as a mixed-integer program: sparse rows over chosen columns and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from .bill import row_demand
from .problem import Array, Ints, Problem


@dataclass(frozen=True, eq=False)
class Model:
    """``min objective v`` with ``A_ub v <= b_ub``, ``A_eq v = b_eq``, ``bottom <= v <= top``.

    Attributes
    ----------
    columns : array of int, shape (k,)
        Columns of the problem; the first k variables choose among them.
    whole : array of int
        Integrality of each variable, for `scipy.optimize.milp`.
    rows : dict
        First row of each family of inequalities, and the pools or hosts its rows stand for.
    cluster : array of int, shape (T,)
        Cluster of each step.
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
    rows: dict[str, tuple[int, Ints]]
    cluster: Ints


class _Rows:
    """Rows of a sparse matrix, put together family by family."""

    def __init__(self) -> None:
        self.count = 0
        self._values: list[Array] = []
        self._rows: list[Ints] = []
        self._variables: list[Ints] = []
        self._limits: list[Array] = []

    def family(self, limits: Array) -> Ints:
        """Rows with these right-hand sides; their numbers, in the same shape."""
        first = self.count
        self.count += limits.size
        self._limits.append(np.asarray(limits, float).ravel())
        return (first + np.arange(limits.size)).reshape(limits.shape)

    def put(self, rows: Ints, variables: Ints, values: npt.ArrayLike) -> None:
        """Entries; all broadcast."""
        r, v, x = np.broadcast_arrays(rows, variables, np.asarray(values, float))
        self._rows.append(r.ravel())
        self._variables.append(v.ravel())
        self._values.append(x.ravel())

    def matrix(self, variables: int) -> tuple[sparse.csr_array, Array]:
        """The matrix and its right-hand sides."""
        values, rows, at = (
            np.concatenate([np.zeros(0), *part])
            for part in (self._values, self._rows, self._variables)
        )
        keep = values != 0
        where = (rows[keep].astype(np.int64), at[keep].astype(np.int64))
        coo = sparse.coo_array((values[keep], where), shape=(self.count, variables))
        return coo.tocsr(), np.concatenate([np.zeros(0), *self._limits])


class _Builder:
    """Variables and rows of one program."""

    def __init__(self, problem: Problem, columns: Ints, cluster: Ints | None, opened: int) -> None:
        p = self.problem = problem
        self.columns, self.fine = columns, cluster is None
        steps = len(p.hours_month)
        self.cluster: Ints = np.arange(steps) if cluster is None else cluster
        self.hours = np.bincount(self.cluster, p.hours_month)
        share = p.hours_month / self.hours[self.cluster]
        self.spread = sparse.csr_array((share, (np.arange(steps), self.cluster)))
        self.workload = np.searchsorted(p.start, columns, "right") - 1
        self.drawing = np.flatnonzero(p.pool[columns] >= 0)
        self.living = np.flatnonzero(p.host[columns] >= 0)
        self.kinds, self.kind = np.unique(p.host[columns[self.living]], return_inverse=True)
        self.pools, pool = np.unique(
            np.r_[p.pool[columns[self.drawing]], p.hosts.pool[self.kinds]], return_inverse=True
        )
        self.of, self.host_pool = pool[: len(self.drawing)], pool[len(self.drawing) :]
        bits = p.platforms[columns]
        self.paid = [
            f for f, usd in enumerate(p.platform_usd) if usd > 0 and ((bits >> f) & 1).any()
        ]
        self.opened = opened
        self._cost: list[Array] = []
        self._top: list[Array] = []
        self._count = 0
        self.upper, self.equal = _Rows(), _Rows()
        self.rows: dict[str, tuple[int, Ints]] = {}
        self._variables()
        self._choices()
        self._machines()
        self._quotas()
        self._hosts()

    def _add(self, cost: Array, top: Array) -> Ints:
        """Variables with these costs and upper bounds; their numbers, in the same shape."""
        first = self._count
        self._count += cost.size
        self._cost.append(cost.ravel())
        self._top.append(np.broadcast_to(top, cost.shape).ravel())
        return (first + np.arange(cost.size)).reshape(cost.shape)

    def _variables(self) -> None:
        """Choices x, platforms z, hosts N, levels k, on-demand y, spot q, waiting work g."""
        p, pools = self.problem, self.pools
        self.x = self._add(p.own_usd[self.columns], np.ones(1))
        self.z = self._add(p.platform_usd[self.paid], np.ones(1))
        self.N = self._add(np.zeros(len(self.kinds)), np.full(1, np.inf))
        self.choosing = self._count
        first_step = np.unique(self.cluster, return_index=True)[1]
        self.levels: list[tuple[Ints, Ints, Ints]] = []
        for term, block in enumerate(p.block):
            have = np.flatnonzero(np.isfinite(p.pools.commit[pools, term]))
            usd = p.pools.commit[pools[have], term][:, None] * np.bincount(block, p.hours_month)
            self.levels.append((have, self._add(usd, np.full(1, np.inf)), block[first_step]))
        usable = p.pools.spot < p.pools.on_demand
        spot = np.where(usable, p.pools.spot, np.inf)
        self.y, self.q, self.g = (
            self._add(
                np.where(np.isfinite(price), price, 0.0)[:, None] * self.hours,
                np.where(np.isfinite(price), np.inf, 0.0)[:, None],
            )
            for price in (p.pools.on_demand[pools], spot[pools], np.zeros(len(pools)))
        )

    def _choices(self) -> None:
        """One column for each workload, platforms paid for, hours within their limit."""
        p, columns = self.problem, self.columns
        self.equal.put(self.equal.family(np.ones(p.workloads))[self.workload], self.x, 1.0)
        if np.isfinite(p.hours_limit):
            row = self.upper.family(np.array([p.hours_limit]))
            self.upper.put(row, self.x, p.hours[columns])
            self.rows["hours"] = (int(row[0]), row)
        for f, z in zip(self.paid, self.z, strict=True):
            on = np.flatnonzero((p.platforms[columns] >> f) & 1)
            of, which = np.unique(self.workload[on], return_inverse=True)
            row = self.upper.family(np.zeros(len(of)))
            self.upper.put(row[which], self.x[on], 1.0)
            self.upper.put(row, z, -1.0)

    def _machines(self) -> None:
        """Need met, spot within its limit, the waiting work of each day done."""
        p, x = self.problem, self.x[self.drawing][:, None]
        need, spot, volume = row_demand(p, p.row[self.columns[self.drawing]])
        self.held = p.pools.held[self.pools] @ self.spread
        met = self.upper.family(self.held)
        self.rows["need"] = (int(met.ravel()[0]) if met.size else 0, self.pools)
        self.upper.put(met[self.of], x, need @ self.spread)
        self.upper.put(met[self.host_pool], self.N[:, None], p.hosts.machines[self.kinds][:, None])
        for variables, sign in ((self.g, 1.0), (self.y, -1.0), (self.q, -1.0)):
            self.upper.put(met, variables, sign)
        for have, k, block in self.levels:
            self.upper.put(met[have], k[:, block], -1.0)
        within = self.upper.family(np.zeros(met.shape))
        self.upper.put(within[self.of], x, -(spot @ self.spread))
        self.upper.put(within, self.q, 1.0)
        self.upper.put(within, self.g, -1.0)
        # Over clusters, work that waits may go anywhere.
        day = p.day if self.fine else np.zeros(len(self.hours), np.int64)
        volume = volume if self.fine else volume.sum(axis=1, keepdims=True)
        done = self.equal.family(np.zeros((len(self.pools), int(day.max()) + 1)))
        self.equal.put(done[:, day], self.g, self.hours)
        self.equal.put(done[self.of], x, -volume)

    def _quotas(self) -> None:
        """No more machines than can be had."""
        most = self.problem.pools.most[self.pools]
        limited = np.flatnonzero(np.isfinite(most))
        row = self.upper.family(np.maximum(most[limited, None] - self.held[limited], 0.0))
        self.rows["quota"] = (int(row.ravel()[0]) if row.size else 0, self.pools[limited])
        self.upper.put(row, self.y[limited], 1.0)
        self.upper.put(row, self.q[limited], 1.0)
        for have, k, block in self.levels:
            inside = np.isin(limited, have)
            at = np.searchsorted(have, limited[inside])
            self.upper.put(row[inside], k[at][:, block], 1.0)

    def _hosts(self) -> None:
        """Work and memory of those that share machines within the hosts opened."""
        p, of = self.problem, self.columns[self.living]
        for family, share in (("load", p.host_load[of]), ("memory", p.host_memory[of])):
            row = self.upper.family(np.zeros(len(self.kinds)))
            self.rows[family] = (int(row[0]) if row.size else 0, self.kinds)
            self.upper.put(row[self.kind], self.x[self.living], share)
            self.upper.put(row, self.N, -1.0)
        row = self.upper.family(np.zeros(len(self.living)))
        self.upper.put(row, self.x[self.living], 1.0)
        self.upper.put(row, self.N[self.kind], -1.0)

    def model(self) -> Model:
        """The program."""
        n = self._count
        A_ub, b_ub = self.upper.matrix(n)
        A_eq, b_eq = self.equal.matrix(n)
        bottom, whole = np.zeros(n), np.zeros(n, np.int64)
        bottom[self.z] = [float(self.opened >> f & 1) for f in self.paid]
        whole[: self.choosing] = 1
        return Model(
            columns=self.columns,
            objective=np.concatenate(self._cost),
            A_ub=A_ub,
            b_ub=b_ub,
            A_eq=A_eq,
            b_eq=b_eq,
            bottom=bottom,
            top=np.concatenate(self._top),
            whole=whole,
            rows=self.rows,
            cluster=self.cluster,
        )


def model(problem: Problem, columns: Ints, cluster: Ints | None = None, opened: int = 0) -> Model:
    """The program over some columns, at full resolution or over clusters of like steps.

    Parameters
    ----------
    columns : array of int
        At least one of each workload, in order.
    cluster : array of int, shape (T,), optional
        Cluster of each step, all of one year and numbered from 0; each step its own by default.
    opened : int
        Platforms that are paid for whatever is chosen, as bits.
    """
    return _Builder(problem, columns, cluster, opened).model()
