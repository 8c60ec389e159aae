"""The cheapest way to run a model over its volume and what people cost.

Each option costs what it runs at a volume and the engineering hours it takes a month, so that its
cost is linear in the price of an hour:

    usd(option, v, r) = run(option, v) + hours(option) * r

A way is as dear as the cheapest of its options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Surface:
    """Costs over volume and labour.

    Attributes
    ----------
    ways : tuple of str
    usd : array, shape (ways, volumes, rates)
        USD a month of each way at its best.
    """

    ways: tuple[str, ...]
    usd: Array

    @cached_property
    def least(self) -> Ints:
        """The cheapest way at each point, a position in `ways`; shape (volumes, rates)."""
        return np.asarray(np.argmin(self.usd, axis=0), np.int64)

    @cached_property
    def second(self) -> Ints:
        """The next cheapest way at each point; the cheapest again where there is no other."""
        if len(self.ways) == 1:
            return self.least
        return np.asarray(np.argsort(self.usd, axis=0, kind="stable")[1], np.int64)

    @cached_property
    def margin(self) -> Array:
        """What the next cheapest way costs more, as a share of the cheapest."""
        first, then = (
            np.take_along_axis(self.usd, index[None], axis=0)[0]
            for index in (self.least, self.second)
        )
        return np.asarray(then / first - 1.0)

    def crossing(self, volumes: Array, challenger: str, incumbent: str) -> Array:
        """Volume from which one way is no dearer than another, for each rate.

        Between two points of the grid by a straight line of log cost over log volume.

        Parameters
        ----------
        volumes : array, shape (volumes,)
            Rising, above 0.

        Returns
        -------
        array, shape (rates,)
            The first of `volumes` where it is cheaper throughout, ``inf`` where it never is.
        """
        a, b = (self.usd[self.ways.index(way)] for way in (challenger, incumbent))
        gap, x = np.log(a / b), np.log(volumes)
        pays = gap <= 0.0
        after = np.argmax(pays, axis=0)
        before = np.maximum(after - 1, 0)
        rates = np.arange(gap.shape[1])
        high, low = gap[after, rates], gap[before, rates]
        step = np.where(after > 0, low - high, 1.0)
        at = x[after] - (x[after] - x[before]) * np.where(after > 0, -high / step, 0.0)
        return np.where(pays.any(axis=0), np.exp(at), np.inf)


def surface(run_usd: Array, hours: Array, way: Sequence[str], usd_per_hour: Array) -> Surface:
    """Costs of each way at every volume and price of an engineering hour.

    Parameters
    ----------
    run_usd : array, shape (options, volumes)
        USD a month without engineering hours.
    hours : array, shape (options,)
        Engineering hours a month.
    way : sequence of str
        Which way each option belongs to.
    usd_per_hour : array, shape (rates,)
        Loaded cost of an hour, USD.
    """
    ways = tuple(dict.fromkeys(way))
    names = np.array(way)
    best = []
    for name in ways:
        mine = names == name
        people = hours[mine][:, None, None] * usd_per_hour
        best.append((run_usd[mine][:, :, None] + people).min(axis=0))
    return Surface(ways, np.array(best))
