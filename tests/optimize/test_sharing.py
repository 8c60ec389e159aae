"""Small models on shared machines: what it costs by hand, and what keeps them apart."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.economics.purchase import Offer
from advisor.optimize import evaluate, explain, solve
from advisor.optimize.assemble import assemble
from advisor.optimize.choices import Candidate, Host
from advisor.optimize.generate import columns
from advisor.optimize.joint.bill import cost
from advisor.optimize.objective import Objective
from advisor.optimize.pins import pin_of
from advisor.optimize.plan import Plan, split_by_use
from advisor.optimize.regret import regret
from advisor.optimize.scenarios import as_planned
from advisor.optimize.setting import Setting
from advisor.optimize.sharing import Law, law, sharers
from advisor.optimize.stands import stands
from advisor.portfolio import HOURS_PER_MONTH, LEVERS
from tests.optimize.given import CHAT, PHOTOS, SCORES, TICKETS, changed, made, one_cloud, setting

ONE_GPU = ("g4dn.xlarge", "g5.xlarge", "g5.12xlarge")
HARDWARE = frozenset({"HARDWARE"})


def small(name: str, rps: float, shape: dict = TICKETS, **changes: object) -> dict:
    """A workload of a few requests a second, in a framework that puts models side by side."""
    current = {"framework": "torchserve", **changes.pop("current", {})}
    demand = {"profile": "business-hours", "mean_rps": rps}
    return changed(shape, name=name, demand=demand, current=current, **changes)


@pytest.fixture(scope="module")
def few(shipped: Catalog) -> Catalog:
    return one_cloud(shipped, ONE_GPU, ("us-east-1", "eu-west-1"), ("torchserve",))


def resident(name: str, load: float, memory: float, machines: int = 2, **more: object) -> Candidate:
    """A candidate that lives on a host, by hand."""
    offer = more.pop("offer", Offer(1.0))
    bare = made(name, float(machines), offer=offer, instance="m")
    return replace(bare, host=Host("torchserve", machines, load, memory), **more)


def bill_of(setting: Setting, *members: Candidate) -> float:
    return Objective(setting, 0.0).price(members).usd_month


# By hand ---------------------------------------------------------------------------------------


def test_three_that_fit_cost_one_host_with_its_spare(three: Setting) -> None:
    # 0.3 + 0.3 + 0.4 = 1 of the work, 0.2 * 3 of the memory: two machines at a dollar, all hours.
    ours = [resident(n, x, 0.2) for n, x in (("a", 0.3), ("b", 0.3), ("c", 0.4))]
    assert bill_of(three, *ours) == pytest.approx(2 * HOURS_PER_MONTH)


def test_two_that_do_not_fit_by_memory_cost_two(three: Setting) -> None:
    ours = [resident("a", 0.1, 0.6), resident("b", 0.1, 0.5)]
    assert bill_of(three, *ours) == pytest.approx(4 * HOURS_PER_MONTH)


def test_hosts_share_a_commitment_with_others_of_the_pool(three: Setting) -> None:
    # Two machines at all hours are committed to at 0.5; ten more in a tenth of them are not.
    offer = Offer(1.0, None, (("commit_1y", 0.5),))
    alone = made("x", [10.0] + [0.0] * 9, offer=offer)
    alone = replace(alone, machines=np.r_[np.tile([10.0] + [0.0] * 9, 16), np.zeros(8)])
    both = bill_of(three, resident("a", 0.3, 0.3, offer=offer), alone)
    assert both == pytest.approx(2 * 0.5 * HOURS_PER_MONTH + bill_of(three, alone))


@given(st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 1.0)), min_size=1, max_size=7))
def test_a_host_is_split_by_share(sizes: list[tuple[float, float]]) -> None:
    ours = [resident(f"w{i}", a, b) for i, (a, b) in enumerate(sizes)]
    found = stands(ours)
    assert sorted(i for s in found for i in s.members) == list(range(len(ours)))
    for stand in found:
        assert stand.share.sum() == pytest.approx(1.0)
        assert stand.machines == 2.0


def test_what_a_pool_costs_is_what_its_members_pay(three: Setting) -> None:
    ours = [resident("a", 0.3, 0.1), resident("b", 0.1, 0.2), made("c", 3.0, offer=Offer(1.0))]
    bill = Objective(three, 0.0).price(ours)
    split = split_by_use(bill)
    assert sum(split) == pytest.approx(bill.usd_month, rel=1e-12)
    # 0.3 and 0.2 of a host of two machines: three fifths and two fifths of them.
    assert split[0] == pytest.approx(1.2 * HOURS_PER_MONTH)
    assert split[2] == pytest.approx(3.0 * HOURS_PER_MONTH)


@pytest.mark.parametrize(
    ("ceiling", "percentile", "beside"),
    # P(Poisson(0.35) <= 1) = 0.951; <= 2 at 0.9945; <= 3 at 0.9995. P(Poisson(0.5) <= 1) = 0.910.
    [(0.35, 95.0, 1), (0.35, 99.0, 2), (0.35, 99.9, 3), (0.5, 95.0, 2), (0.35, 50.0, 1)],
)
def test_how_much_longer_a_pass_takes(ceiling: float, percentile: float, beside: int) -> None:
    assert Law(ceiling, 1.3, 1.0).stretch(percentile) == pytest.approx(1.3 * (1 + beside))


@given(st.lists(st.floats(0.0, 0.35), min_size=1, max_size=12))
def test_no_more_at_work_than_the_law_says(shares: list[float]) -> None:
    # Whatever the mix of those beside it, the number at work at the percentile is within the law.
    p = np.array(shares) * min(1.0, 0.35 / max(sum(shares), 1e-12))
    within = np.array([1.0])
    for x in p:
        within = np.convolve(within, [1.0 - x, x])
    beside = int(Law(0.35, 1.0, 0.0).stretch(95.0)) - 1
    assert within[: beside + 1].sum() >= 0.95 - 1e-12


# Plans -----------------------------------------------------------------------------------------


def shared(plan: Plan) -> set[str]:
    return {c.workload for c in plan.chosen if c.host is not None}


@pytest.fixture(scope="module")
def plan(few: Catalog) -> Plan:
    return solve(setting(few, [small("a", 2), small("b", 1), small("c", 3, PHOTOS)]), levers=LEVERS)


def test_small_ones_share_and_the_sums_hold(plan: Plan) -> None:
    assert shared(plan) == {"a", "b", "c"}
    assert plan.beside(plan.candidate("a")) == ("b", "c")
    machines = [b for b in plan.pools if b.stands]
    assert [b.need.max() for b in machines] == [2.0]
    assert plan.certificate is not None
    whole = plan.usd_month
    assert plan.certificate.upper_usd == pytest.approx(whole, rel=1e-9)
    assert sum(plan.by_category.values()) == pytest.approx(whole, rel=1e-9)
    assert sum(plan.workload_usd_month.values()) + plan.shared_usd_month == pytest.approx(whole)
    pools = sum(b.usd_month for b in plan.pools)
    own = sum(plan.objective.own_usd_month(c) for c in plan.chosen)
    assert pools + own + plan.shared_usd_month == pytest.approx(whole, rel=1e-9)


def test_sharing_is_cheaper_than_not_by_what_is_said(plan: Plan) -> None:
    pins = {w.name: {"shared": False} for w in plan.portfolio.workloads}
    apart = solve(plan.setting, levers=LEVERS, pins=pins)
    assert not shared(apart)
    assert apart.usd_month > plan.usd_month
    kept = {c.workload: pin_of(c.choice, "HARDWARE") for c in plan.chosen}
    again = solve(plan.setting, levers=LEVERS, pins=kept)
    assert again.usd_month == plan.usd_month


def test_it_takes_the_right_size_lever(plan: Plan) -> None:
    assert not shared(solve(plan.setting, levers=frozenset(LEVERS) - HARDWARE))
    only = solve(plan.setting, levers=HARDWARE)
    for c in only.chosen:
        assert c.host is None or c.choice["purchase"] == "on_demand"
        assert c.choice["framework"] == "torchserve"


def test_targets_hold_beside_others(plan: Plan) -> None:
    for c in plan.chosen:
        target = plan.portfolio.workload(c.workload).slo.latency_s
        assert target is not None
        assert c.details["latency_s"] <= target
        alone = c.details["concurrency"] / c.details["rps"]
        assert c.details["latency_s"] >= law(plan.setting.catalog).stretch(95.0) * alone * 0.99


def test_as_planned_is_what_was_planned_and_growth_takes_more(plan: Plan) -> None:
    n = len(plan.chosen)
    assert evaluate(plan, as_planned(1, n))[0] == pytest.approx(plan.usd_month, rel=1e-9)
    s = as_planned(2, n)
    grown = replace(s, demand=np.array([[1.0] * n, [100.0] * n]))
    usd = evaluate(plan, grown)
    assert usd[1] > usd[0]
    again = regret(plan, as_planned(1, n))
    assert again.usd[0] == pytest.approx(0.0, abs=1e-6 * plan.usd_month)


def test_why_is_told(plan: Plan) -> None:
    found = explain(plan, "a")
    assert found.chosen.host is not None
    assert all(o.extra_usd_month >= -1e-6 for o in found.options)


def test_residency_keeps_them_apart(few: Catalog) -> None:
    here = solve(
        setting(few, [small("a", 2), small("b", 1), small("c", 3, PHOTOS, residency=["eu"])]),
        levers=LEVERS,
    )
    for c in here.chosen:
        for other in here.beside(c):
            assert here.candidate(other).pool == c.pool
    assert "c" not in here.beside(here.candidate("a"))
    assert here.candidate("c").choice["region"] == "eu-west-1"


def test_users_keep_them_apart_where_the_way_is_too_long(few: Catalog) -> None:
    def live(a: str, b: str) -> tuple[str, ...]:
        work = [small(n, 1, slo={"latency_s": 0.07}, users=[u]) for n, u in (("a", a), ("b", b))]
        found = solve(setting(few, work), levers=LEVERS)
        return found.beside(found.candidate("a"))

    assert live("eu", "eu") == ("b",)
    assert live("us", "us") == ("b",)
    assert live("us", "eu") == ()


def refusals(few: Catalog, *work: dict) -> dict[str, str]:
    given = setting(few, work)
    found = sharers(given, given.portfolio.workloads)
    return {w.name: reason for w, reason in found.refused.items()}


def test_who_cannot_is_told_why(few: Catalog) -> None:
    found = refusals(
        few,
        small("slow", 1, slo={"latency_s": 0.008}),
        small("busy", 4000),
        SCORES,
        small("fine", 1),
    )
    assert "latency" in found["slow"]
    assert "35%" in found["busy"]
    assert "wait" in found["scores"]
    assert "fine" not in found


def test_language_models_stay_alone(shipped: Catalog) -> None:
    few = one_cloud(shipped, ONE_GPU, ("us-east-1",), ("vllm", "torchserve"))
    chat = changed(CHAT, current={"instance": "g5.12xlarge"})
    assert "memory" in refusals(few, chat, small("a", 1))["chat"]


def test_at_most_the_ceiling_is_asked_of_a_machine(few: Catalog) -> None:
    given = setting(few, [small("a", 2), small("b", 4)])
    part = sharers(given, given.portfolio.workloads).parts
    one, other = (part[w] for w in given.portfolio.workloads)
    # The same replica at twice the rate is asked for twice as much; all of it is the ceiling's.
    assert other["load"].to_numpy() == pytest.approx(2.0 * one["load"].to_numpy())
    rule = law(given.catalog)
    peak = given.rates(given.portfolio.workloads[0]).max()
    busy = peak / one["rps_low"].to_numpy()
    assert one["load"].to_numpy() == pytest.approx(busy * rule.interference / rule.ceiling)


def test_nobody_shares_alone(few: Catalog) -> None:
    assert not shared(solve(setting(few, [small("a", 2), SCORES]), levers=LEVERS))


@pytest.mark.parametrize("seed", range(4))
def test_against_every_choice(shipped: Catalog, seed: int) -> None:
    random = np.random.default_rng(seed)
    machines = (("g4dn.xlarge", "g5.xlarge", "g5.12xlarge"), ("g5.xlarge", "g5.12xlarge"))[seed % 2]
    tiny = one_cloud(shipped, machines, ("us-east-1",), ("torchserve",))
    rates = 10.0 ** random.uniform(-1.0, 1.5, 3)
    work = [
        small(f"w{i}", float(r), PHOTOS if i else TICKETS, repeat_share=0.0)
        for i, r in enumerate(rates)
    ]
    levers = (frozenset(LEVERS) - {"SOURCING"}, HARDWARE)[seed // 2]
    found = solve(setting(tiny, work), levers=levers, gap=1e-9)
    own = [columns(found.setting, w) for w in found.portfolio.workloads]
    able = [c.open_to(levers) for c in own]
    keep = [_useful(c, a, found.setting) for c, a in zip(own, able, strict=True)]
    assert any((c.host[k] >= 0).any() for c, k in zip(own, keep, strict=True))
    problem = assemble(found.setting, own, keep).problem
    ranges = [range(a, b) for a, b in itertools.pairwise(problem.start.tolist())]
    best = min(cost(problem, np.array(c)).usd for c in itertools.product(*ranges))
    rest = sum(found.constants.values()) + found.shared["training"]
    assert found.certificate is not None
    assert found.certificate.lower_usd <= best + rest + 1e-6
    assert found.usd_month <= (best + rest) * (1 + 1e-9)


def _useful(found: object, able: np.ndarray, given: Setting) -> np.ndarray:
    """Some twenty columns of a workload: the cheapest of its own, and those on hosts."""
    own = able[found.host[able] < 0]  # type: ignore[attr-defined]
    hosts = able[found.host[able] >= 0]  # type: ignore[attr-defined]
    usd = found.own_usd(given, own)  # type: ignore[attr-defined]
    load = found.host_load[hosts] + found.host_memory[hosts]  # type: ignore[attr-defined]
    some = np.r_[own[np.argsort(usd, kind="stable")[:10]], hosts[np.argsort(load)[:14]]]
    return np.union1d(some, own[:1])
