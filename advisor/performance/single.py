"""Answer one question: what a configuration does, and what it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import record
from advisor.errors import InputError

from . import llm, onepass
from .generic import NOTE, with_generic
from .memory import activations_gib, kv_bytes_per_token, max_batch, weights_gib
from .predict import llm_configs, pass_setting, predict
from .question import Named, Question
from .replicas import pooled_replicas, replicas
from .under_load import under_load

GENERIC_SPREAD = 0.5
"""Least half-width of the 80 % interval for an architecture known by its size only."""
PERCENTILE = 95.0
INTRINSIC = ("continuous_batching", "paged_kv", "dynamic_batching")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A prediction for one replica.

    Attributes
    ----------
    configuration : dict
        As understood, in the catalog's names.
    throughput : dict
        Without targets, or with the requests in flight that were asked for: ``requests_per_s``
        with ``low`` and ``high``, token rates, and the times a request then sees.
    capacity : dict
        Within the targets; ``requests_per_s`` 0 and a ``reason`` where none is possible.
    memory_gib : dict
        Over all chips of the replica.
    evidence, bound, spread, notes
        What it rests on, what limits it, the 80 % interval's relative half-width, and what was
        assumed.
    """

    configuration: Figures
    throughput: Figures
    capacity: Figures
    memory_gib: Figures
    evidence: str
    bound: str
    spread: float
    notes: tuple[str, ...]

    def to_json(self) -> Figures:
        """Plain data; None where a figure does not apply."""
        out: Figures = _plain(vars(self))
        return out


def answer(catalog: Catalog, asked: Question) -> Answer:
    """Predict one replica of one configuration.

    Raises
    ------
    NotFoundError
        For an unknown name, with the nearest.
    InputError
        For a combination that does not exist, a model that does not fit, or a target below what
        reading the weights takes.
    """
    catalog, model, notes = _known(catalog, asked)
    named = Named(catalog, asked, model)
    row = _row(asked, named)
    configs = pd.DataFrame([row, {**row, **_targets(asked)}])
    free, held = (record(r) for _, r in predict(catalog, configs).iterrows())
    ca2 = catalog.assumption("burstiness_ca2")
    held |= _under_load(catalog, configs.iloc[1:], held, ca2)
    if free["reason"]:
        raise InputError(f"{named.model['model']} on {_where(asked, named)}: {free['reason']}")
    spread = max(float(free["spread"]), GENERIC_SPREAD if notes else 0.0)
    if named.kind == "llm":
        memory, at = _llm_parts(catalog, asked, configs.iloc[:1], free)
    else:
        memory, at = _pass_parts(catalog, asked, configs.iloc[:1], free)
    return Answer(
        configuration={k: v for k, v in row.items() if k not in _targets(asked)},
        throughput=_throughput(asked, at, spread),
        capacity=_capacity(asked, held, spread, ca2),
        memory_gib=memory,
        evidence="estimated" if notes else str(free["evidence"]),
        bound=str(free["bound"]),
        spread=spread,
        notes=notes,
    )


def _known(catalog: Catalog, asked: Question) -> tuple[Catalog, str, tuple[str, ...]]:
    if asked.model is not None:
        return catalog, asked.model, ()
    name = f"{asked.params_b:g}B parameters"
    row = {"workload": "llm", "model": name, "params_b": asked.params_b}
    return with_generic(catalog, pd.DataFrame([row]))[0], name, (NOTE,)


def _row(asked: Question, named: Named) -> Figures:
    offered = named.framework["techniques"] or ()
    on = {t: float(t in offered) for t in INTRINSIC}
    return {
        "model": named.model["model"],
        "accelerator": named.chip["accelerator"],
        "chip_share": 1.0,
        "tensor_parallel": asked.tensor_parallel,
        "weight_precision": named.weights["precision"],
        "kv_precision": named.cache["precision"],
        "framework": named.framework["framework"],
        "framework_version": asked.framework_version,
        "continuous": on["continuous_batching"],
        "paged": on["paged_kv"],
        "batching": on["dynamic_batching"],
        "speculative": float(asked.speculative),
        "prefix_hit": asked.prefix_hit,
        "params_factor": 1.0,
        "host_memory_gib": HOST_GIB,
        "isl_tokens": float(asked.isl or math.nan),
        "osl_tokens": float(asked.osl or math.nan),
        "ttft_slo_s": math.inf,
        "tpot_slo_s": math.inf,
        "latency_slo_s": math.inf,
    }


HOST_GIB = 512.0
"""Memory of a CPU's host where no machine is named."""


def _targets(asked: Question) -> Figures:
    return {
        "ttft_slo_s": asked.ttft_slo or math.inf,
        "tpot_slo_s": asked.tpot_slo or math.inf,
        "latency_slo_s": asked.latency_slo or math.inf,
    }


def _where(asked: Question, named: Named) -> str:
    return f"{asked.tensor_parallel} x {named.chip['accelerator']}"


