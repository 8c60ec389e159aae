r"""Language-model serving as a roofline over arrays of configurations.

Notation: batch :math:`B`, mean context :math:`c = isl + osl/2`, tensor parallel :math:`n`,
bytes per weight :math:`w`, bytes per KV element :math:`k`. A layer moves each token's state, of
width :math:`d`, through memory :math:`a` times, and more often where it goes to several experts.

.. math::

    W  &= (P_{dense} + P_{expert}(1-(1-topk/E)^B))\,w/n \\
    KV &= B\,c\,b_{kv}/n + B\,a\,L\,d\,2/n \qquad b_{kv} = 2 L n_{kv} d_h k \\
    F  &= (2 P_{act} B + 4 L n_h d_h c B)/n \\
    t_{step} &= \left[((W+KV)/(e_{bw} BW))^p + (F/(e_{dec} \Pi))^p\right]^{1/p}
               + t_{comm}(B) + t_0 + t_{seq} B \\
    t_{pre}(m) &= \max\left(m\frac{2 P_{act} i + 2 L n_h d_h i^2}{n\,e_{pre} \Pi},
               \frac{W(m i)}{e_{bw} BW}\right) + t_{comm}(m i) + t_0

A pass takes :math:`m` prompts, as many as the engine's limit of tokens per pass admits, so that
weight reads and link latency are paid per pass and not per prompt. A replica that turns :math:`B`
requests around takes :math:`T(B) = (B/m)\,t_{pre}(m) + osl\,t_{step}` for it: prefills share the
machine with decoding, so the time per output token seen by a request is :math:`T(B)/osl`.

Sources: the published roofline form of LLM inference (weights and KV read per step, FLOP per
token); factors from the calibration catalog.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from .configs import BYTES_16, GIB, Array, LlmConfigs
from .memory import activations_gib, kv_bytes_per_token, max_batch, weights_gib

__all__ = [
    "GIB",
    "Array",
    "Capacity",
    "LlmConfigs",
    "capacity",
    "kv_bytes_per_token",
    "max_batch",
    "prefill_s",
    "prefill_share_s",
    "step_s",
    "throughput",
    "turn_s",
    "weights_gib",
]


EXCHANGED = 0.3
"""Bytes of sending tokens to their experts and back over those of two all-reduces: of 8 ranks about
5 hold a token's 8 experts of 256, each gets it in 8 bits and answers in 16."""


def _communication_s(c: LlmConfigs, tokens: Array) -> Array:
    n = c.tensor_parallel
    link = np.maximum(c.link_gb_s, 1e-9) * 1e9
    tokens = np.where(n > 1, tokens, 0.0)
    # Where ranks share out requests, tokens go to their experts and back instead.
    tokens = tokens * np.where((c.latent_split > 0) & (c.kv_dim_mla > 0), EXCHANGED, 1.0)
    moved = 2.0 * (n - 1.0) / n * tokens * c.hidden * BYTES_16 / (c.link_efficiency * link)
    return np.where(
        n > 1, 2.0 * c.layers * (c.link_latency_s * np.log2(np.maximum(n, 1)) + moved), 0.0
    )


def _streamed_bytes(c: LlmConfigs, tokens: Array) -> Array:
    """Weight bytes one rank reads in a pass over `tokens` tokens."""
    embedding = np.where(c.tied_embeddings > 0, 0.0, c.embedding_params_b)
    reached = 1.0 - (1.0 - c.experts_active / np.maximum(c.experts, 1.0)) ** np.maximum(tokens, 1.0)
    reached = np.where(c.experts > 0, reached, 0.0)
    streamed = c.params_b - embedding - c.expert_params_b * (1.0 - reached)
    return streamed * 1e9 * c.weight_bits / 8.0 / c.tensor_parallel


def _traffic_bytes(c: LlmConfigs, tokens: Array) -> Array:
    """Bytes a rank moves for the state of so many tokens beside weights and caches."""
    copies = c.traffic * (1.0 + np.where(c.experts > 0, c.experts_active, 1.0) / 4.0)
    return tokens * c.layers * c.hidden * BYTES_16 * copies / c.tensor_parallel


def _overhead_s(c: LlmConfigs) -> Array:
    """Fixed time of a pass, s: half the framework's, half the start of every layer's kernels."""
    return c.step_overhead_s * (0.5 + 0.5 * c.layers / 32.0)


def _flop_per_token(c: LlmConfigs) -> Array:
    embedding = np.where(c.tied_embeddings > 0, 0.0, c.embedding_params_b)
    return 2.0 * (c.active_params_b - embedding) * 1e9


