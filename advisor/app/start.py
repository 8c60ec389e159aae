"""The first panel: which portfolio, in one look, and two ways to bring another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.files import Upload
from advisor.app.widgets.layout import button, card, row
from advisor.app.widgets.table import Table
from advisor.format import count, money, percent
from advisor.playbook.wording import sentence, things

UPLOAD_BYTES = 20_000_000
FORMATS = (".yaml", ".yml", ".csv", ".xlsx", ".json")

COLUMNS: list[Any] = [
    {"key": "name", "label": "Workload", "kind": "two_line", "sub": "model", "strong": True},
    {"key": "machines", "label": "Runs on", "kind": "two_line", "sub": "place"},
    {"key": "volume", "label": "A month", "align": "right", "sort": "volume_number"},
    {"key": "cost", "label": "Cost /mo", "align": "right", "sort": "cost_usd", "strong": True},
    {
        "key": "plan",
        "label": "In the plan",
        "align": "right",
        "sort": "plan_usd",
    },
]


class StartPanel:
    """The portfolio as it stands and the plan it could have."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._head = html.show()
        self._table = Table(COLUMNS, [], caption="Workloads of the portfolio")
        self._upload = Upload(
            "Bring a portfolio or a saved plan",
            self._open,
            accept=FORMATS,
            max_bytes=UPLOAD_BYTES,
            hint="YAML, CSV or XLSX, or a plan file saved here. It stays on this server.",
        )
        sample = button("Use the sample", self.scenario.open_sample)
        self._doubts = html.show()
        self.main: list[Any] = [self._head, self._doubts, card("Workloads", self._table)]
        self.aside: list[Any] = [
            card("Your own numbers", self._upload, row(sample)),
            card("How it works", html.show(html.explained(*HOW))),
        ]
        self.refresh()

    def refresh(self) -> None:
        """Show the scenario's current view."""
        view = self.scenario.view
        first, last = view.baseline, view.final
        saved = first.usd_month - last.usd_month
        p = self.scenario.portfolio
        n = len(p.workloads)
        html.update(
            self._head,
            html.eyebrow(p.name),
            html.lead(
                f"{sentence(things(n, 'workload'))} cost{'' if n != 1 else 's'} "
                f"{money(first.usd_month)} a month; the plan brings "
                f"that to {money(last.usd_month)}, {percent(saved / first.usd_month)} less."
            ),
            html.sub(
                p.description
                or "Walk the steps on the left: accept or reject what each proposes, and take the "
                "plan away at the end."
            ),
        )
        html.update(self._doubts, *doubts(view.final.doubts))
        self._table.update(self._rows())

    def _rows(self) -> list[dict[str, Any]]:
        view = self.scenario.view
        before = view.baseline.workload_usd_month
        after = view.final.workload_usd_month
        rows = []
        for c in view.baseline.chosen:
            hosted = c.choice["sourcing"] == "managed_api"
            place = (
                "managed API" if hosted else f"{c.details['accelerator']} · {c.choice['region']}"
            )
            rows.append(
                {
                    "id": c.workload,
                    "name": c.workload,
                    "model": c.choice["model"],
                    "machines": c.choice["provider"]
                    if hosted
                    else f"{c.machines.max():.0f} × {c.choice['instance']}",
                    "place": place,
                    "volume": count(c.predictions_per_month),
                    "volume_number": c.predictions_per_month,
                    "cost": money(before[c.workload]),
                    "cost_usd": before[c.workload],
                    "plan": money(after[c.workload]),
                    "plan_usd": after[c.workload],
                }
            )
        return rows

    def _open(self, name: str, content: bytes) -> str:
        return self.scenario.open_file(name, content)

    def mark_stale(self, stale: bool) -> None:
        """Dim figures while newer ones are on their way."""
        self._table.stale = stale


def doubts(found: Mapping[str, str]) -> list[html.Markup]:
    """A banner naming each workload that was left out or that the model doubts, and why."""
    if not found:
        return []
    lines = [html.tag("p", html.tag("b", name), f" {why}") for name, why in found.items()]
    return [html.banner([html.tag("b", "Worth a look. "), *lines], "warn")]


HOW = (
    "One model of cost and speed stands behind all steps. Each step unlocks one more kind of "
    "decision, and the whole portfolio is solved again with all you have unlocked.",
    "Nothing you reject is changed. Today's deployment is always an option.",
    "Every figure carries its evidence: measured, published, calibrated or rule of thumb.",
)
