"""Shipped prices of hosted models against the library they were taken from."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.catalog.hosted_prices import PRICES, disagreements, listed, newest, renewed, source
from advisor.cli import main

CHECKED = date(2026, 11, 10)
"""The day of the library's release that the rows were read on."""
HAIKU = ("anthropic", "claude-haiku-5-5")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("no price is looked up on the network")

    monkeypatch.setattr(socket.socket, "connect", refused)


def changed(catalog: Catalog, where: pd.Series, **values: object) -> Catalog:
    table = catalog["api_prices"].copy()
    for name, value in values.items():
        table.loc[where, name] = value
    return Catalog({**catalog.tables, "api_prices": table})


def of(catalog: Catalog, provider: str, api_model: str) -> pd.Series:
    t = catalog["api_prices"]
    return (t["provider"] == provider) & (t["api_model"] == api_model)


def test_shipped_rows_agree_with_the_pinned_library(catalog: Catalog) -> None:
    assert disagreements(catalog, CHECKED).empty
    mine = newest(catalog["api_prices"])
    mine = mine[mine["source"].str.startswith(source())]
    assert len(mine) > 60
    for provider, api_model in mine[["provider", "api_model"]].itertuples(index=False):
        assert listed(provider, api_model, CHECKED)


def test_tiers_by_hand() -> None:
    """Haiku 5.5: five times the price beyond 100,000 tokens of prompt, half of each in a batch."""
    rows = {(r["tier"], r["over_tokens"]): r for r in listed(*HAIKU, CHECKED)}
    assert set(rows) == {(t, o) for t in ("standard", "batch") for o in (0, 100_000)}
    base = {"usd_per_mtok_in": 0.1, "usd_per_mtok_in_cached": 0.01}
    base |= {"usd_per_mtok_cache_write": 0.125, "usd_per_mtok_out": 0.5}
    for (tier, over), row in rows.items():
        times = (5.0 if over else 1.0) * (0.5 if tier == "batch" else 1.0)
        for name in PRICES:
            assert row[name] == pytest.approx(base[name] * times)


def test_prices_are_those_of_the_day() -> None:
    """Introductory rates end with the year 2026."""
    before, after = (
        listed("google", "gemini-3.6-flash", day)[0]["usd_per_mtok_in"]
        for day in (date(2026, 12, 31), date(2027, 1, 1))
    )
    assert (before, after) == (0.75, 1.5)
    assert listed("google", "no-such-model", CHECKED) == []


def test_a_wrong_row_is_found_and_renewed(catalog: Catalog) -> None:
    wrong = changed(catalog, of(catalog, "groq", "llama-3.1-8b-instant"), usd_per_mtok_in=0.04)
    (row,) = disagreements(wrong, CHECKED).to_dict("records")
    assert (row["field"], row["catalog"], row["library"]) == ("usd_per_mtok_in", 0.04, 0.05)
    (new,) = renewed(wrong, [("groq", "llama-3.1-8b-instant")], CHECKED)
    assert new["usd_per_mtok_in"] == 0.05
    assert new["model"] == "Llama-3.1-8B"
    assert new["geographies"] == ("us",)
    assert f"checked {CHECKED}" in new["source"]


def test_a_tier_only_the_catalog_knows_stays(catalog: Catalog) -> None:
    bedrock = ("aws", "meta.llama3-1-8b-instruct-v1:0")
    rows = {r["tier"]: r for r in renewed(catalog, [bedrock], CHECKED)}
    assert rows["batch"]["usd_per_mtok_in"] == pytest.approx(
        rows["standard"]["usd_per_mtok_in"] / 2
    )
    assert "Bedrock" in rows["batch"]["source"]


def test_contracts_win_and_are_left_alone(catalog: Catalog) -> None:
    where = of(catalog, "groq", "llama-3.1-8b-instant")
    row = catalog["api_prices"][where].assign(
        standing="contract", usd_per_mtok_in=0.01, as_of=date(2025, 1, 1)
    )
    table = pd.concat([catalog["api_prices"], row], ignore_index=True)
    mine = replace(catalog, tables={**catalog.tables, "api_prices": table})
    (first,) = newest(table)[lambda t: t["api_model"] == "llama-3.1-8b-instant"].to_dict("records")
    assert first["usd_per_mtok_in"] == 0.01
    assert disagreements(mine, CHECKED).empty


def test_the_command_writes_an_overlay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "--day", "2027-01-02", "--out", str(tmp_path)]) == 0
    assert "gemini-3.6-flash" in capsys.readouterr().out
    assert main(["prices", "--day", "2027-01-02", "--catalog", str(tmp_path)]) == 0
    assert "agree" in capsys.readouterr().out


def test_the_library_waits_until_it_is_asked_for() -> None:
    code = (
        "import sys, advisor.cli, advisor.optimize, advisor.catalog; "
        "sys.exit('genai_prices' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
