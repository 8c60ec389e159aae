"""How large a result cache should be, and what it must reach to pay: figures of step 5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from advisor.economics.caching import (
    BestSize,
    CachePrices,
    best_size,
    break_even_false_hits,
    break_even_hit_ratio,
    saving_usd_month,
)
from advisor.format import count, money, percent
from advisor.optimize.caches import cache_prices, declared_curve, entry_bytes, size_usd_month
from advisor.optimize.plan import Plan
from advisor.performance.replay import HitCurve

from .base import Chart, Table, View
from .hits import Trial, what

SIZES = 41
"""Points of a curve over the size of a cache."""


@dataclass(frozen=True)
class Sizing:
    """What each size of a cache saves, and the cheapest.

    ``points`` are (entries, hit ratio, saving in USD a month), by size.
    """

    points: list[tuple[float, float, float]]
    best: BestSize
    entry_bytes: float

    def gib(self, entries: float) -> float:
        """Memory of so many entries."""
        return entries * self.entry_bytes / 2.0**30


def prices_of(plan: Plan, trial: Trial) -> CachePrices:
    """The trial in prices per request: a hit is worth what hits save on average here."""
    return cache_prices(plan.setting, trial.workload, trial.cache, trial.usd_per_hit)


def sizing(plan: Plan, trial: Trial, measured: HitCurve | None = None) -> Sizing:
    """What each size of a trial's cache saves, its work included.

    Parameters
    ----------
    measured : HitCurve, optional
        Replayed from the workload's log; else the declared share is spread over sizes by the
        catalog's skew.
    """
    setting, workload = plan.setting, trial.workload
    if measured is None:
        entries, hits = declared_curve(setting, workload, trial.hit)
    else:
        short = measured.thinned(SIZES)
        entries, hits = short.entries.astype(float), short.hit_ratio
    prices = prices_of(plan, trial)
    base = size_usd_month(setting, workload, trial.cache, entries) + trial.one_off_usd_month
    saving = saving_usd_month(prices, hits, base)
    points = list(zip(entries.tolist(), hits.tolist(), saving.tolist(), strict=True))
    held = entry_bytes(setting, workload, trial.cache)
    return Sizing(points, best_size(prices, np.ceil(entries), hits, base), held)


def size_chart(view: View, top: Trial | None) -> list[Chart]:
    """The saving at each size of the cache that gains the most."""
    if top is None or top.gross_usd <= 0:
        return []
    sizes = sizing(view.plans["cache"], top)
    best = sizes.best
    most = sizes.points[-1]
    alt = (
        f"No size pays: holding all {count(most[0])} answers takes {_gib(sizes, most[0])} and "
        f"loses {money(-most[2])} a month."
    )
    if best.entries:
        alt = (
            f"Cheapest at {count(best.entries)} answers ({_gib(sizes, best.entries)}): "
            f"{percent(best.hit_ratio)} hits save {money(best.saving_usd_month)} a month."
        )
    return [
        Chart(
            "cache_size",
            f"{top.workload.name}: saving against the size of the cache",
            f"{what(top)}; its memory, look-ups and work are paid; smaller sizes by the catalog's "
            "skew of requests until a log is replayed",
            [
                {"entries": n, "hit": hit, "usd": usd, "best": abs(n - best.entries) < 1.0}
                for n, hit, usd in sizes.points
            ],
            alt,
        )
    ]


def _gib(sizes: Sizing, entries: float) -> str:
    memory = sizes.gib(entries)
    return f"{memory:,.1f} GiB" if memory >= 0.1 else "under 0.1 GiB"


def limits(view: View, tried: list[Trial]) -> list[Table]:
    """From which share of hits each cache pays, and how many wrong ones it bears."""
    plan = view.plans["cache"]
    rows = []
    for t in [t for t in tried if not t.blocked and t.gross_usd > 0]:
        prices, sizes = prices_of(plan, t), sizing(plan, t)
        least = float(plan.setting.catalog.lookup("techniques", t.cache)["usd_per_month"])
        own = least + t.one_off_usd_month
        hits = break_even_hit_ratio(prices, own)
        wrong = break_even_false_hits(prices, t.hit, own)
        none = "—" if t.cache == "exact_cache" else "none"
        rows.append(
            [
                t.workload.name,
                what(t),
                money(prices.usd_per_lookup * 1e6) if prices.usd_per_lookup else "—",
                "at no share" if hits is None else percent(hits),
                none if wrong is None or not t.false_hits else percent(wrong),
                f"{count(sizes.best.entries)}, {_gib(sizes, sizes.best.entries)}"
                if sizes.best.entries
                else "none",
            ]
        )
    if not rows:
        return []
    return [
        Table(
            "What a cache must reach",
            "at today's volume and what a hit saves here, in the smallest service; a look-up "
            "embeds the request, hit or not; the cheapest size pays its memory",
            ["Workload", "Cache", "A million look-ups", "Pays from hits of", "Bears wrong hits of",
             "Cheapest size, answers"],
            rows,
            numeric=(2, 3, 4),
        )
    ]  # fmt: skip
