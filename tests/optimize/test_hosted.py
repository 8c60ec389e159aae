"""Hosted models: which of their prices hold, what closes them, and their batch tiers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.optimize import hosted, solve, sources
from advisor.optimize.setting import Setting
from advisor.optimize.sweep import alone_usd, alone_usd_month, resized
from advisor.portfolio import LEVERS, Workload, requests_per_month
from tests.optimize.given import CHAT, changed
from tests.optimize.given import setting as made

NAME = "anthropic/claude-haiku-5-5"
HAIKU = {
    **changed(CHAT, isl_tokens=1000, osl_tokens=200, model="claude-haiku-5.5", slo={}),
    "prefix_share": 0.0,
    "current": {
        "sourcing": "managed_api",
        "provider": "anthropic",
        "api_model": "claude-haiku-5-5",
    },
}


def one(catalog: Catalog, row: dict[str, Any], **organisation: Any) -> tuple[Setting, Workload]:
    s = made(catalog, [row], **organisation)
    return s, s.portfolio.workloads[0]


def prices(s: Setting, workload: Workload) -> dict[str, float]:
    """USD of a million requests by hosted model."""
    return {
        hosted.name_of(row): 1e6 * hosted.usd_per_request(s.catalog, workload, row)
        for row, _ in hosted.options(s, workload)
    }


def test_prices_by_hand(shipped: Catalog) -> None:
    """A million requests: 1,000 M tokens in at 0.1, 200 M out at 0.5."""
    assert prices(*one(shipped, HAIKU))[NAME] == pytest.approx(100 + 100)
    # 40 % read at 0.01, each token written once in ten reads: 4 % at 0.125, 56 % at 0.1.
    found = prices(*one(shipped, changed(HAIKU, prefix_share=0.4)))
    assert found[NAME] == pytest.approx(4 + 5 + 56 + 100)
    # Beyond 100,000 tokens of prompt five times as much, for the whole request.
    long = prices(*one(shipped, changed(HAIKU, isl_tokens=150_000)))
    assert long[NAME] == pytest.approx(150_000 * 0.5 + 200 * 2.5)


@pytest.mark.parametrize(("hours", "batch"), [(None, False), (8, False), (24, True)])
def test_work_that_waits_a_day_may_go_in_batches(
    shipped: Catalog, hours: float | None, batch: bool
) -> None:
    s, workload = one(shipped, changed(HAIKU, deferrable_hours=hours))
    found = prices(s, workload)
    assert (f"{NAME} batch" in found) is batch
    if batch:
        assert found[f"{NAME} batch"] == pytest.approx(found[NAME] / 2)
        plan = solve(s, levers=LEVERS)
        assert plan.chosen[0].choice["provider"] == f"{NAME} batch"
        usd = requests_per_month(s.rates(workload)) * found[NAME] / 1e6
        assert plan.chosen[0].run_rate_usd_month == pytest.approx(usd / 2)
        assert plan.today[0].run_rate_usd_month == pytest.approx(usd)


def test_today_may_be_a_batch(shipped: Catalog) -> None:
    row = changed(HAIKU, current={**HAIKU["current"], "api_tier": "batch"})
    s, workload = one(shipped, row)
    usd, details = hosted.today_usd_month(s, workload)
    assert usd == pytest.approx(requests_per_month(s.rates(workload)) * 100 / 1e6)
    assert details["api_tier"] == "batch"
    there = {"sourcing": "managed_api", "provider": "groq", "api_model": "qwen/qwen3-32b"}
    row = changed(HAIKU, model="Qwen3-32B", current={**there, "api_tier": "batch"})
    s, workload = one(shipped, row)
    with pytest.raises(PortfolioError, match="groq qwen/qwen3-32b .batch."):
        hosted.today_usd_month(s, workload)


def reasons(s: Setting, workload: Workload) -> set[str]:
    return {why for _, why in hosted.options(s, workload)}


def test_what_closes_a_host(shipped: Catalog) -> None:
    assert "" in reasons(*one(shipped, CHAT))
    private = one(shipped, changed(CHAT, private=True))
    assert reasons(*private) == {"its requests may not go to a host"}
    assert solve(private[0], levers=LEVERS).chosen[0].choice["sourcing"] != "managed_api"
    s, workload = one(shipped, changed(CHAT, own_weights=True, substitutes=["Qwen3-8B"]))
    served = {r["model"]: why for r, why in hosted.options(s, workload)}
    assert served[workload.model] == "its weights are your own: no host serves them"
    assert served["Qwen3-8B"] == ""


def test_costs_are_those_of_single_choices(small: Catalog) -> None:
    s, workload = one(small, CHAT)
    plan = solve(s, levers=LEVERS)
    factors, rates = (0.1, 1.0, 30.0), np.array([0.5, 1.0, 3.0]) * s.usd_per_hour
    found = sources.costs(plan, workload, factors).over(rates)
    for i, factor in enumerate(factors):
        best = sources.best(plan, workload, factor, platforms=True)
        now = dict(zip(found.ways, found.usd[:, i, 1], strict=True))
        assert now == pytest.approx({way: usd for way, (usd, _) in best.items()})
        able = resized(s, workload, sources.options(plan, workload), factor)
        for j, rate in enumerate(rates):
            for way, at in zip(found.ways, found.usd[:, i, j], strict=True):
                expected = min(
                    alone_usd_month(plan, c, platforms=True)
                    + (rate - s.usd_per_hour) * hours_month(s, c.total_hours, c.platforms)
                    for c in able
                    if c.choice["sourcing"] == way
                )
                assert at == pytest.approx(expected)


def hours_month(s: Setting, once: float, platforms: tuple[str, ...]) -> float:
    running = sum(s.platforms[name] for name in platforms) / s.usd_per_hour
    return once / s.horizon_months + running


def test_many_choices_cost_what_each_does(small: Catalog) -> None:
    for row in (CHAT, changed(CHAT, slo={}, deferrable_hours=24)):
        s, workload = one(small, row)
        plan = solve(s, levers=LEVERS)
        able = sources.options(plan, workload)
        each = [alone_usd_month(plan, c) for c in able]
        np.testing.assert_allclose(alone_usd(s, able), each, rtol=1e-9)
