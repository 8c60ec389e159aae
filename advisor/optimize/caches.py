"""Result caches in front of a model: fewer requests reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.portfolio import Workload, requests_per_month

from .choices import Array, Candidate
from .fleet import fleet, scaled, static, working_rates
from .setting import Setting


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


@dataclass(frozen=True)
class CacheOption:
    """A result cache that may stand in front of a workload's model."""

    cache: str
    hit_ratio: float
    usd_month: float
    """Running it, and the price of its wrong answers."""
    hours: float


def cache_options(setting: Setting, workload: Workload, today: Candidate) -> list[CacheOption]:
    """Caches that would answer some of the requests and whose wrong answers can be borne."""
    out = []
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
        volume = requests_per_month(setting.rates(workload))
        usd = float(technique["usd_per_month"]) + volume * wrong * (workload.false_hit_usd or 0.0)
        out.append(CacheOption(cache, hit, usd, float(technique["engineering_hours"])))
    return out


def cached(
    setting: Setting,
    workload: Workload,
    base: Sequence[Candidate],
    options: Sequence[CacheOption],
) -> list[Candidate]:
    """The same choices behind each result cache: fewer requests reach the model."""
    out = []
    for option in options:
        for candidate in base:
            shrunk = _shrunk(setting, workload, candidate, 1.0 - option.hit_ratio)
            if shrunk is None:
                continue
            count, own = shrunk
            out.append(
                replace(
                    candidate,
                    choice={**candidate.choice, "cache": option.cache},
                    machines=count,
                    run_rate_usd_month=own + option.usd_month,
                    one_off_usd=candidate.one_off_usd + option.hours * setting.usd_per_hour,
                    hours={**candidate.hours, "CACHING": option.hours},
                    details={**candidate.details, "hit_ratio": option.hit_ratio},
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
    row = {
        **d,
        "tensor_parallel": candidate.choice["tensor_parallel"],
        "devices": max(np.floor(d["accelerator_count"]), 1.0),
    }
    rates = working_rates(workload, setting.rates(workload)) * share
    count = fleet(setting, workload, row, rates)
    if candidate.offer is None:
        count = np.minimum(static(count), candidate.machines.max())
        machine = candidate.run_rate_usd_month / max(candidate.machines.mean(), 1e-12)
        return count[0], machine * float(count.mean())
    count = count if workload.deferrable_hours is not None else scaled(count)
    return np.minimum(count[0], candidate.machines), 0.0
