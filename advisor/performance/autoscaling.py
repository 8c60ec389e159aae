r"""Fleets that follow demand, simulated step by step: what runs, and which requests come too late.

Demand :math:`d_t` is what arrives in step :math:`t`, in replicas that it keeps busy at the load at
which they meet their latency targets; a fleet sized for the hour's mean holds at least that many.
The autoscaler has seen the step before and the queue :math:`Q`, which it wants gone within one
spin-up lag of :math:`\ell` steps; if predictive, it also knows the forecast :math:`f` as far ahead:

.. math:: w_t = W + \max\Big(m, \Big\lceil \tfrac1\rho \max\big(d_{t-1} + Q_{t-1} / \ell,\;
    [\max_{t \le u \le t+\ell} f_u]\big) \Big\rceil\Big)

with the target utilisation :math:`\rho`, the warm pool :math:`W` and the least fleet :math:`m`.
It scales down to the most it wanted over the last :math:`h` steps, and a replica serves once it has
been wanted for the whole lag; one that is starting is paid for:

.. math:: b_t = \max_{t-h < u \le t} w_u, \qquad r_t = \min_{t-\ell \le u \le t} b_u, \qquad
    Q_t = (Q_{t-1} + d_t - r_t)^+

First come, first served: of what arrives in a step, :math:`\min(d_t, (Q_{t-1} + d_t - r_t - r_t
\omega)^+)` waits longer than :math:`\omega` steps and is late. That is a fluid: the randomness of
single requests belongs to the replicas' own sizing (`replicas`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from advisor.errors import InputError

from .configs import Array

HOUR_S = 3600.0
TINY = 1e-9
"""Rounding errors that must not start a replica."""


@dataclass(frozen=True, eq=False)
class Fleets:
    """n fleets, each with its way of scaling; arrays of shape (n,).

    Attributes
    ----------
    row : array of int
        The row of demand that each follows.
    replicas : array
        Replicas that a demand of 1 keeps busy.
    lag_s : array
        Time to start a replica and load its model, s.
    predictive : array of bool
        Whether it looks ahead; else it only reacts.
    target : array
        Load that a replica is given, as a share of the most at which it meets its targets.
    warm : array
        Replicas held ready beyond what demand asks.
    least : array
        Replicas that demand never falls below.
    """

    row: npt.NDArray[np.int64]
    replicas: Array
    lag_s: Array
    predictive: npt.NDArray[np.bool_]
    target: Array
    warm: Array
    least: Array


@dataclass(frozen=True, eq=False)
class Simulated:
    """What n fleets did.

    Attributes
    ----------
    hourly : array, shape (n, hours)
        Replicas paid for in each hour, those starting included; a mean over the hour.
    late_share : array, shape (n,)
        Share of requests that waited longer than the limit for room.
    """

    hourly: Array
    late_share: Array


def refined(
    hourly: npt.ArrayLike, step_s: float, *, swing: float, swing_s: float, seed: int = 0
) -> tuple[Array, Array]:
    """Hourly demand in short steps, as it is expected and as it comes.

    What is expected runs straight from the middle of one hour to that of the next, and each hour
    keeps its volume; the last is followed by the first. What comes is that times a factor of mean 1
    from a gamma distribution, drawn anew for each stretch of time, the same for all rows.

    Parameters
    ----------
    hourly : array, shape (d, hours)
        Mean demand of each hour.
    step_s : float
        Length of a step, a divisor of 3,600 s.
    swing : float
        Coefficient of variation of the factor; 0 for none.
    swing_s : float
        How long one factor lasts, s.

    Returns
    -------
    forecast, demand : array, shape (d, steps)

    Raises
    ------
    InputError
        For a step that does not divide an hour.
    """
    mean = np.atleast_2d(np.asarray(hourly, float))
    per_hour = _per_hour(step_s)
    hours = mean.shape[1]
    at = (np.arange(hours * per_hour) + 0.5) / per_hour - 0.5
    middle = np.arange(-1, hours + 1)
    around = np.concatenate([mean[:, -1:], mean, mean[:, :1]], axis=1)
    line = np.array([np.interp(at, middle, one) for one in around]).reshape(-1, hours, per_hour)
    kept = line.mean(axis=2)
    scale = np.divide(mean, kept, out=np.zeros_like(mean), where=kept > 0)
    forecast = (line * scale[:, :, None]).reshape(len(mean), -1)
    if swing <= 0:
        return forecast, forecast
    lasts = max(round(swing_s / step_s), 1)
    shape = swing**-2.0
    drawn = np.random.default_rng(seed).gamma(shape, 1.0 / shape, -(-len(at) // lasts))
    return forecast, forecast * np.repeat(drawn, lasts)[: len(at)]


def simulate(
    demand: npt.ArrayLike,
    forecast: npt.ArrayLike,
    fleets: Fleets,
    *,
    step_s: float,
    limit_s: float,
    hold_s: float,
) -> Simulated:
    """Run fleets against demand; all of them at once, step after step.

    Parameters
    ----------
    demand, forecast : array, shape (d, steps)
        What comes in each step, and what was expected: `refined`, or arrivals of a trace counted
        by step and divided by what a replica serves in one.
    step_s : float
        Length of a step, a divisor of 3,600 s.
    limit_s : float
        Longest wait for room that is not late, s; short against the lag.
    hold_s : float
        How long less must be wanted before the fleet shrinks, s.

    Raises
    ------
    InputError
        For a step that does not divide an hour, or a target that is not positive.
    """
    if (fleets.target <= 0).any():
        raise InputError("a target utilisation must be above 0")
    per_hour = _per_hour(step_s)
    lag = np.maximum(np.ceil(fleets.lag_s / step_s - TINY), 0).astype(np.int64)
    # Fleets with the same lag stand together, so that each lag is one look back.
    order = np.argsort(lag, kind="stable")
    lag, row, size = lag[order], fleets.row[order], fleets.replicas[order]
    ends = np.flatnonzero(np.r_[np.diff(lag) > 0, True]) + 1
    groups = [
        (int(lag[e - 1]), slice(s, e)) for s, e in zip(np.r_[0, ends[:-1]], ends, strict=True)
    ]
    comes = np.ascontiguousarray(np.atleast_2d(np.asarray(demand, float)).T)
    ahead, pair = _ahead(np.atleast_2d(np.asarray(forecast, float)), row, lag)
    per_target = 1.0 / fleets.target[order]
    foreseen = np.where(fleets.predictive[order], size * per_target, 0.0)
    warm, least = fleets.warm[order], fleets.least[order]
    clear = 1.0 / np.maximum(lag, 1)
    wait = limit_s / step_s

    steps, n = len(comes), len(row)
    hold, reach = max(round(hold_s / step_s), 1), int(lag.max(initial=0)) + 1
    hourly = np.zeros((-(-steps // per_hour), n))
    late, arrived, queue, ready = (np.zeros(n) for _ in range(4))
    load = comes[0][row] * size
    recent, past = np.zeros((hold, n)), np.zeros((2 * reach, n))
    for t in range(steps):
        wanted = (load + queue * clear) * per_target
        np.maximum(wanted, ahead[t][pair] * foreseen, out=wanted)
        np.ceil(wanted - TINY, out=wanted)
        np.maximum(wanted, least, out=wanted)
        wanted += warm
        if t == 0:  # it begins with what the first step needs, ready
            recent[:], past[:] = wanted, wanted
        recent[t % hold] = wanted
        runs = recent.max(axis=0)
        # Kept twice, so that any look back is one stretch of rows.
        here = t % reach + reach
        past[here - reach] = past[here] = runs
        for back, of in groups:
            np.min(past[here - back : here + 1, of], axis=0, out=ready[of])
        load = comes[t][row] * size
        queue += load - ready
        late += np.minimum(np.maximum(queue - ready * wait, 0.0), load)
        np.maximum(queue, 0.0, out=queue)
        arrived += load
        hourly[t // per_hour] += runs
    lengths = np.full(len(hourly), per_hour)
    lengths[-1] = steps - per_hour * (len(hourly) - 1)
    back_to = np.argsort(order)
    share = np.divide(late, arrived, out=np.zeros(n), where=arrived > 0)
    return Simulated((hourly / lengths[:, None]).T[back_to], share[back_to])


def _per_hour(step_s: float) -> int:
    n = round(HOUR_S / step_s)
    if n < 1 or abs(n * step_s - HOUR_S) > TINY * HOUR_S:
        raise InputError(f"a step must divide an hour of 3,600 s (got {step_s:g} s)")
    return n


def _ahead(
    forecast: Array, row: npt.NDArray[np.int64], lag: npt.NDArray[np.int64]
) -> tuple[Array, npt.NDArray[np.int64]]:
    """The most expected within each lag, shape (steps, pairs), and the pair of each fleet."""
    pairs, which = np.unique(np.stack([row, lag]), axis=1, return_inverse=True)
    out = forecast[pairs[0]].copy()
    for back in range(1, int(lag.max(initial=0)) + 1):
        of = np.flatnonzero(pairs[1] >= back)
        later = forecast[pairs[0][of]]
        out[of, :-back] = np.maximum(out[of, :-back], later[:, back:])
    return np.ascontiguousarray(out.T), which.ravel()
