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


@dataclass(frozen=True)
class LlmSetting:
    """The roofline's arrays for some configurations, with what they rest on."""

    c: llm.LlmConfigs
    factors: Factors
    refused: npt.NDArray[np.object_]
    """Empty where the configuration can run at all; else the reason."""
    max_context: Array


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
        Same index: ``rps`` (requests/s at the latency target, 0 where infeasible),
        ``concurrency``, ``latency_s``, ``first_s`` (P95 time to first token or answer),
        ``token_s``; of ``rps``, ``first_s`` and ``token_s`` the ends of the 80 % interval as
        ``…_low`` and ``…_high``; ``weights_gib``, ``memory_share`` (of the device's usable
        ``memory_gib``, which those that answer in one pass take at their batch; else NaN),
        ``spread`` (relative half-width of ``rps``), ``evidence``, ``bound`` (what limits
        throughput) and ``reason`` (empty where feasible).

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


def _chips(
    catalog: Catalog,
    configs: pd.DataFrame,
    chips: Lookup,
    precisions: Lookup,
    *,
    capped: bool = True,
) -> _Chips:
    """Arithmetic, bandwidth, memory and link of each configuration's devices.

    Power-capped chips are derated unless `capped` is false: one-pass anchors know power already.
    """
    share = column(configs, "chip_share", 1.0)
    held = chips.flags("power_capped") & capped
    derate = np.where(held, catalog.assumption("power_capped_derate"), 1.0)
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


def llm_configs(catalog: Catalog, configs: pd.DataFrame) -> LlmSetting:
    """Everything the language-model roofline needs, from catalog names.

    ``configs`` may carry ``framework_version`` (the catalog's current one where absent). The
    framework ``*`` stands for any that the catalog does not know.
    """
    models, chips, precisions = _lookups(catalog, configs)
    kv = Lookup(catalog, "precisions", configs["kv_precision"])
    frameworks = _frameworks(catalog, configs)
    factors = calibration_factors(
        catalog,
        configs["framework"].to_numpy(object),
        frameworks["version"],
        chips.values("family"),
        np.where(precisions.flags("weight_only"), "weight_only", precisions.values("peak")),
        chips.values("link") == "pcie",
        models.numbers("experts", 0.0) > 0,
    )
    chip = _chips(catalog, configs, chips, precisions)
    factor = column(configs, "params_factor", 1.0)
    total = models.numbers("params_b") * factor
    active = models.numbers("active_params_b") * factor
    embedding = models.numbers("embedding_params_b")
    derived = models.numbers("vocab", 0.0) * models.numbers("hidden", 0.0) / 1e9
    drafts = catalog.assumption("speculative_tokens")
    most = pd.to_numeric(pd.Series(factors["max_sequences"])).to_numpy(float)
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
        "vocab": models.numbers("vocab", 0.0),
        "weight_bits": precisions.numbers("bits_per_weight"),
        "kv_bits": kv.numbers("bits_per_weight"),
        "peak_tflops": np.maximum(chip.peak, 1e-9),
        "bandwidth_gb_s": chip.bandwidth,
        "memory_gib": chip.memory * frameworks["memory_utilization"].astype(float),
        "link_gb_s": chip.link,
        "tensor_parallel": column(configs, "tensor_parallel", 1.0),
        "pipeline": column(configs, "pipeline", 1.0),
        "isl_tokens": column(configs, "isl_tokens"),
        "osl_tokens": column(configs, "osl_tokens"),
        "prefix_hit": column(configs, "prefix_hit", 0.0),
        "continuous": column(configs, "continuous", 0.0),
        "paged": column(configs, "paged", 0.0),
        "speculative_tokens": column(configs, "speculative", 0.0) * drafts,
        "acceptance_rate": catalog.assumption("speculative_acceptance"),
        "draft_share": catalog.assumption("speculative_draft_share"),
    }
    for name in ("layers", "hidden", "heads", "kv_heads", "head_size"):
        arrays[name] = models.numbers(name)
    arrays |= {k: v for k, v in factors.items() if k in _FACTORS}
    usual = frameworks["max_sequences"].astype(float)
    # Engines that admit more requests by default do so on large cards only.
    most = np.where(chip.memory < LARGE_GIB, np.minimum(most, usual), most)
    arrays["max_sequences"] = np.where(np.isnan(most), usual, most)
    c = llm.LlmConfigs(
        **{k: np.broadcast_to(np.asarray(v, float), (len(configs),)) for k, v in arrays.items()}
    )
    refused = _refusals(chip, models.numbers("heads", 1.0), c.tensor_parallel)
    refused[np.isnan(arrays["layers"])] = "the model's architecture is unknown"
    return LlmSetting(c, factors, refused, models.numbers("max_context", np.inf))


LARGE_GIB = 70.0
"""Memory from which on vLLM and its like raise their default of running requests."""
ANY_FRAMEWORK = {"version": "", "memory_utilization": 0.9, "max_sequences": 256.0}
"""What a framework that the catalog does not hold is taken to do."""


