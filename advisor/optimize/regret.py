"""What knowing would have been worth: a plan against the best choice in each scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from advisor.portfolio import HOURS_PER_MONTH

from .assemble import Assembly, assemble
from .candidates import build
from .choices import Array, Candidate
from .generate import columns
from .joint.optimize import optimize
from .joint.problem import Problem, Single
from .plan import Plan
from .scenarios import Scenarios, evaluate, needed, outgrown
from .stands import machines_for

NEAR = 12
"""Columns of each workload that are looked at again: those that came closest to being chosen."""
TOGETHER = 8
"""Scenarios whose machines are worked out at once: few enough for a thousand workloads."""


@dataclass(frozen=True, eq=False)
class Regret:
    """Cost of the plan beyond the best in hindsight.

    Attributes
    ----------
    usd : array, shape (n,)
        USD a month in each scenario; at least 0.
    share : array, shape (n,)
        Of the best cost in hindsight.
    stability : dict
        By workload, the share of scenarios in which the same machine (or host) stays best.
    scenarios : int
        How many were solved; fewer than asked for where it was cancelled.
    """

    usd: Array
    share: Array
    stability: dict[str, float]
    scenarios: int


def regret(
    plan: Plan,
    scenarios: Scenarios,
    *,
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Regret:
    """Solve each scenario anew over the columns that came closest, commitments free again.

    Hindsight is over those columns alone, so regret may be a little larger than said.
    """
    near, members = _near(plan)
    problem = near.problem
    planned = evaluate(plan, scenarios)
    other = sum(plan.constants.values()) + plan.shared["training"]
    best: list[float] = []
    kept = np.zeros(problem.workloads)
    start = near.answer_of(plan.columns)
    for i in range(len(scenarios)):
        if cancelled is not None and cancelled():
            break
        if progress is not None and i % 8 == 0:
            progress("solving what might have been", i / len(scenarios))
        if i % TOGETHER == 0:
            fleets = _fleets(plan, near, members, scenarios, slice(i, i + TOGETHER))
        then = _in_scenario(plan, near, members, scenarios, i, fleets[:, i % TOGETHER])
        answer = optimize(then, incumbent=start, seconds=2.0)
        best.append(answer.upper_usd + other)
        kept += [
            _alike(members[a], c) for a, c in zip(answer.chosen.tolist(), plan.chosen, strict=True)
        ]
    found = np.array(best)
    usd = np.maximum(planned[: len(found)] - found, 0.0)
    stability = kept / max(len(found), 1)
    names = [w.name for w in plan.portfolio.workloads]
    return Regret(usd, usd / found, dict(zip(names, stability.tolist(), strict=True)), len(found))


def _alike(one: Candidate, other: Candidate) -> bool:
    fields = ("sourcing", "provider", "instance", "escalate_to", "escalate_host")
    return all(one.choice[k] == other.choice[k] for k in fields)


def _near(plan: Plan) -> tuple[Assembly, list[Candidate]]:
    """The problem of the columns that came closest, and its columns as candidates."""
    setting = plan.setting
    found = [columns(setting, w) for w in plan.portfolio.workloads]
    active = [
        np.union1d(index[:NEAR], [chosen])
        for index, chosen in zip(plan.nearest, plan.columns, strict=True)
    ]
    members: list[Candidate] = []
    for one, index in zip(found, active, strict=True):
        members += build(setting, one, index)
    return assemble(setting, found, active), members


def _fleets(
    plan: Plan, near: Assembly, members: list[Candidate], s: Scenarios, of: slice
) -> Single:
    """Machines of each row of the problem in some scenarios, shape (rows, scenarios, T)."""
    setting, problem = plan.setting, near.problem
    workload = np.repeat(np.arange(problem.workloads), np.diff(problem.start))
    asked = s.demand[of] / s.speed[of]
    out = np.repeat(problem.need[:, None], len(asked), axis=1)
    pooled = np.array([c.offer is not None and c.host is None for c in members], bool)
    rows, first = np.unique(np.where(pooled, problem.row, -1), return_index=True)
    for row, c in zip(rows.tolist(), first.tolist(), strict=True):
        if pooled[c]:
            w = workload[c]
            out[row] = needed(setting, setting.portfolio.workloads[w], members[c], asked[:, w])
    return out


def _in_scenario(
    plan: Plan, near: Assembly, members: list[Candidate], s: Scenarios, i: int, need: Single
) -> Problem:
    """The problem with demand, speeds and prices as in a scenario."""
    setting, problem = plan.setting, near.problem
    workload = np.repeat(np.arange(problem.workloads), np.diff(problem.start))
    own = np.empty(problem.columns)
    load = problem.host_load.copy()
    for c, (candidate, w) in enumerate(zip(members, workload.tolist(), strict=True)):
        d, v = s.demand[i, w], s.speed[i, w]
        work = candidate.total_hours * setting.usd_per_hour
        once = work * s.labour[i] * s.effort[i] + candidate.one_off_usd - work
        hosts = candidate.by_request_usd_month
        run = candidate.run_rate_usd_month - hosts
        if candidate.offer is None and candidate.choice["sourcing"] != "managed_api":
            of, asked = setting.portfolio.workloads[w], np.array([d / v])
            run *= s.on_demand[i] * float(outgrown(setting, of, candidate, asked)[0])
        elif candidate.host is not None:
            load[c] = min(candidate.host.load * d / v, 1.0)
            more = float(machines_for(candidate.host.machines, candidate.host.load * d / v))
            run += (more - candidate.host.machines) * _hourly(problem, c) * HOURS_PER_MONTH
        own[c] = run + hosts * d * s.tokens[i] + candidate.around_usd_month * d
        own[c] += once / setting.horizon_months
    p = problem.pools
    return replace(
        problem,
        own_usd=own,
        need=need,
        host_load=load,
        platform_usd=problem.platform_usd * s.labour[i],
        pools=replace(
            p,
            on_demand=p.on_demand * s.on_demand[i],
            spot=p.spot * s.spot[i],
            commit=p.commit * s.commit[i],
        ),
    )


def _hourly(problem: Problem, column: int) -> float:
    """The least that a machine of a column's host costs, USD an hour, whenever it runs."""
    pool = int(problem.hosts.pool[problem.host[column]])
    terms = problem.pools.commit[pool].min(initial=np.inf)
    return float(min(problem.pools.on_demand[pool], terms))
