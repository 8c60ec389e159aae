r"""Training runs: arithmetic, memory and time.

A full update costs :math:`6 P` FLOP per token (forward 2, backward 4); low-rank adapters skip the
weight gradients and cost about :math:`4 P`. Gradient checkpointing repeats the forward pass.
"""

from __future__ import annotations

import numpy as np

from .llm import GIB, Array

FLOP_PER_PARAMETER = {"full": 6.0, "lora": 4.0}
RECOMPUTE = {"full": 8.0 / 6.0, "lora": 6.0 / 4.0}
BYTES_PER_PARAMETER = {"full": 16.0, "lora": 2.5}
"""Weights, gradients, optimizer state: mixed-precision Adam, or frozen 16-bit weights."""


def run_hours(
    *,
    params_b: float,
    tokens_m: float,
    method: str,
    gradient_checkpointing: bool,
    data_stall_share: float,
    chips: Array,
    peak_tflops: Array,
    mfu: float,
) -> Array:
    """Hours of one run on each machine (arrays of chips per machine and peak per chip)."""
    per_token = FLOP_PER_PARAMETER[method] * params_b * 1e9
    if gradient_checkpointing:
        per_token *= RECOMPUTE[method]
    rate = chips * peak_tflops * 1e12 * mfu * (1.0 - data_stall_share)
    return per_token * tokens_m * 1e6 / np.maximum(rate, 1e-9) / 3600.0


def memory_gib(params_b: float, method: str, gradient_checkpointing: bool) -> float:
    """Memory a run needs over all chips, GiB, activations included."""
    states = BYTES_PER_PARAMETER[method] * params_b * 1e9 / GIB
    return states * (1.15 if gradient_checkpointing else 1.6)
