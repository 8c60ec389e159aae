"""Read one catalog table: CSV text in, validated rows out, errors that name the cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pandas as pd
from pydantic import ValidationError

from advisor.errors import CatalogError, did_you_mean, nearest

from .rows import ROW_TYPES, Row


def row_type(path: Path) -> type[Row]:
    """The row type a CSV file holds, by its name.

    Raises
    ------
    CatalogError
        When no table has that name.
    """
    try:
        return ROW_TYPES[path.stem]
    except KeyError:
        raise CatalogError(
            "no catalog table has this name",
            file=path.name,
            value=path.stem,
            allowed=", ".join(sorted(ROW_TYPES)),
            fix=did_you_mean(path.stem, ROW_TYPES),
        ) from None


EXTRA = "\0"
"""What cells beyond the last column are filed under; no column can be called so."""


def read_table(path: Path) -> pd.DataFrame:
    """Read and validate one table.

    Parameters
    ----------
    path : Path
        A CSV file named after its table, UTF-8, first line the column names.

    Returns
    -------
    DataFrame
        One line per row; columns are the row type's fields plus ``file`` and ``row`` (1-based,
        as a spreadsheet counts), so that later checks can still name the cell.

    Raises
    ------
    CatalogError
        For an unknown table or column, or a value outside what its field allows.
    """
    kind = row_type(path)
    with io.StringIO(_text(path), newline="") as handle:
        reader = csv.DictReader(handle, restkey=EXTRA)
        _check_header(reader.fieldnames or [], kind, path)
        records = [_record(kind, cells, path, number) for number, cells in _numbered(reader)]
    frame = pd.DataFrame.from_records(records, columns=[*kind.columns(), "file", "row"])
    _check_unique(frame, kind)
    return frame


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CatalogError(
            "the file is not UTF-8 text",
            file=path.name,
            value=f"byte {error.start}",
            fix="save it as CSV UTF-8",
        ) from None


def _numbered(reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for cells in reader:
        if any(v for v in cells.values()):
            yield reader.line_num, cells


def _check_header(header: Any, kind: type[Row], path: Path) -> None:
    twice = {name for name in header if list(header).count(name) > 1}
    if twice:
        raise CatalogError(
            "the column stands twice",
            file=path.name,
            row=1,
            column=sorted(twice)[0],
            fix="keep one",
        )
    for name in header:
        if name not in kind.model_fields:
            raise CatalogError(
                "unknown column",
                file=path.name,
                row=1,
                column=name,
                allowed=", ".join(kind.model_fields),
                fix=did_you_mean(name, kind.model_fields),
            )
    missing = [n for n, f in kind.model_fields.items() if f.is_required() and n not in header]
    if missing:
        raise CatalogError(
            f"the column '{missing[0]}' is missing",
            file=path.name,
            row=1,
            fix=f"add it; the table needs {', '.join(missing)}",
        )


def _record(kind: type[Row], cells: dict[str, Any], path: Path, number: int) -> dict[str, Any]:
    if EXTRA in cells:
        raise CatalogError(
            "more cells than columns",
            file=path.name,
            row=number,
            value=cells[EXTRA],
            fix="quote text that holds a comma",
        )
    given = {k: v for k, v in cells.items() if v not in (None, "")}
    try:
        row = kind.model_validate(given)
    except ValidationError as error:
        raise _located(error, kind, path, number) from None
    return {**{n: getattr(row, n) for n in kind.model_fields}, "file": path.name, "row": number}


def _located(error: ValidationError, kind: type[Row], path: Path, number: int) -> CatalogError:
    first = error.errors()[0]
    column = str(first["loc"][0]) if first["loc"] else None
    if first["type"] == "missing":
        return CatalogError(
            "the cell is empty",
            file=path.name,
            row=number,
            column=column,
            fix="a row without it does not load: fill it in",
        )
    choices = get_args(kind.model_fields[column].annotation) if column else ()
    hit = nearest(str(first["input"]), choices) if choices else None
    return CatalogError(
        first["msg"].lower(),
        file=path.name,
        row=number,
        column=column,
        value=first["input"],
        fix=f"did you mean '{hit}'?" if hit else None,
    )


def _check_unique(frame: pd.DataFrame, kind: type[Row]) -> None:
    twice = frame.duplicated(list(kind.key))
    if twice.any():
        row = frame[twice].iloc[0]
        raise CatalogError(
            "this row appears twice in the file",
            file=row["file"],
            row=int(row["row"]),
            column="+".join(kind.key),
            value=tuple(str(row[k]) for k in kind.key),
            fix="keep one, or give the newer one its own as_of where the table allows it",
        )
