"""Where a workload may run: what locked levers keep as deployed, and the offers that leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from advisor.portfolio import Workload

from .choices import Candidate
from .levers import LEVER_FIELDS, LeverSet
from .setting import Setting


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


def offered(setting: Setting, workload: Workload, frozen: dict[str, Any]) -> pd.DataFrame:
    """Offers the workload may use, repeated for each way of sourcing, at that way's price."""
    table = masked(setting.allowed, {k: v for k, v in frozen.items() if k != "purchase"})
    if frozen.get("cloud"):
        # Today's place stays open even where the organisation would buy nothing new.
        table = masked(setting.offers, {k: v for k, v in frozen.items() if k != "purchase"})
    if workload.residency:
        inside = table["geography"].isin(workload.residency) | (table["cloud_kind"] == "owned")
        table = table[inside]
    parts = []
    for sourcing in _sourcings(frozen):
        if sourcing == "owned":
            part = table[table["cloud_kind"] == "owned"]
        elif sourcing == "managed_inference":
            part = table[table["cloud_kind"] == "hyperscaler"].copy()
            premium = setting.catalog.lookup("sourcing", sourcing)["premium"]
            part["on_demand"] = part["on_demand"] * (1.0 + float(premium or 0.0))
            part[["spot", "commit"]] = np.nan
            # The premium is a ratio seen on a few machines, applied to all.
            part["standing"] = "derived"
        else:
            part = table[table["cloud_kind"] != "owned"]
        parts.append(part.assign(sourcing=sourcing))
    out = pd.concat(parts, ignore_index=True)
    purchase = frozen.get("purchase")
    if purchase:
        out["fixed"] = out[purchase]
        out = out[out["fixed"].notna()]
    return out


def _sourcings(frozen: dict[str, Any]) -> list[str]:
    if "sourcing" in frozen:
        return [frozen["sourcing"]]
    return ["self_hosted", "managed_inference", "owned"]


def thinned(table: pd.DataFrame, today: Candidate) -> pd.DataFrame:
    """Drop offers that another of the same machine beats on every price.

    Adds ``least_<option>``: the lowest price of each option over all offers of the same machine,
    which the lower bound needs of those dropped.
    """
    keys = ["sourcing", "accelerator", "chip_share", "host_memory_gib", "devices"]
    keep: set[int] = set()
    columns = ["fixed" if "fixed" in table.columns else "on_demand", "spot", "commit"]
    least = table.groupby(keys, dropna=False)[columns].transform("min")
    table = table.assign(**{f"least_{c}": least[c] for c in columns})
    for column in columns:
        ordered = table[table[column].notna()].sort_values(column, kind="stable")
        keep.update(ordered.groupby(keys, dropna=False).head(1).index)
    here = (table["region"] == today.choice["region"]) & (table["cloud"] == today.choice["cloud"])
    keep.update(table.index[here])
    return table.loc[sorted(keep)]
