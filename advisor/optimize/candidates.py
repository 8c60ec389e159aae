"""Candidates of one workload under the levers it has unlocked.

Variants (predicted once) are masked by the locked levers, thinned by dominance, joined with the
offers, screened on typical hours, and only the best are built with their 168 hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog.records import records
from advisor.portfolio import HOURS_PER_MONTH, Workload

from .bound import rows_bound
from .caches import cache_options, cached
from .choices import POOLED, Array, Candidate
from .effort import distillation_usd_year, hours
from .fleet import fleet, scaled, static, working_rates
from .hosted import hosted
from .levers import LeverSet
from .offers import weakest
from .frozen import frozen_fields, offered, thinned
from .setting import Setting, to_offer
from .thin import bits
from .today import details_of

SHORTLIST = 40
CACHED = 12
TYPICAL_HOURS = 12
VARIANT_FIELDS = (
    "model",
    "framework",
    "techniques",
    "compression",
    "weight_precision",
    "kv_precision",
    "tensor_parallel",
)


def candidates(
    setting: Setting, workload: Workload, levers: LeverSet, today: Candidate
) -> list[Candidate]:
    """The most promising candidates, today's first; worked out once per set of levers."""
    key = (workload, levers)
    if key not in setting.candidates:
        setting.candidates[key] = _candidates(setting, workload, levers, today)
    return setting.candidates[key]


def _candidates(
    setting: Setting, workload: Workload, levers: LeverSet, today: Candidate
) -> list[Candidate]:
    if not levers:
        return [today]
    frozen = frozen_fields(levers, today)
    found = [today]
    found += hosted(setting, workload, frozen, today)
    setting.bounds[workload, levers] = {}
    if frozen.get("sourcing") != "managed_api":
        table, work = screened(setting, workload, levers, frozen, today)
        found += _shortlisted(setting, workload, table, work, today)
        if len(table):
            labour = work.sum(axis=1).to_numpy() * setting.usd_per_hour / setting.horizon_months
            setting.bounds[workload, levers] = rows_bound(
                setting, workload, table, labour, caching="CACHING" in levers
            )
    if "CACHING" in levers:
        best = sorted(found, key=lambda c: c.details.get("screening_usd_month", np.inf))
        options = cache_options(setting, workload, today)
        found += cached(setting, workload, [today, *best[:CACHED]], options)
    return found


