r"""Solving the joint problem without working out every column's machines.

A portfolio has several hundred thousand columns. A few hundred that look cheapest are solved
first. At the prices of that answer every other column has a least cost (`advisor.optimize.rents`),
and with it a bound on what any plan that uses it costs. Columns whose bound lies above the plan
found cannot be part of a better one; the others join, until none is left. So the certificate covers
them all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.portfolio import HOURS_PER_MONTH

from .assemble import Assembly, assemble
from .choices import Array
from .columns import Columns
from .joint.bound import Platforms, Tree, at_least
from .joint.multipliers import Pricer, constant, feasible, no_prices, split
from .joint.optimize import Progress, optimize
from .joint.problem import Answer, Hosts, Pools, Problem
from .places import Ints
from .rents import hosts_usd, least_usd, likely_rents
from .setting import Setting

FIRST = 30
"""Columns of each workload that are looked at first."""
EACH = 2
"""Columns of each workload that are looked at first on each set of platforms."""
KEPT = 8
"""Sketches kept with a setting."""
MANY = 3_000
"""Columns that may join for a gap of 0."""
ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Certified:
    """An answer over all columns.

    Attributes
    ----------
    columns : tuple of int
        Column of each workload, numbered as in its `Columns`.
    nearest : tuple of array of int
        Columns of each workload that came into question, the nearest to being chosen first.
    answer : Answer
        Of the last problem, its lower bound valid for all columns.
    assembly : Assembly
    """

    columns: tuple[int, ...]
    nearest: tuple[Ints, ...]
    answer: Answer
    assembly: Assembly


def certify(
    setting: Setting,
    found: Sequence[Columns],
    able: Sequence[Ints],
    start: Sequence[int],
    *,
    gap: float = 1e-3,
    seconds: float | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> Certified:
    """The cheapest of all columns that are `able`, proven to within `gap`.

    Parameters
    ----------
    found : sequence of Columns
        Of each workload.
    able : sequence of array of int
        Columns of each workload that may be chosen.
    start : sequence of int
        A column of each workload, able or not: a choice that the answer is never dearer than.
    """
    sketch = _sketch(setting, found, able)
    likely = sketch.likely
    active = [np.union1d(f, [s]) for f, s in zip(sketch.first, start, strict=True)]
    incumbent = tuple(int(s) for s in start)
    for _ in range(ROUNDS):
        assembly = assemble(setting, found, active)
        answer = optimize(
            assembly.problem,
            incumbent=assembly.answer_of(incumbent),
            gap=gap / 2.0,
            seconds=seconds,
            cancelled=cancelled,
            progress=progress,
        )
        incumbent = tuple(int(c) for c in assembly.columns_of(answer.chosen))
        rents = likely.copy()
        standing = assembly.place >= 0
        rents[assembly.place[standing]] = answer.rent_usd[standing]
        floor = sketch.floor(rents, answer, assembly, active)
        below = answer.upper_usd
        if sum(int((f < below).sum()) for f in floor) > MANY:
            # Too many could be a little better: those that could only be within the gap stay out.
            below *= 1.0 - gap / 2.0
        added = [
            np.union1d(a, all_of[f < below])
            for a, all_of, f in zip(active, able, floor, strict=True)
        ]
        if all(len(a) == len(b) for a, b in zip(active, added, strict=True)):
            lower = min(answer.lower_usd, below)
            return _certified(incumbent, replace(answer, lower_usd=lower), assembly)
        active = added
    return _certified(incumbent, replace(answer, lower_usd=-np.inf, stopped="rounds"), assembly)


def _certified(columns: tuple[int, ...], answer: Answer, assembly: Assembly) -> Certified:
    start = assembly.problem.start
    nearest = tuple(
        assembly.index[a:b][np.argsort(answer.excess_usd[a:b], kind="stable")]
        for a, b in itertools.pairwise(start.tolist())
    )
    return Certified(columns, nearest, answer, assembly)


def _sketch(setting: Setting, found: Sequence[Columns], able: Sequence[Ints]) -> _Sketch:
    """The sketch of these columns, kept for when the same are solved again."""
    key = tuple(id(a) for a in able)
    with setting.lock:
        kept = setting.sketches.get(key)
    if kept is None:
        kept = _Sketch(setting, found, able)
        with setting.lock:
            while len(setting.sketches) >= KEPT:
                del setting.sketches[next(iter(setting.sketches))]
            setting.sketches[key] = kept
    return kept


class _Sketch:
    """All columns at the least each can cost, whatever their machines.

    Attributes
    ----------
    likely : array, shape (places, T)
        Rents to begin with.
    first : list of array of int
        Columns of each workload to look at first: the cheapest at those rents, over all and on
        each set of platforms.
    """

    def __init__(self, setting: Setting, found: Sequence[Columns], able: Sequence[Ints]) -> None:
        self._setting, self._found, self._able = setting, found, able
        self._start = np.r_[0, np.cumsum([len(a) for a in able])].astype(np.int64)
        n, nothing = int(self._start[-1]), np.zeros(0)
        self._platforms = Platforms(
            Problem(
                start=self._start,
                own_usd=np.zeros(n),
                hours=np.zeros(n),
                pool=np.full(n, -1),
                row=np.zeros(n, np.int64),
                need=np.zeros((0, 1), np.float32),
                spot_share=nothing,
                waits=nothing.astype(bool),
                host=np.full(n, -1),
                host_load=np.zeros(n),
                host_memory=np.zeros(n),
                platforms=np.concatenate(
                    [c.platforms[a] for c, a in zip(found, able, strict=True)]
                ),
                platform_usd=np.array(list(setting.platforms.values())),
                hours_limit=np.inf,
                hours_month=np.full(1, HOURS_PER_MONTH),
                day=np.zeros(1, np.int64),
                block=np.zeros((0, 1), np.int64),
                pools=Pools(nothing, nothing, np.zeros((0, 0)), np.zeros((0, 1)), nothing),
                hosts=Hosts(np.zeros(0, np.int64), nothing),
            )
        )
        rates = [setting.rates(c.workload) for c in found]
        self.likely = likely_rents(setting, np.sum([r / r.mean() for r in rates], axis=0))
        self.first = self._first()

    def _first(self) -> list[Ints]:
        out = []
        least = self.least(self.likely, 0.0, *self._likely_hosts())
        for w, (usd, able) in enumerate(zip(least, self._able, strict=True)):
            kind = self._platforms.kind[self._start[w] : self._start[w + 1]]
            k = min(FIRST, len(usd))
            keep = [np.argpartition(usd, k - 1)[:k]]
            for of in np.unique(kind):
                mine = np.flatnonzero(kind == of)
                k = min(EACH, len(mine))
                keep.append(mine[np.argpartition(usd[mine], k - 1)[:k]])
            out.append(able[np.unique(np.concatenate(keep))])
        return out

    def _likely_hosts(self) -> tuple[Array, Array]:
        """What work and memory of each kind of host would be worth at the likely rents."""
        worth = hosts_usd(self._setting, self.likely)
        return split(worth, np.zeros_like(worth), np.zeros_like(worth))

    def least(self, rents: Array, hour: float, load: Array, memory: Array) -> list[Array]:
        """The least cost of each workload's columns at these prices, USD a month."""
        return [
            least_usd(self._setting, c, a, rents, load, memory) + hour * c.hours[a]
            for c, a in zip(self._found, self._able, strict=True)
        ]

    def floor(
        self, rents: Array, answer: Answer, assembly: Assembly, active: Sequence[Ints]
    ) -> list[Array]:
        """What any plan with each column costs at least, USD a month."""
        problem = assembly.problem
        plain = no_prices(problem)
        m = feasible(
            problem,
            replace(
                plain,
                rent=answer.rent_usd,
                hour=answer.hour_usd,
                load=answer.load_usd,
                memory=answer.memory_usd,
            ),
        )
        exact = Pricer(problem).reduced(m)
        least = self.least(rents, m.hour, m.load, m.memory)
        for w, (usd, able, mine) in enumerate(zip(least, self._able, active, strict=True)):
            known = exact[problem.start[w] : problem.start[w + 1]]
            inside, at = np.isin(mine, able), np.searchsorted(able, mine)
            usd[at[inside]] = known[inside]
        priced = self._platforms.priced(np.concatenate(least), constant(problem, m))
        found = at_least(self._platforms, Tree(self._platforms, priced).leaves)
        return np.split(found, self._start[1:-1])
