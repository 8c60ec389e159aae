"""The guide's claims about fewer bits: memory computed, speed and cost on the workloads here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from advisor.catalog.records import records
from advisor.format import count, percent
from advisor.performance.predict import predict
from advisor.portfolio import Workload

from .base import Verdict, View
from .claims import Judged, judge
from .wording import listing

BIG = "Llama-3.1-70B"
INT4 = "int4-awq"
CARDS = (("L4", 1), ("A10G", 1), ("L40S", 1), ("A100-80-SXM", 1), ("L4", 2))
"""Chips to try the 70B model on; the first two have 24 GB."""
SIXTEEN = ("bf16", "fp16")
FEW_BITS = 5.0


def fits(view: View, precision: str) -> pd.DataFrame:
    """Whether the 70B model fits each card of `CARDS`, as predicted."""
    able = [
        f["framework"]
        for f in records(view.catalog["frameworks"])
        if {"llm", "gpu", precision} <= {*f["kinds"], *f["chip_kinds"], *f["weight_precisions"]}
    ]
    engine = able[0] if able else None
    chips = [(a, n) for a, n in CARDS if a in view.catalog.names("accelerators")]
    if engine is None or not chips or BIG not in view.catalog.names("models"):
        return pd.DataFrame()
    asked = pd.DataFrame(
        [
            {
                "model": BIG,
                "accelerator": chip,
                "chip_share": 1.0,
                "tensor_parallel": n,
                "weight_precision": precision,
                "kv_precision": "kv-16",
                "framework": engine,
                "continuous": 1.0,
                "paged": 1.0,
                "batching": 0.0,
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
            for chip, n in chips
        ]
    )
    return asked.join(predict(view.catalog, asked))


@judge("70b-int4-24gb")
def _fits_24(view: View) -> Judged:
    table = fits(view, INT4)
    if table.empty:
        return None
    first = table.iloc[0]
    memory = view.catalog.lookup("accelerators", first["accelerator"])["memory_visible_gib"]
    works = [
        f"{n} × {a}" if n > 1 else f"one {a}"
        for a, n in table.loc[table["reason"] == "", ["accelerator", "tensor_parallel"]].to_numpy()
    ]
    here = (
        f"{BIG} at INT4 takes {count(first['weights_gib'])} GiB of weights; one "
        f"{first['accelerator']} shows {count(memory)} GiB."
    )
    if works:
        here += f" It fits {listing(works)}."
    return "does_not_hold" if first["reason"] else "holds", here


@judge("memory-2-4-8x")
def _memory(view: View) -> Judged:
    bits = {
        p: view.catalog.lookup("precisions", p)["bits_per_weight"]
        for p in ("fp32", "bf16", "int8-ptq", INT4)
    }
    small = ("bf16", "int8-ptq", INT4)
    from_32 = " / ".join(f"{bits['fp32'] / bits[p]:.2g}×" for p in small)
    from_16 = " / ".join(f"{bits['bf16'] / bits[p]:.2g}×" for p in small)
    deployed = [w.current.weight_precision for w in view.portfolio.workloads]
    now = [p for p in deployed if p]
    full = sum(p in ("fp32", "tf32") for p in now)
    verdict: Verdict = "holds" if now and full == len(now) else "holds_if"
    return verdict, (
        f"Against FP32 {from_32}, scales included; against BF16 {from_16}. "
        f"{full} of {len(now)} deployments here start from 32 bits."
    )


def int4_speedups(view: View, workload: Workload) -> list[float]:
    """Requests per replica with 4-bit weights over 16 bits, on every stack that has both."""
    table = view.setting.variants(workload)
    if table.empty:
        return []
    kinds = records(view.catalog["precisions"])
    four = [p["precision"] for p in kinds if p["weight_only"] and p["bits_per_weight"] < FEW_BITS]
    model = view.catalog.lookup("models", workload.model)["model"]
    table = table[(table["model"] == model) & (table["kv_precision"] == "kv-16")]
    table = table[(table["rps"] > 0) & table["weight_precision"].isin([*SIXTEEN, *four])]
    keys = ["framework", "accelerator", "tensor_parallel", "techniques"]
    few = table["weight_precision"].isin(four)
    ratio = table[few].groupby(keys)["rps"].max() / table[~few].groupby(keys)["rps"].max()
    return [float(r) for r in ratio.dropna()]


@judge("int4-3-4x")
def _int4(view: View) -> Judged:
    found = {w.name: int4_speedups(view, w) for w in view.portfolio.workloads if w.kind == "llm"}
    middles = {name: float(np.median(r)) for name, r in found.items() if r}
    if not middles:
        return None
    every = [r for ratios in found.values() for r in ratios]
    verdict: Verdict = "does_not_hold"
    if all(m >= 3.0 for m in middles.values()):
        verdict = "holds"
    elif float(np.quantile(every, 0.9)) >= 3.0:
        verdict = "holds_if"
    parts = [f"{name} {m:.2g}×" for name, m in middles.items()]
    low, high = np.quantile(every, [0.1, 0.9])
    return verdict, (
        f"Against 16 bits within the latency targets, median over chips that hold both: "
        f"{', '.join(parts)}; mostly {low:.2g}× to {high:.2g}×."
    )


def _serving(view: View, step: str) -> float:
    return float(sum(view.plans[step].workload_usd_month.values()))


@judge("quant-50-75")
def _quantization(view: View) -> Judged:
    before, after = _serving(view, "rightsize"), _serving(view, "quantize")
    if before <= 0:
        return None
    cut = 1.0 - after / before
    verdict: Verdict = "holds" if cut >= 0.5 else "holds_if" if cut >= 0.33 else "does_not_hold"
    return verdict, f"After right-sizing it cuts the cost of serving here by {percent(cut)}."


@judge("steps123-40-60")
def _steps(view: View) -> Judged:
    start = view.baseline.usd_month
    three, eight = (1.0 - view.plans[s].usd_month / start for s in ("quantize", "monitor"))
    reached = (three >= 0.4) + (eight >= 0.5)
    verdict: tuple[Verdict, ...] = ("does_not_hold", "holds_if", "holds")
    return verdict[reached], (
        f"Steps 1–3 save {percent(three)} here and all eight {percent(eight)}, "
        "of everything the baseline holds."
    )
