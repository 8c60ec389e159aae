"""One workload re-decided alone: what undoing, or allowing, a single lever would cost.

Savings of single actions do not add up, since pools and platforms are shared; these are the
differences a row of a step panel shows while everything else stays as planned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from advisor.portfolio import Lever

from .candidates import candidates
from .choices import Candidate
from .levers import LEVER_FIELDS
from .plan import Plan


@dataclass(frozen=True, eq=False)
class Move:
    """The effect of one lever on one workload, everything else as planned.

    Attributes
    ----------
    before, after : Candidate
        The best choice with the lever locked, and with it unlocked.
    saving_usd_month : float
        Difference of the objective; at least 0.
    saving_low_usd_month, saving_high_usd_month : float
        80 % interval from the prediction's spread on machine costs.
    """

    workload: str
    lever: Lever
    before: Candidate
    after: Candidate
    saving_usd_month: float
    saving_low_usd_month: float
    saving_high_usd_month: float
    one_off_usd: float
    hours: float


def moves(plan: Plan, lever: Lever) -> list[Move]:
    """What `lever` does for each workload of a plan, whether or not it is unlocked there."""
    out = []
    for position, workload in enumerate(plan.portfolio.workloads):
        held = plan.levers[workload.name]
        before, cost_before = _best(plan, position, held - {lever})
        if lever in held:
            after, cost_after = plan.chosen[position], plan.objective.total(plan.chosen)
        else:
            after, cost_after = _best(plan, position, held | {lever})
        saving = max(cost_before - cost_after, 0.0)
        low, high = _interval(after, saving)
        one_off = max(after.one_off_usd - before.one_off_usd, 0.0)
        hours = max(after.total_hours - before.total_hours, 0.0)
        if same_choice(before, after, lever):
            continue
        out.append(Move(workload.name, lever, before, after, saving, low, high, one_off, hours))
    return out


def same_choice(one: Candidate, other: Candidate, lever: Lever) -> bool:
    """Whether two candidates agree on everything that `lever` decides."""
    if lever == "HARDWARE" and not np.array_equal(one.machines, other.machines):
        return False
    return all(one.choice[f] == other.choice[f] for f in LEVER_FIELDS[lever])


def _best(plan: Plan, position: int, levers: frozenset[Lever]) -> tuple[Candidate, float]:
    workload = plan.portfolio.workloads[position]
    options = candidates(plan.setting, workload, levers)
    current = plan.chosen[position]
    if levers >= plan.levers[workload.name]:
        options = [current, *options]
    alone = plan.objective.swapping(plan.chosen, position)
    costs = [alone(c) for c in options]
    i = int(np.argmin(costs))
    return options[i], costs[i]


def _interval(after: Candidate, saving: float) -> tuple[float, float]:
    """Saving if both predictions erred by their spread; machines follow throughput inversely."""
    spread = float(after.details.get("spread") or 0.0)
    machines = after.details.get("machine_usd_hour")
    if machines is None or not after.machines.any():
        return saving, saving
    swing = float(after.machines.mean()) * float(machines) * 730.0 * spread / (1.0 + spread)
    if after.host is not None:
        # What it runs on is there for others too.
        swing *= after.host.load
    return max(saving - swing * 0.5, 0.0), saving + swing * 0.5
