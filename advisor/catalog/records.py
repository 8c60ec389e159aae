"""Rows of a table as plain dictionaries, typed by what tables here are: columns have names."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """All rows, each a dictionary by column name."""
    return cast("list[dict[str, Any]]", table.to_dict("records"))


def record(row: pd.Series[Any]) -> dict[str, Any]:
    """One row, a dictionary by column name."""
    return cast("dict[str, Any]", row.to_dict())
