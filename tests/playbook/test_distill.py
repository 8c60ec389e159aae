from __future__ import annotations

from typing import Any

import pytest

from advisor.optimize.effort import distillation_usd_year
from advisor.optimize.sweep import alone_usd_month
from advisor.playbook import View
from advisor.playbook.distill import STEP, studies_of
from advisor.playbook.students import FACTORS, FINE, curve

from .conftest import Solve

KEY = "distill"


def busy(mean_rps: float, **more: Any) -> dict[str, Any]:
    """A 70B chat, as portfolio data."""
    one = {
        "name": "chat",
        "kind": "llm",
        "task": "generation",
        "model": "Llama-3.1-70B",
        "isl_tokens": 1000,
        "osl_tokens": 200,
        "demand": {"mean_rps": mean_rps},
        "slo": {"ttft_s": 2.0, "tpot_s": 0.08},
        "quality_floor": 0.9,
        "current": {
            "cloud": "aws",
            "region": "us-east-1",
            "instance": "p4de.24xlarge",
            "instances": max(1, round(mean_rps)),
            "tensor_parallel": 4,
            "framework": "vllm",
            "weight_precision": "bf16",
        },
    }
    return {"workloads": [{**one, **more}]}


@pytest.fixture(scope="module")
def large(solved: Solve) -> View:
    return solved(busy(60.0))


def test_a_busy_70b_repays_a_student(large: View) -> None:
    report = STEP.report(large)
    (action,) = report.actions
    assert action.proposed != "Llama-3.1-70B"
    assert action.one_off_usd > 0
    assert 0 < action.payback_months < 12
    assert report.headline.startswith("The one workload is busy enough")
    (claim,) = report.claims
    assert claim.computed
    assert "× smaller than Llama-3.1-70B" in claim.here


def test_a_quiet_one_does_not(solved: Solve) -> None:
    report = STEP.report(solved(busy(0.05)))
    assert report.actions == []
    assert "from about" in report.headline or "No smaller model pays" in report.headline


def test_the_break_even_separates_loss_from_saving(view: View) -> None:
    plan = view.plans[KEY]
    found = [s for s in studies_of(view) if s.pays_from is not None and not s.always]
    assert found
    step = (FACTORS[1] / FACTORS[0]) ** (0.5**FINE)
    for study in found:
        assert study.after is not None
        assert study.pays_from is not None
        for factor, saves in ((1.0, True), (1.0 / step, False)):
            at = study.pays_from / study.per_day * factor
            _, before, after = curve(plan, study.workload, study.before, study.after, [at])[0]
            assert (after < before) is saves


def test_a_large_fleet_says_it_pays_at_any_volume(large: View) -> None:
    (study,) = studies_of(large)
    assert study.always
    assert STEP.report(large).tables[0].rows[0][-1] == "any volume"


def test_the_one_off_holds_teacher_training_and_work(large: View) -> None:
    (study,) = studies_of(large)
    assert study.after is not None
    setting = large.setting
    usd = distillation_usd_year(large.catalog, study.workload, study.model)
    hours = study.after.total_hours - study.before.total_hours
    expected = usd * setting.horizon_months / 12 + hours * setting.usd_per_hour
    assert study.one_off_usd == pytest.approx(expected)
    assert study.net_usd == pytest.approx(
        alone_usd_month(large.plans[KEY], study.before)
        - alone_usd_month(large.plans[KEY], study.after)
    )


def test_the_note_says_what_a_round_takes(large: View) -> None:
    (note, _) = STEP.report(large).notes
    # 200 M tokens at 1,200 a request; 60 requests/s supply them within the hour.
    assert ("167k examples", "a round: 46 min of its traffic.") in note.lines


def test_a_floor_rules_students_out_and_says_so(solved: Solve) -> None:
    report = STEP.report(solved(busy(60.0, quality_floor=0.995)))
    assert report.actions == []
    assert "none keeps the quality asked for" in report.headline
    assert "under the floor of 99.5%" in report.tables[0].rows[0][-1]
    # No student does alone; beside the large model one may serve some requests.
    assert [c.name for c in report.charts] == ["cascade"]


def test_hosted_models_wait_for_build_or_buy(solved: Solve, hosted: dict[str, Any]) -> None:
    report = STEP.report(solved(hosted))
    assert report.actions == []
    assert report.headline.startswith("No smaller model would do here")


def test_the_sample_says_what_stands_against_each(view: View) -> None:
    report = STEP.report(view)
    rows = {r[0]: r for r in report.tables[0].rows}
    assert rows["nightly-scoring"][-1].startswith("Quality")
    assert rows["meeting-summarizer"][-1].startswith("Hosted")
    assert sum(r["here"] for r in report.charts[0].rows) == 2
