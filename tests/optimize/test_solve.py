"""The solver's promises, on the sample portfolio and on small ones worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.economics.purchase import Offer
from advisor.errors import InputError, PortfolioError
from advisor.optimize import playbook_plans, solve
from advisor.optimize.considered import considered
from advisor.optimize.levers import LEVER_FIELDS, STEP_LEVER, levers_until
from advisor.optimize.objective import Objective
from advisor.optimize.plan import Plan, split_by_use
from advisor.optimize.setting import Setting
from advisor.portfolio import LEVERS, Lever, requests_per_month
from tests.optimize.given import (
    CHAT,
    PHOTOS,
    SCORES,
    TICKETS,
    changed,
    made,
    scaled_prices,
    setting,
)

ALL = frozenset(LEVERS)
MONTH = 730.0


def choices(plan: Plan) -> list[dict[str, Any]]:
    return [dict(c.choice) for c in plan.chosen]


# --- the sample portfolio -----------------------------------------------------------------------


def test_cost_falls_or_stays_at_every_step_exactly(plans: dict[str, Plan]):
    costs = [p.usd_month for p in plans.values()]
    assert list(plans) == list(STEP_LEVER)
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.5 * costs[0]


def test_measuring_and_monitoring_save_nothing(plans: dict[str, Plan]):
    assert plans["monitor"] is plans["distill"]
    assert choices(plans["measure"]) == [dict(c.choice) for c in plans["measure"].today]


def test_workloads_and_shared_costs_add_up(plans: dict[str, Plan]):
    for plan in plans.values():
        parts = sum(plan.workload_usd_month.values()) + plan.shared_usd_month
        assert parts == pytest.approx(plan.usd_month, rel=1e-9)
        assert set(plan.workload_usd_month) == {w.name for w in plan.portfolio.workloads}
        assert sum(plan.by_category.values()) == pytest.approx(plan.usd_month, rel=1e-9)
        pools = sum(b.usd_month for b in plan.pools)
        own = sum(plan.objective.own_usd_month(c) for c in plan.chosen)
        assert pools + own + plan.shared_usd_month == pytest.approx(plan.usd_month, rel=1e-9)
        one_off = sum(c.one_off_usd for c in plan.chosen) + sum(
            t.one_off_usd for t in plan.training
        )
        assert plan.run_rate_usd_month == pytest.approx(plan.usd_month - one_off / 12, rel=1e-9)


def test_the_plan_costs_what_the_objective_says(plans: dict[str, Plan]):
    for plan in plans.values():
        assert plan.certificate is not None
        assert plan.usd_month == pytest.approx(plan.certificate.upper_usd, rel=1e-9)


def test_the_lower_bound_is_below(plans: dict[str, Plan]):
    for plan in plans.values():
        assert plan.certificate is not None
        assert plan.certificate.lower_usd <= plan.certificate.upper_usd * (1 + 1e-12)
        assert 0 <= plan.certificate.gap < 0.5


def test_pool_costs_are_split_whole(plans: dict[str, Plan]):
    pooled = [bill for plan in plans.values() for bill in plan.pools]
    assert any(len(bill.members) > 1 for bill in pooled)
    for bill in pooled:
        parts = split_by_use(bill)
        assert sum(parts) == pytest.approx(bill.usd_month, rel=1e-9)
        assert all(p >= 0 for p in parts)


def test_residency_is_respected(plans: dict[str, Plan], sample: Setting):
    regions = sample.catalog["regions"].set_index(["cloud", "region"])["geography"]
    bound = [w for w in sample.portfolio.workloads if w.residency]
    assert bound
    for plan in plans.values():
        for workload in bound:
            choice = plan.candidate(workload.name).choice
            if choice["region"] is not None:
                assert regions[choice["cloud"], choice["region"]] in workload.residency


def test_what_is_chosen_is_allowed_to_the_company(plans: dict[str, Plan], sample: Setting):
    org = sample.portfolio.organisation
    for candidate in plans["source"].chosen:
        if candidate.choice["sourcing"] == "managed_api":
            assert candidate.choice["provider"].split("/")[0] in org.api_providers
        else:
            assert candidate.choice["cloud"] in {*org.clouds, "owned"}


def test_spot_stays_within_the_share(plans: dict[str, Plan], sample: Setting):
    share = sample.portfolio.organisation.spot_share
    seen = 0.0
    for plan in plans.values():
        for bill in plan.pools:
            need = sum(m.machines.mean() for m in bill.members)
            spot_allowed = sum(m.machines.mean() * m.spot_share for m in bill.members)
            assert bill.mix.spot_hours <= spot_allowed + 1e-9
            assert bill.mix.spot_hours <= need
            seen += bill.mix.spot_hours
        for candidate in plan.chosen:
            workload = sample.portfolio.workload(candidate.workload)
            if workload.deferrable_hours is None:
                assert candidate.spot_share <= share
    assert seen > 0


def test_quality_and_latency_hold_for_every_choice(plans: dict[str, Plan], sample: Setting):
    checked = 0
    for candidate, today in zip(plans["source"].chosen, plans["source"].today, strict=True):
        workload = sample.portfolio.workload(candidate.workload)
        if candidate is today or not candidate.machines.any():
            continue
        d, slo = candidate.details, workload.slo
        assert d["quality"] >= workload.quality_floor - 1e-9
        if workload.deferrable_hours is None:
            assert d["first_s"] <= (slo.ttft_s or slo.latency_s or np.inf) * (1 + 1e-9)
            assert d["token_s"] <= (slo.tpot_s or np.inf)
        checked += 1
    assert checked >= 3


def test_the_ticket_classifier_leaves_its_gpu_for_a_processor(plans: dict[str, Plan]):
    before, after = (plans[s].candidate("ticket-classifier") for s in ("measure", "rightsize"))
    assert before.details["chip_kind"] == "gpu"
    assert after.details["chip_kind"] == "cpu"
    assert after.choice["framework"] == before.choice["framework"]
    assert after.choice["weight_precision"] == before.choice["weight_precision"]


def test_a_locked_lever_keeps_its_fields(plans: dict[str, Plan]):
    for step, plan in plans.items():
        locked = [lever for lever in LEVERS if lever not in levers_until(step)]
        for candidate, today in zip(plan.chosen, plan.today, strict=True):
            for lever in locked:
                for field in LEVER_FIELDS[lever]:
                    assert candidate.choice[field] == today.choice[field], (step, field)


def test_a_bought_model_stays_until_sourcing_is_open(plans: dict[str, Plan]):
    for step in ("measure", "rightsize", "quantize", "serve", "buy", "distill"):
        choice = plans[step].candidate("meeting-summarizer").choice
        assert (choice["sourcing"], choice["provider"]) == ("managed_api", "openai/gpt-4o")


def test_plans_are_made_of_numbers(plans: dict[str, Plan]):
    for plan in plans.values():
        frame = plan.frame()
        for column in ("cost_usd_month", "cost_per_prediction_usd", "predictions_per_month"):
            assert (frame[column] > 0).all()
        for column in ("run_rate_usd_month", "one_off_usd", "today_usd_month", "replicas_mean"):
            assert (frame[column] >= 0).all()


# --- what may be changed ------------------------------------------------------------------------


def test_rejecting_a_lever_for_one_workload_keeps_it_as_deployed(three: Setting):
    rejected: dict[str, Lever] = {"chat": "SERVING", "tickets": "HARDWARE", "photos": "PRECISION"}
    levers = {name: ALL - {lever, "SOURCING"} for name, lever in rejected.items()}
    plan = solve(three, levers=levers)
    free = solve(three, levers=ALL - {"SOURCING"})
    for candidate, today in zip(plan.chosen, plan.today, strict=True):
        for field in LEVER_FIELDS[rejected[candidate.workload]]:
            assert candidate.choice[field] == today.choice[field]
    assert plan.usd_month >= free.usd_month * (1 - 1e-9)
    assert plan.usd_month < solve(three).usd_month


def test_sourcing_alone_changes_no_model(shipped: Catalog):
    # The team would accept a smaller model, but has not agreed to change it here.
    chat = changed(
        CHAT,
        model="Llama-3.1-70B",
        substitutes=["Llama-3.1-8B"],
        current={"tensor_parallel": 4},
    )
    offered = setting(shipped, [chat])
    alone, both = (solve(offered, levers=lv) for lv in (["SOURCING"], ["SOURCING", "DISTILLATION"]))
    assert alone.candidate("chat").choice["model"] == "Llama-3.1-70B"
    assert alone.candidate("chat").choice["sourcing"] != "self_hosted"
    assert both.candidate("chat").choice["model"] == "Llama-3.1-8B"


def test_unknown_levers_and_workloads_are_named(three: Setting):
    with pytest.raises(InputError, match="HARDWARE"):
        solve(three, levers=["HARDWEAR"])
    with pytest.raises(InputError, match="tickets"):
        solve(three, levers={"ticket": ["HARDWARE"]})


@settings(max_examples=6)
@given(order=st.permutations(LEVERS))
def test_cost_is_monotone_in_any_order_of_levers(three: Setting, order: list[Lever]):
    plan = solve(three)
    for i in range(1, len(order) + 1):
        wider = solve(three, levers=order[:i], incumbent=plan)
        assert wider.usd_month <= plan.usd_month
        plan = wider


@settings(max_examples=10)
@given(
    per_workload=st.fixed_dictionaries(
        {
            name: st.tuples(st.sets(st.sampled_from(LEVERS)), st.sets(st.sampled_from(LEVERS)))
            for name in ("chat", "tickets", "photos")
        }
    )
)
def test_cost_is_monotone_in_levers_of_single_workloads(
    three: Setting, per_workload: dict[str, tuple[set[Lever], set[Lever]]]
):
    few = solve(three, levers={k: some for k, (some, _) in per_workload.items()})
    more = solve(three, levers={k: a | b for k, (a, b) in per_workload.items()}, incumbent=few)
    assert more.usd_month <= few.usd_month <= solve(three).usd_month


def test_solving_again_gives_the_same_plan(small: Catalog, three: Setting):
    one, other = solve(three, levers=ALL), solve(setting(small), levers=ALL)
    assert choices(one) == choices(other)
    assert one.usd_month == pytest.approx(other.usd_month, rel=1e-12)


# --- prices, effort, demand ---------------------------------------------------------------------


def test_twice_the_prices_twice_the_plan_and_no_other_choice(small: Catalog):
    work = [changed(CHAT, bill_usd_month=40_000), TICKETS, PHOTOS, SCORES]
    money = {"data_usd_month": 1000, "platform_usd_month": 700}
    twice_money = {k: 2 * v for k, v in money.items()}
    one = solve(setting(small, work, **money), levers=ALL)
    work[0] = changed(CHAT, bill_usd_month=80_000)
    two = solve(setting(scaled_prices(small, 2.0), work, **twice_money), levers=ALL)
    assert two.usd_month == pytest.approx(2 * one.usd_month, rel=1e-9)
    assert choices(two) == choices(one)
    assert one.certificate is not None
    assert two.certificate is not None
    assert two.certificate.lower_usd == pytest.approx(2 * one.certificate.lower_usd, rel=1e-9)


def test_no_hours_no_change(small: Catalog):
    # Nothing that takes work is done; what takes none (a cheaper precision by a switch) may be.
    plan = solve(setting(small, engineering_hours=0), levers=ALL)
    baseline = solve(setting(small))
    assert plan.engineering_hours == 0
    assert plan.one_off_usd == 0
    assert plan.usd_month == pytest.approx(baseline.usd_month, rel=1e-9)


@pytest.mark.parametrize("hours", [16, 40, 80, 200])
def test_the_engineering_budget_holds(small: Catalog, hours: float):
    plans = playbook_plans(setting(small, engineering_hours=hours))
    for plan in plans.values():
        assert plan.engineering_hours <= hours
    assert plans["source"].usd_month < plans["measure"].usd_month
    free = solve(setting(small), levers=ALL)
    assert free.engineering_hours > 80
    assert plans["source"].usd_month >= free.usd_month * (1 - 1e-6)


def test_hours_without_requests_need_no_more_than_the_minimum(small: Catalog):
    night_off = [0.0] * 12 + [6.0] * 12
    chat = changed(CHAT, demand={"hourly_rps": night_off * 7}, min_instances=0)
    plan = solve(setting(small, [chat]), levers=ALL - {"SOURCING"})
    machines = plan.candidate("chat").machines.reshape(7, 24)
    assert plan.candidate("chat").choice["purchase"] == "pooled"
    # Some minutes of hour 0 wait whether noon's requests are over, some of hour 11 start for them.
    assert (machines[:, 1:11] == 0).all()
    assert (machines[:, 12:] >= 2).all()
    kept = solve(setting(small, [{**chat, "min_instances": 3}]), levers=ALL - {"SOURCING"})
    assert kept.candidate("chat").machines.min() == 3
    assert np.isfinite(plan.usd_month)


def test_deferrable_work_runs_in_its_window(small: Catalog):
    plan = solve(setting(small, [SCORES]), levers=ALL - {"SOURCING"})
    machines = plan.candidate("scores").machines.reshape(7, 24)
    assert (machines[:, :8] >= 1).all()
    assert (machines[:, 8:] == 0).all()
    assert plan.candidate("scores").spot_share == 1.0


def test_a_discount_lowers_the_baseline_alone_by_itself(small: Catalog):
    full, less = (
        solve(setting(small, discounts=d)).today[0].run_rate_usd_month for d in ({}, {"aws": 0.25})
    )
    assert less == pytest.approx(0.75 * full)


# --- what cannot be served ----------------------------------------------------------------------


def test_a_workload_that_fits_nowhere_keeps_its_deployment_and_says_why(small: Catalog):
    # 0.1 ms a token is beyond every machine; the others are planned all the same.
    hopeless = changed(CHAT, slo={"ttft_s": 2, "tpot_s": 0.0001})
    plan = solve(setting(small, [hopeless, TICKETS]), levers=ALL - {"SOURCING"})
    frame = plan.frame().set_index("name")
    assert choices(plan)[0] == dict(plan.today[0].choice)
    assert "misses latency" in frame.at["chat", "doubt"]
    assert frame.at["tickets", "doubt"] == ""
    assert frame.at["tickets", "instance"] != TICKETS["current"]["instance"]

    table = considered(plan, "chat", ALL - {"SOURCING", "CACHING"})
    others = table[~table["today"].astype(bool)]
    assert len(others) >= 4
    assert (others["reason"] != "").all()
    assert others["usd_month"].isna().all()
    assert others["reason"].str.startswith("misses latency").any()


def test_a_model_too_large_for_todays_machine_is_doubted(small: Catalog):
    chat = changed(CHAT, model="Llama-3.1-70B", current={"instance": "g5.xlarge"})
    plan = solve(setting(small, [chat]))
    assert plan.frame()["doubt"].iloc[0].startswith("does not fit")
    blank = changed(chat, current={"instances": None})
    with pytest.raises(PortfolioError, match="state it"):
        solve(setting(small, [blank]))


def test_too_few_machines_are_remarked(small: Catalog):
    busy = changed(CHAT, demand={"mean_rps": 5000.0})
    assert "the model would want" in solve(setting(small, [busy])).frame()["doubt"].iloc[0]


# --- pools --------------------------------------------------------------------------------------


def test_a_pool_is_bought_for_the_sum_of_its_members(three: Setting):
    # One works by day, one by night: together they are level and all of it is committed.
    offer = Offer(1.0, None, (("commit_1y", 0.6),))
    day, night = made("day", [2.0, 0.0], offer=offer), made("night", [0.0, 2.0], offer=offer)
    objective = Objective(three, 0.0)
    alone = [objective.bills([c])[0].usd_month for c in (day, night)]
    together = objective.bills([day, night])
    assert len(together) == 1
    assert together[0].usd_month == pytest.approx(2 * 0.6 * MONTH)
    assert alone == [pytest.approx(1.0 * MONTH)] * 2
    assert split_by_use(together[0]) == [pytest.approx(0.6 * MONTH)] * 2


def test_who_needs_the_dear_hours_pays_for_them(three: Setting):
    # A level fleet of 2 on commitments, and a peak of 2 more for half the hours on demand.
    offer = Offer(1.0, None, (("commit_1y", 0.4),))
    level, peak = made("level", [2.0, 2.0], offer=offer), made("peak", [2.0, 0.0], offer=offer)
    bill = Objective(three, 0.0).bills([level, peak])[0]
    assert bill.mix.committed == 4  # 0.4 is cheaper than half an hour of 1.0
    assert bill.usd_month == pytest.approx(1.6 * MONTH)
    assert sum(split_by_use(bill)) == pytest.approx(bill.usd_month)
    dear = Offer(1.0, None, (("commit_1y", 0.6),))
    bill = Objective(three, 0.0).bills([made("l", 2.0, offer=dear), made("p", [2, 0], offer=dear)])[
        0
    ]
    assert bill.mix.committed == 2
    # Half the hours cost 1.2 + 2.0, shared evenly; the others 1.2, for the level one alone.
    by_hand = [(3.2 / 2 + 1.2) / 2 * MONTH, 3.2 / 2 / 2 * MONTH]
    assert split_by_use(bill) == [pytest.approx(v) for v in by_hand]


def test_a_pool_that_never_runs_is_free(three: Setting):
    offer = Offer(1.0, None, (("commit_1y", 0.4),))
    bill = Objective(three, 0.0).bills([made("none", 0.0, offer=offer)])[0]
    assert bill.usd_month == 0
    assert split_by_use(bill) == [0.0]


def test_predictions_are_the_month_of_730_hours(three: Setting):
    plan = solve(three)
    for workload in three.portfolio.workloads:
        volume = requests_per_month(three.rates(workload))
        assert plan.candidate(workload.name).predictions_per_month == pytest.approx(volume)
        assert volume == pytest.approx(workload.demand.mean_rps * 3600 * MONTH)
