"""AIConfigurator (PyPI), asked about measurements that it can answer."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records

WORKER = Path(__file__).resolve().parent / "ask_aiconfigurator.py"
SYSTEMS = {
    "A30": "a30",
    "L4": "l4",
    "L40S": "l40s",
    "A100-80-PCIe": "a100_pcie",
    "A100-80-SXM": "a100_sxm",
    "H100-PCIe": "h100_pcie",
    "H100-SXM": "h100_sxm",
    "H200-SXM": "h200_sxm",
    "B200": "b200_sxm",
    "GB200": "gb200",
    "B300": "b300_sxm",
    "GB300": "gb300",
    "RTX-PRO-6000": "rtx_pro_6000_server",
}
BACKENDS = {"tensorrt-llm": "trtllm", "vllm": "vllm", "sglang": "sglang"}
FORMATS: dict[str, str | None] = {"fp16": None, "bf16": None, "fp8": "fp8", "fp4": "nvfp4"}
FEED_FORWARD = {
    "Llama-7B": 11008,
    "Llama-2-7B": 11008,
    "Llama-2-13B": 13824,
    "Llama-2-70B": 28672,
    "Llama-3-8B": 14336,
    "Llama-3-70B": 28672,
    "Llama-3.1-8B": 14336,
    "Llama-3.1-70B": 28672,
    "Llama-3.1-405B": 53248,
    "Llama-3.3-70B": 28672,
    "Mistral-7B": 14336,
}
"""Feed-forward width of models of the Llama architecture, from their published configurations."""
OWN = {
    "Mixtral-8x7B": "mistralai/Mixtral-8x7B-v0.1",
    "Mixtral-8x22B": "mistralai/Mixtral-8x22B-v0.1",
}
"""Models whose configuration the package brings."""
BATCHES = (2048, 1024, 512, 256, 128, 64, 32, 16, 8)
STEP_TOKENS = 8192


@dataclass(frozen=True)
class Answers:
    """What the package said: values (NaN where none), reasons, and seconds per prediction."""

    version: str
    values: np.ndarray
    reasons: list[str]
    seconds: float
    estimates: int
    as_shipped_s: float


def interpreter() -> str | None:
    """An interpreter that has the package: this one, or what ``AICONFIGURATOR_PYTHON`` names."""
    if importlib.util.find_spec("aiconfigurator") is not None:
        return sys.executable
    return os.environ.get("AICONFIGURATOR_PYTHON")


def ask(catalog: Catalog, rows: pd.DataFrame, python: str) -> Answers:
    """Ask about every row.

    Parameters
    ----------
    catalog : Catalog
        For the models' shapes.
    rows : DataFrame
        Measurements of language models in catalog names, as `calibrate.gather` makes them.
    python : str
        Interpreter that has the package.
    """
    asked = [question(catalog, r) for r in records(rows)]
    sent = [q for q in asked if not isinstance(q, str)]
    done = subprocess.run(
        [python, str(WORKER)], input=json.dumps(sent), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError((done.stderr or "it failed").strip().splitlines()[-1])
    told = json.loads(done.stdout)
    answers = iter(told["answers"])
    values, reasons, seconds, estimates = [], [], [], 0
    for row, q in zip(records(rows), asked, strict=True):
        answer = {"reason": q} if isinstance(q, str) else next(answers)
        values.append(_value(row, answer))
        reasons.append(answer.get("reason", ""))
        if "tokens/s" in answer:
            seconds.append(answer["seconds"])
            estimates += answer["estimates"]
    return Answers(
        told["version"],
        np.array(values),
        reasons,
        float(np.mean(seconds)) if seconds else np.nan,
        estimates,
        told["as_shipped_s"],
    )


def question(catalog: Catalog, row: dict[str, Any]) -> list[dict[str, Any]] | str:
    """One row as sets of arguments of which the fastest counts; or why it cannot be asked."""
    for known, what in (
        (SYSTEMS, row["accelerator"]),
        (BACKENDS, row["framework"]),
        (FORMATS, row["weight_precision"]),
        (FEED_FORWARD | OWN, row["model"]),
    ):
        if what not in known:
            return f"no {what}"
    if row["mlperf"]:
        return "layout not published"
    kind = (row["scenario"], row["metric"])
    limit = pd.to_numeric(row["concurrency"], errors="coerce")
    common: dict[str, Any] = {
        "system_name": SYSTEMS[row["accelerator"]],
        "backend_name": BACKENDS[row["framework"]],
        "isl": int(row["isl_tokens"]),
        "osl": int(row["osl_tokens"]),
        "tp_size": int(row["accelerator_count"]),
        "gemm_quant_mode": FORMATS[row["weight_precision"]],
        "kvcache_quant_mode": "fp8" if row["kv_precision"] == "kv-fp8" else None,
    }
    if row["model"] in OWN:
        common |= {"model_path": OWN[row["model"]], "moe_tp_size": common["tp_size"]}
        common |= {"moe_quant_mode": common["gemm_quant_mode"]}
    else:
        common["shape"] = _shape(catalog.lookup("models", row["model"]))
    if kind == ("offline", "tok_s_out"):
        batches = BATCHES if np.isnan(limit) else (int(limit),)
        return [{**common, "batch_size": b, "ctx_tokens": STEP_TOKENS} for b in batches]
    if kind == ("static", "tok_s_total"):
        return [{**common, "mode": "static", "batch_size": int(limit)}]
    if kind == ("single", "ttft_ms"):
        return [{**common, "mode": "static_ctx", "batch_size": 1, "osl": 1}]
    return f"no {kind[0]} {kind[1]}"


def _shape(model: dict[str, Any]) -> dict[str, Any]:
    """A configuration as model hubs write it."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": int(model["hidden"]),
        "intermediate_size": FEED_FORWARD[model["model"]],
        "num_attention_heads": int(model["heads"]),
        "num_key_value_heads": int(model["kv_heads"]),
        "num_hidden_layers": int(model["layers"]),
        "head_dim": int(model["head_size"]),
        "vocab_size": int(model["vocab"]),
        "max_position_embeddings": int(model["max_context"]),
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "tie_word_embeddings": bool(model["tied_embeddings"]),
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "bfloat16",
    }


def _value(row: dict[str, Any], answer: dict[str, Any]) -> float:
    """An answer in the unit of the row's metric."""
    if "tokens/s" not in answer:
        return np.nan
    if row["metric"] == "ttft_ms":
        return float(answer["ttft"])
    if row["metric"] == "tok_s_total":
        tokens = (row["isl_tokens"] + row["osl_tokens"]) * float(row["concurrency"])
        return float(tokens / answer["request_latency"] * 1e3)
    return float(answer["tokens/s"])
