r"""What a result cache is worth, and how large it should be.

Of :math:`V` requests a month a cache answers a share :math:`h`, a share :math:`w` of those answers
wrongly. With :math:`m` the cost of a request that reaches the model, :math:`l` of one look-up,
:math:`p` the price of a wrong answer and :math:`F` the cache's own cost a month, it saves

.. math:: S = V\,[\,h\,(m - w p) - l\,] - F

A hit saves the whole request and its wait; a prefix hit saves prefill alone and is no hit here: the
speed model takes it (``prefix_hit``). The cache pays from

.. math:: h^* = \frac{l + F/V}{m - w p} \qquad\text{and up to}\qquad
          w^* = \frac{m - (l + F/V)/h}{p}

and where hits grow with its size :math:`N`, the cheapest size is the one with the largest
:math:`S(N)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from advisor.errors import InputError

Array = npt.NDArray[np.float64]

GIB = 2.0**30


@dataclass(frozen=True)
class CachePrices:
    """What a cache's hits, look-ups and mistakes cost; USD.

    Attributes
    ----------
    requests_month : float
        Requests a month that ask the cache.
    usd_per_miss : float
        A request that reaches the model, at the margin.
    usd_per_lookup : float
        One look-up: the embedding of the request, for a semantic cache.
    false_hit_rate : float
        Share of hits that answer wrongly.
    usd_per_false_hit : float
        Price of one wrong answer.
    """

    requests_month: float
    usd_per_miss: float
    usd_per_lookup: float = 0.0
    false_hit_rate: float = 0.0
    usd_per_false_hit: float = 0.0

    @property
    def usd_per_hit(self) -> float:
        """What one answer of the cache saves on average, its mistakes paid; may be negative."""
        return self.usd_per_miss - self.false_hit_rate * self.usd_per_false_hit


def running_usd_month(
    *,
    base_usd_month: float,
    requests_month: float,
    hit_ratio: float,
    usd_per_lookup: float = 0.0,
    false_hit_rate: float = 0.0,
    usd_per_false_hit: float = 0.0,
) -> float:
    """What a cache costs to have: itself, its look-ups and its wrong answers, USD a month."""
    wrong = hit_ratio * false_hit_rate * usd_per_false_hit
    return base_usd_month + requests_month * (usd_per_lookup + wrong)


def saving_usd_month(
    prices: CachePrices, hit_ratio: npt.ArrayLike, base_usd_month: npt.ArrayLike
) -> Array:
    """Net saving :math:`S`, USD a month; negative where the cache costs more than it saves.

    Parameters
    ----------
    hit_ratio, base_usd_month : array
        Share answered, and the cache's own cost; they broadcast.
    """
    per_request = np.asarray(hit_ratio, float) * prices.usd_per_hit - prices.usd_per_lookup
    return np.asarray(prices.requests_month * per_request - np.asarray(base_usd_month, float))


def break_even_hit_ratio(prices: CachePrices, base_usd_month: float) -> float | None:
    """The share of hits from which the cache pays; None where no share does."""
    if prices.usd_per_hit <= 0 or prices.requests_month <= 0:
        return None
    least = prices.usd_per_lookup + base_usd_month / prices.requests_month
    ratio = least / prices.usd_per_hit
    return ratio if ratio <= 1.0 else None


def break_even_false_hits(
    prices: CachePrices, hit_ratio: float, base_usd_month: float
) -> float | None:
    """The share of wrong hits up to which the cache pays; None where it never does.

    1 where wrong answers cost nothing or could all be borne.
    """
    if hit_ratio <= 0 or prices.requests_month <= 0:
        return None
    least = (prices.usd_per_lookup + base_usd_month / prices.requests_month) / hit_ratio
    margin = prices.usd_per_miss - least
    if margin < 0:
        return None
    if prices.usd_per_false_hit <= 0:
        return 1.0
    return min(margin / prices.usd_per_false_hit, 1.0)


def size_usd_month(
    entries: npt.ArrayLike, *, bytes_per_entry: float, usd_gib_month: float, least_usd_month: float
) -> Array:
    """What caches of these sizes cost, USD a month: their memory, at least the smallest service."""
    memory = np.asarray(entries, float) * bytes_per_entry / GIB
    return np.maximum(memory * usd_gib_month, least_usd_month)


def declared_hits(held: npt.ArrayLike, hit_ratio: float, skew: float) -> Array:
    r"""Hit ratio of a cache that holds a share of all distinct answers, where no log is at hand.

    Popularity falls with rank as :math:`1/i^\alpha`; a cache of a share :math:`x` of them then
    reaches :math:`h\,x^{1-\alpha}` (Breslau and others, "Web caching and Zipf-like distributions",
    1999). An expiry of a share :math:`x` of the period acts alike: what is live is what came since.

    Parameters
    ----------
    held : array
        Share of the distinct answers held, 0 to 1.
    hit_ratio : float
        When all are held.
    skew : float
        The exponent, 0 to under 1.
    """
    return np.asarray(hit_ratio * np.asarray(held, float) ** (1.0 - skew))


@dataclass(frozen=True)
class BestSize:
    """The cheapest size of a cache: entries, their hit ratio, and the saving in USD a month."""

    entries: int
    hit_ratio: float
    saving_usd_month: float


def best_size(
    prices: CachePrices,
    entries: npt.ArrayLike,
    hit_ratio: npt.ArrayLike,
    base_usd_month: npt.ArrayLike,
) -> BestSize:
    """The size with the largest net saving; of equals the smallest. No cache is 0 entries.

    Parameters
    ----------
    entries, hit_ratio, base_usd_month : array, shape (n,)
        Sizes, ascending, with the hits and the cost of each (`advisor.performance.replay`,
        `size_usd_month`).

    Raises
    ------
    InputError
        When the three differ in length.
    """
    sizes, hits = np.asarray(entries), np.asarray(hit_ratio, float)
    base = np.asarray(base_usd_month, float)
    if not sizes.shape == hits.shape == base.shape:
        raise InputError(
            f"sizes, hit ratios and costs must be as many (got {sizes.shape}, {hits.shape}, "
            f"{base.shape})"
        )
    saving = saving_usd_month(prices, hits, base)
    if not len(saving) or saving.max() <= 0:
        return BestSize(0, 0.0, 0.0)
    i = int(saving.argmax())
    return BestSize(int(sizes[i]), float(hits[i]), float(saving[i]))
