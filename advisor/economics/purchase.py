r"""Buying machine-hours for a pool: the exact optimum for a fixed demand.

For hourly need :math:`D_t`, of which at most :math:`E_t` may ride on spot, prices :math:`a`
(on-demand), :math:`s` (spot, interruptions priced in) and :math:`b` (commitment, per hour of the
whole period), the cheapest commitment :math:`k` minimises

.. math::

    G(k) = b H k + \sum_t \left[ s \min(E_t, (D_t-k)^+) + a\,((D_t-k)^+ - E_t)^+ \right]

which is convex and piecewise linear with breakpoints :math:`\{D_t, D_t-E_t\}`: evaluating it there
is exact. Without spot the optimum is the demand quantile exceeded with probability :math:`b/a`, so
a 30 % discount says reserve the 30th percentile, 50 % the median, 60 % the 60th.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Offer:
    """Prices of one pool, USD per instance-hour; None where the option cannot be bought."""

    on_demand: float | None
    spot: float | None = None
    commit: float | None = None
    commit_term: str = ""


@dataclass(frozen=True)
class Mix:
    """The cheapest purchase for a pool over the given hours."""

    usd_per_hour: float
    """Mean cost per hour."""
    committed: float
    """Instances under commitment."""
    spot_hours: float
    """Mean spot instances."""
    on_demand_hours: float
    """Mean on-demand instances."""


def best_mix(need: Array, spot_limit: Array, offer: Offer) -> Mix:
    """The cheapest mix of commitment, spot and on-demand.

    Parameters
    ----------
    need : array, shape (hours,)
        Instances needed each hour.
    spot_limit : array, shape (hours,)
        Instances that may be spot each hour, at most `need`.
    offer : Offer
        At least one of on-demand and commitment must be priced.

    Raises
    ------
    ValueError
        When neither on-demand nor a commitment has a price: the rest above spot cannot be bought.
    """
    if offer.on_demand is None and offer.commit is None:
        raise ValueError("a pool needs an on-demand or a commitment price")
    usable = offer.spot is not None and (offer.on_demand is None or offer.spot < offer.on_demand)
    limit = np.minimum(spot_limit, need) if usable else np.zeros_like(need)
    levels = np.zeros(1)
    if offer.commit is not None:
        levels = np.unique(np.concatenate([levels, need, need - limit]))
    if offer.on_demand is None:
        levels = levels[levels >= (need - limit).max()]
    above = np.maximum(need[None, :] - levels[:, None], 0.0)
    spot = np.minimum(limit[None, :], above)
    rest = above - spot
    cost = (offer.commit or 0.0) * levels
    cost = cost + (offer.spot or 0.0) * spot.mean(axis=1)
    cost = cost + (offer.on_demand or 0.0) * rest.mean(axis=1)
    i = int(cost.argmin())
    return Mix(float(cost[i]), float(levels[i]), float(spot[i].mean()), float(rest[i].mean()))


def mix_at(need: Array, spot_limit: Array, offer: Offer, committed: float) -> Mix:
    """The mix with a given commitment, spot and on-demand filling the rest.

    Raises
    ------
    ValueError
        When what lies above the commitment cannot be bought, or nothing can be committed.
    """
    if committed > 0 and offer.commit is None:
        raise ValueError("the pool has no commitment price")
    usable = offer.spot is not None and (offer.on_demand is None or offer.spot < offer.on_demand)
    above = np.maximum(need - committed, 0.0)
    spot = np.minimum(np.minimum(spot_limit, need), above) if usable else np.zeros_like(need)
    rest = above - spot
    if offer.on_demand is None and rest.max() > 0:
        raise ValueError("the pool has no on-demand price for the need above the commitment")
    usd = committed * (offer.commit or 0.0) + float(spot.mean()) * (offer.spot or 0.0)
    usd += float(rest.mean()) * (offer.on_demand or 0.0)
    return Mix(usd, committed, float(spot.mean()), float(rest.mean()))


def term_rate(
    usd_per_hour: float, term_months: float, horizon_months: float, reuse_share: float
) -> float:
    """What a commitment truly costs per hour of the horizon, USD.

    Payments after the horizon count with the chance that nobody needs the machine any more;
    otherwise a three-year term would always beat one year on a twelve-month view.
    """
    tail = max(term_months - horizon_months, 0.0)
    return usd_per_hour * (1.0 + (1.0 - reuse_share) * tail / horizon_months)


def spot_rate(usd_per_hour: float, interruptions_per_month: float, overhead_share: float) -> float:
    """Spot price with what interruptions cost, USD per useful instance-hour.

    Parameters
    ----------
    usd_per_hour : float
        Market price.
    interruptions_per_month : float
        Share of instances interrupted in a month.
    overhead_share : float
        Idle and repeated work where a quarter of the instances is interrupted in a month.
    """
    return usd_per_hour * (1.0 + overhead_share * interruptions_per_month / 0.25)
