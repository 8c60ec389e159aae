"""One workload re-decided alone: the differences that a row of a panel shows."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans, solve
from advisor.optimize.considered import considered, interval, usd_month
from advisor.optimize.levers import LEVER_FIELDS, STEP_LEVER
from advisor.optimize.marginal import Move, moves, same_choice
from advisor.optimize.plan import Plan
from advisor.optimize.setting import Setting
from advisor.portfolio import LEVERS
from tests.optimize.given import CHAT, SUMMARIES, TICKETS, changed, setting


@pytest.fixture(scope="module")
def walked(three: Setting) -> dict[str, Plan]:
    return playbook_plans(three)


def swapped(plan: Plan, move: Move) -> float:
    """The objective with one move undone."""
    chosen = [move.before if c.workload == move.workload else c for c in plan.chosen]
    return plan.objective.total(chosen)


def test_undoing_a_move_costs_what_the_row_says(walked: dict[str, Plan]):
    found = 0
    for step, lever in STEP_LEVER.items():
        if lever is None:
            continue
        plan = walked[step]
        for move in moves(plan, lever):
            found += 1
            assert move.lever == lever
            assert move.after is plan.candidate(move.workload)
            loss = swapped(plan, move) - plan.objective.total(plan.chosen)
            assert move.saving_usd_month == pytest.approx(max(loss, 0.0), abs=1e-6)
    assert found >= 6


def test_with_the_lever_locked_its_fields_are_as_deployed(walked: dict[str, Plan]):
    for step, lever in STEP_LEVER.items():
        if lever is None:
            continue
        plan = walked[step]
        for move in moves(plan, lever):
            today = next(c for c in plan.today if c.workload == move.workload)
            assert all(move.before.choice[f] == today.choice[f] for f in LEVER_FIELDS[lever])
            assert not same_choice(move.before, move.after, lever)


def test_intervals_hold_the_saving_and_are_finite(plans: dict[str, Plan]):
    seen = 0
    for step, lever in STEP_LEVER.items():
        for move in moves(plans[step], lever) if lever else []:
            low, high = move.saving_low_usd_month, move.saving_high_usd_month
            assert 0 <= low <= move.saving_usd_month <= high < np.inf
            assert 0 <= move.one_off_usd < np.inf
            assert 0 <= move.hours < np.inf
            seen += 1
    assert seen > 15


def test_what_a_locked_lever_would_save(three: Setting):
    plan = solve(three)
    for move in moves(plan, "HARDWARE"):
        opened = {move.workload: ["HARDWARE"]}
        alone = solve(three, levers=opened, incumbent=plan)
        assert plan.usd_month - alone.usd_month == pytest.approx(move.saving_usd_month, abs=1e-6)
    assert {m.workload for m in moves(plan, "HARDWARE")} >= {"chat", "photos"}


def test_a_lever_that_changes_nothing_is_no_move(small: Catalog):
    plain = setting(small, [changed(TICKETS, repeat_share=0.0)])
    plan = solve(plain, levers=["CACHING"])
    assert moves(plan, "CACHING") == []


def test_a_fleet_that_only_shrinks_is_a_move(small: Catalog):
    many = changed(TICKETS, current={"instances": 40})
    only = setting(small, [many])
    plan = solve(only, levers=["HARDWARE"])
    (move,) = moves(plan, "HARDWARE")
    assert move.before.machines.max() == 40
    assert move.after.machines.max() < 40
    assert move.saving_usd_month > 0


def test_owned_hardware_has_intervals_too(shipped: Catalog):
    # Only owned machines are left to move to: their price has no on-demand.
    mine = {"sourcing": "owned", "cloud": "owned", "region": "any"}
    chat = changed(CHAT, current={**mine, "instance": "owned-8xH100-SXM", "instances": 3})
    where = setting(shipped, [chat], clouds=["owned"])
    plan = solve(where, levers=["HARDWARE", "PRECISION", "SERVING", "PURCHASING"])
    candidate = plan.candidate("chat")
    assert candidate.choice["cloud"] == "owned"
    assert candidate.choice["purchase"] == "pooled"
    assert plan.usd_month < solve(where).usd_month
    found = [m for lever in LEVERS for m in moves(plan, lever)]
    assert found
    for move in found:
        assert np.isfinite([move.saving_low_usd_month, move.saving_high_usd_month]).all()
    limits = interval(candidate, plan.workload_usd_month["chat"])
    assert limits is not None
    assert np.isfinite(limits).all()


def test_what_was_considered_costs_what_swapping_it_in_costs(walked: dict[str, Plan]):
    plan = walked["rightsize"]
    table = considered(plan, "tickets", frozenset({"HARDWARE"}))
    able = table[table["usd_month"].notna()]
    assert len(able) >= 3
    assert able["usd_month"].is_monotonic_increasing
    assert able["candidate"].notna().all()
    for row in able.to_dict("records"):
        chosen = [row["candidate"] if c.workload == "tickets" else c for c in plan.chosen]
        change = plan.objective.total(chosen) - plan.objective.total(plan.chosen)
        now = plan.workload_usd_month["tickets"]
        assert row["usd_month"] == pytest.approx(now + change, abs=1e-6)
        assert row["usd_month"] == pytest.approx(usd_month(plan, row["candidate"]), abs=1e-6)
    rejected = table[table["usd_month"].isna()]
    assert (rejected["reason"] != "").all()
    # Nothing that would work is cheaper than what was chosen.
    assert able["usd_month"].min() >= plan.workload_usd_month["tickets"] - 1e-6


def test_every_chip_has_an_answer(three: Setting, walked: dict[str, Plan]):
    for name in ("chat", "tickets", "photos"):
        table = considered(walked["rightsize"], name, frozenset({"HARDWARE"}))
        assert set(table["accelerator"]) >= set(three.allowed["accelerator"])
        known = table["usd_month"].notna()
        assert (known | (table["reason"] != "")).all()


def test_a_bought_model_has_nothing_to_right_size(small: Catalog):
    plan = solve(setting(small, [SUMMARIES]))
    assert moves(plan, "HARDWARE") == []
    sourced = moves(plan, "SOURCING")
    assert [m.workload for m in sourced] == ["summaries"]
    assert sourced[0].saving_usd_month > 0
