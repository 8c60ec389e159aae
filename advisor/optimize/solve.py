r"""One model, growing freedom.

.. math::

    \min_x \; C + \sum_w F_{w,x_w} + \sum_{f \in \text{platforms}(x)} \Phi_f
        + \sum_p G_p\Big(\sum_{w: p(x_w)=p} u_{w,x_w}\Big) + \sum_j T_j

over one choice :math:`x_w` per workload among those its unlocked levers allow: own cost
:math:`F`, platforms :math:`\Phi` counted once, pools bought jointly at the exact optimum
:math:`G` (`advisor.economics.purchase`), training jobs :math:`T`, constants :math:`C`.

What is coupled is split by prices, which bound the optimum from below; what remains between the
bound and the best plan found is searched (`advisor.optimize.joint`). Every column counts, also
those whose machines were never worked out (`advisor.optimize.certify`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.portfolio import HOURS_PER_MONTH, Portfolio

from .alternatives import Choices, steady
from .candidates import build
from .certify import certify
from .choices import Candidate
from .generate import columns
from .joint.optimize import Progress
from .levers import STEP_LEVER, Unlocked, levers_until, unlocked_for
from .objective import Objective
from .pins import Pins, pinned, possible
from .places import Ints
from .plan import Certificate, Plan
from .setting import Setting
from .today import candidate_today
from .training import plan_training

GAP = 1e-3


def solve(
    portfolio: Portfolio | Setting,
    catalog: Catalog | None = None,
    levers: Unlocked = (),
    *,
    pins: Pins | None = None,
    incumbent: Plan | None = None,
    gap: float = GAP,
    seconds: float | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> Plan:
    """The cheapest plan under the unlocked levers, with its certificate.

    Parameters
    ----------
    portfolio : Portfolio or Setting
        A setting made before keeps its predictions, so that repeated solves are quick.
    catalog : Catalog, optional
        The shipped one by default; ignored with a setting.
    levers : collection of levers, or mapping of workload name to levers
        What may be changed; today's deployment is always an option.
    pins : mapping, optional
        By workload, fields of its choice that are settled; see `advisor.optimize.pins`.
    incumbent : Plan, optional
        A plan under a subset of these levers: the answer is never dearer, so a chain of solves is
        exactly monotone.
    gap : float
        Relative gap of the certificate at which to stop.
    seconds : float, optional
        Time limit; the best plan so far is returned with its certificate.
    cancelled : callable, optional
        Asked now and then whether to stop.
    progress : callable, optional
        Told the stage, the upper and the lower bound of what is being solved, USD a month.

    Raises
    ------
    InputError
        For unknown levers, workloads or pinned fields.
    PortfolioError
        When no workload's present state can be priced, or nothing fits what is pinned.
    """
    started = time.perf_counter()
    setting = as_setting(portfolio, catalog)
    unlocked = unlocked_for(levers, setting.portfolio)
    workloads = setting.portfolio.workloads
    found = [columns(setting, w) for w in workloads]
    today = tuple(c.today for c in found)
    able = [
        pinned(setting, c, c.open_to(unlocked[w.name]), (pins or {}).get(w.name, {}))
        for w, c in zip(workloads, found, strict=True)
    ]
    certified = certify(
        setting,
        found,
        able,
        _start(setting, incumbent, able),
        gap=gap,
        seconds=seconds,
        cancelled=cancelled,
        progress=progress,
    )
    chosen = [build(setting, c, [i])[0] for c, i in zip(found, certified.columns, strict=True)]
    constants = constants_usd_month(setting, today)
    objective = Objective(setting, sum(constants.values()))
    training = tuple(
        plan_training(setting, j, unlocked[j.name]) for j in setting.portfolio.training
    )
    rest = sum(constants.values())
    rest += sum(t.usd_month + t.one_off_usd / setting.horizon_months for t in training)
    return Plan(
        setting=setting,
        levers=unlocked,
        chosen=tuple(chosen),
        columns=certified.columns,
        nearest=certified.nearest,
        today=today,
        training=training,
        constants=constants,
        objective=objective,
        seconds=time.perf_counter() - started,
        certificate=Certificate(
            upper_usd=certified.answer.upper_usd + rest,
            lower_usd=certified.answer.lower_usd + rest,
            hour_usd=certified.answer.hour_usd,
            stopped=certified.answer.stopped,
            seconds=time.perf_counter() - started,
        ),
    )


def _start(setting: Setting, incumbent: Plan | None, able: Sequence[Ints]) -> list[int]:
    """A column of each workload to begin with: the incumbent's where able, else today's."""
    if incumbent is not None and incumbent.setting is setting:
        return [c if c in a else int(a[0]) for c, a in zip(incumbent.columns, able, strict=True)]
    return [int(a[0]) for a in able]


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
    *,
    pins: Pins | None = None,
    kept: Mapping[str, Choices] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Plan]:
    """The plan after each playbook step, by step name; costs fall or stay, exactly.

    Parameters
    ----------
    levers : optional
        What may be unlocked at all (all by default); each step adds its lever where allowed.
    progress : callable, optional
        Called with each step's name before it is solved.
    pins : mapping, optional
        As for `solve`; a step that cannot run what is pinned yet goes without.
    kept : mapping, optional
        Choices by workload and step that are kept to where that costs next to nothing, so that a
        figure that moves a little does not reshuffle the plan (`advisor.optimize.alternatives`).
    cancelled : callable, optional
        Asked now and then whether to stop.
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
            held = pins or {}
            if per_name != most:
                held = possible(setting, per_name, held)
            found = solve(
                setting, levers=per_name, pins=held, incumbent=previous, cancelled=cancelled
            )
            most_usd = np.inf if previous is None else previous.usd_month
            previous = steady(found, (kept or {}).get(step, {}), most_usd_month=most_usd)
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
            modelled = candidate.run_rate_usd_month + candidate.around_usd_month
            unexplained += workload.bill_usd_month - modelled
    for job in setting.portfolio.training:
        if job.bill_usd_month is not None:
            modelled = plan_training(setting, job, frozenset()).usd_month
            unexplained += max(job.bill_usd_month - modelled, 0.0)
    out = {
        "data": org.data_usd_month or 0.0,
        "tooling": org.platform_usd_month or 0.0,
        "unexplained": unexplained,
    }
    if org.commitments:
        out["commitments"] = _commitments_usd_month(setting)
    return out


def _commitments_usd_month(setting: Setting) -> float:
    """What machines held now cost over the horizon, whatever runs on them."""
    prices = setting.catalog.prices().set_index(["cloud", "region", "instance", "purchase"])
    rates = prices["usd_per_hour"].dropna().astype(float).to_dict()
    usd = 0.0
    for c in setting.portfolio.organisation.commitments:
        paid = c.usd_month
        if paid is None:
            place = (c.cloud, c.region, c.instance)
            rate = rates.get((*place, "commit_1y"), rates.get((*place, "on_demand")))
            if rate is None:
                raise PortfolioError(
                    f"no price is known for the committed {c.instance} in {c.region}",
                    column="organisation.commitments",
                    fix="state usd_month",
                )
            paid = rate * c.instances * HOURS_PER_MONTH
        usd += paid * min(c.ends_in_months / setting.horizon_months, 1.0)
    return usd
