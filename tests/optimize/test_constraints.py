"""What an organisation holds, may have and expects; what a planner has pinned."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.errors import InputError, PortfolioError
from advisor.optimize import solve
from advisor.optimize.candidates import build
from advisor.optimize.certify import certify
from advisor.optimize.generate import columns
from advisor.optimize.pins import pin_of
from advisor.optimize.rents import hosts_usd, least_usd, likely_rents
from advisor.portfolio import LEVERS
from tests.optimize.given import CHAT, SCORES, TICKETS, changed, setting

ALL = frozenset(LEVERS)
BUY = ALL - {"SOURCING"}


def held(instance: str, instances: int, ends: float = 12.0, **more: float) -> dict[str, object]:
    return {
        "cloud": "aws", "region": "us-east-1", "instance": instance, "instances": instances,
        "ends_in_months": ends, **more,
    }  # fmt: skip


def test_machines_held_are_used_first(small: Catalog) -> None:
    free = solve(setting(small, [CHAT]), levers=BUY)
    machine = free.candidate("chat").choice["instance"]
    some = setting(small, [CHAT], commitments=[held(machine, 50, usd_month=1000.0)])
    plan = solve(some, levers=BUY)
    assert plan.shared["commitments"] == 1000.0
    assert plan.candidate("chat").choice["instance"] == machine
    (pool,) = plan.pools
    # Fifty are more than it ever needs: nothing is bought beside them.
    assert pool.usd_month == 0.0
    assert pool.mix.committed >= 50


def test_what_is_held_costs_the_same_in_every_plan(small: Catalog) -> None:
    some = setting(small, [CHAT], commitments=[held("g5.xlarge", 3)])
    price = small.prices().set_index(["cloud", "region", "instance", "purchase"])["usd_per_hour"]
    rate = price.get(("aws", "us-east-1", "g5.xlarge", "commit_1y"))
    for levers in ((), BUY):
        assert solve(some, levers=levers).shared["commitments"] == pytest.approx(3 * rate * 730)


def test_a_commitment_that_ends_counts_until_then(small: Catalog) -> None:
    machine = solve(setting(small, [CHAT]), levers=BUY).candidate("chat").choice["instance"]
    usd = [
        solve(
            setting(small, [CHAT], commitments=[held(machine, 50, ends, usd_month=1000.0)]),
            levers=BUY,
        )
        for ends in (3.0, 6.0, 12.0)
    ]
    assert [p.shared["commitments"] for p in usd] == [250.0, 500.0, 1000.0]
    costs = [p.usd_month - p.shared["commitments"] for p in usd]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[2]


def test_a_quota_turns_the_plan_elsewhere(small: Catalog) -> None:
    free = solve(setting(small, [CHAT]), levers=BUY)
    machine = free.candidate("chat").choice["instance"]
    quota = {"cloud": "aws", "instance": machine, "instances": 0}
    plan = solve(setting(small, [CHAT], quotas=[quota]), levers=BUY)
    assert plan.candidate("chat").choice["instance"] != machine
    assert plan.usd_month >= free.usd_month


def test_growth_costs_more_and_is_bought_year_by_year(small: Catalog) -> None:
    flat, growing, shrinking = (
        solve(setting(small, [CHAT], demand_growth_year=g, horizon_months=24), levers=BUY)
        for g in (None, 0.5, -0.3)
    )
    assert shrinking.usd_month < flat.usd_month < growing.usd_month
    machines = growing.candidate("chat").machines.reshape(8, 168)
    assert (np.diff(machines.sum(axis=1)) >= 0).all()
    assert machines[-1].max() > machines[0].max()
    (pool,) = growing.pools
    assert pool.purchase.yearly.shape == (1, 2)


def test_work_that_waits_a_day_fills_troughs(small: Catalog) -> None:
    # A day's volume beside a chat on the same machines costs less than by itself.
    nightly = changed(SCORES, deferrable_hours=24)
    plan = solve(setting(small, [nightly]), levers=BUY)
    candidate = plan.candidate("scores")
    assert candidate.waits
    (pool,) = plan.pools
    assert not pool.need.any()
    assert pool.volume.sum() == pytest.approx(candidate.machines @ pool.steps.hours_month)
    together = solve(setting(small, [nightly, CHAT]), levers=BUY)
    alone = solve(setting(small, [CHAT]), levers=BUY)
    shared = together.setting.platforms["sourcing:self_hosted"]
    assert together.usd_month <= plan.usd_month + alone.usd_month - shared + 1e-6


# --- pins ---------------------------------------------------------------------------------------


def test_a_pin_holds_and_costs(small: Catalog) -> None:
    found = setting(small, [CHAT, TICKETS])
    free, today = solve(found, levers=BUY), solve(found)
    pins = {"tickets": pin_of(today.candidate("tickets").choice, "HARDWARE")}
    plan = solve(found, levers=BUY, pins=pins)
    choice = plan.candidate("tickets").choice
    assert choice["instance"] == TICKETS["current"]["instance"]
    assert plan.usd_month >= free.usd_month
    assert solve(found, levers=BUY, pins={"tickets": {}}).usd_month == free.usd_month


def test_pins_that_cannot_be_are_named(small: Catalog) -> None:
    found = setting(small, [TICKETS])
    with pytest.raises(PortfolioError, match="nothing that works agrees"):
        solve(found, levers=BUY, pins={"tickets": {"instance": "nowhere.large"}})
    with pytest.raises(InputError, match="instance"):
        solve(found, levers=BUY, pins={"tickets": {"machine": "g5.xlarge"}})


# --- columns ------------------------------------------------------------------------------------


def test_least_costs_are_below_what_columns_cost_alone(small: Catalog) -> None:
    found = setting(small, [CHAT, TICKETS, SCORES])
    plan = solve(found, levers=ALL)
    for workload in found.portfolio.workloads:
        of = columns(found, workload)
        some = np.random.default_rng(1).choice(len(of), min(60, len(of)), replace=False)
        some = np.union1d(some, [0])
        rents = likely_rents(found, found.rates(workload))
        half = hosts_usd(found, rents) / 2.0
        least = least_usd(found, of, some, rents, half, half)
        for usd, candidate in zip(least, build(found, of, some), strict=True):
            own = plan.objective.own_usd_month(candidate)
            pool = plan.objective.pool_bill([candidate]).usd_month if candidate.offer else 0.0
            assert usd <= (own + pool) * (1 + 1e-9) + 1e-6


def test_looking_at_few_columns_first_changes_nothing(small: Catalog, monkeypatch) -> None:
    found = setting(small, [CHAT, TICKETS, SCORES])
    of = [columns(found, w) for w in found.portfolio.workloads]
    able = [c.open_to(ALL) for c in of]
    some = certify(found, of, able, [0, 0, 0], gap=1e-9)
    monkeypatch.setattr("advisor.optimize.certify.FIRST", 10**6)
    again = setting(small, [CHAT, TICKETS, SCORES])
    of = [columns(again, w) for w in again.portfolio.workloads]
    every = certify(again, of, [c.open_to(ALL) for c in of], [0, 0, 0], gap=1e-9)
    assert some.answer.upper_usd == pytest.approx(every.answer.upper_usd, rel=1e-9)
    assert some.answer.lower_usd == pytest.approx(some.answer.upper_usd, rel=1e-6)


# --- limits of time -----------------------------------------------------------------------------


def test_out_of_time_there_is_still_a_plan_with_its_certificate(small: Catalog) -> None:
    found = setting(small, [CHAT, TICKETS, SCORES])
    best = solve(found, levers=ALL, gap=1e-9)
    hurried = solve(found, levers=ALL, seconds=0.0)
    for plan in (hurried, solve(found, levers=ALL, cancelled=lambda: True)):
        assert plan.certificate is not None
        assert plan.certificate.lower_usd <= best.usd_month * (1 + 1e-9)
        assert plan.usd_month >= best.usd_month * (1 - 1e-9)