def _frameworks(catalog: Catalog, configs: pd.DataFrame) -> dict[str, npt.NDArray[np.object_]]:
    codes, names = pd.factorize(configs["framework"].to_numpy(object))
    # A stack that is fitted may be no framework one can choose: entries tuned for a benchmark.
    other = {"*", *catalog["calibration"]["framework"]} - set(catalog["frameworks"]["framework"])
    rows = [ANY_FRAMEWORK if n in other else catalog.lookup("frameworks", n) for n in names]
    out = {}
    for name, default in ANY_FRAMEWORK.items():
        small = np.array([r[name] if r[name] is not None else default for r in rows], object)
        out[name] = small[codes]
    if "framework_version" in configs:
        given = configs["framework_version"]
        out["version"] = np.where(given.notna(), given, out["version"]).astype(object)
    return out


def _predict_llm(catalog: Catalog, configs: pd.DataFrame) -> pd.DataFrame:
    s = llm_configs(catalog, configs)
    found = llm.capacity(s.c, column(configs, "ttft_slo_s"), column(configs, "tpot_slo_s"))
    refused = s.refused.copy()
    refused[s.max_context < s.c.isl_tokens + s.c.osl_tokens] = (
        "the context is longer than the model takes"
    )
    return _frame(configs.index, found, refused, s.factors, llm.weights_gib(s.c))


_FACTORS = {f.name for f in fields(llm.LlmConfigs)}


def _refusals(chip: _Chips, heads: Array, tensor_parallel: Array) -> npt.NDArray[np.object_]:
    out = np.full(len(heads), "", dtype=object)
    out[heads % tensor_parallel != 0] = "the model's heads do not split over so many devices"
    out[chip.memory <= 0] = "the chip's memory is unknown"
    out[chip.peak <= 0] = "the chip has no arithmetic for this precision"
    return out


def pass_setting(
    catalog: Catalog, configs: pd.DataFrame
) -> tuple[onepass.PassConfigs, Factors, npt.NDArray[np.object_]]:
    """Arrays of the one-pass roofline from catalog names, what they rest on, and refusals."""
    models, chips, precisions = _lookups(catalog, configs)
    factors = pass_factors(catalog, configs, models, chips, precisions)
    chip = _chips(catalog, configs, chips, precisions, capped=False)
    factor = column(configs, "params_factor", 1.0)
    size = (column(configs, name) for name in ("isl_tokens", "image_px", "steps"))
    gflops = onepass.sample_gflops(models, *size) * factor
    c = onepass.PassConfigs(
        gflops_per_sample=gflops,
        params_b=models.numbers("params_b") * factor,
        weight_bits=precisions.numbers("bits_per_weight"),
        mfu=factors["mfu"].astype(float),
        pass_overhead_s=factors["batch_overhead_s"].astype(float),
        peak_tflops=np.maximum(chip.peak, 1e-9),
        bandwidth_gb_s=chip.bandwidth,
        memory_gib=chip.memory * onepass.USABLE_MEMORY,
        activation_gib_per_sample=models.numbers("activation_mb_per_sample", 0.0) / 1024.0,
        batching=column(configs, "batching", 0.0),
    )
    ones = np.ones(len(configs))
    refused = _refusals(chip, ones, ones)
    refused[np.isnan(gflops)] = "the model's arithmetic per sample is unknown"
    return c, factors, refused


def _predict_pass(catalog: Catalog, configs: pd.DataFrame) -> pd.DataFrame:
    c, factors, refused = pass_setting(catalog, configs)
    found = onepass.capacity(c, column(configs, "latency_slo_s"))
    weights = c.params_b * c.weight_bits / 8.0 * 1e9 / llm.GIB
    held = weights + found.concurrency * c.activation_gib_per_sample
    memory = c.memory_gib
    return _frame(configs.index, found, refused, factors, weights, held / memory, memory)


def _frame(
    index: pd.Index[Any],
    found: Capacity,
    refused: npt.NDArray[np.object_],
    factors: Factors,
    weights_gib: Array,
    memory_share: Array | float = np.nan,
    memory_gib: Array | float = np.nan,
) -> pd.DataFrame:
    ok = refused == ""
    spread = factors["spread"].astype(float)
    token, first = (
        factors.get(name, spread).astype(float) for name in ("tpot_spread", "ttft_spread")
    )
    rps = np.where(ok, found.rps, 0.0)
    return pd.DataFrame(
        {
            "rps": rps,
            "rps_low": rps / (1.0 + spread),
            "rps_high": rps * (1.0 + spread),
            "concurrency": found.concurrency,
            "latency_s": found.latency_s,
            "first_s": found.first_s,
            "first_s_low": found.first_s / (1.0 + first),
            "first_s_high": found.first_s * (1.0 + first),
            "token_s": found.token_s,
            "token_s_low": found.token_s / (1.0 + token),
            "token_s_high": found.token_s * (1.0 + token),
            "weights_gib": weights_gib,
            "memory_share": memory_share,
            "memory_gib": memory_gib,
            "spread": spread,
            "evidence": factors["evidence"].astype(object),
            "bound": found.bound,
            "reason": np.where(ok, found.reason, refused),
        },
        index=index,
    )
