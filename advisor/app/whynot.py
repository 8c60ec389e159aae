"""'Why not …?': any workload with any option of a step, answered in dollars or with a reason."""

from __future__ import annotations

from typing import Any

import pandas as pd

from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.fields import Choice
from advisor.app.widgets.layout import card
from advisor.catalog import ROW_TYPES, Catalog
from advisor.format import money
from advisor.optimize.considered import considered
from advisor.playbook.describe import machine, machine_sub

QUESTIONS = {
    "rightsize": ("accelerator", "accelerators", "Machine with"),
    "quantize": ("weight_precision", "precisions", "Weights in"),
    "serve": ("framework", "frameworks", "Served by"),
}
"""By step: the column of a choice, the catalog table that lists its options, and the label."""


def options(catalog: Catalog, step: str) -> list[tuple[str, str]]:
    """Values and labels to ask about in a step: every row of the step's catalog table."""
    _, table, _ = QUESTIONS[step]
    rows = catalog[table]
    if table == "precisions":
        rows = rows[rows["role"] == "weights"]
    key = ROW_TYPES[table].key[0]
    names = rows["label"] if "label" in rows.columns else rows[key]
    return list(zip(rows[key].astype(str), names.astype(str), strict=True))


class WhyNot:
    """The card of one step. `widget` is what to show; `refresh` after each solve."""

    def __init__(self, scenario: Scenario, step: str) -> None:
        self.scenario, self.step = scenario, step
        self._answer = html.show()
        self._workload = Choice("Workload", self._workloads())
        self._option = Choice(QUESTIONS[step][2], options(scenario.catalog, step))
        for choice in (self._workload, self._option):
            choice.observe(lambda _change: self.refresh(), "value")
        self.widget = card("Ask about another", self._workload, self._option, self._answer)

    def _workloads(self) -> list[str]:
        return [w.name for w in self.scenario.view.portfolio.workloads]

    def refresh(self) -> None:
        """Answer for what is selected, on the scenario's current view."""
        self._workload.offer(self._workloads())
        html.update(self._answer, html.explained(self.answer()))

    def answer(self) -> list[Any]:
        """The answer as text with a strong part."""
        plan = self.scenario.view.plans[self.step]
        name, wanted = self._workload.value, self._option.value
        column = QUESTIONS[self.step][0]
        chosen = plan.candidate(name)
        if chosen.choice["sourcing"] == "managed_api":
            return [html.tag("b", "It runs at a managed API. "), "Build or buy decides that."]
        levers = plan.levers[name]
        table = considered(plan, name, levers, by=(column,))
        rows = table[(table[column] == wanted) & ~table["today"]]
        here = table[(table[column] == wanted) & table["today"]]
        usd = plan.workload_usd_month[name]
        if len(rows) and pd.notna(rows.iloc[0]["usd_month"]):
            row = rows.iloc[0]
            candidate = row["candidate"]
            difference = float(row["usd_month"]) - usd
            what = f"{machine(candidate)} ({machine_sub(candidate)})"
            if candidate is chosen or abs(difference) < 0.5:
                return [html.tag("b", "That is the plan: "), what, "."]
            more = "more" if difference > 0 else "less"
            return [html.tag("b", f"{money(abs(difference))} a month {more}: "), what, "."]
        if len(here):
            difference = float(here.iloc[0]["usd_month"]) - usd
            return [html.tag("b", f"{money(difference)} a month more: "), "that is today's."]
        reason = "nothing in the catalog offers it here"
        if len(rows):
            reason = str(rows.iloc[0]["reason"])
        return [html.tag("b", "It cannot: "), reason, "."]
