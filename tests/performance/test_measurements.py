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
    ROOT / "catalogs" / "measurements.csv",
    *sorted((ROOT / "benchmarks" / "published").glob("*.csv")),
)


BARS = {
    "measurements": (0.09, 0.27, 0.03, 0.16),
    "tensorrt_llm": (0.09, 0.27, 0.03, 0.16),
    "engines": (0.12, 0.5, 0.03, 0.3),
    "serving": (0.12, 0.6, 0.15, 0.3),
    "mlperf_llm": (0.2, 0.75, 0.2, 0.5),
    "neuron_llm": (0.2, 0.75, 0.03, 0.3),
    "one_pass": (0.2, 0.75, 0.2, 0.5),
}
"""By file: most of the median and the P90 error, of the share refused, and of a stratum's median.
The files differ in how alike their rows are."""


@pytest.fixture(scope="module", params=[f for f in FILES if f.is_file()], ids=lambda f: f.stem)
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def scored(shipped: Catalog, file: Path) -> Accuracy:
    rows = read_measurements(file)
    return score(rows, predict_rows(shipped, rows))


def told(name: str, error: pd.Series) -> float:
    """Print the figures of one stratum; returns the median absolute error."""
    size = error.abs()
    middle, most, bias = size.median(), size.quantile(0.9), error.median()
    print(  # noqa: T201  figures for whoever runs this with -s
        f"\n{name}: n {len(size)}, median {middle:.1%}, P90 {most:.1%}, bias {bias:+.1%}"
    )
    return float(middle)


def test_published_measurements_are_met(scored: Accuracy, file: Path):
    overall, bars = scored.overall, BARS[file.stem]
    assert overall["median_ape"] < bars[0]
    assert overall["p90_ape"] < bars[1]
    assert 0.65 <= overall["coverage80"] <= 0.95


def test_few_rows_are_refused_and_each_says_why(scored: Accuracy, file: Path):
    assert len(scored.unpredicted) <= BARS[file.stem][2] * len(scored.rows)
    assert (scored.unpredicted["reason"] != "").all()


def test_language_models_under_each_stack(scored: Accuracy, file: Path):
    rows = scored.rows[(scored.rows["workload"] == "llm") & scored.rows["predicted"].notna()]
    error = rows["predicted"] / rows["value"] - 1.0
    inside = (rows["low"] <= rows["value"]) & (rows["value"] <= rows["high"])
    rows = rows.assign(error=error, inside=inside.astype(float))
    for key, part in rows.groupby(["framework", "scenario", "metric"]):
        told(", ".join(key), part["error"])
        # Waits of servers driven beyond what they carry are as long as the run was.
        beyond = key[1] == "online" and key[-1].endswith("_ms")
        if len(part) >= 20 and not beyond:
            wider = 2.0 if key[-1].endswith("_ms") else 1.0
            assert summary(part)["median_ape"] < wider * BARS[file.stem][3], key


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
    # Two publications of one configuration may differ by more than that: most must come out.
    far = anchors.assign(error=error)[error.abs() > 0.25]
    assert len(far) < 0.07 * len(anchors), far[["model", "accelerator", "framework", "error"]]
    assert error.abs().max() < 1.0


def test_a_measured_neighbour_is_better_evidence_than_a_rule(shipped: Catalog):
    one = {"model": "BERT-large", "accelerator": "A10", "isl_tokens": 177.0}
    measured, other = asked(
        shipped,
        {**one, "weight_precision": "fp16", "framework": "tensorrt"},
        {**one, "weight_precision": "fp16", "framework": "onnxruntime"},
    ).to_dict("records")
    assert (measured["evidence"], other["evidence"]) == ("published", "calibrated")
    assert measured["spread"] < other["spread"]
