r"""One model, growing freedom.

.. math::

    \min_x \; C + \sum_w F_{w,x_w} + \sum_{f \in \text{platforms}(x)} \Phi_f
        + \sum_p G_p\Big(\sum_{w: p(x_w)=p} u_{w,x_w}\Big) + \sum_j T_j

over one choice :math:`x_w` per workload among those its unlocked levers allow: own cost
:math:`F`, platforms :math:`\Phi` counted once, pools bought jointly at the exact optimum
:math:`G` (`advisor.economics.purchase`), training jobs :math:`T`, constants :math:`C`.

The first solver: screened candidates, single moves and platform exits from an incumbent. The lower
bound counts fractional machines at the cheapest rate their pool can ever reach, and the ways of
sourcing but not the frameworks: valid over every configuration generated, and loose; a later solver
tightens it behind this same call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.portfolio import Portfolio

from .bound import candidate_bound
from .candidates import candidates
from .choices import Candidate
from .levers import STEP_LEVER, LeverSet, Unlocked, levers_until, unlocked_for
from .objective import Objective
from .plan import Certificate, Plan
from .search import improve
from .setting import Setting
from .today import candidate_today
from .training import plan_training


def solve(
    portfolio: Portfolio | Setting,
    catalog: Catalog | None = None,
    levers: Unlocked = (),
    *,
    incumbent: Plan | None = None,
) -> Plan:
    """The cheapest plan found under the unlocked levers, never dearer than the incumbent.

    Parameters
    ----------
    portfolio : Portfolio or Setting
        A setting made before keeps its predictions, so that repeated solves are quick.
    catalog : Catalog, optional
        The shipped one by default; ignored with a setting.
    levers : collection of levers, or mapping of workload name to levers
        What may be changed; today's deployment is always an option.
    incumbent : Plan, optional
        A plan under a subset of these levers. Passing it makes a chain of solves exactly
        monotone.

    Raises
    ------
    InputError
        For unknown levers or workloads.
    PortfolioError
        When no workload's present state can be priced.
    """
    started = time.perf_counter()
    setting = as_setting(portfolio, catalog)
    unlocked = unlocked_for(levers, setting.portfolio)
    today = tuple(candidate_today(setting, w) for w in setting.portfolio.workloads)
    if incumbent is not None and incumbent.setting is setting:
        today = incumbent.today
    constants = constants_usd_month(setting, today)
    objective = Objective(setting, sum(constants.values()))
    options = [
        candidates(setting, w, unlocked[w.name], t)
        for w, t in zip(setting.portfolio.workloads, today, strict=True)
    ]
    start = _incumbent(setting, incumbent, today)
    limit = setting.portfolio.organisation.engineering_hours
    chosen = improve(objective, options, start, np.inf if limit is None else limit)
    training = tuple(
        plan_training(setting, j, unlocked[j.name]) for j in setting.portfolio.training
    )
    runs = sum(t.usd_month + t.one_off_usd / setting.horizon_months for t in training)
    certificate = Certificate(
        upper_usd=objective.total(chosen) + runs,
        lower_usd=_lower_bound(setting, unlocked, objective, options, chosen, constants) + runs,
        seconds=time.perf_counter() - started,
    )
    return Plan(
        setting=setting,
        levers=unlocked,
        chosen=tuple(chosen),
        today=today,
        training=training,
        constants=constants,
        objective=objective,
        seconds=time.perf_counter() - started,
        certificate=certificate,
    )


def as_setting(portfolio: Portfolio | Setting, catalog: Catalog | None = None) -> Setting:
    """A setting for the portfolio, or the one given, without what cannot be planned.

    A workload whose present state cannot be priced is set aside with the reason
    (``Setting.blocked``), and the others are planned.

    Raises
    ------
    PortfolioError
        When nothing is left to plan.
    """
    setting = portfolio
    if not isinstance(setting, Setting):
        setting = Setting(setting, catalog or Catalog.load())
    if setting.blocked is None:
        setting.blocked = {}
        kept, jobs, first = [], [], None
        for workload in setting.portfolio.workloads:
            try:
                candidate_today(setting, workload)
                kept.append(workload)
            except PortfolioError as error:
                first = first or error
                setting.blocked[workload.name] = str(error)
        for job in setting.portfolio.training:
            try:
                plan_training(setting, job, frozenset())
                jobs.append(job)
            except PortfolioError as error:
                setting.blocked[job.name] = str(error)
        if not kept:
            raise first or PortfolioError("there is no workload to plan")
        setting.portfolio = setting.portfolio.model_copy(
            update={"workloads": tuple(kept), "training": tuple(jobs)}
        )
    return setting


def playbook_plans(
    portfolio: Portfolio | Setting,
    catalog: Catalog | None = None,
    levers: Unlocked | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Plan]:
    """The plan after each playbook step, by step name; costs fall or stay, exactly.

    Parameters
    ----------
    levers : optional
        What may be unlocked at all (all by default); each step adds its lever where allowed.
    progress : callable, optional
        Called with each step's name before it is solved.
    """
    setting = as_setting(portfolio, catalog)
    most = unlocked_for(levers if levers is not None else levers_until("source"), setting.portfolio)
    plans: dict[str, Plan] = {}
    previous: Plan | None = None
    for step, lever in STEP_LEVER.items():
        if progress is not None:
            progress(step)
        opened = set(levers_until(step))
        per_name = {name: allowed & opened for name, allowed in most.items()}
        if previous is None or lever is not None:
            previous = solve(setting, levers=per_name, incumbent=previous)
        plans[step] = previous
    return plans


def constants_usd_month(setting: Setting, today: Sequence[Candidate]) -> dict[str, float]:
    """What no lever changes: data, tooling, and what the bills hold beyond the model.

    A training bill below the model is left to the model: runs are rented anew each time.
    """
    org = setting.portfolio.organisation
    unexplained = 0.0
    for workload, candidate in zip(setting.portfolio.workloads, today, strict=True):
        if workload.bill_usd_month is not None:
            unexplained += workload.bill_usd_month - candidate.run_rate_usd_month
    for job in setting.portfolio.training:
        if job.bill_usd_month is not None:
            modelled = plan_training(setting, job, frozenset()).usd_month
            unexplained += max(job.bill_usd_month - modelled, 0.0)
    return {
        "data": org.data_usd_month or 0.0,
        "tooling": org.platform_usd_month or 0.0,
        "unexplained": unexplained,
    }


def _incumbent(
    setting: Setting, incumbent: Plan | None, today: tuple[Candidate, ...]
) -> Sequence[Candidate]:
    if incumbent is None or incumbent.setting is not setting:
        return today
    return incumbent.chosen


def _lower_bound(
    setting: Setting,
    unlocked: Mapping[str, LeverSet],
    objective: Objective,
    options: Sequence[Sequence[Candidate]],
    chosen: Sequence[Candidate],
    constants: dict[str, float],
) -> float:
    """A total that no plan under these levers can beat (`advisor.optimize.bound`).

    Whatever is best uses some set of ways of sourcing: for each set, its fixed cost plus the
    least each workload can cost within it.
    """
    cheapest: list[dict[str, float]] = []
    workloads = setting.portfolio.workloads
    for workload, candidates_of, picked in zip(workloads, options, chosen, strict=True):
        best = dict(setting.bounds.get((workload, unlocked[workload.name]), {}))
        for c in (*candidates_of, picked):
            usd = candidate_bound(c, objective.own_usd_month(c))
            sourcing = str(c.choice["sourcing"])
            best[sourcing] = min(usd, best.get(sourcing, np.inf))
        cheapest.append(best)
    kinds = sorted({k for best in cheapest for k in best})
    subsets = [s for n in range(1, len(kinds) + 1) for s in combinations(kinds, n)]
    totals = [
        sum(objective.platform_usd_month(f"sourcing:{k}") for k in subset)
        + sum(min(best.get(k, np.inf) for k in subset) for best in cheapest)
        for subset in subsets
    ]
    return float(sum(constants.values()) + min(totals))
