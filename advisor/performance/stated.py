"""What measurements state in words, and what entries of MLPerf ("the benchmark") mean by it."""

from __future__ import annotations

import re
from typing import Any

_TARGET = re.compile(r"(?:target|bert|accuracy)\D{0,12}?(99\.9|99)\b", re.IGNORECASE)
_SIZE = re.compile(r"\b(\d{2,4})\s*x\s*(\d{2,4})\b")
_STEPS = re.compile(r"\b(\d{1,3})[ -](?:\w+ )?steps?\b", re.IGNORECASE)
BENCHMARK = re.compile(r"mlcommons|mlperf", re.IGNORECASE)
"""Sources of the benchmark's entries."""
FIRST_ROUND = re.compile(r"\bv4\.0\b|_v4\.0")
"""The round that image generation entered, a fifth slower than the FP8 of all later ones."""


def is_benchmark(row: dict[str, Any]) -> bool:
    """Whether a row is an entry of the benchmark: by its source, or a scenario only that has."""
    return row["scenario"] in {"server", "interactive"} or bool(
        BENCHMARK.search(str(row["source"]))
    )


def benchmark_round(row: dict[str, Any]) -> str:
    """Round that an entry's source names, such as ``4.1``: its tuning goes by it; else empty."""
    named = re.search(r"inference_results_v(\d+\.\d+)", str(row["source"]))
    return named.group(1) if named else ""


def tuned_precision(row: dict[str, Any], accelerator: dict[str, Any]) -> tuple[str, str]:
    """Weight format of a language-model entry that states 16 bits or none, and what to say of it.

    The statement is of the reference model: speeds beyond the chip's 16-bit arithmetic show that
    entries are quantized to the narrowest format it has; GPT-J left before FP4 came.
    """
    four = (accelerator["fp4_tflops"] or 0) > 0 and row["model"] != "GPT-J-6B"
    name = "fp4" if four else "fp8"
    given = row["weight_precision"] or "no precision"
    return name, f"stated {given}: taken as {name.upper()}, as entries of this benchmark run"


def usual_cache(weight: str, framework: str, entry: bool) -> str:
    """KV format of a language model where none is stated.

    TensorRT-LLM's published 8- and 4-bit checkpoints carry FP8 caches, and so do entries of the
    benchmark; elsewhere it is 16 bits.
    """
    eight = weight in {"fp8", "fp4"} and (framework == "tensorrt-llm" or entry)
    return "fp8" if eight else "fp16"


def quality_target(row: dict[str, Any]) -> float | None:
    """Percent of the reference's quality that a benchmark's entry keeps, where it is stated."""
    given = str(row.get("quality_target") or "")
    stated = re.search(r"99\.9|99", given) or _TARGET.search(f"{row['notes']} {row['source']}")
    return float(stated.group(stated.lastindex or 0)) if stated else None


def image_px(row: dict[str, Any]) -> float | None:
    """Edge of a square image of the same area, pixels."""
    found = _SIZE.search(str(row["notes"]))
    return (float(found[1]) * float(found[2])) ** 0.5 if found else None


def steps(row: dict[str, Any]) -> float | None:
    """Denoising steps of one image."""
    found = _STEPS.search(str(row["notes"]))
    return float(found[1]) if found else None


def benchmark_precision(row: dict[str, Any], weight: str, eight: bool) -> tuple[str, str]:
    """Arithmetic that an MLPerf entry really runs, and what to say of it.

    Files state the precision of the reference model, several, or none. Over some 1,500 entries
    rates at the 99 % target are those of INT8 (twice the 99.9 % ones on Turing, Ampere and Ada,
    and a steady 1.1 to 1.2 times on Hopper), ResNet-50 is INT8 everywhere, and what is left is
    16 bits, or FP8 where the chip has it.

    Parameters
    ----------
    weight : str
        Catalog's format for what is stated; 16 bits where nothing is.
    eight : bool
        Whether the chip multiplies in FP8.
    """
    given = str(row["weight_precision"] or "").lower()
    said = f"stated {given}" if given else "no precision stated"
    if row["workload"] == "diffusion":
        first = FIRST_ROUND.search(f"{row['source']} {row['notes']}")
        if given == "int8" or (given == "" and first and eight):
            return "int8-ptq", "" if given else f"{said}: INT8 in the first round of this benchmark"
        if (given in {"", "fp16"} or "+" in given) and eight:
            return "fp8", f"{said}: taken as FP8, as others run this benchmark"
        return weight, ""
    if given in {"int8", "fp8", "bf16"}:
        return weight, ""
    target = quality_target(row)
    exacting = row["workload"] == "encoder" and (
        target == 99.9 or (target is None and given == "fp16")
    )
    if not exacting:
        return "int8-ptq", f"{said}: taken as INT8, as entries of this benchmark run"
    name = "fp8" if eight else "fp16"
    return name, "" if given == name else f"{said}: taken as {name.upper()} for the 99.9 % target"


def benchmark_framework(framework: str, chip_kind: str, weight: str) -> str:
    """Stack of an MLPerf entry.

    INT8 PyTorch on CPUs is Intel's tuned build; blank on GPUs is the vendor's engine.
    """
    if chip_kind == "cpu" and framework == "pytorch" and weight == "int8-ptq":
        return "ipex"
    return "tensorrt" if chip_kind == "gpu" and framework in {"", "nan", "none"} else framework


BACKENDS = {"onnx": "onnxruntime", "pytorch": "pytorch", "torchscript": "pytorch"}
"""Engines behind a Triton server, as notes write them; with TensorRT it is the server's own."""


def engine(framework: str, notes: str) -> str:
    """The engine that a Triton server's notes name, for that sets the speed; else the server."""
    said = notes.lower()
    if framework != "triton" or "tensorrt" in said or "tf-trt" in said:
        return framework
    found = re.search(r"backend:?\s*(onnx|pytorch|torchscript)", said)
    return BACKENDS[found[1]] if found else framework
