"""Every way a workload's model could be run, before money: model x precision x stack x chip.

One row is one kind of replica, with what it can do. Regions, prices and purchase options come
later, so each is predicted once. Rows that cannot work keep their reason.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.performance.chips import peak_tflops
from advisor.performance.lookup import Lookup
from advisor.performance.predict import predict
from advisor.performance.under_load import under_load as load_of
from advisor.portfolio import Workload

from .effort import mapped
from .recalibrate import correction

INTRINSIC = frozenset({"continuous_batching", "paged_kv"})
"""Techniques a framework cannot be run without; all others are the team's choice."""
SPLITS = (1, 2, 4, 8)
NO_COMPRESSION = "none"
DEFAULT_KV = "kv-16"

STACK = (
    "model",
    "framework",
    "techniques",
    "compression",
    "params_factor",
    "weight_precision",
    "kv_precision",
)
NODE = ("accelerator", "chip_share", "host_memory_gib")


def techniques_today(catalog: Catalog, workload: Workload) -> tuple[str, ...]:
    """Serving techniques of today's deployment: what was named and what its framework implies."""
    current = workload.current
    if current.framework is None:
        return ()
    offered = catalog.lookup("frameworks", current.framework)["techniques"] or ()
    return tuple(sorted(set(current.techniques) | (set(offered) & INTRINSIC)))


def model_options(catalog: Catalog, workload: Workload) -> list[str]:
    """Models that could be hosted for this workload: today's, its students, its substitutes."""
    today = catalog.lookup("models", workload.model)
    known = {today["model"], *(today["aliases"] or ())}
    out = [] if today["closed"] else [today["model"]]
    for row in records(catalog["models"]):
        if known & set(row["distills_from"] or ()) and not row["closed"]:
            out.append(row["model"])
    for name in workload.substitutes:
        row = catalog.lookup("models", name)
        if not row["closed"]:
            out.append(row["model"])
    return list(dict.fromkeys(out))


