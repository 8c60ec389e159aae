"""Odd but allowed portfolios: whatever is asked, plans are finite, monotone and bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from tests.optimize.given import CHAT, PHOTOS, SCORES, SUMMARIES, TICKETS, changed, setting

ONE_HOUR = {"hourly_rps": [0.0] * 167 + [5.0]}
CASES: dict[str, dict[str, Any]] = {
    "next to no demand": changed(CHAT, demand={"mean_rps": 1e-9}),
    "the largest demand allowed": changed(PHOTOS, demand={"mean_rps": 1e7}),
    "one busy hour a week": changed(CHAT, demand=ONE_HOUR),
    "one busy hour and no minimum": changed(CHAT, demand=ONE_HOUR, min_instances=0),
    "one busy hour that may wait": changed(SCORES, demand=ONE_HOUR),
    "every request repeated": changed(TICKETS, repeat_share=1.0),
    "every prompt shared": changed(CHAT, prefix_share=1.0),
    "every answer shared": changed(
        CHAT, similar_share=1.0, repeat_share=1.0, false_hit_usd=0.0, quality_floor=0.5
    ),
    "one token out": changed(CHAT, osl_tokens=1),
    "no loss of quality": changed(CHAT, quality_floor=1.0),
    "any loss of quality": changed(CHAT, quality_floor=0.0),
    "cached already": changed(TICKETS, current={"cache": "exact_cache"}),
    "committed already": changed(CHAT, current={"purchase": "commit_1y", "instance": "g5.xlarge"}),
    "on spot already": changed(CHAT, current={"purchase": "spot", "instance": "g5.xlarge"}),
    "managed already": changed(CHAT, current={"sourcing": "managed_inference"}),
    "too large for its machine": changed(CHAT, model="DeepSeek-V3"),
    "must stay where nothing is sold": changed(CHAT, residency=["apac"]),
    "bought, with no substitute": changed(SUMMARIES, substitutes=[]),
    "bought, and may wait": changed(SUMMARIES, deferrable_hours=24),
}
COMPANIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "daring": {"spare_instances": 0, "spot_share": 1.0, "commitment_reuse": 1.0},
    "wary": {"spot_share": 0.0, "horizon_months": 1, "commitment_reuse": 0.0},
    "buys nowhere": {"clouds": [], "api_providers": ["openai"]},
    "short of time": {"engineering_hours": 30},
}


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} in the plan")


@pytest.mark.parametrize("case", CASES)
def test_plans_of_odd_portfolios(small: Catalog, case: str):
    others = [name for name in COMPANIES if name != "plain"]
    other = others[list(CASES).index(case) % len(others)]
    for company in ("plain", other):
        plans = playbook_plans(setting(small, [CASES[case]], **COMPANIES[company]))
        costs = [p.usd_month for p in plans.values()]
        assert costs == sorted(costs, reverse=True)
        for plan in plans.values():
            json.loads(json.dumps(plan.to_dict(), default=str), parse_constant=refuse_constant)
            assert plan.certificate is not None
            assert 0 < plan.certificate.lower_usd <= plan.certificate.upper_usd * (1 + 1e-9)
            assert (plan.frame()["cost_per_prediction_usd"] >= 0).all()


def test_who_buys_nowhere_keeps_what_runs(small: Catalog):
    plans = playbook_plans(setting(small, [CHAT], clouds=[], api_providers=["openai"]))
    choice = plans["source"].candidate("chat").choice
    # Fewer or other machines at today's place may do; nothing is bought elsewhere.
    assert (choice["cloud"], choice["region"]) == ("aws", "us-east-1")
