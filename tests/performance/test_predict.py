"""From catalog names to predictions: what a chip cannot do, and every model on every chip."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.performance.predict import predict
from tests.performance.given import PLAIN, asked

# --- what a chip cannot do ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chip", "precision"),
    [("T4", "bf16"), ("T4", "fp8"), ("A100-80-SXM", "fp8"), ("H100-SXM", "fp4"), ("A10G", "fp8")],
)
def test_a_missing_number_format_is_said(shipped: Catalog, chip: str, precision: str):
    found = asked(
        shipped, {"accelerator": chip, "weight_precision": precision, "framework": "vllm"}
    ).iloc[0]
    assert found["rps"] == 0
    assert found["reason"] == "the chip has no arithmetic for this precision"


@pytest.mark.parametrize(
    ("chip", "precision"), [("T4", "fp16"), ("H100-SXM", "fp8"), ("B200", "fp4"), ("L4", "fp8")]
)
def test_a_number_format_that_is_there_is_used(shipped: Catalog, chip: str, precision: str):
    small = {"model": "Llama-3.2-1B", "framework": "vllm", "isl_tokens": 100.0}
    found = asked(shipped, {**small, "accelerator": chip, "weight_precision": precision}).iloc[0]
    assert found["reason"] == ""


def test_unknown_memory_is_not_taken_for_none(shipped: Catalog):
    assert shipped.lookup("accelerators", "GH200-144")["memory_visible_gib"] is None
    found = asked(shipped, {"accelerator": "GH200-144"}).iloc[0]
    assert found["rps"] == 0
    assert found["reason"] == "the chip's memory is unknown"


def test_heads_that_do_not_split_are_refused(shipped: Catalog):
    found = asked(shipped, {"model": "Qwen2.5-7B", "tensor_parallel": 8}).iloc[0]
    assert shipped.lookup("models", "Qwen2.5-7B")["heads"] % 8 != 0
    assert found["rps"] == 0
    assert "heads" in found["reason"]


def test_a_context_beyond_the_model_is_refused(shipped: Catalog):
    found = asked(shipped, {"model": "Llama-2-7B", "isl_tokens": 4000.0}).iloc[0]
    assert found["rps"] == 0
    assert "context" in found["reason"]


def test_a_missed_target_names_both_figures(shipped: Catalog):
    found = asked(shipped, {"tpot_slo_s": 0.001}).iloc[0]
    assert found["rps"] == 0
    assert found["reason"].startswith("misses latency:")
    assert found["reason"].endswith("per token against 1")


# --- every model on every chip ------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(shipped: Catalog) -> pd.DataFrame:
    """Every model on every chip in several precisions, with its prediction."""
    rows = []
    for model in shipped["models"].to_dict("records"):
        llm = model["kind"] == "llm"
        for chip in shipped["accelerators"].to_dict("records"):
            for precision in ("fp32", "bf16", "int8-ptq", "fp8", "int4-awq"):
                rows.append(
                    {
                        **PLAIN,
                        "model": model["model"],
                        "accelerator": chip["accelerator"],
                        "weight_precision": precision,
                        "framework": "vllm" if llm else "onnxruntime",
                        "tensor_parallel": 4 if llm and chip["kind"] != "cpu" else 1,
                        "host_memory_gib": 256.0 if chip["kind"] == "cpu" else np.nan,
                        "closed": model["closed"],
                        "kind": model["kind"],
                    }
                )
    table = pd.DataFrame(rows)
    return pd.concat([table, predict(shipped, table)], axis=1)


NUMBERS = ["rps", "rps_low", "concurrency", "latency_s", "first_s", "token_s", "spread"]


def test_no_prediction_of_an_open_model_is_undefined(everything: pd.DataFrame):
    hosted = everything[~everything["closed"].astype(bool)]
    assert len(hosted) > 5000
    assert not hosted[NUMBERS].isna().any().any()
    assert np.isfinite(hosted.loc[hosted["rps"] > 0, [*NUMBERS, "weights_gib"]]).all().all()


def test_a_rate_or_a_reason_never_both(everything: pd.DataFrame):
    assert not everything["rps"].isna().any()
    assert ((everything["rps"] > 0) == (everything["reason"] == "")).all()
    assert (everything["rps"] > 0).sum() > 500


def test_a_closed_model_runs_nowhere(everything: pd.DataFrame):
    closed = everything[everything["closed"].astype(bool)]
    assert len(closed)
    assert (closed["rps"] == 0).all()


def test_the_low_end_is_below_the_centre(everything: pd.DataFrame):
    works = everything[everything["rps"] > 0]
    assert (works["rps_low"] < works["rps"]).all()
    assert (works["rps_low"] > 0.4 * works["rps"]).all()
    low = works["rps"] / (1 + works["spread"])
    assert np.allclose(works["rps_low"], low)
