"""Columns as candidates that people read: those that are chosen, and the few that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog.records import records
from advisor.economics.purchase import Offer
from advisor.portfolio import HOURS_PER_MONTH, Workload

from .choices import POOLED, Candidate, Host
from .columns import Columns
from .effort import SECOND, hours, study_usd_year
from .generate import columns
from .levers import LeverSet
from .offers import weakest
from .parts import CAPACITY, SHARE
from .places import Ints
from .rents import hosts_usd, least_usd, likely_rents
from .setting import Setting
from .sharing import KEPT
from .today import details_of

SHORTLIST = 40
BEHIND_CACHES = 12
OF_TWO = 12
"""Candidates of two models among those that are compared."""
VARIANT_FIELDS = (
    "model",
    "framework",
    "techniques",
    "compression",
    "weight_precision",
    "kv_precision",
    "tensor_parallel",
    "escalation",
    "escalate_to",
    "escalate_host",
)
REPLICA = (*CAPACITY, "rps", "tensor_parallel", "weights_gib")
PLACE_FIELDS = ("sourcing", "cloud", "region", "instance")


def candidates(setting: Setting, workload: Workload, levers: LeverSet) -> list[Candidate]:
    """The most promising candidates under the levers, today's first; kept for each set of levers.

    They are for comparing: the solver looks at every column.
    """
    key = (workload, levers)
    if key not in setting.candidates:
        found = columns(setting, workload)
        setting.candidates[key] = build(setting, found, _shortlist(setting, found, levers))
    return setting.candidates[key]


def _shortlist(setting: Setting, found: Columns, levers: LeverSet) -> Ints:
    """The cheapest overall, on each stack, machine and precision, and behind each cache."""
    able = found.open_to(levers)
    rents = likely_rents(setting, setting.rates(found.workload))
    # By itself on a host it would pay for all of it, as work or as memory.
    alone = hosts_usd(setting, rents) / 2.0
    usd = least_usd(setting, found, able, rents, alone, alone)
    order = np.argsort(usd, kind="stable")
    able = able[order]
    given = np.arange(len(found.given))
    machines = able[(found.variant[able] >= 0) & (found.cache[able] < 0)]
    if len(machines):
        two = found.variants["escalation"].notna().to_numpy()[found.variant[machines]]
        machines, pairs = machines[~two], machines[two]
    keep = [np.intersect1d(given, able), machines[:SHORTLIST]]
    if len(machines):
        v, p = found.variants, setting.places.table
        seen = pd.DataFrame(
            {
                "framework": v["framework"].to_numpy(object)[found.variant[machines]],
                "weight": v["weight_precision"].to_numpy(object)[found.variant[machines]],
                "kv": v["kv_precision"].to_numpy(object)[found.variant[machines]],
                "chip": p["accelerator"].to_numpy(object)[found.place[machines]],
                "sourcing": p["sourcing"].to_numpy(object)[found.place[machines]],
            }
        )
        keep.append(machines[seen.groupby("framework").head(4).index])
        keep.append(machines[seen.groupby(["sourcing", "chip"]).head(1).index])
        keep.append(machines[seen.groupby(["weight", "kv"], dropna=False).head(1).index])
        keep.append(pairs[:OF_TWO])
    for cache in range(len(found.caches)):
        keep.append(able[found.cache[able] == cache][:BEHIND_CACHES])
    first = dict.fromkeys(np.concatenate(keep).tolist())
    return np.array(list(first), np.int64)


def build(setting: Setting, found: Columns, index: Sequence[int] | Ints) -> list[Candidate]:
    """Columns of a workload as candidates, each built once."""
    missing = [i for i in map(int, index) if i not in found.built]
    for i in missing:
        if found.variant[i] < 0:
            found.built[i] = found.given[i]
    fresh = np.array([i for i in missing if found.variant[i] >= 0], np.int64)
    if len(fresh):
        _build(setting, found, fresh)
    return [found.built[int(i)] for i in index]


def _build(setting: Setting, found: Columns, fresh: Ints) -> None:
    today, workload = found.today, found.workload
    variants = found.variants.iloc[found.variant[fresh]].reset_index(drop=True)
    places = setting.places.table.iloc[found.place[fresh]].reset_index(drop=True)
    cache = [found.caches[c] if c >= 0 else None for c in found.cache[fresh]]
    fixed = found.fixed[fresh]
    table = variants[list(VARIANT_FIELDS)].join(places[list(PLACE_FIELDS)])
    table = table.assign(
        provider=None,
        cache=[c.cache if c else today.choice["cache"] for c in cache],
        purchase=np.where(fixed, str(today.choice["purchase"]), POOLED),
        shared=found.host[fresh] >= 0,
    )
    second = [c for c in variants if str(c).startswith("rest_")]
    work = hours(setting.catalog, workload, today.choice, table.join(variants[second]))
    counts = found.machines(setting, fresh)
    joint = found.bought_jointly[fresh]
    study = study_usd_year(setting.catalog, workload, table)
    rows = zip(fresh.tolist(), records(table), records(variants), records(places), strict=True)
    for at, (i, choice, variant, place) in enumerate(rows):
        effort = {str(k): float(v) for k, v in work.iloc[at].items() if v}
        run = float(found.run_usd[i])
        host = _host(setting, found, i)
        if not joint[at] and host is None:
            run += float(counts[at].mean()) * float(found.price[i]) * HOURS_PER_MONTH
        details = _details(workload, variant, place)
        if found.cache[i] >= 0:
            details["hit_ratio"] = found.caches[found.cache[i]].hit_ratio
        offer = setting.places.offer(int(found.place[i])) if joint[at] else None
        if host is not None:
            details |= _beside(found, i)
            offer = _host_offer(setting, found, i)
        found.built[i] = Candidate(
            workload=workload.name,
            choice=choice,
            machines=counts[at],
            run_rate_usd_month=run,
            one_off_usd=sum(effort.values()) * setting.usd_per_hour
            + float(study[at]) * setting.horizon_months / 12.0,
            hours=effort,
            offer=offer,
            spot_share=0.0 if fixed[at] or host else setting.spot_share(workload),
            waits=bool(workload.waits_a_day and not fixed[at]),
            rest_usd_month=float(found.rest_usd[i]),
            predictions_per_month=today.predictions_per_month,
            details=details,
            around_usd_month=float(found.around_usd[i] + found.disk_usd[i] * counts[at].mean()),
            host=host,
        )


def _host(setting: Setting, found: Columns, column: int) -> Host | None:
    """A column's part of the host it lives on."""
    kind = int(found.host[column])
    if kind < 0 or setting.hosts is None:
        return None
    return Host(
        framework=str(setting.hosts.framework[kind]),
        machines=found.host_machines,
        load=float(found.host_load[column]),
        memory=float(found.host_memory[column]),
    )


