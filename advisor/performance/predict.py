"""From catalog names to predictions: one row per configuration in, one row out.

This is the only way into the performance model; the optimizer, the step panels and the command
line all ask here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog

from . import llm, onepass
from .chips import peak_tflops
from .efficiency import Factors, calibration_factors, pass_factors
from .llm import Array, Capacity
from .lookup import Lookup, column

COLUMNS = (
    "model",
    "accelerator",
    "chip_share",
    "tensor_parallel",
    "weight_precision",
    "kv_precision",
    "framework",
    "continuous",
    "paged",
    "batching",
    "speculative",
    "prefix_hit",
    "params_factor",
    "host_memory_gib",
    "isl_tokens",
    "osl_tokens",
    "ttft_slo_s",
    "tpot_slo_s",
    "latency_slo_s",
)
"""Columns `predict` reads: names, the share of a chip a replica owns (1 for a whole one), the
tensor-parallel degree, technique switches, token shape, and targets in seconds (inf: none)."""


@dataclass(frozen=True)
class _Chips:
    peak: Array
    bandwidth: Array
    memory: Array
    link: Array


def predict(catalog: Catalog, configs: pd.DataFrame) -> pd.DataFrame:
    """Predict capacity and latency of one replica of each configuration.

    Parameters
    ----------
    catalog : Catalog
    configs : DataFrame
        n rows with the columns of `COLUMNS`.

    Returns
    -------
    DataFrame
        Same index: ``rps`` (requests/s at the latency target, 0 where infeasible), ``rps_low``
        (lower end of the 80 % interval), ``concurrency``, ``latency_s``, ``first_s`` (P95 time to
        first token or answer), ``token_s``, ``weights_gib``, ``spread`` (relative half-width),
        ``evidence``, ``bound`` (what limits throughput) and ``reason`` (empty where feasible).

    Raises
    ------
    NotFoundError
        For a name that the catalog does not hold.
    """
    is_llm = Lookup(catalog, "models", configs["model"]).values("kind") == "llm"
    parts = []
    for mask, run in ((is_llm, _predict_llm), (~is_llm, _predict_pass)):
        if mask.any():
            parts.append(run(catalog, configs[mask]))
    return pd.concat(parts).loc[configs.index] if len(parts) > 1 else parts[0]


def _chips(catalog: Catalog, configs: pd.DataFrame, chips: Lookup, precisions: Lookup) -> _Chips:
    share = column(configs, "chip_share", 1.0)
    derate = np.where(chips.flags("power_capped"), catalog.assumption("power_capped_derate"), 1.0)
    own = chips.numbers("memory_visible_gib") * np.minimum(share, 1.0)
    return _Chips(
        peak=peak_tflops(chips, precisions) * share * derate,
        bandwidth=chips.numbers("memory_bandwidth_gb_s") * share,
        memory=np.where(np.isnan(own), column(configs, "host_memory_gib", 0.0), own),
        link=chips.numbers("link_gb_s_one_way", 0.0),
    )


def _lookups(catalog: Catalog, configs: pd.DataFrame) -> tuple[Lookup, Lookup, Lookup]:
    return (
        Lookup(catalog, "models", configs["model"]),
        Lookup(catalog, "accelerators", configs["accelerator"]),
        Lookup(catalog, "precisions", configs["weight_precision"]),
    )


def _predict_llm(catalog: Catalog, configs: pd.DataFrame) -> pd.DataFrame:
    models, chips, precisions = _lookups(catalog, configs)
    kv = Lookup(catalog, "precisions", configs["kv_precision"])
    frameworks = Lookup(catalog, "frameworks", configs["framework"])
    factors = calibration_factors(
        catalog,
        configs["framework"].to_numpy(object),
        chips.values("family"),
        precisions.values("peak"),
    )
    chip = _chips(catalog, configs, chips, precisions)
    factor = column(configs, "params_factor", 1.0)
    total = models.numbers("params_b") * factor
    active = models.numbers("active_params_b") * factor
    embedding = models.numbers("embedding_params_b")
    derived = models.numbers("vocab", 0.0) * models.numbers("hidden", 0.0) / 1e9
    drafts = catalog.assumption("speculative_tokens")
    arrays: dict[str, Any] = {
        "params_b": total,
        "active_params_b": np.where(np.isnan(active), total, active),
        "expert_params_b": models.numbers("expert_params_b", 0.0) * factor,
        "embedding_params_b": np.where(np.isnan(embedding), derived, embedding),
        "tied_embeddings": models.flags("tied_embeddings"),
        "kv_dim_mla": models.numbers("kv_dim_mla", 0.0),
        "window_tokens": models.numbers("sliding_window", 0.0),
        "window_share": models.numbers("windowed_layer_share", 0.0),
        "experts": models.numbers("experts", 0.0),
        "experts_active": models.numbers("experts_active", 0.0),
        "weight_bits": precisions.numbers("bits_per_weight"),
        "kv_bits": kv.numbers("bits_per_weight"),
        "peak_tflops": np.maximum(chip.peak, 1e-9),
        "bandwidth_gb_s": chip.bandwidth,
        "memory_gib": chip.memory * frameworks.numbers("memory_utilization", 0.9),
        "link_gb_s": chip.link,
        "tensor_parallel": column(configs, "tensor_parallel", 1.0),
        "isl_tokens": column(configs, "isl_tokens"),
        "osl_tokens": column(configs, "osl_tokens"),
        "prefix_hit": column(configs, "prefix_hit", 0.0),
        "continuous": column(configs, "continuous", 0.0),
        "paged": column(configs, "paged", 0.0),
        "speculative_tokens": column(configs, "speculative", 0.0) * drafts,
        "acceptance_rate": catalog.assumption("speculative_acceptance"),
        "draft_share": catalog.assumption("speculative_draft_share"),
        "max_sequences": frameworks.numbers("max_sequences", 256.0),
    }
    for name in ("layers", "hidden", "heads", "kv_heads", "head_size"):
        arrays[name] = models.numbers(name)
    arrays |= {k: v for k, v in factors.items() if k in _FACTORS}
    c = llm.LlmConfigs(
        **{k: np.broadcast_to(np.asarray(v, float), (len(configs),)) for k, v in arrays.items()}
    )
    found = llm.capacity(c, column(configs, "ttft_slo_s"), column(configs, "tpot_slo_s"))
    refused = _refusals(chip, models.numbers("heads", 1.0), c.tensor_parallel)
    refused[np.isnan(arrays["layers"])] = "the model's architecture is unknown"
    context = models.numbers("max_context", np.inf)
    refused[context < c.isl_tokens + c.osl_tokens] = "the context is longer than the model takes"
    return _frame(configs.index, found, refused, factors, llm.weights_gib(c))


_FACTORS = {f.name for f in fields(llm.LlmConfigs)}


def _refusals(chip: _Chips, heads: Array, tensor_parallel: Array) -> npt.NDArray[np.object_]:
    out = np.full(len(heads), "", dtype=object)
    out[heads % tensor_parallel != 0] = "the model's heads do not split over so many devices"
    out[chip.memory <= 0] = "the chip's memory is unknown"
    out[chip.peak <= 0] = "the chip has no arithmetic for this precision"
    return out


def _predict_pass(catalog: Catalog, configs: pd.DataFrame) -> pd.DataFrame:
    models, chips, precisions = _lookups(catalog, configs)
    factors = pass_factors(catalog, configs, models, chips, precisions)
    chip = _chips(catalog, configs, chips, precisions)
    scale = column(configs, "isl_tokens") / models.numbers("sample_tokens")
    factor = column(configs, "params_factor", 1.0)
    gflops = models.numbers("gflops_per_sample") * np.where(np.isnan(scale), 1.0, scale) * factor
    bits = precisions.numbers("bits_per_weight")
    c = onepass.PassConfigs(
        gflops_per_sample=gflops,
        params_b=models.numbers("params_b") * factor,
        weight_bits=bits,
        mfu=factors["mfu"].astype(float),
        pass_overhead_s=factors["batch_overhead_s"].astype(float),
        peak_tflops=np.maximum(chip.peak, 1e-9),
        bandwidth_gb_s=chip.bandwidth,
        memory_gib=chip.memory * onepass.USABLE_MEMORY,
        activation_gib_per_sample=models.numbers("activation_mb_per_sample", 0.0) / 1024.0,
        batching=column(configs, "batching", 0.0),
    )
    found = onepass.capacity(c, column(configs, "latency_slo_s"))
    ones = np.ones(len(configs))
    refused = _refusals(chip, ones, ones)
    refused[np.isnan(gflops)] = "the model's arithmetic per sample is unknown"
    weights = c.params_b * bits / 8.0 * 1e9 / llm.GIB
    return _frame(configs.index, found, refused, factors, weights)


def _frame(
    index: pd.Index[Any],
    found: Capacity,
    refused: npt.NDArray[np.object_],
    factors: Factors,
    weights_gib: Array,
) -> pd.DataFrame:
    ok = refused == ""
    spread = factors["spread"].astype(float)
    rps = np.where(ok, found.rps, 0.0)
    return pd.DataFrame(
        {
            "rps": rps,
            "rps_low": rps / (1.0 + spread),
            "concurrency": found.concurrency,
            "latency_s": found.latency_s,
            "first_s": found.first_s,
            "token_s": found.token_s,
            "weights_gib": weights_gib,
            "spread": spread,
            "evidence": factors["evidence"].astype(object),
            "bound": found.bound,
            "reason": np.where(ok, found.reason, refused),
        },
        index=index,
    )
