"""The same choice at another volume: fewer requests behind a cache, more as a product grows.

Machines are worked out anew from the choice's predicted capacity; what it costs is priced alone,
without the other workloads of its pool, so that curves over volume do not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from advisor.portfolio import Workload, requests_per_month

from .caches import running_usd_month
from .choices import Array, Candidate
from .fleet import machines, scaled, working_rates
from .plan import Plan
from .setting import Setting


def resized(
    setting: Setting, workload: Workload, options: Sequence[Candidate], factor: float
) -> list[Candidate]:
    """The choices with `factor` times today's requests; those of unknown capacity are left out.

    A fleet that runs all hours alike keeps its present size as its reference: it grows and shrinks
    as the need at its busiest hour does.
    """
    hosted = [c for c in options if c.choice["sourcing"] == "managed_api"]
    known = [c for c in options if c not in hosted and c.details["rps"] > 0]
    out = [_hosted(setting, workload, c, factor) for c in hosted]
    if known:
        asked = np.array([factor * (1.0 - hit_of(c)) for c in known])
        now = np.array([1.0 - hit_of(c) for c in known])
        counts, before = _counts(setting, workload, known, asked), None
        if any(c.offer is None for c in known):
            before = _counts(setting, workload, known, now)
        for i, candidate in enumerate(known):
            reference = None if before is None else float(before[i].max())
            out.append(_sized(setting, workload, candidate, counts[i], reference, factor))
    return out


def hit_of(candidate: Candidate) -> float:
    """Share of requests that the choice's result cache answers; 0 without one."""
    return float(candidate.details.get("hit_ratio") or 0.0)


def cache_usd_month(
    setting: Setting, workload: Workload, cache: str, hit: float, factor: float = 1.0
) -> float:
    """Running cost of a result cache and of the wrong answers it gives, USD a month."""
    return running_usd_month(setting, workload, cache, hit, factor)


def false_hits_per_month(setting: Setting, workload: Workload, cache: str, hit: float) -> float:
    """Requests a month that a cache answers wrongly."""
    rate = float(setting.catalog.lookup("techniques", cache)["false_hit_rate"] or 0.0)
    return requests_per_month(setting.rates(workload)) * hit * rate


def behind_cache(
    setting: Setting, workload: Workload, candidate: Candidate, cache: str, hit: float
) -> Candidate | None:
    """The choice behind a result cache that answers a share `hit`, whatever cache it has now.

    None where the choice's capacity is unknown.
    """
    bare = _uncached(setting, workload, candidate)
    if cache == "none":
        return bare
    smaller = resized(setting, workload, [bare], 1.0 - hit)
    if not smaller:
        return None
    hours = float(setting.catalog.lookup("techniques", cache)["engineering_hours"])
    return replace(
        smaller[0],
        choice={**bare.choice, "cache": cache},
        run_rate_usd_month=smaller[0].run_rate_usd_month
        + cache_usd_month(setting, workload, cache, hit),
        one_off_usd=bare.one_off_usd + hours * setting.usd_per_hour,
        # What a cache answers is logged and sent all the same.
        around_usd_month=bare.around_usd_month,
        hours={**bare.hours, "CACHING": hours},
        predictions_per_month=candidate.predictions_per_month,
        details={**bare.details, "hit_ratio": hit},
    )


def alone_usd_month(plan: Plan, candidate: Candidate, *, platforms: bool = False) -> float:
    """What a choice would cost if nothing else ran, one-off work spread over the horizon, USD.

    With `platforms`, the engineering hours of operating what it runs on are included.
    """
    usd = plan.objective.own_usd_month(candidate)
    if candidate.offer is not None:
        usd += plan.objective.pool_bill([candidate]).usd_month
    if platforms:
        usd += plan.objective.platforms_usd_month([candidate])
    return float(usd)


def _hosted(setting: Setting, workload: Workload, candidate: Candidate, factor: float) -> Candidate:
    running = _running(setting, workload, candidate)
    grown = _running(setting, workload, candidate, factor)
    return replace(
        candidate,
        run_rate_usd_month=(candidate.run_rate_usd_month - running) * factor + grown,
        around_usd_month=candidate.around_usd_month * factor,
        predictions_per_month=candidate.predictions_per_month * factor,
    )


def _sized(
    setting: Setting,
    workload: Workload,
    candidate: Candidate,
    count: Array,
    reference: float | None,
    factor: float,
) -> Candidate:
    usd = _running(setting, workload, candidate, factor)
    host = candidate.host
    if host is not None:
        asked = factor * (1.0 - hit_of(candidate))
        host, count = host.busier(asked), candidate.machines
    elif candidate.offer is None:
        grow = count.max() / reference if reference else 1.0
        fleet = max(np.ceil(candidate.machines.max() * grow - 1e-9), 1.0)
        count = np.full_like(candidate.machines, fleet)
        own = candidate.run_rate_usd_month - _running(setting, workload, candidate)
        usd += own / candidate.machines.mean() * fleet
    elif workload.deferrable_hours is None:
        count = scaled(count)
    return replace(
        candidate,
        machines=count,
        host=host,
        run_rate_usd_month=usd,
        around_usd_month=candidate.around_usd_month * factor,
        predictions_per_month=candidate.predictions_per_month * factor,
    )


def _running(
    setting: Setting, workload: Workload, candidate: Candidate, factor: float = 1.0
) -> float:
    """What the choice's own run rate holds for its cache; today's cache was never counted."""
    if not hit_of(candidate):
        return 0.0
    cache = candidate.choice["cache"]
    return cache_usd_month(setting, workload, cache, hit_of(candidate), factor)


def _uncached(setting: Setting, workload: Workload, candidate: Candidate) -> Candidate:
    if not hit_of(candidate):
        return candidate
    rest: dict[str, Any] = {k: v for k, v in candidate.details.items() if k != "hit_ratio"}
    hours = {k: v for k, v in candidate.hours.items() if k != "CACHING"}
    saved = candidate.hours.get("CACHING", 0.0) * setting.usd_per_hour
    own = candidate.run_rate_usd_month - _running(setting, workload, candidate)
    if candidate.choice["sourcing"] == "managed_api":
        own /= 1.0 - hit_of(candidate)
    bare = replace(
        candidate,
        choice={**candidate.choice, "cache": "none"},
        run_rate_usd_month=own,
        one_off_usd=candidate.one_off_usd - saved,
        hours=hours,
        details=rest,
    )
    if candidate.choice["sourcing"] == "managed_api":
        return bare
    one = np.ones(1)
    full, now = (
        _counts(setting, workload, [bare], share)[0] for share in (one, one - hit_of(candidate))
    )
    return _sized(setting, workload, bare, full, float(now.max()), 1.0)


def _counts(
    setting: Setting, workload: Workload, options: Sequence[Candidate], share: Array
) -> Array:
    """Machines each choice needs hour by hour for a share of today's requests, shape (n, 168)."""

    def column(name: str) -> Array:
        return np.array([float(c.details[name]) for c in options])

    split = np.array([float(c.choice["tensor_parallel"] or 1) for c in options])
    chips = np.maximum(np.floor(column("accelerator_count")), 1.0)
    return machines(
        workload,
        working_rates(workload, setting.rates(workload))[None, :] * share[:, None],
        rps_low=column("rps_low"),
        alone_low=column("alone_low"),
        concurrency=column("concurrency"),
        latency_s=column("latency_s"),
        spread=column("spread"),
        per_machine=np.maximum(np.floor(chips / split), 1.0),
        spare=setting.portfolio.organisation.spare_instances,
        ca2=setting.catalog.assumption("burstiness_ca2"),
    )
