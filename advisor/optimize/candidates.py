"""Candidates of one workload under the levers it has unlocked.

Variants (predicted once) are masked by the locked levers, thinned by dominance, joined with the
offers, screened on typical hours, and only the best are built with their 168 hours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from advisor.portfolio import HOURS_PER_MONTH, Workload, requests_per_month

from . import hosted
from .choices import POOLED, Array, Candidate
from .effort import distillation_usd_year, hours
from .fleet import machines, scaled, static, working_rates
from .levers import LEVER_FIELDS, LeverSet
from .offers import weakest
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
    keep = np.ones(len(table), bool)
    for name, value in frozen.items():
        if name in table.columns:
            keep &= table[name].map(lambda v, value=value: v == value).to_numpy(bool)
    return table[keep]


def candidates(
    setting: Setting, workload: Workload, levers: LeverSet, today: Candidate
) -> list[Candidate]:
    """The most promising candidates, today's first."""
    if not levers:
        return [today]
    frozen = frozen_fields(levers, today)
    found = [today]
    found += _hosted(setting, workload, frozen, today)
    if frozen.get("sourcing") != "managed_api":
        found += on_machines(setting, workload, levers, frozen, today)
    if "CACHING" in levers:
        best = sorted(found, key=lambda c: c.details.get("screening_usd_month", np.inf))
        found += _cached(setting, workload, [today, *best[:CACHED]], today)
    return found


def _sourcings(frozen: dict[str, Any]) -> list[str]:
    if "sourcing" in frozen:
        return [frozen["sourcing"]]
    return ["self_hosted", "managed_inference", "owned"]


def _offers(setting: Setting, workload: Workload, frozen: dict[str, Any]) -> pd.DataFrame:
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
        else:
            part = table[table["cloud_kind"] != "owned"]
        parts.append(part.assign(sourcing=sourcing))
    out = pd.concat(parts, ignore_index=True)
    purchase = frozen.get("purchase")
    if purchase:
        out["fixed"] = out[purchase]
        out = out[out["fixed"].notna()]
    return out


def _thin_offers(table: pd.DataFrame, today: Candidate) -> pd.DataFrame:
    """Drop offers that another of the same machine beats on every price."""
    keys = ["sourcing", "accelerator", "chip_share", "host_memory_gib", "devices"]
    keep: set[int] = set()
    price = "fixed" if "fixed" in table.columns else "on_demand"
    for column in (price, "spot", "commit"):
        ordered = table[table[column].notna()].sort_values(column, kind="stable")
        keep.update(ordered.groupby(keys, dropna=False).head(1).index)
    here = (table["region"] == today.choice["region"]) & (table["cloud"] == today.choice["cloud"])
    keep.update(table.index[here])
    return table.loc[sorted(keep)]


def on_machines(
    setting: Setting,
    workload: Workload,
    levers: LeverSet,
    frozen: dict[str, Any],
    today: Candidate,
) -> list[Candidate]:
    """The most promising machines whose fields equal the frozen ones."""
    table = setting.useful(workload, today.choice)
    if table.empty:
        return []
    able = table[(table["needs"] & ~bits(levers)) == 0]
    if able.empty:
        return []
    purchase = frozen.get("purchase") or POOLED
    places = _thin_offers(_offers(setting, workload, frozen), today)
    keys = ["accelerator", "chip_share", "host_memory_gib"]
    joined = able.merge(places, on=keys, how="inner")
    joined = joined[joined["devices"] >= joined["tensor_parallel"]].reset_index(drop=True)
    if joined.empty:
        return []
    joined = joined.assign(provider=None, cache=today.choice["cache"], purchase=purchase)
    cost, work = _screen(setting, workload, joined, today, purchase)
    joined["screening_usd_month"] = cost
    picked = _shortlist(joined)
    return _build(setting, workload, joined.loc[picked], work.loc[picked], today, levers)


def _shortlist(table: pd.DataFrame) -> list[int]:
    """The cheapest overall, plus the cheapest on each stack and pool they could share."""
    ordered = table.sort_values("screening_usd_month", kind="stable")
    keep = list(ordered.index[:SHORTLIST])
    keep += list(ordered.groupby("framework").head(4).index)
    keep += list(ordered.groupby(["sourcing", "accelerator"]).head(1).index)
    return list(dict.fromkeys(keep))


def _fleet(setting: Setting, workload: Workload, table: pd.DataFrame, rates: Array) -> Array:
    def column(name: str) -> Array:
        return table[name].to_numpy(float)

    per = np.maximum(np.floor(column("devices") / column("tensor_parallel")), 1.0)
    return machines(
        workload,
        rates,
        rps_low=column("rps_low"),
        concurrency=column("concurrency"),
        latency_s=column("latency_s"),
        spread=column("spread"),
        per_machine=per,
        spare=setting.portfolio.organisation.spare_instances,
    )


def _spot_share(setting: Setting, workload: Workload) -> float:
    if workload.deferrable_hours is not None:
        return 1.0
    return setting.portfolio.organisation.spot_share


