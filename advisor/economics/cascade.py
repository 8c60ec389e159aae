r"""Cascades and routers: a smaller model answers what it can, a larger one the rest.

A share :math:`e` of requests goes to the large model. In a *cascade* the small one answers all and
its answers are checked; a *router* decides from the request alone, so the small one answers only
the rest. With costs per request :math:`c_s, c_l` and :math:`v` for the check,

.. math:: c(e) = v + (1 - r e)\,c_s + e\,c_l, \qquad r = 1 \text{ for a router, } 0 \text{ else}

and quality, with :math:`q_s, q_l` of the two models alone,

.. math:: q(e) = q_s + (q_l - q_s)\,[1 - (1 - e)^{k}]

where :math:`k \ge 1` is the skill of the choice: 1 sends requests at random, and RouteLLM (arXiv
2406.18665) closes half the gap on MT Bench with 26 % of the calls (:math:`k = 2.3`), 14 % with
more training data (4.6). Cost rises with :math:`e`, so the cheapest share is the least that keeps
a quality floor :math:`f`,

.. math:: e_f = 1 - \left(\frac{q_l - f}{q_l - q_s}\right)^{1/k}

The whole is dearer than the large model alone from
:math:`e^* = (c_l - c_s - v) / (c_l - r c_s)` on. FrugalGPT (arXiv 2305.05176) is such a cascade,
Hybrid LLM (arXiv 2404.14618) such a router.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from advisor.errors import InputError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """A small and a large model for one workload.

    Attributes
    ----------
    small_usd, large_usd, check_usd : float
        Cost per request of each model and of deciding, USD.
    small_quality, large_quality : float
        Quality of each alone, as a share of today's.
    skill : float
        How well the choice finds what the small model gets wrong; 1 is chance.
    routed : bool
        Whether it is made from the request (a router) and not from the small model's answer.

    Raises
    ------
    InputError
        When the skill is under 1: a choice worse than chance is no choice.
    """

    small_usd: float
    large_usd: float
    small_quality: float
    large_quality: float
    skill: float
    check_usd: float = 0.0
    routed: bool = False

    def __post_init__(self) -> None:
        if self.skill < 1.0:
            raise InputError(
                "a cascade's skill is at least 1, which is chance", value=self.skill, allowed=">= 1"
            )


@dataclass(frozen=True, eq=False)
class Mixture:
    """Cost and quality when shares of the requests reach the large model; arrays, shape (n,)."""

    escalated: Array
    usd_per_request: Array
    quality: Array


def mix(pair: Pair, escalated: npt.ArrayLike) -> Mixture:
    """What a pair costs and how good it is when a share of requests reaches the large model.

    Parameters
    ----------
    escalated : array, shape (n,)
        Shares, 0 to 1.
    """
    e = np.asarray(escalated, float)
    first = 1.0 - e if pair.routed else np.ones_like(e)
    usd = pair.check_usd + first * pair.small_usd + e * pair.large_usd
    gap = pair.large_quality - pair.small_quality
    return Mixture(e, usd, pair.small_quality + gap * recovered(e, pair.skill))


def recovered(escalated: npt.ArrayLike, skill: npt.ArrayLike) -> Array:
    """Share of the gap in quality that a share of escalated requests closes."""
    kept = 1.0 - np.asarray(escalated, float)
    return np.asarray(1.0 - kept ** np.asarray(skill, float))


def escalation_for(
    small_quality: npt.ArrayLike,
    large_quality: npt.ArrayLike,
    floor: npt.ArrayLike,
    skill: npt.ArrayLike,
) -> Array:
    """The least share of requests that must be escalated to keep a quality floor.

    0 where the small model keeps it alone; NaN where not even the large one does.
    """
    small, large, least, k = np.broadcast_arrays(
        *(np.asarray(a, float) for a in (small_quality, large_quality, floor, skill))
    )
    out = np.full(small.shape, np.nan)
    alone = small >= least
    able = ~alone & (large >= least)
    out[alone] = 0.0
    left = (large[able] - least[able]) / (large[able] - small[able])
    out[able] = 1.0 - left ** (1.0 / k[able])
    return out


def break_even_escalation(pair: Pair, alone_usd: float | None = None) -> float | None:
    """The share up to which the pair costs no more than the large model alone; None if none.

    1 where it never costs more.

    Parameters
    ----------
    alone_usd : float, optional
        Cost per request of the large model alone, where it then runs elsewhere; USD.
    """
    alone = pair.large_usd if alone_usd is None else alone_usd
    spare = alone - pair.small_usd - pair.check_usd
    margin = pair.large_usd - (pair.small_usd if pair.routed else 0.0)
    if spare < 0:
        return None
    return 1.0 if margin <= 0 else min(spare / margin, 1.0)
