"""Settle what a step chose for a workload: pinned, it stays while everything else is optimised."""

from __future__ import annotations

from typing import Any

from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.fields import Choice
from advisor.app.widgets.layout import button, card
from advisor.playbook.describe import changed
from advisor.portfolio import Lever


class Pinning:
    """The card of one step. `widget` is what to show; `refresh` after each solve."""

    def __init__(self, scenario: Scenario, lever: Lever) -> None:
        self.scenario, self.lever = scenario, lever
        self._workload = Choice("Workload", self._names())
        self._workload.observe(lambda _change: self.refresh(), "value")
        self._text = html.show()
        self._button = button("Pin", self._toggle)
        self.widget = card(
            "Pin a choice", self._workload, self._text, self._button, hint="it stays as it is"
        )

    def _names(self) -> list[str]:
        return [w.name for w in self.scenario.view.portfolio.workloads]

    def refresh(self) -> None:
        """Show what is chosen, and whether it is pinned."""
        names = self._names()
        self._workload.offer(names)
        name = self._workload.value
        held = self.scenario.is_pinned(name, self.lever)
        text: list[Any] = [changed(self.scenario.view.final.candidate(name), self.lever)]
        pinned = [w for w in names if self.scenario.is_pinned(w, self.lever)]
        others = [w for w in pinned if w != name]
        lines = [[html.tag("b", "Pinned: " if held else "In the plan: "), *text]]
        if others:
            lines.append([html.tag("b", "Also pinned: "), ", ".join(others)])
        html.update(self._text, html.explained(*lines))
        self._button.description = "Unpin" if held else "Pin"

    def _toggle(self) -> None:
        name = self._workload.value
        if self.scenario.is_pinned(name, self.lever):
            self.scenario.unpin(name, self.lever)
        else:
            self.scenario.pin(name, self.lever)