def _host_offer(setting: Setting, found: Columns, column: int) -> Offer:
    """Prices of the machines of a column's host."""
    assert setting.hosts is not None  # it lives on one
    price = float(setting.hosts.price[found.host[column]])
    return setting.places.offer(int(found.place[column])) if np.isnan(price) else Offer(price)


def _beside(found: Columns, column: int) -> dict[str, Any]:
    """What is predicted of a column's variant when it runs beside others."""
    row = found.beside.loc[[int(found.variant[column])], list(KEPT)].to_numpy(float)[0]
    return dict(zip(KEPT, row.tolist(), strict=True))


def _details(
    workload: Workload, variant: Mapping[str, Any], place: Mapping[str, Any]
) -> dict[str, Any]:
    hourly = place["on_demand"] if pd.notna(place["on_demand"]) else place["commit"]
    details = details_of(dict(variant), dict(place))
    if variant["escalation"]:
        details |= _of_two(variant, max(np.floor(place["accelerator_count"]), 1.0))
    return {
        **details,
        "machine_usd_hour": float(hourly),
        "spot_standing": place.get("spot_standing"),
        "commit_standing": place.get("commit_standing"),
        "evidence": weakest(variant["evidence"], place["standing"], workload.demand.evidence),
        "doubt": "",
    }


def _of_two(variant: Mapping[str, Any], devices: float) -> dict[str, Any]:
    """What is told of a pair: each model's own replica, and what both do together.

    ``rps`` and ``rps_low`` are what the pair's machines carry, for each replica that the small
    model would have on them.
    """
    parts = [
        {
            "share": float(variant[share]),
            **{name: variant[prefix + name] for name in (*REPLICA, *SECOND)},
        }
        for prefix, share in SHARE.items()
        if variant[share] > 0
    ]
    per = [np.maximum(np.floor(devices / p["tensor_parallel"]), 1.0) for p in parts]
    together = {
        name: 1.0
        / sum(per[0] * p["share"] / (n * p[name]) for p, n in zip(parts, per, strict=True))
        for name in ("rps", "rps_low")
    }
    return {
        **together,
        "spread": max(float(p["spread"]) for p in parts),
        "parts": tuple(parts),
        "escalated": float(variant["escalated"]),
        "rest_price_as_of": variant["rest_price_as_of"],
    }
