"""Throw away what cannot be part of any best plan, once, for every set of levers.

A variant needs the levers whose decisions it changes. Another of the same model on the same stack
that needs no more of them, does at least as much and costs no more to get to makes it useless
whatever is unlocked, so a few per cent of all variants are enough for every solve.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.portfolio import LEVERS, Lever, Workload

from .effort import PLACED, hours, mapped
from .levers import LEVER_FIELDS

SAME = ["model", "framework", "accelerator", "chip_share", "host_memory_gib"]
SAME += ["network_s", "tensor_parallel"]
"""Variants that differ in these are never compared."""


def bit(lever: Lever) -> int:
    """A lever as a bit of a set."""
    return 1 << LEVERS.index(lever)


def bits(levers: Collection[Lever]) -> int:
    """A set of levers as one number."""
    return sum(bit(lever) for lever in set(levers))


def needed(
    table: pd.DataFrame, today: Mapping[str, Any], fields: Collection[str]
) -> npt.NDArray[np.int64]:
    """Levers each row needs, as bits, judged by those `fields` that `table` holds.

    A hosted deployment has no machine, precision or framework to keep: leaving it takes
    `SOURCING` alone.
    """
    out = np.zeros(len(table), np.int64)
    if today["sourcing"] == "managed_api":
        return out + bit("SOURCING")
    for lever, names in LEVER_FIELDS.items():
        for name in names:
            if name in fields and name in table.columns:
                other = mapped(table[name], lambda v, n=name: float(v != today[n]))  # type: ignore[misc]
                out |= np.where(other > 0, bit(lever), 0)
    return out


def useful(
    catalog: Catalog, workload: Workload, today: Mapping[str, Any], table: pd.DataFrame
) -> pd.DataFrame:
    """Feasible variants that no other makes useless, with ``needs``.

    Parameters
    ----------
    table : DataFrame
        All variants with predictions.
    """
    able = table[table["reason"] == ""].reset_index(drop=True)
    if able.empty:
        return able.assign(needs=0)
    needs, work = effort(catalog, workload, today, able)
    group = able.groupby(SAME, dropna=False, sort=False).ngroup().to_numpy().astype(np.int64)
    kept = unbeaten(group, able["rps_low"].to_numpy(float), needs, work)
    return able.assign(needs=needs)[kept].reset_index(drop=True)


def effort(
    catalog: Catalog, workload: Workload, today: Mapping[str, Any], table: pd.DataFrame
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Levers that variants need, as bits, and their engineering hours at today's place."""
    as_today = table.assign(**{k: today[k] for k in PLACED})
    work = hours(catalog, workload, today, as_today).sum(axis=1).to_numpy(float)
    fields = {n for names in LEVER_FIELDS.values() for n in names}
    return needed(table, today, fields), work


def unbeaten(
    group: npt.NDArray[np.int64],
    rps: npt.NDArray[np.float64],
    needs: npt.NDArray[np.int64],
    work: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Rows that no row of their group beats on all counts; of equals, the first stays.

    For each set of levers in turn: among the rows that need no more, in order of effort, one is
    kept if its throughput exceeds all before it.
    """
    order = np.lexsort((-rps, work, group))
    # Ranks let one running maximum serve all groups: a later group starts above every earlier one.
    rank = np.unique(rps, return_inverse=True)[1].astype(np.int64)
    level = group * (rank.max() + 2) + rank
    keep = np.zeros(len(group), bool)
    for mask in np.unique(needs):
        rows = order[(needs[order] & ~mask) == 0]
        best = np.maximum.accumulate(level[rows])
        first = np.r_[True, level[rows][1:] > best[:-1]]
        keep[rows[first & (needs[rows] == mask)]] = True
    return keep
