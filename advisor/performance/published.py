"""The catalog's published measurements, in the contract of any measurement file."""

from __future__ import annotations

import pandas as pd

from advisor.catalog import Catalog

from .contract import checked


def measurements(catalog: Catalog) -> pd.DataFrame:
    """All measurements of the catalog and its overlays.

    Parameters
    ----------
    catalog : Catalog

    Returns
    -------
    DataFrame
        As `contract.read_measurements` gives them.
    """
    table = catalog["measurements"].drop(columns=["file", "row"]).astype(object)
    return checked(table.where(table.notna(), ""), "measurements.csv")
