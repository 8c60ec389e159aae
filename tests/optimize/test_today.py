"""The baseline by hand: today's deployment, its machines and its cost."""

from __future__ import annotations

import pytest

from advisor.catalog import Catalog
from advisor.optimize import solve
from advisor.portfolio import LEVERS
from tests.optimize.given import (
    CHAT,
    PHOTOS,
    SUMMARIES,
    TICKETS,
    changed,
    setting,
)

MONTH = 730.0


def test_the_baseline_of_machines_by_hand(shipped: Catalog):
    price = shipped.prices().set_index(["cloud", "region", "instance", "purchase"])["usd_per_hour"]
    p4de = price["aws", "us-east-1", "p4de.24xlarge", "on_demand"]
    rate = 275_000 / 1880  # an engineer's hour
    plan = solve(
        setting(
            shipped,
            [changed(CHAT, bill_usd_month=60_000, current={"instances": 2})],
            data_usd_month=1000,
            platform_usd_month=500,
        )
    )
    machines = 2 * p4de * MONTH
    # A balancer, what it logs and sends, and the weights on both disks.
    around = plan.today[0].around_usd_month
    requests = CHAT["demand"]["mean_rps"] * 3600 * MONTH
    sent = requests * CHAT["osl_tokens"] * 6 / 1e9 * (0.09 + 0.02)
    disks = 2 * plan.today[0].details["weights_gib"] * 2**30 / 1e9 * 0.08
    assert around == pytest.approx(25 + sent + requests * 2000 / 1e9 * 0.023 + disks)
    # One way of sourcing at 160 hours a month and one framework at 8.
    assert plan.workload_usd_month["chat"] == pytest.approx(machines + around)
    assert plan.shared == {
        "platforms": pytest.approx(168 * rate),
        "training": 0.0,
        "data": 1000,
        "tooling": 500,
        "unexplained": pytest.approx(60_000 - machines - around),
    }
    assert plan.usd_month == pytest.approx(60_000 + 168 * rate + 1500)
    assert plan.one_off_usd == 0


def test_the_baseline_of_an_api_by_hand(shipped: Catalog):
    # gpt-4o: 2.50 per million tokens in, 10 out; 0.15 requests/s for 730 hours.
    plan = solve(setting(shipped, [SUMMARIES]))
    requests = 0.15 * 3600 * MONTH
    usd = requests * (9000 * 2.5 + 600 * 10) / 1e6
    assert requests == pytest.approx(394_200)
    assert plan.workload_usd_month["summaries"] == pytest.approx(usd)
    assert plan.shared["platforms"] == pytest.approx(8 * 275_000 / 1880)
    assert plan.usd_month == pytest.approx(usd + 8 * 275_000 / 1880)


def test_three_cents_for_ten_million_a_day(shipped: Catalog):
    # 12,000 tokens at 2.50 per million: 0.03 a request; ten million a day are 300,000 USD.
    million = {"mean_rps": 1e7 / 86_400}
    api = changed(SUMMARIES, isl_tokens=11_996, osl_tokens=1, demand=million)
    plan = solve(setting(shipped, [api]))
    assert plan.frame()["cost_per_prediction_usd"].iloc[0] == pytest.approx(0.03, rel=1e-9)
    assert plan.workload_usd_month["summaries"] * 24 / MONTH == pytest.approx(300_000, rel=1e-9)


def test_machines_left_blank_are_modelled(shipped: Catalog):
    chat = changed(CHAT, current={"instances": None})
    plan = solve(setting(shipped, [chat]))
    count = plan.candidate("chat").machines
    assert count.min() == count.max() >= 2  # the busiest hour's, and one spare
    twice = changed(chat, demand={**CHAT["demand"], "mean_rps": 300.0})
    assert solve(setting(shipped, [twice])).candidate("chat").machines.max() > count.max()


def test_two_products_on_one_framework_pay_for_it_once(shipped: Catalog):
    alone = [solve(setting(shipped, [w])).shared["platforms"] for w in (TICKETS, PHOTOS)]
    both = solve(setting(shipped, [TICKETS, PHOTOS])).shared["platforms"]
    assert alone[0] == alone[1] == both > 0


def test_a_bill_below_the_model_is_todays_cost_and_never_a_gift(small: Catalog) -> None:
    """Half the list price is billed: that is the baseline, and no plan inherits the difference."""
    known = setting(small, [CHAT])
    modelled = solve(known).workload_usd_month["chat"]
    cheap = setting(small, [changed(CHAT, bill_usd_month=modelled / 2)])
    today, best = solve(cheap), solve(cheap, levers=LEVERS)
    assert today.workload_usd_month["chat"] == pytest.approx(modelled / 2)
    assert today.shared["unexplained"] == 0.0
    assert 0.0 < best.usd_month <= today.usd_month
    assert "50% below list" in today.doubts["chat"]
