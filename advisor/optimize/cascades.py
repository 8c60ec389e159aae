"""Two models for one workload: a small one for most requests, a large one for the rest.

A small model that misses the quality floor alone may keep it beside a large one
(`advisor.economics.cascade`). A *cascade* checks the small model's answer, so nobody sees a word
before that answer is whole; a *router* decides from the request and keeps each model's own times.
Both models run on one machine type, so their machines add up in one pool, or the large one is
hosted and paid by the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.economics.cascade import escalation_for
from advisor.portfolio import Workload, requests_per_month

from . import hosted
from .choices import Array
from .effort import variant_work
from .fleet import fleet, working_rates
from .setting import Setting
from .thin import unbeaten, useful
from .variants import under_load

NODE = ["accelerator", "chip_share", "host_memory_gib", "network_s"]
SHARED = [*NODE, "framework"]
"""What both models of a pair on machines have in common."""
OWN = [
    "model",
    "techniques",
    "compression",
    "weight_precision",
    "kv_precision",
    "tensor_parallel",
    "rps_low",
    "alone_low",
    "concurrency",
    "latency_s",
    "first_s",
    "token_s",
    "spread",
    "quality",
    "needs",
    "stay",
    "move",
    "study_usd_year",
]
"""What each model of a pair has for itself: columns ``small_…`` and ``large_…``."""
SKILL = {"cascade": "cascade_skill", "router": "router_skill"}


def pairs(
    setting: Setting, workload: Workload, table: pd.DataFrame, today: Mapping[str, Any]
) -> pd.DataFrame:
    """Pairs of a small and a large model that keep the quality floor together.

    Parameters
    ----------
    table : DataFrame
        Useful variants (`Setting.useful`): the large models are taken from these.
    today : mapping
        Today's choice.

    Returns
    -------
    DataFrame
        One row per pair, with the columns of `SHARED`, ``small_`` and ``large_`` before those of
        `OWN`, and

        - ``mode``: cascade or router,
        - ``escalated``: share of requests that the large model answers,
        - ``small_share``: share that the small one works on, its checks included (may exceed 1),
        - ``quality``: of the whole, as a share of today's,
        - ``needs``: levers as bits; ``stay``, ``move``: engineering hours with sourcing as it is
          or changed; ``study_usd_year``,
        - ``provider``, ``large_usd`` (a request), ``own_usd_month``: of a hosted large model; None,
          NaN and 0 on machines,
        - ``reason``: why it cannot be; empty where it can.

        Of pairs alike in models, mode, machine, framework and levers the one that takes the
        fewest chips is kept, if the large model alone takes more. None for embeddings: vectors of
        two models cannot be compared.
    """
    if workload.task == "embedding":
        return pd.DataFrame()
    small = _small(setting, workload, today)
    if small.empty:
        return pd.DataFrame()
    fewest = _fewest(table[table["quality"] >= workload.quality_floor - 1e-9])
    large = _worked(setting, workload, fewest, today)
    on_machines = _named(small, "small").merge(_named(large, "large"), on=SHARED)
    size = {m: _params(setting.catalog, m) for m in {*small["model"], *large["model"]}}
    smaller = on_machines["small_model"].map(size) < on_machines["large_model"].map(size)
    parts = [
        on_machines[smaller].assign(provider=None, large_usd=np.nan),
        _with_hosted(setting, workload, _named(small, "small"), size),
    ]
    joined = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    if joined.empty:
        return pd.DataFrame()
    found = pd.concat([_mixed(setting, workload, joined, m) for m in SKILL], ignore_index=True)
    return _thinned(found)


def need(setting: Setting, workload: Workload, table: pd.DataFrame, rates: Array) -> Array:
    """Machines of each pair in each hour: those of the small model and those of the large one.

    Each model keeps its own spare and its own minimum, since a machine holds one of them.

    Parameters
    ----------
    table : DataFrame
        Rows of `pairs`, with ``devices`` of the machine they run on.
    rates : array, shape (hours,)
        Requests/s of the workload, all of them.

    Returns
    -------
    array, shape (n, hours)
    """
    asked = working_rates(workload, rates)[None, :]
    small = _part(table, "small")
    out = fleet(setting, workload, small, asked * table["small_share"].to_numpy(float)[:, None])
    here = np.flatnonzero(table["provider"].isna().to_numpy())
    if len(here):
        large = _part(table.iloc[here], "large")
        share = table["escalated"].to_numpy(float)[here, None]
        out[here] += fleet(setting, workload, large, asked * share)
    return out


def _small(setting: Setting, workload: Workload, today: Mapping[str, Any]) -> pd.DataFrame:
    """Variants that fail the quality floor and nothing else, as if they did not."""
    table = setting.variants(workload)
    if table.empty:
        return table
    poor = table[table["reason"].str.startswith("quality ")].assign(reason="")
    if poor.empty:
        return poor
    found = useful(setting.catalog, workload, today, poor)
    found = under_load(setting.catalog, workload, _fewest(found))
    return _worked(setting, workload, found[found["reason"] == ""], today)


def _fewest(table: pd.DataFrame) -> pd.DataFrame:
    """Variants that no other of the same model in the same place beats on all counts.

    That is one that needs no more levers, keeps as much quality and does as much per chip.
    """
    if table.empty:
        return table
    per_chip = (table["rps_low"] / table["tensor_parallel"]).to_numpy(float)
    group = table.groupby([*SHARED, "model"], dropna=False, sort=False).ngroup()
    needs = table["needs"].to_numpy().astype(np.int64)
    lost = -table["quality"].to_numpy(float)
    kept = unbeaten(group.to_numpy().astype(np.int64), per_chip, needs, lost)
    return table[kept].reset_index(drop=True)


def _worked(
    setting: Setting, workload: Workload, table: pd.DataFrame, today: Mapping[str, Any]
) -> pd.DataFrame:
    work = variant_work(setting.catalog, workload, today, table)
    return table.assign(stay=work.stay, move=work.move, study_usd_year=work.study_usd_year)


def _named(table: pd.DataFrame, part: str) -> pd.DataFrame:
    return table[[*SHARED, *OWN]].rename(columns={c: f"{part}_{c}" for c in OWN})


def _params(catalog: Catalog, model: str) -> float:
    """Billions of parameters; without end for a closed model that does not tell."""
    known = catalog.lookup("models", model)["params_b"]
    return float("inf") if known is None else float(known)


def _with_hosted(
    setting: Setting, workload: Workload, small: pd.DataFrame, size: dict[str, float]
) -> pd.DataFrame:
    """Small models on machines with each hosted model that may serve the rest."""
    rows = []
    for row, reason in hosted.options(setting, workload):
        model = setting.catalog.lookup("models", row["model"])["model"]
        size.setdefault(model, _params(setting.catalog, model))
        if not reason:
            rows.append(
                {
                    "provider": hosted.name_of(row),
                    "large_model": model,
                    "large_usd": hosted.usd_per_request(setting.catalog, workload, row),
                    "large_quality": 1.0,
                    "large_needs": 0,
                    "large_stay": 0.0,
                    "large_move": 0.0,
                    "large_study_usd_year": 0.0,
                }
            )
    if not rows:
        return pd.DataFrame()
    # Of hosts of one model the cheapest: their answers are the same.
    offers = pd.DataFrame(rows).sort_values("large_usd").drop_duplicates("large_model")
    joined = small.merge(offers, how="cross")
    smaller = joined["small_model"].map(size) < joined["large_model"].map(size)
    return joined[smaller]


def _mixed(setting: Setting, workload: Workload, table: pd.DataFrame, mode: str) -> pd.DataFrame:
    """Each pair with the least share escalated that keeps the floor, and whether it is in time."""
    of = setting.catalog.assumption
    skill = of(SKILL[mode])
    low, high = (table[f"{p}_quality"].to_numpy(float) for p in ("small", "large"))
    share = escalation_for(low, high, workload.quality_floor, skill)
    first = 1.0 - share if mode == "router" else np.ones(len(table))
    hours = of("cascade_hours")
    volume = requests_per_month(setting.rates(workload))
    out = table.assign(
        mode=mode,
        escalated=share,
        small_share=first + of("cascade_check_share"),
        quality=high - (high - low) * (1.0 - share) ** skill,
        needs=table["small_needs"] | table["large_needs"],
        stay=table["small_stay"] + table["large_stay"] + hours,
        move=table["small_move"] + table["large_move"] + hours,
        study_usd_year=table["small_study_usd_year"] + table["large_study_usd_year"],
        own_usd_month=volume * share * table["large_usd"].fillna(0.0),
    )
    late = _late(workload, out) if mode == "cascade" else np.zeros(len(out), bool)
    reason = "the small model's whole answer must come first: too late"
    return out.assign(reason=np.where(late, reason, ""))


def _late(workload: Workload, table: pd.DataFrame) -> Array:
    """Whether a cascade misses the targets at the percentile, shape (n,).

    An answer that is kept shows when it is whole; one that is escalated waits for that and for
    the large model. The latter counts where it happens to more than the percentile leaves out.
    """
    slo = workload.slo
    if workload.deferrable_hours is not None:
        return np.zeros(len(table), bool)

    def whole(part: str) -> Array:
        slow = 1.0 + table[f"{part}_spread"].to_numpy(float)
        if workload.kind != "llm":
            return table[f"{part}_latency_s"].to_numpy(float) * slow
        rest = max(float(workload.osl_tokens or 1) - 1.0, 0.0)
        first, token = (table[f"{part}_{c}"].to_numpy(float) for c in ("first_s", "token_s"))
        return (first + token * rest) * slow

    # A hosted model's own time is not known and not counted.
    second = np.nan_to_num(whole("large"))
    opening = np.nan_to_num(
        table["large_first_s"].to_numpy(float) * (1.0 + table["large_spread"].to_numpy(float))
    )
    counts = table["escalated"].to_numpy(float) > 1.0 - slo.percentile / 100.0
    kept = whole("small")
    # Tokens come at once when an answer is held back until it is whole.
    begins = np.where(counts, kept + opening, kept)
    ends = np.where(counts, kept + second, kept)
    way, first_by = table["network_s"].to_numpy(float), slo.ttft_s or slo.latency_s or np.inf
    return np.asarray((begins + way > first_by) | (ends + way > (slo.latency_s or np.inf)))


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    chips = table["small_share"] * table["small_tensor_parallel"] / table["small_rps_low"]
    rest = table["escalated"] * table["large_tensor_parallel"] / table["large_rps_low"]
    alone = table["large_tensor_parallel"] / table["large_rps_low"]
    chips = chips + rest.fillna(0.0)
    gains = (chips < alone.fillna(np.inf)) & (table["escalated"] < 1.0)
    ordered = table.assign(_chips=chips, _failed=table["reason"] != "")[gains]
    ordered = ordered.sort_values(["_failed", "_chips"], kind="stable")
    alike = [*SHARED, "mode", "provider", "small_model", "large_model", "needs"]
    kept = ordered.drop_duplicates(alike)
    return kept.drop(columns=["_chips", "_failed"]).reset_index(drop=True)


def _part(table: pd.DataFrame, part: str) -> dict[str, Array]:
    """One model of each pair, as `fleet` asks for it."""
    names = ("tensor_parallel", "rps_low", "alone_low", "concurrency", "latency_s", "spread")
    out = {name: table[f"{part}_{name}"].to_numpy(float) for name in names}
    return {**out, "devices": table["devices"].to_numpy(float)}
