"""Read portfolios kept in spreadsheets: CSV with workloads, XLSX with a sheet for each part."""

from __future__ import annotations

import csv
import io
from typing import Any

from pydantic import BaseModel

from advisor.errors import did_you_mean

from .model import Organisation, TrainingJob, Workload
from .place import FieldPath, Locate, Place, leaves, located, unknown_field
from .sheets import Row, bounded, sheets

SHEETS: dict[str, type[BaseModel]] = {
    "workloads": Workload,
    "training": TrainingJob,
    "organisation": Organisation,
}


def read_csv(text: str, file: str) -> tuple[dict[str, Any], Locate]:
    """One workload per row; the organisation takes its defaults.

    Comma, semicolon and tab all separate cells: whichever the first line holds most of.
    """
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    try:
        rows.extend(bounded(enumerate(reader, 1), file))
    except csv.Error as error:
        row = rows[-1][0] + 1 if rows else 1
        raise located(f"not valid CSV: {error}", Place(file, row)) from None
    entries, numbers = _entries(rows, Workload, file)

    def locate(path: FieldPath) -> Place:
        return _cell(path, file, numbers)

    return {"name": _title(file), "workloads": entries}, locate


def read_xlsx(content: bytes, file: str) -> tuple[dict[str, Any], Locate]:
    """Sheets ``workloads``, ``training`` (one entry per row) and ``organisation`` (field, value).

    Only ``workloads`` must be there. Formulas count as the value they last had.
    """
    found = sheets(content, file)
    lost = next((s for s in found if s not in SHEETS), None)
    if lost is not None or "workloads" not in found:
        raise located(
            "no sheet has this name" if lost is None else "unknown sheet",
            Place(file),
            value="workloads" if lost is None else lost,
            allowed=", ".join(SHEETS),
            fix=did_you_mean(lost, SHEETS) if lost else "name the sheet that lists them so",
        )
    data: dict[str, Any] = {"name": _title(file)}
    numbers: dict[str, list[int]] = {}
    places = {name: f"{file}, sheet '{name}'" for name in SHEETS}
    for name in ("workloads", "training"):
        if name in found:
            data[name], numbers[name] = _entries(found[name], SHEETS[name], places[name])
    fields: dict[str, int] = {}
    if "organisation" in found:
        data["organisation"], fields = _pairs(found["organisation"], places["organisation"])

    def locate(path: FieldPath) -> Place:
        sheet = str(path[0]) if path else "workloads"
        if sheet in numbers:
            return _cell(path, places[sheet], numbers[sheet])
        column = ".".join(s for s in path[1:] if isinstance(s, str))
        return Place(places.get(sheet, file), fields.get(column), column or None)

    return data, locate


def _title(file: str) -> str:
    return file.rpartition(".")[0][:120]


def _cell(path: FieldPath, file: str, numbers: list[int]) -> Place:
    row = numbers[path[1]] if len(path) > 1 and isinstance(path[1], int) else None
    return Place(file, row, ".".join(s for s in path[2:] if isinstance(s, str)) or None)


def _entries(
    rows: list[Row], record: type[BaseModel], file: str
) -> tuple[list[dict[str, Any]], list[int]]:
    """One entry per row below the header, and the row each stood in."""
    if not rows:
        raise located("nothing in it", Place(file, 1), fix="the first row names the columns")
    header = [h.strip() for h in rows[0][1]]
    columns = leaves(record)
    for i, name in enumerate(header):
        place = Place(file, rows[0][0], name)
        if name and name not in columns:
            raise unknown_field(name, record, place)
        if name and name in header[:i]:
            raise located("this column is given twice", place, fix="keep one")
    named = {i for i, name in enumerate(header) if name}
    entries = []
    for number, cells in rows[1:]:
        extra = [c for i, c in enumerate(cells) if c.strip() and i not in named]
        if extra:
            raise located(
                "a cell under no column",
                Place(file, number),
                value=extra[0],
                fix="name its column in the first row, or quote text that holds a comma",
            )
        entry: dict[str, Any] = {}
        for name, cell in zip(header, cells, strict=False):
            _put(entry, name, cell.strip(), several=columns.get(name, False))
        entries.append(entry)
    return entries, [number for number, _ in rows[1:]]


def _pairs(rows: list[Row], file: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Fields in the first column, values in the second, and the row each stood in."""
    columns = leaves(Organisation)
    data: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    for number, cells in rows:
        name, value = [*(c.strip() for c in cells), "", ""][:2]
        if (name.casefold(), value.casefold()) == ("field", "value"):
            continue
        place = Place(file, number, name)
        if name not in columns and f"{name.rpartition('.')[0]}.*" not in columns:
            raise unknown_field(name, Organisation, place)
        if name in numbers:
            raise located("this field is given twice", place, fix="keep one")
        numbers[name] = number
        _put(data, name, value, several=columns.get(name, False))
    return data, numbers


def _put(entry: dict[str, Any], column: str, cell: str, *, several: bool) -> None:
    """Set a dotted column; a blank cell leaves it unset."""
    if not cell:
        return
    *parents, last = column.split(".")
    for parent in parents:
        entry = entry.setdefault(parent, {})
    entry[last] = [v.strip() for v in cell.split("|") if v.strip()] if several else cell
