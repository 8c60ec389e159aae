r"""Choosing and proving: the best choice found, and how far from the best it can be.

1. Prices for what workloads share are taken from the demand of a first choice.
2. At any prices each column has a cost of its own and the whole a bound (`multipliers`, `bound`).
   The cheapest columns of the cheapest sets of platforms are choices; single moves with every pool
   bought anew improve them (`search`).
3. A linear program over the few columns that look best, on clusters of like steps, gives better
   prices; all columns are priced with them and the best join, until the bound meets the choice or
   stops rising. Then the same once at full resolution.
4. Columns that the bound rules out are dropped for good. Where workloads share hosts, whole hosts
   at the prices of all else are a small mixed-integer program of their own and bound better. What
   is left is solved as a mixed-integer program.

Every bound holds for whatever prices it was worked out with, so stopping early leaves a valid
certificate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .bill import cost, platforms_usd, steps_of
from .bound import Node, Platforms, Priced, Tree, at_least
from .market import market, pools_of
from .model import model
from .multipliers import Multipliers, Pricer, constant, feasible
from .problem import Answer, Array, Ints, Problem
from .relaxation import clusters, prices, relaxed, rounded, solved_hosts, solved_whole
from .search import Search, within_hours

ROUNDS = 8
NEAR = 6
"""Columns of each workload that join the linear program in a round."""
STALLED = 0.05
"""Share of the gap that a round must close to be followed by another."""
WORTH_DROPPING = 0.7
FEW_WORKLOADS = 50
"""Up to so many, the very first choice is improved too: that may already be proven best."""
FEW = 20_000
"""Columns that are ruled out are dropped once no more than this share, or so many, are left."""
TRIED = 4
"""Sets of platforms whose cheapest choice is tried in a round."""
SURVIVORS = 4_000
"""Most columns of the mixed-integer program."""
HOSTED = 1_000
"""The same where workloads share hosts: it is slow then, and adds little to what was proven."""
HOSTS_S = 5.0
"""Longest time for whole hosts at the prices of all else."""
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


class _StoppedError(Exception):
    """Time is up, or the answer good enough."""


class _Run:
    """One call of `optimize`. Columns that are ruled out are dropped for good on the way."""

    def __init__(
        self,
        problem: Problem,
        gap: float,
        seconds: float | None,
        cancelled: Callable[[], bool] | None,
        progress: Progress | None,
    ) -> None:
        self.began = time.perf_counter()
        self.gap, self.seconds = gap, seconds
        self.cancelled, self.progress = cancelled, progress
        self.stopped = "gap"
        if not len(problem.need):
            # Where nothing draws on a pool there is still a row to point at.
            problem = replace(
                problem,
                need=np.zeros((1, len(problem.hours_month)), np.float32),
                spot_share=np.zeros(1),
                waits=np.zeros(1, bool),
            )
        self.origin: Ints = np.arange(problem.columns)
        self.at_least = np.full(problem.columns, -np.inf)
        self.lower = -np.inf
        self.steps = steps_of(problem)
        self.hopeful = np.ones(problem.columns, bool)
        self.seen: set[bytes] = set()
        self.refined: dict[tuple[int, int], int] = {}
        self._take(problem)

    def _take(self, problem: Problem) -> None:
        self.problem = problem
        self.pricer, self.platforms = Pricer(problem), Platforms(problem)
        order = np.lexsort((problem.own_usd, problem.hours, self.platforms.workload))
        self.frugal: Ints = order[problem.start[:-1]]

    def start(self, incumbent: Ints | None) -> None:
        """A first choice, and prices from what it needs."""
        p, w = self.problem, self.platforms.workload
        self.chosen, self.upper = self.frugal, cost(p, self.frugal).usd
        self.active: Ints = self.frugal
        if incumbent is not None:
            self._consider(np.asarray(incumbent, np.int64))
            self.active = np.union1d(self.active, incumbent)
        drawing = np.flatnonzero(p.pool >= 0)
        firsts = drawing[np.unique(w[drawing], return_index=True)[1]]
        self.cluster = clusters(p, firsts, self.steps.years)
        self.prices = feasible(p, market(p, self.steps, firsts))
        priced = self._priced(self.prices)
        cheapest = self.platforms.cheapest(priced.reduced)
        self.prices = feasible(p, market(p, self.steps, cheapest, given=self.prices))
        self.latest = self.prices
        self.tree = Tree(self.platforms, self._priced(self.prices))
        self._learn(search=p.workloads <= FEW_WORKLOADS)

    def rounds(self) -> None:
        """Prices from coarse linear programs until the gap is closed or stops closing."""
        try:
            for i in range(ROUNDS):
                self._check(f"round {i + 1}")
                before = self.lower
                self._grow()
                self._relax(self.cluster)
                if i and self.lower - before < STALLED * (self.upper - self.lower):
                    break
        except _StoppedError:
            pass

    def finish(self) -> None:
        """Set of platforms by set of platforms: a finer program each time one comes up again."""
        try:
            while True:
                self._check("sets of platforms")
                node = self.tree.leaves[0]
                key = (node.opened, node.closed)
                level = self.refined.get(key, 0)
                self.refined[key] = level + 1
                if level == 0:
                    self._relax(self.cluster, node)
                elif level == 1:
                    self._relax(None, node)
                elif level == 2:
                    self._solve_hosts(node)
                elif level == 3:
                    self._solve_whole(node)
                else:
                    self.stopped = "time"
                    break
        except _StoppedError:
            pass

    def answer(self) -> Answer:
        """What was found."""
        lower = min(self.lower, self.upper)
        return Answer(
            chosen=self.origin[self.chosen],
            upper_usd=self.upper,
            lower_usd=lower,
            hour_usd=self.prices.hour,
            rent_usd=self.prices.rent,
            load_usd=self.prices.load,
            memory_usd=self.prices.memory,
            excess_usd=self._excess(lower),
            seconds=time.perf_counter() - self.began,
            stopped=self.stopped,
        )

    def _excess(self, lower: float) -> Array:
        if not np.isfinite(lower):
            return np.zeros_like(self.at_least)
        return np.maximum(self.at_least - lower, 0.0)

    # Stopping ------------------------------------------------------------------------------

    def _closed(self) -> bool:
        near = self.upper - self.lower <= self.gap * abs(self.upper)
        return bool(np.isfinite(self.upper) and near)

    def _left(self) -> float:
        if self.seconds is None:
            return np.inf
        return self.seconds - (time.perf_counter() - self.began)

    def _check(self, stage: str) -> None:
        if self.progress is not None:
            self.progress(stage, self.upper, self.lower)
        if self._closed():
            raise _StoppedError
        if self.cancelled is not None and self.cancelled():
            self.stopped = "cancelled"
            raise _StoppedError
        if self._left() <= 0:
            self.stopped = "time"
            raise _StoppedError

    # Choices -------------------------------------------------------------------------------

    def _consider(self, chosen: Ints) -> None:
        usd = cost(self.problem, chosen).usd
        if usd < self.upper:
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

    def _priced(self, m: Multipliers) -> Priced:
        reduced = np.where(self.hopeful, self.pricer.reduced(m), np.inf)
        return self.platforms.priced(reduced, constant(self.problem, m))

    def _bound(self, given: Multipliers) -> Priced:
        """Bound at these prices, beside those seen before."""
        m = self.latest = feasible(self.problem, given)
        priced = self._priced(m)
        self.tree.add(priced)
        if self.tree.leaves[0].priced is priced:
            self.prices = m
        self._learn()
        return priced

    def _learn(self, *, search: bool = True) -> None:
        """Choices that the bound suggests, and columns that it rules out."""
        p, best = self.problem, (np.inf, self.chosen)
        for node in self.tree.leaves[:TRIED]:
            choice = self.platforms.best(node) if np.isfinite(node.lower_usd) else self.chosen
            key = self.origin[choice].tobytes()
            if key not in self.seen:
                self.seen.add(key)
                choice = within_hours(p, choice, self.frugal, node.priced.reduced)
                best = min(best, (cost(p, choice).usd, choice), key=lambda b: b[0])
        if np.isfinite(best[0]):
            if search:
                self._improve(best[1], self.tree.leaves[0].priced.reduced)
            else:
                self._consider(best[1])
        self._rule_out()

    def _rule_out(self) -> None:
        """Drop the columns that no better choice can have, if they are many."""
        # Whatever has been dropped before costs at least what was the best choice then.
        self.lower = max(self.lower, min(self.tree.lower_usd, self.upper))
        found = at_least(self.platforms, self.tree.leaves)
        hopeful = self.hopeful & (found <= self.upper * (1.0 + 1e-12))
        hopeful[self.chosen] = True
        if not self.hopeful.all() or len(self.origin) < len(self.at_least):
            # Without the columns dropped a bound only tells what is no better than the best choice.
            found = np.minimum(found, self.upper)
        self.at_least[self.origin] = np.maximum(self.at_least[self.origin], found)
        self.hopeful = hopeful
        keep = self.hopeful.copy()
        keep[self.frugal] = True
        if keep.all() or (len(keep) > FEW and keep.mean() > WORTH_DROPPING):
            return
        smaller, index = self.problem.only(keep)
        self.origin, self.hopeful = self.origin[index], self.hopeful[index]
        at = np.cumsum(keep) - 1
        self.chosen, self.active = at[self.chosen], at[self.active[keep[self.active]]]
        self._take(smaller)
        self.tree.replace(self.platforms, index, self.hopeful)

    def _grow(self) -> None:
        """Add the columns that look best to the linear program."""
        p, reduced = self.problem, self.tree.leaves[0].priced.reduced
        near = np.concatenate(self._nearest(reduced, NEAR))
        key = self.platforms.workload * len(self.platforms.kinds) + self.platforms.kind
        order = np.lexsort((reduced, key))
        best = order[np.r_[True, np.diff(key[order]) != 0]]
        hopeful = self.hopeful
        best = best[hopeful[best]]
        self.active = np.unique(np.r_[self.active, near, best, self.chosen])
        if len(self.active) > NEAR * 8 * p.workloads:
            self.active = self.active[hopeful[self.active]]
            self.active = np.union1d(self.active, np.r_[self.chosen, self.frugal])

    def _relax(self, cluster: Ints | None, node: Node | None = None) -> None:
        """Solve the relaxation over the active columns, or those of a node; bound and choices."""
        p, columns, opened = self.problem, self.active, 0
        if node is not None:
            columns = self._of(node, cluster is None)
            opened = node.opened
        built = model(p, columns, cluster, opened)
        found = relaxed(built, self._left())
        if found is None:
            return
        x, marginals = found
        some = x > 1e-9
        given = prices(p, built, marginals)
        chosen = rounded(p, built, x)
        self._improve(chosen, self.tree.leaves[0].priced.reduced)
        by_need = market(p, self.steps, columns[some], x[some], given)
        if cluster is None:
            # The program's own prices are the best there are for the pools in it.
            used = pools_of(p, columns)
            by_need.rent[used] = given.rent[used]
        self._bound(by_need)

    def _of(self, node: Node, every: bool) -> Ints:
        """Columns of a node that may be part of a better choice: the active ones, or all."""
        able = self.platforms.within(node)
        keep = self.hopeful.copy()
        if not every:
            active = np.zeros(len(keep), bool)
            active[self.active] = True
            keep &= active
        keep &= able
        keep[self.platforms.best(node)] = True
        return np.flatnonzero(keep)

    def _solve_hosts(self, node: Node) -> None:
        """Whole hosts at the latest prices of all else; the bound counts for the node."""
        p, m = self.problem, self.latest
        keep = self._of(node, every=True)
        if not (p.host[keep] >= 0).any():
            return
        bare = replace(m, load=np.zeros_like(m.load), memory=np.zeros_like(m.memory))
        reduced = self.pricer.reduced(bare)[keep]
        seconds = min(self._left(), HOSTS_S)
        chosen, bound = solved_hosts(p, keep, reduced, m.load + m.memory, seconds, self.gap / 2.0)
        bound += constant(p, m) + platforms_usd(p, node.opened)
        if chosen is not None:
            self._improve(chosen, node.priced.reduced)
        # What was left out costs at least the best choice of before.
        self.tree.prove(node, min(bound, max(self.upper, node.lower_usd)))
        self._rule_out()

    def _solve_whole(self, node: Node) -> None:
        """The mixed-integer program of a node; its bound counts for the node."""
        keep = self._of(node, every=True)
        if len(keep) > (HOSTED if (self.problem.host[keep] >= 0).any() else SURVIVORS):
            self.stopped = "size"
            return
        built = model(self.problem, keep, None, node.opened)
        shares, bound = solved_whole(built, min(self._left(), PATIENCE_S), self.gap / 2.0)
        if shares is not None:
            chosen = rounded(self.problem, built, shares)
            self._consider(within_hours(self.problem, chosen, self.frugal, node.priced.reduced))
        # What was left out costs at least the best choice of before.
        self.tree.prove(node, min(bound, max(self.upper, node.lower_usd)))
        self._rule_out()
