"""Larger models that may answer what a small one cannot: on machines like its own, or hosted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.portfolio import Workload

from . import hosted
from .choices import Array
from .effort import SECOND, VariantWork, mapped
from .forecasts import Forecast, params_of
from .parts import CAPACITY
from .places import Ints
from .setting import Setting
from .thin import bit, unbeaten

NODE = ["accelerator", "chip_share", "host_memory_gib", "network_s"]
SHARED = [*NODE, "framework"]
"""What both models of a pair on machines have in common."""
REST = ["tensor_parallel", *SECOND, *CAPACITY, "rps", "quality", "weights_gib", "evidence"]
REST += ["price_as_of"]
"""What is kept of the larger model: columns ``rest_…``."""
TIMES = ("latency_s", "first_s", "token_s")


def hosts(setting: Setting, workload: Workload) -> list[dict[str, Any]]:
    """Hosted models that may serve the rest: of hosts of one model the cheapest, the same answers.

    Each with ``usd`` a request and ``adopt``, the engineering hours of taking it on.
    """
    cheapest: dict[str, dict[str, Any]] = {}
    catalog, today = setting.catalog, workload.current
    for row, reason in hosted.options(setting, workload):
        model = catalog.lookup("models", row["model"])["model"]
        usd = hosted.usd_per_request(catalog, workload, row)
        if reason or (model in cheapest and cheapest[model]["usd"] <= usd):
            continue
        adopt = float(catalog.lookup("sourcing", "managed_api")["adopt_hours"])
        if today.sourcing == "managed_api":
            now = (today.provider, today.api_model, today.api_tier)
            known = (row["provider"], row["api_model"], row["tier"]) == now
            adopt = 0.0 if known else catalog.assumption("rightsize_hours")
        cheapest[model] = {
            "model": model,
            "host": hosted.name_of(row),
            "usd": usd,
            "adopt": adopt,
            "evidence": row["standing"],
            "price_as_of": str(row["as_of"]),
        }
    return list(cheapest.values())


def others_of(
    setting: Setting, forecast: Forecast, offers: Sequence[dict[str, Any]], node: Ints
) -> tuple[dict[str, npt.NDArray[Any]], Ints]:
    """Larger models that may serve the rest: useful variants, then hosted ones.

    Returns
    -------
    dict of arrays
        `REST`, `TIMES` and ``model``, ``params_b``, ``needs``, the work of each (``stay``,
        ``move``, ``study_usd_year``, and all of it as ``hours``); ``host`` and ``usd`` a request
        of hosted ones, else None and NaN.
    array of int
        The node of each, of those of the useful variants; -1 if hosted.
    """
    table, work = forecast.useful, forecast.work
    keep = np.zeros(0, np.int64)
    if len(table):
        needs = table["needs"].to_numpy().astype(np.int64)
        model, split = (pd.factorize(table[c])[0] for c in ("model", "tensor_parallel"))
        group = (node * (model.max() + 1) + model) * (split.max() + 1) + split
        low, good = (table[c].to_numpy(float) for c in ("rps_low", "quality"))
        keep = np.flatnonzero(unbeaten(pd.factorize(group)[0].astype(np.int64), low, needs, -good))
    n = len(offers)
    none, zero = np.full(n, np.nan), np.zeros(n)

    def both(name: str, of_hosts: Any) -> npt.NDArray[Any]:
        if table.empty:
            return np.asarray(of_hosts)
        return np.concatenate([table[name].to_numpy()[keep], of_hosts])

    def each(name: str) -> npt.NDArray[np.object_]:
        return np.array([o[name] for o in offers], object)

    texts = {name: np.full(n, None, object) for name in SECOND}
    texts["techniques"] = np.array([(), None], object)[np.zeros(n, int)]
    adopt = each("adopt").astype(float)
    models = both("model", each("model"))
    out = {
        **{name: both(name, texts.get(name, none)) for name in REST if name != "price_as_of"},
        **{name: both(name, none) for name in TIMES},
        "model": models,
        "params_b": mapped(pd.Series(models), lambda m: params_of(setting.catalog, m)),
        "quality": both("quality", np.ones(n)),
        "evidence": both("evidence", each("evidence")),
        "needs": both("needs", np.full(n, bit("SOURCING"))).astype(np.int64),
        "host": np.r_[np.full(len(keep), None, object), each("host")],
        "price_as_of": np.r_[np.full(len(keep), None, object), each("price_as_of")],
        "usd": np.r_[np.full(len(keep), np.nan), each("usd").astype(float)],
        "stay": np.r_[work.stay[keep], adopt],
        "move": np.r_[work.move[keep], adopt],
        "study_usd_year": np.r_[work.study_usd_year[keep], zero],
        "hours": np.r_[all_hours(setting, work)[keep], adopt],
    }
    return out, np.r_[node[keep], np.full(n, -1)]


def nodes(forecast: Forecast) -> Ints:
    """A number for the node and framework of each row of `Forecast.poor`, then of ``useful``."""
    out = np.zeros(len(forecast.poor) + len(forecast.useful), np.int64)
    tables = [t for t in (forecast.poor, forecast.useful) if len(t)]
    for name in SHARED:
        values = np.concatenate([t[name].to_numpy() for t in tables])
        codes = pd.factorize(values, use_na_sentinel=False)[0]
        out = out * (codes.max(initial=0) + 1) + codes
    return pd.factorize(out)[0].astype(np.int64)


def beside(node: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Rows of a small and of a larger model on one node, and each small one with each host."""
    at = np.argsort(other, kind="stable")
    first = np.searchsorted(other[at], node, "left")
    count = np.searchsorted(other[at], node, "right") - first
    small = np.repeat(np.arange(len(node)), count)
    offset = np.arange(len(small)) - np.repeat(np.cumsum(count) - count, count)
    hosts = np.flatnonzero(other < 0)
    return (
        np.r_[small, np.repeat(np.arange(len(node)), len(hosts))],
        np.r_[at[np.repeat(first, count) + offset], np.tile(hosts, len(node))],
    )


def all_hours(setting: Setting, work: VariantWork) -> Array:
    """One-off work with all that distilling takes over the horizon, in hours, shape (n,)."""
    study = work.study_usd_year * setting.horizon_months / 12.0
    return np.asarray(np.minimum(work.stay, work.move) + study / setting.usd_per_hour)
