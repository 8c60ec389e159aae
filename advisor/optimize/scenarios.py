r"""What a plan costs when demand, speeds and prices come out otherwise; what was chosen stays.

Each factor :math:`f` multiplies what it names. With choices and commitments :math:`k` as planned, a
pool of workloads :math:`w` costs

.. math:: b f_b k + \sum_t h_t\,[\,s f_s q_t + a f_a y_t\,], \qquad
    q_t + y_t = \Big(\sum_w u_w\big(\lambda_{wt}\,d_w / v_w\big) - k\Big)^+

with demand :math:`d` and speed :math:`v` of each workload: machines follow the work, what was
committed is paid in any case. Who shares a host stays on it: it gets as many machines as its load
then asks for, each with everybody on it (`stands.machines_for`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from advisor.economics.purchase import Prices, at_levels
from advisor.portfolio import Workload

from . import parts
from .choices import POOLED, Array, Candidate
from .fleet import working_rates
from .objective import PoolBill
from .plan import Plan
from .setting import Setting
from .stands import machines_for


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Factors of n scenarios; 1 is as planned.

    Attributes
    ----------
    demand, speed : array, shape (n, W)
        Of each workload's requests, and of what a replica of it carries.
    on_demand, spot, commit, tokens : array, shape (n,)
        Of prices: machines by the hour, spot, new commitments, hosted models.
    labour, effort : array, shape (n,)
        Of the price of an engineering hour, and of the hours that one-off work takes.
    """

    demand: Array
    speed: Array
    on_demand: Array
    spot: Array
    commit: Array
    tokens: Array
    labour: Array
    effort: Array

    def __len__(self) -> int:
        return len(self.on_demand)


def as_planned(n: int, workloads: int) -> Scenarios:
    """Scenarios, n of them, in which everything comes out as planned."""
    each = np.ones((n, workloads))
    return Scenarios(each, each, *(np.ones(n) for _ in range(6)))


def evaluate(plan: Plan, scenarios: Scenarios) -> Array:
    """What the plan costs in each scenario, choices and commitments as planned.

    Returns
    -------
    array, shape (n,)
        USD a month, as `Plan.usd_month`.
    """
    return _total(plan, plan.chosen, scenarios, plan.pools)


def evaluate_today(plan: Plan, scenarios: Scenarios) -> Array:
    """What today's deployment costs in each scenario, USD a month, shape (n,)."""
    return _total(plan, plan.today, scenarios, plan.objective.bills(plan.today))


def _total(plan: Plan, chosen: tuple[Candidate, ...], s: Scenarios, bills: list[PoolBill]) -> Array:
    setting = plan.setting
    out = np.full(len(s), sum(plan.constants.values()) + plan.shared["training"])
    out = out + plan.objective.platforms_usd_month(chosen) * s.labour
    fleets: dict[str, Array] = {}
    loads: dict[str, Array] = {}
    for w, candidate in enumerate(chosen):
        workload = setting.portfolio.workloads[w]
        work = candidate.total_hours * setting.usd_per_hour
        bought = candidate.one_off_usd - work
        out = out + (work * s.labour * s.effort + bought) / setting.horizon_months
        asked = s.demand[:, w] / s.speed[:, w]
        out = out + candidate.around_usd_month * s.demand[:, w]
        hosts = candidate.by_request_usd_month
        out = out + hosts * s.demand[:, w] * s.tokens
        run = candidate.run_rate_usd_month - hosts
        if candidate.choice["sourcing"] == "managed_api":
            continue
        if candidate.offer is None:
            grown = outgrown(setting, workload, candidate, asked)
            price = s.commit if "commit" in str(candidate.choice["purchase"]) else s.on_demand
            out = out + run * grown * price
        elif candidate.host is not None:
            out = out + run * s.demand[:, w]
            loads[candidate.workload] = candidate.host.load * asked
        else:
            out = out + run * s.demand[:, w]
            fleets[candidate.workload] = needed(setting, workload, candidate, asked)
    for bill in bills:
        out = out + _pool(bill, fleets, loads, s)
    return np.asarray(out)


