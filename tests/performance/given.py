"""Questions to the performance model, with plain answers to start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance.llm import LlmConfigs
from advisor.performance.predict import predict

PLAIN = {
    "model": "Llama-3.1-8B",
    "accelerator": "H100-SXM",
    "chip_share": 1.0,
    "tensor_parallel": 1,
    "weight_precision": "bf16",
    "kv_precision": "kv-16",
    "framework": "tensorrt-llm",
    "continuous": 1.0,
    "paged": 1.0,
    "batching": 1.0,
    "speculative": 0.0,
    "prefix_hit": 0.0,
    "params_factor": 1.0,
    "host_memory_gib": np.nan,
    "isl_tokens": 1000.0,
    "osl_tokens": 200.0,
    "ttft_slo_s": np.inf,
    "tpot_slo_s": np.inf,
    "latency_slo_s": np.inf,
}


def asked(catalog: Catalog, *changes: dict[str, Any]) -> pd.DataFrame:
    """Predictions, one row for each set of changes to a plain question."""
    return predict(catalog, pd.DataFrame([{**PLAIN, **c} for c in changes]))


def at_most(catalog: Catalog, sequences: float) -> Catalog:
    """The catalog with frameworks that run at most so many requests at once."""
    return with_tables(
        catalog,
        frameworks=catalog["frameworks"].assign(max_sequences=sequences),
        calibration=catalog["calibration"].assign(max_sequences=sequences),
    )


def with_tables(catalog: Catalog, **tables: pd.DataFrame) -> Catalog:
    """The catalog with some tables replaced."""
    return Catalog({**catalog.tables, **tables})


LLAMA_70B: dict[str, float] = {
    "params_b": 70.554,
    "active_params_b": 70.554,
    "expert_params_b": 0.0,
    "embedding_params_b": 1.051,
    "tied_embeddings": 0.0,
    "layers": 80,
    "hidden": 8192,
    "heads": 64,
    "kv_heads": 8,
    "head_size": 128,
    "kv_dim_mla": 0.0,
    "latent_split": 0.0,
    "window_tokens": 0.0,
    "window_share": 0.0,
    "experts": 0.0,
    "experts_active": 0.0,
    "weight_bits": 16.0,
    "kv_bits": 16.0,
    "peak_tflops": 1000.0,
    "bandwidth_gb_s": 4000.0,
    "memory_gib": 70.0,
    "link_gb_s": 450.0,
    "tensor_parallel": 4.0,
    "pipeline": 1.0,
    "isl_tokens": 1000.0,
    "osl_tokens": 200.0,
    "prefix_hit": 0.0,
    "continuous": 1.0,
    "paged": 1.0,
    "speculative_tokens": 0.0,
    "acceptance_rate": 0.7,
    "draft_share": 0.03,
    "max_sequences": 256.0,
    "bandwidth_efficiency": 0.8,
    "cache_efficiency": 1.0,
    "cache_repeats": 0.0,
    "decode_efficiency": 0.65,
    "prefill_efficiency": 0.6,
    "step_overhead_s": 0.001,
    "sequence_overhead_s": 5e-6,
    "link_efficiency": 0.5,
    "link_latency_s": 15e-6,
    "traffic": 0.0,
    "blend_exponent": 1.13,
    "activation_gib": 2.0,
    "vocab": 128256.0,
    "batched_tokens": 8192.0,
    "sampler_bytes": 0.0,
    "reserve_share": 0.5,
}


def configs(*changes: dict[str, float], **common: float) -> LlmConfigs:
    """Configurations of a model shaped like Llama-3.1-70B, one for each set of changes."""
    rows = [{**LLAMA_70B, **common, **c} for c in (changes or ({},))]
    return LlmConfigs(**{k: np.array([float(r[k]) for r in rows]) for k in LLAMA_70B})


def mixture(c: LlmConfigs, experts: float, active: float, share: float = 0.95) -> LlmConfigs:
    """The same parameters as a mixture of experts that hold `share` of them."""
    held = c.params_b * share
    return replace(
        c,
        experts=np.full_like(held, experts),
        experts_active=np.full_like(held, active),
        expert_params_b=held,
        active_params_b=c.params_b - held * (1.0 - active / experts),
    )
