from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from advisor.performance.llm import GIB
from advisor.playbook import View, steps
from advisor.playbook.claims import JUDGES
from advisor.playbook.judges_precision import INT4, fits, int4_speedups
from advisor.playbook.quality import worst_quality
from advisor.playbook.quantize import STEP

from .conftest import Solve

KEY = "quantize"


def test_70b_at_int4_does_not_fit_24_gb(view: View) -> None:
    steps()
    found = JUDGES["70b-int4-24gb"](view)
    assert found is not None
    assert found[0] == "does_not_hold"
    table = fits(view, INT4).set_index(["accelerator", "tensor_parallel"])
    assert table.loc[("L4", 1), "reason"].startswith("does not fit")
    assert table.loc[("A100-80-SXM", 1), "reason"] == ""
    assert 33.0 < table.loc[("L4", 1), "weights_gib"] < 40.0


def test_bf16_weights_of_70b_take_131_gib(view: View) -> None:
    table = fits(view, "bf16")
    params = view.catalog.lookup("models", "Llama-3.1-70B")["params_b"]
    assert table["weights_gib"].iloc[0] == pytest.approx(params * 2e9 / GIB)
    assert table["weights_gib"].iloc[0] == pytest.approx(131, abs=1)


def test_quality_stays_above_the_floor(view: View) -> None:
    for move in view.moves(KEY, "PRECISION"):
        workload = view.portfolio.workload(move.workload)
        assert workload.quality_floor <= move.after.details["quality"] <= 1.0
        assert worst_quality(view, move.after) <= move.after.details["quality"] + 1e-12


def test_risk_follows_the_worst_case(view: View) -> None:
    risks = {a.workload: a.risk for a in STEP.report(view).actions}
    for move in view.moves(KEY, "PRECISION"):
        floor = view.portfolio.workload(move.workload).quality_floor
        if worst_quality(view, move.after) < floor:
            assert risks[move.workload] in ("medium", "high")


def test_each_saving_is_a_difference_of_the_objective(view: View) -> None:
    plan = view.plans[KEY]
    for move in view.moves(KEY, "PRECISION"):
        undone = [move.before if c.workload == move.workload else c for c in plan.chosen]
        change = plan.objective.total(undone) - plan.objective.total(plan.chosen)
        assert move.saving_usd_month == pytest.approx(max(change, 0.0), abs=1e-6)
        assert move.before.choice["framework"] == move.after.choice["framework"]


def test_weight_only_precision_gains_less_than_the_claim(view: View) -> None:
    ratios = int4_speedups(view, view.portfolio.workload("support-chat"))
    assert ratios
    # Large batches are bound by arithmetic, which weight-only formats do not save.
    assert 0.8 <= float(np.median(ratios)) < 3.0


def test_the_tradeoff_has_a_best_point(view: View) -> None:
    report = STEP.report(view)
    chart = next(c for c in report.charts if c.name == "tradeoff")
    assert [r["state"] for r in chart.rows].count("best") == 1
    assert all(0 < r["quality"] <= 1 and r["usd"] > 0 for r in chart.rows)
    assert chart.rows[0]["usd"] == min(r["usd"] for r in chart.rows)
    floors = {a.target for a in report.assumptions}
    assert f"workload.{chart.rows[0]['workload']}.quality_floor" in floors


def test_a_high_floor_proposes_nothing_lossy(solved: Solve, classifier: dict[str, Any]) -> None:
    one = {**classifier["workloads"][0], "quality_floor": 1.0}
    view = solved({"workloads": [one]})
    assert view.plans[KEY].chosen[0].details["quality"] == 1.0


def test_api_only(solved: Solve, hosted: dict[str, Any]) -> None:
    report = STEP.report(solved(hosted))
    assert report.actions == []
    assert "provider's choice" in report.headline


def test_claims_are_computed(view: View) -> None:
    assert all(c.computed for c in STEP.report(view).claims)
