"""The catalog's measurements are a file of the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.catalog import Catalog
from advisor.performance import contract
from advisor.performance.published import measurements

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "catalogs" / "measurements.csv"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def test_they_read_as_the_file_itself_does(catalog: Catalog) -> None:
    ours, file = measurements(catalog), contract.read_measurements(FILE)
    assert list(ours["id"]) == list(file["id"])
    for column in ("value", "isl_tokens", "osl_tokens", "accelerator_count", "params_b"):
        assert ours[column].equals(file[column]), column
    for column in ("model", "concurrency", "weight_precision", "framework_version", "source"):
        assert list(ours[column]) == list(file[column]), column


def test_there_are_many_each_once(catalog: Catalog) -> None:
    rows = measurements(catalog)
    assert len(rows) >= 584
    assert rows["id"].is_unique
    assert set(rows["workload"]) == set(contract.CHOICES["workload"])


def test_a_longest_prompt_counts_by_its_mean(catalog: Catalog) -> None:
    rows = measurements(catalog).set_index("id")["isl_tokens"]
    table = catalog["measurements"].set_index("id")["isl_tokens"]
    longest = table[table == "384max"].index
    assert len(longest)
    assert (rows[longest] == contract.MAX_LENGTH_TOKENS["384max"]).all()


def test_a_vague_date_is_the_first_day_it_may_mean_and_noted(catalog: Catalog) -> None:
    row = catalog.lookup("measurements", "m0001")
    assert row["as_of"].isoformat() == "2025-02-01"
    assert "dated 2025-02 (v0.17)" in row["notes"]


def test_a_users_own_measurements_count_too(tmp_path: Path) -> None:
    (tmp_path / "measurements.csv").write_text(
        "id,workload,model,accelerator,framework,scenario,metric,value,source,as_of\n"
        "own1,encoder,BERT-base,T4,onnxruntime,offline,samples_s,500,own bench,2026-01-01\n"
    )
    rows = measurements(Catalog.load(overlays=[tmp_path])).set_index("id")
    assert rows.loc["own1", "value"] == 500
    assert rows.loc["own1", "accelerator_count"] == 1
