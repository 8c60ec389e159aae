"""The cheapest way over volume and what people cost, and where self-hosting begins to pay."""

from __future__ import annotations

from typing import Any

import numpy as np

from advisor.economics.surface import Ints
from advisor.format import count, money, percent

from .base import Chart, Table, View
from .crossing import FACTORS, HERE, LABOUR, BreakEven

SHOWN = (0.5, 1.0, 2.0)
"""Multiples of today's cost of an engineer that the table names."""


def region_chart(view: View, found: BreakEven, names: dict[str, str]) -> Chart:
    """The cheapest way at each volume and loaded cost of an engineer, today marked."""
    year = engineer_usd_year(view)
    x, y = found.per_day * np.array(FACTORS), year * np.array(LABOUR)
    s = found.surface
    # Cells are drawn around their points.
    dx, dy = (float(np.sqrt(a[1] / a[0])) for a in (x, y))
    labels = _labels(s.least)
    rows: list[dict[str, Any]] = []
    for i, j in np.ndindex(*s.least.shape):
        way, then = (names[s.ways[int(index[i, j])]] for index in (s.least, s.second))
        rows.append(
            {
                "volume": float(x[i]),
                "volume_low": float(x[i] / dx),
                "volume_high": float(x[i] * dx),
                "labour": float(y[j]),
                "labour_low": float(y[j] / dy),
                "labour_high": float(y[j] * dy),
                "way": way,
                "usd": float(s.usd[s.least[i, j], i, j]),
                "next": then,
                "margin": float(s.margin[i, j]),
                "label": way if (i, j) in labels else "",
                "here": (i, j) == HERE,
            }
        )
    here = names[s.ways[int(s.least[HERE])]]
    return Chart(
        "source_regions",
        f"{found.workload.name}: the cheapest way by volume and what people cost",
        f"alone, with {percent(found.workload.prefix_share or 0.0)} of input tokens shared",
        rows,
        f"Today, at {count(found.per_day)} predictions a day and {money(year)} a year for an "
        f"engineer, {here} is cheapest; the next way costs {percent(float(s.margin[HERE]))} "
        f"more. {_spans(found, names)}",
    )


def labour_table(view: View, found: BreakEven) -> Table:
    """From which volume self-hosting pays if people cost more or less."""
    year = engineer_usd_year(view)
    rows = []
    for multiple in SHOWN:
        factor = found.factors[int(np.argmin(np.abs(np.array(LABOUR) - multiple)))]
        pays = np.isfinite(factor)
        volume = count(factor * found.per_day) if pays else "not in this range"
        bill = money(factor * found.bill_usd_month) if pays else "—"
        rows.append([money(year * multiple), volume, bill])
    return Table(
        "From where self-hosting beats a hosted API",
        f"{found.workload.name}, by what an engineer costs; the guide says $20k to $50k a month "
        "of API spend",
        ["An engineer a year", "Predictions a day", "API bill there"],
        rows,
        numeric=(1, 2),
    )


def engineer_usd_year(view: View) -> float:
    """Loaded cost of an engineer in the plan, USD a year."""
    return view.setting.usd_per_hour * view.catalog.assumption("engineer_hours_year")


def _labels(least: Ints) -> set[tuple[int, int]]:
    """The cell nearest the middle of each way's region."""
    out = set()
    for way in np.unique(least):
        cells = np.argwhere(least == way)
        away = ((cells - cells.mean(axis=0)) ** 2).sum(axis=1)
        i, j = cells[int(np.argmin(away))].tolist()
        out.add((i, j))
    return out


def _spans(found: BreakEven, names: dict[str, str]) -> str:
    """From which volume each way is cheapest at today's cost of people, in words."""
    least = found.surface.least[:, HERE[1]]
    starts = [0, *(np.flatnonzero(np.diff(least)) + 1).tolist()]
    parts = [
        f"{names[found.surface.ways[int(least[i])]]} from {count(FACTORS[i] * found.per_day)}"
        for i in starts
    ]
    return f"Cheapest by predictions a day: {', '.join(parts)}."
