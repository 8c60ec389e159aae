"""The optimizer against every choice of small problems, and its promises on larger ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from advisor.optimize.joint.bill import cost
from advisor.optimize.joint.model import model
from advisor.optimize.joint.optimize import optimize
from advisor.optimize.joint.problem import Pools, Problem

from .made import best_of_all, random_problem


@pytest.mark.parametrize("batch", range(5))
def test_the_answer_is_the_best_of_all_choices(batch: int) -> None:
    impossible = 0
    for seed in range(batch * 44, batch * 44 + 44):
        problem = random_problem(seed, workloads=3 + seed % 2, columns=4)
        best, answer = best_of_all(problem), optimize(problem, gap=1e-10)
        impossible += np.isinf(best)
        assert answer.upper_usd == pytest.approx(best, rel=1e-9), seed
        assert answer.lower_usd <= best * (1 + 1e-9), seed
        assert cost(problem, answer.chosen).usd == answer.upper_usd
    assert impossible < 11


@pytest.mark.parametrize("seed", range(25))
def test_a_plain_solver_agrees_on_the_whole_program(seed: int) -> None:
    problem = random_problem(seed)
    whole = model(problem, np.arange(problem.columns))
    found = milp(
        whole.objective,
        integrality=whole.whole,
        bounds=Bounds(whole.bottom, whole.top),
        constraints=[
            LinearConstraint(whole.A_ub, -np.inf, whole.b_ub),
            LinearConstraint(whole.A_eq, whole.b_eq, whole.b_eq),
        ],
        options={"mip_rel_gap": 1e-10, "presolve": False},
    )
    best = best_of_all(problem)
    if found.x is None:
        assert np.isinf(best)
        return
    # Shares of hosts that sum to whole ones may still not pack: the program is a relaxation there.
    assert found.fun <= best * (1 + 1e-6)
    if not (problem.host >= 0).any() or (problem.host[found.x[: problem.columns] > 0.5] < 0).all():
        assert found.fun == pytest.approx(best, rel=1e-6)


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_stopped_early_the_bound_still_holds(seed: int) -> None:
    problem = random_problem(seed, plain=True)
    best = best_of_all(problem)
    for answer in (optimize(problem, seconds=0.0), optimize(problem, gap=0.5)):
        assert answer.lower_usd <= best * (1 + 1e-9)
        assert answer.upper_usd >= best * (1 - 1e-9)
    assert optimize(problem, cancelled=lambda: True).stopped in ("cancelled", "gap")


@given(st.integers(0, 10**6))
@settings(max_examples=12)
def test_what_a_column_costs_at_least(seed: int) -> None:
    problem = random_problem(seed, columns=4, plain=True)
    answer = optimize(problem, gap=1e-10)
    for column in range(problem.columns):
        forced = np.ones(problem.columns, bool)
        w = int(np.searchsorted(problem.start, column, "right")) - 1
        forced[problem.start[w] : problem.start[w + 1]] = False
        forced[column] = True
        best = best_of_all(problem.only(forced)[0])
        assert best >= (answer.lower_usd + answer.excess_usd[column]) * (1 - 1e-9)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=40)
def test_never_dearer_than_the_incumbent(seed: int, pick: int) -> None:
    problem = random_problem(seed, workloads=5, columns=6)
    rng = np.random.default_rng(pick)
    start = np.array([rng.integers(a, b) for a, b in pairwise(problem.start)])
    usd = cost(problem, start).usd
    assert optimize(problem, incumbent=start, gap=1.0).upper_usd <= usd
    assert optimize(problem, incumbent=start).upper_usd <= usd


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_more_hours_never_cost_more(seed: int) -> None:
    problem = replace(random_problem(seed, workloads=5, columns=6), hours_limit=0.0)
    before = None
    for hours in (0.0, 10.0, 25.0, 60.0, 200.0, np.inf):
        able = replace(problem, hours_limit=hours)
        answer = optimize(able, incumbent=None if before is None else before.chosen)
        assert problem.hours[answer.chosen].sum() <= hours or np.isinf(answer.upper_usd)
        if before is not None:
            assert answer.upper_usd <= before.upper_usd
        before = answer


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_twice_the_money_twice_the_cost_and_no_other_choice(seed: int) -> None:
    problem = random_problem(seed, workloads=4, columns=6)
    p = problem.pools
    twice = replace(
        problem,
        own_usd=2 * problem.own_usd,
        platform_usd=2 * problem.platform_usd,
        pools=Pools(2 * p.on_demand, 2 * p.spot, 2 * p.commit, p.held, p.most),
    )
    one, two = optimize(problem, gap=1e-10), optimize(twice, gap=1e-10)
    assert two.upper_usd == pytest.approx(2 * one.upper_usd, rel=1e-9)
    if np.isfinite(one.upper_usd):
        assert cost(problem, two.chosen).usd == pytest.approx(one.upper_usd, rel=1e-9)


def greedy(problem: Problem) -> np.ndarray:
    """Each workload at what it would cost alone, hours permitting, one after the other."""
    chosen = problem.start[:-1].copy()
    for w, (a, b) in enumerate(pairwise(problem.start)):
        totals = []
        for column in range(a, b):
            trial = chosen.copy()
            trial[w] = column
            totals.append(cost(problem, trial).usd)
        if np.isfinite(min(totals)):
            chosen[w] = a + int(np.argmin(totals))
    return chosen


@pytest.mark.parametrize("seed", range(12))
def test_never_dearer_than_one_workload_after_the_other(seed: int) -> None:
    problem = random_problem(seed, workloads=8, columns=12)
    answer = optimize(problem)
    assert answer.upper_usd <= cost(problem, greedy(problem)).usd * (1 + 1e-3)
    assert (
        optimize(problem, incumbent=greedy(problem)).upper_usd <= cost(problem, greedy(problem)).usd
    )


def test_nothing_can_be_bought_is_an_answer() -> None:
    problem = random_problem(3, plain=True)
    able = np.flatnonzero(problem.pool >= 0)
    w = np.searchsorted(problem.start, able[0], "right") - 1
    keep = np.ones(problem.columns, bool)
    keep[problem.start[w] : problem.start[w + 1]] = False
    keep[able[0]] = True
    none = replace(problem, pools=replace(problem.pools, most=np.zeros(4), held=np.zeros((4, 6))))
    alone, _ = none.only(keep)
    alone = replace(alone, need=alone.need + 1.0)
    answer = optimize(alone)
    assert np.isinf(answer.upper_usd)


def test_the_price_of_an_hour_is_what_one_more_saves() -> None:
    # Two ways: as it is for 1,000, or after ten hours for 400; half the hours are there.
    problem = random_problem(0, workloads=1, columns=2, plain=True)
    both = replace(
        problem,
        own_usd=np.array([1000.0, 400.0]),
        hours=np.array([0.0, 10.0]),
        pool=np.array([-1, -1]),
        host=np.array([-1, -1]),
        platforms=np.array([8, 8]),
        hours_limit=5.0,
    )
    answer = optimize(both)
    assert answer.upper_usd == 1000.0
    assert answer.hour_usd >= 0.0
    assert optimize(replace(both, hours_limit=10.0)).upper_usd == 400.0
