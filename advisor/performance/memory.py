r"""What a configuration holds in memory: weights, activations, and KV cache for each request."""

from __future__ import annotations

import numpy as np

from .configs import BYTES_16, GIB, Array, LlmConfigs


def weights_gib(c: LlmConfigs) -> Array:
    """Weights of the whole model, GiB; the input embedding stays at 16 bits.

    Draft weights of speculative decoding are included.
    """
    body = (c.params_b - c.embedding_params_b) * c.weight_bits / 8.0
    embedding = c.embedding_params_b * np.maximum(c.weight_bits / 8.0, BYTES_16)
    draft = np.where(c.speculative_tokens > 0, c.draft_share, 0.0)
    return (body + embedding) * (1.0 + draft) * 1e9 / GIB


def kv_bytes_per_token(c: LlmConfigs, context: Array) -> Array:
    """KV cache per token of context over all ranks, bytes.

    K and V heads are copied once ranks outnumber them; the latent cache of MLA lies on every rank
    unless those share out the requests.
    Windowed layers keep at most their window.
    """
    ranks = np.maximum(c.tensor_parallel, c.kv_heads)
    plain = 2.0 * c.layers * ranks * c.head_size
    copies = np.where(c.latent_split > 0, 1.0, c.tensor_parallel)
    latent = c.layers * c.kv_dim_mla * copies
    elements = np.where(c.kv_dim_mla > 0, latent, plain)
    windowed = np.where(
        c.window_tokens > 0, np.minimum(1.0, c.window_tokens / np.maximum(context, 1.0)), 1.0
    )
    kept = 1.0 - c.window_share * (1.0 - windowed)
    return elements * kept * c.kv_bits / 8.0


def activations_gib(c: LlmConfigs) -> Array:
    """Memory beside weights and KV cache on each device, GiB.

    The framework's reserve plus the larger of two peaks that do not coincide: the widest layer for
    the most tokens a pass takes in (input, three projections of about 3.5 times the width, at 16
    bits, split over ranks), and the sampler's copies of the scores of every running request. The
    measured splits of vLLM on an H100 (4.8 GiB for 128,256 entries, 5.6 for 151,936, 7.4 for
    201,088, whatever the model's size) are the second: 38.5 bytes for each of 1,024 requests and
    each entry.
    """
    width = c.hidden * BYTES_16 * (2.0 + 7.0 / c.tensor_parallel)
    layer = c.batched_tokens * width
    sampler = c.sampler_bytes * c.vocab * c.max_sequences
    return c.activation_gib + np.maximum(layer, sampler) / GIB


def max_batch(c: LlmConfigs) -> Array:
    """Requests that fit in memory beside the weights; below 1 where the model does not fit.

    Paged engines hold what a request has used so far (``isl + osl/2`` on average) and some reserve
    part of the rest (`reserve_share`); contiguous caches take ``isl + osl`` from the start.
    """
    share = np.where(c.paged > 0, np.maximum(c.reserve_share, 0.5), 1.0)
    context = c.isl_tokens + share * c.osl_tokens
    per_device = c.memory_gib - activations_gib(c)
    room = per_device * c.tensor_parallel - weights_gib(c) / c.pipeline
    per_request = kv_bytes_per_token(c, context) * context / GIB
    return np.minimum(room / per_request, c.max_sequences)
