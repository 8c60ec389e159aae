"""Result caches in front of a model: fewer requests reach it.

A hit saves the whole request. What hits on shared prefixes save is prefill alone: they are the
server's and part of its speed (``prefix_hit`` of the performance model), not a cache here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.economics import caching
from advisor.economics.caching import CachePrices
from advisor.portfolio import HOURS_PER_MONTH, Workload, requests_per_month

from .choices import Array, Candidate
from .fleet import fleet, static, working_rates
from .parts import lag_of
from .scaling import scaled
from .setting import Setting

ANSWER = {
    "classification": "answer_bytes_label",
    "scoring": "answer_bytes_label",
    "image": "answer_bytes_label",
    "embedding": "answer_bytes_vector",
    "image_generation": "answer_bytes_image",
}
"""Size of what is cached, by task; generated text is as long as it is."""
SIZES = 41
"""Points of a declared curve of hits by size."""


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


def cache_prices(
    setting: Setting, workload: Workload, cache: str, usd_per_miss: float = 0.0, factor: float = 1.0
) -> CachePrices:
    """What hits, look-ups and mistakes of a cache cost in front of a workload.

    Parameters
    ----------
    usd_per_miss : float
        A request that reaches the model, at the margin, USD.
    factor : float
        Multiple of today's requests.
    """
    row = setting.catalog.lookup("techniques", cache)
    lookup = 0.0
    if cache == "semantic_cache":
        embedding = setting.catalog.assumption("embedding_usd_per_mtok")
        tokens = input_tokens(setting, workload)
        lookup = np.nan if tokens is None else tokens * embedding / 1e6
    return CachePrices(
        requests_month=requests_per_month(setting.rates(workload)) * factor,
        usd_per_miss=usd_per_miss,
        usd_per_lookup=lookup,
        false_hit_rate=float(row["false_hit_rate"] or 0.0),
        usd_per_false_hit=workload.false_hit_usd or 0.0,
    )


def running_usd_month(
    setting: Setting, workload: Workload, cache: str, hit: float, factor: float = 1.0
) -> float:
    """A cache's memory, its look-ups and its wrong answers, USD a month.

    It is large enough for its hits: it holds what is asked for over the window of repeats.
    """
    prices = cache_prices(setting, workload, cache, factor=factor)
    entries = np.array([distinct_answers(setting, workload, hit) * factor])
    return caching.running_usd_month(
        base_usd_month=float(size_usd_month(setting, workload, cache, entries)[0]),
        requests_month=prices.requests_month,
        hit_ratio=hit,
        usd_per_lookup=prices.usd_per_lookup,
        false_hit_rate=prices.false_hit_rate,
        usd_per_false_hit=prices.usd_per_false_hit,
    )


def size_usd_month(setting: Setting, workload: Workload, cache: str, entries: Array) -> Array:
    """What a cache of so many answers costs by its memory, USD a month, shape (n,)."""
    return caching.size_usd_month(
        entries,
        bytes_per_entry=entry_bytes(setting, workload, cache),
        usd_gib_month=setting.catalog.assumption("cache_usd_gib_month"),
        least_usd_month=float(setting.catalog.lookup("techniques", cache)["usd_per_month"]),
    )


def entry_bytes(setting: Setting, workload: Workload, cache: str) -> float:
    """Memory of one cached answer, bytes: the answer, its key, and what finds a similar one."""
    of = setting.catalog.assumption
    if workload.task in ANSWER:
        answer = of(ANSWER[workload.task])
    else:
        answer = float(workload.osl_tokens or 1) * of("response_bytes_per_token")
    found = of("embedding_bytes") if cache == "semantic_cache" else 0.0
    return of("cache_entry_bytes") + answer + found


def distinct_answers(setting: Setting, workload: Workload, hit: float) -> float:
    """Distinct requests over the window in which they repeat: what a stated share of hits needs."""
    window = setting.catalog.assumption("repeat_window_h") / HOURS_PER_MONTH
    return max(requests_per_month(setting.rates(workload)) * window * (1.0 - hit), 1.0)


def declared_curve(setting: Setting, workload: Workload, hit: float) -> tuple[Array, Array]:
    """Sizes and hit ratios where only a share of repeats is stated, shape (n,) each.

    All distinct requests of the window give that share; fewer entries give less by the law of
    skewed popularity (`economics.caching.declared_hits`). A replayed log replaces it
    (`advisor.performance.replay`).
    """
    distinct = distinct_answers(setting, workload, hit)
    held = np.geomspace(min(10.0 / distinct, 1.0), 1.0, SIZES)
    entries = np.unique(np.ceil(held * distinct - 1e-9))
    skew = setting.catalog.assumption("request_skew")
    return entries, caching.declared_hits(np.minimum(entries / distinct, 1.0), hit, skew)


def input_tokens(setting: Setting, workload: Workload) -> float | None:
    """Tokens of a request that an embedding reads; None where neither portfolio nor catalog say."""
    known = workload.isl_tokens
    if known is None:
        known = setting.catalog.lookup("models", workload.model)["sample_tokens"]
    return None if known is None else float(known)


@dataclass(frozen=True)
class CacheOption:
    """A result cache that may stand in front of a workload's model."""

    cache: str
    hit_ratio: float
    usd_month: float
    """Running it, its look-ups, and the price of its wrong answers."""
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
            workload.false_hit_usd is None
            or 1.0 - wrong < workload.quality_floor
            or input_tokens(setting, workload) is None
        ):
            continue
        usd = running_usd_month(setting, workload, cache, hit)
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
    if workload.deferrable_hours is None:
        count = scaled(setting, workload, count, np.array([lag_of(setting, candidate)]))
    return np.minimum(count[0], candidate.machines), 0.0
