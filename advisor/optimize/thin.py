"""Throw away what cannot be part of any best plan, once, for every set of levers.

A variant needs the levers whose decisions it changes. Another on the same devices and platform
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

from .effort import distillation_usd_year, hours, mapped
from .levers import LEVER_FIELDS

PLATFORM = ["framework", "accelerator", "chip_share", "host_memory_gib", "tensor_parallel"]


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
    """Feasible variants that no other makes useless, with ``needs`` and ``effort_usd``.

    Parameters
    ----------
    table : DataFrame
        All variants with predictions.
    """
    able = table[table["reason"] == ""].reset_index(drop=True)
    if able.empty:
        return able.assign(needs=0)
    keep = ("sourcing", "provider", "instance", "cloud", "region", "cache", "purchase")
    as_today = able.assign(**{k: today[k] for k in keep})
    work = hours(catalog, workload, today, as_today).sum(axis=1).to_numpy()
    study = mapped(able["model"], lambda m: distillation_usd_year(catalog, workload, m))
    fields = {n for names in LEVER_FIELDS.values() for n in names}
    able = able.assign(needs=needed(able, today, fields), _work=work, _study=study)
    group = able.groupby(PLATFORM, dropna=False, sort=False).ngroup().to_numpy()
    kept = _front(
        group,
        able["rps_low"].to_numpy(float),
        able["needs"].to_numpy(np.int64),
        np.stack([work, study], axis=1),
    )
    return able[kept].drop(columns=["_work", "_study"]).reset_index(drop=True)


def _front(
    group: npt.NDArray[np.int64],
    rps: npt.NDArray[np.float64],
    needs: npt.NDArray[np.int64],
    costs: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Rows that no row of their group beats on all counts; of equals, the first stays."""
    keep = np.zeros(len(group), bool)
    order = np.lexsort((costs.sum(axis=1), -rps, group))
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    for members in np.split(order, starts[1:]):
        chosen: list[int] = []
        for i in members:
            beaten = any(
                needs[k] & ~needs[i] == 0 and bool((costs[k] <= costs[i]).all()) for k in chosen
            )
            if not beaten:
                chosen.append(int(i))
        keep[chosen] = True
    return keep
