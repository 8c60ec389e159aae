"""Predictions against published measurements. Bars are loose: figures are printed for people."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from advisor.catalog import Catalog
from tests.performance.given import asked, at_most

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT.parent / "shared" / "facts" / "measurements.csv"
PRECISION = {"int8": "int8-ptq", "int4": "int4-awq"}
CACHE = {"fp16": "kv-16", "bf16": "kv-16", "": "kv-16", "fp8": "kv-fp8", "int8": "kv-int8"}


@pytest.fixture(scope="module")
def measured() -> list[dict[str, str]]:
    if not FILE.is_file():
        pytest.skip("cannot run here: no file of published measurements beside the checkout")
    with FILE.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def question(row: dict[str, str]) -> dict[str, Any]:
    """A measured row as the performance model is asked it, without latency targets."""
    weight = row["weight_precision"]
    return {
        "model": row["model"],
        "accelerator": row["accelerator"],
        "tensor_parallel": int(row["accelerator_count"]),
        "weight_precision": PRECISION.get(weight, weight),
        "kv_precision": CACHE[row["kv_precision"]],
        "framework": row["framework"],
        "isl_tokens": float(row["isl_tokens"]),
        "osl_tokens": float(row["osl_tokens"]),
    }


def errors(catalog: Catalog, rows: list[dict[str, str]]) -> pd.Series:
    """Relative error of each row's predicted tokens per second."""
    # Speed is measured on made-up text, beyond the context that some models were trained for too.
    models = catalog["models"].assign(max_context=None)
    catalog = Catalog({**catalog.tables, "models": models})
    found = []
    for sequences in sorted({r["concurrency"] for r in rows}):
        part = [r for r in rows if r["concurrency"] == sequences]
        few = at_most(catalog, float(sequences)) if sequences.isdigit() else catalog
        answer = asked(few, *map(question, part))
        for row, rps, reason in zip(part, answer["rps"], answer["reason"], strict=True):
            assert reason == "", f"{row['id']}: {reason}"
            tokens = float(row["osl_tokens"])
            tokens += float(row["isl_tokens"]) if row["metric"] == "tok_s_total" else 0.0
            found.append(rps * tokens / float(row["value"]) - 1.0)
    return pd.Series(found)


def told(name: str, error: pd.Series) -> float:
    """Print the figures of one stratum; returns the median absolute error."""
    size = error.abs()
    middle, most, bias = size.median(), size.quantile(0.9), error.median()
    print(  # noqa: T201  figures for whoever runs this with -s
        f"\n{name}: n {len(size)}, median {middle:.1%}, P90 {most:.1%}, bias {bias:+.1%}"
    )
    return float(middle)


def stratum(rows: list[dict[str, str]], framework: str, scenario: str) -> list[dict[str, str]]:
    out = [
        r
        for r in rows
        if r["framework"] == framework
        and r["scenario"] == scenario
        and r["workload"] == "llm"
        and r["metric"].startswith("tok_s")
    ]
    assert len(out) > 10
    return out


@pytest.mark.parametrize(
    ("framework", "scenario", "count"),
    [("tensorrt-llm", "offline", 129), ("tensorrt-llm", "static", 66), ("vllm", "static", 93)],
)
def test_throughput_of_language_models(
    shipped: Catalog, measured: list[dict[str, str]], framework: str, scenario: str, count: int
):
    error = errors(shipped, stratum(measured, framework, scenario))
    assert len(error) >= count
    assert told(f"{framework} {scenario}", error) <= 0.25
    assert error.abs().quantile(0.9) <= 0.6


# --- the catalog's own anchors, wherever the checkout lies --------------------------------------


@pytest.fixture(scope="module")
def anchors(shipped: Catalog) -> pd.DataFrame:
    """The best measurement of each configuration: what a saturated chip reached."""
    best = shipped["anchors"].sort_values("samples_per_s")
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
    far = anchors[error.abs() > 0.25]
    assert far.empty, far.assign(error=error)[["model", "accelerator", "framework", "error"]]


def test_a_measured_neighbour_is_better_evidence_than_a_rule(shipped: Catalog):
    one = {"model": "BERT-large", "accelerator": "A10", "isl_tokens": 177.0}
    measured, other = asked(
        shipped,
        {**one, "weight_precision": "fp16", "framework": "tensorrt"},
        {**one, "weight_precision": "fp16", "framework": "onnxruntime"},
    ).to_dict("records")
    assert (measured["evidence"], other["evidence"]) == ("published", "calibrated")
    assert measured["spread"] < other["spread"]
