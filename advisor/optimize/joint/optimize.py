r"""Choosing and proving: the best choice found, and how far from the best it can be.

1. Prices for what workloads share are taken from the demand of a first choice.
2. At any prices each column has a cost of its own and the whole a bound (`multipliers`, `bound`).
   The cheapest columns of the cheapest sets of platforms are choices; single moves with every pool
   bought anew improve them (`search`).
3. A linear program over the few columns that look best, on clusters of like steps, gives better
   prices; all columns are priced with them and the best join, until the bound meets the choice or
   stops rising. Then the same once at full resolution.
4. Columns that the bound rules out are dropped for good. What is left is solved as a mixed-integer
   program.

Every bound holds for whatever prices it was worked out with, so stopping early leaves a valid
certificate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from .bill import cost, demand, terms_of, time_of
from .bound import Node, Platforms, Priced, excess
from .multipliers import Multipliers, Pricer, constant, feasible, filled, no_prices
from .pools import rents
from .problem import Answer, Array, Ints, Problem
from .relaxation import Model, model, prices
from .search import Search, within_hours

CLUSTERS = 24
ROUNDS = 8
NEAR = 6
"""Columns of each workload that join the linear program in a round."""
TRIED = 4
"""Sets of platforms whose cheapest choice is tried in a round."""
FINE_ROWS = 40_000
"""Most pool-steps of a linear program at full resolution."""
SURVIVORS = 4_000
"""Most columns of the mixed-integer program."""
PATIENCE_S = 30.0
"""Longest time for the mixed-integer program where no limit is given."""

Progress = Callable[[str, float, float], None]


def optimize(
    problem: Problem,
    *,
    incumbent: Ints | None = None,
    gap: float = 1e-3,
    seconds: float | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> Answer:
    """The cheapest choice found, with its certificate.

    Parameters
    ----------
    problem : Problem
    incumbent : array of int, shape (W,), optional
        A choice to start from; the answer is never dearer.
    gap : float
        Relative gap at which to stop.
    seconds : float, optional
        Time limit; the best choice so far is returned with its certificate.
    cancelled : callable, optional
        Asked between stages whether to stop.
    progress : callable, optional
        Told the stage, the upper and the lower bound.

    Returns
    -------
    Answer
        ``upper_usd`` is ``inf`` where no choice can be bought within the hours.
    """
    run = _Run(problem, gap, seconds, cancelled, progress)
    run.start(incumbent)
    run.rounds()
    run.finish()
    return run.answer()


class _Stop(Exception):
    """Time is up, or the answer good enough."""


@dataclass
class _Run:
    problem: Problem
    gap: float
    seconds: float | None
    cancelled: Callable[[], bool] | None
    progress: Progress | None
    began: float = field(default_factory=time.perf_counter)
    stopped: str = "gap"
    upper: float = np.inf
    lower: float = -np.inf

    def start(self, incumbent: Ints | None) -> None:
        """A first choice, and prices from what it needs."""
        p = self.problem
        self.pricer, self.platforms = Pricer(p), Platforms(p)
        self.time = time_of(p)
        w = self.platforms.workload
        self.frugal: Ints = np.lexsort((p.own_usd, p.hours, w))[p.start[:-1]]
        self.excess = np.zeros(p.columns)
        self.prices = no_prices(p)
        self.sets: list[Priced] = []
        self.seen: set[bytes] = set()
        self.active = self.frugal
        self._consider(self.frugal)
        if incumbent is not None:
            self._consider(incumbent)
            self.active = np.union1d(self.active, incumbent)
        drawing = np.flatnonzero(p.pool >= 0)
        firsts = drawing[np.unique(w[drawing], return_index=True)[1]]
        self.cluster = self._clusters(firsts)
        self._bound(self._prices_of(firsts), improve=False)
        cheapest = self._cheapest(self.sets[-1].reduced)
        self._bound(self._prices_of(cheapest, given=self.prices))

    def _cheapest(self, reduced: Array) -> Ints:
        first: Ints = np.lexsort((reduced, self.platforms.workload))[self.problem.start[:-1]]
        return first

    def rounds(self) -> None:
        """Prices from coarse linear programs until the gap is closed or stops closing."""
        try:
            for i in range(ROUNDS):
                self._check(f"round {i + 1}")
                before = self.lower
                self._grow()
                self._relax(self.cluster)
                if i and self.lower - before < 0.05 * (self.upper - self.lower):
                    break
            for _ in range(ROUNDS):
                self._check("sets of platforms")
                node, before = self.frontier[0], self.lower
                self._relax(self.cluster, node)
                if self.lower - before < 0.02 * (self.upper - self.lower):
                    break
        except _Stop:
            pass

    def finish(self) -> None:
        """At full resolution, and then whole columns, as far as the gap asks for it."""
        try:
            self._check("full resolution")
            keep = self._survivors()
            if len(np.unique(self.problem.pool[keep])) * len(self.time.day) <= FINE_ROWS:
                self.active = keep
                self._relax(None, self.frontier[0])
            self._check("whole columns")
            self._solve_whole(self._survivors())
        except _Stop:
            pass

    def answer(self) -> Answer:
        """What was found."""
        return Answer(
            chosen=self.chosen,
            upper_usd=self.upper,
            lower_usd=min(self.lower, self.upper),
            hour_usd=self.prices.hour,
            rent_usd=self.prices.rent,
            excess_usd=self.excess,
            seconds=time.perf_counter() - self.began,
            stopped=self.stopped,
        )

    # Stopping ------------------------------------------------------------------------------

    def _closed(self) -> bool:
        return self.upper - self.lower <= self.gap * abs(self.upper)

    def _left(self) -> float:
        if self.seconds is None:
            return np.inf
        return self.seconds - (time.perf_counter() - self.began)

    def _check(self, stage: str) -> None:
        if self.progress is not None:
            self.progress(stage, self.upper, self.lower)
        if self._closed():
            raise _Stop
        if self.cancelled is not None and self.cancelled():
            self.stopped = "cancelled"
            raise _Stop
        if self._left() <= 0:
            self.stopped = "time"
            raise _Stop

    # Choices -------------------------------------------------------------------------------

    def _consider(self, chosen: Ints) -> None:
        usd = cost(self.problem, chosen).usd
        if usd < self.upper or not hasattr(self, "chosen"):
            self.chosen, self.upper = chosen, usd

    def _improve(self, chosen: Ints, reduced: Array) -> None:
        """Take a choice if it, or what single moves make of it, is better than the best."""
        p = self.problem
        chosen = within_hours(p, chosen, self.frugal, reduced)
        usd = cost(p, chosen).usd
        if not np.isfinite(usd):
            return
        able = self._nearest(reduced, NEAR)
        moves = [np.union1d(a, [c]) for a, c in zip(able, chosen, strict=True)]
        found, usd = Search(p, moves).improve(chosen, usd)
        if usd < self.upper:
            self.chosen, self.upper = found, usd

    def _nearest(self, reduced: Array, most: int) -> list[Ints]:
        """The columns of each workload with the least reduced cost."""
        out = []
        for first, last in zip(self.problem.start[:-1], self.problem.start[1:], strict=True):
            usd = reduced[first:last]
            k = min(most, len(usd))
            out.append(first + np.argpartition(usd, k - 1)[:k])
        return out

    # Bounds --------------------------------------------------------------------------------

    def _bound(self, given: Multipliers, *, improve: bool = True) -> None:
        """Bound and choices at these prices, beside those seen before."""
        p = self.problem
        m = feasible(p, given)
        reduced = self.pricer.reduced(m)
        self.sets.append(self.platforms.priced(reduced, constant(p, m)))
        self.frontier = self.platforms.frontier(self.sets)
        best = self.frontier[0]
        if best.lower_usd >= self.lower:
            self.lower = best.lower_usd
            self.excess = excess(self.platforms, self.frontier)
        if best.priced is self.sets[-1]:
            self.prices = m
        self.sets = _kept(self.sets, self.frontier)
        if improve:
            for choice in self._choices():
                self._improve(choice, reduced)

    def _choices(self) -> list[Ints]:
        """The cheapest columns within the cheapest sets of platforms, where not yet seen."""
        out = []
        for node in self.frontier[:TRIED]:
            if np.isfinite(node.lower_usd):
                choice = self.platforms.best(node)
                key = choice.tobytes()
                if key not in self.seen:
                    self.seen.add(key)
                    out.append(choice)
        return out

    def _prices_of(
        self, columns: Ints, share: Array | None = None, given: Multipliers | None = None
    ) -> Multipliers:
        """Prices at which what these columns need would be bought.

        Parameters
        ----------
        share : array, optional
            How much of each column counts.
        given : Multipliers, optional
            Prices to keep where they are about more than pools in use.
        """
        p = self.problem
        drawing = np.flatnonzero(p.pool[columns] >= 0)
        part = None if share is None else share[drawing]
        of = columns[drawing]
        need = demand(p, of, p.pool[of], len(p.pools), part)
        used = np.flatnonzero(need.need.any(axis=1) | need.volume.any(axis=1))
        m = given or no_prices(p)
        # Each machine counts by its price, so that small ones do not drown large ones.
        usd = np.where(np.isfinite(p.pools.on_demand), p.pools.on_demand, 0.0)
        rent = filled(p, m.rent, usd @ need.need, self.time.years)
        terms = terms_of(p.pools, self.time, used)
        rent[used] = rents(need.need[used], need.spot[used], need.volume[used], terms, self.time)
        return Multipliers(rent, m.quota, m.hour, m.load, m.memory)

    def _grow(self) -> None:
        """Add the columns that look best to the linear program."""
        p, reduced = self.problem, self.frontier[0].priced.reduced
        near = np.concatenate(self._nearest(reduced, NEAR))
        key = self.platforms.workload * len(self.platforms.kinds) + self.platforms.kind
        order = np.lexsort((reduced, key))
        best = order[np.r_[True, np.diff(key[order]) != 0]]
        room = self.upper - self.lower
        best = best[self.excess[best] <= room]
        self.active = np.unique(np.r_[self.active, near, best, self.chosen])
        if len(self.active) > NEAR * 8 * p.workloads:
            self.active = self.active[self.excess[self.active] <= room]
            self.active = np.union1d(self.active, np.r_[self.chosen, self.frugal])

    def _relax(self, cluster: Ints | None, node: Node | None = None) -> None:
        """Solve the relaxation over the active columns, or those of a node; bound and choices."""
        p, columns, opened = self.problem, self.active, 0
        if node is not None:
            columns = np.union1d(columns, self.platforms.best(node))
            columns = columns[self.platforms.within(node)[columns]]
            opened = node.opened
        built = model(p, columns, cluster, opened)
        limit = {"time_limit": max(self._left(), 0.01)} if np.isfinite(self._left()) else {}
        found = linprog(
            built.objective,
            A_ub=built.A_ub,
            b_ub=built.b_ub,
            A_eq=built.A_eq,
            b_eq=built.b_eq,
            bounds=np.column_stack([built.bottom, built.top]),
            method="highs",
            options=limit,
        )
        if found.status != 0:
            return
        x = found.x[: len(columns)]
        some = x > 1e-9
        given = prices(p, built, found.ineqlin.marginals)
        self._bound(self._prices_of(columns[some], x[some], given))
        self._improve(self._rounded(built, x), self.sets[-1].reduced)

    def _rounded(self, built: Model, x: Array) -> Ints:
        """The column of each workload that the relaxation takes most of."""
        w = self.platforms.workload[built.columns]
        order = np.lexsort((-x[: len(built.columns)], w))
        first = np.searchsorted(w[order], np.arange(self.problem.workloads))
        out: Ints = built.columns[order[first]]
        return out

    def _clusters(self, chosen: Ints) -> Ints:
        """Steps that are alike in what pools need, at most `CLUSTERS` of them for each year."""
        p, years = self.problem, self.time.years
        drawing = chosen[p.pool[chosen] >= 0]
        used, of = np.unique(p.pool[drawing], return_inverse=True)
        need = demand(p, drawing, of, len(used)).need
        out = np.zeros(len(years), np.int64)
        scaled = need / np.maximum(need.max(axis=1, keepdims=True), 1e-12)
        for year in np.unique(years):
            of_year = np.flatnonzero(years == year)
            points = scaled[:, of_year].T
            label = np.zeros(len(of_year), np.int64)
            if points.size and np.ptp(points) > 0:
                some = min(CLUSTERS, len(np.unique(points, axis=0)))
                _, label = kmeans2(points, some, minit="++", rng=0, missing="warn")
            out[of_year] = np.unique(label, return_inverse=True)[1] + (out.max() + 1) * (year > 0)
        return out

    # Whole columns -------------------------------------------------------------------------

    def _survivors(self) -> Ints:
        """Columns that may be part of a better choice, with those of the best one."""
        keep = self.excess <= (self.upper - self.lower) * (1.0 + 1e-9)
        keep[self.chosen] = True
        return np.flatnonzero(keep)

    def _solve_whole(self, keep: Ints) -> None:
        """The mixed-integer program over what is left; its bound holds for everything."""
        if len(keep) > SURVIVORS or not np.isfinite(self.upper):
            self.stopped = "size"
            return
        built = model(self.problem, keep)
        found = milp(
            built.objective,
            integrality=built.whole,
            bounds=Bounds(built.bottom, built.top),
            constraints=[
                LinearConstraint(built.A_ub, -np.inf, built.b_ub),
                LinearConstraint(built.A_eq, built.b_eq, built.b_eq),
            ],
            options={
                "time_limit": min(self._left(), PATIENCE_S),
                "mip_rel_gap": self.gap / 2.0,
            },
        )
        if found.x is not None:
            chosen = self._rounded(built, found.x)
            reduced = self.frontier[0].priced.reduced
            self._consider(within_hours(self.problem, chosen, self.frugal, reduced))
        bound = found.mip_dual_bound
        if bound is not None and np.isfinite(bound):
            # What was left out costs at least the upper bound of before.
            self.lower = max(self.lower, min(float(bound), self.upper))
        if not self._closed():
            self.stopped = "time"


def _kept(sets: list[Priced], frontier: list[Node]) -> list[Priced]:
    """Prices that bound some node best, and the latest."""
    used = {id(node.priced) for node in frontier}
    return [s for s in sets[:-1] if id(s) in used] + sets[-1:]
