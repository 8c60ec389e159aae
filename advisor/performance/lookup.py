"""Catalog rows for long columns of names: each distinct name is looked up once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog

from .configs import Array


class Lookup:
    """The rows of a table for n names.

    Parameters
    ----------
    catalog : Catalog
    table : str
    names : Series or array, shape (n,)

    Raises
    ------
    NotFoundError
        For a name that the table does not hold.
    """

    def __init__(self, catalog: Catalog, table: str, names: Any) -> None:
        self.codes, unique = pd.factorize(np.asarray(names, dtype=object))
        self.rows = pd.DataFrame([catalog.lookup(table, n) for n in unique])

    def numbers(self, column: str, default: float = np.nan) -> Array:
        """A column as floats, shape (n,), blanks as `default`."""
        small = np.asarray(pd.to_numeric(self.rows[column]).fillna(default), float)
        return small[self.codes]

    def values(self, column: str) -> npt.NDArray[np.object_]:
        """A column as objects, shape (n,)."""
        small: npt.NDArray[np.object_] = self.rows[column].to_numpy(object)
        return small[self.codes]

    def flags(self, column: str) -> npt.NDArray[np.bool_]:
        """A yes/no column, shape (n,); blanks are no."""
        small = np.array([v is True or v == 1 for v in self.rows[column]], dtype=bool)
        return small[self.codes]


def column(frame: pd.DataFrame, name: str, default: float = np.nan) -> Array:
    """A frame's column as floats, `default` where it is blank or the frame lacks the column."""
    if name not in frame:
        return np.full(len(frame), default)
    return np.asarray(pd.to_numeric(frame[name]).fillna(default), float)
