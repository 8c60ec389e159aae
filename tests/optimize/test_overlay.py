"""One row adds a thing: a made-up chip, its machine and its price reach everything."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from advisor.app.scenario import Scenario
from advisor.app.whynot import WhyNot, options
from advisor.catalog import Catalog
from advisor.optimize import solve
from advisor.optimize.candidates import candidates
from advisor.optimize.considered import considered, every_variant
from advisor.optimize.setting import Setting
from advisor.playbook import steps
from tests.optimize.given import CHAT, PHOTOS, TICKETS, portfolio

CHIP = "Zeta-1"
ROWS = {
    "accelerators": {
        "accelerator": CHIP,
        "vendor": "NVIDIA",
        "kind": "gpu",
        "family": "hopper",
        "memory_label_gb": 120,
        "memory_visible_gib": 110,
        "memory_bandwidth_gb_s": 6000,
        "fp32_tflops": 100,
        "tf32_tflops": 700,
        "fp16_tflops": 1400,
        "bf16_tflops": 1400,
        "fp8_tflops": 2800,
        "int8_tops": 2800,
        "fp4_tflops": 0,
        "link": "nvlink",
        "link_gb_s_one_way": 450,
        "tdp_w": 500,
        "confidence": "read",
    },
    "instances": {
        "cloud": "aws",
        "instance": "zeta.large",
        "accelerator": CHIP,
        "accelerator_count": 1,
        "vcpu": 16,
        "memory_gib": 128,
    },
    "prices": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "zeta.large",
        "purchase": "on_demand",
        "usd_per_hour": 0.02,
        "standing": "published",
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one row in each of three tables."""
    path = tmp_path_factory.mktemp("overlay")
    for table, row in ROWS.items():
        full = {**row, "source": "made up for a test", "as_of": "2026-11-01"}
        with (path / f"{table}.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(full))
            writer.writeheader()
            writer.writerow(full)
    return path


@pytest.fixture(scope="module")
def catalog(folder: Path) -> Catalog:
    return Catalog.load(overlays=[folder])


@pytest.fixture(scope="module")
def scenario(catalog: Catalog) -> Scenario:
    """The app's state for a small portfolio on the widened catalog."""
    return Scenario(portfolio(catalog, [CHAT, TICKETS, PHOTOS]), catalog)


@pytest.fixture(scope="module")
def solved(scenario: Scenario) -> Setting:
    setting: Setting = scenario.view.setting
    return setting


def test_it_is_an_offer(solved: Setting):
    row = solved.offers.set_index("instance").loc["zeta.large"]
    assert (row["accelerator"], row["on_demand"], row["standing"]) == (CHIP, 0.02, "published")
    assert row["geography"] == "us"
    assert "zeta.large" in set(solved.allowed["instance"])


def test_it_is_a_variant_of_every_workload(solved: Setting):
    for workload in solved.portfolio.workloads:
        mine = solved.variants(workload).query("accelerator == @CHIP")
        assert (mine["reason"] == "").any(), workload.name
        assert (mine.loc[mine["reason"] == "", "rps"] > 0).all()


def test_it_is_a_candidate(solved: Setting):
    workload = solved.portfolio.workload("chat")
    found = candidates(solved, workload, frozenset({"HARDWARE"}))
    assert "zeta.large" in {c.choice["instance"] for c in found}


def test_the_solver_chooses_it(solved: Setting):
    plan = solve(solved, levers=["HARDWARE"])
    for candidate in plan.chosen:
        assert candidate.choice["instance"] == "zeta.large"
        assert candidate.details["accelerator"] == CHIP
    assert plan.usd_month < solve(solved).usd_month


def test_without_its_rows_nothing_of_it_is_there(solved: Setting):
    before = Catalog.load()
    assert CHIP not in before.names("accelerators")
    plan = solve(portfolio(before, [TICKETS]), before, levers=["HARDWARE"])
    assert plan.candidate("tickets").choice["instance"] != "zeta.large"
    assert plan.usd_month > solve(solved, levers=["HARDWARE"]).workload_usd_month["tickets"]


def test_it_is_in_the_table_of_what_was_considered(scenario: Scenario):
    plan = scenario.view.plans["rightsize"]
    table = considered(plan, "chat", plan.levers["chat"]).set_index("accelerator")
    assert table.at[CHIP, "usd_month"] == table["usd_month"].min()
    assert set(every_variant(plan, "chat", plan.levers["chat"])["accelerator"]) >= {CHIP, "L4"}


def test_it_is_in_the_chart_of_machines(scenario: Scenario):
    chart = steps()["rightsize"].report(scenario.view).charts[0]
    assert chart.name == "machines"
    assert CHIP in chart.rows[0]["label"]
    assert CHIP in chart.alt


def test_it_is_in_the_dropdown_of_machines(scenario: Scenario):
    assert (CHIP, CHIP) in options(scenario.catalog, "rightsize")
    card = WhyNot(scenario, "rightsize")
    chips = [list(option) for option in card._option.options]
    assert [CHIP, CHIP] in chips
    card._workload.value, card._option.value = "chat", CHIP
    assert "zeta.large" in str(card.answer())


def test_the_shipped_rows_stay_as_they_were(catalog: Catalog):
    shipped = Catalog.load()
    for table in shipped.tables:
        added = len(catalog[table]) - len(shipped[table])
        assert added == (1 if table in ROWS else 0)
        assert list(catalog[table].columns) == list(shipped[table].columns)
