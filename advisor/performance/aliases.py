"""Names as benchmarks write them, and the catalog's names for the same things."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.errors import NotFoundError

CHIPS = {
    "a100": "A100-80-SXM",
    "a100-80gb": "A100-80-SXM",
    "a100-sxm": "A100-80-SXM",
    "a100-sxm4-80gb": "A100-80-SXM",
    "a100-sxm4-40gb": "A100-40-SXM",
    "a100-40gb": "A100-40-SXM",
    "a100-pcie": "A100-80-PCIe",
    "a100-pcie-80gb": "A100-80-PCIe",
    "a100-80gb-pcie": "A100-80-PCIe",
    "a100-pcie-40gb": "A100-40-PCIe",
    "h100": "H100-SXM",
    "h100-80gb-hbm3": "H100-SXM",
    "h100-sxm5": "H100-SXM",
    "h100-sxm-80gb": "H100-SXM",
    "h100-pcie-80gb": "H100-PCIe",
    "h200": "H200-SXM",
    "h200-sxm-141gb": "H200-SXM",
    "gh200": "GH200-96",
    "b200-sxm": "B200",
    "tesla-t4": "T4",
    "rtx-pro-6000-bse": "RTX-PRO-6000",
    "inf2": "Inferentia2",
    "trn1": "Trainium1",
    "trn2": "Trainium2",
    "tpu-v5e": "TPUv5e",
    "tpu-v6e": "TPUv6e",
}
"""Spellings of accelerators, lower case; a bare name means the card most benchmarks mean."""

CPUS = (
    ("x86-GNR", r"gnr|granite|69\d\dp|67\d\dp"),
    ("x86-SPR", r"spr|emr|sapphire|emerald|84\d\d|85\d\d"),
    ("x86-Genoa", r"genoa|epyc 9"),
)
"""CPU sockets: the family's row of the catalog and how its models are named."""

CPU_CORES = {
    "8480": 56, "8470": 52, "8490": 60, "8592": 64, "8580": 60, "8462": 32, "8481": 56,
    "6980p": 128, "6972p": 96, "6787p": 86,
}  # fmt: skip
"""Cores of one socket of known processors."""

WEIGHTS = {
    "int8": "int8-ptq",
    "w8a8": "int8-ptq",
    "int4": "int4-awq",
    "w4a16": "int4-awq",
    "awq": "int4-awq",
    "gptq": "int4-gptq",
    "nvfp4": "fp4",
    "mxfp4": "fp4",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float32": "fp32",
    "cfp8": "fp8",
}
CACHES = {
    "fp16": "kv-16", "bf16": "kv-16", "fp32": "kv-16", "auto": "kv-16", "fp8": "kv-fp8",
    "int8": "kv-int8", "fp8_e4m3": "kv-fp8", "fp4": "kv-fp8", "nvfp4": "kv-fp8",
}  # fmt: skip
FRAMEWORKS = {
    "trt-llm": "tensorrt-llm",
    "tensorrt_llm": "tensorrt-llm",
    "trtllm": "tensorrt-llm",
    "text-generation-inference": "tgi",
    "huggingface-tgi": "tgi",
    "ort": "onnxruntime",
    "onnx": "onnxruntime",
    "transformers": "pytorch",
    "hf-transformers": "pytorch",
    "trt": "tensorrt",
    "llamacpp": "llama.cpp",
}


@dataclass(frozen=True)
class Chip:
    """A catalog accelerator, and how many of them one named device amounts to."""

    name: str
    units: float = 1.0


def chip(catalog: Catalog, name: str) -> Chip:
    """The accelerator a benchmark means.

    ``CPU:2x Xeon 8480+ (SPR)`` is two sockets, each 56/48 of the catalog's socket of that family.

    Raises
    ------
    NotFoundError
        For a name that no accelerator has.
    """
    known = catalog.names("accelerators")
    by_folded = {k.lower(): k for k in known}
    folded = re.sub(r"^(nvidia|amd|aws|google|intel)[ -]", "", name.strip().lower())
    folded = re.sub(r"[\s_]+", "-", folded)
    if folded in by_folded:
        return Chip(by_folded[folded])
    if folded in CHIPS and CHIPS[folded] in known:
        return Chip(CHIPS[folded])
    if name.upper().startswith("CPU") or "xeon" in folded or "epyc" in folded:
        for family, pattern in CPUS:
            if re.search(pattern, name, re.IGNORECASE):
                return Chip(family, _sockets(catalog, name, family))
    return Chip(catalog.lookup("accelerators", name)["accelerator"])


def _sockets(catalog: Catalog, name: str, family: str) -> float:
    many = re.search(r"(\d+)\s*x", name, re.IGNORECASE)
    cores = next((n for tag, n in CPU_CORES.items() if tag in name.lower()), None)
    row = catalog.lookup("accelerators", family)
    threads = 1.0 if row["vendor"] == "AMD" else 2.0
    own = float(row["vcpus"]) / threads
    return (int(many.group(1)) if many else 1) * (cores / own if cores else 1.0)


def _folded(name: str) -> str:
    short = re.sub(r"^[^/]+/", "", name.strip().lower())
    short = re.sub(r"^meta-", "", short)
    short = re.sub(r"[-_](instruct|chat|hf|it|fp8|bf16|fp16|awq|gptq|v\d+(\.\d+)?)\b", "", short)
    return re.sub(r"[^a-z0-9.]", "", short)


@lru_cache(maxsize=8)
def _models(catalog: Catalog) -> dict[str, str]:
    out: dict[str, str] = {}
    for row in records(catalog["models"]):
        for name in (row["model"], *(row["aliases"] or ())):
            out.setdefault(_folded(name), row["model"])
    return out


def model(catalog: Catalog, name: str) -> str | None:
    """The catalog's name of a model, or None where it holds none such."""
    try:
        return str(catalog.lookup("models", name)["model"])
    except NotFoundError:
        return _models(catalog).get(_folded(name))


def weight_precision(row: dict[str, Any], accelerator: dict[str, Any]) -> str:
    """The catalog's weight format for a measured one on this chip.

    Blank is taken as 16 bits. A four-bit format on a chip without its arithmetic is run weight-only
    by every engine; a TPU runs FP16 as BF16.
    """
    given = str(row["weight_precision"] or "").strip().lower()
    name = WEIGHTS.get(given, given)
    if not name:
        name = "fp16" if (accelerator["bf16_tflops"] or 0) <= 0 else "bf16"
    if name == "fp4" and (accelerator["fp4_tflops"] or 0) <= 0:
        name = "int4-awq"
    if name == "fp16" and (accelerator["fp16_tflops"] or 0) <= 0:
        name = "bf16"
    return name