def screened(
    setting: Setting,
    workload: Workload,
    levers: LeverSet,
    frozen: dict[str, Any],
    today: Candidate,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every useful variant on every offer it may use with its approximate cost, and the work."""
    table = setting.useful(workload, today.choice)
    if table.empty:
        return table, table
    able = table[(table["needs"] & ~bits(levers)) == 0]
    purchase = frozen.get("purchase") or POOLED
    places = thinned(offered(setting, workload, frozen), today)
    keys = ["accelerator", "chip_share", "host_memory_gib"]
    joined = able.merge(places, on=keys, how="inner")
    joined = joined[joined["devices"] >= joined["tensor_parallel"]].reset_index(drop=True)
    if joined.empty:
        return joined, joined
    joined = joined.assign(provider=None, cache=today.choice["cache"], purchase=purchase)
    cost, work = _screen(setting, workload, joined, today, purchase)
    return joined.assign(screening_usd_month=cost), work


def _shortlisted(
    setting: Setting,
    workload: Workload,
    table: pd.DataFrame,
    work: pd.DataFrame,
    today: Candidate,
) -> list[Candidate]:
    if table.empty:
        return []
    picked = _shortlist(table)
    return _build(setting, workload, table.loc[picked], work.loc[picked], today)


def _shortlist(table: pd.DataFrame) -> list[int]:
    """The cheapest overall, plus the cheapest on each stack, pool and precision."""
    ordered = table.sort_values("screening_usd_month", kind="stable")
    keep = list(ordered.index[:SHORTLIST])
    keep += list(ordered.groupby("framework").head(4).index)
    for fields in (["sourcing", "accelerator"], ["weight_precision", "kv_precision"]):
        keep += list(ordered.groupby(fields).head(1).index)
    return list(dict.fromkeys(keep))


def _screen(
    setting: Setting, workload: Workload, table: pd.DataFrame, today: Candidate, purchase: str
) -> tuple[Array, pd.DataFrame]:
    """Approximate monthly cost on a few typical hours, and the hours of work."""
    rates = np.sort(working_rates(workload, setting.rates(workload)))
    typical = rates.reshape(TYPICAL_HOURS, -1).mean(axis=1)
    typical[-1] = rates[-1]
    count = np.sort(fleet(setting, workload, table, typical), axis=1)
    if purchase == POOLED:
        sigma = setting.spot_share(workload)
        demand = table["on_demand"].to_numpy(float)
        blend = np.fmin(demand, (1.0 - sigma) * demand + sigma * table["spot"].to_numpy(float))
        commit = table["commit"].to_numpy(float)
        levels = count[:, None, :]
        rest = np.maximum(count[:, None, :] - count[:, :, None], 0.0).mean(axis=2)
        with_commit = (
            commit[:, None] * levels[:, 0, :] + np.nan_to_num(blend, nan=1e9)[:, None] * rest
        )
        hourly = np.fmin(
            np.nanmin(np.where(np.isnan(with_commit), np.inf, with_commit), axis=1),
            np.where(np.isnan(blend), np.inf, blend * count.mean(axis=1)),
        )
    else:
        hourly = table["fixed"].to_numpy(float) * count.max(axis=1)
    work = hours(setting.catalog, workload, today.choice, table)
    labour = work.sum(axis=1).to_numpy() * setting.usd_per_hour / setting.horizon_months
    return hourly * HOURS_PER_MONTH + labour, work


def _build(
    setting: Setting,
    workload: Workload,
    table: pd.DataFrame,
    work: pd.DataFrame,
    today: Candidate,
) -> list[Candidate]:
    rates = working_rates(workload, setting.rates(workload))
    counts = fleet(setting, workload, table, rates)
    pooled = bool((table["purchase"] == POOLED).all())
    counts = scaled(counts) if pooled and workload.deferrable_hours is None else counts
    counts = counts if pooled else static(counts)
    out = []
    for i, row in enumerate(records(table)):
        effort = {str(k): float(v) for k, v in work.iloc[i].items() if v}
        study = distillation_usd_year(setting.catalog, workload, row["model"])
        study *= setting.horizon_months / 12.0
        choice = {
            **{k: row[k] for k in VARIANT_FIELDS},
            **{k: row[k] for k in ("sourcing", "provider", "cloud", "region", "instance")},
            **{k: row[k] for k in ("cache", "purchase")},
        }
        details = {
            **details_of(row, row),
            "screening_usd_month": float(row["screening_usd_month"]),
            "machine_usd_hour": _hourly(row),
            "spot_standing": row.get("spot_standing"),
            "commit_standing": row.get("commit_standing"),
            "commit_term": row.get("commit_term"),
            "evidence": weakest(row["evidence"], row["standing"], workload.demand.evidence),
            "doubt": "",
        }
        run_rate = 0.0
        if not pooled:
            run_rate = float(counts[i].mean()) * float(row["fixed"]) * HOURS_PER_MONTH
        out.append(
            Candidate(
                workload=workload.name,
                choice=choice,
                machines=counts[i],
                run_rate_usd_month=run_rate,
                one_off_usd=sum(effort.values()) * setting.usd_per_hour + study,
                hours=effort,
                offer=to_offer(row) if pooled else None,
                spot_share=setting.spot_share(workload),
                predictions_per_month=today.predictions_per_month,
                details=details,
            )
        )
    return out


def _hourly(row: Mapping[str, Any]) -> float:
    """The machine's plain price: on-demand, or its commitment where nothing else is sold."""
    price = row["on_demand"] if pd.notna(row["on_demand"]) else row["commit"]
    return float(price)
