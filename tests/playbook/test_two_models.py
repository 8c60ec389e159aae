from __future__ import annotations

import pytest

from advisor.economics.cascade import mix
from advisor.playbook import View, steps
from advisor.playbook.describe import changed, machine_sub
from advisor.playbook.distill import STEP
from advisor.playbook.two_models import TwoModels, dearest, two_models

from .conftest import Solve
from .test_distill import busy


@pytest.fixture(scope="module")
def strict(solved: Solve) -> View:
    """A 70B chat whose students miss the floor."""
    return solved(busy(20.0, quality_floor=0.98))


@pytest.fixture(scope="module")
def found(strict: View) -> TwoModels:
    plan = strict.plans["distill"]
    pair = two_models(plan, plan.portfolio.workloads[0])
    assert pair is not None
    return pair


def test_the_pair_keeps_the_floor_and_costs_less(found: TwoModels) -> None:
    assert float(mix(found.pair, found.escalated).quality) == pytest.approx(0.98)
    assert found.pair.small_quality < 0.98 <= found.pair.large_quality
    assert 0 < found.saving < 1
    assert found.usd_per_request == pytest.approx((1 - found.saving) * found.alone_usd)


def test_at_the_break_even_the_pair_costs_what_the_large_model_does(found: TwoModels) -> None:
    assert found.pays_to is not None
    assert found.escalated < found.pays_to < 1.0
    usd = mix(found.pair, found.pays_to).usd_per_request
    assert float(usd) == pytest.approx(found.alone_usd)


def test_the_panel_shows_it(strict: View, found: TwoModels) -> None:
    report = STEP.report(strict)
    chart = next(c for c in report.charts if c.name == "cascade")
    (here,) = [r for r in chart.rows if r["here"]]
    assert here["escalated"] == found.escalated
    assert here["usd"] == pytest.approx(found.usd_per_request * 1e6)
    assert "It pays up to" in chart.alt
    assert "The plan does not: the nearest such pair costs $" in chart.alt
    table = next(t for t in report.tables if t.title == "A small model first")
    assert [r[0] for r in table.rows] == ["chat"]


def test_no_pair_where_the_student_does_alone(solved: Solve) -> None:
    view = solved(busy(20.0))
    assert dearest(view.plans["distill"]) == []
    assert all(c.name != "cascade" for c in STEP.report(view).charts)


@pytest.fixture(scope="module")
def taken(solved: Solve) -> View:
    """The same with three times the traffic: the plan takes a pair, at first on machines."""
    return solved(busy(60.0, quality_floor=0.98))


def test_the_panel_says_that_the_plan_takes_it(taken: View) -> None:
    report = STEP.report(taken)
    (action,) = report.actions
    assert action.proposed.startswith("Llama-3.1-8B first, ")
    assert action.proposed.endswith(" to Llama-3.1-70B")
    assert action.risk == "high"
    assert "router finds what the small model gets wrong" in action.risk_note
    chart = next(c for c in report.charts if c.name == "cascade")
    assert f"The plan takes it so: {action.proposed}." in chart.alt
    # A pair is no student: the table tells what stands against one model alone.
    assert report.tables[0].rows[0][-1].startswith("Quality")


def test_every_panel_tells_a_plan_with_a_hosted_rest(taken: View) -> None:
    (chosen,) = taken.final.chosen
    assert chosen.choice["escalate_host"]
    assert "Llama-3.1-70B (novita)" in changed(chosen, "DISTILLATION")
    assert changed(chosen, "DISTILLATION") in machine_sub(chosen)
    for step in steps().values():
        assert step.report(taken).headline