def _llm_parts(
    catalog: Catalog, asked: Question, configs: pd.DataFrame, free: Figures
) -> tuple[Figures, Figures]:
    """Memory, and the operating point: as many requests as pay, or as many as asked for."""
    c = llm_configs(catalog, configs).c
    # One pass reads every weight it uses, and yields at most one token more than it has drafts.
    read_s = llm._streamed_bytes(c, np.ones(1)) / (c.bandwidth_gb_s * 1e9)
    floor = float((read_s / (1.0 + c.speculative_tokens))[0])
    if asked.tpot_slo is not None and asked.tpot_slo < floor:
        raise InputError(
            "below the time it takes to read the weights once",
            column="tpot_slo",
            value=f"{asked.tpot_slo * 1e3:g} ms",
            allowed=f"above {floor * 1e3:.3g} ms on this hardware",
            fix="more chips or fewer bits per weight read faster",
        )
    room = float(max_batch(c)[0])
    at = {k: free[k] for k in ("rps", "concurrency", "latency_s", "first_s", "token_s")}
    if asked.batch is not None:
        if asked.batch > room:
            raise InputError(
                "so many requests do not fit at once",
                column="batch",
                value=asked.batch,
                allowed=f"up to {math.floor(room)} here",
            )
        size = np.array([float(asked.batch)])
        turn = float(llm.turn_s(c, size)[0])
        at = {
            "rps": asked.batch / turn,
            "concurrency": float(asked.batch),
            "latency_s": turn,
            "first_s": float((llm.prefill_s(c) + llm.step_s(c, size))[0]),
            "token_s": turn / float(asked.osl or 1),
        }
    n = float(asked.tensor_parallel)
    context = c.isl_tokens + c.osl_tokens / 2.0
    per_request = float((kv_bytes_per_token(c, context) * context)[0]) / llm.GIB
    memory = {
        "available": float(c.memory_gib[0]) * n,
        "weights": float(weights_gib(c)[0]),
        "kv_cache": per_request * at["concurrency"],
        "activations_and_reserve": float(activations_gib(c)[0]) * n,
        "kv_cache_per_request": per_request,
        "most_requests": math.floor(room),
    }
    return memory, at


def _pass_parts(
    catalog: Catalog, asked: Question, configs: pd.DataFrame, free: Figures
) -> tuple[Figures, Figures]:
    c, _, _ = pass_setting(catalog, configs)
    at = {k: free[k] for k in ("rps", "concurrency", "latency_s")}
    if asked.batch is not None:
        once = float(onepass.pass_s(c, np.array([float(asked.batch)]))[0])
        at = {"rps": asked.batch / once, "concurrency": float(asked.batch), "latency_s": once}
    memory = {
        "available": float(c.memory_gib[0]),
        "weights": float(free["weights_gib"]),
        "activations": at["concurrency"] * float(c.activation_gib_per_sample[0]),
    }
    if memory["weights"] + memory["activations"] > memory["available"]:
        raise InputError(
            f"this batch does not fit: needs {memory['weights'] + memory['activations']:.1f} GiB, "
            f"has {memory['available']:.1f} GiB",
            column="batch",
            value=asked.batch,
        )
    return memory, at


def _throughput(asked: Question, at: Figures, spread: float) -> Figures:
    rps = float(at["rps"])
    out = {
        "requests_per_s": rps,
        "low": rps / (1.0 + spread),
        "high": rps * (1.0 + spread),
        "in_flight": at["concurrency"],
        "latency_s": at["latency_s"],
    }
    if asked.osl:
        out |= {
            "tokens_per_s_out": rps * asked.osl,
            "tokens_per_s_total": rps * (asked.osl + (asked.isl or 0)),
            "ttft_s" if asked.batch else "ttft_p95_s": at["first_s"],
            "tpot_s": at["token_s"] if asked.osl > 1 else None,
        }
    return out


def _under_load(catalog: Catalog, configs: pd.DataFrame, held: Figures, ca2: float) -> Figures:
    """What one replica carries within its targets alone, and one of a large fleet, requests/s."""
    targets = np.array([configs[t].iloc[0] for t in ("ttft_slo_s", "tpot_slo_s")])
    if not np.isfinite(targets).any() or held["reason"]:
        return {"pooled": math.nan}
    alone, pooled = under_load(catalog, configs, PERCENTILE, ca2)
    if np.isnan(alone[0]):
        return {"pooled": math.nan}
    reason = "" if alone[0] > 0 else "misses latency once requests come at random"
    return {"rps": float(alone[0]), "pooled": float(pooled[0]), "reason": reason}


def _capacity(asked: Question, held: Figures, spread: float, ca2: float) -> Figures:
    rps = float(held["rps"])
    feasible = not held["reason"]
    low = rps / (1.0 + spread)
    return {
        "requests_per_s": rps,
        "low": low,
        "high": rps * (1.0 + spread),
        "in_flight": held["concurrency"] if feasible else None,
        "latency_s": held["latency_s"] if feasible else None,
        "ttft_p95_s": held["first_s"] if feasible and asked.osl else None,
        "tpot_s": held["token_s"] if feasible and (asked.osl or 0) > 1 else None,
        "reason": held["reason"],
        "replicas": _replicas(asked.rps, held, spread, ca2) if asked.rps and feasible else None,
    }


def _replicas(rps: float, held: Figures, spread: float, ca2: float) -> int:
    """Copies that serve a rate at the slow end of the interval, with room for its randomness."""
    slow = 1.0 + spread
    if not math.isnan(held["pooled"]):
        return int(pooled_replicas(rps, held["rps"] / slow, held["pooled"] / slow))
    places, latency = held["concurrency"], held["latency_s"] * slow
    return int(replicas(rps, held["rps"] / slow, places, latency, PERCENTILE, ca2))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
