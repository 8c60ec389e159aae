"""What a latency limit leaves of the saturated rate, from chips where both were measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from advisor.catalog import Catalog

from .anchors import known
from .configs import Array
from .pass_effects import Effect, covariance, prior

NOISE = 0.06
"""One submitter's result: they tune for the limit more or less well, in logarithms."""
ANCHOR_NOISE = 0.03
"""The same of an anchor, mostly the median of several."""


@dataclass(frozen=True)
class Shares:
    """Anchors whose Server result is known, and their deviations weighed."""

    table: pd.DataFrame
    weights: Array
    inverse: Array


@lru_cache(maxsize=64)
def _known(catalog: Catalog) -> Shares:
    every = known(catalog)
    return solved(every.table, every.effects)


def solved(table: pd.DataFrame, shared: tuple[Effect, ...]) -> Shares:
    """Condition the effects on those of a table of anchors whose Server result is known."""
    table = table[table["server"].notna()].reset_index(drop=True)
    cover = covariance(table, table, shared, "server") + ANCHOR_NOISE**2 * np.eye(len(table))
    inverse = np.linalg.inv(cover) if len(table) else np.zeros((0, 0))
    deviation = np.log(table["server"].to_numpy(float) / table["rule_server"].to_numpy(float))
    return Shares(table, inverse @ deviation, np.asarray(inverse, float))


def server_share(catalog: Catalog, asked: pd.DataFrame, rule: Array) -> tuple[Array, Array]:
    """Share of the saturated rate within the limits of MLPerf's Server scenario.

    Parameters
    ----------
    asked : DataFrame
        The columns of `anchors.features`.
    rule : array, shape (n,)
        The rule's share.

    Returns
    -------
    array, shape (n,)
        The share.
    array, shape (n,)
        Standard deviation of its logarithm, one submitter's result included.
    """
    k = _known(catalog)
    shared = known(catalog).effects
    across = covariance(asked, k.table, shared, "server")
    left = np.maximum(
        prior(asked, shared, "server") - np.einsum("ij,jk,ik->i", across, k.inverse, across), 0.0
    )
    return rule * np.exp(across @ k.weights), np.sqrt(left + NOISE**2)
