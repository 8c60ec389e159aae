"""'Why this?': what a workload's choice beat, by how much, and what would turn it."""

from __future__ import annotations

from typing import Any

from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.fields import Choice
from advisor.app.widgets.layout import card
from advisor.optimize.explain import explain
from advisor.playbook import certainty as words


class Why:
    """The card. `widget` is what to show; `refresh` after each solve."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._workload = Choice("Workload", self._names())
        self._workload.observe(lambda _change: self.refresh(), "value")
        self._text, self._table = html.show(), html.show()
        self.widget = card(
            "Why this, and what would change it",
            self._workload,
            self._text,
            self._table,
            hint="everything else as planned",
        )

    def _names(self) -> list[str]:
        return [w.name for w in self.scenario.view.portfolio.workloads]

    def refresh(self) -> None:
        """Explain what is selected, on the scenario's current view."""
        self._workload.offer(self._names())
        found = explain(self.scenario.view.final, self._workload.value)
        lines: list[Any] = [
            [html.tag("b", strong, " "), rest] for strong, rest in words.flip_lines(found)
        ]
        html.update(self._text, html.explained(*lines))
        table = words.options_table(found)
        html.update(
            self._table,
            html.plain_table(table.columns, table.rows, numeric=table.numeric, caption=table.title),
        )