def outgrown(setting: Setting, workload: Workload, candidate: Candidate, factor: Array) -> Array:
    """How many times a fixed fleet must be as large at multiples of its work, at least 1.

    Where the model wants more machines already than run, the fleet grows in proportion.
    """
    now = needed(setting, workload, candidate, np.ones(1)).max()
    then = needed(setting, workload, candidate, factor).max(axis=1)
    enough = max(float(now), float(candidate.machines.max()), 1e-12)
    return np.asarray(np.maximum(then / enough, 1.0))


def needed(setting: Setting, workload: Workload, candidate: Candidate, factor: Array) -> Array:
    """Machines a choice runs in each step at multiples of its work, shape (n, T).

    Where the capacity of what runs is unknown, machines follow the work in proportion.
    """
    d = candidate.details
    if not d.get("rps_low") or not np.isfinite(d["rps_low"]) or d["rps_low"] <= 0:
        return np.ceil(candidate.machines[None, :] * factor[:, None] - 1e-9)
    n = len(factor)
    fixed = candidate.offer is None or candidate.choice["purchase"] != POOLED
    found = parts.of_candidates(setting, [candidate], n)
    rates = _asked(setting, workload, candidate, factor)
    return parts.machines(setting, workload, found, rates, np.full(n, fixed))


def counted(setting: Setting, workload: Workload, candidate: Candidate) -> tuple[Array, int]:
    """Machines that a choice of known capacity needs in each step, shape (T,), however scaled.

    Spare ones are included; beside it, how many of these there are.
    """
    found = parts.of_candidates(setting, [candidate])
    rates = _asked(setting, workload, candidate, np.ones(1))
    spare = setting.portfolio.organisation.spare_instances * len(found)
    return parts.counted(setting, workload, found, rates)[0], spare


def _asked(setting: Setting, workload: Workload, candidate: Candidate, factor: Array) -> Array:
    """Requests/s that reach a choice's machines at multiples of its work, shape (n, T)."""
    rates = working_rates(workload, setting.rates(workload))
    hit = float(candidate.details.get("hit_ratio") or 0.0)
    return np.asarray(rates[None, :] * (1.0 - hit) * factor[:, None])


def _pool(bill: PoolBill, fleets: dict[str, Array], loads: dict[str, Array], s: Scenarios) -> Array:
    n, days = len(s), len(bill.volume)
    need, limit = np.zeros((n, len(bill.need))), np.zeros((n, len(bill.need)))
    volume = np.zeros((n, days))
    starts = np.flatnonzero(np.r_[True, np.diff(bill.steps.day) != 0])
    for stand in bill.stands:
        load = np.sum([loads[bill.members[i].workload] for i in stand.members], axis=0)
        need += machines_for(bill.members[stand.members[0]].machines[0], load)[:, None]
    for member in bill.members:
        if member.host is not None:
            continue
        runs = fleets[member.workload]
        if member.waits:
            volume += np.add.reduceat(runs * bill.steps.hours_month, starts, axis=1)
        else:
            need += runs
            limit += np.floor(runs * member.spot_share + 1e-9)
    one = bill.prices
    prices = Prices(
        on_demand=one.on_demand * s.on_demand,
        spot=np.minimum(one.spot * s.spot, one.on_demand * s.on_demand),
        whole=one.whole * s.commit,
        yearly=one.yearly * s.commit,
        held=np.repeat(one.held, n, axis=0),
        most=np.full(n, np.inf),
    )
    # Where the machine is not sold by the hour, more of it is bought as it is.
    none = ~np.isfinite(one.on_demand[0])
    whole = np.repeat(bill.purchase.whole, n)
    if none:
        whole = np.maximum(whole, (need - bill.level + whole[:, None]).max(axis=1))
    yearly = np.repeat(bill.purchase.yearly, n, axis=0)
    found = at_levels(need, limit, volume, prices, bill.steps, whole, yearly)
    return found.usd
