"""The least any choice can cost at given prices, over all sets of platforms."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np

from .bill import platforms_usd
from .problem import Array, Ints, Problem

NODES = 400
"""Most sets of platforms looked at one by one; what lies beyond them counts as open for free."""


@dataclass(frozen=True, eq=False)
class Node:
    """Sets of platforms that hold `opened` and none of `closed`.

    Attributes
    ----------
    lower_usd : float
        No choice within them costs less.
    least : array, shape (W,)
        The least reduced cost of each workload within them.
    settled : bool
        Whether what is cheapest needs no platform beyond `opened`.
    """

    opened: int
    closed: int
    lower_usd: float
    least: Array
    settled: bool


class Platforms:
    """Minima of workloads by the platforms that columns run on."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.paid = sum(1 << f for f, usd in enumerate(problem.platform_usd) if usd > 0)
        self.kinds, kind = np.unique(problem.platforms & self.paid, return_inverse=True)
        workload = np.repeat(np.arange(problem.workloads), np.diff(problem.start))
        key = workload * len(self.kinds) + kind
        self._order = np.argsort(key, kind="stable")
        self._keys, self._first = np.unique(key[self._order], return_index=True)
        self.kind, self.workload = kind, workload

    def minima(self, reduced: Array) -> Array:
        """The least reduced cost of each workload on each kind of platforms, shape (W, S)."""
        out = np.full(self.problem.workloads * len(self.kinds), np.inf)
        out[self._keys] = np.minimum.reduceat(reduced[self._order], self._first)
        return out.reshape(-1, len(self.kinds))

    def best(self, reduced: Array, node: Node) -> Ints:
        """The cheapest column of each workload within a node."""
        able = (self.kinds & node.closed) == 0
        usd = np.where(able[self.kind], reduced, np.inf)
        first = np.lexsort((usd, self.workload))
        out: Ints = first[self.problem.start[:-1]]
        return out

    def frontier(self, reduced: Array, constant: float, nodes: int = NODES) -> list[Node]:
        """Nodes that together hold every set of platforms, the cheapest first and settled.

        Where more than `nodes` would be needed the first may be unsettled; its bound holds.
        """
        minima = self.minima(reduced)
        tie = count()
        heap = [(root.lower_usd, next(tie), root) for root in [self._node(minima, constant, 0, 0)]]
        done: list[Node] = []
        while heap and len(done) + len(heap) < nodes:
            node = heap[0][2]
            if node.settled or not np.isfinite(node.lower_usd):
                break
            heapq.heappop(heap)
            platform = self._most_used(minima, node)
            for opened, closed in (
                (node.opened | platform, node.closed),
                (node.opened, node.closed | platform),
            ):
                child = self._node(minima, constant, opened, closed)
                heapq.heappush(heap, (child.lower_usd, next(tie), child))
        return [node for _, _, node in sorted(heap)]

    def _node(self, minima: Array, constant: float, opened: int, closed: int) -> Node:
        able = (self.kinds & closed) == 0
        least = minima[:, able].min(axis=1, initial=np.inf)
        lower = constant + platforms_usd(self.problem, opened) + float(least.sum())
        settled = not self._wanted(minima, able, opened)
        return Node(opened, closed, lower, least, settled)

    def _wanted(self, minima: Array, able: Array, opened: int) -> int:
        """Platforms beyond `opened` that what is cheapest would use."""
        kinds = self.kinds[able]
        if not len(kinds):
            return 0
        used = kinds[np.unique(minima[:, able].argmin(axis=1))]
        return int(np.bitwise_or.reduce(used)) & ~opened

    def _most_used(self, minima: Array, node: Node) -> int:
        """The undecided platform whose absence would cost most."""
        able = (self.kinds & node.closed) == 0
        wanted, worst, platform = self._wanted(minima, able, node.opened), -1.0, 0
        for f, usd in enumerate(self.problem.platform_usd):
            if not wanted >> f & 1:
                continue
            without = able & ((self.kinds >> f & 1) == 0)
            least = minima[:, without].min(axis=1, initial=np.inf)
            lost = min(float((least - node.least).sum()), 1e30) + 1e-6 * usd
            if lost > worst:
                worst, platform = lost, 1 << f
        return platform


def excess(platforms: Platforms, reduced: Array, frontier: list[Node]) -> Array:
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
        here = reduced - node.least[platforms.workload] + extra[platforms.kind]
        np.minimum(out, node.lower_usd - lower + here, out=out)
    return np.maximum(out, 0.0)
