"""Rows of the calibration catalogs, from fitted parameters and from stated assumptions."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from advisor.catalog.rows.serving import Calibration, CalibrationError, CalibrationScale
from advisor.performance.accuracy import summary

GROUPS: dict[tuple[str, str], bool] = {
    ("tensorrt-llm", "0.5"): False,
    ("tensorrt-llm", "0.10"): False,
    ("tensorrt-llm", "0.11"): True,
    ("tensorrt-llm", "0.20"): False,
    ("vllm", "0.2"): False,
    ("vllm", "0.6"): True,
    ("vllm", "0.8"): False,
    ("sglang", "*"): True,
    ("tgi", "*"): True,
    ("tensorrt-llm", "1.0"): False,
    ("tensorrt-llm tuned", "3.1"): False,
    ("tensorrt-llm tuned", "4.0"): False,
    ("tensorrt-llm tuned", "4.1"): True,
    ("tensorrt-llm tuned", "5.1"): False,
    ("vllm tuned", "*"): True,
    ("llama.cpp", "*"): True,
    ("exllamav2", "*"): True,
    ("neuron", "*"): True,
}
"""Fitted stacks by the version they hold from; true: taken where a row states no version."""

OLD_FAMILIES = ("cdna2", "cdna3")
"""Families on which kernels of 2024 differ from later ones."""
OLD = " old"
"""What the names of those families end in here, where the stack's kernels are of 2024."""
OLD_KERNELS = ("vllm 0.2", "vllm 0.6", "tgi *")
"""Stacks whose attention kernels outside NVIDIA's chips read the cache once per query head."""

LATENT_SPLIT = ("tensorrt-llm 0.20", "tensorrt-llm 1.0", "tensorrt-llm tuned 5.1", "vllm tuned *")
"""Stacks that serve MLA models with data-parallel attention."""

STACKS: dict[str, dict[str, float]] = {
    "tensorrt-llm": {"activation_gib": 0.3, "sampler_bytes": 4.0, "reserve_share": 1.0},
    "vllm": {"activation_gib": 0.3, "sampler_bytes": 38.5, "reserve_share": 0.6},
    "tensorrt-llm tuned": {"activation_gib": 0.3, "sampler_bytes": 4.0, "reserve_share": 0.5},
    "vllm tuned": {"activation_gib": 0.3, "sampler_bytes": 8.0, "reserve_share": 0.5},
    "sglang": {"activation_gib": 0.3, "sampler_bytes": 8.0, "reserve_share": 0.6},
}
"""Memory habits of a stack. vLLM: from measured splits on an H100; its default of 8,192 tokens per
pass. TensorRT-LLM reserves the whole answer (its no-evict scheduler)."""
MOST = {
    ("vllm", "0.8"): 1024,
    ("sglang", "*"): 1024,
    ("tensorrt-llm", "1.0"): 4096,
    ("tensorrt-llm tuned", "3.1"): 1024,
    ("tensorrt-llm tuned", "4.0"): 1024,
    ("tensorrt-llm tuned", "4.1"): 4096,
    ("tensorrt-llm tuned", "5.1"): 4096,
    ("vllm tuned", "*"): 2048,
}
"""Most running requests, where engines admit more than their frameworks' first default."""
USUAL = {"activation_gib": 0.6, "sampler_bytes": 8.0, "reserve_share": 1.0}

COPIES: dict[tuple[str, str], tuple[str, dict[str, float], float, str]] = {
    ("triton", "*"): (
        "tensorrt-llm 0.20",
        {"sequence_overhead_s": 1e-5},
        0.3,
        "its TensorRT-LLM backend with a little more overhead: planning assumption of this project",
    ),
    ("ray-serve", "*"): (
        "vllm 0.6",
        {"step_overhead_s": 0.0022, "sequence_overhead_s": 2e-5, "max_sequences": 1024},
        0.4,
        "its vLLM engine with routing overhead: planning assumption of this project",
    ),
    ("pytorch", "*"): (
        "vllm 0.6",
        {
            "step_overhead_s": 0.0185,
            "sequence_overhead_s": 3e-4,
            "decode_efficiency": 0.4,
            "prefill_efficiency": 0.45,
        },
        0.5,
        "eager step overhead from single-stream rows of premAI-io/benchmarks @16338c31085d"
        " (34-37 tok/s, FP16 7B on A100); INT8 and INT4 of other libraries differ threefold",
    ),
    ("torchserve", "*"): (
        "vllm 0.6",
        {
            "step_overhead_s": 0.0195,
            "sequence_overhead_s": 3e-4,
            "decode_efficiency": 0.4,
            "prefill_efficiency": 0.45,
        },
        0.5,
        "eager PyTorch with a little serving overhead: planning assumption of this project",
    ),
    ("openvino", "*"): (
        "vllm 0.6",
        {"step_overhead_s": 0.002, "sequence_overhead_s": 1e-4},
        0.5,
        "planning assumption of this project; no measured row",
    ),
    ("*", "*"): (
        "vllm 0.6",
        {"step_overhead_s": 0.004, "sequence_overhead_s": 5e-5},
        0.5,
        "fallback for a stack without a row: the design asks for 50 %",
    ),
}
"""Stacks without usable rows: copied from a fitted one, with what is changed, spread and why."""

