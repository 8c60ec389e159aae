"""Chip figures as arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .llm import Array

PEAK_COLUMN = {
    "fp32": "fp32_tflops",
    "tf32": "tf32_tflops",
    "fp16": "fp16_tflops",
    "bf16": "bf16_tflops",
    "fp8": "fp8_tflops",
    "int8": "int8_tops",
    "fp4": "fp4_tflops",
}

def numbers(frame: pd.DataFrame, column: str, default: float = np.nan) -> Array:
    """A column as floats, blanks as `default`."""
    return np.asarray(pd.to_numeric(frame[column]).fillna(default), float)


def chip_peak_tflops(chips: pd.DataFrame, precisions: pd.DataFrame) -> Array:
    """Peak of each chip in each precision's arithmetic, TFLOP/s; 0 where it has none.

    Weight-only formats compute in 16 bits: in BF16 where the chip has it, else in FP16.
    """
    out = np.zeros(len(chips))
    for peak, column in PEAK_COLUMN.items():
        here = (precisions["peak"] == peak).to_numpy()
        out[here] = numbers(chips, column, 0.0)[here]
    sixteen = np.maximum(numbers(chips, "fp16_tflops", 0.0), numbers(chips, "bf16_tflops", 0.0))
    weight_only = precisions["weight_only"].to_numpy(bool)
    return np.where(weight_only, sixteen, out)


