"""Time and memory of a million roofline predictions, and of capacities within latency targets."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance import llm
from advisor.performance.predict import COLUMNS, llm_configs

MILLION = 1_000_000
MANY = 60_000
PLAIN = {
    "model": "Llama-3.1-8B",
    "accelerator": "H100-SXM",
    "weight_precision": "fp8",
    "kv_precision": "kv-fp8",
    "framework": "vllm",
    "continuous": 1.0,
    "paged": 1.0,
}


def configurations(count: int) -> llm.LlmConfigs:
    """So many configurations that differ in chip, lengths and tensor parallelism."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({**dict.fromkeys(COLUMNS, np.nan), **PLAIN}, index=range(count))
    frame["accelerator"] = rng.choice(["H100-SXM", "L40S", "H200-SXM"], count)
    frame["tensor_parallel"] = rng.choice([1.0, 2.0, 4.0], count)
    frame["isl_tokens"] = rng.integers(100, 4000, count).astype(float)
    frame["osl_tokens"] = rng.integers(50, 1000, count).astype(float)
    return llm_configs(Catalog.load(), frame).c


def peak_gib() -> float:
    """Most memory this process has held, GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def main() -> None:
    """Print both."""
    small = configurations(MANY)
    start = time.perf_counter()
    targets = np.full(MANY, 1.0), np.full(MANY, 0.05)
    llm.capacity(small, *targets)
    rate = MANY / (time.perf_counter() - start)
    print(f"capacity within targets: {rate:,.0f}/s (goal 30,000)")
    c = configurations(MILLION)
    batch = np.full(MILLION, 32.0)
    start = time.perf_counter()
    rps = llm.throughput(c, batch)
    took = time.perf_counter() - start
    assert np.isfinite(rps).all()
    print(
        f"{MILLION:,} roofline predictions: {took:.2f} s (goal 1), peak {peak_gib():.2f} GiB (1.4)"
    )


if __name__ == "__main__":
    main()