YOUNG: dict[str, tuple[float, float, str]] = {
    "tpu": (0.8, 0.85, "maturity discount: planning assumption of this project"),
    "turing": (0.55, 0.93, "70 W card: INT8 reaches 32-37 % of peak (project facts)"),
    "x86": (0.45, 0.65, "bandwidth-bound decoding on CPUs: planning assumption of this project"),
    "arm": (0.55, 0.65, "bandwidth-bound decoding on CPUs: planning assumption of this project"),
}
"""Families without a measured row: arithmetic and bandwidth relative to the fitted set."""


def write(
    folder: Path, data: Any, fitted: dict[str, float], schemes: dict[str, np.ndarray], today: date
) -> None:
    """Write both calibration tables.

    Parameters
    ----------
    folder : Path
        The catalogs.
    data : calibrate.Data
    fitted : dict
        Log parameters.
    schemes : dict of str to array
        Cross-validated predictions, by what was left out; spreads are their joint 80 % errors.
    today : date
    """
    errors = [np.abs(np.log(v / data.value)) for v in schemes.values()]
    source = "fitted by benchmarks/calibrate.py on " + "; ".join(
        sorted({_short(s) for s in data.rows["source"]})
    )
    shared = {"source": source, "as_of": today.isoformat()}
    rows = {f"{f} {v}": _stack_row(f, v, data, fitted, errors) | shared for f, v in GROUPS}
    for (framework, version), (base, changes, spread, why) in COPIES.items():
        rows[f"{framework} {version}"] = {
            **rows[base],
            "framework": framework,
            "version": version,
            "max_sequences": "",
            **changes,
            "n": 0,
            "groups": 0,
            "spread": spread,
            "tpot_spread": "",
            "ttft_spread": "",
            "evidence": "rule",
            "source": f"factors of {base}; {why}",
            "notes": "",
        }
    told = _error_rows(data, schemes, rows)
    _save(
        folder / "calibration_errors.csv",
        CalibrationError.columns(),
        [r | shared | {"source": "benchmarks/calibrate.py"} for r in told],
    )
    _save(folder / "calibration.csv", Calibration.columns(), rows.values())
    scales = [_scale_row(data, fitted, f, "*") | shared for f in sorted(set(data.family))]
    for kind in sorted(set(data.peak)):
        names = ("fp16", "bf16") if kind == "sixteen" else (kind,)
        scales += [_scale_row(data, fitted, "*", kind) | shared | {"peak": n} for n in names]
    for family, (compute, bandwidth, why) in YOUNG.items():
        if family in set(data.family):
            continue
        scales.append(
            {
                "family": family,
                "peak": "*",
                "compute": compute,
                "bandwidth": bandwidth,
                "cache_repeats": 0,
                "kernels": "*",
                "n": 0,
                "groups": 0,
                "spread": 0.5,
                "evidence": "rule",
                "source": why,
                "as_of": today.isoformat(),
                "notes": "",
            }
        )
    _save(folder / "calibration_scales.csv", CalibrationScale.columns(), scales)


