"""Rules of thumb for one-pass models, by kind of model, kind of chip and framework."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import record


def most_specific(table: pd.DataFrame, wanted: dict[str, tuple[Any, int]]) -> int:
    """Position of the most specific row that matches; ``*`` in the table matches anything.

    Parameters
    ----------
    wanted : mapping of column to (value, weight)
        Rows that name the value outright rank by the weights of the columns where they do.
    """
    match = np.ones(len(table), bool)
    rank = np.zeros(len(table))
    for name, (value, weight) in wanted.items():
        exact = (table[name] == value).to_numpy()
        match &= exact | (table[name] == "*").to_numpy()
        rank += weight * exact
    return int(np.where(match, rank, -1.0).argmax())


@lru_cache(maxsize=4096)
def rule_of_thumb(catalog: Catalog, kind: str, chip_kind: str, framework: str) -> dict[str, Any]:
    """The most specific pass-efficiency row for a kind of model on a kind of chip."""
    table = catalog["pass_efficiency"]
    wanted = {"kind": (kind, 2), "chip_kind": (chip_kind, 4), "framework": (framework, 1)}
    return record(table.iloc[most_specific(table, wanted)])
