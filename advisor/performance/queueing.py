r"""Waiting for one of several servers, first come first served, whatever arrives and is served.

Offered load :math:`a = \lambda S` over :math:`c` servers; squared coefficients of variation
:math:`c_a^2` of the gaps between arrivals and :math:`c_s^2` of service times.

.. math::

    B(c, a) &= \frac{e^{-a}a^c/\Gamma(c+1)}{Q(c+1, a)} \qquad
    C(c, a) = \frac{B}{1-(a/c)(1-B)} \\
    E[W] &= C\,\tau \qquad \tau = \frac{S}{c-a}\,\frac{c_a^2+c_s^2}{2} \\
    P(W>x) &= C(c/z, a/z)\,e^{-x/\tau} \qquad z = 1 + \frac{c_a^2-1}{1+c_s^2}

:math:`B` is Erlang's loss formula with its sum as a regularised gamma function, so any number of
servers costs the same and need not be whole; :math:`C` his delay formula. The mean is Allen and
Cunneen's (1978), exact for M/M/c. Bursty arrivals find servers busy more often than the mean says:
the delay probability takes the peakedness :math:`z` (Whitt, 2004), in the interpolation that is
exact for constant and for exponential service; the tail is that of heavy traffic. For the error
see ``benchmarks/queueing.py``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, gammaln

from .configs import Array

_EXACT = 64
_MOST = 1e7
_HALVINGS = 48


def erlang_b(servers: npt.ArrayLike, load: npt.ArrayLike) -> Array:
    """Share of requests lost where none may wait (Erlang's first formula).

    Parameters
    ----------
    servers : array
        Above 0; need not be whole.
    load : array
        Offered load in servers, above 0 and not above `servers`.
    """
    c, a = np.asarray(servers, float), np.asarray(load, float)
    out: Array = np.exp(c * np.log(a) - a - gammaln(c + 1.0)) / gammaincc(c + 1.0, a)
    return out


def erlang_c(servers: npt.ArrayLike, load: npt.ArrayLike) -> Array:
    """Share of requests that must wait (Erlang's second formula); 1 at and above full load.

    Parameters
    ----------
    servers, load : array
        As in `erlang_b`; any load from 0 on.
    """
    c, a = np.asarray(servers, float), np.asarray(load, float)
    lost = erlang_b(c, np.clip(a, 1e-300, c))
    waiting: Array = np.where(a < c, lost / (1.0 - np.minimum(a / c, 1.0) * (1.0 - lost)), 1.0)
    return waiting


def mean_wait_s(
    arrival_rps: npt.ArrayLike,
    service_s: npt.ArrayLike,
    servers: npt.ArrayLike,
    cs2: npt.ArrayLike = 1.0,
    ca2: npt.ArrayLike = 1.0,
) -> Array:
    """Mean wait before service, s; ``inf`` where the servers cannot keep up.

    Parameters
    ----------
    arrival_rps, service_s, servers : array
        Requests/s, mean time in service (s) and servers.
    cs2, ca2 : array
        Squared coefficients of variation of service times and of gaps between arrivals.
    """
    load = np.asarray(arrival_rps, float) * np.asarray(service_s, float)
    tail = _tail(load, servers, cs2, ca2)
    out: Array = erlang_c(servers, load) * tail * np.asarray(service_s, float)
    return out


def wait_quantile_s(
    arrival_rps: npt.ArrayLike,
    service_s: npt.ArrayLike,
    servers: npt.ArrayLike,
    percentile: npt.ArrayLike,
    cs2: npt.ArrayLike = 1.0,
    ca2: npt.ArrayLike = 1.0,
) -> Array:
    """Wait that `percentile` % of requests do not exceed, s; parameters as `mean_wait_s`."""
    load = np.asarray(arrival_rps, float) * np.asarray(service_s, float)
    late = 1.0 - np.asarray(percentile, float) / 100.0
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = np.log(_delayed(load, servers, cs2, ca2) / late)
        wait = np.where(depth > 0, depth * _tail(load, servers, cs2, ca2), 0.0)
    out: Array = wait * np.asarray(service_s, float)
    return out


def _tail(load: Array, servers: npt.ArrayLike, cs2: npt.ArrayLike, ca2: npt.ArrayLike) -> Array:
    """Mean wait of those that wait, in service times."""
    spare = np.asarray(servers, float) - load
    with np.errstate(divide="ignore"):
        out: Array = np.where(
            spare > 0, (np.asarray(ca2) + np.asarray(cs2)) / 2.0 / np.maximum(spare, 0.0), np.inf
        )
    return out


def _delayed(load: Array, servers: npt.ArrayLike, cs2: npt.ArrayLike, ca2: npt.ArrayLike) -> Array:
    """Share of requests that wait at all."""
    peaked = 1.0 + (np.asarray(ca2, float) - 1.0) / (1.0 + np.asarray(cs2, float))
    return erlang_c(np.asarray(servers, float) / peaked, load / peaked)


def servers_for(
    arrival_rps: npt.ArrayLike,
    service_s: npt.ArrayLike,
    wait_s: npt.ArrayLike,
    percentile: float,
    cs2: float = 1.0,
    ca2: float = 1.0,
) -> Array:
    """Least whole number of servers with which `percentile` % of requests wait `wait_s` at most.

    Parameters
    ----------
    arrival_rps, service_s, wait_s : array
        Requests/s, mean time in service (s) and the longest wait allowed (s); broadcast.
    percentile : float
        Above 0, below 100.
    cs2, ca2 : float
        Squared coefficients of variation of service times and of gaps between arrivals.

    Returns
    -------
    array
        0 where nothing arrives.
    """
    service = np.asarray(service_s, float)
    load = np.asarray(arrival_rps, float) * service
    need = servers_needed(load, np.asarray(wait_s, float) / service, percentile, cs2, ca2)
    out: Array = np.where(load > 0, np.ceil(need - 1e-9), 0.0)
    return out


def servers_needed(load: Array, wait: Array, percentile: float, cs2: float, ca2: float) -> Array:
    """Servers for a load before rounding up, from tables that are kept: cheap for large arrays.

    Parameters
    ----------
    load : array
        Offered load in servers.
    wait : array
        Longest wait allowed in service times; broadcasts. Taken down to a power of
        :math:`2^{1/4}`, and to 0 below a hundredth.
    percentile, cs2, ca2 : float
        As in `servers_for`.

    Returns
    -------
    array
        At least 1. Whole servers are exact up to 64, and within 0.1 beyond.
    """
    with np.errstate(divide="ignore"):
        steps = np.floor(4.0 * np.log2(np.clip(wait, 0.0, 64.0)) + 1e-9)
    steps = np.where(wait < 0.01, -np.inf, steps)
    kinds = np.unique(steps)
    if len(kinds) == 1:
        return _looked_up(load, *_table(float(kinds[0]), percentile, cs2, ca2))
    load, steps = np.broadcast_arrays(load, steps)
    out = np.empty(load.shape)
    for kind in kinds:
        rows = steps == kind
        out[rows] = _looked_up(load[rows], *_table(float(kind), percentile, cs2, ca2))
    return out


def _looked_up(load: Array, servers: Array, most: Array) -> Array:
    beyond = load + (servers[-1] - most[-1]) * np.sqrt(np.maximum(load, 1.0) / most[-1])
    out: Array = np.where(load > most[-1], beyond, np.interp(load, most, servers))
    return out


@lru_cache(maxsize=512)
def _table(step: float, percentile: float, cs2: float, ca2: float) -> tuple[Array, Array]:
    """Numbers of servers, and the largest load each takes, by bisection."""
    many = np.unique(np.round(np.geomspace(_EXACT, _MOST, 400)))
    servers = np.concatenate([np.arange(1.0, _EXACT), many])
    wait, late = 2.0 ** (step / 4.0), 1.0 - percentile / 100.0
    low, high = np.zeros_like(servers), servers.copy()
    for _ in range(_HALVINGS):
        load = (low + high) / 2.0
        exceed = _delayed(load, servers, cs2, ca2) * np.exp(-wait / _tail(load, servers, cs2, ca2))
        fits = exceed <= late
        low, high = np.where(fits, load, low), np.where(fits, high, load)
    return servers, low
