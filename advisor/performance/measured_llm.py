"""What a measurement of a language model should have shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records

from . import llm
from .contract import load
from .efficiency import UNSEEN_SPREAD
from .llm import Array, LlmConfigs
from .lookup import column
from .memory import kv_bytes_per_token, max_batch, weights_gib
from .predict import LlmSetting, llm_configs

MLPERF_TOKENS = {
    "Llama-2-70B": (294.0, 294.45),
    "GPT-J-6B": (924.0, 69.0),
    "Mixtral-8x7B": (480.0, 144.84),
    "Llama-3.1-405B": (9428.0, 684.68),
    "Llama-3.1-8B": (778.0, 128.0),
    "DeepSeek-R1": (800.0, 3886.2),
    "gpt-oss-120b": (450.0, 1278.2),
}
"""Mean prompt and answer of that benchmark's sets, where a row leaves them blank. Answers as the
benchmark's own repository states them (mlcommons/inference, READMEs of each task @b66003e10e2d; of
GPT-J and Llama-3.1-8B the fixed 69 and the cap of 128). Prompts are stated nowhere: general
knowledge of the data sets, and for Mixtral and gpt-oss an assumption."""

MLPERF_LIMITS_S = {
    ("Llama-2-70B", "server"): (2.0, 0.2),
    ("Llama-2-70B", "interactive"): (0.45, 0.04),
    ("Mixtral-8x7B", "server"): (2.0, 0.2),
    ("Llama-3.1-405B", "server"): (6.0, 0.175),
    ("Llama-3.1-405B", "interactive"): (4.5, 0.08),
    ("Llama-3.1-8B", "server"): (2.0, 0.1),
    ("Llama-3.1-8B", "interactive"): (0.5, 0.03),
    ("DeepSeek-R1", "server"): (2.0, 0.08),
    ("DeepSeek-R1", "interactive"): (1.5, 0.015),
    ("gpt-oss-120b", "server"): (3.0, 0.08),
    ("gpt-oss-120b", "interactive"): (2.0, 0.015),
    ("GPT-J-6B", "server"): (20.0, 20.0 / 69.0),
}
"""99th percentile of first token and time per token that a benchmark demands, s
(mlcommons/inference loadgen/mlperf.conf @80aaa82a; GPT-J: 20 s for the whole answer)."""

MLPERF_BEAMS = {"GPT-J-6B": 4.0}
"""Beams that benchmark decodes for one answer; only the best one's tokens are counted. Each is a
request of its own here that finds all but its share of the prompt in the cache."""

SERVER_SHARE = 0.93
"""Of the rate within the limits, what remains for random arrivals at the 99th percentile."""
TIGHT_GIB = 0.03
"""Share of memory taken as room for a model whose measured fit the estimate just denies."""


@dataclass(frozen=True)
class Prepared:
    """Rows spread over their possible layouts, ready to evaluate under any factors."""

    rows: pd.DataFrame
    owner: npt.NDArray[np.intp]
    """Row of `rows` that each layout belongs to."""
    setting: LlmSetting
    replicas: Array
    reason: npt.NDArray[np.object_]
    """By layout; empty where it can run."""

    def values(self, c: LlmConfigs | None = None) -> Array:
        """Predicted metric of each row under its best layout; NaN where none can run."""
        each = self.by_layout(c)
        best = np.full(len(self.rows), np.nan)
        latency = self.rows["metric"].str.endswith("_ms").to_numpy()[self.owner]
        np.fmax.at(best, self.owner, np.where(latency, -each, each))
        return np.asarray(np.abs(best), float)

    def take(self, keep: npt.NDArray[np.bool_]) -> Prepared:
        """Some of the rows, with their layouts."""
        layouts = np.flatnonzero(keep[self.owner])
        place = np.cumsum(keep) - 1
        s = self.setting
        factors = {k: np.asarray(v)[layouts] for k, v in s.factors.items()}
        setting = LlmSetting(s.c.take(layouts), factors, s.refused[layouts], s.max_context[layouts])
        return Prepared(
            self.rows[keep].reset_index(drop=True),
            place[self.owner[layouts]].astype(np.intp),
            setting,
            self.replicas[layouts],
            self.reason[layouts],
        )

    def by_layout(self, c: LlmConfigs | None = None) -> Array:
        """Predicted metric of each layout; NaN where it cannot run."""
        c = self.setting.c if c is None else c
        rows = self.rows.iloc[self.owner]
        value = _metric(c, rows, self.replicas)
        value[self.reason != ""] = np.nan
        return value


def prepare(catalog: Catalog, rows: pd.DataFrame) -> Prepared:
    """Spread rows over layouts: MLPerf rows take the best one, others one tensor-parallel group.

    Parameters
    ----------
    rows : DataFrame
        In catalog names, as `measured.predict_rows` makes them.
    """
    rows = rows.reset_index(drop=True)
    isl, osl = (np.array(column(rows, n)) for n in ("isl_tokens", "osl_tokens"))
    known = rows["mlperf"].to_numpy(bool)
    for i in np.flatnonzero(known & (np.isnan(isl) | np.isnan(osl))):
        isl[i], osl[i] = MLPERF_TOKENS.get(rows["model"][i], (np.nan, np.nan))
    beams = np.array([MLPERF_BEAMS.get(m, 1.0) for m in rows["model"]])
    rows = rows.assign(isl_tokens=isl, osl_tokens=osl, beams=np.where(known, beams, 1.0))
    names = {*catalog["frameworks"]["framework"], *catalog["calibration"]["framework"]}
    rows["stack"] = [_stack(catalog, row, names) for row in records(rows)]
    owner, split, stages, copies = _layouts(rows)
    part = rows.iloc[owner].reset_index(drop=True)
    configs = part.assign(
        prefix_hit=1.0 - 1.0 / part["beams"],
        tensor_parallel=split,
        pipeline=stages,
        framework=part["stack"],
        framework_version=part["version"],
        continuous=1.0,
        paged=1.0,
        chip_share=part["units"].where(part["units"] != 1.0, 1.0),
        host_memory_gib=1024.0,
    )
    setting = llm_configs(catalog, configs)
    reason = setting.refused.copy()
    padded = np.array(["heads do not split" in r for r in reason], bool)
    reason[padded & (part["accelerator"].isin(PADDING).to_numpy())] = ""
    room = max_batch(setting.c)
    c = setting.c
    for i in np.flatnonzero((room < 1.0) & (reason == "")):
        have = float(c.memory_gib[i] * c.tensor_parallel[i])
        if weights_gib(c)[i] > have * (1.0 - TIGHT_GIB):
            need = float(weights_gib(c)[i])
            reason[i] = f"does not fit: weights take {need:.0f} GiB, the devices have {have:.0f}"
    return Prepared(rows, owner, setting, copies, reason)


PADDING = frozenset({"Inferentia2", "Trainium1", "Trainium2"})
"""Chips whose compiler pads heads that do not split evenly."""


def _stack(catalog: Catalog, row: dict[str, Any], known: set[str]) -> str:
    """Name under which a row's stack is fitted; ``*`` for one that is not.

    That benchmark's entrants tune their engines for it, so they are stacks of their own; and on
    Neuron devices every server runs what their own compiler made.
    """
    chip = catalog.lookup("accelerators", row["accelerator"])
    name = str(row["framework"])
    if chip["family"] == "neuron":
        name = "neuron"
    elif row["mlperf"] and chip["vendor"] == "AMD":
        name = "vllm tuned"
    elif row["mlperf"] and chip["vendor"] == "NVIDIA" and name != "vllm":
        name = "tensorrt-llm tuned"
    return name if name in known else "*"


SPLITS = (1.0, 2.0, 4.0, 8.0)


def _layouts(rows: pd.DataFrame) -> tuple[npt.NDArray[np.intp], Array, Array, Array]:
    """Owner, tensor-parallel degree, pipeline stages and copies of each possible layout."""
    found = [(i, *layout) for i, row in enumerate(records(rows)) for layout in _options(row)]
    owner, split, stages, copies = (np.array(x, float) for x in zip(*found, strict=True))
    return owner.astype(np.intp), split, stages, copies


def _options(row: dict[str, Any]) -> list[tuple[float, float, float]]:
    """(tensor parallel, stages, copies) a row may have run in; stages count as copies, too."""
    count = float(row["accelerator_count"])
    stated, replicas = float(row["tensor_parallel"]), float(row["replicas"])
    if np.isfinite(stated):
        stages = max(count / stated, 1.0)
        return [(stated, 1.0, replicas) if np.isfinite(replicas) else (stated, stages, stages)]
    if np.isfinite(replicas):
        return [(max(count / replicas, 1.0), 1.0, replicas)]
    if row["framework"] == "llama.cpp":
        return [(1.0, count, count)]
    if row["mlperf"]:
        sizes = [(n, 1.0, count / n) for n in SPLITS if n <= count and count % n == 0]
        return sizes or [(count, 1.0, 1.0)]
    return [(count, 1.0, 1.0)]


def _room(c: LlmConfigs) -> Array:
    """Requests at once, never below one: what was measured did fit."""
    least = TIGHT_GIB * c.memory_gib * c.tensor_parallel
    context = c.isl_tokens + c.osl_tokens / 2.0
    tight = least * llm.GIB / (kv_bytes_per_token(c, context) * context)
    return np.maximum(np.where(max_batch(c) >= 1.0, max_batch(c), tight), 1.0)


def _metric(c: LlmConfigs, rows: pd.DataFrame, replicas: Array) -> Array:
    scenario = rows["scenario"].to_numpy(object)
    metric = rows["metric"].to_numpy(object)
    stated = np.array([load(str(x)) for x in rows["concurrency"]]).reshape(-1, 2)
    room = _room(c)
    # A stage or copy without a request of its own does nothing.
    replicas = np.fmin(replicas, np.where(np.isfinite(stated[:, 0]), stated[:, 0], np.inf))
    replicas = np.where(scenario == "single", 1.0, replicas)
    at_once = np.where(scenario == "single", 1.0, stated[:, 0] / replicas)
    bounded = np.isin(scenario, ("server", "interactive"))
    at_once = np.where(bounded | (scenario == "offline") & np.isnan(at_once), np.inf, at_once)
    rate = stated[:, 1] / replicas
    batch = np.fmin(at_once, room)
    if np.isfinite(rate).any():
        batch = np.where(np.isfinite(rate), _batch_at(c, rate, room), batch)
    batch = np.maximum(batch, 1.0)
    turn = llm.turn_s(c, batch)
    rps = np.fmin(batch / turn, np.where(np.isfinite(rate), rate, np.inf)) * replicas
    if bounded.any():
        ttft, tpot = _limits(rows)
        held = llm.capacity(c, ttft, tpot, percentile=99.0)
        rps = np.where(bounded, held.rps * SERVER_SHARE * replicas, rps)
    busy = np.clip(rps / replicas * llm.prefill_share_s(c, batch), 0.0, 0.95)
    alone = llm.prefill_s(c)
    queue = busy * alone / (2.0 * (1.0 - busy))
    together = batch * llm.prefill_share_s(c, batch)
    first = np.where(
        scenario == "online", alone + queue + llm.step_s(c, batch) * (batch > 1), together
    )
    token = np.where(
        (scenario == "static") | (batch <= 1.0), llm.step_s(c, batch), turn / c.osl_tokens
    )
    if bounded.any():
        # Entrants load their machines until the 99th percentiles meet the limits.
        first = np.where(bounded, ttft * MEAN_OF_LIMIT[0], first)
        token = np.where(
            bounded, np.fmax(tpot * MEAN_OF_LIMIT[1], llm.step_s(c, np.ones(1))), token
        )
    counted = column(rows, "osl_tokens")
    rps = rps / column(rows, "beams", 1.0)
    out = np.full(len(rows), np.nan)
    answers = {
        "req_s": rps,
        "samples_s": rps,
        "tok_s_out": rps * counted,
        "tok_s_total": rps * (c.isl_tokens + counted),
        "ttft_ms": first * 1e3,
        "tpot_ms": np.where(c.osl_tokens > 1, token * 1e3, np.nan),
    }
    for name, answer in answers.items():
        out = np.where(metric == name, answer, out)
    return np.where(out > 0, out, np.nan)


MEAN_OF_LIMIT = (0.2, 0.7)
"""Means of first token and time per token over that benchmark's limits on their 99th percentiles:
medians of 48 published server and interactive runs (0.05-0.5 and 0.14-0.95)."""


def _batch_at(c: LlmConfigs, rate: Array, room: Array) -> Array:
    """Requests in the machine at which it keeps up with an arrival rate (at most its room)."""
    low, high = np.zeros(len(rate)), np.log(room)
    for _ in range(40):
        middle = (low + high) / 2.0
        enough = llm.throughput(c, np.exp(middle)) >= rate
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.exp(high)


def _limits(rows: pd.DataFrame) -> tuple[Array, Array]:
    pairs = zip(rows["model"], rows["scenario"], strict=True)
    own = np.array([MLPERF_LIMITS_S.get(p, (2.0, 0.2)) for p in pairs])
    ttft = column(rows, "slo_ttft_ms") / 1e3
    tpot = column(rows, "slo_tpot_ms") / 1e3
    return np.where(np.isnan(ttft), own[:, 0], ttft), np.where(np.isnan(tpot), own[:, 1], tpot)


def predict_llm_rows(catalog: Catalog, rows: pd.DataFrame) -> pd.DataFrame:
    """Language-model rows (in catalog names) in the shape of `measured.predict_rows`."""
    p = prepare(catalog, rows)
    rows = p.rows
    value = p.values()
    reason = np.array([_why_not(p, i) for i in range(len(rows))], object)
    lengths = np.isnan(column(rows, "isl_tokens")) | np.isnan(column(rows, "osl_tokens"))
    loads = np.array([load(str(x)) for x in rows["concurrency"]]).reshape(-1, 2)
    vague = (rows["scenario"].isin(("online", "static"))).to_numpy() & np.isnan(loads).all(axis=1)
    single = (rows["metric"] == "tpot_ms").to_numpy() & (column(rows, "osl_tokens") <= 1)
    reason = np.where(np.isnan(value) & (reason == ""), "misses the latency limit", reason)
    for mask, text in (
        (vague, "the concurrency is neither a count nor a rate (qps=N)"),
        (single, "an answer of one token has no time per output token"),
        (lengths, "the lengths of prompt and answer are not stated"),
    ):
        reason[mask] = text
    value = np.where(reason == "", value, np.nan)
    spread = _spread(p)
    return pd.DataFrame(
        {
            "id": rows["id"],
            "predicted": value,
            "low": value / (1.0 + spread),
            "high": value * (1.0 + spread),
            "reason": reason,
            "evidence": np.where(reason == "", _first(p, p.setting.factors["evidence"]), ""),
            "note": rows["note"],
        }
    )


def _first(p: Prepared, values: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """One value per row from values per layout: layouts of a row share its factors."""
    return np.asarray(values, object)[np.unique(p.owner, return_index=True)[1]]


def _why_not(p: Prepared, row: int) -> str:
    reasons = p.reason[p.owner == row]
    return "" if (reasons == "").any() else str(reasons[0])


def _spread(p: Prepared) -> Array:
    f = p.setting.factors
    metric = p.rows["metric"].to_numpy(object)
    wide = _first(p, f["spread"]).astype(float)
    for name in ("tpot", "ttft"):
        wide = np.where(metric == f"{name}_ms", _first(p, f[f"{name}_spread"]).astype(float), wide)
    unseen = (_first(p, f["framework"]) == "*") | p.rows["generic"].to_numpy(bool)
    return np.where(unseen, np.maximum(wide, UNSEEN_SPREAD), wide)
