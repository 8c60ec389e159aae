"""Cards of a panel that show the charts and tables of a report."""

from __future__ import annotations

from typing import Any

from advisor.app.widgets import html
from advisor.app.widgets.chart import Chart
from advisor.app.widgets.layout import card
from advisor.playbook.base import Chart as ChartData
from advisor.playbook.base import Table as TableData


class ChartCards:
    """Charts by name: each is drawn once and from then on only takes new rows."""

    def __init__(self) -> None:
        self.charts: dict[str, Chart] = {}

    def card(self, data: ChartData) -> Any:
        """A card with the chart, up to date."""
        if data.name in self.charts:
            self.charts[data.name].update(data.rows, data.alt)
        else:
            self.charts[data.name] = Chart(data.name, data.rows, data.alt)
        return card(data.title, self.charts[data.name], hint=data.hint)

    def mark_stale(self, stale: bool) -> None:
        """Dim charts while newer figures are on their way."""
        for chart in self.charts.values():
            chart.stale = stale


def table_card(data: TableData) -> Any:
    """A card with a table that only tells."""
    table = html.plain_table(data.columns, data.rows, numeric=data.numeric, caption=data.title)
    return card(data.title, html.show(table), hint=data.hint)