def step_s(c: LlmConfigs, batch: Array) -> Array:
    """Time of one decoding step that yields one token for each of `batch` requests, s.

    With speculative decoding a step checks `speculative_tokens` drafts per request, so arithmetic
    grows with them while memory traffic does not; the time is divided by the tokens a step yields
    on average, :math:`(1-a^{g+1})/(1-a)` for acceptance rate :math:`a` and :math:`g` drafts.
    """
    context = c.isl_tokens + c.osl_tokens / 2.0
    drafts = c.speculative_tokens
    checked = batch * (1.0 + drafts)
    cached = batch * context * kv_bytes_per_token(c, context) / c.tensor_parallel
    cached = cached * (c.heads / np.maximum(c.kv_heads, 1.0)) ** c.cache_repeats
    read = _streamed_bytes(c, checked) + cached / c.cache_efficiency + _traffic_bytes(c, checked)
    attention = 4.0 * c.layers * c.heads * c.head_size * context
    flop = (_flop_per_token(c) + attention) * checked / c.tensor_parallel
    memory = read / (c.bandwidth_efficiency * c.bandwidth_gb_s * 1e9)
    compute = flop / (c.decode_efficiency * c.peak_tflops * 1e12)
    p = c.blend_exponent
    pass_s = (memory**p + compute**p) ** (1.0 / p)
    draft_s = drafts * c.draft_share * pass_s / (1.0 + drafts)
    fixed = _overhead_s(c) * (1.0 + 0.3 * np.minimum(drafts, 1.0)) + c.sequence_overhead_s * batch
    a = np.clip(c.acceptance_rate, 0.0, 0.999)
    yielded = np.where(drafts > 0, (1.0 - a ** (drafts + 1.0)) / (1.0 - a), 1.0)
    return (pass_s + draft_s + _communication_s(c, checked) + fixed) / yielded


def _computed_tokens(c: LlmConfigs) -> Array:
    """Prompt tokens that are computed; those found in the prefix cache cost nothing."""
    return np.maximum(c.isl_tokens * (1.0 - c.prefix_hit), 1.0)


def prefill_s(c: LlmConfigs, prompts: npt.ArrayLike = 1.0) -> Array:
    """Time to read so many requests' prompts together, s."""
    m = np.asarray(prompts, float)
    tokens = _computed_tokens(c)
    attention = 2.0 * c.layers * c.heads * c.head_size * tokens * c.isl_tokens
    flop = m * (_flop_per_token(c) * tokens + attention) / c.tensor_parallel
    compute = flop / (c.prefill_efficiency * c.peak_tflops * 1e12)
    read = _streamed_bytes(c, m * tokens) + _traffic_bytes(c, m * tokens)
    memory = read / (c.bandwidth_efficiency * c.bandwidth_gb_s * 1e9)
    p = c.blend_exponent
    pass_s = (memory**p + compute**p) ** (1.0 / p)
    return pass_s + _communication_s(c, m * tokens) + _overhead_s(c)


def prefill_share_s(c: LlmConfigs, batch: Array) -> Array:
    """Machine time one prompt takes when `batch` requests are in the machine, s."""
    together = np.clip(c.batched_tokens / _computed_tokens(c), 1.0, np.maximum(batch, 1.0))
    return prefill_s(c, together) / together


def turn_s(c: LlmConfigs, batch: Array) -> Array:
    """Time in which a replica takes in, answers and releases `batch` requests, s."""
    return batch * prefill_share_s(c, batch) + c.osl_tokens * step_s(c, batch)


def throughput(c: LlmConfigs, batch: Array) -> Array:
    """Requests/s of one replica that always has `batch` requests in the machine."""
    return batch / turn_s(c, batch)


_ROWS = 4096
"""Configurations worked out at once, so that they stay in the processor's cache."""
STATIC_BATCH_YIELD = 0.5
"""Share of a static batch's slots that do useful work: the batch waits for its longest answer."""


@dataclass(frozen=True)
class Capacity:
    """What one replica can do within its targets; arrays of shape (n,)."""

    rps: Array
    """Requests/s at the largest admissible concurrency; 0 where none is admissible."""
    concurrency: Array
    latency_s: Array
    """Whole answer at that concurrency, s."""
    first_s: Array
    """Time to first token (language models) or to the answer, 95th percentile, s."""
    token_s: Array
    """Time per output token, s; 0 for models that answer in one pass."""
    reason: npt.NDArray[np.object_]
    """Empty where feasible; else what binds, in words."""
    bound: npt.NDArray[np.object_]
    """What limits throughput: memory bandwidth, compute, memory or latency target."""


def capacity(
    c: LlmConfigs,
    ttft_slo_s: Array,
    tpot_slo_s: Array,
    points: int = 14,
    percentile: float = 95.0,
) -> Capacity:
    """Largest request rate of one replica that meets both latency targets.

    Searches a geometric grid of batch sizes up to what memory holds. The time to first token
    at its percentile adds the mean wait of an M/D/1 queue of prefills times its exponential tail;
    where that is what binds, the replica runs below the rate its batch would sustain.

    Parameters
    ----------
    c : LlmConfigs
        n configurations.
    ttft_slo_s, tpot_slo_s : array, shape (n,)
        Targets, s; ``inf`` where there is none.
    points : int
        Grid size.
    percentile : float
        Of the time to first token.
    """
    n = len(c.params_b)
    blocks = [np.arange(b, min(b + _ROWS, n)) for b in range(0, n, _ROWS)] or [np.arange(0)]
    parts = [
        _capacity(c.take(rows), ttft_slo_s[rows], tpot_slo_s[rows], points, percentile)
        for rows in blocks
    ]
    return Capacity(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Capacity)}
    )


