"""The first solver: improve an incumbent by single moves and by leaving platforms."""

from __future__ import annotations

from collections.abc import Sequence

from .choices import Candidate
from .objective import Objective

MAX_PASSES = 20
TOLERANCE_USD = 1e-6


def improve(
    objective: Objective,
    options: Sequence[Sequence[Candidate]],
    incumbent: Sequence[Candidate],
    hours_limit: float,
) -> list[Candidate]:
    """Move one workload at a time to where the whole portfolio is cheapest, until none helps.

    Every accepted move lowers the total, so the result is never dearer than the incumbent.

    Parameters
    ----------
    options : sequence of sequences
        Candidates of each workload.
    incumbent : sequence
        One candidate per workload; need not be among the options.
    hours_limit : float
        Engineering hours that may be spent; ``inf`` for no limit.
    """
    chosen = list(incumbent)
    best = objective.total(chosen)
    for _ in range(MAX_PASSES):
        before = best
        for w, candidates in enumerate(options):
            chosen, best = _best_single(objective, chosen, best, w, candidates, hours_limit)
        chosen, best = _best_without(objective, chosen, best, options, hours_limit)
        if best >= before - TOLERANCE_USD:
            break
    return chosen


def _hours(chosen: Sequence[Candidate]) -> float:
    return sum(c.total_hours for c in chosen)


def _best_single(
    objective: Objective,
    chosen: list[Candidate],
    best: float,
    w: int,
    candidates: Sequence[Candidate],
    hours_limit: float,
) -> tuple[list[Candidate], float]:
    room = hours_limit - _hours(chosen) + chosen[w].total_hours
    kept = chosen
    for candidate in candidates:
        if candidate.total_hours > room:
            continue
        trial = [*chosen[:w], candidate, *chosen[w + 1 :]]
        cost = objective.total(trial)
        if cost < best - TOLERANCE_USD:
            kept, best = trial, cost
    return kept, best


def _best_without(
    objective: Objective,
    chosen: list[Candidate],
    best: float,
    options: Sequence[Sequence[Candidate]],
    hours_limit: float,
) -> tuple[list[Candidate], float]:
    """Try to give up a whole platform: its fixed cost may outweigh what each workload saves."""
    for platform in sorted({p for c in chosen for p in c.platforms}):
        trial = list(chosen)
        for w, candidates in enumerate(options):
            if platform not in trial[w].platforms:
                continue
            others = [c for c in candidates if platform not in c.platforms]
            if not others:
                break
            costs = [objective.total([*trial[:w], c, *trial[w + 1 :]]) for c in others]
            trial[w] = others[costs.index(min(costs))]
        else:
            cost = objective.total(trial)
            if cost < best - TOLERANCE_USD and _hours(trial) <= hours_limit:
                chosen, best = trial, cost
    return chosen, best
