"""What a request costs on each chip when it is kept busy: the yardstick of hardware claims."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from advisor.optimize.setting import Setting
from advisor.portfolio import Workload

KEYS = ["accelerator", "chip_share", "host_memory_gib"]
STACK = ["framework", "weight_precision"]
_KEPT: WeakKeyDictionary[Setting, dict[str, pd.DataFrame]] = WeakKeyDictionary()


def per_chip(setting: Setting, workload: Workload) -> pd.DataFrame:
    """The cheapest full-load request on each chip, with today's model and any precision allowed.

    Returns
    -------
    DataFrame
        One row per accelerator that meets the latency target and has an on-demand price where the
        organisation may buy: ``usd_per_mreq`` (USD per million requests at the low end of the
        predicted capacity), ``rps`` (per chip), ``kind`` and the variant's ``framework``,
        ``weight_precision`` and ``tensor_parallel``; cheapest first.
    """
    kept = _KEPT.setdefault(setting, {})
    if workload.name not in kept:
        kept[workload.name] = _per_chip(setting, workload)
    return kept[workload.name]


def _per_chip(setting: Setting, workload: Workload) -> pd.DataFrame:
    columns = [
        "accelerator",
        "kind",
        "usd_per_mreq",
        "rps",
        "framework",
        "weight_precision",
        "tensor_parallel",
    ]
    table = setting.variants(workload)
    if table.empty:
        return pd.DataFrame(columns=columns)
    model = setting.catalog.lookup("models", workload.model)["model"]
    able = (table["reason"] == "") & (table["rps_low"] > 0) & (table["compression"] == "none")
    able &= table["model"] == model
    able_rows = table.loc[able, [*KEYS, "tensor_parallel", "rps_low", "rps", *STACK]]
    offers = setting.allowed[setting.allowed["on_demand"].notna()]
    each = offers.assign(device_usd=offers["on_demand"] / offers["devices"])
    each = each.groupby(KEYS, dropna=False, as_index=False).agg(
        device_usd=("device_usd", "min"), kind=("chip_kind", "first"), most=("devices", "max")
    )
    best = able_rows.sort_values("rps_low", ascending=False, kind="stable").drop_duplicates(
        [*KEYS, "tensor_parallel"]
    )
    joined = best.merge(each, on=KEYS)
    joined = joined[joined["most"] >= joined["tensor_parallel"]]
    split = joined["tensor_parallel"].to_numpy(float)
    usd = joined["device_usd"].to_numpy(float) * split
    share = np.maximum(joined["chip_share"].to_numpy(float), 1e-9)
    out = joined.assign(
        usd_per_mreq=usd / (joined["rps_low"].to_numpy(float) * 3600.0) * 1e6,
        rps=joined["rps"].to_numpy(float) / split / share,
    )
    out = out.sort_values("usd_per_mreq", kind="stable").drop_duplicates("accelerator")
    return pd.DataFrame(out[columns])
