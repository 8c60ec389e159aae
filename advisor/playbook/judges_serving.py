"""The guide's claims about serving: frameworks looked up, techniques compared on the variants."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from advisor.portfolio import Workload

from .base import Verdict, View
from .claims import Judged, judge
from .wording import listing, of_all, short

NAMED = ("tgi", "torchserve")


@judge("tgi-torchserve")
def _lifecycle(view: View) -> Judged:
    known = [f for f in NAMED if f in view.catalog.names("frameworks")]
    rows = [view.catalog.lookup("frameworks", f) for f in known]
    if not rows:
        return None
    parts = [
        f"{short(view.catalog, 'frameworks', r['framework'])} is "
        f"{r['lifecycle'].replace('_', ' ')} ({r['as_of']})"
        for r in rows
    ]
    on = sum(c.choice["framework"] in known for c in view.baseline.chosen)
    verdict: Verdict = "holds" if all(r["lifecycle"] == "active" for r in rows) else "does_not_hold"
    here = f"{listing(parts)}."
    if on:
        verb = "runs" if on == 1 else "run"
        here += f" {of_all(on, len(view.portfolio.workloads), 'workload')} {verb} on them."
    return verdict, here


def speedups(view: View, workloads: Iterable[Workload], technique: str) -> dict[str, list[float]]:
    """Requests per replica with a technique over the same stack without it, by workload.

    Taken at the precision deployed today, 16 bits where nothing is deployed.
    """
    out = {}
    for workload in workloads:
        table = view.setting.variants(workload)
        if table.empty:
            continue
        precision = workload.current.weight_precision or "bf16"
        here = (table["weight_precision"] == precision) & (table["kv_precision"] == "kv-16")
        table = table[here & (table["rps"] > 0) & (table["compression"] == "none")]
        held = table["techniques"].map(lambda t: technique in t).astype(bool)
        rest = table["techniques"].map(lambda t: tuple(x for x in t if x != technique))
        keys = ["model", "framework", "accelerator", "chip_share", "tensor_parallel", rest]
        ratio = table[held].groupby(keys)["rps"].max() / table[~held].groupby(keys)["rps"].max()
        if ratio.notna().any():
            out[workload.name] = [float(r) for r in ratio.dropna()]
    return out


def _verdict(found: dict[str, list[float]], enough: float) -> Verdict:
    """Holds where every workload's median reaches the claim, may hold where a tenth does."""
    if min(float(np.median(r)) for r in found.values()) >= enough:
        return "holds"
    every = [r for ratios in found.values() for r in ratios]
    return "holds_if" if float(np.quantile(every, 0.9)) >= enough else "does_not_hold"


def _sentence(found: dict[str, list[float]]) -> str:
    low, high = np.quantile([r for ratios in found.values() for r in ratios], [0.1, 0.9])
    parts = [f"{name} {np.median(ratios):.2g}×" for name, ratios in found.items()]
    if len(parts) > 4:
        parts = [*parts[:4], f"{len(parts) - 4} more"]
    return f"median {', '.join(parts)}; mostly {low:.2g}× to {high:.2g}×."


@judge("spec-decoding-2-3x")
def _speculation(view: View) -> Judged:
    llms = [w for w in view.portfolio.workloads if w.kind == "llm"]
    found = speedups(view, llms, "speculative_decoding")
    if not found:
        return None
    here = f"Requests per replica within the latency targets: {_sentence(found)}"
    return _verdict(found, 2.0), here


@judge("batching-15-25-to-60-80")
def _batching(view: View) -> Judged:
    others = [w for w in view.portfolio.workloads if w.kind != "llm" and not w.deferrable_hours]
    found = speedups(view, others, "dynamic_batching")
    if not found:
        return None
    here = f"Requests per machine within the latency targets: {_sentence(found)}"
    return _verdict(found, 3.0), here
