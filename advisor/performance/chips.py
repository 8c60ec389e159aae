"""Peak arithmetic of chips by number format."""

from __future__ import annotations

import numpy as np

from .configs import Array
from .lookup import Lookup

PEAK_COLUMN = {
    "fp32": "fp32_tflops",
    "tf32": "tf32_tflops",
    "fp16": "fp16_tflops",
    "bf16": "bf16_tflops",
    "fp8": "fp8_tflops",
    "int8": "int8_tops",
    "fp4": "fp4_tflops",
}


def peak_tflops(chips: Lookup, precisions: Lookup) -> Array:
    """Peak of each chip in each precision's arithmetic, TFLOP/s; 0 where it has none.

    Weight-only formats compute in 16 bits: in BF16 where the chip has it, else in FP16.
    """
    peak = precisions.values("peak")
    out = np.zeros(len(peak))
    for name, column in PEAK_COLUMN.items():
        here = peak == name
        if here.any():
            out[here] = chips.numbers(column, 0.0)[here]
    sixteen = np.maximum(chips.numbers("fp16_tflops", 0.0), chips.numbers("bf16_tflops", 0.0))
    return np.where(precisions.flags("weight_only"), sixteen, out)
