"""The same choice at another volume: fewer requests behind a cache, more as a product grows.

Machines are worked out anew from the choice's predicted capacity; what it costs is priced alone,
without the other workloads of its pool, so that curves over volume do not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from advisor.economics.purchase import Prices, buy
from advisor.portfolio import Workload, requests_per_month

from .caches import running_usd_month
from .choices import Array, Candidate
from .fleet import working_rates
from .parts import machines, of_candidates
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


def alone_usd(setting: Setting, options: Sequence[Candidate]) -> Array:
    """`alone_usd_month` of many choices at once, platforms aside, shape (n,)."""
    own = [c.run_rate_usd_month + c.around_usd_month for c in options]
    once = [c.one_off_usd / setting.horizon_months for c in options]
    usd: Array = np.array(own) + np.array(once)
    pooled = [i for i, c in enumerate(options) if c.offer is not None]
    if not pooled:
        return usd
    members, steps = [options[i] for i in pooled], setting.steps
    waits = np.array([[m.waits] for m in members])
    machines = np.stack([m.machines for m in members])
    spot = np.stack([m.spot_limit for m in members])
    starts = np.flatnonzero(np.r_[True, np.diff(steps.day) != 0])
    days = np.add.reduceat(machines * steps.hours_month, starts, axis=1)
    each = [
        setting.prices_of(m.pool, m.offer)
        for m in members
        if m.pool is not None and m.offer is not None
    ]
    prices = Prices(
        **{f.name: np.concatenate([getattr(p, f.name) for p in each]) for f in fields(Prices)}
    )
    rigid = np.where(waits, 0.0, 1.0)
    usd[pooled] += buy(machines * rigid, spot * rigid, days * waits, prices, steps).usd
    return usd


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
    usd = _running(setting, workload, candidate, factor) + candidate.rest_usd_month * factor
    host = candidate.host
    if host is not None:
        asked = factor * (1.0 - hit_of(candidate))
        host, count = host.busier(asked), candidate.machines
    elif candidate.offer is None:
        grow = count.max() / reference if reference else 1.0
        fleet = max(np.ceil(candidate.machines.max() * grow - 1e-9), 1.0)
        count = np.full_like(candidate.machines, fleet)
        own = candidate.run_rate_usd_month - _running(setting, workload, candidate)
        own -= candidate.rest_usd_month
        usd += own / candidate.machines.mean() * fleet
    return replace(
        candidate,
        machines=count,
        host=host,
        run_rate_usd_month=usd,
        rest_usd_month=candidate.rest_usd_month * factor,
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
    details: dict[str, Any] = {k: v for k, v in candidate.details.items() if k != "hit_ratio"}
    hours = {k: v for k, v in candidate.hours.items() if k != "CACHING"}
    saved = candidate.hours.get("CACHING", 0.0) * setting.usd_per_hour
    own = candidate.run_rate_usd_month - _running(setting, workload, candidate)
    rest = candidate.rest_usd_month / (1.0 - hit_of(candidate))
    if candidate.choice["sourcing"] == "managed_api":
        own /= 1.0 - hit_of(candidate)
    else:
        own += rest - candidate.rest_usd_month
    bare = replace(
        candidate,
        choice={**candidate.choice, "cache": "none"},
        run_rate_usd_month=own,
        rest_usd_month=rest,
        one_off_usd=candidate.one_off_usd - saved,
        hours=hours,
        details=details,
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
    """Machines each choice runs hour by hour for a share of today's requests, shape (n, T)."""
    rates = working_rates(workload, setting.rates(workload))[None, :] * share[:, None]
    fixed = np.array([c.offer is None for c in options])
    return machines(setting, workload, of_candidates(setting, options), rates, fixed)
