"""What each way of running a workload's model can do, before money.

One row is one kind of replica. Regions, prices and purchase options come later, so each is
predicted once, those of many workloads together. Rows that cannot work keep their reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance.predict import predict
from advisor.performance.under_load import under_load as load_of
from advisor.portfolio import Workload

from .effort import mapped
from .network import UNPLACED
from .recalibrate import Correction, correction
from .stacks import NO_COMPRESSION, Ints

Array = npt.NDArray[np.float64]

RANDOM = "misses latency at the percentile once requests come at random"


def under_load(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> pd.DataFrame:
    """`loaded` for the variants of one workload."""
    return loaded(catalog, [workload], np.zeros(len(table), np.int64), table)


def predictions(
    catalog: Catalog,
    workloads: Sequence[Workload],
    of: Ints,
    table: pd.DataFrame,
    kept: Array,
    slower: Array | float = 1.0,
) -> pd.DataFrame:
    """Add predictions, quality and the reason each row fails, if it does.

    Capacities are those of a replica at its steady batch: `loaded` takes those that matter to
    random arrivals.

    Parameters
    ----------
    of : array of int, shape (n,)
        The workload of each row; rows of one stand together, in the order of `workloads`.
    table : DataFrame
        n variants: `advisor.optimize.stacks.STACK` and ``NODE``, and ``tensor_parallel``.
    kept : array, shape (n,)
        Their `quality`.
    slower : array, shape (n,), optional
        How many times as long each takes than by itself: it has so much less of its targets.

    Raises
    ------
    PortfolioError
        For a benchmark that cannot have been of what it names.
    """
    asked = _asked(catalog, workloads, of, table)
    corrected = _corrections(catalog, workloads, of, asked)
    for target in ("ttft_slo_s", "tpot_slo_s", "latency_slo_s"):
        asked[target] *= corrected.speed / slower
    found = corrected.apply(predict(catalog, asked))
    floor = np.array([w.quality_floor for w in workloads])[of]
    reason = _with_network(table, found["reason"].to_numpy(object))
    poor = np.flatnonzero((kept < floor - 1e-9) & (reason == ""))
    pairs, which = np.unique(np.stack([kept[poor], floor[poor]]), axis=1, return_inverse=True)
    texts = [f"quality {q:.1%} is under the floor of {least:.1%}" for q, least in pairs.T]
    reason[poor] = np.array(texts, object)[which.ravel()]
    out = pd.concat([table, found.assign(reason=reason)], axis=1)
    return out.assign(quality=kept, alone_low=np.nan, own_speed=corrected.speed)


def _with_network(table: pd.DataFrame, reason: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Reasons that tell what the way to the users takes, and fail where that is not known."""
    out, way = reason.copy(), table["network_s"].to_numpy(float)
    for i in np.flatnonzero(way > 0):
        if out[i].startswith("misses latency") and "per token" not in out[i]:
            out[i] = f"{out[i]} ({way[i] * 1e3:.0f} ms of the target go to the network)"
    out[np.isnan(way) & (out == "")] = UNPLACED
    return out


def loaded(
    catalog: Catalog, workloads: Sequence[Workload], of: Ints, table: pd.DataFrame
) -> pd.DataFrame:
    """Rows of `predictions` with what they carry when requests come at random.

    Changes ``rps`` and ``rps_low`` (one replica of a large fleet) and ``alone_low`` (one alone) of
    those that batch continuously, unless the work may wait.
    """
    random = np.array([w.kind == "llm" and w.deferrable_hours is None for w in workloads], bool)
    rows = np.flatnonzero(random[of])
    if not len(rows):
        return table
    some = table.iloc[rows]
    asked = _asked(catalog, workloads, of[rows], some)
    own = some["own_speed"].to_numpy(float)
    for target in ("ttft_slo_s", "tpot_slo_s"):
        asked[target] *= own
    ca2 = catalog.assumption("burstiness_ca2")
    percentile = np.array([w.slo.percentile for w in workloads])[of[rows]]
    alone, pooled = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for each in np.unique(percentile):
        here = percentile == each
        alone[rows[here]], pooled[rows[here]] = load_of(catalog, asked[here], each, ca2)
    speed = table["own_speed"].to_numpy(float)
    reason = table["reason"].to_numpy(object).copy()
    known = np.isfinite(alone) & (reason == "")
    rps = np.where(known, pooled * speed, table["rps"].to_numpy(float))
    slow = 1.0 + table["spread"].to_numpy(float)
    alone_low = np.where(known, alone * speed / slow, table["alone_low"].to_numpy(float))
    reason[known & (rps <= 0)] = RANDOM
    return table.assign(rps=rps, rps_low=rps / slow, alone_low=alone_low, reason=reason)


def _asked(
    catalog: Catalog, workloads: Sequence[Workload], of: Ints, table: pd.DataFrame
) -> pd.DataFrame:
    """What the performance model is asked about each row."""

    def each(value: Callable[[Workload], float | None]) -> Array:
        return np.array([value(w) for w in workloads], float)[of]

    def has(name: str) -> Array:
        return mapped(table["techniques"], lambda held: float(name in (held or ())))

    def target(value: Callable[[Workload], float | None]) -> Array:
        return each(lambda w: np.inf if w.deferrable_hours is not None else value(w) or np.inf)

    usual = float(catalog.lookup("techniques", "prefix_caching")["hit_ratio"] or 0.0)
    share = each(lambda w: usual if w.prefix_share is None else w.prefix_share)
    way = np.nan_to_num(table["network_s"].to_numpy(float))
    waits = each(lambda w: float(w.deferrable_hours is not None))
    return table.assign(
        continuous=has("continuous_batching"),
        paged=has("paged_kv"),
        batching=np.maximum(has("dynamic_batching"), waits),
        speculative=has("speculative_decoding"),
        prefix_hit=share * has("prefix_caching"),
        isl_tokens=each(lambda w: w.isl_tokens),
        osl_tokens=each(lambda w: w.osl_tokens),
        # What the way to the users takes is not left for the answer.
        ttft_slo_s=np.maximum(target(lambda w: w.slo.ttft_s or w.slo.latency_s) - way, 0.0),
        tpot_slo_s=target(lambda w: w.slo.tpot_s),
        latency_slo_s=np.maximum(target(lambda w: w.slo.latency_s) - way, 0.0),
    )


def _corrections(
    catalog: Catalog, workloads: Sequence[Workload], of: Ints, asked: pd.DataFrame
) -> Correction:
    """What the workloads' own benchmarks say about their variants."""
    speed, nearness = np.ones(len(of)), np.zeros(len(of), int)
    for i, workload in enumerate(workloads):
        if workload.measured:
            rows = slice(*np.searchsorted(of, [i, i + 1]))
            found = correction(catalog, workload, asked.iloc[rows])
            speed[rows], nearness[rows] = found.speed, found.nearness
    return Correction(speed, nearness)


def quality(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> Array:
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
