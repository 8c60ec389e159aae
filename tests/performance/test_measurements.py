"""Predictions against published measurements. Bars are loose: figures are printed for people."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.performance.accuracy import Accuracy, score, summary
from advisor.performance.measured import predict_rows, read_measurements
from tests.performance.given import asked

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    ROOT.parent / "shared" / "facts" / "measurements.csv",
    *sorted((ROOT / "benchmarks" / "published").glob("*.csv")),
)


@pytest.fixture(scope="module", params=[f for f in FILES if f.is_file()], ids=lambda f: f.stem)
def scored(shipped: Catalog, request: pytest.FixtureRequest) -> Accuracy:
    rows = read_measurements(request.param)
    return score(rows, predict_rows(shipped, rows))


def told(name: str, error: pd.Series) -> float:
    """Print the figures of one stratum; returns the median absolute error."""
    size = error.abs()
    middle, most, bias = size.median(), size.quantile(0.9), error.median()
    print(  # noqa: T201  figures for whoever runs this with -s
        f"\n{name}: n {len(size)}, median {middle:.1%}, P90 {most:.1%}, bias {bias:+.1%}"
    )
    return float(middle)


def test_published_measurements_are_met(scored: Accuracy):
    overall = scored.overall
    assert overall["median_ape"] < 0.09
    # Published one-pass figures mix eager, compiled and other releases of a framework.
    mixed = (scored.rows["workload"] != "llm").all()
    assert overall["p90_ape"] < (0.33 if mixed else 0.27)
    assert 0.72 <= overall["coverage80"] <= 0.95


def test_few_rows_are_refused_and_each_says_why(scored: Accuracy):
    assert len(scored.unpredicted) <= 0.03 * len(scored.rows)
    assert (scored.unpredicted["reason"] != "").all()


def test_language_models_under_each_stack(scored: Accuracy):
    rows = scored.rows[(scored.rows["workload"] == "llm") & scored.rows["predicted"].notna()]
    error = rows["predicted"] / rows["value"] - 1.0
    inside = (rows["low"] <= rows["value"]) & (rows["value"] <= rows["high"])
    rows = rows.assign(error=error, inside=inside.astype(float))
    for key, part in rows.groupby(["framework", "scenario", "metric"]):
        told(", ".join(key), part["error"])
        if len(part) >= 20:
            assert summary(part)["median_ape"] < 0.15, key


# --- the catalog's own anchors, wherever the checkout lies --------------------------------------


@pytest.fixture(scope="module")
def anchors(shipped: Catalog) -> pd.DataFrame:
    """The best measurement of each configuration: what a saturated chip reached.

    Small batches alone do not say what more would reach.
    """
    best = shipped["anchors"].sort_values("samples_per_s")
    best = best[best["batch"].isna() | (best["batch"] >= 32)]
    keys = ["model", "accelerator", "precision", "framework"]
    return best.drop_duplicates(keys, keep="last").reset_index(drop=True)


def test_anchors_reproduce_themselves(shipped: Catalog, anchors: pd.DataFrame):
    answer = asked(
        shipped,
        *(
            {
                "model": a["model"],
                "accelerator": a["accelerator"],
                "weight_precision": a["precision"],
                "framework": a["framework"],
                "isl_tokens": a["sample_tokens"],
                "image_px": a["image_px"],
                "steps": a["steps"],
                "batch": a["batch"],
                "host_memory_gib": 512.0,
            }
            for a in anchors.to_dict("records")
        ),
    )
    assert (answer["reason"] == "").all()
    assert (answer["evidence"] == "published").all()
    error = answer["rps"] / anchors["samples_per_s"] - 1.0
    kinds = anchors["model"].map(lambda m: shipped.lookup("models", m)["kind"])
    for kind, part in error.groupby(kinds):
        told(f"anchors, {kind}", part)
    # Results of one stack disagree by more than this where a framework compiles or not, or its
    # release is another: the estimate lies between them.
    far = anchors[error.abs() > 0.25]
    named = far.assign(error=error)[["model", "accelerator", "framework", "error"]]
    assert len(far) <= 0.06 * len(anchors), named
    assert not named["framework"].isin(["tensorrt", "neuron"]).any(), named


def test_a_measured_neighbour_is_better_evidence_than_a_rule(shipped: Catalog):
    one = {"model": "BERT-large", "accelerator": "A10", "isl_tokens": 177.0}
    measured, other = asked(
        shipped,
        {**one, "weight_precision": "fp16", "framework": "tensorrt"},
        {**one, "weight_precision": "fp16", "framework": "onnxruntime"},
    ).to_dict("records")
    assert (measured["evidence"], other["evidence"]) == ("published", "calibrated")
    assert measured["spread"] < other["spread"]
