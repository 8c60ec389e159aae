"""Why this and not that: options in dollars, and the figures at which the choice would turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.optimize import solve
from advisor.optimize.explain import explain
from advisor.optimize.plan import Plan
from advisor.portfolio import LEVERS
from tests.optimize.given import CHAT, PHOTOS, TICKETS, changed, setting


@pytest.fixture(scope="module")
def plan(small: Catalog) -> Plan:
    return solve(setting(small, [CHAT, TICKETS, PHOTOS]), levers=frozenset(LEVERS) - {"SOURCING"})


def test_options_cost_what_they_say_and_their_parts_add_up(plan: Plan) -> None:
    for workload in plan.portfolio.workloads:
        found = explain(plan, workload.name)
        assert len(found.options) == 5
        extras = [o.extra_usd_month for o in found.options]
        assert extras == sorted(extras)
        assert extras[0] >= -plan.usd_month * 1e-3  # the plan is within the gap of the best
        for o in found.options:
            parts = o.machines_usd_month + o.work_usd_month + o.platforms_usd_month
            assert parts == pytest.approx(o.extra_usd_month, abs=1e-6)
            trial = [o.candidate if c.workload == workload.name else c for c in plan.chosen]
            more = plan.objective.total(trial) - plan.objective.total(plan.chosen)
            assert o.extra_usd_month == pytest.approx(more, abs=1e-4)


def test_at_a_dearer_price_the_rival_is_as_cheap(plan: Plan) -> None:
    found = explain(plan, "tickets")
    assert found.rival is not None
    flip = next(f.factor for f in found.flips if f.kind == "price")
    chosen = plan.candidate("tickets")
    assert flip is not None
    assert chosen.offer is not None
    # Every price of what runs now times the factor.
    o = chosen.offer
    dear = replace(
        chosen,
        offer=replace(
            o,
            on_demand=o.on_demand and o.on_demand * flip,
            spot=o.spot and o.spot * flip,
            terms=tuple((t, usd * flip) for t, usd in o.terms),
        ),
    )
    usd = plan.objective.price([dear]).usd_month + plan.objective.own_usd_month(dear)
    rival = plan.objective.price([found.rival]).usd_month
    rival += plan.objective.own_usd_month(found.rival)
    platforms = plan.objective.platforms_usd_month(
        [found.rival if c is chosen else c for c in plan.chosen]
    ) - plan.objective.platforms_usd_month(plan.chosen)
    assert usd == pytest.approx(rival + platforms, rel=1e-6)


def test_beyond_the_demand_that_turns_it_another_machine_wins(small: Catalog) -> None:
    work = [TICKETS]
    plan = solve(setting(small, work), levers=["HARDWARE", "PURCHASING"], gap=1e-9)
    flips = {f.kind: f.factor for f in explain(plan, "tickets").flips}
    factor = flips["demand"]
    if factor is None:
        pytest.skip("nothing within a factor of ten turns it")
    beyond = factor * (1.3 if factor > 1 else 1 / 1.3)
    rate = TICKETS["demand"]["mean_rps"] * beyond
    busier = changed(TICKETS, demand={**TICKETS["demand"], "mean_rps": rate})
    other = solve(setting(small, [busier]), levers=["HARDWARE", "PURCHASING"], gap=1e-9)
    assert (
        other.candidate("tickets").choice["instance"]
        != plan.candidate("tickets").choice["instance"]
    )


def test_flips_are_beyond_what_is(plan: Plan) -> None:
    for workload in plan.portfolio.workloads:
        for flip in explain(plan, workload.name).flips:
            if flip.factor is None:
                continue
            assert flip.factor > 0
            if flip.kind in ("price", "rival_speed"):
                assert flip.factor >= 1
            if flip.kind in ("rival_price", "speed"):
                assert flip.factor <= 1
            assert np.isfinite(flip.factor)
