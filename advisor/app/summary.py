"""The plan, what it costs in all, the order of work, and the file to take away."""

from __future__ import annotations

import re
from typing import Any

from advisor.app.cards import ChartCards, table_card
from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.files import Download
from advisor.app.widgets.layout import card
from advisor.economics.labour import payback_months
from advisor.format import count, money, months, percent
from advisor.optimize.roadmap import roadmap
from advisor.playbook import steps
from advisor.playbook.base import Chart as ChartData
from advisor.playbook.certainty import certificate_text
from advisor.playbook.describe import models
from advisor.playbook.ownership import (
    commitments_table,
    order_table,
    ownership_chart,
    ownership_table,
    run_rate_chart,
)


class SummaryPanel:
    """Waterfall, what runs afterwards, what to do first, and the download."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._head = html.show()
        self._cards = ChartCards()
        self._download = Download(
            "Download the plan file",
            self._file,
            "plan.json",
            mime="application/json",
            primary=True,
        )
        self.main: list[Any] = []
        self.aside: list[Any] = []
        self.refresh()

    def refresh(self) -> None:
        """Show the scenario's current view."""
        view = self.scenario.view
        first, last = view.baseline, view.final
        saved = first.usd_month - last.usd_month
        payback = payback_months(last.one_off_usd, first.usd_month - last.run_rate_usd_month)
        html.update(
            self._head,
            html.eyebrow("Plan & report"),
            html.lead(
                f"The plan costs {money(last.usd_month)} a month instead of "
                f"{money(first.usd_month)}: {percent(saved / first.usd_month)} less."
            ),
            html.sub(
                f"One-off work of {count(last.engineering_hours)} hours "
                f"({money(last.one_off_usd)}) is spread over {last.setting.horizon_months} "
                f"months; once done, the bills read {money(last.run_rate_usd_month)} a month. "
                f"It pays back in {months(payback)}."
            ),
        )
        self.main = [self._head, self._waterfall(), self._workloads(), *self._money()]
        self.aside = [card("Take it away", self._download), self._certificate(), self._shared()]

    def _waterfall(self) -> Any:
        view = self.scenario.view
        found = steps()
        rows: list[dict[str, Any]] = []
        level = view.baseline.usd_month
        rows.append(_bar("Today", 0.0, level, "total", 0))
        for key in view.plans:
            saving = view.saving(key)
            if found[key].lever is None:
                continue
            kind = "saving" if saving > 0 else "none"
            rows.append(_bar(found[key].title, level, level - saving, kind, len(rows)))
            level -= saving
        rows.append(_bar("Plan", 0.0, level, "total", len(rows)))
        alt = "Monthly cost by step: " + "; ".join(f"{r['label']} {r['text']}" for r in rows)
        return self._cards.card(
            ChartData(
                "waterfall",
                "What each step saves",
                "in this order; another order shares it out differently",
                rows,
                alt,
            )
        )

    def _workloads(self) -> Any:
        frame = self.scenario.view.final.frame()
        rows = []
        for r in frame.to_dict("records"):
            hosted = r["sourcing"] == "managed_api"
            runs = r["provider"] if hosted else f"{r['replicas_peak']} × {r['instance']}"
            answers = models(self.scenario.view.final.candidate(r["name"]))
            how = " · ".join(str(v) for v in (answers, r["weight_precision"], r["framework"]) if v)
            rows.append(
                [
                    r["name"],
                    [runs, html.tag("small", "" if hosted else r["region"])],
                    how,
                    money(r["today_usd_month"]),
                    money(r["cost_usd_month"]),
                    html.chip(r["evidence"], "measured" if r["evidence"] == "measured" else "rule"),
                ]
            )
        table = html.plain_table(
            ["Workload", "Runs on, at peak", "How", "Today", "Plan", "Evidence"],
            rows,
            numeric=(3, 4),
            caption="The plan by workload",
        )
        return card(
            "What runs afterwards", html.show(table), hint="USD a month, one-off work included"
        )

    def _money(self) -> list[Any]:
        """Total cost, order of work, and the bills while it lands."""
        plan = self.scenario.view.final
        found = roadmap(plan)
        tables = [order_table(found), commitments_table(found), ownership_table(plan)]
        cards = [table_card(t) for t in tables if t is not None]
        return [
            self._cards.card(run_rate_chart(found)),
            *cards[:-1],
            self._cards.card(ownership_chart(plan)),
            cards[-1],
        ]

    def _certificate(self) -> Any:
        text = certificate_text(self.scenario.view.final)
        return card("How near the optimum", html.show(html.explained(text)))

    def _shared(self) -> Any:
        shared = self.scenario.view.final.shared
        rows = [(k.capitalize(), money(v)) for k, v in shared.items() if v]
        return card(
            "Shared costs", html.show(html.definitions(rows)), hint="of no single workload, a month"
        )

    def _file(self) -> tuple[str, bytes]:
        name = re.sub(r"[^A-Za-z0-9]+", "-", self.scenario.portfolio.name).strip("-").lower()
        return f"{name or 'plan'}-plan.json", self.scenario.plan_file()

    def mark_stale(self, stale: bool) -> None:
        """Dim figures while newer ones are on their way."""
        self._cards.mark_stale(stale)


def _bar(label: str, start: float, end: float, kind: str, order: int) -> dict[str, Any]:
    text = money(end) if kind == "total" else (money(end - start) if kind == "saving" else "—")
    return {"label": label, "start": start, "end": end, "kind": kind, "text": text, "order": order}
