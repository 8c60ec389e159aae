"""The solver on small portfolios against every combination, and against a plain solver."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from advisor.catalog import Catalog
from advisor.optimize import solve
from advisor.optimize.assemble import assemble
from advisor.optimize.candidates import candidates
from advisor.optimize.choices import Candidate
from advisor.optimize.generate import columns
from advisor.optimize.joint.model import model
from advisor.optimize.plan import Plan
from advisor.optimize.solve import GAP
from advisor.portfolio import LEVERS, Lever
from tests.optimize.given import (
    CHAT,
    PHOTOS,
    SCORES,
    TICKETS,
    changed,
    one_cloud,
    portfolio,
    setting,
)

ALL = frozenset(LEVERS)
TINY = (
    ("c7a.xlarge", "g4dn.xlarge", "g5.xlarge", "p4de.24xlarge", "g5.12xlarge"),
    ("c7i.2xlarge", "g5.xlarge", "g6.xlarge", "g5.12xlarge", "p4de.24xlarge"),
    ("g5.xlarge", "g6e.xlarge", "g5.12xlarge", "p4de.24xlarge"),
)
OPENED: tuple[frozenset[Lever], ...] = (
    frozenset({"HARDWARE"}),
    frozenset({"HARDWARE", "PURCHASING"}),
    frozenset({"HARDWARE", "SERVING", "PURCHASING"}),
    ALL - {"SOURCING"},
    ALL,
)


def tiny_portfolios() -> list[tuple[tuple[str, ...], list[dict[str, Any]], frozenset[Lever]]]:
    """Two or three workloads of various sizes, machines to choose from, and levers."""
    random = np.random.default_rng(7)
    out = []
    for i in range(24):
        kinds = [CHAT, TICKETS, PHOTOS, SCORES]
        picked = random.choice(4, size=2 + i % 2, replace=False)
        work = []
        for k in picked:
            shape = kinds[int(k)]
            rate = shape["demand"]["mean_rps"] * float(random.choice([0.02, 0.3, 1, 5, 20]))
            work.append(changed(shape, demand={**shape["demand"], "mean_rps": rate}))
        out.append((TINY[i % 3], work, OPENED[i % 5]))
    return out


def shortlisted(plan: Plan) -> float:
    """The least cost over all combinations of the candidates that are shown for comparison."""
    limit = plan.portfolio.organisation.engineering_hours
    options: list[list[Candidate]] = [
        candidates(plan.setting, w, plan.levers[w.name]) for w in plan.portfolio.workloads
    ]
    return min(
        plan.objective.total(chosen)
        for chosen in itertools.product(*options)
        if limit is None or sum(c.total_hours for c in chosen) <= limit
    )


def by_highs(plan: Plan) -> float:
    """The least cost over every column, by a solver that knows nothing of prices and bounds."""
    found = [columns(plan.setting, w) for w in plan.portfolio.workloads]
    able = [c.open_to(plan.levers[c.workload.name]) for c in found]
    problem = assemble(plan.setting, found, able).problem
    whole = model(problem, np.arange(problem.columns))
    answer = milp(
        whole.objective,
        integrality=whole.whole,
        bounds=Bounds(whole.bottom, whole.top),
        constraints=[
            LinearConstraint(whole.A_ub, -np.inf, whole.b_ub),
            LinearConstraint(whole.A_eq, whole.b_eq, whole.b_eq),
        ],
        options={"mip_rel_gap": 1e-9, "presolve": False},
    )
    return float(answer.fun) + sum(plan.constants.values()) + plan.shared["training"]


def check(plan: Plan) -> float:
    """The plan over the best of the shortlist, with the certificate held against both."""
    best = shortlisted(plan)
    assert plan.certificate is not None
    assert plan.certificate.lower_usd <= best * (1 + 1e-9)
    assert plan.usd_month <= best * (1 + GAP)
    return plan.usd_month / best


def test_the_solver_against_trying_everything(shipped: Catalog):
    ratios = []
    for machines, work, levers in tiny_portfolios():
        frameworks = ("vllm", "torchserve") if len(work) == 3 else ("vllm", "torchserve", "triton")
        few = one_cloud(shipped, machines, ("us-east-1",), frameworks)
        ratios.append(check(solve(setting(few, work), levers=levers)))
    assert len(ratios) >= 20
    assert min(ratios) > 0.5


@pytest.mark.parametrize("hours", [20, 40, 60, 100])
def test_a_scarce_budget_goes_where_it_counts(shipped: Catalog, hours: float):
    # The first workload must not spend hours that another would use better.
    few = one_cloud(shipped, TINY[1], ("us-east-1",), ("vllm", "torchserve", "triton"))
    for work in ([PHOTOS, TICKETS], [CHAT, SCORES]):
        for levers in (ALL - {"SOURCING"}, ALL):
            plan = solve(setting(few, work, engineering_hours=hours), levers=levers)
            check(plan)
            assert plan.engineering_hours <= hours


@pytest.mark.parametrize("hours", [None, 30.0])
def test_the_solver_against_highs_on_every_column(shipped: Catalog, hours: float | None):
    few = one_cloud(shipped, TINY[2], ("us-east-1",), ("vllm", "torchserve"))
    plan = solve(
        setting(few, [CHAT, TICKETS], engineering_hours=hours), levers=ALL - {"CACHING"}, gap=1e-9
    )
    assert plan.usd_month == pytest.approx(by_highs(plan), rel=1e-7)


def test_portfolio_of_one(small: Catalog):
    check(solve(portfolio(small, [TICKETS]), small, ALL))
