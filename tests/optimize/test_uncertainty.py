"""What may be: scenarios, drivers, regret; fair shares of levers; near-tied plans."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.optimize import solve
from advisor.optimize.alternatives import alternatives, choices, steady
from advisor.optimize.attribution import attribute
from advisor.optimize.plan import Plan
from advisor.optimize.scenarios import Scenarios, as_planned, evaluate, evaluate_today
from advisor.optimize.setting import Setting
from advisor.optimize.uncertainty import FACTORS, draw, sigmas, uncertainty
from advisor.portfolio import LEVERS
from tests.optimize.given import CHAT, SCORES, SUMMARIES, TICKETS, changed, setting

ALL = frozenset(LEVERS)
ON = date(2026, 11, 23)


@pytest.fixture(scope="module")
def plan(small: Catalog) -> Plan:
    return solve(setting(small, [CHAT, TICKETS, SUMMARIES, SCORES]), levers=ALL - {"SOURCING"})


def only(plan: Plan, **factors: float) -> Scenarios:
    """One scenario in which some figures come out otherwise."""
    s = as_planned(1, len(plan.chosen))
    values = {name: getattr(s, name) * factors.get(name, 1.0) for name in s.__dataclass_fields__}
    return Scenarios(**values)


def test_as_planned_it_costs_what_the_plan_says(plan: Plan) -> None:
    same = as_planned(3, len(plan.chosen))
    assert evaluate(plan, same) == pytest.approx([plan.usd_month] * 3, rel=1e-9)
    today = solve(plan.setting).usd_month
    assert evaluate_today(plan, same) == pytest.approx([today] * 3, rel=1e-9)


@pytest.mark.parametrize("factor", ["demand", "on_demand", "spot", "commit", "tokens", "labour"])
def test_dearer_or_busier_never_costs_less(plan: Plan, factor: str) -> None:
    usd = [float(evaluate(plan, only(plan, **{factor: f}))[0]) for f in (0.5, 0.9, 1.0, 1.3, 2.5)]
    assert usd == sorted(usd)


def test_faster_replicas_never_cost_more(plan: Plan) -> None:
    usd = [float(evaluate(plan, only(plan, speed=f))[0]) for f in (0.5, 0.9, 1.0, 1.3, 2.5)]
    assert usd == sorted(usd, reverse=True)


def test_effort_counts_once_over_the_horizon(plan: Plan) -> None:
    rate = plan.setting.usd_per_hour
    more = float(evaluate(plan, only(plan, effort=2.0))[0]) - plan.usd_month
    assert more == pytest.approx(plan.engineering_hours * rate / 12)


def test_hosted_models_follow_demand_and_their_price(plan: Plan) -> None:
    hosted = [c for c in plan.chosen if c.choice["sourcing"] == "managed_api"]
    assert hosted
    more = float(evaluate(plan, only(plan, tokens=1.5))[0]) - plan.usd_month
    assert more == pytest.approx(0.5 * sum(c.run_rate_usd_month for c in hosted))


def test_commitments_are_paid_whatever_comes(plan: Plan) -> None:
    committed = sum(b.purchase.whole[0] * b.prices.whole[0] * 730 for b in plan.pools
                    if b.purchase.whole[0] > 0)  # fmt: skip
    less = float(evaluate(plan, only(plan, demand=0.01, on_demand=1e-6, spot=1e-6))[0])
    others = sum(plan.objective.own_usd_month(c) for c in plan.chosen
                 if c.choice["sourcing"] != "managed_api")  # fmt: skip
    assert less >= committed + others + plan.shared_usd_month - 1e-6


def test_the_same_seed_gives_the_same_figures(plan: Plan) -> None:
    one, other = (uncertainty(plan, 128, seed=3, on=ON) for _ in range(2))
    assert (one.plan_usd == other.plan_usd).all()
    assert one.drivers.equals(other.drivers)
    low, middle, high = one.interval()
    assert low <= middle <= high


def test_prices_grow_uncertain_with_age(plan: Plan) -> None:
    soon, late = sigmas(plan, date(2026, 12, 1)), sigmas(plan, date(2028, 12, 1))
    for name in ("on_demand", "tokens"):
        assert (late[name] > soon[name]).all()
    assert (late["demand"] == soon["demand"]).all()


def test_what_is_certain_drives_nothing(plan: Plan) -> None:
    widths = {name: 0.0 * w for name, w in sigmas(plan, ON).items()}
    assert list(widths) == list(FACTORS)
    fixed = evaluate(plan, draw(widths, 64, 0))
    assert fixed == pytest.approx([plan.usd_month] * 64, rel=1e-9)
    found = uncertainty(plan, 128, on=ON).drivers
    assert (found["share"] >= 0).all()
    assert found["share"].sum() >= 0.95  # total indices share what acts together


def test_nobody_knows_better_than_hindsight(plan: Plan) -> None:
    told: list[float] = []
    found = uncertainty(plan, 64, on=ON, resolve=16, progress=lambda _, s: told.append(s))
    assert found.regret is not None
    assert found.regret.scenarios == 16
    assert (found.regret.usd >= 0).all()
    assert told == sorted(told)
    assert set(found.regret.stability) == {w.name for w in plan.portfolio.workloads}
    stopped = uncertainty(plan, 64, on=ON, resolve=16, cancelled=lambda: True).regret
    assert stopped is not None
    assert stopped.scenarios == 0


# --- fair shares --------------------------------------------------------------------------------


def test_shares_sum_to_the_saving(small: Catalog) -> None:
    found = setting(small, [CHAT, TICKETS])
    levers = ["HARDWARE", "PRECISION", "SERVING", "PURCHASING"]
    plan = solve(found, levers=levers)
    shares = attribute(plan)
    assert shares is not None
    saving = solve(found).usd_month - shares.usd_month[frozenset(levers)]
    assert len(shares.usd_month) == 16
    for way in ("shapley", "in_order"):
        assert shares.table[way].sum() == pytest.approx(saving, rel=1e-9)
    for levers_of, usd in shares.usd_month.items():
        for more in set(levers) - levers_of:
            assert shares.usd_month[levers_of | {more}] <= usd  # type: ignore[index]
    assert attribute(plan, cancelled=lambda: True) is None


def test_two_levers_by_hand(small: Catalog) -> None:
    plan = solve(setting(small, [TICKETS]), levers=["HARDWARE", "PRECISION"])
    shares = attribute(plan)
    assert shares is not None
    v = {tuple(sorted(k)): usd for k, usd in shares.usd_month.items()}
    none, h, p, both = v[()], v["HARDWARE",], v["PRECISION",], v["HARDWARE", "PRECISION"]
    by_hand = ((none - h) + (p - both)) / 2
    assert shares.table.set_index("lever").at["HARDWARE", "shapley"] == pytest.approx(by_hand)


# --- near-tied plans ----------------------------------------------------------------------------


def test_alternatives_cost_what_they_say(plan: Plan) -> None:
    found = alternatives(plan, within=0.2)
    assert found
    assert [a.extra_usd_month for a in found] == sorted(a.extra_usd_month for a in found)
    for a in found:
        trial = [a.candidate if c.workload == a.workload else c for c in plan.chosen]
        usd = plan.objective.total(trial) + plan.shared["training"]
        assert a.usd_month == pytest.approx(usd, rel=1e-9)
        assert a.usd_month <= plan.usd_month * 1.2 + 1e-6


def test_a_plan_keeps_to_the_one_before_where_that_costs_little(small: Catalog) -> None:
    work = [CHAT, TICKETS]
    before = solve(setting(small, work), levers=ALL - {"SOURCING"})
    busier = changed(TICKETS, demand={**TICKETS["demand"], "mean_rps": 9.0})
    after = solve(setting(small, [CHAT, busier]), levers=ALL - {"SOURCING"})
    kept = steady(after, choices(before, ("chat", "tickets")), tie=0.5)
    assert kept.usd_month <= after.usd_month * 1.5
    for name in ("chat", "tickets"):
        assert dict(kept.candidate(name).choice) == dict(before.candidate(name).choice)
    assert kept.certificate is not None
    assert kept.certificate.upper_usd == pytest.approx(kept.usd_month, rel=1e-9)
    assert set(kept.kept) <= {"chat", "tickets"}
    same = choices(after, ("chat", "tickets"))
    assert steady(after, same) is after
    assert steady(after, choices(before, ("chat",)), tie=0.5, most_usd_month=0.0) is after
    assert np.isfinite(kept.usd_month)


def test_settings_share_nothing_with_scenarios(plan: Plan, sample: Setting) -> None:
    usd = plan.usd_month
    uncertainty(plan, 64, on=ON, resolve=4)
    assert plan.usd_month == usd
    assert solve(plan.setting, levers=ALL - {"SOURCING"}).usd_month == pytest.approx(usd)
    assert sample is not plan.setting
