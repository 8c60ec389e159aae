r"""Models that answer in one pass: encoders, vision, diffusion, tabular.

.. math:: t(b) = \left[t_0^p + \max\left(\frac{b F}{\eta \Pi},\
    \frac{w P}{e_{bw} BW}\right)^p\right]^{1/p}

with FLOPs per sample :math:`F`, share of peak :math:`\eta` (from a measured anchor where one
exists, else a rule) and fixed time per pass :math:`t_0`. With dynamic batching a request waits for
the pass under way and rides in the next: the 95th percentile is taken as two passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .configs import GIB, Array
from .llm import Capacity
from .lookup import Lookup

BANDWIDTH_EFFICIENCY = 0.8
PASS_BLEND = 2.0
"""How fixed time and work overlap: 1 adds them, infinity takes the longer. Batch sweeps lie
between: launches hide behind arithmetic once there is enough of it."""
MAX_BATCH = 256
USABLE_MEMORY = 0.9
"""Share of memory left to weights and activations."""


@dataclass(frozen=True)
class PassConfigs:
    """One entry per configuration, shape (n,). GFLOP, TFLOP/s, GB/s, GiB, seconds."""

    gflops_per_sample: Array
    params_b: Array
    weight_bits: Array
    mfu: Array
    pass_overhead_s: Array
    peak_tflops: Array
    bandwidth_gb_s: Array
    memory_gib: Array
    activation_gib_per_sample: Array
    batching: Array
    """1 where requests are gathered into batches."""


def pass_s(c: PassConfigs, batch: Array) -> Array:
    """Time of one pass over `batch` samples, s."""
    compute = batch * c.gflops_per_sample / (c.mfu * c.peak_tflops * 1e3)
    weights = c.params_b * c.weight_bits / 8.0 / (BANDWIDTH_EFFICIENCY * c.bandwidth_gb_s)
    work = np.maximum(compute, weights)
    out: Array = (c.pass_overhead_s**PASS_BLEND + work**PASS_BLEND) ** (1.0 / PASS_BLEND)
    return out


def sample_gflops(
    models: Lookup, tokens: Array, image_px: Array | float = np.nan, steps: Array | float = np.nan
) -> Array:
    """Arithmetic of one sample, GFLOP, at another length, image or count than the catalog's.

    Per token a layer of width :math:`d` takes :math:`24 d^2 + 4 d t` FLOP at :math:`t` tokens.
    Work on images grows with their area, denoising with its steps.
    """
    usual = models.numbers("sample_tokens")
    width = 6.0 * models.numbers("hidden", np.inf)
    with np.errstate(invalid="ignore"):
        share = np.where(np.isinf(width), 1.0, (width + tokens) / (width + usual))
    scale = tokens / usual * share
    area = (image_px / models.numbers("sample_px")) ** 2
    count = steps / models.numbers("sample_steps")
    out = models.numbers("gflops_per_sample")
    for factor in (scale, area, count):
        out = out * np.where(np.isnan(factor), 1.0, factor)
    return out


def best_batch(c: PassConfigs) -> Array:
    """Batch of the highest throughput that memory holds (1 where not even one fits)."""
    grid = np.asarray(2.0 ** np.arange(int(np.log2(MAX_BATCH)) + 1), float)
    wide = PassConfigs(**{k: np.asarray(v, float)[:, None] for k, v in vars(c).items()})
    need = wide.params_b * wide.weight_bits / 8.0 * 1e9 / GIB
    fits = need + grid * wide.activation_gib_per_sample <= wide.memory_gib
    rate: Array = np.where(fits, grid / pass_s(wide, grid), 0.0)
    return np.asarray(grid[rate.argmax(axis=1)], float)


def capacity(c: PassConfigs, latency_slo_s: Array) -> Capacity:
    """Largest request rate of one replica within the latency target (``inf``: none).

    Parameters
    ----------
    c : PassConfigs
        n configurations.
    latency_slo_s : array, shape (n,)
        95th percentile target for the whole answer, s.
    """
    n = len(c.mfu)
    grid = np.broadcast_to(2.0 ** np.arange(int(np.log2(MAX_BATCH)) + 1), (n, 9)).copy()
    wide = PassConfigs(**{k: np.asarray(v, float)[:, None] for k, v in vars(c).items()})
    need = wide.params_b * wide.weight_bits / 8.0 * 1e9 / GIB
    fits = need + grid * wide.activation_gib_per_sample <= wide.memory_gib
    admitted = fits & ((grid == 1.0) | (wide.batching > 0))
    once = pass_s(wide, grid)
    latency = np.where(wide.batching > 0, 2.0, 1.5) * once
    ok = admitted & (latency <= latency_slo_s[:, None])
    rate = np.where(ok, grid / once, 0.0)
    pick = rate.argmax(axis=1)
    rows = np.arange(n)
    feasible = ok.any(axis=1)
    reason = np.full(n, "", dtype=object)
    for i in np.flatnonzero(~feasible):
        reason[i] = (
            f"misses latency: {latency[i, 0] * 1e3:.0f} ms against {latency_slo_s[i] * 1e3:.0f}"
            if fits[i, 0]
            else f"does not fit: needs {need[i, 0]:.1f} GiB, has {c.memory_gib[i]:.1f}"
        )
    compute = c.gflops_per_sample * grid[rows, pick] / (c.mfu * c.peak_tflops * 1e3)
    bound = np.where(compute >= once[rows, pick] / 2.0, "compute", "overhead per pass").astype(
        object
    )
    return Capacity(
        rps=rate[rows, pick],
        concurrency=grid[rows, pick] * 1.0,
        latency_s=latency[rows, pick],
        first_s=latency[rows, pick],
        token_s=np.zeros(n),
        reason=reason,
        bound=bound,
    )


def peak_share(
    samples_per_s: npt.ArrayLike, gflops_per_sample: npt.ArrayLike, peak_tflops: npt.ArrayLike
) -> Array:
    """Share of peak arithmetic that a measured throughput amounts to."""
    flops: Array = np.asarray(samples_per_s, float) * np.asarray(gflops_per_sample, float)
    return flops / (np.asarray(peak_tflops, float) * 1e3)
