"""One-pass models: what anchors say of configurations near and far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.performance import anchors, server
from advisor.performance.lookup import Lookup
from advisor.performance.pass_effects import KEYS, covariance, effects
from tests.performance.given import with_tables

BATCHES = (1.0, 4.0, 16.0, 64.0)
T4 = {"model": "BERT-base", "accelerator": "T4", "precision": "fp16", "framework": "pytorch"}


def asked(catalog: Catalog, batch: float = np.nan, **changes: Any) -> pd.DataFrame:
    row = {**T4, **changes}
    models = Lookup(catalog, "models", [row["model"]])
    chips = Lookup(catalog, "accelerators", [row["accelerator"]])
    precisions = Lookup(catalog, "precisions", [row["precision"]])
    tokens = np.array([row.get("tokens", np.nan)])
    framework = np.array([row["framework"]], object)
    return anchors.features(models, chips, precisions, framework, tokens, np.array([batch]))


def holding(catalog: Catalog, *rows: dict[str, Any]) -> Catalog:
    """The catalog with only these anchors."""
    table = catalog["anchors"].iloc[: len(rows)].copy()
    for name in ("batch", "sample_tokens", "image_px", "steps", "server_per_s"):
        table[name] = np.nan
    for name in rows[0]:
        table[name] = [r[name] for r in rows]
    return with_tables(catalog, anchors=table)


def sweep(catalog: Catalog, times_start: float, share: float) -> Catalog:
    """A batch sweep with a fixed time and a share of peak that are multiples of the rule's."""
    rule = anchors.rules(catalog, asked(catalog)).iloc[0]
    start = times_start * rule["batch_overhead_s"]
    each = 22.35 / (share * rule["mfu"] * 65e3)
    rate = [b / np.hypot(start, b * each) for b in BATCHES]
    rows = [{**T4, "batch": b, "samples_per_s": r} for b, r in zip(BATCHES, rate, strict=True)]
    return holding(catalog, *rows)


def test_without_anchors_the_rule_remains(shipped: Catalog):
    nothing = with_tables(shipped, anchors=shipped["anchors"].iloc[:0])
    told = anchors.estimate(nothing, asked(nothing)).iloc[0]
    assert (told["speed"], told["fixed"]) == (0.0, 0.0)
    assert not told["near"]
    assert told["speed_sd"] > 0.3


@pytest.mark.parametrize(("start", "share"), [(1.0, 1.0), (2.0, 1.0), (0.5, 1.5), (1.5, 0.7)])
def test_a_sweep_gives_fixed_time_and_share(shipped: Catalog, start: float, share: float):
    catalog = sweep(shipped, start, share)
    told = anchors.estimate(catalog, asked(catalog, batch=8.0)).iloc[0]
    assert told["exact"]
    assert np.exp(told["fixed"]) == pytest.approx(start, rel=0.12)
    assert np.exp(told["speed"]) == pytest.approx(share, rel=0.08)


def test_what_is_more_alike_is_told_more(shipped: Catalog):
    catalog = sweep(shipped, 1.0, 1.5)
    steps = [
        {},
        {"model": "BERT-large"},
        {"model": "BERT-large", "accelerator": "A10", "framework": "tensorrt"},
    ]
    told = pd.concat([anchors.estimate(catalog, asked(catalog, 8.0, **s)) for s in steps])
    assert told["speed"].is_monotonic_decreasing
    assert told["speed_sd"].is_monotonic_increasing
    assert list(told["exact"]) == [True, False, False]


def test_effects_name_columns_that_there_are(shipped: Catalog):
    shared = effects(shipped)
    assert {c for e in shared for c in e.shared} <= set(KEYS)
    table = anchors.anchor_table(shipped)
    cover = covariance(table, table, shared, "speed")
    assert np.linalg.eigvalsh(cover + 1e-6 * np.eye(len(table))).min() > 0


def test_a_measured_share_under_a_latency_limit_is_kept(shipped: Catalog):
    row = {**T4, "model": "BERT-large", "framework": "tensorrt", "samples_per_s": 200.0}
    catalog = holding(shipped, {**row, "server_per_s": 120.0})
    near, far = (
        server.server_share(catalog, asked(catalog, **x), np.array([0.85]))
        for x in (row, {**T4, "model": "ResNet-50", "accelerator": "TPUv5e", "framework": "jax"})
    )
    assert near[0][0] == pytest.approx(0.6, rel=0.15)
    assert abs(far[0][0] - 0.85) < 0.06
    assert near[1][0] < far[1][0]


def test_every_anchor_counts(shipped: Catalog):
    assert len(anchors.anchor_table(shipped)) == len(shipped["anchors"])
