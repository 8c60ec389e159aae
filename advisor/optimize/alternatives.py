"""Plans that are nearly as cheap, and keeping to one where another is hardly better.

Many plans lie within a per cent of the best. Showing some lets a planner choose by what no price
says; keeping to the plan before, where that costs next to nothing, spares a reshuffle each time a
figure moves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .candidates import build
from .choices import Candidate
from .generate import columns
from .pins import FIELDS
from .plan import Plan

WITHIN = 0.02
MOST = 10
LOOKED_AT = 60
"""Nearest columns of each workload that are priced."""
ALIKE = (
    *("sourcing", "provider", "cloud", "region", "instance", "shared"),
    *("model", "escalate_to", "escalate_host"),
)
"""A choice that agrees in these is not another plan to a planner."""
EACH = 3
"""Most alternatives of one workload."""
TIE = 1e-3
"""Relative difference within which the plan before is kept to."""


@dataclass(frozen=True, eq=False)
class Alternative:
    """The plan with another choice for one workload.

    Attributes
    ----------
    workload : str
    candidate : Candidate
    usd_month : float
        Cost of the whole plan with it.
    extra_usd_month : float
        Beyond the plan.
    """

    workload: str
    candidate: Candidate
    usd_month: float
    extra_usd_month: float


def alternatives(plan: Plan, within: float = WITHIN, most: int = MOST) -> list[Alternative]:
    """Other choices that cost the whole plan at most a share `within` more, cheapest first.

    Those of one workload differ in machine, place, provider or model. Whatever they would
    need of limited engineering hours is there.
    """
    setting, limit = plan.setting, plan.portfolio.organisation.engineering_hours
    out: list[Alternative] = []
    for w, workload in enumerate(plan.portfolio.workloads):
        found = build(setting, columns(setting, workload), plan.nearest[w][:LOOKED_AT])
        alone = plan.objective.swapping(plan.chosen, w)
        here, seen = alone(plan.chosen[w]), {_kind(plan.chosen[w])}
        for usd, candidate in sorted(((alone(c), c) for c in found), key=lambda x: x[0]):
            hours = plan.engineering_hours - plan.chosen[w].total_hours + candidate.total_hours
            if _kind(candidate) in seen or (limit is not None and hours > limit):
                continue
            seen.add(_kind(candidate))
            extra = usd - here
            if extra <= within * plan.usd_month and len(seen) <= EACH + 1:
                out.append(Alternative(workload.name, candidate, plan.usd_month + extra, extra))
    return sorted(out, key=lambda a: a.extra_usd_month)[:most]


def _kind(candidate: Candidate) -> tuple[object, ...]:
    return tuple(candidate.choice[name] for name in ALIKE)


Choices = Mapping[str, Mapping[str, Any]]
"""Fields of a choice by workload."""


def steady(
    plan: Plan, before: Choices, *, tie: float | None = None, most_usd_month: float = np.inf
) -> Plan:
    """The plan with as many choices of the one before as a share `tie` of its cost buys back.

    Parameters
    ----------
    before : mapping
        Choices by workload, made under other figures, say. Those that are no longer open are let
        go.
    tie : float, optional
        Share of the plan's cost; `TIE` by default.
    most_usd_month : float
        What the answer may cost at most, USD a month.

    Returns
    -------
    Plan
        With its own cost as the upper bound of the certificate; the lower one still holds.
    """
    setting, chosen, numbers = plan.setting, list(plan.chosen), list(plan.columns)
    share = TIE if tie is None else tie
    budget = min(share * plan.usd_month, most_usd_month - plan.usd_month)
    limit = plan.portfolio.organisation.engineering_hours
    while True:
        best: tuple[float, int, int, Candidate] | None = None
        for w, workload in enumerate(plan.portfolio.workloads):
            was = before.get(workload.name)
            if was is None or _same(was, chosen[w].choice):
                continue
            near = plan.nearest[w]
            alone = plan.objective.swapping(chosen, w)
            here = alone(chosen[w])
            for number, candidate in zip(
                near.tolist(), build(setting, columns(setting, workload), near), strict=True
            ):
                hours = sum(c.total_hours for c in chosen) - chosen[w].total_hours
                if not _same(was, candidate.choice) or (
                    limit is not None and hours + candidate.total_hours > limit
                ):
                    continue
                extra = alone(candidate) - here
                if best is None or extra < best[0]:
                    best = (extra, w, number, candidate)
        if best is None or best[0] > budget:
            break
        extra, w, number, candidate = best
        budget -= max(extra, 0.0)
        chosen[w], numbers[w] = candidate, number
    if numbers == list(plan.columns):
        return plan
    kept = tuple(c.workload for c, old in zip(chosen, plan.chosen, strict=True) if c is not old)
    usd = plan.objective.total(chosen) + plan.shared["training"]
    certificate = plan.certificate and replace(plan.certificate, upper_usd=usd)
    return replace(
        plan, chosen=tuple(chosen), columns=tuple(numbers), certificate=certificate, kept=kept
    )


def choices(plan: Plan, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """What a plan chose for the named workloads, as `steady` takes it."""
    return {
        c.workload: {f: c.choice[f] for f in FIELDS} for c in plan.chosen if c.workload in names
    }


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[f] == other[f] for f in FIELDS)
