r"""Continuous batching under random arrivals: how late first and later tokens come.

On top of the chain of `advisor.performance.batching_chain`, in its notation:

- Prompts queue for each other. At :math:`m` decoding one takes :math:`s = p(1 + \tau(m)/\sigma)`
  where an iteration reads slices of :math:`\sigma` seconds, and waits as in G/D/1. Short prompts
  are gathered during one iteration and read together in the next.
- A request of :math:`\ell` tokens sees more than :math:`x` seconds a token where more than
  :math:`\ell(x-\tau)/p` prompts are read meanwhile, those left behind its own and new ones: a
  Poisson tail (Wilson and Hilferty's form), widened by what the number of others varies, averaged
  over the request's life as an Ornstein-Uhlenbeck process.

The constants below were chosen by comparison with a simulation; ``benchmarks/queueing.py`` prints
how far the two are apart. Prompts are of one length: where lengths vary, give a long one. Servers
of fewer than 8 requests at once were not compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtri

from .batching_chain import Batching, Fixed, State, fix, nodes, solve
from .configs import Array

__all__ = ["Batching", "Load", "capacity_rps", "load", "nodes", "top_rps"]

RESERVE = 0.03
"""Share of capacity held back for what the approximations leave out; more for bursts."""
MARGIN = 1.02
"""Iterations run this much longer than the chain's mean says."""
SKEW = 2.3
"""Factor on the variance of gathered prompts, whose law is skewed."""

_HALVINGS = 10
_ROWS = 512
"""Configurations worked out at once, so that they stay in the processor's cache."""
_NEVER = 1e6
_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.55, 0.75, 1.0)
_LOGISTIC = 1.79
"""Slope with which the logistic curve meets the normal one at its 95th percentile."""
_UPPER = 0.95


@dataclass(frozen=True)
class Load:
    """What requests see at an arrival rate; shape (n,)."""

    ttft_s: Array
    """Time to first token at the percentile, s; ``inf`` beyond capacity."""
    tpot_s: Array
    """Time per output token after the first at the percentile, s."""
    mean_tpot_s: Array
    mean_decoding: Array
    """Requests that decode."""
    waiting_share: Array
    """Requests that find every place taken."""


def top_rps(b: Batching) -> Array:
    """Requests/s that the largest useful batch turns around, latency aside; shape (n,)."""
    m = b.batch[:, 1:]
    cycle = m * b.prefill_s[:, None] + b.output_tokens[:, None] * b.step_s[:, 1:]
    out: Array = (m / cycle).max(axis=1)
    return out


def load(
    b: Batching,
    rps: npt.ArrayLike,
    percentile: float = 95.0,
    ca2: float = 1.0,
    output_cv2: float = 0.6,
) -> Load:
    """Latency of each configuration at an arrival rate.

    Parameters
    ----------
    b : Batching
    rps : array, shape (n,)
        Requests/s, above 0 and below `top_rps`.
    percentile : float
        Of both latencies, between 50 and 100.
    ca2, output_cv2 : float
        Squared coefficients of variation of gaps between arrivals and of output lengths (0.6 in
        the public trace of a conversation service).
    """
    late = 1.0 - percentile / 100.0
    fixed = fix(b)
    state = solve(b, fixed, np.asarray(rps, float), ca2)
    spell = _spell(b, fixed, state, ca2, output_cv2)
    decoding = (state.share * b.batch).sum(axis=1) + state.outside * b.batch[:, -1]
    return Load(
        ttft_s=_quantile(lambda x: _late_first(b, fixed, state, x, ca2), late, decoding),
        tpot_s=_quantile(lambda x: _late_tokens(spell, x), late, decoding),
        mean_tpot_s=spell.mean,
        mean_decoding=decoding,
        waiting_share=state.outside,
    )


