"""The optimizer beside a plain solver, a greedy pick and the playbook in sequence.

``python benchmarks/optimizer.py`` prints every bar (some ten minutes); ``--quick`` leaves out the
thousand workloads and the plain solver; ``--large`` adds ten thousand workloads. The portfolios of
the scaling rows are made up (`made_portfolios`): they compare solvers, and are nobody's savings.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
from made_portfolios import made
from scipy.optimize import linprog

from advisor.catalog import Catalog
from advisor.economics.purchase import Prices, Steps, buy
from advisor.optimize import playbook_plans, solve
from advisor.optimize.attribution import attribute
from advisor.optimize.joint.bill import cost, platforms_usd, prices_of, row_demand, steps_of
from advisor.optimize.joint.model import model
from advisor.optimize.joint.optimize import optimize
from advisor.optimize.joint.problem import Problem
from advisor.optimize.joint.relaxation import rounded, solved_whole
from advisor.optimize.joint.search import within_hours
from advisor.optimize.levers import STEP_LEVER, levers_until
from advisor.optimize.pins import pin_of, possible
from advisor.optimize.scenarios import evaluate
from advisor.optimize.setting import Setting
from advisor.optimize.uncertainty import draw, sigmas, uncertainty
from advisor.portfolio import LEVERS
from advisor.portfolio.load import load_portfolio, sample_path

PLAIN_S = 60.0


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """A result and the seconds it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def greedy(problem: Problem) -> float:
    """Each workload where it is cheapest if nothing else ran, hours permitting."""
    first = problem.start[:-1]
    frugal = np.lexsort((problem.own_usd, problem.hours, _workload(problem)))[first]
    usd = _alone(problem)
    cheapest = np.lexsort((usd, _workload(problem)))[first]
    return cost(problem, within_hours(problem, cheapest, frugal, usd)).usd


def _workload(problem: Problem) -> np.ndarray:
    return np.repeat(np.arange(problem.workloads), np.diff(problem.start))


def _alone(problem: Problem) -> np.ndarray:
    """What each column would cost if nothing else ran, with its platforms."""
    out = problem.own_usd.copy()
    steps = steps_of(problem)
    drawing = np.flatnonzero(problem.pool >= 0)
    for at in range(0, len(drawing), 20_000):
        of = drawing[at : at + 20_000]
        need = row_demand(problem, problem.row[of])
        out[of] += buy(*need, prices_of(problem.pools, steps, problem.pool[of]), steps).usd
    bits, which = np.unique(problem.platforms, return_inverse=True)
    return out + np.array([platforms_usd(problem, int(b)) for b in bits])[which]


def in_sequence(problem: Problem) -> float:
    """The playbook's way: one workload after the other, biggest saving first, no revisits."""
    now = problem.start[:-1].copy()
    usd = _alone(problem)
    best = np.lexsort((usd, _workload(problem)))[problem.start[:-1]]
    worth = usd[now] - usd[best]
    total = cost(problem, now).usd
    for w in np.argsort(-worth):
        trial = now.copy()
        trial[w] = best[w]
        after = cost(problem, trial).usd
        if after < total:
            now, total = trial, after
    return total


def plain(problem: Problem) -> tuple[float, float]:
    """HiGHS on the full model, with its own gap of 0.1 %: cost and bound."""
    built = model(problem, np.arange(problem.columns))
    shares, bound = solved_whole(built, PLAIN_S, 1e-3)
    if shares is None:
        return np.inf, bound
    return cost(problem, rounded(problem, built, shares)).usd, bound


def scaling(*, quick: bool, large: bool) -> None:
    """Time and gap by size."""
    say("| workloads x configurations | s | gap | GB | greedy | in sequence | HiGHS, full model |")
    say("|---|---|---|---|---|---|---|")
    sizes = [(10, 50), (10, 500), (100, 50), (100, 500)]
    sizes += [] if quick else [(1000, 50), (1000, 500)]
    sizes += [(10_000, 200)] if large else []
    for workloads, columns in sizes:
        problem = made(workloads, columns)
        goal = 2e-3 if workloads >= 1000 else 1e-3
        answer, seconds = timed(lambda p=problem, g=goal: optimize(p, gap=g, seconds=120.0))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        others = ["", "", ""]
        if workloads <= 1000:
            others[0] = f"+{greedy(problem) / answer.upper_usd - 1:.2%}"
        if workloads <= 100:
            others[1] = f"+{in_sequence(problem) / answer.upper_usd - 1:.2%}"
        if problem.columns <= 5000 and not quick:
            (usd, bound), took = timed(lambda p=problem: plain(p))
            over = usd / answer.upper_usd - 1
            others[2] = f"{took:.1f} s, {over:+.3%}, gap {(usd - bound) / usd:.3%}"
        say(
            f"| {workloads:,} x {columns} | {seconds:.2f} | {answer.gap:.4%} | {memory:.2f} | "
            + " | ".join(others)
            + " |"
        )
    if not quick:
        problem = made(100, 500)
        answer, seconds = timed(lambda: optimize(problem, gap=1e-4, seconds=30.0))
        say(f"100 x 500 at 0.01 % on request: {seconds:.1f} s, gap {answer.gap:.4%}")


