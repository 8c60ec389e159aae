"""The guide on training, judged by arithmetic: FLOP, the share of peak reached, and prices."""

from __future__ import annotations

import math

from advisor.format import count, money
from advisor.optimize.runs import PEAKS
from advisor.performance import training
from advisor.performance.lookup import Lookup

from .base import Verdict, View
from .claims import Judged, judge
from .proposals import previous

SEVEN_B = (6.0, 9.0)
"""Billions of parameters that the guide's '7B fine-tune' stands for."""
EXA = 1e18
PRETRAIN_USD = 1e6


def _guide(view: View, name: str) -> tuple[float, float]:
    """Ends of a range of the guide."""
    row = view.catalog.lookup("assumptions", name)
    return float(row["low"]), float(row["high"])


@judge("training-bursty-500-5000")
def _fine_tune(view: View) -> Judged:
    """The portfolio's own 7B fine-tune, else one of the catalog's size."""
    low, high = _guide(view, "finetune_guide_usd")
    plan = view.plans["buy"]
    for old, new in zip(previous(view, "measure").training, plan.training, strict=True):
        params = view.catalog.lookup("models", old.job.model)["params_b"]
        if params is None or not SEVEN_B[0] <= params <= SEVEN_B[1]:
            continue
        before, after = (t.usd_month / t.job.runs_per_month for t in (old, new))
        text = (
            f"{old.job.name} ({old.job.model}, {count(old.job.tokens_m * old.job.epochs)}M tokens, "
            f"{old.job.method}) costs {money(before)} a run today and {money(after)} as planned; "
            f"{money(low)} buys {_tokens(old.job.tokens_m * old.job.epochs * low / after)} tokens."
        )
        inside = [low <= usd <= high for usd in (before, after)]
        return _some(inside), text
    assumption = view.catalog.assumption
    tokens_m = assumption("finetune_tokens_m") * assumption("finetune_epochs")
    per_m = training.FLOP_PER_PARAMETER["full"] * 7e9 * 1e6
    per_m *= 4.0 / 3.0  # gradient checkpointing repeats the forward pass
    usd_per_m = per_m / EXA * assumption("training_usd_per_exaflop")
    most_m = _guide(view, "finetune_tokens_m")[1] * _guide(view, "finetune_epochs")[1]
    usd = usd_per_m * tokens_m
    text = (
        f"All weights of a 7B model over {count(tokens_m)}M tokens are "
        f"{count(per_m * tokens_m / EXA)} exaFLOP, {money(usd)} of machines a run; "
        f"{money(low)} buys {_tokens(low / usd_per_m)} tokens. Several trials multiply it."
    )
    if low <= usd <= high:
        return "holds", text
    return ("holds_if" if usd_per_m * most_m >= low else "does_not_hold"), text


@judge("mixed-precision-2x")
def _mixed(view: View) -> Judged:
    """16 bits against FP32 on each GPU that may be rented, by peaks and the share reached."""
    offers = view.setting.allowed
    chips = offers[offers["chip_kind"] == "gpu"]["accelerator"].drop_duplicates()
    lookup = Lookup(view.catalog, "accelerators", chips)
    peak = {p: lookup.numbers(column, 0.0) for p, column in PEAKS.items()}
    assumption = view.catalog.assumption
    fast = assumption("mfu_training") / assumption("mfu_training_fp32")
    gains = [
        (max(bf16, fp16) * fast / fp32, chip)
        for chip, bf16, fp16, fp32 in zip(
            chips, peak["bf16"], peak["fp16"], peak["fp32"], strict=True
        )
        if fp32 > 0 and max(bf16, fp16) > 0
    ]
    if not gains:
        return None
    whole = [
        max(bf16, fp16) / tf32
        for bf16, fp16, tf32 in zip(peak["bf16"], peak["fp16"], peak["tf32"], strict=True)
        if tf32 > 0
    ]
    low, high = _guide(view, "mixed_precision_speedup")
    (least, slow), (most, quick) = min(gains), max(gains)
    text = (
        f"Against FP32 {least:.2g}× ({slow}) to {most:.2g}× ({quick}) over {len(gains)} GPUs, by "
        "their peaks and the share of each that is reached"
    )
    if whole:
        text += f"; against TF32, which {len(whole)} have, {min(whole):.2g}× to {max(whole):.2g}×"
    text += "."
    return _some([low <= gain <= high for gain, _ in gains]), text


@judge("pretraining-1m")
def _pretraining(view: View) -> Judged:
    """The portfolio's largest language model, trained anew on the tokens its size asks for."""
    rows = [
        view.catalog.lookup("models", m)
        for w in view.portfolio.workloads
        for m in (w.model, *w.substitutes)
    ]
    sizes = [
        (float(row["active_params_b"] or row["params_b"]), str(row["model"]))
        for row in rows
        if row["kind"] == "llm" and row["params_b"] is not None
    ]
    if not sizes:
        return None
    assumption = view.catalog.assumption
    ratio = assumption("pretraining_tokens_per_parameter")
    # FLOP = 6 P D with D = ratio x P.
    usd_per_square = 6.0 * ratio / EXA * assumption("training_usd_per_exaflop")
    size, name = max(sizes)
    usd = usd_per_square * (size * 1e9) ** 2
    least = math.sqrt(PRETRAIN_USD / usd_per_square) / 1e9
    text = (
        f"{name} anew, at {count(ratio)} tokens a parameter, would be {money(usd)} of machines for "
        f"one run without failures; {money(PRETRAIN_USD)} is reached at {count(round(least))}B "
        "parameters."
    )
    return ("holds" if usd >= PRETRAIN_USD else "holds_if"), text


def _tokens(millions: float) -> str:
    return count(float(f"{millions * 1e6:.2g}"))


def _some(inside: list[bool]) -> Verdict:
    return "holds" if all(inside) else "holds_if" if any(inside) else "does_not_hold"
