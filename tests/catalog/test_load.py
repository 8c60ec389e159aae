"""Catalog tables: what is read, what is refused and how, and what the user's own rows do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from advisor.catalog import ROW_TYPES, Catalog
from advisor.errors import CatalogError, NotFoundError
from tests.catalog.tiny import TABLES, write_table, write_tiny

Change = Callable[[list[dict[str, Any]]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny")


@pytest.fixture
def tiny(folder: Path) -> Catalog:
    return Catalog.load(folder)


def overlay(tmp_path: Path, table: str, *rows: Mapping[str, Any]) -> Path:
    return write_table(tmp_path / "mine", table, rows).parent


def first(table: str) -> dict[str, Any]:
    return dict(TABLES[table][0])


# What is read


def test_known_answer(tiny: Catalog) -> None:
    row = tiny.lookup("accelerators", "G1")
    assert (row["kind"], row["memory_visible_gib"], row["bf16_tflops"]) == ("gpu", 22.0, 120.0)
    assert row["as_of"] == date(2026, 1, 1)
    assert row["source"] == "made up for tests"
    # The chip has no FP4 unit; of FP8 nothing is known.
    assert row["fp4_tflops"] == 0.0
    assert row["fp8_tflops"] is None
    assert (row["file"], row["row"]) == ("accelerators.csv", 2)


def test_several_names_in_one_cell(tiny: Catalog) -> None:
    row = tiny.lookup("models", "talk8")
    assert row["model"] == "Talk-8B"
    assert row["aliases"] == ("acme/Talk-8B-Instruct", "talk8")
    assert tiny.lookup("models", "Talk-2B")["aliases"] == ()


def test_keys_of_several_columns(tiny: Catalog) -> None:
    assert tiny.lookup("instances", "south", "gpu-8")["accelerator_count"] == 8
    assert tiny.names("instances") == ["aws", "south", "cellar"]
    assert tiny.assumption("engineer_usd_year") == 200_000


def test_an_unknown_name_comes_with_the_nearest(tiny: Catalog) -> None:
    with pytest.raises(NotFoundError, match="no models row named 'talk9'; did you mean 'talk8'"):
        tiny.lookup("models", "talk9")


def test_not_offered_differs_from_unknown(tiny: Catalog) -> None:
    prices = tiny.prices().set_index(["region", "instance", "purchase"])
    assert prices.loc[("n-east", "g.large", "spot"), "standing"] == "not_offered"
    assert ("n-east", "g.large", "commit_1y") not in prices.index


def test_the_fingerprint_follows_the_facts_and_not_the_files(tmp_path: Path, folder: Path) -> None:
    before = Catalog.load(folder).fingerprint()
    assert before == Catalog.load(write_tiny(tmp_path / "elsewhere")).fingerprint()
    write_table(folder, "assumptions", [first("assumptions") | {"value": 210_000}])
    assert Catalog.load(folder).fingerprint() != before


# The user's own rows


def test_an_overlay_replaces_rows_of_the_same_key_and_adds_the_rest(
    tmp_path: Path, folder: Path
) -> None:
    chip = first("accelerators")
    mine = overlay(
        tmp_path, "accelerators", chip | {"memory_visible_gib": 21}, chip | {"accelerator": "G2"}
    )
    catalog = Catalog.load(folder, overlays=[mine])
    assert sorted(catalog.names("accelerators")) == ["G1", "G2", "X1"]
    assert catalog.lookup("accelerators", "G1")["memory_visible_gib"] == 21
    assert Catalog.load(folder).lookup("accelerators", "G1")["memory_visible_gib"] == 22


def test_a_newer_price_is_added_and_counts_from_its_day(tmp_path: Path, folder: Path) -> None:
    newer = first("prices") | {"usd_per_hour": 3.0, "standing": "contract", "as_of": "2026-06-01"}
    catalog = Catalog.load(folder, overlays=[overlay(tmp_path, "prices", newer)])

    def price(as_of: date | None) -> float:
        rows = catalog.prices(as_of)
        rows = rows[(rows["instance"] == "g.large") & (rows["purchase"] == "on_demand")]
        return float(rows["usd_per_hour"].item())

    assert price(None) == 3.0
    assert price(date(2026, 5, 31)) == 4.0


def test_an_overlay_may_refer_to_shipped_rows_but_not_to_nothing(
    tmp_path: Path, folder: Path
) -> None:
    machine = first("instances") | {"instance": "g.huge", "accelerator": "G9"}
    mine = overlay(tmp_path, "instances", machine)
    with pytest.raises(CatalogError, match=r"instances\.csv, row 2, column 'accelerator'.*'G9'"):
        Catalog.load(folder, overlays=[mine])
    overlay(tmp_path, "instances", machine | {"accelerator": "G1"})
    assert Catalog.load(folder, overlays=[mine]).lookup("instances", "aws", "g.huge")


# What is refused


def refused(folder: Path, table: str, change: Change) -> CatalogError:
    rows = [dict(row) for row in TABLES[table]]
    change(rows)
    write_table(folder, table, rows)
    with pytest.raises(CatalogError) as caught:
        Catalog.load(folder)
    assert "pydantic" not in str(caught.value)
    assert caught.value.file == f"{table}.csv"
    return caught.value


def put(row: int, **cells: Any) -> Change:
    return lambda rows: rows[row].update(cells)


BAD: list[tuple[str, Change, int, str | None, str]] = [
    ("accelerators", put(0, hight=1), 1, "hight", "unknown column"),
    ("accelerators", put(0, memory_visble_gib=1), 1, "memory_visble_gib", "'memory_visible_gib'?"),
    ("accelerators", put(1, vendor=""), 3, "vendor", "the cell is empty"),
    ("accelerators", put(0, source=""), 2, "source", "the cell is empty"),
    ("accelerators", put(0, as_of=""), 2, "as_of", "the cell is empty"),
    ("accelerators", put(0, as_of="2026-13-01"), 2, "as_of", "2026-13-01"),
    ("accelerators", put(0, bf16_tflops=-1), 2, "bf16_tflops", "greater than or equal to 0"),
    ("accelerators", put(0, bf16_tflops="nan"), 2, "bf16_tflops", "finite"),
    ("accelerators", put(0, bf16_tflops="120 TF"), 2, "bf16_tflops", "(got '120 TF')"),
    ("accelerators", put(0, memory_bandwidth_gb_s=0), 2, "memory_bandwidth_gb_s", "greater than 0"),
    ("accelerators", put(0, kind="gpuu"), 2, "kind", "did you mean 'gpu'?"),
    ("techniques", put(0, hit_ratio=1.2), 2, "hit_ratio", "less than or equal to 1"),
    ("models", lambda rows: rows.append(rows[0]), 6, "model", "appears twice"),
    ("prices", lambda rows: rows.append(rows[0]), 7, "cloud+region+instance", "appears twice"),
    ("instances", put(1, accelerator="Q9"), 3, "accelerator", "add it to accelerators.csv first"),
    ("instances", put(0, cloud="asw"), 2, "cloud", "did you mean 'aws'?"),
    ("api_prices", put(0, model="Oracles"), 2, "model", "did you mean 'Oracle'?"),
    ("prices", put(2, instance="x.smal"), 4, "instance", "did you mean 'x.small'?"),
    ("prices", put(2, region="n-eastt"), 4, "region", "did you mean 'n-east'?"),
    ("prices", put(0, usd_per_hour=""), 2, "usd_per_hour", "an offered price needs a figure"),
    ("prices", put(1, usd_per_hour=1), 3, "usd_per_hour", "one not offered must have none"),
    ("demand_profiles", put(5, hour=168), 7, "hour", "less than or equal to 167"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case[0]}: {case[4]}")
def test_bad_cells_are_located(
    folder: Path, case: tuple[str, Change, int, str | None, str]
) -> None:
    table, change, row, column, hint = case
    error = refused(folder, table, change)
    assert error.row == row
    assert str(error.column).startswith(str(column))
    assert hint in str(error)


def test_a_missing_column(folder: Path) -> None:
    error = refused(folder, "clouds", lambda rows: [row.pop("label") for row in rows])
    assert error.row == 1
    assert "the column 'label' is missing" in str(error)


def test_more_cells_than_columns(folder: Path) -> None:
    path = folder / "clouds.csv"
    path.write_text(path.read_text() + "west,West, really,neocloud,me,2026-01-01\n")
    with pytest.raises(CatalogError, match=r"clouds\.csv, row 5.*quote text that holds a comma"):
        Catalog.load(folder)


def test_tables_are_found_by_name(folder: Path, tmp_path: Path) -> None:
    (folder / "model.csv").write_text("model\n")
    with pytest.raises(CatalogError, match=r"model\.csv.*did you mean 'models'"):
        Catalog.load(folder)
    (folder / "model.csv").unlink()
    (folder / "models.csv").unlink()
    with pytest.raises(CatalogError, match="the table 'models' is missing"):
        Catalog.load(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match="no catalog files"):
        Catalog.load(tmp_path / "empty")


def test_every_row_type_has_its_made_up_table() -> None:
    assert set(TABLES) == set(ROW_TYPES)


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    (tmp_path / "clouds.csv").write_bytes("cloud,label\nx,Caf\xe9\n".encode("latin-1"))
    with pytest.raises(CatalogError, match=r"clouds\.csv.*UTF-8"):
        Catalog.load(overlays=[tmp_path])


def test_a_column_given_twice_says_which(tmp_path: Path) -> None:
    (tmp_path / "clouds.csv").write_text("cloud,label,label,kind,source,as_of\n")
    with pytest.raises(CatalogError, match="'label'.*twice"):
        Catalog.load(overlays=[tmp_path])


def test_a_contract_price_counts_before_a_newer_list_price(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(
        "cloud,region,instance,purchase,usd_per_hour,standing,source,as_of\n"
        "aws,us-east-1,g5.xlarge,on_demand,0.5,contract,our agreement,2020-01-01\n"
    )
    prices = Catalog.load(overlays=[tmp_path]).prices()
    row = prices[
        (prices["region"] == "us-east-1")
        & (prices["instance"] == "g5.xlarge")
        & (prices["purchase"] == "on_demand")
    ].iloc[0]
    assert row["usd_per_hour"] == 0.5
