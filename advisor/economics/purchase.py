r"""What the machines of a pool cost at the least: the exact optimum, for many demands at once.

One more machine under commitment saves, in a step with need :math:`D` of which :math:`E` may be
spot, on-demand hours as long as the level :math:`k < D - E`, spot hours as long as :math:`k < D`,
and after that the hours of work that may wait, until :math:`k` holds the day's volume
(:math:`k < \kappa`, found by filling the day's troughs):

.. math:: S(k) = \sum_t h_t \left[a\,1(k < D_t - E_t) + s\,1(D_t - E_t \le k < D_t)
    + c\,1(D_t \le k < \kappa_{day(t)})\right], \qquad c = \min(a, s)

:math:`S` only falls, so the best level is the first of the breakpoints :math:`D-E`, :math:`D`,
:math:`\kappa` from which it no longer exceeds the price :math:`bH`: a weighted quantile, and
without spot or waiting work the quantile of need exceeded with probability :math:`b/a`. Where a
term may change its level from year to year beside a cheaper one that may not, the saving of the
latter is cut off each year at the price of the former, and the same rule applies.

Machines held are taken off the need before, and what they leave over is there for work that waits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DEAR = 1e9
"""Stands for a price where there is none, so that a level is chosen which avoids it, USD."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Offer:
    """Prices of one pool, USD per machine-hour; None where the option cannot be bought.

    Attributes
    ----------
    on_demand, spot : float, optional
    terms : tuple of (str, float)
        Commitments by name, each at what it truly costs over the horizon.
    """

    on_demand: float | None
    spot: float | None = None
    terms: tuple[tuple[str, float], ...] = ()

    @property
    def commit(self) -> float | None:
        """The cheapest commitment."""
        return min((usd for _, usd in self.terms), default=None)

    @property
    def commit_term(self) -> str:
        """Its name; empty without one."""
        return min(self.terms, key=lambda t: t[1], default=("", 0.0))[0]


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps and what is constant over them.

    Attributes
    ----------
    hours_month : array, shape (T,)
        Hours a month that each step stands for.
    day : array of int, shape (T,)
        Day of each step, numbered from 0 and rising.
    block : array of int, shape (M, T)
        For each term the stretches over which its level cannot change: one, or whole days of a
        year each.
    """

    hours_month: Array
    day: Ints
    block: Ints

    @property
    def years(self) -> Ints:
        """The finest stretches over which a commitment is level, shape (T,)."""
        finest = int(self.block.max(axis=1).argmax()) if len(self.block) else 0
        return self.block[finest] if len(self.block) else np.zeros(len(self.day), np.int64)

    @property
    def yearly(self) -> npt.NDArray[np.bool_]:
        """Terms whose level may change, shape (M,); none where there is only one stretch."""
        return np.asarray(self.block.max(axis=1, initial=0) > 0)


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of n pools, USD per machine-hour, ``inf`` where not sold that way; shape (n,) each.

    Attributes
    ----------
    on_demand, spot : array
    whole : array
        The cheapest term that lasts for the whole horizon (or may be renewed at one level).
    yearly : array
        The cheapest term whose level may change from year to year.
    held : array, shape (n, T)
        Machines already paid for: used first, at no further cost.
    most : array
        Machines that can be had in any step, held ones included; ``inf`` for no limit.
    """

    on_demand: Array
    spot: Array
    whole: Array
    yearly: Array
    held: Array
    most: Array


@dataclass(frozen=True, eq=False)
class Purchase:
    """What is bought for n demands.

    Attributes
    ----------
    usd : array, shape (n,)
        USD a month; ``inf`` where the need cannot be met.
    whole : array, shape (n,)
        Machines under the whole-horizon term.
    yearly : array, shape (n, years)
        Machines under the yearly term, in each year.
    spot, on_demand : array, shape (n, T)
        Machines for the need at given hours.
    waiting_hours : array, shape (n, days)
        Machine-hours a month bought for work that waits, beyond what stood idle.
    """

    usd: Array
    whole: Array
    yearly: Array
    spot: Array
    on_demand: Array
    waiting_hours: Array


def buy(need: Array, spot: Array, volume: Array, prices: Prices, steps: Steps) -> Purchase:
    """The cheapest purchase of each demand.

    Parameters
    ----------
    need : array, shape (n, T)
        Machines needed in each step.
    spot : array, shape (n, T)
        Those that may be spot.
    volume : array, shape (n, days)
        Machine-hours a month of each day that may wait for any of its hours.
    prices : Prices
        Of each demand's pool.
    steps : Steps
    """
    h, year = steps.hours_month, steps.years
    points, weights = _events(need, spot, volume, prices, steps)
    whole, yearly = _levels(points, weights, prices, h, year)
    return at_levels(need, spot, volume, prices, steps, whole, yearly)