def _screen(
    setting: Setting, workload: Workload, table: pd.DataFrame, today: Candidate, purchase: str
) -> tuple[Array, pd.DataFrame]:
    """Approximate monthly cost on a few typical hours, and the hours of work."""
    rates = np.sort(working_rates(workload, setting.rates(workload)))
    typical = rates.reshape(TYPICAL_HOURS, -1).mean(axis=1)
    typical[-1] = rates[-1]
    count = np.sort(_fleet(setting, workload, table, typical), axis=1)
    if purchase == POOLED:
        sigma = _spot_share(setting, workload)
        demand = table["on_demand"].to_numpy(float)
        blend = np.fmin(demand, (1.0 - sigma) * demand + sigma * table["spot"].to_numpy(float))
        commit = table["commit"].to_numpy(float)
        levels = count[:, None, :]
        rest = np.maximum(count[:, None, :] - count[:, :, None], 0.0).mean(axis=2)
        with_commit = commit[:, None] * levels[:, 0, :] + np.nan_to_num(blend, nan=1e9)[:, None] * rest
        hourly = np.fmin(np.nanmin(np.where(np.isnan(with_commit), np.inf, with_commit), axis=1),
                         np.where(np.isnan(blend), np.inf, blend * count.mean(axis=1)))
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
    levers: LeverSet,
) -> list[Candidate]:
    rates = working_rates(workload, setting.rates(workload))
    counts = _fleet(setting, workload, table, rates)
    pooled = bool((table["purchase"] == POOLED).all())
    counts = scaled(counts) if pooled and workload.deferrable_hours is None else counts
    counts = counts if pooled else static(counts)
    out = []
    for i, row in enumerate(table.to_dict("records")):
        effort = {k: float(v) for k, v in work.iloc[i].items() if v}
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
            "machine_usd_hour": float(row["on_demand"]),
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
                spot_share=_spot_share(setting, workload),
                predictions_per_month=today.predictions_per_month,
                details=details,
            )
        )
    return out


def _hosted(
    setting: Setting, workload: Workload, frozen: dict[str, Any], today: Candidate
) -> list[Candidate]:
    if frozen.get("sourcing", "managed_api") != "managed_api" or "sourcing" in frozen:
        return []
    volume = requests_per_month(setting.rates(workload))
    out = []
    for row, reason in hosted.options(setting, workload):
        provider = f"{row['provider']}/{row['api_model']}"
        if reason or provider == today.choice["provider"]:
            continue
        choice = {
            **dict.fromkeys(today.choice),
            "sourcing": "managed_api",
            "provider": provider,
            "model": setting.catalog.lookup("models", row["model"])["model"],
            "techniques": (),
            "compression": "none",
            "cache": today.choice["cache"],
        }
        work = hours(setting.catalog, workload, today.choice, pd.DataFrame([choice])).iloc[0]
        effort = {k: float(v) for k, v in work.items() if v}
        usd = volume * hosted.usd_per_request(workload, row)
        one_off = sum(effort.values()) * setting.usd_per_hour
        details = {
            **hosted.details_of(row, workload),
            "screening_usd_month": usd + one_off / setting.horizon_months,
            "quality": 1.0,
        }
        out.append(
            Candidate(
                workload.name, choice, np.zeros(168), usd, one_off, effort,
                predictions_per_month=today.predictions_per_month, details=details,
            )
        )
    return out


def hit_ratio(setting: Setting, workload: Workload, cache: str) -> float:
    """Share of requests a result cache answers: the workload's own figure, else the catalog's."""
    row = setting.catalog.lookup("techniques", cache)
    if workload.kind not in row["kinds"]:
        return 0.0
    exact = workload.repeat_share
    if cache == "exact_cache":
        return float(exact if exact is not None else row["hit_ratio"] or 0.0)
    similar = workload.similar_share
    return float(similar if similar is not None else row["hit_ratio"] or 0.0)


def _cached(
    setting: Setting, workload: Workload, base: list[Candidate], today: Candidate
) -> list[Candidate]:
    """The same choices behind a result cache: fewer requests reach the model."""
    out = []
    rates = setting.rates(workload)
    for cache in ("exact_cache", "semantic_cache"):
        hit = hit_ratio(setting, workload, cache)
        if hit <= 0 or cache == today.choice["cache"]:
            continue
        technique = setting.catalog.lookup("techniques", cache)
        wrong = float(technique["false_hit_rate"] or 0.0) * hit
        if cache == "semantic_cache" and (
            workload.false_hit_usd is None or 1.0 - wrong < workload.quality_floor
        ):
            continue
        volume = requests_per_month(rates)
        running = float(technique["usd_per_month"]) + volume * wrong * (workload.false_hit_usd or 0.0)
        effort_hours = float(technique["engineering_hours"])
        for candidate in base:
            shrunk = _shrunk(setting, workload, candidate, 1.0 - hit)
            if shrunk is None:
                continue
            count, own = shrunk
            out.append(
                Candidate(
                    workload=workload.name,
                    choice={**candidate.choice, "cache": cache},
                    machines=count,
                    run_rate_usd_month=own + running,
                    one_off_usd=candidate.one_off_usd + effort_hours * setting.usd_per_hour,
                    hours={**candidate.hours, "CACHING": effort_hours},
                    offer=candidate.offer,
                    spot_share=candidate.spot_share,
                    predictions_per_month=candidate.predictions_per_month,
                    details={**candidate.details, "hit_ratio": hit},
                )
            )
    return out


def _shrunk(
    setting: Setting, workload: Workload, candidate: Candidate, share: float
) -> tuple[Array, float] | None:
    """Machines and own cost when only `share` of the requests arrive."""
    if candidate.choice["sourcing"] == "managed_api":
        return candidate.machines, candidate.run_rate_usd_month * share
    d = candidate.details
    if d["rps"] <= 0:
        return None
    row = pd.DataFrame([{**d, "tensor_parallel": candidate.choice["tensor_parallel"]}])
    row["devices"] = max(np.floor(d["accelerator_count"]), 1.0)
    rates = working_rates(workload, setting.rates(workload)) * share
    count = _fleet(setting, workload, row, rates)
    if candidate.offer is None:
        count = np.minimum(static(count), candidate.machines.max())
        machine = candidate.run_rate_usd_month / max(candidate.machines.mean(), 1e-12)
        return count[0], machine * float(count.mean())
    count = count if workload.deferrable_hours is not None else scaled(count)
    return np.minimum(count[0], candidate.machines), 0.0


