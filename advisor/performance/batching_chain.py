r"""How many requests a replica that batches continuously decodes at once: a birth-death chain.

With :math:`m \le M` requests decoding an iteration takes :math:`\tau(m)`; prompts of :math:`p`
seconds keep the machine busy a share :math:`\rho = \lambda p` of the time, so a request of
:math:`L` tokens decodes in :math:`L\tau(m)/(1-\rho)`. Limited processor sharing is insensitive to
the law of :math:`L`:

.. math:: \pi(m) \propto \left[\prod_{i=1}^{m} \frac{\lambda L\,\tau(i)}{i\,(1-\rho)}\right]^{1/z}
   \qquad z = (1 + c_a^2)/2

with a geometric tail of those that wait for a place; :math:`z` is the peakedness of bursts.
Only a factor :math:`\theta^m` depends on the rate, so a search over rates is cheap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from .configs import Array

NODES = 32


def nodes(limit: npt.ArrayLike) -> Array:
    """Batch sizes at which the chain is worked out: whole at first, then spaced like their root.

    Parameters
    ----------
    limit : array, shape (n,)
        Most requests that decode at once, at least 1.

    Returns
    -------
    array, shape (n, NODES)
        From 0 to the limit; where that is small, the last ones repeat it.
    """
    top = np.asarray(limit, float)[:, None]
    root = np.sqrt(top) - np.sqrt(np.maximum(top - (NODES - 1.0), 0.0))
    k = np.arange(NODES)
    spread = (root + (k - root**2) / (2.0 * root)) ** 2
    out: Array = np.minimum(np.where(k <= root**2 + 1e-9, k, spread), top)
    return out


@dataclass(frozen=True)
class Batching:
    """One replica of each of n configurations."""

    batch: Array
    """`nodes` of the limit, shape (n, NODES)."""
    step_s: Array
    """Iteration that decodes a token for each of `batch`, s, shape (n, NODES); at 0, for none."""
    prefill_s: Array
    """What a prompt adds to the iterations that read it, s, shape (n,)."""
    slice_s: Array
    """The most that prompts add to one iteration beside `batch` decodes, s, shape (n, NODES)."""
    output_tokens: Array
    """Mean, shape (n,)."""


@dataclass(frozen=True)
class Fixed:
    """What does not depend on the arrival rate; shapes (n, NODES) or (n, 1)."""

    width: Array
    """Batch sizes that each node stands for."""
    log_weight: Array
    prefill: Array
    output: Array
    service: Array
    """Time a prompt holds the queue of prompts, s."""
    alone: Array
    """Iterations that read one prompt, s."""
    unused: Array
    """Room that it leaves in the last of them, s."""
    together: Array
    """Prompts that one iteration can read, at least 1."""
    gathered: Array
    """1 where prompts are short enough to be read together."""


@dataclass(frozen=True)
class State:
    """The chain at one arrival rate; shapes (n, NODES), (n, 1) or (n,)."""

    rate: Array
    busy: Array
    """Share of time that prompts alone would take, (n, 1)."""
    share: Array
    """Time with so many decoding and a place free."""
    outside: Array
    """Time with every place taken, (n,)."""
    drain: Array
    """Requests/s that leave while every place is taken, (n,)."""
    queue: Array
    """Share of time that prompts are being read."""
    long: Array
    """Iteration in which prompts were gathered, s."""
    left: Array
    """Prompts left behind by one that begins to decode, beyond those at its end."""


def fix(b: Batching) -> Fixed:
    """Work out what holds at every arrival rate."""
    m, tau = b.batch, b.step_s
    gaps = np.diff(m, axis=1)
    width = np.zeros_like(m)
    width[:, :-1] += gaps / 2.0
    width[:, 1:] += gaps / 2.0
    width[:, [0, -1]] += 0.5
    log_step = np.log(tau)
    summed = np.zeros_like(m)
    np.cumsum((log_step[:, 1:] + log_step[:, :-1]) / 2.0 * gaps, axis=1, out=summed[:, 1:])
    summed += (log_step - log_step[:, :1]) / 2.0
    prefill = b.prefill_s[:, None]
    slices = prefill / b.slice_s
    whole = np.maximum(np.ceil(slices - 1e-9), 1.0)
    return Fixed(
        width=width,
        log_weight=summed - gammaln(m + 1.0),
        prefill=prefill,
        output=b.output_tokens[:, None],
        service=prefill * (1.0 + tau / b.slice_s),
        alone=prefill + tau * whole,
        unused=(whole - slices) * np.minimum(b.slice_s, prefill),
        together=np.maximum(1.0 / slices, 1.0),
        gathered=np.where(slices <= 0.55, 1.0, 0.0),
    )


def solve(b: Batching, f: Fixed, rps: Array, ca2: float) -> State:
    """The chain at an arrival rate of each configuration, shape (n,)."""
    rate, tau, top = rps[:, None], b.step_s, b.batch[:, -1]
    busy = np.minimum(rate * f.prefill, 0.99)
    queue = np.minimum(rate * f.service, 0.995)
    # Prompts left behind at the start of decoding stretch it; at its end some are left, too.
    shared = np.sqrt(2.0 * (f.together + 1.0)) - 1.0
    ahead = queue**shared
    behind = ahead * (1.0 + queue / (2.0 * (1.0 - queue)))
    mixed = busy * tau / b.slice_s / (1.0 - busy)
    long = np.minimum((tau + f.prefill) / (1.0 - busy), tau + b.slice_s)
    left = behind * np.clip(1.0 - 0.8 * mixed / np.maximum(queue, 1e-12), 0.0, 1.0)
    left += f.gathered * rate * np.maximum(long - tau / (1.0 - busy), 0.0)
    most = ((1.0 - busy) * (1.0 + b.slice_s / tau) - 1.0) * f.output * tau / f.prefill
    left = np.clip(left, 0.0, np.maximum(most, 0.0))
    # The stretch is taken where births and deaths balance.
    deaths = b.batch * (1.0 - busy) / (f.output * tau)
    at = np.minimum((deaths < rate).sum(axis=1), deaths.shape[1] - 1)
    rows = np.arange(len(at))
    stretch = 1.0 + (f.prefill * left / (f.output * tau))[rows, at]
    log_rate = np.log(rps * f.output[:, 0] / (1.0 - busy[:, 0]) * stretch)
    peaked = (1.0 + ca2) / 2.0
    density = (log_rate[:, None] * b.batch + f.log_weight) / peaked
    density = np.exp(density - density.max(axis=1, keepdims=True))
    # Requests whose prompt is read hold a place, too.
    drain = deaths[:, -1] / stretch
    reading = ahead[:, -1] * f.service[:, -1] / (2.0 * (1.0 - queue[:, -1])) + f.alone[:, -1]
    held = np.minimum(2.0 * rps * reading, 0.3 * top)
    ratio = rps / drain
    nearer = np.exp(np.clip(-held / peaked * np.log(np.maximum(ratio, 1e-9)), 0.0, 300.0))
    drain = drain * (1.0 - held / top * tau[:, 0] / tau[:, -1])
    outside = density[:, -1] * nearer * peaked / (1.0 - np.minimum(rps / drain, 0.9999))
    share = density * f.width
    total = share.sum(axis=1) + outside
    return State(
        rate=rate,
        busy=busy,
        share=share / total[:, None],
        outside=outside / total,
        drain=drain,
        queue=queue,
        long=long,
        left=left,
    )
