"""Measurement files: read and checked, asked of the model, scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.errors import InputError
from advisor.performance.accuracy import score
from advisor.performance.contract import checked, load
from advisor.performance.measured import predict_rows, read_measurements

ROW = {
    "id": "a",
    "workload": "llm",
    "model": "Llama-3.1-8B",
    "accelerator": "H100-SXM",
    "accelerator_count": "1",
    "weight_precision": "fp8",
    "kv_precision": "fp8",
    "framework": "tensorrt-llm",
    "framework_version": "0.17",
    "scenario": "offline",
    "concurrency": "max",
    "isl_tokens": "1000",
    "osl_tokens": "1000",
    "metric": "tok_s_out",
    "value": "15000",
}


def rows(*changes: dict[str, Any]) -> pd.DataFrame:
    cells = [{**ROW, "id": str(i), **c} for i, c in enumerate(changes)]
    return checked(pd.DataFrame(cells, dtype=str), "made up")


def told(catalog: Catalog, *changes: dict[str, Any]) -> pd.DataFrame:
    return predict_rows(catalog, rows(*changes))


def one(catalog: Catalog, **changes: Any) -> dict[str, Any]:
    return told(catalog, changes).iloc[0].to_dict()


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("workload", "llms", "did you mean 'llm'?"),
        ("scenario", "bench", "allowed: offline, static"),
        ("metric", "tokens", "row 2, column 'metric'"),
        ("value", "-3", "not a positive number (got '-3')"),
        ("value", "", "allowed: a number above 0"),
        ("isl_tokens", "long", "column 'isl_tokens'"),
        ("accelerator_count", "inf", "column 'accelerator_count'"),
        ("id", "", "an id is missing"),
    ],
)
def test_a_bad_cell_is_located(tmp_path: Path, column: str, value: str, says: str):
    file = tmp_path / "mine.csv"
    good = {**ROW, "id": "good"}
    pd.DataFrame([{**ROW, column: value}, good]).to_csv(file, index=False)
    with pytest.raises(InputError) as caught:
        read_measurements(file)
    assert says in str(caught.value)
    assert "mine.csv" in str(caught.value)


def test_a_missing_column_and_a_missing_file_are_said(tmp_path: Path):
    file = tmp_path / "mine.csv"
    pd.DataFrame([ROW]).drop(columns="metric").to_csv(file, index=False)
    with pytest.raises(InputError, match="the column 'metric' is missing"):
        read_measurements(file)
    with pytest.raises(InputError, match="cannot read the file"):
        read_measurements(tmp_path / "nowhere.csv")


def test_loads():
    assert load("max") == (np.inf, pytest.approx(np.nan, nan_ok=True))
    assert load("16")[0] == 16
    assert load("qps=2.5")[1] == 2.5
    assert np.isnan(load("some")).all()


def test_a_length_may_be_the_longest():
    assert rows({"isl_tokens": "384max"})["isl_tokens"][0] == 177


# --- asking -------------------------------------------------------------------------------------


def test_units_of_the_metrics_agree(shipped: Catalog):
    metrics = ("tok_s_out", "tok_s_total", "req_s", "samples_s")
    out, total, requests, samples = told(
        shipped, *({"metric": m, "isl_tokens": "3000"} for m in metrics)
    )["predicted"]
    assert out == pytest.approx(1000 * requests)
    assert total == pytest.approx(4000 * requests)
    assert samples == requests


def test_a_group_is_as_fast_as_its_replicas_together(shipped: Catalog):
    alone, four = told(shipped, {}, {"accelerator_count": "4", "replicas": "4"})["predicted"]
    assert four == pytest.approx(4 * alone)


def test_names_are_forgiven(shipped: Catalog):
    plain, spelt = told(
        shipped,
        {},
        {
            "model": "meta-llama/Llama-3.1-8B-Instruct-FP8",
            "accelerator": "NVIDIA H100",
            "framework": "TRT-LLM",
        },
    )["predicted"]
    assert spelt == plain


def test_sockets_count_by_their_cores(shipped: Catalog):
    found = one(
        shipped,
        workload="encoder",
        model="BERT-large",
        accelerator="CPU:2x Xeon 8480+ (SPR)",
        weight_precision="int8",
        framework="ipex",
        isl_tokens="384max",
        osl_tokens="",
        metric="samples_s",
    )
    assert found["reason"] == ""
    assert found["predicted"] == pytest.approx(1382.8, rel=0.1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"accelerator": "A100-80-SXM"}, "no arithmetic for this precision"),
        ({"accelerator": "T4", "weight_precision": "bf16"}, "no arithmetic for this precision"),
        ({"model": "Llama-3.1-405B"}, "does not fit: weights take"),
        ({"accelerator": "H1000"}, "no accelerators row named"),
        ({"model": "Unheard-of"}, "no parameter count"),
        ({"model": "gpt-4o"}, "sold as an API only"),
        ({"metric": "tpot_ms", "osl_tokens": "1"}, "no time per output token"),
        ({"scenario": "online", "concurrency": "busy"}, "neither a count nor a rate"),
        ({"osl_tokens": ""}, "lengths of prompt and answer"),
        ({"scenario": "server", "slo_tpot_ms": "0.1"}, "misses the latency limit"),
    ],
)
def test_what_cannot_be_predicted_says_why(shipped: Catalog, changes: dict[str, str], says: str):
    found = one(shipped, **changes)
    assert np.isnan(found["predicted"])
    assert says in found["reason"]


def test_a_model_known_by_its_size_is_predicted_widely(shipped: Catalog):
    known, sized = told(shipped, {}, {"model": "Unheard-of", "params_b": "8.03"}).to_dict("records")
    assert sized["predicted"] == pytest.approx(known["predicted"], rel=0.25)
    assert sized["high"] / sized["predicted"] > 1.499
    assert "unknown architecture" in sized["note"]


def test_an_unknown_stack_or_family_is_predicted_widely(shipped: Catalog):
    arm = {"framework": "vllm", "accelerator": "Graviton3", "weight_precision": "bf16"}
    for changes in ({"framework": "homemade"}, arm):
        found = one(shipped, **changes)
        assert found["reason"] == ""
        assert found["high"] / found["predicted"] > 1.499
        assert found["evidence"] == "rule"


def test_more_requests_at_once_serve_more_and_wait_longer(shipped: Catalog):
    loads = [{"scenario": "online", "concurrency": str(n)} for n in (1, 8, 64)]
    speed = told(shipped, *loads)["predicted"]
    wait = told(shipped, *({**x, "metric": "tpot_ms"} for x in loads))["predicted"]
    assert speed.is_monotonic_increasing
    assert wait.is_monotonic_increasing


def test_a_rate_within_reach_is_served(shipped: Catalog):
    found = one(shipped, scenario="online", concurrency="qps=3", metric="req_s")
    assert found["predicted"] == pytest.approx(3)


def test_the_best_layout_of_a_benchmark_is_taken(shipped: Catalog):
    eight = {"model": "Llama-2-70B", "accelerator": "H200-SXM", "accelerator_count": "8"}
    best, given = told(
        shipped,
        {**eight, "source": "mlcommons/results"},
        {**eight, "source": "mlcommons/results", "tensor_parallel": "8"},
    )["predicted"]
    assert best > given


def test_intervals_hold_their_centre(shipped: Catalog):
    metrics = ("tok_s_out", "ttft_ms", "tpot_ms")
    found = told(shipped, *({"metric": m} for m in metrics))
    assert (found["low"] < found["predicted"]).all()
    assert (found["predicted"] < found["high"]).all()


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vocab", "gib"), [(128_256, 4.76), (151_936, 5.56), (201_088, 7.38)], ids=str
)
def test_activations_of_vllm_follow_the_vocabulary(vocab: int, gib: float):
    # Measured splits on an H100 with 1,024 requests at most, beside the framework's own reserve.
    assert 38.5 * 1024 * vocab / 2**30 == pytest.approx(gib, rel=0.02)


# --- scoring ------------------------------------------------------------------------------------


def test_figures_by_hand():
    asked = rows(*({"value": v} for v in ("100", "100", "100", "100")))
    told = pd.DataFrame(
        {
            "id": ["0", "1", "2", "3"],
            "predicted": [90.0, 110.0, 130.0, np.nan],
            "low": [80.0, 105.0, 90.0, np.nan],
            "high": [99.0, 120.0, 170.0, np.nan],
            "reason": ["", "", "", "no such chip"],
        }
    )
    found = score(asked, told)
    assert found.overall["n"] == 3
    assert found.overall["unpredicted"] == 1
    assert found.overall["median_ape"] == pytest.approx(0.10)
    assert found.overall["p90_ape"] == pytest.approx(0.26)
    assert found.overall["bias"] == pytest.approx(0.10)
    assert found.overall["coverage80"] == pytest.approx(1 / 3)
    assert len(found.strata) == 1
    assert found.unpredicted.to_dict("records") == [{"id": "3", "reason": "no such chip"}]


def test_the_contract_for_machines(shipped: Catalog):
    asked = rows({}, {"model": "gpt-4o"})
    text = json.dumps(score(asked, predict_rows(shipped, asked)).to_json(), allow_nan=False)
    found = json.loads(text)
    assert set(found) == {"overall", "strata", "rows", "unpredicted"}
    assert set(found["strata"][0]) >= {
        "workload", "framework", "accelerator", "metric", "n", "median_ape", "p90_ape", "bias",
        "coverage80",
    }  # fmt: skip
    assert set(found["rows"][0]) == {"id", "predicted", "low", "high", "reason"}
    assert [u["id"] for u in found["unpredicted"]] == ["1"]


def test_nothing_predicted_is_no_error(shipped: Catalog):
    asked = rows({"model": "gpt-4o"})
    found = score(asked, predict_rows(shipped, asked))
    assert found.overall["n"] == 0
    assert found.to_json()["overall"]["median_ape"] is None