def closed_form(pools: int = 1000) -> None:
    """The closed form against a linear program on random pools."""
    rng, worst = np.random.default_rng(5), 0.0
    steps = Steps(np.full(48, 730 / 48), np.arange(48) // 24, np.zeros((2, 48), np.int64))
    for _ in range(pools):
        need = rng.integers(0, 9, 48).astype(float)
        limit, volume = np.floor(need * rng.choice([0, 0.5, 1])), rng.integers(0, 400, 2) * 1.0
        a, s, b = rng.uniform(0.5, 2), rng.uniform(0.2, 1.2), rng.uniform(0.2, 1.2)
        one = [np.array([x]) for x in (a, s, b, np.inf)]
        prices = Prices(*one, np.zeros((1, 48)), np.array([np.inf]))
        usd = float(buy(need[None], limit[None], volume[None], prices, steps).usd[0])
        h, eye, none = steps.hours_month, np.eye(48), np.zeros((48, 48))
        c = np.r_[b * h.sum(), a * h, (s if s < a else 10 * a) * h, np.zeros(48)]
        rows = np.vstack([np.hstack([-np.ones((48, 1)), -eye, -eye, eye]),
                          np.hstack([np.zeros((48, 1)), none, eye, -eye])])  # fmt: skip
        days = np.array([(steps.day == d) * h for d in range(2)])
        found = linprog(
            c, A_ub=rows, b_ub=np.r_[-need, limit],
            A_eq=np.hstack([np.zeros((2, 97)), days]), b_eq=volume, method="highs",
        )  # fmt: skip
        worst = max(worst, abs(usd - found.fun) / max(found.fun, 1e-9))
    say(f"closed form against a linear program: {pools} pools, largest difference {worst:.1e}")
    many = rng.integers(0, 60, (1000, 168)).astype(float)
    week = Steps(np.full(168, 730 / 168), np.arange(168) // 24, np.zeros((2, 168), np.int64))
    ones = np.ones(1000)
    priced = Prices(2 * ones, 0.8 * ones, 1.2 * ones, np.inf * ones, 0 * many, np.inf * ones)
    _, seconds = timed(lambda: buy(many, np.floor(many / 2), np.zeros((1000, 7)), priced, week))
    say(f"a pool of 168 hours with spot: {seconds * 1e3:.0f} us")


def step_by_step(setting: Setting) -> float:
    """The playbook without second thoughts: what a step has moved is settled for the next ones."""
    plan, pins = solve(setting), {}
    for step, lever in STEP_LEVER.items():
        if lever is None:
            continue
        levers = dict.fromkeys(plan.levers, levers_until(step))
        held = possible(setting, {k: frozenset(v) for k, v in levers.items()}, pins)
        plan = solve(setting, levers=levers, pins=held)
        for candidate, before in zip(plan.chosen, plan.today, strict=True):
            pin = pin_of(candidate.choice, lever)
            if pin != pin_of(before.choice, lever):
                pins[candidate.workload] = pins.get(candidate.workload, {}) | pin
    return plan.usd_month


def sample() -> None:
    """The sample portfolio: whole plan, playbook, uncertainty, regret and attribution."""
    catalog = Catalog.load()
    setting = Setting(load_portfolio(sample_path(), catalog), catalog)
    _, cold = timed(lambda: solve(setting, levers=LEVERS))
    plan, warm = timed(lambda: solve(setting, levers=LEVERS))
    assert plan.certificate is not None
    columns = sum(len(c) for c in setting.columns.values())
    say(f"sample, {columns:,} columns: cold {cold:.1f} s, warm {warm:.2f} s, "
        f"gap {plan.certificate.gap:.4%}")  # fmt: skip
    usd, seconds = timed(lambda: step_by_step(setting))
    say(f"step by step, nothing revisited: {usd / plan.usd_month - 1:+.1%} dearer")
    playbook_plans(setting)
    plans, seconds = timed(lambda: playbook_plans(setting))
    worst = max(p.certificate.gap for p in plans.values() if p.certificate)
    say(f"whole playbook, again: {seconds:.2f} s, largest gap {worst:.4%}")
    scenarios = draw(sigmas(plan, date.today()), 1024, 0)
    _, seconds = timed(lambda: evaluate(plan, scenarios))
    say(f"1,024 scenarios of the plan: {seconds:.2f} s")
    found, seconds = timed(lambda: uncertainty(plan, resolve=256))
    assert found.regret is not None
    p50, p90 = np.quantile(found.regret.share, (0.5, 0.9))
    say(f"regret, 256 solved anew: {seconds:.1f} s, P50 {p50:.2%}, P90 {p90:.2%}")
    shares, seconds = timed(lambda: attribute(plan))
    say(f"{len(shares.gaps)} sets of levers: {seconds:.1f} s, largest gap "
        f"{max(shares.gaps.values()):.4%}")  # fmt: skip
    say(shares.table.round(0).to_string(index=False))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    asked = parser.parse_args()
    sample()
    closed_form(200 if asked.quick else 1000)
    scaling(quick=asked.quick, large=asked.large)


if __name__ == "__main__":
    main()