def _technique_sets(offered: tuple[str, ...], today: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Today's set where this framework offers it, all it offers, and all but speculation."""
    everything = set(offered)
    sets = [everything - {"speculative_decoding"}, everything]
    if set(today) <= everything:
        sets.append(set(today))
    return list(dict.fromkeys(tuple(sorted(s)) for s in sets))


def _compressions(catalog: Catalog, kind: str) -> list[tuple[str, float]]:
    out = [(NO_COMPRESSION, 1.0)]
    for row in records(catalog["compression"]):
        prunes = row["lever"] == "PRECISION" and row["params_factor"] < 1.0
        # Pruned LLMs need recovery training that belongs to distillation, priced there.
        if prunes and not row["needs_sparse_kernel"] and kind in row["kinds"] and kind != "llm":
            out.append((row["technique"], float(row["params_factor"])))
    return out


def _weight_precisions(
    catalog: Catalog, kind: str, supported: tuple[str, ...], today: str | None
) -> list[str]:
    """Weight formats to consider: of several that are alike in all that counts, one."""
    counts = ("peak", "bits_per_weight", "weight_only", "quality_loss", "engineering_hours")
    found: dict[tuple[Any, ...], str] = {}
    for row in records(catalog["precisions"]):
        if row["role"] != "weights" or kind not in row["kinds"]:
            continue
        if row["precision"] not in supported:
            continue
        key = tuple(row[c] for c in counts)
        if key not in found or row["precision"] == today:
            found[key] = row["precision"]
    return list(found.values())


def _stacks(catalog: Catalog, workload: Workload) -> list[tuple[Any, ...]]:
    kind, current = workload.kind, workload.current
    today = techniques_today(catalog, workload)
    models = model_options(catalog, workload)
    out: list[tuple[Any, ...]] = []
    for row in records(catalog["frameworks"]):
        deployed = row["framework"] == current.framework
        if kind not in row["kinds"] or (row["lifecycle"] != "active" and not deployed):
            continue
        weights = _weight_precisions(
            catalog, kind, row["weight_precisions"], current.weight_precision
        )
        kvs = [DEFAULT_KV]
        if kind == "llm":
            kvs = list(dict.fromkeys([DEFAULT_KV, *(row["kv_precisions"] or ())]))
        offered = tuple(t for t in row["techniques"] or () if _applies(catalog, t, kind))
        sets = _technique_sets(offered, today if deployed else ())
        for model, techniques, (cut, factor), weight, kv in product(
            models, sets, _compressions(catalog, kind), weights, kvs
        ):
            out.append((model, row["framework"], techniques, cut, factor, weight, kv))
    return out


def _applies(catalog: Catalog, technique: str, kind: str) -> bool:
    return kind in catalog.lookup("techniques", technique)["kinds"]


def variants(catalog: Catalog, workload: Workload, offers: pd.DataFrame) -> pd.DataFrame:
    """All replica variants of a workload on the chips that `offers` holds, with predictions.

    Returns
    -------
    DataFrame
        Columns of `STACK` and `NODE`, ``tensor_parallel``, the prediction's columns, ``quality``
        (share of today's) and ``reason`` (empty where feasible).
    """
    nodes = _nodes(offers, workload.kind == "llm")
    stacks = pd.DataFrame(_stacks(catalog, workload), columns=list(STACK))
    if nodes.empty or stacks.empty:
        return pd.DataFrame()
    able = _able(catalog, stacks, nodes, workload.kind)
    s, n = np.nonzero(able)
    places = nodes[[*NODE, "tensor_parallel"]]
    table = pd.concat(
        [stacks.take(s).reset_index(drop=True), places.take(n).reset_index(drop=True)], axis=1
    )
    return with_predictions(catalog, workload, table)


def _nodes(offers: pd.DataFrame, splits: bool) -> pd.DataFrame:
    """Distinct chips (or shares of one) with each number of devices a replica may span."""
    table = offers.groupby(list(NODE), dropna=False, as_index=False).agg(
        chip_kind=("chip_kind", "first"),
        vendor=("vendor", "first"),
        family=("family", "first"),
        most=("devices", "max"),
    )
    parts = []
    for devices in SPLITS if splits else (1,):
        whole = (table["chip_share"] == 1.0) & (table["most"] >= devices)
        keep = whole if devices > 1 else table["most"] > 0
        parts.append(table[keep].assign(tensor_parallel=devices))
    out: pd.DataFrame = pd.concat(parts, ignore_index=True).drop(columns="most")
    return out


def _able(
    catalog: Catalog, stacks: pd.DataFrame, nodes: pd.DataFrame, kind: str
) -> npt.NDArray[np.bool_]:
    """Which stack runs on which node at all: framework, vendor, arithmetic. Shape (s, n)."""
    out = np.ones((len(stacks), len(nodes)), bool)
    codes, names = pd.factorize(stacks["framework"])
    for code, name in enumerate(names):
        row = catalog.lookup("frameworks", name)
        ok = nodes["chip_kind"].isin(row["chip_kinds"]) & nodes["vendor"].isin(row["vendors"])
        if kind == "llm" and row["llm_families"]:
            ok &= nodes["family"].isin(row["llm_families"])
        out[codes == code] &= ok.to_numpy()
    for column in ("weight_precision", "kv_precision"):
        codes, names = pd.factorize(stacks[column])
        for code, name in enumerate(names):
            # A 16-bit cache needs no arithmetic of its own: every chip can hold one.
            if name == DEFAULT_KV:
                continue
            chips = Lookup(catalog, "accelerators", nodes["accelerator"])
            peak = peak_tflops(chips, Lookup(catalog, "precisions", [name] * len(nodes)))
            out[codes == code] &= peak > 0
    return out


def _asked(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> pd.DataFrame:
    """What the performance model is asked about each row."""
    slo = workload.slo
    deferrable = workload.deferrable_hours is not None
    share = workload.prefix_share
    if share is None:
        share = float(catalog.lookup("techniques", "prefix_caching")["hit_ratio"] or 0.0)

    def has(name: str) -> npt.NDArray[np.float64]:
        return mapped(table["techniques"], lambda held: float(name in (held or ())))

    return table.assign(
        continuous=has("continuous_batching"),
        paged=has("paged_kv"),
        batching=np.maximum(has("dynamic_batching"), float(deferrable)),
        speculative=has("speculative_decoding"),
        prefix_hit=share * has("prefix_caching"),
        isl_tokens=float(workload.isl_tokens or np.nan),
        osl_tokens=float(workload.osl_tokens or np.nan),
        ttft_slo_s=np.inf if deferrable else (slo.ttft_s or slo.latency_s or np.inf),
        tpot_slo_s=np.inf if deferrable else (slo.tpot_s or np.inf),
        latency_slo_s=np.inf if deferrable else (slo.latency_s or np.inf),
    )


def with_predictions(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> pd.DataFrame:
    """Add predictions, quality and the reason each row fails, if it does.

    Capacities are those of a replica at its steady batch: `under_load` takes those that matter to
    random arrivals.
    """
    asked = _asked(catalog, workload, table)
    corrected = correction(catalog, workload, asked)
    for target in ("ttft_slo_s", "tpot_slo_s", "latency_slo_s"):
        asked[target] *= corrected.speed
    out = pd.concat([table, corrected.apply(predict(catalog, asked))], axis=1)
    out["quality"] = quality(catalog, workload, table)
    poor = (out["quality"] < workload.quality_floor - 1e-9) & (out["reason"] == "")
    out.loc[poor, "reason"] = [
        f"quality {q:.1%} is under the floor of {workload.quality_floor:.1%}"
        for q in out.loc[poor, "quality"]
    ]
    return out.assign(alone_low=np.nan, own_speed=corrected.speed)


def under_load(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of `with_predictions` with what they carry when requests come at random.

    Changes ``rps`` and ``rps_low`` (one replica of a large fleet) and ``alone_low`` (one alone) of
    those that batch continuously, unless the work may wait.
    """
    if workload.kind != "llm" or workload.deferrable_hours is not None or table.empty:
        return table
    asked = _asked(catalog, workload, table)
    speed = table["own_speed"].to_numpy(float)
    for target in ("ttft_slo_s", "tpot_slo_s"):
        asked[target] *= speed
    ca2 = catalog.assumption("burstiness_ca2")
    alone, pooled = load_of(catalog, asked, workload.slo.percentile, ca2)
    known = np.isfinite(alone) & (table["reason"] == "").to_numpy()
    rps = np.where(known, pooled * speed, table["rps"].to_numpy(float))
    slow = 1.0 + table["spread"].to_numpy(float)
    alone_low = np.where(known, alone * speed / slow, np.nan)
    reason = table["reason"].astype(object).to_numpy().copy()
    reason[known & (rps <= 0)] = "misses latency at the percentile once requests come at random"
    return table.assign(rps=rps, rps_low=rps / slow, alone_low=alone_low, reason=reason)


def quality(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Expected quality as a share of what is served today, shape (n,).

    Typical losses of weight and KV precision, pruning and distillation multiply; what today's
    deployment has already lost does not count again. A student loses the catalog's figure for
    each factor of ten in parameters (at least once): a 1B student of a 70B teacher loses nearly
    twice what an 8B one does. Substitutes were accepted by the team.
    """

    def kept(name: str | None, role: str) -> float:
        if not name or name == NO_COMPRESSION:
            return 1.0
        return 1.0 - float(catalog.lookup(role, name)["quality_loss"])

    same = {catalog.lookup("models", m)["model"] for m in (workload.model, *workload.substitutes)}
    teacher = catalog.lookup("models", workload.model)["params_b"]

    def studied(model: str) -> float:
        if model in same:
            return 1.0
        ratio = float(teacher) / float(catalog.lookup("models", model)["params_b"])
        return float(kept("distillation", "compression") ** max(np.log10(ratio), 1.0))

    out = mapped(table["weight_precision"], lambda p: kept(p, "precisions"))
    out = out * mapped(table["kv_precision"], lambda p: kept(p, "precisions"))
    out = out * mapped(table["compression"], lambda c: kept(c, "compression"))
    out = out * mapped(table["model"], studied)
    return np.minimum(out / kept(workload.current.weight_precision, "precisions"), 1.0)
