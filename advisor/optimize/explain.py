"""Why a workload's choice won: the next dearer ones, what they lose on, and what would turn it.

Everything else stays as planned. A flip point is where the choice and its nearest rival on another
machine, host or model cost the same; beyond it the rival wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from .candidates import build
from .choices import Candidate
from .generate import columns
from .plan import Plan
from .scenarios import needed, outgrown

NEXT = 5
LOOKED_AT = 60
"""Nearest columns that are priced."""
DIFFERENT = (
    *("sourcing", "provider", "cloud", "region", "instance", "shared"),
    *("model", "escalate_to", "escalate_host"),
)
"""A rival differs in one of these."""
ALSO = ("framework", "weight_precision", "kv_precision", "cache", "tensor_parallel", "escalation")
RANGE = 10.0
"""Factors up to which, and down to whose inverse, demand and speed are tried."""

Kind = Literal["price", "rival_price", "demand", "speed", "rival_speed"]


@dataclass(frozen=True, eq=False)
class Option:
    """A choice that was not made.

    Attributes
    ----------
    extra_usd_month : float
        What it would cost more, USD a month.
    machines_usd_month, work_usd_month, platforms_usd_month : float
        Of which machines and requests, one-off work, and platforms.
    """

    candidate: Candidate
    extra_usd_month: float
    machines_usd_month: float
    work_usd_month: float
    platforms_usd_month: float


@dataclass(frozen=True, eq=False)
class Flip:
    """The factor on a figure from which the rival is as cheap; None where there is none."""

    kind: Kind
    factor: float | None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why this choice.

    Attributes
    ----------
    chosen : Candidate
    options : list of Option
        The next dearer ones.
    rival : Candidate, optional
        The nearest on another machine, host or model.
    flips : list of Flip
    """

    chosen: Candidate
    options: list[Option]
    rival: Candidate | None
    flips: list[Flip]


def explain(plan: Plan, name: str) -> Explanation:
    """Why the plan runs a workload as it does.

    Parameters
    ----------
    name : str
        Of the workload.
    """
    w = [x.name for x in plan.portfolio.workloads].index(name)
    chosen = plan.chosen[w]
    alone = plan.objective.swapping(plan.chosen, w)
    workload = plan.portfolio.workloads[w]
    near = build(plan.setting, columns(plan.setting, workload), plan.nearest[w][:LOOKED_AT])
    limit = plan.portfolio.organisation.engineering_hours
    left = np.inf if limit is None else limit - plan.engineering_hours + chosen.total_hours
    priced = sorted(
        ((alone(c), c) for c in near if c.total_hours <= left), key=lambda pair: pair[0]
    )
    here, seen = alone(chosen), {_key(chosen, DIFFERENT + ALSO)}
    options: list[Option] = []
    for usd, candidate in priced:
        if _key(candidate, DIFFERENT + ALSO) not in seen and len(options) < NEXT:
            seen.add(_key(candidate, DIFFERENT + ALSO))
            options.append(_option(plan, w, candidate, usd - here))
    rivals = [(u, c) for u, c in priced if _key(c, DIFFERENT) != _key(chosen, DIFFERENT)]
    if not rivals:
        return Explanation(chosen, options, None, [])
    rival = rivals[0][1]
    return Explanation(
        chosen, options, rival, _flips(plan, w, rival, max(rivals[0][0] - here, 0.0))
    )


def _key(candidate: Candidate, fields: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(candidate.choice[name] for name in fields)


def _option(plan: Plan, w: int, candidate: Candidate, extra: float) -> Option:
    chosen, months = plan.chosen[w], plan.setting.horizon_months
    trial = [*plan.chosen[:w], candidate, *plan.chosen[w + 1 :]]
    platforms = plan.objective.platforms_usd_month(trial)
    platforms -= plan.objective.platforms_usd_month(plan.chosen)
    work = (candidate.one_off_usd - chosen.one_off_usd) / months
    return Option(candidate, extra, extra - work - platforms, work, platforms)


def _flips(plan: Plan, w: int, rival: Candidate, extra: float) -> list[Flip]:
    chosen = plan.chosen[w]
    mine, theirs = _running(plan, w, chosen), _running(plan, w, rival)
    out = [
        Flip("price", 1.0 + extra / mine if mine > 0 else None),
        Flip("rival_price", 1.0 - extra / theirs if theirs > extra else None),
    ]

    def lead(demand: float = 1.0, speed: float = 1.0, rival_speed: float = 1.0) -> float:
        """What the rival costs more, USD a month."""
        return (
            extra
            + (_running(plan, w, rival, demand, rival_speed) - theirs)
            - (_running(plan, w, chosen, demand, speed) - mine)
            + (rival.around_usd_month - chosen.around_usd_month) * (demand - 1.0)
        )

    out.append(Flip("demand", _nearest(lambda f: lead(demand=f))))
    out.append(Flip("speed", _turn(lambda f: lead(speed=f), 1.0 / RANGE)))
    out.append(Flip("rival_speed", _turn(lambda f: lead(rival_speed=f), RANGE)))
    return out


def _running(
    plan: Plan, w: int, candidate: Candidate, demand: float = 1.0, speed: float = 1.0
) -> float:
    """What a choice's machines or requests cost beside the others' as planned, USD a month."""
    workload, asked = plan.portfolio.workloads[w], np.array([demand / speed])
    hosts = candidate.by_request_usd_month * demand
    if candidate.choice["sourcing"] == "managed_api":
        return hosts
    if candidate.offer is None:
        grown = outgrown(plan.setting, workload, candidate, asked)
        own = candidate.run_rate_usd_month - candidate.by_request_usd_month
        return own * float(grown[0]) + hosts
    mates = [m for m in plan.chosen if m.pool == candidate.pool and m.workload != workload.name]
    runs = candidate
    if candidate.host is not None:
        runs = replace(candidate, host=candidate.host.busier(demand / speed))
    elif demand != speed:
        machines = needed(plan.setting, workload, candidate, asked)[0]
        runs = replace(candidate, machines=machines)
    usd = plan.objective.price([*mates, runs]).usd_month
    return hosts + usd - (plan.objective.pool_bill(mates).usd_month if mates else 0.0)


def _turn(lead: Callable[[float], float], end: float) -> float | None:
    """The factor between 1 and `end` at which the lead is gone."""
    if lead(end) >= 0:
        return None
    if lead(1.0) <= 0:
        return 1.0
    # Whole machines make steps: the root is of the step that crosses.
    return float(brentq(lead, min(1.0, end), max(1.0, end), xtol=1e-3))


def _nearest(lead: Callable[[float], float]) -> float | None:
    """The factor on either side of 1, the nearer one, at which the lead is gone."""
    both = [f for f in (_turn(lead, RANGE), _turn(lead, 1.0 / RANGE)) if f is not None]
    return min(both, key=lambda f: abs(np.log(f)), default=None)
