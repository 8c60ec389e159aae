"""A workload that cannot be planned is set aside with what binds it; the others are planned."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.optimize import playbook_plans
from advisor.portfolio.load import parse
from advisor.report.planfile import plan_json

FITS: dict[str, Any] = {
    "name": "tickets",
    "kind": "encoder",
    "task": "classification",
    "model": "RoBERTa-base",
    "isl_tokens": 120,
    "demand": {"mean_rps": 5},
    "slo": {"latency_s": 0.3},
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "g5.xlarge",
        "instances": 2,
        "framework": "pytorch",
        "weight_precision": "fp32",
    },
}
# 405B in BF16 takes over 750 GiB; the machine has one card of 24 GB, and how many run is not said.
HUGE: dict[str, Any] = {
    "name": "huge",
    "kind": "llm",
    "task": "generation",
    "model": "Llama-3.1-405B",
    "isl_tokens": 1000,
    "osl_tokens": 200,
    "demand": {"mean_rps": 5},
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "g5.xlarge",
        "framework": "vllm",
        "weight_precision": "bf16",
    },
}


def test_the_others_are_planned_and_the_reason_is_kept() -> None:
    catalog = Catalog.load()
    plans = playbook_plans(parse({"workloads": [FITS, HUGE]}, catalog), catalog)
    alone = playbook_plans(parse({"workloads": [FITS]}, catalog), catalog)
    final = plans["source"]
    assert [c.workload for c in final.chosen] == ["tickets"]
    assert final.usd_month == alone["source"].usd_month
    assert "does not fit: needs 7" in final.doubts["huge"]
    assert "does not fit: needs 7" in plan_json(plans)["blocked"]["huge"]


def test_with_nothing_left_the_reason_is_the_error() -> None:
    catalog = Catalog.load()
    with pytest.raises(PortfolioError, match=r"huge.*state it"):
        playbook_plans(parse({"workloads": [HUGE]}, catalog), catalog)


def test_a_deployment_that_the_model_doubts_stays_an_option() -> None:
    catalog = Catalog.load()
    tight = {**HUGE, "name": "tight", "slo": {"tpot_s": 0.0001}}
    tight["current"] = {**tight["current"], "instances": 3}
    plans = playbook_plans(parse({"workloads": [tight]}, catalog), catalog, ["HARDWARE"])
    final = plans["source"]
    assert final.chosen[0].choice["instance"] == "g5.xlarge"
    assert "does not fit" in final.doubts["tight"]