def _capacity(
    c: LlmConfigs, ttft_slo_s: Array, tpot_slo_s: Array, points: int, percentile: float
) -> Capacity:
    tail = -np.log(1.0 - percentile / 100.0)
    n = len(c.params_b)
    limit = max_batch(c)
    top = np.maximum(limit, 1.0)
    grid = np.maximum(np.floor(top[:, None] ** np.linspace(0.0, 1.0, points)), 1.0)
    wide = c.column()
    step, alone, pre = step_s(wide, grid), prefill_s(wide), prefill_share_s(wide, grid)
    useful = np.where(wide.continuous > 0, 1.0, STATIC_BATCH_YIELD)
    osl = wide.osl_tokens
    cycle = grid * pre + osl * step
    most = useful * grid / cycle
    token = np.where(osl > 1, cycle / osl, 0.0)
    gather = np.where(wide.continuous > 0, 0.0, cycle / 2.0)
    # What the target leaves for waiting bounds how busy prefills may keep the machine.
    room = ttft_slo_s[:, None] - (alone + step + gather)
    rate = np.minimum(most, _busy(room / tail, pre) / pre)
    first = alone + tail * _wait_s(rate * pre, pre) + step + gather
    ok = (token <= tpot_slo_s[:, None]) & (rate > 0)
    pick = np.where(ok, rate, -1.0).argmax(axis=1) * ok.any(axis=1)
    rows = np.arange(n)
    feasible = ok[rows, pick] & (limit >= 1.0)
    chosen = grid[rows, pick]
    return Capacity(
        rps=np.where(feasible, rate[rows, pick], 0.0),
        concurrency=chosen,
        latency_s=chosen / np.maximum(most[rows, pick], 1e-12),
        first_s=first[rows, pick],
        token_s=token[rows, pick],
        reason=_reasons(c, limit, feasible, first[:, 0], token[:, 0], ttft_slo_s, tpot_slo_s),
        bound=_bounds(c, chosen, limit),
    )


def _wait_s(busy: Array, service_s: Array) -> Array:
    """Mean wait in an M/D/1 queue that is busy a share of the time, s."""
    return busy * service_s / (2.0 * np.maximum(1.0 - busy, 1e-9))


def _busy(wait_s: Array, service_s: Array) -> Array:
    """Share of time an M/D/1 queue may be busy for a mean wait; the inverse of `_wait_s`."""
    with np.errstate(divide="ignore"):
        return np.where(wait_s > 0, 1.0 / (1.0 + service_s / np.maximum(2.0 * wait_s, 0.0)), 0.0)


def _reasons(
    c: LlmConfigs,
    limit: Array,
    feasible: npt.NDArray[np.bool_],
    first: Array,
    token: Array,
    ttft_slo_s: Array,
    tpot_slo_s: Array,
) -> npt.NDArray[np.object_]:
    need = weights_gib(c) / c.pipeline + activations_gib(c) * c.tensor_parallel
    have = c.memory_gib * c.tensor_parallel
    out = np.full(len(limit), "", dtype=object)
    for i in np.flatnonzero(~feasible):
        if need[i] > have[i]:
            out[i] = f"does not fit: needs {need[i]:.0f} GiB, has {have[i]:.0f}"
        elif limit[i] < 1.0:
            out[i] = f"does not fit: no room for one request beside {need[i]:.0f} GiB"
        elif token[i] > tpot_slo_s[i]:
            took, most = token[i] * 1e3, tpot_slo_s[i] * 1e3
            out[i] = f"misses latency: {took:.0f} ms per token against {most:.0f}"
        else:
            out[i] = f"misses latency: {first[i]:.2f} s to first token against {ttft_slo_s[i]:.2f}"
    return out


def _bounds(c: LlmConfigs, batch: Array, limit: Array) -> npt.NDArray[np.object_]:
    context = c.isl_tokens + c.osl_tokens / 2.0
    read = (
        _streamed_bytes(c, batch)
        + batch * context * kv_bytes_per_token(c, context) / c.tensor_parallel
    )
    memory = read / (c.bandwidth_efficiency * c.bandwidth_gb_s)
    compute = (
        _flop_per_token(c) * batch / c.tensor_parallel / (c.decode_efficiency * c.peak_tflops * 1e3)
    )
    full = batch >= 0.95 * np.floor(np.maximum(limit, 1.0))
    out = np.where(compute > memory, "compute", "memory bandwidth").astype(object)
    out[full & (compute <= memory)] = "memory for KV cache"
    return out
