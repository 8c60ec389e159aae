"""The accuracy card says what the scores say, without a browser."""

from __future__ import annotations

import asyncio
import html
import json
from pathlib import Path

import pandas as pd
import pytest
import vl_convert

from advisor.app.accuracy import AccuracyPanel
from advisor.app.scenario import Scenario
from advisor.app.shell import App
from advisor.app.widgets.chart import Chart
from advisor.app.widgets.table import Table
from advisor.catalog import Catalog
from advisor.performance.accuracy import score
from advisor.performance.measured import predict_rows
from advisor.performance.published import measurements
from advisor.report import accuracy, assets, theme
from advisor.report.charts import FIELDS
from advisor.report.charts.accuracy import STRATA


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return Scenario()


@pytest.fixture(scope="module")
def found(scenario: Scenario) -> accuracy.Card:
    return accuracy.accuracy_card(scenario.catalog)


def inside(widget, kind):
    """Widgets of a kind in a tree of boxes."""
    own = [widget] if isinstance(widget, kind) else []
    return own + [w for child in getattr(widget, "children", ()) for w in inside(child, kind)]


def words(panel: AccuracyPanel) -> str:
    import ipywidgets

    return " ".join(
        w.value for part in (*panel.main, *panel.aside) for w in inside(part, ipywidgets.HTML)
    )


def test_it_is_the_same_score_as_of_a_file(found):
    rows = measurements(Catalog.load())
    same = score(rows, predict_rows(Catalog.load(), rows))
    assert found.result.overall == same.overall
    assert found.result.strata.equals(same.strata)


def test_errors_on_what_no_fit_had_seen(scenario):
    table = accuracy.unseen(scenario.catalog)
    assert set(table["metric"]) == {"rate", "tpot_ms", "ttft_ms"}
    assert len(table) == 9
    assert (table["n"] >= table["groups"]).all()
    assert "its model on its chip and framework, throughput" in words(AccuracyPanel(scenario))


def test_every_row_is_predicted_or_named(found):
    n = int(found.result.overall["n"])
    assert n + len(found.result.unpredicted) == len(found.result.rows)
    assert found.refused["n"].sum() == len(found.result.unpredicted)
    assert found.kinds["n"].sum() == found.evidence["n"].sum() == n


def test_the_charts_rows_have_its_columns_and_colours(found):
    rows = found.chart()
    assert len(rows) == found.result.overall["n"]
    assert {frozenset(r) for r in rows} == {frozenset(FIELDS["accuracy"])}
    assert {r["stratum"] for r in rows} <= set(STRATA)
    assert all(0 < r["low"] <= r["predicted"] <= r["high"] for r in rows)


@pytest.mark.parametrize("width", [380, 820])
def test_the_chart_draws(found, width):
    spec = theme.painted(assets.spec("accuracy"))
    for data in spec["data"]:
        if data["name"] == "t":
            data["values"] = json.loads(json.dumps(found.chart()))
    for signal in spec["signals"]:
        if signal["name"] == "width":
            signal.clear()
            signal.update(name="width", value=width)
    svg = vl_convert.vega_to_svg(spec)
    assert "NaN" not in svg
    assert "undefined" not in svg


def test_the_panel_shows_scatter_strata_and_calibration(scenario, found):
    panel = AccuracyPanel(scenario)
    (chart,) = (w for part in panel.main for w in inside(part, Chart))
    (table,) = (w for part in panel.main for w in inside(part, Table))
    assert len(chart.rows) == found.result.overall["n"]
    assert chart.alt.endswith(".")
    assert len(table.rows) == len(found.result.strata)
    text = words(panel)
    assert f"{int(found.result.overall['n'])} published measurements" in text
    for row in scenario.catalog["calibration"].to_dict("records"):
        assert row["framework"] in text or row["framework"] == "*"
        assert row["as_of"].isoformat() in text
    assert "nan" not in text.lower().replace("finance", "")


def test_refused_rows_are_counted_with_their_reason(tmp_path: Path):
    (tmp_path / "measurements.csv").write_text(
        "id,workload,model,accelerator,framework,scenario,metric,value,source,as_of\n"
        "lost,llm,Nobody-7B,T4,vllm,offline,tok_s_out,500,own,2026-01-01\n"
    )
    other = Scenario(catalog=Catalog.load(overlays=[tmp_path]))
    text = words(AccuracyPanel(other))
    silent = accuracy.accuracy_card(other.catalog).result.unpredicted.set_index("id")["reason"]
    assert html.escape(silent["lost"]) in text
    assert f"{len(silent)} of" in text


def test_in_a_page_it_is_worked_out_beside_it(scenario):
    async def visit() -> tuple[str, str]:
        panel = AccuracyPanel(scenario)
        before = words(panel)
        panel.refresh()
        await panel.settled()
        return before, words(panel)

    before, after = asyncio.run(visit())
    assert "Predicting every published measurement" in before
    assert "published measurements are predicted within" in after
    assert "Predicting every published measurement" not in after


def test_a_failure_is_a_message(scenario, monkeypatch):
    def broken(_catalog: Catalog) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr("advisor.app.accuracy.accuracy_card", broken)

    async def visit() -> str:
        panel = AccuracyPanel(scenario)
        with pytest.raises(ValueError, match="no such thing"):
            await panel.settled()
        return words(panel)

    assert "The card could not be made: no such thing" in asyncio.run(visit())


def test_the_rail_ends_with_it(scenario):
    app = App(scenario)
    assert app.keys[-1] == "accuracy"
    assert isinstance(app.panel("accuracy"), AccuracyPanel)
    (chart,) = (w for part in app.panel("accuracy").main for w in inside(part, Chart))
    assert pd.DataFrame(chart.rows)["id"].is_unique
