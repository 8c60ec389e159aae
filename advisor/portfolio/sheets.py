"""Rows of text out of a workbook, whatever its size or state."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from advisor.errors import PortfolioError

from .place import Place, located

MAX_ROWS = 20_000
MAX_COLUMNS = 500
MAX_UNPACKED_BYTES = 200_000_000

Row = tuple[int, list[str]]
"""Its number, counted from 1, and its cells."""


def bounded(rows: Iterable[Row], file: str) -> Iterator[Row]:
    """Rows with anything in them, up to the limit."""
    for number, cells in rows:
        if number > MAX_ROWS or len(cells) > MAX_COLUMNS:
            raise located(
                "too large to be a list of workloads",
                Place(file, number),
                allowed=f"{MAX_ROWS:,} rows of {MAX_COLUMNS} columns",
                fix="delete the empty rows below the last entry",
            )
        if any(c.strip() for c in cells):
            yield number, cells


def sheets(content: bytes, file: str) -> dict[str, list[Row]]:
    """Every sheet's rows, as shown; see `bounded` for what is refused."""
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(p.file_size for p in parts.infolist())
        _check_size(unpacked, file)
        values, formulas = (
            openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=shown)
            for shown in (True, False)
        )
        return {
            name: _kept(values[name], formulas[name], f"{file}, sheet '{name}'")
            for name in values.sheetnames
        }
    except PortfolioError:
        raise
    except Exception as error:  # whatever a damaged file makes the library raise
        raise located(
            "not a readable XLSX workbook", Place(file), fix="save it again as .xlsx"
        ) from error


def _check_size(unpacked: int, file: str) -> None:
    if unpacked > MAX_UNPACKED_BYTES:
        raise located(
            "it unpacks to more than a portfolio can hold",
            Place(file),
            value=f"{unpacked / 1e6:,.0f} MB",
            allowed=f"at most {MAX_UNPACKED_BYTES / 1e6:,.0f} MB",
        )


def _kept(values: Any, formulas: Any, file: str) -> list[Row]:
    return list(bounded(_shown(values, formulas, file), file))


def _shown(values: Any, formulas: Any, file: str) -> Iterator[Row]:
    """Rows as the spreadsheet shows them; a formula that was never worked out is an error."""
    for sheet in (values, formulas):
        sheet.reset_dimensions()  # what a file says of its own size is not always so
    both = zip(values.iter_rows(), formulas.iter_rows(), strict=True)
    for number, (shown, written) in enumerate(both, 1):
        for value, formula in zip(shown, written, strict=True):
            if value.value is None and formula.value is not None:
                raise located(
                    "this formula has no value yet",
                    Place(file, number),
                    value=formula.value,
                    fix="open the workbook in a spreadsheet program and save it",
                )
        cells = [_text(c.value) for c in shown]
        while cells and not cells[-1]:
            cells.pop()
        yield number, cells


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).strip()
