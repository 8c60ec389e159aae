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
from .chips import chip_peak_tflops, numbers
from .efficiency import calibration_factors, pass_factors
from .llm import Array, Capacity

REQUIRED = (
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

POWER_DERATE = "power_capped_derate"


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
        n rows with the columns of `REQUIRED`; all models of one call are either language models
        or one-pass models or a mix.

    Returns
    -------
    DataFrame
        Same index: ``rps`` (requests/s at the latency target, 0 where infeasible), ``rps_low``
        (lower end of the 80 % interval), ``concurrency``, ``latency_s``, ``first_s`` (P95 time to
        first token or answer), ``token_s``, ``weights_gib``, ``spread`` (relative half-width),
        ``evidence``, ``bound`` (what limits throughput) and ``reason`` (empty where feasible).
    """
    models = _rows(catalog, "models", configs["model"])
    chips = _rows(catalog, "accelerators", configs["accelerator"])
    precisions = _rows(catalog, "precisions", configs["weight_precision"])
    kv = _rows(catalog, "precisions", configs["kv_precision"])
    parts = []
    is_llm = (models["kind"] == "llm").to_numpy()
    for mask, run in ((is_llm, _predict_llm), (~is_llm, _predict_pass)):
        if mask.any():
            frames = [f[mask] for f in (configs, models, chips, precisions, kv)]
            parts.append(run(catalog, *frames))
    return pd.concat(parts).loc[configs.index]


def _rows(catalog: Catalog, table: str, names: pd.Series[Any]) -> pd.DataFrame:
    """The table's row for each name, aligned with `names`."""
    unique = names.unique()
    looked_up = pd.DataFrame([catalog.lookup(table, n) for n in unique], index=unique)
    out = looked_up.loc[names]
    out.index = names.index
    return out


def _chips(
    catalog: Catalog, configs: pd.DataFrame, chips: pd.DataFrame, precisions: pd.DataFrame
) -> _Chips:
    share = numbers(configs, "chip_share", 1.0)
    derate = np.where(
        chips["power_capped"].to_numpy(bool), catalog.assumption(POWER_DERATE), 1.0
    )
    own = numbers(chips, "memory_visible_gib") * np.minimum(share, 1.0)
    memory = np.where(np.isnan(own), numbers(configs, "host_memory_gib", 0.0), own)
    return _Chips(
        peak=chip_peak_tflops(chips, precisions) * share * derate,
        bandwidth=numbers(chips, "memory_bandwidth_gb_s") * share,
        memory=memory,
        link=numbers(chips, "link_gb_s_one_way", 0.0),
    )


def _predict_llm(
    catalog: Catalog,
    configs: pd.DataFrame,
    models: pd.DataFrame,
    chips: pd.DataFrame,
    precisions: pd.DataFrame,
    kv: pd.DataFrame,
) -> pd.DataFrame:
    frameworks = _rows(catalog, "frameworks", configs["framework"])
    factors = calibration_factors(catalog, configs["framework"], chips["family"], precisions["peak"])
    chip = _chips(catalog, configs, chips, precisions)
    speculative = configs["speculative"].to_numpy(bool)
    factor = numbers(configs, "params_factor", 1.0)
    total = numbers(models, "params_b") * factor
    arrays: dict[str, Any] = {
        "params_b": total,
        "active_params_b": np.where(
            models["active_params_b"].isna(), total, numbers(models, "active_params_b", 0.0) * factor
        ),
        "expert_params_b": numbers(models, "expert_params_b", 0.0) * factor,
        "embedding_params_b": _embedding(models),
        "tied_embeddings": models["tied_embeddings"].eq(True).to_numpy(float),
        "kv_dim_mla": numbers(models, "kv_dim_mla", 0.0),
        "window_tokens": numbers(models, "sliding_window", 0.0),
        "window_share": numbers(models, "windowed_layer_share", 0.0),
        "experts": numbers(models, "experts", 0.0),
        "experts_active": numbers(models, "experts_active", 0.0),
        "weight_bits": numbers(precisions, "bits_per_weight"),
        "kv_bits": numbers(kv, "bits_per_weight"),
        "peak_tflops": np.maximum(chip.peak, 1e-9),
        "bandwidth_gb_s": chip.bandwidth,
        "memory_gib": chip.memory * numbers(frameworks, "memory_utilization", 0.9),
        "link_gb_s": chip.link,
        "tensor_parallel": numbers(configs, "tensor_parallel", 1.0),
        "isl_tokens": numbers(configs, "isl_tokens"),
        "osl_tokens": numbers(configs, "osl_tokens"),
        "prefix_hit": numbers(configs, "prefix_hit", 0.0),
        "continuous": numbers(configs, "continuous", 0.0),
        "paged": numbers(configs, "paged", 0.0),
        "speculative_tokens": np.where(speculative, catalog.assumption("speculative_tokens"), 0.0),
        "acceptance_rate": catalog.assumption("speculative_acceptance"),
        "draft_share": catalog.assumption("speculative_draft_share"),
        "max_sequences": numbers(frameworks, "max_sequences", 256.0),
    }
    for name in ("layers", "hidden", "heads", "kv_heads", "head_size"):
        arrays[name] = numbers(models, name)
    arrays |= {n: factors[n].to_numpy(float) for n in factors if n in _FIELDS}
    n = len(configs)
    c = llm.LlmConfigs(**{k: np.broadcast_to(np.asarray(v, float), (n,)) for k, v in arrays.items()})
    found = llm.capacity(c, numbers(configs, "ttft_slo_s"), numbers(configs, "tpot_slo_s"))
    refused = _refusals(chip, models, arrays["tensor_parallel"])
    return _frame(configs.index, found, refused, factors, llm.weights_gib(c))


_FIELDS = {f.name for f in fields(llm.LlmConfigs)}


def _embedding(models: pd.DataFrame) -> Array:
    given = numbers(models, "embedding_params_b")
    derived = numbers(models, "vocab", 0.0) * numbers(models, "hidden", 0.0) / 1e9
    return np.where(np.isnan(given), derived, given)


def _refusals(chip: _Chips, models: pd.DataFrame, tensor_parallel: Array) -> npt.NDArray[np.object_]:
    heads = numbers(models, "heads", 1.0)
    out = np.full(len(models), "", dtype=object)
    out[heads % tensor_parallel != 0] = "the model's heads do not split over so many devices"
    out[chip.peak <= 0] = "the chip has no arithmetic for this precision"
    return out


def _predict_pass(
    catalog: Catalog,
    configs: pd.DataFrame,
    models: pd.DataFrame,
    chips: pd.DataFrame,
    precisions: pd.DataFrame,
    _kv: pd.DataFrame,
) -> pd.DataFrame:
    factors = pass_factors(catalog, configs, models, chips, precisions)
    chip = _chips(catalog, configs, chips, precisions)
    tokens = numbers(models, "sample_tokens")
    scale = np.where(np.isnan(tokens), 1.0, numbers(configs, "isl_tokens", 1.0) / tokens)
    scale = np.where(np.isnan(numbers(configs, "isl_tokens")), 1.0, scale)
    factor = numbers(configs, "params_factor", 1.0)
    gflops = numbers(models, "gflops_per_sample") * scale * factor
    bits = numbers(precisions, "bits_per_weight")
    c = onepass.PassConfigs(
        gflops_per_sample=gflops,
        params_b=numbers(models, "params_b") * factor,
        weight_bits=bits,
        mfu=factors["mfu"].to_numpy(float),
        pass_overhead_s=factors["batch_overhead_s"].to_numpy(float),
        peak_tflops=np.maximum(chip.peak, 1e-9),
        bandwidth_gb_s=chip.bandwidth,
        memory_gib=chip.memory * 0.9,
        activation_gib_per_sample=numbers(models, "activation_mb_per_sample", 0.0) / 1024.0,
        batching=numbers(configs, "batching", 0.0),
    )
    found = onepass.capacity(c, numbers(configs, "latency_slo_s"))
    weights = c.params_b * bits / 8.0 * 1e9 / llm.GIB
    refused = _refusals(chip, models.assign(heads=1.0), np.ones(len(models)))
    refused[np.isnan(gflops)] = "the model's arithmetic per sample is unknown"
    return _frame(configs.index, found, refused, factors, weights)


def _frame(
    index: pd.Index[Any],
    found: Capacity,
    refused: npt.NDArray[np.object_],
    factors: pd.DataFrame,
    weights_gib: Array,
) -> pd.DataFrame:
    ok = refused == ""
    spread = factors["spread"].to_numpy(float)
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
            "evidence": factors["evidence"].to_numpy(object),
            "bound": found.bound,
            "reason": np.where(ok, found.reason, refused),
        },
        index=index,
    )
