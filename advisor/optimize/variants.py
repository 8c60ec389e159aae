"""Every way a workload's model could be run, before money: model x precision x stack x chip.

One row is one kind of replica, with what it can do. Regions, prices and purchase options come
later, so each is predicted once. Rows that cannot work keep their reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance.predict import predict
from advisor.portfolio import Workload

INTRINSIC = frozenset({"continuous_batching", "paged_kv"})
"""Techniques a framework cannot be run without; all others are the team's choice."""
MAX_TENSOR_PARALLEL = 8
NO_COMPRESSION = "none"


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
    for row in catalog["models"].to_dict("records"):
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


def _compressions(catalog: Catalog, kind: str) -> list[dict[str, Any]]:
    out = [{"technique": NO_COMPRESSION, "params_factor": 1.0}]
    for row in catalog["compression"].to_dict("records"):
        prunes = row["lever"] == "PRECISION" and row["params_factor"] < 1.0
        if prunes and not row["needs_sparse_kernel"] and kind in row["kinds"] and kind != "llm":
            out.append(row)
    return out


def _rows(catalog: Catalog, workload: Workload, nodes: pd.DataFrame) -> Iterator[dict[str, Any]]:
    precisions = catalog["precisions"].to_dict("records")
    kind = workload.kind
    is_llm = kind == "llm"
    today = techniques_today(catalog, workload)
    node_rows = nodes.to_dict("records")
    for framework in catalog["frameworks"].to_dict("records"):
        deployed = framework["framework"] == workload.current.framework
        if kind not in framework["kinds"]:
            continue
        if framework["lifecycle"] != "active" and not deployed:
            continue
        weights = [
            p["precision"]
            for p in precisions
            if p["role"] == "weights"
            and kind in p["kinds"]
            and p["precision"] in framework["weight_precisions"]
        ]
        offered_kv = set(framework["kv_precisions"] or ()) | {"kv-16"}
        kvs = [p["precision"] for p in precisions if p["role"] == "kv" and p["precision"] in offered_kv]
        sets = _technique_sets(tuple(framework["techniques"] or ()), today if deployed else ())
        for node in node_rows:
            if node["chip_kind"] not in framework["chip_kinds"]:
                continue
            if node["vendor"] not in framework["vendors"]:
                continue
            splits = [1]
            if is_llm and node["chip_share"] == 1.0:
                splits = [n for n in (1, 2, 4, 8) if n <= node["most_devices"]]
            for model in model_options(catalog, workload):
                for compression in _compressions(catalog, kind):
                    for weight in weights:
                        for kv in kvs if is_llm else ["kv-16"]:
                            for techniques in sets:
                                for split in splits:
                                    yield {
                                        "model": model,
                                        "framework": framework["framework"],
                                        "accelerator": node["accelerator"],
                                        "chip_share": node["chip_share"],
                                        "host_memory_gib": node["host_memory_gib"],
                                        "tensor_parallel": split,
                                        "weight_precision": weight,
                                        "kv_precision": kv,
                                        "techniques": techniques,
                                        "compression": compression["technique"],
                                        "params_factor": compression["params_factor"],
                                    }


def variants(catalog: Catalog, workload: Workload, offers: pd.DataFrame) -> pd.DataFrame:
    """All replica variants of a workload on the chips that `offers` holds, with predictions.

    Returns
    -------
    DataFrame
        Choice columns (model, framework, accelerator, chip_share, tensor_parallel,
        weight_precision, kv_precision, techniques, compression), the prediction's columns,
        ``quality`` (share of today's) and ``reason`` (empty where feasible).
    """
    nodes = offers.groupby(
        ["accelerator", "chip_share", "host_memory_gib"], dropna=False, as_index=False
    ).agg(chip_kind=("chip_kind", "first"), vendor=("vendor", "first"), most_devices=("devices", "max"))
    table = pd.DataFrame(_rows(catalog, workload, nodes))
    if table.empty:
        return table
    peaks = _supported(catalog, table)
    table = table[peaks].reset_index(drop=True)
    return with_predictions(catalog, workload, table)


