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
    "a100-40": "A100-40-SXM",
    "a100-80": "A100-80-SXM",
    "a800-80-sxm": "A100-80-SXM",
    "h800-nvl": "H100-NVL",
    "v100-sxm": "V100",
    "v100-sxm2": "V100",
    "v100-sxm2-16gb": "V100",
    "v100-sxm2-32gb": "V100",
    "v100-16": "V100",
    "v100-32": "V100",
    "v100-pcie-16gb": "V100-PCIe",
    "gh200-480gb": "GH200-96",
    "mi250-1gcd": "MI250",
    "mi250x-1gcd": "MI250",
}
"""Spellings of accelerators, lower case; a bare name means the card most benchmarks mean."""

DIES = {"mi250-1gcd": 0.5, "mi250x-1gcd": 0.53}
"""Devices that are one die of a card; the X has 110 compute units of 104."""

CPUS = (
    ("x86-GNR", r"gnr|granite|69\d\dp|67\d\dp|\b[cmr]8i"),
    ("x86-EMR", r"emr|emerald|85\d\d|65\d\dy"),
    ("x86-SPR", r"spr|sapphire|84\d\d|\b[cmr]7i"),
    ("x86-CPX", r"cpx|cooper|8380h"),
    ("x86-ICX", r"icx|ice[ -]?lake|83\d\d[mych]?\b|63[1-9]\d|\b[cmr]6i"),
    ("x86-CLX", r"clx|cascade|82\d\d|62\d\dr?|\bc5\b|\bm5n"),
    ("x86-Genoa", r"genoa|epyc 9|\b[cmr]7a"),
    ("Graviton4", r"graviton ?4|\b[cmr]8g"),
    ("Graviton3", r"graviton ?3|\b[cmr]7g"),
    ("Graviton2", r"graviton ?2|\b[cmr]6g"),
)
"""CPU sockets: the family's row of the catalog and how its models and instances are named."""

CPU_CORES = {
    "8480": 56, "8470": 52, "8490": 60, "8592": 64, "8580": 60, "8462": 32, "8481": 56,
    "6980p": 128, "6972p": 96, "6979p": 120, "6787p": 86, "6538y": 32, "w7-2495x": 24,
    "8380h": 28, "8380": 40, "8360y": 36, "8352m": 32, "8352y": 32, "6338": 32, "6330": 28,
    "4316": 20, "8375c": 32, "6258r": 28, "6248r": 24, "8280": 28, "8270": 26, "8259cl": 24,
    "5218t": 16, "4216r": 16, "8375": 32,
}  # fmt: skip
"""Cores of one socket of known processors."""

VCPUS = (
    r"(\d+)[ -]*v?cpus?\b",
    r"(?:standard|highmem|highcpu|metal)-(\d+)\b(?!xl)",
)
"""How a name states its vCPUs outright."""
SIZE = r"\.(?:metal-)?(\d*)(large|xlarge|xl)\b"

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
        return Chip(CHIPS[folded], DIES.get(folded, 1.0))
    named = re.search(r"xeon|epyc|graviton|^[cmr]\d[a-z]+\.", folded)
    if name.upper().startswith("CPU") or named:
        for family, pattern in CPUS:
            if family in known and re.search(pattern, name, re.IGNORECASE):
                return Chip(family, _sockets(catalog, name, family))
    return Chip(catalog.lookup("accelerators", name)["accelerator"])


def _sockets(catalog: Catalog, name: str, family: str) -> float:
    """Catalog sockets that a name amounts to, by its sockets and cores or by its vCPUs."""
    row = catalog.lookup("accelerators", family)
    for pattern in VCPUS:
        if stated := re.search(pattern, name, re.IGNORECASE):
            return float(stated[1]) / float(row["vcpus"])
    if size := re.search(SIZE, name, re.IGNORECASE):
        vcpus = 2.0 if size[2] == "large" else 4.0 * float(size[1] or 1)
        return vcpus / float(row["vcpus"])
    many = re.search(r"(\d+)\s*x", name, re.IGNORECASE)
    cores = next((n for tag, n in CPU_CORES.items() if tag in name.lower()), None)
    threads = 2.0 if row["vendor"] == "Intel" else 1.0
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
    by every engine; a TPU runs FP16 as BF16; TF32 is a switch that other chips ignore.
    """
    given = str(row["weight_precision"] or "").strip().lower()
    name = WEIGHTS.get(given, given)
    if not name:
        name = "fp16" if (accelerator["bf16_tflops"] or 0) <= 0 else "bf16"
    if name == "fp4" and (accelerator["fp4_tflops"] or 0) <= 0:
        name = "int4-awq"
    if name == "fp16" and (accelerator["fp16_tflops"] or 0) <= 0:
        name = "bf16"
    if name == "tf32" and (accelerator["tf32_tflops"] or 0) <= 0:
        name = "fp32"
    return name
