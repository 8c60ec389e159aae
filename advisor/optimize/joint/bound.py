"""The least any choice can cost at given prices, over all sets of platforms."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from .bill import platforms_usd
from .problem import Array, Bools, Ints, Problem

NODES = 400
"""Most sets of platforms looked at one by one; what lies beyond them counts as open for free."""


@dataclass(frozen=True, eq=False)
class Priced:
    """The columns at one set of prices.

    Attributes
    ----------
    reduced : array, shape (n,)
        Reduced cost of each column.
    constant : float
        The part of the bound that no column changes.
    minima : array, shape (W, S)
        The least reduced cost of each workload on each kind of platforms.
    """

    reduced: Array
    constant: float
    minima: Array


@dataclass(frozen=True, eq=False)
class Node:
    """Sets of platforms that hold `opened` and none of `closed`.

    Attributes
    ----------
    lower_usd : float
        No choice within them costs less.
    priced : Priced
        At whose prices that was found.
    least : array, shape (W,)
        The least reduced cost of each workload within them.
    settled : bool
        Whether what is cheapest needs no platform beyond `opened`.
    """

    opened: int
    closed: int
    lower_usd: float
    priced: Priced
    least: Array
    settled: bool


class Platforms:
    """Minima of workloads by the platforms that columns run on."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.paid = sum(1 << f for f, usd in enumerate(problem.platform_usd) if usd > 0)
        self.kinds, self.kind = np.unique(problem.platforms & self.paid, return_inverse=True)
        self.workload = np.repeat(np.arange(problem.workloads), np.diff(problem.start))
        key = self.workload * len(self.kinds) + self.kind
        self._order = np.argsort(key, kind="stable")
        self._keys, self._first = np.unique(key[self._order], return_index=True)

    def priced(self, reduced: Array, constant: float) -> Priced:
        """Columns at one set of prices, with their minima."""
        least = np.full(self.problem.workloads * len(self.kinds), np.inf)
        least[self._keys] = np.minimum.reduceat(reduced[self._order], self._first)
        return Priced(reduced, constant, least.reshape(-1, len(self.kinds)))

    def within(self, node: Node) -> Bools:
        """Columns that run on none of the platforms a node leaves closed."""
        able: Bools = ((self.kinds & node.closed) == 0)[self.kind]
        return able

    def best(self, node: Node) -> Ints:
        """The cheapest column of each workload within a node."""
        usd = np.where(self.within(node), node.priced.reduced, np.inf)
        out: Ints = np.lexsort((usd, self.workload))[self.problem.start[:-1]]
        return out

    def frontier(self, sets: Sequence[Priced], nodes: int = NODES) -> list[Node]:
        """Nodes that together hold every set of platforms, the cheapest first and settled.

        Each is bounded at the prices that bound it best. Where more than `nodes` would be needed
        the first may be unsettled; its bound holds.
        """
        tie = count()
        root = self._node(sets, 0, 0)
        heap = [(root.lower_usd, next(tie), root)]
        while len(heap) < nodes:
            node = heap[0][2]
            if node.settled or not np.isfinite(node.lower_usd):
                break
            heapq.heappop(heap)
            platform = self._most_used(node)
            for opened, closed in (
                (node.opened | platform, node.closed),
                (node.opened, node.closed | platform),
            ):
                child = self._node(sets, opened, closed)
                heapq.heappush(heap, (child.lower_usd, next(tie), child))
        return [node for _, _, node in sorted(heap)]

    def _node(self, sets: Sequence[Priced], opened: int, closed: int) -> Node:
        able = (self.kinds & closed) == 0
        fixed = platforms_usd(self.problem, opened)
        best: tuple[float, Priced, Array] | None = None
        for one in sets:
            least = one.minima[:, able].min(axis=1, initial=np.inf)
            lower = one.constant + fixed + float(least.sum())
            if best is None or lower > best[0]:
                best = (lower, one, least)
        assert best is not None
        lower, one, least = best
        return Node(opened, closed, lower, one, least, not self._wanted(one, able, opened))

    def _wanted(self, priced: Priced, able: Bools, opened: int) -> int:
        """Platforms beyond `opened` that what is cheapest would use."""
        kinds = self.kinds[able]
        if not len(kinds):
            return 0
        used = kinds[np.unique(priced.minima[:, able].argmin(axis=1))]
        return int(np.bitwise_or.reduce(used)) & ~opened

    def _most_used(self, node: Node) -> int:
        """The undecided platform whose absence would cost most."""
        able = (self.kinds & node.closed) == 0
        wanted, worst, platform = self._wanted(node.priced, able, node.opened), -1.0, 0
        for f, usd in enumerate(self.problem.platform_usd):
            if not wanted >> f & 1:
                continue
            without = able & ((self.kinds >> f & 1) == 0)
            least = node.priced.minima[:, without].min(axis=1, initial=np.inf)
            lost = min(float((least - node.least).sum()), 1e30) + 1e-6 * usd
            if lost > worst:
                worst, platform = lost, 1 << f
        return platform


def excess(platforms: Platforms, frontier: Sequence[Node]) -> Array:
    """At least how much dearer than the cheapest node any choice with each column is, (n,)."""
    problem = platforms.problem
    out = np.full(problem.columns, np.inf)
    lower = frontier[0].lower_usd
    for node in frontier:
        if not np.isfinite(node.lower_usd):
            continue
        extra = np.array(
            [
                np.inf if k & node.closed else platforms_usd(problem, int(k) & ~node.opened)
                for k in platforms.kinds
            ]
        )
        here = node.priced.reduced - node.least[platforms.workload] + extra[platforms.kind]
        np.minimum(out, node.lower_usd - lower + here, out=out)
    return np.maximum(out, 0.0)
