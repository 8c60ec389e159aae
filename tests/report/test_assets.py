"""Charts are prepared once, and read back."""

from __future__ import annotations

import gzip
import json

import pytest

from advisor.report import assets, theme


def chart():
    import altair

    return (
        altair.Chart(altair.NamedData("t"))
        .mark_bar(color=theme.var("s2"))
        .encode(x="usd:Q", y="name:N")
        .properties(width="container")
    )


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVISOR_ASSETS", str(tmp_path))
    monkeypatch.setattr(assets, "_charts", lambda: {"machines": chart})
    assets.bundle.cache_clear()
    yield assets.build()
    assets.bundle.cache_clear()


def test_charts_are_prepared_once_and_read_back(prepared):
    assert prepared == assets.folder()
    assert assets.names() == ["machines"]
    spec = assets.spec("machines")
    assert spec["$schema"].endswith("vega/v6.json")
    assert spec["data"][0] == {"name": "t"}
    assert theme.var("s2") in json.dumps(spec["marks"])
    assert theme.var("ink-2") in json.dumps(spec["config"])
    assert b"vegaEmbed" in gzip.decompress(assets.bundle())
    assert len(assets.bundle()) < 400_000
    assert [p.name for p in prepared.parent.iterdir()] == [prepared.name], "no half build is left"
    before = (prepared / "vega.js.gz").stat().st_mtime_ns
    assert assets.build() == prepared
    assert (prepared / "vega.js.gz").stat().st_mtime_ns == before
    with pytest.raises(KeyError, match="did you mean 'machines'"):
        assets.spec("machine")


def test_a_chart_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVISOR_ASSETS", str(tmp_path))
    monkeypatch.setattr(assets, "_charts", lambda: {"broken": lambda: 1 / 0})
    with pytest.raises(assets.AssetError, match="'broken': division by zero"):
        assets.build()
    assert not list(tmp_path.iterdir())


def test_the_key_follows_the_sources(tmp_path, monkeypatch):
    assert assets.key() == assets.key.__wrapped__()
    (tmp_path / "theme.py").write_text("COLOURS = {}")
    monkeypatch.setattr(assets, "_HERE", tmp_path)
    first = assets.key.__wrapped__()
    (tmp_path / "charts.py").write_text("CHARTS = {}")
    assert assets.key.__wrapped__() != first


def test_missing_charts_are_prepared_in_another_process(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVISOR_ASSETS", str(tmp_path))
    assets.bundle.cache_clear()
    assert b"vegaEmbed" in gzip.decompress(assets.bundle())
    assets.bundle.cache_clear()
