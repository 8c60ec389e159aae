"""What travels to the browser: plain JSON, rows as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_MISSING = frozenset({"<NA>", "NaT", "nan"})
STATIC = Path(__file__).parent / "static"


def script(name: str) -> Path:
    """Return the path of one widget's JavaScript module."""
    return STATIC / f"{name}.js"


def plain(value: Any) -> Any:
    """Return `value` as something JSON can carry.

    Not-a-number, infinity and pandas' missing values become ``None``; NumPy scalars
    become Python's; anything else unknown becomes text.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        return plain(value.item())
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return None if text in _MISSING else text


def records(rows: Any) -> list[dict[str, Any]]:
    """Return a frame or an iterable of mappings as a list of plain dictionaries."""
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")
    found: Iterable[Mapping[str, Any]] = rows
    return [{str(k): plain(v) for k, v in row.items()} for row in found]


def as_columns(rows: Sequence[Mapping[str, Any]], _widget: object = None) -> dict[str, Any]:
    """Return rows as one array per key, which is a third of the size on the wire."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {
        "n": len(rows),
        "columns": {str(key): [plain(row.get(key)) for row in rows] for key in keys},
    }


def from_columns(data: Mapping[str, Any], _widget: object = None) -> list[dict[str, Any]]:
    """Return the rows of :func:`as_columns`."""
    columns: Mapping[str, Sequence[Any]] = data["columns"]
    return [{key: columns[key][i] for key in columns} for i in range(data["n"])]


ROWS = {"sync": True, "to_json": as_columns, "from_json": from_columns}
