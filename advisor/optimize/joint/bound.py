"""The least any choice can cost at given prices, over all sets of platforms."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    floor_usd : float
        What has been proven of them otherwise.
    lower_usd : float
        No choice within them costs less.
    priced : Priced
        Prices that bound them best.
    least : array, shape (W,)
        The least reduced cost of each workload within them.
    settled : bool
        Whether what is cheapest needs no platform beyond `opened`.
    """

    opened: int
    closed: int
    floor_usd: float
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
        return self.cheapest(usd)

    def cheapest(self, usd: Array) -> Ints:
        """The first of the cheapest columns of each workload, shape (W,)."""
        first = self.problem.start[:-1]
        least = np.minimum.reduceat(usd, first)
        at = np.flatnonzero(usd <= least[self.workload])
        out: Ints = at[np.searchsorted(at, first)]
        return out


class Tree:
    """Sets of platforms, split as far as their bounds ask for it.

    Attributes
    ----------
    leaves : list of Node
        Nodes that together hold every set of platforms, the cheapest first.
    """

    def __init__(self, platforms: Platforms, priced: Priced) -> None:
        self.platforms = platforms
        self.sets = [priced]
        self.leaves = [self._node(0, 0, -np.inf)]
        self._settle()

    @property
    def lower_usd(self) -> float:
        """No choice costs less."""
        return self.leaves[0].lower_usd

    def add(self, priced: Priced) -> None:
        """Bound every leaf at new prices too."""
        self.sets.append(priced)
        found = [self._at(leaf, priced) for leaf in self.leaves]
        self.leaves = [
            new if new.lower_usd > old.lower_usd else old
            for old, new in zip(self.leaves, found, strict=True)
        ]
        self._settle()
        used = {id(leaf.priced) for leaf in self.leaves}
        self.sets = [s for s in self.sets[:-1] if id(s) in used] + [priced]

    def replace(self, platforms: Platforms, index: Ints, hopeful: Bools) -> None:
        """Go on with the columns `index` of those so far, of which only the hopeful ones count."""
        self.platforms = platforms
        fewer = {
            id(s): platforms.priced(np.where(hopeful, s.reduced[index], np.inf), s.constant)
            for s in self.sets
        }
        self.sets = list(fewer.values())
        self.leaves = [self._at(leaf, fewer[id(leaf.priced)]) for leaf in self.leaves]
        self._settle()

    def prove(self, node: Node, usd: float) -> None:
        """Note that no choice within a leaf costs less than `usd`."""
        new = replace(node, floor_usd=max(usd, node.floor_usd), lower_usd=max(usd, node.lower_usd))
        self.leaves = [new if leaf is node else leaf for leaf in self.leaves]
        self._settle()

    def _settle(self) -> None:
        """Split the cheapest leaf until what is cheapest there needs no platform left open."""
        tie = count()
        heap = [(leaf.lower_usd, next(tie), leaf) for leaf in self.leaves]
        heapq.heapify(heap)
        while len(heap) < NODES:
            leaf = heap[0][2]
            if leaf.settled or not np.isfinite(leaf.lower_usd):
                break
            heapq.heappop(heap)
            platform = self._most_used(leaf)
            for opened, closed in (
                (leaf.opened | platform, leaf.closed),
                (leaf.opened, leaf.closed | platform),
            ):
                child = self._node(opened, closed, leaf.floor_usd)
                heapq.heappush(heap, (child.lower_usd, next(tie), child))
        self.leaves = [leaf for _, _, leaf in sorted(heap)]

    def _node(self, opened: int, closed: int, floor: float) -> Node:
        """A node at the prices that bound it best."""
        blank = Node(opened, closed, floor, floor, self.sets[0], np.zeros(0), False)
        return max((self._at(blank, s) for s in self.sets), key=lambda n: n.lower_usd)

    def _at(self, node: Node, priced: Priced) -> Node:
        able = (self.platforms.kinds & node.closed) == 0
        least = priced.minima[:, able].min(axis=1, initial=np.inf)
        lower = priced.constant + float(least.sum())
        lower += platforms_usd(self.platforms.problem, node.opened)
        return Node(
            opened=node.opened,
            closed=node.closed,
            floor_usd=node.floor_usd,
            lower_usd=max(lower, node.floor_usd),
            priced=priced,
            least=least,
            settled=not self._wanted(priced, able, node.opened),
        )

    def _wanted(self, priced: Priced, able: Bools, opened: int) -> int:
        """Platforms beyond `opened` that what is cheapest would use."""
        kinds = self.platforms.kinds[able]
        if not len(kinds):
            return 0
        used = kinds[np.unique(priced.minima[:, able].argmin(axis=1))]
        return int(np.bitwise_or.reduce(used)) & ~opened

    def _most_used(self, node: Node) -> int:
        """The undecided platform whose absence would cost most."""
        kinds = self.platforms.kinds
        able = (kinds & node.closed) == 0
        wanted, worst, platform = self._wanted(node.priced, able, node.opened), -1.0, 0
        for f, usd in enumerate(self.platforms.problem.platform_usd):
            if not wanted >> f & 1:
                continue
            without = able & ((kinds >> f & 1) == 0)
            least = node.priced.minima[:, without].min(axis=1, initial=np.inf)
            lost = min(float((least - node.least).sum()), 1e30) + 1e-6 * usd
            if lost > worst:
                worst, platform = lost, 1 << f
        return platform


def at_least(platforms: Platforms, leaves: Sequence[Node]) -> Array:
    """What any choice with each column costs at least, USD a month, shape (n,)."""
    problem = platforms.problem
    out = np.full(problem.columns, np.inf)
    for node in leaves:
        if not np.isfinite(node.lower_usd):
            continue
        extra = np.array(
            [
                np.inf if k & node.closed else platforms_usd(problem, int(k) & ~node.opened)
                for k in platforms.kinds
            ]
        )
        bare = node.priced.constant + platforms_usd(problem, node.opened) + node.least.sum()
        here = node.priced.reduced - node.least[platforms.workload] + extra[platforms.kind]
        np.minimum(out, np.maximum(bare + here, node.lower_usd), out=out)
    return out
