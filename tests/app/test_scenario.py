"""What a planner does: change, pin, take back, stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from advisor.app.scenario import Scenario
from advisor.errors import PortfolioError
from advisor.optimize import playbook_plans
from advisor.optimize.levers import LEVER_FIELDS
from advisor.optimize.setting import Setting
from advisor.portfolio.load import load_portfolio

SMALL = """
organisation: {clouds: [aws], geographies: [us]}
workloads:
  - name: tickets
    kind: encoder
    task: classification
    model: RoBERTa-base
    demand: {profile: business-hours, mean_rps: 8}
    slo: {latency_s: 0.3}
    isl_tokens: 120
    current: {cloud: aws, region: us-east-1, instance: g5.xlarge, instances: 2,
              framework: torchserve, weight_precision: fp32}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    from advisor.catalog import Catalog

    return Scenario(load_portfolio(path, Catalog.load()))


def test_changes_are_taken_back_and_made_again(scenario: Scenario) -> None:
    first = scenario.view.final.usd_month
    assert not scenario.can_undo
    scenario.decide("tickets", "HARDWARE", accept=False)
    rejected = scenario.view.final.usd_month
    scenario.assume("workload.tickets.demand.mean_rps", 16.0)
    assert rejected > first
    scenario.undo()
    assert scenario.view.final.usd_month == pytest.approx(rejected)
    scenario.undo()
    assert scenario.view.final.usd_month == first
    assert (scenario.can_undo, scenario.can_redo) == (False, True)
    scenario.redo()
    assert scenario.view.final.usd_month == rejected
    scenario.decide("tickets", "SERVING", accept=False)
    assert not scenario.can_redo


def test_a_pinned_choice_stays_whatever_changes(scenario: Scenario) -> None:
    before = scenario.view.final.candidate("tickets").choice
    free = scenario.view.final.usd_month
    scenario.pin("tickets", "HARDWARE")
    assert scenario.is_pinned("tickets", "HARDWARE")
    assert scenario.view.final.usd_month == pytest.approx(free)
    scenario.assume("workload.tickets.demand.mean_rps", 400.0)
    pinned = scenario.view.final
    for name in LEVER_FIELDS["HARDWARE"]:
        assert pinned.candidate("tickets").choice[name] == before[name]
    scenario.unpin("tickets", "HARDWARE")
    assert scenario.view.final.usd_month <= pinned.usd_month * (1 + 1e-3)
    assert scenario.pins == {}


def test_a_plan_file_keeps_pins(scenario: Scenario) -> None:
    scenario.pin("tickets", "SERVING")
    usd = scenario.view.final.usd_month
    other = Scenario(scenario.portfolio, scenario.catalog)
    other.open_file("plan.json", scenario.plan_file())
    assert other.is_pinned("tickets", "SERVING")
    assert other.view.final.usd_month == usd


def test_what_cannot_be_leaves_all_as_it_was(scenario: Scenario) -> None:
    scenario.pin("tickets", "HARDWARE")
    usd = scenario.view.final.usd_month
    machine = scenario.view.final.candidate("tickets").choice["instance"]
    if machine == "g5.xlarge":
        pytest.skip("the plan keeps today's machine")
    # Today's machine must stay, yet another one is pinned.
    with pytest.raises(PortfolioError, match="pinned"):
        scenario.decide("tickets", "HARDWARE", accept=False)
    assert scenario.view.final.usd_month == usd
    assert scenario.is_pinned("tickets", "HARDWARE")


def test_a_stopped_solve_leaves_what_is_shown(scenario: Scenario) -> None:
    async def walk() -> None:
        shown = scenario.view
        scenario.decide("tickets", "HARDWARE", accept=False)
        assert scenario.busy
        scenario.cancel()
        await scenario.settled()
        assert scenario.view is shown
        assert not scenario.busy
        assert scenario.rejected == {}
        assert not scenario.can_undo

    asyncio.run(walk())


def test_the_last_of_many_changes_is_what_is_shown(scenario: Scenario) -> None:
    async def walk() -> None:
        for rate in (9.0, 10.0, 11.0):
            scenario.assume("workload.tickets.demand.mean_rps", rate)
        await scenario.settled()

    asyncio.run(walk())
    assert scenario.view.portfolio.workload("tickets").demand.mean_rps == 11.0
    scenario.undo()
    assert scenario.view.portfolio.workload("tickets").demand.mean_rps == 10.0


def test_a_figure_that_moves_a_little_does_not_reshuffle_the_plan(scenario: Scenario) -> None:
    first = scenario.view.final
    before = first.candidate("tickets").choice
    scenario.assume("workload.tickets.demand.mean_rps", 20.0)
    free = playbook_plans(Setting(scenario.portfolio, scenario.catalog))["source"]
    kept = scenario.view.final
    assert free.candidate("tickets").choice["framework"] != before["framework"]
    assert kept.kept == ("tickets",)
    assert dict(kept.candidate("tickets").choice) == dict(before)
    assert free.usd_month < kept.usd_month <= 1.001 * free.usd_month
    # Not decisions: undoing goes back to the very plan, and a file holds what was kept.
    other = Scenario(scenario.portfolio, scenario.catalog)
    other.open_file("plan.json", scenario.plan_file())
    assert other.view.final.usd_month == kept.usd_month
    scenario.undo()
    assert scenario.view.final.usd_month == first.usd_month