def at_levels(
    need: Array,
    spot: Array,
    volume: Array,
    prices: Prices,
    steps: Steps,
    whole: Array,
    yearly: Array,
) -> Purchase:
    """The purchase with given commitments, spot and on-demand filling the rest.

    Parameters
    ----------
    whole : array, shape (n,)
        Machines under the whole-horizon term.
    yearly : array, shape (n, years)
        Machines under the yearly term.
    """
    h, year = steps.hours_month, steps.years
    a, s = prices.on_demand, np.where(prices.spot < prices.on_demand, prices.spot, np.inf)
    rest, idle, limit = _after_held(need, spot, prices)
    level = (whole[:, None] + yearly)[:, year]
    above = np.maximum(rest - level, 0.0)
    on_spot = np.minimum(limit, above)
    by_hour = above - on_spot
    usd = _times(prices.whole, whole) * h.sum()
    usd = usd + _times(prices.yearly, yearly @ np.bincount(year, h))
    usd = usd + _times(s, on_spot @ h) + _times(a, by_hour @ h)
    room = np.maximum(prices.most[:, None], prices.held) - need
    short = (room < -TOLERANCE).any(axis=1)
    hours = np.zeros_like(volume)
    if volume.any():
        hours = _paid_hours(rest, idle, level, volume, h, steps.day)
        usd = usd + _times(np.minimum(a, s), hours.sum(axis=1))
        free = _by_day(np.maximum(room, 0.0) * h, steps.day)
        short |= (free < volume * (1.0 - TOLERANCE) - TOLERANCE).any(axis=1)
    usd = np.where(short, np.inf, usd)
    return Purchase(usd, whole, yearly, on_spot, by_hour, hours)


def rents(need: Array, spot: Array, volume: Array, prices: Prices, steps: Steps) -> Array:
    """What one more machine in each step would cost at the margin, USD a month, shape (n, T).

    A subgradient of the cost of `buy`, whose sum over a commitment's stretch is its price where
    some is bought; arguments as there.
    """
    h, year = steps.hours_month, steps.years
    points, weights = _events(need, spot, volume, prices, steps)
    whole, levels = _levels(points, weights, prices, h, year)
    repeats = points.shape[1] // len(year)
    level = np.tile((whole[:, None] + levels)[:, year], repeats)
    sure = np.where(points > level + TOLERANCE, weights, 0.0)
    even = np.where(np.abs(points - level) <= TOLERANCE, weights, 0.0)
    paid = np.minimum(prices.whole, prices.yearly) * h.sum()
    left = np.maximum(paid - sure.sum(axis=1), 0.0)
    share = np.minimum(left / np.maximum(even.sum(axis=1), 1e-300), 1.0)
    total = sure + even * share[:, None]
    return np.asarray(total.reshape(len(need), repeats, len(year)).sum(axis=1))


def _after_held(need: Array, spot: Array, prices: Prices) -> tuple[Array, Array, Array]:
    """Need beyond the machines held, what they leave idle, and how much may be spot."""
    rest = np.maximum(need - prices.held, 0.0)
    usable = (prices.spot < prices.on_demand)[:, None]
    return rest, np.maximum(prices.held - need, 0.0), np.where(usable, np.minimum(spot, rest), 0.0)


def _times(price: Array, amount: Array) -> Array:
    """Price times amount, 0 where nothing is bought and ``inf`` where it has no price."""
    some = amount > TOLERANCE
    return np.where(some, np.where(some, price, 0.0) * amount, 0.0)


def _by_day(hours: Array, day: Ints) -> Array:
    """Sums over each day, shape (n, days)."""
    starts = np.flatnonzero(np.r_[True, np.diff(day) != 0])
    return np.add.reduceat(hours, starts, axis=1)


def _paid_hours(
    rest: Array, idle: Array, level: Array, volume: Array, h: Array, day: Ints
) -> Array:
    """Machine-hours of waiting work beyond what stands idle, shape (n, days)."""
    free = _by_day((idle + np.maximum(level - rest, 0.0)) * h, day)
    return np.maximum(volume - free, 0.0)


