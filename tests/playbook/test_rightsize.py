from __future__ import annotations

from typing import Any

import pytest

from advisor.optimize.considered import considered, every_variant, today_of, usd_month
from advisor.playbook import View
from advisor.playbook.rightsize import STEP

from .conftest import Solve

KEY = "rightsize"


def test_the_classifier_moves_off_its_gpu(solved: Solve, classifier: dict[str, Any]) -> None:
    view = solved(classifier)
    report = STEP.report(view)
    assert view.plans[KEY].chosen[0].details["chip_kind"] == "cpu"
    assert [a.risk for a in report.actions] == ["medium"]
    assert report.headline.startswith(
        "The one workload sits on a machine a cheaper one would serve within its latency target"
    )


def test_each_saving_is_a_difference_of_the_objective(view: View) -> None:
    plan = view.plans[KEY]
    moves = view.moves(KEY, "HARDWARE")
    served = [a for a in STEP.report(view).actions if a.workload in {m.workload for m in moves}]
    assert len(moves) == len(served) > 0
    for move in moves:
        undone = [move.before if c.workload == move.workload else c for c in plan.chosen]
        change = plan.objective.total(undone) - plan.objective.total(plan.chosen)
        assert move.saving_usd_month == pytest.approx(change, abs=1e-6)


def test_proposals_keep_precision_and_framework(view: View) -> None:
    for move in view.moves(KEY, "HARDWARE"):
        before, after = move.before.choice, move.after.choice
        for field in ("model", "weight_precision", "kv_precision", "framework", "techniques"):
            assert before[field] == after[field]


def test_the_best_option_considered_is_the_one_chosen(view: View) -> None:
    plan = view.plans[KEY]
    for move in view.moves(KEY, "HARDWARE"):
        table = considered(plan, move.workload, plan.levers[move.workload])
        assert table["usd_month"].iloc[0] == pytest.approx(plan.workload_usd_month[move.workload])
        assert table["today"].sum() == 1
        assert ((table["reason"] != "") == table["usd_month"].isna()).all()
        assert table["accelerator"].nunique() >= view.setting.allowed["accelerator"].nunique()


def test_todays_row_costs_what_undoing_costs(view: View) -> None:
    plan = view.plans[KEY]
    today = today_of(plan, "code-assistant")
    assert usd_month(plan, today) == pytest.approx(today.run_rate_usd_month, rel=0.2)


def test_every_rejected_variant_keeps_its_reason(view: View) -> None:
    table = every_variant(view.plans[KEY], "support-chat", frozenset({"HARDWARE"}))
    assert len(table)
    small = table[(table["accelerator"] == "L4") & (table["tensor_parallel"] == 1)]
    assert len(small)
    assert small["reason"].str.startswith("does not fit").all()


def test_the_chart_has_a_best_and_todays_machine(view: View) -> None:
    chart = next(c for c in STEP.report(view).charts if c.name == "machines")
    states = [r["state"] for r in chart.rows]
    assert states.count("best") == 1
    assert states.count("today") <= 1
    assert len({r["label"] for r in chart.rows}) == len(chart.rows)
    for row in chart.rows:
        assert (row["value"] is None) == (row["state"] == "blocked")
        assert row["note"] or row["state"] != "blocked"
        assert row["low"] is None or row["low"] <= row["value"] <= row["high"]


def test_nothing_accepted(solved: Solve, classifier: dict[str, Any]) -> None:
    name = classifier["workloads"][0]["name"]
    report = STEP.report(solved(classifier, rejected=(name,)))
    assert report.headline.endswith("none of it accepted yet.")
    assert [a.accepted for a in report.actions] == [False]


def test_api_only(solved: Solve, hosted: dict[str, Any]) -> None:
    report = STEP.report(solved(hosted))
    assert report.actions == []
    assert "nothing to right-size" in report.headline


def test_claims_are_computed(view: View) -> None:
    verdicts = {c.claim_id: (c.verdict, c.computed) for c in STEP.report(view).claims}
    assert verdicts["h100-price"] == ("does_not_hold", True)
    assert verdicts["l4-t4-g3-price"] == ("holds", True)
    assert all(computed for _, computed in verdicts.values())


def test_who_shares_a_machine_is_told_with_whom(solved: Solve) -> None:
    one = {
        "kind": "encoder",
        "task": "classification",
        "model": "DistilBERT",
        "isl_tokens": 120,
        "demand": {"mean_rps": 2},
        "slo": {"latency_s": 0.3},
        "quality_floor": 0.98,
        "current": {
            "cloud": "aws",
            "region": "us-east-1",
            "instance": "g5.xlarge",
            "instances": 2,
            "framework": "onnxruntime",
            "weight_precision": "fp16",
        },
    }
    names = ("first", "second", "third")
    view = solved({"workloads": [{**one, "name": name} for name in names]})
    plan = view.plans[KEY]
    living = [c.workload for c in plan.chosen if c.host is not None]
    # The smallest share of a GPU holds two of them; the third has a machine of its own.
    assert len(living) == 2
    for action in STEP.report(view).actions:
        if action.workload in living:
            (other,) = (n for n in living if n != action.workload)
            assert action.proposed.startswith("part of 2 × ")
            assert action.proposed_sub.endswith(f"shared with {other}")
        else:
            assert "shared" not in action.proposed_sub
