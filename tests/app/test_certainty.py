"""The panel that says how sure a plan is, on a small portfolio."""

from __future__ import annotations

import asyncio

import pytest

from advisor.app.certainty import CertaintyPanel
from advisor.app.scenario import Scenario
from advisor.app.summary import SummaryPanel
from advisor.app.why import Why
from advisor.playbook.certainty import certificate_text
from tests.app.test_scenario import scenario

__all__ = ["scenario"]


def charts(panel: CertaintyPanel | SummaryPanel) -> set[str]:
    return set(panel._cards.charts)


def test_it_shows_what_is_quick_at_once_and_the_rest_later(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("advisor.app.certainty.REGRET_SCENARIOS", 16)

    async def walk() -> None:
        panel = CertaintyPanel(scenario)
        assert charts(panel) == {"savings", "drivers"}
        assert "In eight of ten scenarios" in panel._head.value
        assert panel._running.children
        await panel.settled()
        assert charts(panel) == {"savings", "drivers", "levers"}
        assert len(panel._later.children) == 2
        assert not panel._running.children

    asyncio.run(walk())


def test_it_can_be_stopped_and_begins_anew_with_another_plan(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("advisor.app.certainty.REGRET_SCENARIOS", 16)

    async def walk() -> None:
        panel = CertaintyPanel(scenario)
        panel.cancel()
        await panel.settled()
        assert "stopped" in panel._status.value
        assert not panel._later.children
        scenario.decide("tickets", "HARDWARE", accept=False)
        await scenario.settled()
        panel.refresh()
        await panel.settled()
        assert "levers" in charts(panel)

    asyncio.run(walk())


def test_without_a_loop_everything_is_worked_out_at_once(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("advisor.app.certainty.REGRET_SCENARIOS", 16)
    assert "levers" in charts(CertaintyPanel(scenario))


def test_why_names_the_rival_and_what_would_turn_it(scenario: Scenario) -> None:
    why = Why(scenario)
    why.refresh()
    assert "the nearest rival" in why._text.value
    assert "The next dearer choices" in why._table.value


def test_the_certificate_in_words(scenario: Scenario) -> None:
    plan = scenario.view.final
    assert plan.certificate is not None
    text = certificate_text(plan)
    assert ("Proven" in text) == (plan.certificate.gap <= 1e-9)


def test_the_plan_panel_tells_the_order_of_work_and_the_whole_cost(scenario: Scenario) -> None:
    panel = SummaryPanel(scenario)
    assert charts(panel) == {"waterfall", "run_rate", "ownership"}
    assert panel._cards.charts["run_rate"].alt.startswith("From $")
    assert "Over 12 months" in panel._cards.charts["ownership"].alt
