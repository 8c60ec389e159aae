"""The first solver: improve an incumbent by single moves and by leaving platforms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .choices import Candidate
from .objective import Objective

MAX_PASSES = 20
TOLERANCE_USD = 1e-6
HOUR_PRICES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Prices tried for an hour of a limited budget, as shares of the whole cost over the budget."""

Options = Sequence[Sequence[Candidate]]


def improve(
    objective: Objective, options: Options, incumbent: Sequence[Candidate], hours_limit: float
) -> list[Candidate]:
    """Move one workload at a time to where the whole portfolio is cheapest, until none helps.

    Every accepted move lowers the total, so the result is never dearer than the incumbent. Where
    hours are limited, the search is repeated with a price on them, so that the first workload does
    not spend what the others would use better; the cheapest result counts.

    Parameters
    ----------
    options : sequence of sequences
        Candidates of each workload.
    incumbent : sequence
        One candidate per workload; need not be among the options.
    hours_limit : float
        Engineering hours that may be spent; ``inf`` for no limit.
    """
    best = _climb(objective, options, incumbent, hours_limit)
    if not 0.0 < hours_limit < np.inf:
        return best
    scale = abs(objective.total(incumbent)) / hours_limit
    for share in HOUR_PRICES:
        found = _climb(objective, options, incumbent, hours_limit, share * scale)
        found = _climb(objective, options, found, hours_limit)
        if objective.total(found) < objective.total(best) - TOLERANCE_USD:
            best = found
    return best


def _climb(
    objective: Objective,
    options: Options,
    incumbent: Sequence[Candidate],
    hours_limit: float,
    usd_per_hour: float = 0.0,
) -> list[Candidate]:
    """Improve the total plus `usd_per_hour` for each hour until no move helps."""

    def cost(chosen: Sequence[Candidate]) -> float:
        return objective.total(chosen) + usd_per_hour * _hours(chosen)

    chosen = list(incumbent)
    best = cost(chosen)
    for _ in range(MAX_PASSES):
        before = best
        for w, candidates in enumerate(options):
            room = hours_limit - _hours(chosen) + chosen[w].total_hours
            alone = objective.swapping(chosen, w)
            able = [c for c in candidates if c.total_hours <= room]
            if not able:
                continue
            nearest = min(able, key=lambda c: alone(c) + usd_per_hour * c.total_hours)
            trial = [*chosen[:w], nearest, *chosen[w + 1 :]]
            usd = cost(trial)
            if usd < best - TOLERANCE_USD:
                chosen, best = trial, usd
        for platform in sorted({p for c in chosen for p in c.platforms}):
            left = _without(objective, chosen, platform, options, hours_limit, usd_per_hour)
            if left is not None and (usd := cost(left)) < best - TOLERANCE_USD:
                chosen, best = left, usd
        if best >= before - TOLERANCE_USD:
            break
    return chosen


def _hours(chosen: Sequence[Candidate]) -> float:
    return sum(c.total_hours for c in chosen)


def _without(
    objective: Objective,
    chosen: Sequence[Candidate],
    platform: str,
    options: Options,
    hours_limit: float,
    usd_per_hour: float,
) -> list[Candidate] | None:
    """All workloads off a platform: its fixed cost may outweigh what each of them saves.

    None where one cannot leave, or where leaving takes more hours than there are.
    """
    trial = list(chosen)
    for w, candidates in enumerate(options):
        if platform not in trial[w].platforms:
            continue
        others = [c for c in candidates if platform not in c.platforms]
        if not others:
            return None
        alone = objective.swapping(trial, w)
        trial[w] = min(others, key=lambda c: alone(c) + usd_per_hour * c.total_hours)
    return trial if _hours(trial) <= hours_limit else None