def _error_rows(
    data: Any, schemes: dict[str, np.ndarray], stacks: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Errors of each scheme by stack and metric, and over all stacks."""
    measured = data.rows["metric"].to_numpy()
    metric = np.where(np.char.endswith(measured.astype(str), "_ms"), measured, "rate")
    wide = np.array([float(stacks[s]["spread"]) for s in data.stack])
    for name in ("tpot", "ttft"):
        pairs = zip(data.stack, wide, strict=True)
        own = np.array([float(stacks[s][f"{name}_spread"] or w) for s, w in pairs])
        wide = np.where(metric == f"{name}_ms", own, wide)
    out = []
    for scheme, value in schemes.items():
        ratio = value / data.value
        inside = (ratio <= 1.0 + wide) & (ratio >= 1.0 / (1.0 + wide))
        rows = data.rows.assign(error=ratio - 1.0, inside=inside.astype(float))
        for stack in ["* *", *sorted(set(data.stack))]:
            for name in ("rate", "tpot_ms", "ttft_ms"):
                mask = (metric == name) & ((data.stack == stack) | (stack == "* *"))
                mask &= np.isfinite(ratio)
                if not mask.any():
                    continue
                framework, version = stack.rsplit(" ", 1)
                found = summary(rows[mask])
                shares = {k: f"{found[k]:.4f}" for k in ("median_ape", "p90_ape", "bias")}
                out.append(
                    {
                        "left_out": scheme.removeprefix("left out by "),
                        "framework": framework,
                        "version": version,
                        "metric": name,
                        **found,
                        **shares,
                        "coverage80": f"{found['coverage80']:.3f}",
                    }
                )
    return out


def _stack_row(
    framework: str, version: str, data: Any, t: dict[str, float], errors: list[np.ndarray]
) -> dict[str, Any]:
    name = f"{framework} {version}"
    mine = data.stack == name

    def own(kind: str) -> float:
        return t.get(f"stack {name} {kind}", 0.0)

    neuron = t.get("neuron link", 0.0) if framework == "neuron" else 0.0
    late = t.get("neuron latency", 0.0) if framework == "neuron" else 0.0
    metric = data.rows["metric"].to_numpy()
    spreads = {
        "spread": _spread(errors, mine & (np.char.find(metric.astype(str), "_ms") < 0)),
        "tpot_spread": _spread(errors, mine & (metric == "tpot_ms")),
        "ttft_spread": _spread(errors, mine & (metric == "ttft_ms")),
    }
    if not spreads["spread"]:
        spreads["spread"] = spreads["tpot_spread"] or 0.3
    figures: dict[str, float] = {
        "bandwidth_efficiency": min(np.exp(t["bandwidth"] + own("read")), 1.0),
        "cache_efficiency": np.exp(t["cache"]),
        "decode_efficiency": np.exp(t["decode"] + own("compute")),
        "prefill_efficiency": np.exp(t["prefill"] + own("compute")),
        "moe_efficiency": min(np.exp(t["moe"]), 1.0),
        "step_overhead_s": np.exp(t["step_ms"] + own("step")) / 1e3,
        "sequence_overhead_s": np.exp(t["sequence_us"] + own("sequence")) / 1e6,
        "link_efficiency": min(np.exp(t["link"] + neuron), 1.0),
        "link_latency_s": np.exp(t["latency_us"] + late) / 1e6,
        "pcie_link_efficiency": min(np.exp(t["pcie_link"]), 1.0),
        "pcie_link_latency_s": np.exp(t["pcie_latency_us"]) / 1e6,
        "traffic": np.exp(t["traffic"]),
        "blend_exponent": np.exp(t["blend"]),
    }
    n = int(mine.sum())
    return {
        "framework": framework,
        "version": version,
        **{k: f"{float(v):.4g}" for k, v in figures.items()},
        "kernels": "old" if name in OLD_KERNELS else "new",
        "latent_split": str(name in LATENT_SPLIT).lower(),
        **STACKS.get(framework, USUAL),
        "batched_tokens": 8192,
        "max_sequences": MOST.get((framework, version), ""),
        "n": n,
        "groups": len(set(data.groups("model", "accelerator")[mine])),
        **spreads,
        "evidence": "calibrated" if n else "rule",
        "notes": "memory figures: see benchmarks/calibration_rows.py",
    }


def _spread(errors: list[np.ndarray], mask: np.ndarray) -> float | str:
    """Relative half-width that holds 82 % of cross-validated errors; empty without rows."""
    if not mask.any():
        return ""
    pooled = np.concatenate([e[mask] for e in errors])
    pooled = pooled[np.isfinite(pooled)]
    return round(float(np.clip(np.exp(np.quantile(pooled, 0.82)) - 1.0, 0.08, 1.0)), 3)


def _scale_row(data: Any, t: dict[str, float], family: str, peak: str) -> dict[str, Any]:
    prefix = f"family {family}" if peak == "*" else f"peak {peak}"
    mine = data.family == family if peak == "*" else data.peak == peak
    old = family.endswith(OLD)
    return {
        "family": family.removesuffix(OLD),
        "peak": peak,
        "kernels": "old" if old else "new" if family in OLD_FAMILIES else "*",
        "compute": f"{np.exp(t.get(f'{prefix} compute', 0.0)):.4g}",
        "bandwidth": f"{np.exp(t.get(f'{prefix} read', 0.0)):.4g}",
        "cache_repeats": f"{_repeats(t) if old else 0.0:.4g}",
        "n": int(mine.sum()),
        "groups": len(set(data.groups("model", "accelerator")[mine])),
        # Kernels that unpack weights differ between libraries and years.
        "spread": 0.35 if peak == "weight_only" else 0.08,
        "evidence": "calibrated",
        "notes": "",
    }


def _repeats(t: dict[str, float]) -> float:
    return float(min(np.exp(t["cdna repeats"]), 1.0)) if "cdna repeats" in t else 0.0


def _short(source: str) -> str:
    words = source.split()
    return " ".join([words[0], *[w for w in words if w.startswith("@")][:1]])


def _save(path: Path, columns: list[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
