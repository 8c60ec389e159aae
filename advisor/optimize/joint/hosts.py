"""Small workloads on shared machines: packing shares of work and memory into like hosts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import Ints, Problem

FULL = 1.0 + 1e-9
EXACT = 8
"""Up to so many workloads on one kind of host every way to pack them is tried."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Hosts that are opened.

    Attributes
    ----------
    kinds : array of int, shape (k,)
        Kinds of host in use.
    opened : array of int, shape (k,)
        How many of each.
    bin : dict
        Which host of its kind each column lives on, by column.
    """

    kinds: Ints
    opened: Ints
    bin: dict[int, int]


def pack(problem: Problem, columns: Ints) -> Packing:
    """The fewest hosts that hold the columns which live on one.

    Exact for few; first-fit decreasing, which never needs more than a few too many, for more.
    """
    living = columns[problem.host[columns] >= 0]
    kinds = np.unique(problem.host[living])
    opened = np.zeros(len(kinds), np.int64)
    where: dict[int, int] = {}
    for i, kind in enumerate(kinds.tolist()):
        mine = living[problem.host[living] == kind]
        bins = packed(problem.host_load[mine].tolist(), problem.host_memory[mine].tolist())
        opened[i] = max(bins) + 1
        where |= dict(zip(mine.tolist(), bins, strict=True))
    return Packing(kinds, opened, where)


def packed(load: list[float], memory: list[float]) -> list[int]:
    """Bin of each item, numbered from 0; how many there are does not depend on their order."""
    order = sorted(
        range(len(load)), key=lambda i: (-max(load[i], memory[i]), load[i], memory[i], i)
    )
    if not order:
        return []
    first = _first_fit(load, memory, order)
    least = max(np.ceil(sum(load) / FULL), np.ceil(sum(memory) / FULL), 1)
    if max(first) + 1 <= least or len(load) > EXACT:
        return first
    best = first

    def place(at: int, bins: list[tuple[float, float]], chosen: dict[int, int]) -> None:
        nonlocal best
        if len(bins) >= max(best) + 1:
            return
        if at == len(order):
            best = [chosen[i] for i in range(len(load))]
            return
        item = order[at]
        for b, (full, held) in enumerate([*bins, (0.0, 0.0)]):
            if full + load[item] <= FULL and held + memory[item] <= FULL:
                now = [*bins, (0.0, 0.0)] if b == len(bins) else list(bins)
                now[b] = (full + load[item], held + memory[item])
                place(at + 1, now, {**chosen, item: b})

    place(0, [], {})
    return best


def _first_fit(load: list[float], memory: list[float], order: list[int]) -> list[int]:
    bins: list[tuple[float, float]] = []
    out = [0] * len(load)
    for item in order:
        for b, (full, held) in enumerate(bins):
            if full + load[item] <= FULL and held + memory[item] <= FULL:
                bins[b], out[item] = (full + load[item], held + memory[item]), b
                break
        else:
            out[item] = len(bins)
            bins.append((load[item], memory[item]))
    return out