def capacity_rps(
    b: Batching,
    ttft_slo_s: npt.ArrayLike,
    tpot_slo_s: npt.ArrayLike,
    percentile: float = 95.0,
    ca2: float = 1.0,
    output_cv2: float = 0.6,
) -> Array:
    """Largest arrival rate at which both targets hold, requests/s, by bisection; shape (n,).

    Parameters
    ----------
    b, percentile, ca2, output_cv2
        As in `load`.
    ttft_slo_s, tpot_slo_s : array, shape (n,)
        Targets at the percentile, s; ``inf`` where there is none.

    Returns
    -------
    array
        0 where a target is below what an empty server does.
    """
    shape = (len(b.prefill_s),)
    first = np.broadcast_to(np.minimum(ttft_slo_s, _NEVER), shape)
    token = np.broadcast_to(np.minimum(tpot_slo_s, _NEVER), shape)
    out = np.zeros(shape)
    for begin in range(0, len(out), _ROWS):
        rows = slice(begin, begin + _ROWS)
        some = Batching(**{f.name: getattr(b, f.name)[rows] for f in fields(b)})
        out[rows] = _search(some, first[rows], token[rows], percentile, ca2, output_cv2)
    out *= 1.0 - RESERVE * max(2.0 * ca2 - 1.0, 1.0)
    return out


def _search(
    b: Batching, first_s: Array, token_s: Array, percentile: float, ca2: float, output_cv2: float
) -> Array:
    late = 1.0 - percentile / 100.0
    fixed = fix(b)
    high = top_rps(b)
    low = np.zeros_like(high)
    for _ in range(_HALVINGS):
        rps = (low + high) / 2.0
        state = solve(b, fixed, rps, ca2)
        fits = _late_first(b, fixed, state, first_s, ca2) <= late
        fits &= _late_tokens(_spell(b, fixed, state, ca2, output_cv2), token_s) <= late
        low, high = np.where(fits, rps, low), np.where(fits, high, rps)
    return low


def _quantile(tail: Callable[[Array], Array], late: float, like: Array) -> Array:
    """Time that a share `late` of requests exceeds, s; ``inf`` where it is beyond reason."""
    low, high = np.full(len(like), -12.0), np.full(len(like), np.log(_NEVER))
    top = high.copy()
    for _ in range(36):
        middle = (low + high) / 2.0
        over = tail(np.exp(middle)) > late
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.where(high >= top, np.inf, np.exp(high))


def _above(x: Array, mean: Array, deviation: Array) -> Array:
    out: Array = 1.0 / (1.0 + np.exp(np.minimum(_LOGISTIC * (x - mean) / deviation, 50.0)))
    return out


def _late_first(b: Batching, f: Fixed, s: State, first_s: Array, ca2: float) -> Array:
    """Share of requests whose first token takes longer than `first_s`, shape (n,)."""
    x, tau, p, gathered = first_s[:, None], b.step_s, f.prefill, f.gathered
    # A queue of prompts follows the number of others only half: both change at like pace.
    mean = (s.share * s.queue).sum(axis=1) + s.outside * s.queue[:, -1]
    queue = np.clip((s.queue + mean[:, None]) / 2.0, 0.0, np.minimum(s.queue, 0.998))
    new = gathered * s.rate * tau * p
    widened = 1.0 + gathered * (SKEW - 1.0)
    calm = _above(x, f.alone + tau / 2.0 + new, np.sqrt(widened * (tau**2 / 12.0 + ca2 * p * new)))
    more = s.busy * s.long
    crowd = _above(
        x, f.alone + s.long / 2.0 + more, np.sqrt(SKEW * (s.long**2 / 12.0 + ca2 * p * more))
    )
    # The decay of M/D/1 is steeper than in heavy traffic by about half of what is free.
    wait = f.service * ca2 / (2.0 * (1.0 - queue) * (1.0 + 0.5 * (1.0 - queue)))
    start = f.alone + np.where(gathered > 0, s.long, 3.0 * queue * f.unused)
    rise = 1.0 + 0.9 * (1.0 - queue) * (1.0 - gathered)
    over = np.minimum(rise * np.exp(-np.maximum(x - start, 0.0) / wait), 1.0)
    full = queue ** np.minimum(2.0 * f.together - 2.0, 60.0)
    read = np.where(gathered > 0, (1.0 - full) * crowd + full * over, np.maximum(over, calm))
    late = (1.0 - queue) * calm + queue * read
    patience = np.maximum(first_s - (f.alone + queue * wait)[:, -1], 0.0)
    placed = np.exp(-patience * np.maximum(s.drain - s.rate[:, 0], 1e-9) * 2.0 / (1.0 + ca2))
    out: Array = (s.share * late).sum(axis=1) + s.outside * np.maximum(placed, late[:, -1])
    return out