def _fill_levels(rest: Array, idle: Array, volume: Array, h: Array, day: Ints) -> Array:
    r"""The level :math:`\kappa` that holds each day's volume above the need, shape (n, days)."""
    out = np.zeros_like(volume)
    for d in range(volume.shape[1]):
        of = np.flatnonzero(day == d)
        left = volume[:, d] - idle[:, of] @ h[of]
        order = np.argsort(rest[:, of], axis=1)
        steps = np.take_along_axis(rest[:, of], order, axis=1)
        width = np.cumsum(h[of][order], axis=1)
        # Filled up to the next need: the volume that fits below each of them.
        below = np.cumsum(
            np.diff(steps, axis=1, prepend=steps[:, :1])
            * np.c_[np.zeros(len(steps)), width[:, :-1]],
            axis=1,
        )
        last = (below < left[:, None]).sum(axis=1) - 1
        at = np.maximum(last, 0)
        rows = np.arange(len(steps))
        level = steps[rows, at] + (left - below[rows, at]) / width[rows, at]
        out[:, d] = np.where(left > 0, level, 0.0)
    return out


def _events(
    need: Array, spot: Array, volume: Array, prices: Prices, steps: Steps
) -> tuple[Array, Array]:
    """Levels at which one more committed machine saves less, and by how much, shape (n, k T)."""
    h = steps.hours_month
    rest, idle, limit = _after_held(need, spot, prices)
    a = np.where(np.isfinite(prices.on_demand), prices.on_demand, DEAR)[:, None]
    s = np.where(prices.spot < prices.on_demand, prices.spot, a[:, 0])[:, None]
    # Where machines held stand idle, one more is needed for nothing but work that waits.
    wanted = np.where(idle > 0, -1.0, rest)
    points, weights, first = [], [], a
    if limit.any():
        # Nor on demand, where more could be spot than is left to buy.
        points.append(np.where(spot > rest, -1.0, wanted - limit))
        weights.append((a - s) * h)
        first = s
    if volume.any():
        # Without spot for the need, waiting work may still be spot.
        fill = _fill_levels(rest, idle, volume, h, steps.day)
        points += [wanted, np.maximum(rest, fill[:, steps.day])]
        weights += [(first - s) * h, s * h]
    else:
        points.append(wanted)
        weights.append(first * h)
    cap = np.maximum(prices.most - prices.held.max(axis=1), 0.0)
    at = np.minimum(np.concatenate(points, axis=1), cap[:, None])
    return at, np.concatenate([np.broadcast_to(w, rest.shape) for w in weights], axis=1)


def _levels(
    points: Array, weights: Array, prices: Prices, h: Array, year: Ints
) -> tuple[Array, Array]:
    """Levels of the whole-horizon term (n,) and of the yearly one (n, years)."""
    years = int(year.max()) + 1
    n, repeats = len(points), points.shape[1] // len(year)
    of_event = np.tile(year, repeats)
    total = np.bincount(year, h)
    if years == 1:
        cheapest = np.minimum(prices.whole, prices.yearly)
        level = _quantile(points, weights, cheapest * h.sum())
        of_whole = prices.whole <= prices.yearly
        return np.where(of_whole, level, 0.0), np.where(of_whole, 0.0, level)[:, None]
    yearly = np.zeros((n, years))
    for y in range(years):
        mine = of_event == y
        yearly[:, y] = _quantile(points[:, mine], weights[:, mine], prices.yearly * total[y])
    whole = np.zeros(n)
    for i in np.flatnonzero(prices.whole < prices.yearly):
        whole[i] = _two_levels(
            points[i], weights[i], of_event, prices.whole[i] * h.sum(), prices.yearly[i] * total
        )
    return whole, np.maximum(yearly - whole[:, None], 0.0)


def _quantile(points: Array, weights: Array, price: Array) -> Array:
    """The first level, 0 or a point, beyond which points weigh no more than the price."""
    order = np.argsort(-points, axis=1, kind="stable")
    sorted_points = np.take_along_axis(points, order, axis=1)
    beyond = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    # The level lies at the point with which the weight beyond first exceeds the price.
    over = beyond > price[:, None] * (1.0 + 1e-12)
    first = over.argmax(axis=1)
    level = sorted_points[np.arange(len(points)), first]
    return np.where(over.any(axis=1) & np.isfinite(price), np.maximum(level, 0.0), 0.0)


def _two_levels(
    points: Array, weights: Array, year: Ints, whole_usd: float, yearly_usd: Array
) -> float:
    """The level of the whole-horizon term, each year's saving cut off at the yearly price."""
    candidates = np.unique(np.r_[0.0, np.maximum(points, 0.0)])
    saved = np.zeros(len(candidates))
    for y, usd in enumerate(yearly_usd):
        p, w = points[year == y], weights[year == y]
        order = np.argsort(p)
        beyond = np.r_[np.cumsum(w[order][::-1])[::-1], 0.0]
        at = np.searchsorted(p[order], candidates, side="right")
        saved += np.minimum(beyond[at], usd)
    enough = saved <= whole_usd * (1.0 + 1e-12)
    return float(candidates[enough.argmax()])
