"""Each way to source a workload at its best, today and at other volumes.

Priced alone, with the hours of running what the choice needs, so that one workload's break-even
does not depend on what others have already paid for. The candidates are those built for today's
volume: the cheapest of each chip is among them, so larger machines are there when volume grows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.portfolio import Lever, Workload

from . import hosted
from .candidates import candidates
from .choices import Candidate
from .plan import Plan
from .sweep import alone_usd_month, resized

HALVINGS = 5
"""Of the interval in which a break-even lies."""


def options(plan: Plan, workload: Workload) -> list[Candidate]:
    """Candidates over all ways of sourcing, the workload's other levers as unlocked."""
    levers = plan.levers[workload.name] | frozenset[Lever]({"SOURCING"})
    found = candidates(plan.setting, workload, levers)
    return list({id(c): c for c in [*found, plan.candidate(workload.name)]}.values())


def best(
    plan: Plan, workload: Workload, factor: float = 1.0, *, platforms: bool = False
) -> dict[str, tuple[float, Candidate]]:
    """(USD a month, candidate) of the cheapest way of each sourcing that works.

    Parameters
    ----------
    factor : float
        Multiple of today's requests.
    platforms : bool
        Count the hours a month of running each platform at all.
    """
    able = options(plan, workload)
    if factor != 1.0:
        able = resized(plan.setting, workload, able, factor)
    out: dict[str, tuple[float, Candidate]] = {}
    for candidate in able:
        usd = alone_usd_month(plan, candidate, platforms=platforms)
        sourcing = str(candidate.choice["sourcing"])
        if sourcing not in out or usd < out[sourcing][0]:
            out[sourcing] = (usd, candidate)
    return out


def why_not(plan: Plan, workload: Workload, sourcing: str) -> str:
    """Why a way of sourcing has no candidate."""
    setting = plan.setting
    closed = setting.catalog.lookup("models", workload.model)["closed"]
    if sourcing == "managed_api":
        if workload.kind != "llm":
            return "no hosted price known for this kind of model"
        reasons = [reason for _, reason in hosted.options(setting, workload) if reason]
        return reasons[0] if reasons else "no host of this model is known"
    if sourcing == "owned" and not (setting.allowed["cloud_kind"] == "owned").any():
        return "no machine of your own in the catalog"
    if closed and not workload.substitutes:
        return "the model is sold as an API only"
    table = setting.variants(workload)
    failed = table[table["reason"] != ""] if len(table) else table
    if len(failed) and len(failed) == len(table):
        return str(failed["reason"].mode().iloc[0])
    return "no machine allowed for it is sold this way"


def sweep(plan: Plan, workload: Workload, factors: Sequence[float]) -> list[dict[str, float]]:
    """Cheapest cost of each sourcing at each multiple of today's volume, people included, USD."""
    return [
        {way: usd for way, (usd, _) in best(plan, workload, f, platforms=True).items()}
        for f in factors
    ]


def break_even(
    plan: Plan, workload: Workload, factors: Sequence[float], costs: Sequence[dict[str, float]]
) -> float | None:
    """Multiple of today's volume from which self-hosting is no dearer than a hosted API.

    None where one of the two does not exist, or where self-hosting stays dearer throughout.

    Parameters
    ----------
    factors : sequence of float
        Rising multiples of today's volume.
    costs : sequence of dict
        What `sweep` returned for them.
    """

    def pays(at: dict[str, float]) -> bool:
        return at.get("self_hosted", np.inf) <= at.get("managed_api", -np.inf)

    first = next((i for i, at in enumerate(costs) if pays(at)), None)
    if first is None:
        return None
    low, high = factors[max(first - 1, 0)], factors[first]
    for _ in range(HALVINGS if first else 0):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if pays(sweep(plan, workload, [middle])[0]) else (middle, high)
    return high
