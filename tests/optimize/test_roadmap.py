"""The order of work, the bills while it lands, and the total cost."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.optimize import solve
from advisor.optimize.ownership import ownership, table, term_months
from advisor.optimize.plan import Plan
from advisor.optimize.roadmap import capacity, roadmap
from advisor.portfolio import LEVERS
from tests.optimize.given import CHAT, PHOTOS, TICKETS, setting

ALL = frozenset(LEVERS)


@pytest.fixture(scope="module")
def plan(small: Catalog) -> Plan:
    work = setting(small, [CHAT, TICKETS, PHOTOS], spot_share=0.0, team_fte=1.0)
    return solve(work, levers=ALL - {"SOURCING"})


def test_it_begins_with_today_and_ends_with_the_plan(plan: Plan) -> None:
    found = roadmap(plan, months=36)
    today = solve(plan.setting)
    assert found.months["run_rate_usd"].iloc[0] == pytest.approx(today.run_rate_usd_month)
    assert found.months["run_rate_usd"].iloc[-1] == pytest.approx(plan.run_rate_usd_month)
    assert found.months["one_off_usd"].sum() == pytest.approx(plan.one_off_usd)


def test_most_for_an_hour_first_and_as_fast_as_hours_allow(plan: Plan) -> None:
    found = roadmap(plan)
    actions = found.actions
    assert actions["usd_per_hour"].is_monotonic_decreasing
    assert actions["hours"].sum() == pytest.approx(plan.engineering_hours)
    done = actions["hours"].cumsum()
    assert (done <= actions["lands_in_month"] * found.capacity_hours_month + 1e-9).all()
    assert found.capacity_hours_month == pytest.approx(1880 / 12 * 0.25)
    for _, row in actions.iterrows():
        assert row["payback_months"] == pytest.approx(row["one_off_usd"] / row["saving_usd_month"])
        roi = (row["saving_usd_month"] * 12 - row["one_off_usd"]) / row["one_off_usd"]
        assert row["roi"] == pytest.approx(roi)


def test_nothing_is_committed_before_its_pool_has_landed(plan: Plan) -> None:
    found = roadmap(plan)
    lands = dict(zip(found.actions["workload"], found.actions["lands_in_month"], strict=True))
    assert len(found.commitments)
    for _, row in found.commitments.iterrows():
        members = [c.workload for c in plan.chosen if c.pool == row["pool"]]
        assert row["from_month"] > max(lands[name] for name in members)
        assert row["waits_for"] in members


def test_what_is_saved_is_less_the_work_and_running_twice(plan: Plan) -> None:
    months = roadmap(plan).months
    saved = 0.0
    for month in range(1, 13):
        row = months.loc[month]
        saved += months["run_rate_usd"][0] - row["run_rate_usd"]
        saved -= row["one_off_usd"] + row["double_usd"]
        assert row["saved_usd"] == pytest.approx(saved)
    paid = roadmap(plan).break_even_month
    if paid is not None:
        assert months.loc[paid, "saved_usd"] >= 0
        assert (months.loc[1 : paid - 1, "saved_usd"] < 0).all()


def test_without_hours_nothing_that_takes_some_lands(small: Catalog) -> None:
    none = solve(setting(small, [TICKETS], engineering_hours=0), levers=ALL - {"SOURCING"})
    assert capacity(none) == 0
    found = roadmap(none)
    assert found.months["one_off_usd"].sum() == 0
    assert np.isfinite(found.months.to_numpy()).all()


def test_the_total_holds_what_the_optimizer_weighs(plan: Plan) -> None:
    year = table(plan, 12)
    weighed = ["compute", "training", "unexplained", "operations", "data", "tooling"]
    one_off = plan.one_off_usd
    assert year.loc[weighed, "plan"].sum() + one_off == pytest.approx(plan.usd_month * 12)
    assert year.loc[weighed, "today"].sum() == pytest.approx(solve(plan.setting).usd_month * 12)
    assert (year["saving"] == year["today"] - year["plan"]).all()
    assert year.at["team", "today"] == year.at["team", "plan"]
    assert set(year.index[year["unknown"]]) == {"data", "tooling"}


def test_the_team_counts_once(small: Catalog) -> None:
    rate = 275_000 / 12
    for fte in (None, 0.1, 5.0):
        some = solve(setting(small, [TICKETS], team_fte=fte), levers=ALL - {"SOURCING"})
        year = table(some, 12)
        operations = ownership(some, some.today, watched=False).operations
        rest = max((fte or 0.0) * rate - operations, 0.0) if fte else 0.0
        assert year.at["team", "today"] == pytest.approx(rest * 12)


def test_the_term_is_that_of_the_longest_commitment(plan: Plan) -> None:
    bought = {term for bill in plan.pools for term in bill.terms}
    assert term_months(plan) == (36 if "commit_3y" in bought or not bought else 12)
