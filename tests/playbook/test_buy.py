from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from advisor.playbook import View
from advisor.playbook.buy import STEP
from advisor.playbook.pools import pools

from .conftest import Solve

KEY = "buy"


def test_pools_sum_to_what_the_plan_buys(view: View) -> None:
    plan = view.plans[KEY]
    own = sum(plan.objective.own_usd_month(c) for c in plan.chosen)
    bought = sum(p.bill.usd_month for p in pools(plan))
    assert bought + own == pytest.approx(sum(plan.workload_usd_month.values()))


def test_a_pool_s_hours_are_all_bought_and_priced(view: View) -> None:
    for p in pools(view.plans[KEY]):
        assert (p.bill.spot <= p.bill.spot_limit + 1e-9).all()
        covered = np.minimum(p.need, p.committed) + p.spot + p.on_demand
        assert covered == pytest.approx(p.need)
        usd = p.committed * (p.offer.commit or 0.0)
        usd += p.spot.mean() * (p.offer.spot or 0.0) + p.on_demand.mean() * (p.offer.on_demand or 0)
        assert usd * 730 == pytest.approx(p.bill.usd_month)
        assert p.usd_month_at(p.committed) == pytest.approx(p.bill.usd_month)


def test_no_other_commitment_is_cheaper(view: View) -> None:
    for p in pools(view.plans[KEY]):
        for level in np.unique(p.need):
            usd = p.usd_month_at(float(level))
            assert usd is None or usd >= p.bill.usd_month - 1e-9


def test_without_spot_the_sample_reserves_the_quantile_that_prices_say(
    sample: Any, solved: Solve
) -> None:
    data = sample.to_dict()
    data["organisation"]["spot_share"] = 0.0
    for p in pools(solved(data).plans[KEY]):
        rule = p.break_even_use
        if rule is None or p.bill.spot_limit.any():
            continue
        # One machine more would be needed too seldom, the last one often enough.
        assert (p.need > p.committed).mean() <= rule + 1e-9
        if p.committed:
            assert (p.need >= p.committed).mean() >= rule - 1e-9


def test_the_week_is_drawn_as_bought(view: View) -> None:
    chart = STEP.report(view).charts[0]
    assert chart.name == "demand"
    hours = {r["hour"] for r in chart.rows}
    assert hours == set(range(168))
    by_hour: dict[int, float] = dict.fromkeys(hours, 0.0)
    for r in chart.rows:
        assert r["part"] in ("committed", "on demand", "spot")
        by_hour[r["hour"]] += r["machines"]
    need = {r["hour"]: r["need"] for r in chart.rows}
    assert all(by_hour[h] >= need[h] - 1e-9 for h in hours)


def test_the_cheapest_way_to_scale_that_is_rarely_late_is_marked(view: View) -> None:
    report = STEP.report(view)
    chart = next(c for c in report.charts if c.name == "autoscaling")
    (here,) = (r for r in chart.rows if r["here"])
    assert here["late"] <= here["allowed"] == pytest.approx(0.01)
    good = [r["share"] for r in chart.rows if r["late"] <= r["allowed"]]
    assert here["share"] == min(good) < 1.0
    assert {r["policy"] for r in chart.rows} == {"reactive", "predictive"}
    table = next(t for t in report.tables if t.title == "Autoscaling")
    assert chart.title.startswith(table.rows[0][0])
    plan = {c.workload: c for c in view.plans[KEY].chosen}
    for row in table.rows:
        assert row[1] == f"{plan[row[0]].machines.max():.0f}"


def test_actions_state_how_machines_are_bought(view: View) -> None:
    actions = STEP.report(view).actions
    assert actions
    for a in actions:
        assert any(word in a.proposed for word in ("committed", "spot", "on demand"))
        assert a.risk_note[0].isupper()


def test_rejected_actions_are_still_offered(solved: Solve, classifier: dict[str, Any]) -> None:
    name = classifier["workloads"][0]["name"]
    report = STEP.report(solved(classifier, rejected=(name,)))
    assert [a.accepted for a in report.actions] == [False]
    assert "none of it accepted yet" in report.headline
    assert report.charts == []


def test_hosted_models_leave_nothing_to_buy(solved: Solve, hosted: dict[str, Any]) -> None:
    report = STEP.report(solved(hosted))
    assert report.actions == []
    assert report.headline.startswith("Nothing here is paid by the machine-hour")
    assert report.tables == [] == report.charts


def test_claims_are_judged_on_dated_prices(view: View) -> None:
    claims = {c.claim_id: c for c in STEP.report(view).claims}
    for name in ("reserve-p50", "spot-50-70", "ri-30-60", "training-bursty-500-5000"):
        assert claims[name].computed, name
    assert "20" in claims["spot-50-70"].here
    assert claims["reserve-p50"].verdict != "holds"


def test_committing_too_early_has_a_price(view: View) -> None:
    lines = dict(STEP.report(view).notes[0].lines)
    assert "Committing today's machines would have locked in $" in lines["Commit last."]
