"""Time of replaying a million requests against caches of every size, and a trace's prefix hits.

``python benchmarks/replay.py TRACE`` reads prompts in the block format of the Mooncake traces (one
JSON object a line with ``hash_ids`` and ``input_length``, 512 tokens a block).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from advisor.performance.replay import exact_curve, expiring_curve, prefix_curve

MILLION = 1_000_000
BLOCK_TOKENS = 512
CACHES_M = (1.02, 5.12, 10.24)
"""Prefix caches to show, million tokens."""


def trace(path: Path) -> None:
    """Print the prefix hits of a trace at a few sizes."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    start = time.perf_counter()
    curve = prefix_curve(
        np.concatenate([r["hash_ids"] for r in rows]),
        [len(r["hash_ids"]) for r in rows],
        [r["input_length"] for r in rows],
        BLOCK_TOKENS,
    )
    took = time.perf_counter() - start
    blocks = np.array(CACHES_M) * 1e6 // BLOCK_TOKENS
    sizes = zip(CACHES_M, curve.at(blocks).tolist(), strict=True)
    at = ", ".join(f"{ratio:.1%} at {tokens} M tokens" for tokens, ratio in sizes)
    print(f"{path.name}: {len(rows):,} requests in {took:.2f} s: {curve.unlimited:.1%}; {at}")


def main() -> None:
    """Print the times, and the hits of a trace if one is named."""
    rng = np.random.default_rng(0)
    keys = rng.zipf(1.2, MILLION)
    times = np.sort(rng.uniform(0.0, 7 * 86_400.0, MILLION))
    start = time.perf_counter()
    curve = exact_curve(keys)
    took = time.perf_counter() - start
    print(f"a million requests, all sizes: {took:.2f} s (goal 5), {curve.unlimited:.1%} repeat")
    start = time.perf_counter()
    expiring_curve(keys, times, 3600.0, np.geomspace(10, MILLION, 20))
    took = time.perf_counter() - start
    print(f"the same with an expiry of an hour, 20 sizes: {took:.2f} s (goal 10)")
    for name in sys.argv[1:]:
        trace(Path(name))


if __name__ == "__main__":
    main()
