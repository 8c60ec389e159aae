"""Every refusal of a CSV or XLSX portfolio names file, sheet, row, column and value."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest

from advisor.catalog import Catalog
from tests.portfolio.given import CHAT, HEADER, READ, csv_rows, refused, workbook


@pytest.mark.parametrize(
    "case",
    [
        ("demand.mean_rps", "mean_rps", 1, "mean_rps", "did you mean 'demand.mean_rps'"),
        ("slo.ttft_s", "slo.tftt_s", 1, "slo.tftt_s", "did you mean 'slo.ttft_s'"),
        ("osl_tokens", "isl_tokens", 1, "isl_tokens", "given twice"),
        ("flat,8", "flat,-8", 4, "demand.mean_rps", "greater than 0"),
        ("flat,8", "flat,", 4, "demand", "exactly one of"),
        ("flat,8", "flt,8", 4, "demand.profile", "did you mean 'flat'"),
        ("us|eu", "us|ue", 2, "residency", "unknown geography"),
        ("bf16\n", "bf16,more\n", 2, None, "under no column"),
        ("read,", "chat,", 4, "name", "two entries"),
        ("x.small,plain", "x.small,", 4, "current.framework", "'self_hosted' needs this field"),
        ("aws,n-west,x.small,plain,fp32", ",,,,", 4, "current", "current.cloud"),
        ("chat,llm", '"chat,llm', 2, None, "not valid CSV"),
    ],
)
def test_bad_csv_is_located(tiny: Catalog, case: tuple[str, str, int, str | None, str]) -> None:
    right, wrong, row, column, hint = case
    text = (HEADER + CHAT + "\n" + READ).replace(right, wrong, 1)
    error = refused(text, tiny, "team.csv")
    assert (error.file, error.row, error.column) == ("team.csv", row, column)
    assert hint in str(error)


@pytest.mark.parametrize(
    ("text", "row", "hint"),
    [
        ("", 1, "nothing in it"),
        (HEADER, None, "at least one entry"),
        (HEADER + "\n" * 30_000 + CHAT, 20_001, "20,000 rows"),
    ],
)
def test_csv_too_short_or_long(tiny: Catalog, text: str, row: int | None, hint: str) -> None:
    error = refused(text, tiny, "team.csv")
    assert error.row == row
    assert hint in str(error)


@pytest.mark.parametrize(
    "case",
    [
        ("workloads", "H2", -1, "demand.mean_rps", "greater than 0"),
        ("workloads", "H2", "=1/0", None, "no value yet"),
        ("workloads", "H2", True, "demand.mean_rps", "valid number"),
        ("workloads", "D1", "modle", "modle", "did you mean 'model'"),
        ("workloads", "M2", "g.lrge", "current.instance", "did you mean 'g.large'"),
        ("organisation", "A2", "clods", "clods", "did you mean 'clouds'"),
        ("organisation", "B2", "awz", "clouds", "did you mean 'aws'"),
        ("organisation", "A3", "clouds", "clouds", "given twice"),
    ],
)
def test_bad_xlsx_is_located(tiny: Catalog, case: tuple[str, str, Any, str | None, str]) -> None:
    sheet, cell, value, column, hint = case
    organisation = [["field", "value"], ["clouds", "aws"], ["team_fte", 2]]
    content = workbook({"workloads": csv_rows(HEADER, CHAT), "organisation": organisation})
    book = openpyxl.load_workbook(io.BytesIO(content))
    book[sheet][cell] = value
    out = io.BytesIO()
    book.save(out)
    error = refused(out.getvalue(), tiny, "team.xlsx")
    row = int(cell[1:])
    assert (error.file, error.row, error.column) == (f"team.xlsx, sheet '{sheet}'", row, column)
    assert hint in str(error)


def test_sheets_are_known_by_name(tiny: Catalog) -> None:
    rows = csv_rows(HEADER, CHAT)
    assert "did you mean 'workloads'" in str(
        refused(workbook({"workload": rows}), tiny, "team.xlsx")
    )
    assert "name the sheet" in str(refused(workbook({"training": rows}), tiny, "team.xlsx"))


def test_a_damaged_workbook(tiny: Catalog) -> None:
    content = workbook({"workloads": csv_rows(HEADER, CHAT)})
    for damaged in (b"", b"not a zip", content[: len(content) // 2]):
        assert "not a readable XLSX workbook" in str(refused(damaged, tiny, "team.xlsx"))


def with_part(content: bytes, name: str, text: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def test_a_workbook_that_unpacks_without_end(tiny: Catalog) -> None:
    content = workbook({"workloads": csv_rows(HEADER, CHAT)})
    bomb = with_part(content, "xl/sharedStrings.xml", b" " * 250_000_000)
    assert len(bomb) < 1_000_000
    assert "at most 200 MB" in str(refused(bomb, tiny, "team.xlsx"))


def test_a_workbook_with_entities_without_end(tiny: Catalog) -> None:
    pairs = zip("abcdefgh", "bcdefghi", strict=True)
    entities = "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in pairs)
    content = workbook({"workloads": csv_rows(HEADER, CHAT)})
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        text = parts.read(sheet).decode().replace("chat", "&i;", 1)
    head = f'<!DOCTYPE worksheet [<!ENTITY a "{"a" * 100}">{entities}]>'
    bomb = with_part(content, sheet, (head + text.partition("?>")[2] or head + text).encode())
    assert "not a readable XLSX workbook" in str(refused(bomb, tiny, "team.xlsx"))


def test_a_row_far_below(tiny: Catalog) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook({"workloads": csv_rows(HEADER, CHAT)})))
    book["workloads"]["A900000"] = "lost"
    out = io.BytesIO()
    book.save(out)
    assert "20,000 rows" in str(refused(out.getvalue(), tiny, "team.xlsx"))
