"""A plan's total cost of ownership beside today's, over the horizon's year and over the term."""

from __future__ import annotations

import pandas as pd

from advisor.economics.tco import LABELS, Ownership, total_cost

from .choices import Candidate
from .plan import Plan

YEAR_MONTHS = 12
LONGEST_MONTHS = 36


def term_months(plan: Plan) -> int:
    """The longest commitment that the plan buys, or three years without one."""
    bought = [term for bill in plan.pools for term in bill.terms if term != "owned"]
    months = [
        float(plan.setting.catalog.lookup("purchase_options", term)["term_months"])
        for term in bought
    ]
    return int(max(months, default=LONGEST_MONTHS))


def ownership(plan: Plan, chosen: tuple[Candidate, ...], *, watched: bool) -> Ownership:
    """What a set of choices costs by category.

    Parameters
    ----------
    watched : bool
        Whether cost and quality are watched from then on, as a plan asks for.
    """
    catalog, rate = plan.setting.catalog, plan.setting.usd_per_hour
    bills = plan.objective.bills(chosen)
    compute = sum(c.run_rate_usd_month + c.around_usd_month for c in chosen)
    compute += sum(b.usd_month for b in bills)
    is_plan = chosen is plan.chosen
    one_off = sum(c.one_off_usd for c in chosen)
    if is_plan:
        training = sum(t.usd_month for t in plan.training)
        one_off += sum(t.one_off_usd for t in plan.training)
    else:
        training = sum(t.today_usd_month for t in plan.training)
    hours = catalog.assumption("monitor_hours_month") if watched else 0.0
    if watched:
        one_off += catalog.assumption("instrument_hours") * len(chosen) * rate
    constants = plan.constants
    return Ownership(
        compute=compute,
        training=training,
        unexplained=constants["unexplained"] + constants.get("commitments", 0.0),
        operations=plan.objective.platforms_usd_month(chosen),
        data=constants["data"],
        tooling=constants["tooling"],
        watching=hours * rate,
        one_off=one_off,
    )


def table(plan: Plan, months: float) -> pd.DataFrame:
    """Total cost by category over a number of months, today's deployment beside the plan.

    Returns
    -------
    DataFrame
        Indexed by category (`advisor.economics.tco.LABELS`): ``label``, ``today``, ``plan``,
        ``saving``, USD over the months. What nobody stated, data or tooling, is 0 in both and
        named in ``unknown``.
    """
    catalog, org = plan.setting.catalog, plan.portfolio.organisation
    today = ownership(plan, plan.today, watched=False)
    after = ownership(plan, plan.chosen, watched=True)
    team = 0.0
    if org.team_fte is not None:
        year = plan.setting.usd_per_hour * catalog.assumption("engineer_hours_year")
        team = max(org.team_fte * year / YEAR_MONTHS - today.operations, 0.0)
    shares = {
        "oncall_share": catalog.assumption("oncall_share"),
        "opportunity_share": catalog.assumption("opportunity_cost_share"),
        "team_usd_month": team,
    }
    out = pd.DataFrame(
        {
            "label": pd.Series(LABELS),
            "today": total_cost(today, months, **shares),
            "plan": total_cost(after, months, **shares),
        }
    )
    given = {"data": org.data_usd_month, "tooling": org.platform_usd_month, "team": org.team_fte}
    unknown = [name in given and given[name] is None for name in out.index]
    return out.assign(saving=out["today"] - out["plan"], unknown=unknown)