@dataclass(frozen=True)
class _Spell:
    """Decoding of requests of several lengths; shapes (n, lengths) or (n, 1), `most` (n,)."""

    step: Array
    prompts_per_s: Array
    """Prompts that it takes to slow a request down by a second a token."""
    new: Array
    """Prompts that arrive meanwhile, per second a token."""
    left: Array
    spread: Array
    """Variance of the number of prompts, beyond Poisson."""
    weight: Array
    most: Array
    """Longest time per token: every iteration reads a full slice, s."""
    mean: Array
    """Mean time per token, s, shape (n,)."""


def _spell(b: Batching, f: Fixed, s: State, ca2: float, output_cv2: float) -> _Spell:
    tau, p, output = b.step_s, f.prefill, f.output
    share = s.share.copy()
    share[:, -1] += s.outside
    # A request that decodes counts itself besides the others.
    gaps = np.maximum(np.diff(b.batch, axis=1), 1e-9)
    own = tau.copy()
    own[:, :-1] += np.minimum(np.diff(tau, axis=1) / gaps, np.diff(tau, axis=1))
    idle = 1.0 - s.busy
    mean = (share * own).sum(axis=1, keepdims=True)
    left = (share * own * s.left / tau).sum(axis=1, keepdims=True)
    high = _upper(share, own)[:, None]
    length, weight = _lengths(output_cv2)
    # Autocorrelation falls the slower, the more iterations lengthen with the batch.
    pace = np.maximum(tau[:, :1] / (share * tau).sum(axis=1, keepdims=True), 0.02) * length
    lasting = 2.0 * (pace - 1.0 + np.exp(-pace)) / pace**2
    varies = lasting * (np.maximum(high - mean, 0.0) / ndtri(_UPPER)) ** 2
    tokens = np.maximum(output * length - 1.0, 1.0)
    counted = tokens / (p * ca2)
    seen = np.maximum(tokens - (1.0 - f.gathered[:, :1]), 0.0)
    slowest = (share * (own + b.slice_s)).sum(axis=1)
    return _Spell(
        step=mean * MARGIN,
        prompts_per_s=counted,
        new=s.rate / ca2 * seen,
        left=left,
        spread=varies * counted**2,
        weight=weight,
        most=np.maximum(slowest, high[:, 0] / idle[:, 0]),
        mean=((mean + p * left / output) / idle)[:, 0],
    )


def _late_tokens(s: _Spell, token_s: Array) -> Array:
    """Share of requests that take longer than `token_s` per token, shape (n,)."""
    x = token_s[:, None]
    # The last prompt of several falls on the last iterations only in part.
    plain = np.maximum(x - s.step, 0.0) * s.prompts_per_s
    need = np.maximum(plain + 0.95 * plain / (plain + 2.0), 1.0)
    read = s.new * x + s.left
    score = 3.0 * np.sqrt(need) * (np.cbrt(read / need) - 1.0 + 1.0 / (9.0 * need))
    score *= np.sqrt(need / (need + s.spread))
    late = 1.0 / (1.0 + np.exp(np.clip(-_LOGISTIC * score, -50.0, 50.0)))
    late = (s.weight * np.where(x > s.step, late, 1.0)).sum(axis=1)
    return np.where(token_s >= s.most, 0.0, late)


def _upper(share: Array, value: Array) -> Array:
    """95th percentile of a value that grows along the nodes, shape (n,)."""
    below = np.cumsum(share, axis=1) - share / 2.0
    rows = np.arange(len(share))
    after = np.minimum((below < _UPPER).sum(axis=1), share.shape[1] - 1)
    before = np.maximum(after - 1, 0)
    low, high = below[rows, before], below[rows, after]
    part = np.clip((_UPPER - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    out: Array = value[rows, before] + part * (value[rows, after] - value[rows, before])
    return out


@lru_cache(maxsize=16)
def _lengths(cv2: float) -> tuple[Array, Array]:
    """Lengths relative to their mean, and their shares, of a gamma law; finer where short."""
    if cv2 == 0:
        return np.ones((1, 1)), np.ones((1, 1))
    edges = np.array(_SHARES)
    middle = (edges[1:] + edges[:-1]) / 2.0
    return gammaincinv(1.0 / cv2, middle)[None, :] * cv2, np.diff(edges)[None, :]
