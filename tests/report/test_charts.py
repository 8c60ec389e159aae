"""Every chart compiles, in tokens only, and the steps' rows have the columns it draws."""

from __future__ import annotations

import json
import re
from typing import Any

import altair
import pytest
import vl_convert

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from advisor.playbook import View, steps
from advisor.playbook.base import Chart
from advisor.portfolio.load import load_portfolio, sample_path
from advisor.report import assets, theme
from advisor.report.charts import CHARTS, FIELDS

LITERAL = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgb\(")


def vega_lite(name: str) -> dict[str, Any]:
    with altair.theme.enable("none"):
        made: dict[str, Any] = CHARTS[name]().to_dict()
    return made


def fields(node: Any) -> set[str]:
    """Names of the columns that an encoding reads."""
    if isinstance(node, dict):
        own = {node["field"]} if isinstance(node.get("field"), str) else set[str]()
        return own.union(*(fields(v) for v in node.values()))
    if isinstance(node, list):
        return set().union(*(fields(v) for v in node))
    return set()


def derived(node: Any) -> set[str]:
    """Names of the columns that transforms make."""
    if isinstance(node, dict):
        made = node.get("as")
        own = set(made) if isinstance(made, list) else {made} if isinstance(made, str) else set()
        return own.union(*(derived(v) for v in node.values()))
    if isinstance(node, list):
        return set().union(*(derived(v) for v in node))
    return set()


@pytest.fixture(scope="module")
def drawn() -> list[Chart]:
    catalog = Catalog.load()
    view = View(playbook_plans(load_portfolio(sample_path(), catalog), catalog))
    return [chart for step in steps().values() for chart in step.report(view).charts]


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_it_compiles_on_the_table_t(name: str) -> None:
    made = vega_lite(name)
    parts = [made, *made.get("layer", [])]
    assert {p["data"]["name"] for p in parts if "data" in p} == {"t"}
    assert made["width"] == "container"
    vega = assets.compiled(made)
    assert any(d["name"] == "t" for d in vega["data"])


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_colours_are_tokens(name: str) -> None:
    made = json.dumps(vega_lite(name))
    assert not LITERAL.search(made)
    for scheme in ("light", "dark"):
        assert "var(--" not in json.dumps(theme.painted(json.loads(made), scheme))


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_it_reads_only_the_columns_it_names(name: str) -> None:
    made = vega_lite(name)
    read = {f.split(".")[0] for f in fields(made)} - derived(made) - {""}
    assert read <= set(FIELDS[name])


def test_the_steps_use_charts_that_exist(drawn: list[Chart]) -> None:
    assert len({c.name for c in drawn}) >= 8
    assert {c.name for c in drawn} <= set(CHARTS)


def test_the_steps_rows_have_the_columns(drawn: list[Chart]) -> None:
    for chart in drawn:
        assert chart.rows, chart.name
        for row in chart.rows:
            assert set(row) == set(FIELDS[chart.name]), chart.name
        assert chart.alt.strip().endswith("."), chart.name


@pytest.mark.parametrize("width", [380, 820])
def test_the_steps_charts_draw(drawn: list[Chart], width: int) -> None:
    for chart in drawn:
        spec = theme.painted(assets.compiled(vega_lite(chart.name)))
        for data in spec["data"]:
            if data["name"] == "t":
                data["values"] = json.loads(json.dumps(chart.rows))
        for signal in spec["signals"]:
            if signal["name"] == "width":
                signal.clear()
                signal.update(name="width", value=width)
        svg = vl_convert.vega_to_svg(spec)
        assert "NaN" not in svg, chart.name
        assert "undefined" not in svg, chart.name
