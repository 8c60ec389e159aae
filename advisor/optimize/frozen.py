"""What locked levers keep as deployed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .choices import Candidate
from .levers import LEVER_FIELDS, LeverSet


def frozen_fields(levers: LeverSet, today: Candidate) -> dict[str, Any]:
    """Fields that must stay as deployed, with their values.

    A hosted deployment has no machine, precision or framework to keep, so those are free once its
    sourcing is; and a closed model cannot be hosted at all, so its model is free then too.
    """
    out = {
        name: today.choice[name]
        for lever, names in LEVER_FIELDS.items()
        if lever not in levers
        for name in names
    }
    if today.choice["sourcing"] == "managed_api":
        kept = ("sourcing", "provider", "cache")
        out = {k: v for k, v in out.items() if k in kept}
    return out


def masked(table: pd.DataFrame, frozen: dict[str, Any]) -> pd.DataFrame:
    """Rows whose fields equal the frozen ones."""
    for name, value in frozen.items():
        if name in table.columns:
            plain = isinstance(value, str | float | int)
            same = table[name] == value if plain else table[name].map(lambda v, f=value: v == f)
            table = table[same.to_numpy(bool)]
    return table
