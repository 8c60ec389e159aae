"""Each way to source a workload at its best, today and at other volumes.

Priced alone, with the hours of running what the choice needs, so that one workload's break-even
does not depend on what others have already paid for. The candidates are those built for today's
volume: the cheapest of each chip is among them, so larger machines are there when volume grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.economics.surface import Surface, surface
from advisor.portfolio import Lever, Workload

from . import hosted
from .candidates import candidates
from .choices import Array, Candidate
from .plan import Plan
from .sweep import alone_usd, alone_usd_month, resized

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


@dataclass(frozen=True, eq=False)
class Costs:
    """What the options of a workload cost at other volumes, each alone.

    Attributes
    ----------
    way : tuple of str
        Sourcing of each option.
    run_usd : array, shape (options, volumes)
        USD a month without engineering hours.
    hours : array, shape (options,)
        Engineering hours a month: those of running what it needs, and its one-off hours spread
        over the horizon.
    """

    way: tuple[str, ...]
    run_usd: Array
    hours: Array

    def over(self, usd_per_hour: Array) -> Surface:
        """Costs of each way at every price of an engineering hour."""
        return surface(self.run_usd, self.hours, self.way, usd_per_hour)


def costs(plan: Plan, workload: Workload, factors: Sequence[float]) -> Costs:
    """What each option would cost at multiples of today's volume."""
    setting, able = plan.setting, options(plan, workload)
    each = [resized(setting, workload, able, factor) for factor in factors]
    first, rate = each[0], setting.usd_per_hour
    month = np.array([c.total_hours for c in first]) / setting.horizon_months
    running = np.array([sum(setting.platforms[p] for p in c.platforms) for c in first]) / rate
    usd = np.stack([alone_usd(setting, level) for level in each], axis=1)
    return Costs(
        tuple(str(c.choice["sourcing"]) for c in first),
        usd - month[:, None] * rate,
        month + running,
    )


def sweep(plan: Plan, workload: Workload, factors: Sequence[float]) -> list[dict[str, float]]:
    """Cheapest cost of each sourcing at each multiple of today's volume, people included, USD."""
    found = costs(plan, workload, factors).over(np.array([plan.setting.usd_per_hour]))
    return [dict(zip(found.ways, usd, strict=True)) for usd in found.usd[:, :, 0].T.tolist()]


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
