r"""How many replicas an arrival rate needs.

Replicas that batch continuously carry :math:`x_1` requests/s alone and :math:`x_\infty` each in a
large fleet (`under_load`); in between, what randomness costs falls with the root of their number,
as in square-root staffing (Halfin and Whitt, 1981):

.. math:: n\,[x_\infty - (x_\infty - x_1)/\sqrt{n}] \ge \lambda

Of all others, a replica of :math:`x` requests/s that works on :math:`k` at once is :math:`k`
servers of :math:`S = k/x` seconds. A fleet of :math:`n` whose router knows where there is room
pools them, so it needs the least :math:`n` with

.. math:: P(W > T - S) \le 1 - q

in G/G/:math:`nk` at the percentile :math:`q`, where the replica's stated time :math:`T` leaves
:math:`T - S` for waiting: nothing for language models, whose answers slow down with the batch
instead, some share of a pass for the rest. It amounts to square-root staffing (Halfin and Whitt,
1981): small fleets run at low and large ones at high utilisation, which a flat utilisation target
gets wrong on both sides. ``benchmarks/queueing.py`` holds it against simulated fleets.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .configs import Array
from .queueing import servers_needed

SERVICE_CV2 = 1.0
"""Squared coefficient of variation of times in service; output lengths have 0.6 in a trace."""

SHARED_RESERVE = 0.02
"""Share of capacity held back where a replica works on several requests at once: the percentile of
answers that slow each other down lies above their mean."""


def replicas(
    arrival_rps: npt.ArrayLike,
    rps: npt.ArrayLike,
    concurrency: npt.ArrayLike,
    latency_s: npt.ArrayLike,
    percentile: float,
    ca2: float = 1.0,
) -> Array:
    """Integer replicas for each arrival rate.

    Parameters
    ----------
    arrival_rps : array
        Requests/s; broadcasts against the rest.
    rps, concurrency, latency_s : array
        One replica's capacity (`Capacity`).
    percentile : float
        Share of requests, in percent, that must be answered within `latency_s`; 0 where only the
        volume counts.
    ca2 : float
        Squared coefficient of variation of gaps between arrivals; 1 for Poisson.

    Returns
    -------
    array
        At least 1 where requests arrive, 0 where none do.
    """
    rate = np.asarray(arrival_rps, float)
    places = np.asarray(concurrency, float)
    service = places / np.maximum(np.asarray(rps, float), 1e-12)
    need = rate * service
    if percentile > 0:
        wait = np.asarray(latency_s, float) / service - 1.0
        held = np.where(places > 1.0, 1.0 - SHARED_RESERVE, 1.0)
        need = servers_needed(need / held, wait, percentile, SERVICE_CV2, ca2)
    return np.where(rate > 0, np.maximum(np.ceil(need / places - 1e-9), 1.0), 0.0)


def pooled_replicas(
    arrival_rps: npt.ArrayLike, alone_rps: npt.ArrayLike, pooled_rps: npt.ArrayLike
) -> Array:
    """Integer replicas that batch continuously, for each arrival rate.

    Parameters
    ----------
    arrival_rps : array
        Requests/s; broadcasts against the rest.
    alone_rps, pooled_rps : array
        What a replica carries alone and in a large fleet (`under_load.under_load`), requests/s.

    Returns
    -------
    array
        At least 1 where requests arrive, 0 where none do; NaN where the capacities are.
    """
    rate = np.asarray(arrival_rps, float)
    most = np.maximum(np.asarray(pooled_rps, float), 1e-12)
    lost = most - np.asarray(alone_rps, float)
    root = (lost + np.sqrt(lost**2 + 4.0 * most * rate)) / (2.0 * most)
    need = np.ceil(root**2 - 1e-9)
    return np.where(rate > 0, np.where(np.isnan(need), np.nan, np.maximum(need, 1.0)), 0.0)
