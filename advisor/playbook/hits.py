"""What a result cache would do for each workload: the figures behind step 5."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.optimize.caches import hit_ratio, input_tokens
from advisor.optimize.choices import Candidate
from advisor.optimize.plan import Plan
from advisor.optimize.sweep import (
    alone_usd_month,
    behind_cache,
    cache_usd_month,
    false_hits_per_month,
    resized,
)
from advisor.portfolio import Workload, requests_per_month

CACHES = ("exact_cache", "semantic_cache")
OWN_FIELD = {"exact_cache": "repeat_share", "semantic_cache": "similar_share"}
MOST = 0.7
"""Hit ratios are drawn up to here, or to the workload's own where that is more."""
GRID = 0.02


@dataclass(frozen=True)
class Trial:
    """One cache in front of one workload as planned, whether or not it pays.

    Money is USD a month; ``gross_usd`` is what the smaller fleet or API bill saves.
    """

    workload: Workload
    cache: str
    hit: float
    stated: bool
    requests: float
    bare_usd: float
    gross_usd: float
    running_usd: float
    one_off_usd_month: float
    false_hits: float
    blocked: str

    @property
    def net_usd(self) -> float:
        """Saving after the cache's own cost and its one-off work."""
        return self.gross_usd - self.running_usd - self.one_off_usd_month

    @property
    def usd_per_hit(self) -> float:
        """What one answered request saves."""
        hits = self.requests * self.hit
        return self.gross_usd / hits if hits else 0.0

    @property
    def usd_per_request(self) -> float:
        """What a request costs on average without the cache."""
        return self.bare_usd / self.requests

    @property
    def bearable_usd(self) -> float | None:
        """The highest price of one wrong answer at which the cache still pays; None without any."""
        if not self.false_hits:
            return None
        wrong = self.false_hits * (self.workload.false_hit_usd or 0.0)
        return max((self.net_usd + wrong) / self.false_hits, 0.0)


def what(trial: Trial) -> str:
    """The kind of cache, inside a sentence."""
    return "exact cache" if trial.cache == "exact_cache" else "semantic cache"


def trials(plan: Plan) -> list[Trial]:
    """Every cache for every workload it applies to, best net saving first."""
    found = [
        trial
        for workload in plan.portfolio.workloads
        for cache in CACHES
        if (trial := _trial(plan, workload, cache)) is not None
    ]
    return sorted(found, key=lambda t: (bool(t.blocked), -t.net_usd))


def curve(plan: Plan, workload: Workload, cache: str, here: float) -> list[tuple[float, float]]:
    """(hit ratio, USD a month) with the present hit ratio among the points; 0 has no cache."""
    top = max(MOST, min(here + 0.1, 0.98))
    hits = {round(GRID * i, 4) for i in range(int(top / GRID) + 1)} | {here}
    bare, work = _bare(plan, workload), _work_usd_month(plan, cache)
    out = []
    for hit in sorted(hits):
        smaller = resized(plan.setting, workload, [bare], 1.0 - hit)
        if smaller:
            usd = alone_usd_month(plan, smaller[0])
            if hit > 0:
                usd += cache_usd_month(plan.setting, workload, cache, hit) + work
            out.append((hit, usd))
    return out


def pays_from(points: list[tuple[float, float]]) -> float | None:
    """The lowest hit ratio from which the cache is cheaper than none; None if it never is."""
    bare = points[0][1]
    return next((hit for hit, usd in points[1:] if usd < bare), None)


def applies(plan: Plan, workload: Workload, cache: str) -> bool:
    """Whether a cache of this kind makes sense for the workload's kind of model."""
    return workload.kind in plan.setting.catalog.lookup("techniques", cache)["kinds"]


def _trial(plan: Plan, workload: Workload, cache: str) -> Trial | None:
    setting = plan.setting
    hit = hit_ratio(setting, workload, cache)
    if not applies(plan, workload, cache) or hit <= 0:
        return None
    bare = _bare(plan, workload)
    smaller = resized(setting, workload, [bare], 1.0 - hit)
    bare_usd = alone_usd_month(plan, bare)
    gross = round(bare_usd - alone_usd_month(plan, smaller[0]), 2) if smaller else 0.0
    return Trial(
        workload=workload,
        cache=cache,
        hit=hit,
        stated=getattr(workload, OWN_FIELD[cache]) is not None,
        requests=requests_per_month(setting.rates(workload)),
        bare_usd=bare_usd,
        gross_usd=gross,
        running_usd=cache_usd_month(setting, workload, cache, hit),
        one_off_usd_month=_work_usd_month(plan, cache),
        false_hits=false_hits_per_month(setting, workload, cache, hit),
        blocked=_blocked(plan, workload, cache, hit, bool(smaller)),
    )


def _work_usd_month(plan: Plan, cache: str) -> float:
    """Setting a cache up, spread over the horizon."""
    hours = float(plan.setting.catalog.lookup("techniques", cache)["engineering_hours"])
    return hours * plan.setting.usd_per_hour / plan.setting.horizon_months


def _bare(plan: Plan, workload: Workload) -> Candidate:
    chosen = plan.candidate(workload.name)
    return behind_cache(plan.setting, workload, chosen, "none", 0.0) or chosen


def _blocked(plan: Plan, workload: Workload, cache: str, hit: float, known: bool) -> str:
    """Why the cache is no option at all; empty where only its price decides."""
    if not known:
        return "how much the machines can serve is not known"
    if cache != "semantic_cache":
        return ""
    if workload.false_hit_usd is None:
        return "a semantic cache needs the price of a wrong answer"
    if input_tokens(plan.setting, workload) is None:
        return "how long a request is, that a semantic cache must embed, is not known"
    rate = float(plan.setting.catalog.lookup("techniques", cache)["false_hit_rate"] or 0.0)
    if 1.0 - rate * hit < workload.quality_floor:
        return "a semantic cache's wrong answers would break the quality floor"
    return ""
