"""One configuration of a served language model, as arrays: what memory and speed depend on."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

GIB = 2.0**30
BYTES_16 = 2.0


@dataclass(frozen=True)
class LlmConfigs:
    """One entry per configuration; every field is an array of shape (n,) or broadcasts to it.

    Memory in GiB, bandwidth in GB/s, peaks in TFLOP/s, times in seconds, parameters in billions.
    """

    params_b: Array
    active_params_b: Array
    expert_params_b: Array
    embedding_params_b: Array
    tied_embeddings: Array
    layers: Array
    hidden: Array
    heads: Array
    kv_heads: Array
    head_size: Array
    kv_dim_mla: Array
    """0 where the model has ordinary K and V heads."""
    latent_split: Array
    """1 where ranks share out the requests of an MLA model (data-parallel attention), 0 where each
    holds the whole latent cache."""
    window_tokens: Array
    window_share: Array
    experts: Array
    experts_active: Array
    weight_bits: Array
    kv_bits: Array
    peak_tflops: Array
    bandwidth_gb_s: Array
    memory_gib: Array
    """Visible to the framework per device, after its own share."""
    link_gb_s: Array
    tensor_parallel: Array
    pipeline: Array
    """Groups of devices that hold the layers in turn; each is a replica in speed (as many batches
    are under way), but the weights lie in them only once."""
    isl_tokens: Array
    osl_tokens: Array
    prefix_hit: Array
    """Share of input tokens whose KV is found rather than computed."""
    continuous: Array
    """1 where requests join and leave the running batch; 0 where a batch runs to its end."""
    paged: Array
    speculative_tokens: Array
    """Draft tokens per step; 0 without speculative decoding."""
    acceptance_rate: Array
    draft_share: Array
    """Draft model's size and work as a share of the target's."""
    max_sequences: Array
    bandwidth_efficiency: Array
    cache_efficiency: Array
    """Bandwidth reached on the KV cache, relative to that on weights."""
    cache_repeats: Array
    """How far kernels read the cache once per query head: 0 once per KV head, 1 for each."""
    decode_efficiency: Array
    prefill_efficiency: Array
    step_overhead_s: Array
    sequence_overhead_s: Array
    link_efficiency: Array
    link_latency_s: Array
    traffic: Array
    """Times that a layer moves each token's state through memory beside its weights."""
    blend_exponent: Array
    activation_gib: Array
    """Framework's own reserve per device: context, graphs, buffers that do not grow."""
    vocab: Array
    batched_tokens: Array
    """Most tokens one pass takes in: prompts are gathered or cut into passes of this size."""
    sampler_bytes: Array
    """Bytes held per running request and vocabulary entry while sampling."""
    reserve_share: Array
    """Share of the answer whose KV an admitted request must find free."""

    def take(self, rows: npt.NDArray[np.intp]) -> LlmConfigs:
        """Some of the configurations, by position."""
        return LlmConfigs(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def column(self) -> LlmConfigs:
        """The same configurations with shape (n, 1), to broadcast against a grid of batches."""
        return LlmConfigs(
            **{f.name: np.asarray(getattr(self, f.name), float)[..., None] for f in fields(self)}
        )