def _supported(catalog: Catalog, table: pd.DataFrame) -> pd.Series[bool]:
    """Rows whose chip has the arithmetic of both precisions, so that hopeless ones cost nothing."""
    from advisor.performance.chips import chip_peak_tflops

    out = pd.Series(True, index=table.index)
    for column in ("weight_precision", "kv_precision"):
        pairs = table[["accelerator", column]].drop_duplicates().reset_index(drop=True)
        chips = pd.DataFrame([catalog.lookup("accelerators", a) for a in pairs["accelerator"]])
        rows = pd.DataFrame([catalog.lookup("precisions", p) for p in pairs[column]])
        has = pd.Series(chip_peak_tflops(chips, rows) > 0, index=pd.MultiIndex.from_frame(pairs))
        if column == "kv_precision":
            # A 16-bit cache needs no arithmetic of its own: every chip can hold one.
            has[has.index.get_level_values(1) == "kv-16"] = True
        out &= has.loc[pd.MultiIndex.from_frame(table[["accelerator", column]])].to_numpy()
    return out


def with_predictions(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> pd.DataFrame:
    """Add predictions, quality and the reason each row fails, if it does."""
    slo = workload.slo
    deferrable = workload.deferrable_hours is not None
    held = [set(t) for t in table["techniques"]]
    share = workload.prefix_share
    if share is None:
        share = float(catalog.lookup("techniques", "prefix_caching")["hit_ratio"] or 0.0)
    asked = table.assign(
        continuous=[float("continuous_batching" in t) for t in held],
        paged=[float("paged_kv" in t) for t in held],
        batching=[float("dynamic_batching" in t or deferrable) for t in held],
        speculative=[float("speculative_decoding" in t) for t in held],
        prefix_hit=[share if "prefix_caching" in t else 0.0 for t in held],
        isl_tokens=float(workload.isl_tokens or np.nan),
        osl_tokens=float(workload.osl_tokens or np.nan),
        ttft_slo_s=np.inf if deferrable else (slo.ttft_s or slo.latency_s or np.inf),
        tpot_slo_s=np.inf if deferrable else (slo.tpot_s or np.inf),
        latency_slo_s=np.inf if deferrable else (slo.latency_s or np.inf),
    )
    out = table.join(predict(catalog, asked))
    out["quality"] = quality(catalog, workload, table)
    poor = (out["quality"] < workload.quality_floor) & (out["reason"] == "")
    out.loc[poor, "reason"] = [
        f"quality {q:.1%} is under the floor of {workload.quality_floor:.1%}"
        for q in out.loc[poor, "quality"]
    ]
    return out


def quality(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> pd.Series[float]:
    """Expected quality as a share of what is served today.

    Typical losses of weight and KV precision, pruning and distillation multiply; what today's
    deployment has already lost does not count again. Substitutes were accepted by the team.
    """

    def kept(name: str | None, role: str) -> float:
        return 1.0 - float(catalog.lookup(role, name)["quality_loss"]) if name else 1.0

    precision = {
        p: kept(p, "precisions") for p in {*table["weight_precision"], *table["kv_precision"]}
    }
    pruning = {
        c: kept(c, "compression") if c != NO_COMPRESSION else 1.0 for c in set(table["compression"])
    }
    today = kept(workload.current.weight_precision, "precisions")
    same = {catalog.lookup("models", workload.model)["model"]}
    same |= {catalog.lookup("models", s)["model"] for s in workload.substitutes}
    student = {m: 1.0 if m in same else kept("distillation", "compression") for m in set(table["model"])}
    out = table["weight_precision"].map(precision) * table["kv_precision"].map(precision)
    out = out * table["compression"].map(pruning) * table["model"].map(student) / today
    return out.clip(upper=1.0)
