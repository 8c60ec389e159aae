"""A small model first and a larger one for the rest, as the solver chooses it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from advisor.catalog import Catalog
from advisor.economics.labour import usd_per_hour
from advisor.optimize import evaluate, playbook_plans, solve
from advisor.optimize.attribution import attribute
from advisor.optimize.explain import explain
from advisor.optimize.plan import Plan
from advisor.optimize.regret import regret
from advisor.optimize.scenarios import Scenarios, as_planned
from advisor.portfolio import HOURS_PER_MONTH, LEVERS, Lever
from advisor.report.planfile import plan_json, read_plan_file, write_plan_file
from tests.optimize.given import CHAT, TICKETS, changed, one_cloud, portfolio, setting
from tests.optimize.test_brute_force import by_highs, check

OPEN: frozenset[Lever] = frozenset(LEVERS) - {"SOURCING", "CACHING"}
SCHEMA = Path(__file__).parents[2] / "docs/schemas/plan.schema.json"
FEW = ("g6.xlarge", "p4de.24xlarge")


def nightly(mean_rps: float) -> dict[str, Any]:
    """An 8B that writes at night; its students lose 3 % of quality, and 2 % may be lost."""
    return changed(
        CHAT,
        quality_floor=0.98,
        deferrable_hours=8,
        demand={"profile": "flat", "mean_rps": mean_rps},
        current={"instances": max(1, round(mean_rps / 3))},
    )


def chat(mean_rps: float) -> dict[str, Any]:
    """The same by day."""
    flat = {"profile": "flat", "mean_rps": mean_rps}
    return changed(nightly(mean_rps), deferrable_hours=None, demand=flat)


@pytest.fixture(scope="module")
def few(shipped: Catalog) -> Catalog:
    return one_cloud(shipped, FEW, ("us-east-1",), ("vllm",))


@pytest.fixture(scope="module")
def busy(few: Catalog) -> Plan:
    return solve(setting(few, [nightly(200.0)]), levers=OPEN)


def test_it_is_taken_where_it_pays_by_hand(few: Catalog, busy: Plan) -> None:
    (chosen,) = busy.chosen
    c = chosen.choice
    assert (c["model"], c["escalation"], c["escalate_to"]) == (
        "Llama-3.2-1B", "cascade", "Llama-3.1-8B",
    )  # fmt: skip
    # A cascade of skill 3 must close the gap down to the floor.
    one, other = chosen.details["parts"]
    # A student keeps 97 % and fp8 loses a little on top, on both models.
    small, large = (
        float(busy.setting.catalog.lookup("precisions", p["weight_precision"])["quality_loss"])
        for p in (one, other)
    )
    kv = float(few.lookup("precisions", other["kv_precision"])["quality_loss"])
    low, high = 0.97 * (1.0 - small), (1.0 - large) * (1.0 - kv)
    share = 1.0 - ((high - 0.98) / (high - low)) ** (1.0 / 3.0)
    assert other["share"] == pytest.approx(share, rel=1e-3)
    assert chosen.details["quality"] == pytest.approx(0.98)
    # 200 a second over a day come in 8 hours; the small model also checks, for 5 % of its work.
    rate = 200.0 * 24 / 8
    machines = math.ceil(rate * 1.05 / one["rps_low"]) + math.ceil(rate * share / other["rps_low"])
    assert chosen.machines[:24].tolist() == [machines] * 8 + [0] * 16
    # Machines at the spot price for a third of the hours; the work over twelve months; each
    # student twice a year; platforms, disks and traffic.
    place = busy.setting.places.number[("self_hosted", "aws", "us-east-1", "g6.xlarge", "pooled")]
    spot = float(busy.setting.places.prices[place, 1])
    hour = usd_per_hour(few.assumption("engineer_usd_year"), few.assumption("engineer_hours_year"))
    study = chosen.one_off_usd - chosen.total_hours * hour
    # The work of a student and of the cascade; the 8B is no student.
    assert chosen.hours["DISTILLATION"] == 320.0 + few.assumption("cascade_hours")
    by_hand = machines / 3.0 * HOURS_PER_MONTH * spot + chosen.total_hours * hour / 12.0
    by_hand += study / 12.0 + chosen.around_usd_month + busy.shared["platforms"]
    assert busy.usd_month == pytest.approx(by_hand)


def test_it_is_left_where_the_work_is_not_repaid(few: Catalog) -> None:
    for mean in (1.0, 10.0, 30.0):
        plan = solve(setting(few, [nightly(mean)]), levers=OPEN)
        assert plan.chosen[0].choice["escalation"] is None


def test_it_needs_its_lever(busy: Plan) -> None:
    without = solve(busy.setting, levers=OPEN - {"DISTILLATION"})
    assert without.chosen[0].choice["escalation"] is None
    assert without.usd_month > busy.usd_month
    found = attribute(busy)
    assert found is not None
    table = found.table.set_index("lever")
    saved = without.usd_month - busy.usd_month
    assert table.loc["DISTILLATION", "last"] == pytest.approx(saved)


def test_it_is_the_best_of_every_column(shipped: Catalog) -> None:
    few = one_cloud(shipped, FEW, ("us-east-1",), ("vllm", "torchserve"))
    tickets = changed(TICKETS, current={"instance": "g6.xlarge"})
    plan = solve(setting(few, [chat(200.0), tickets]), levers=OPEN, gap=1e-9)
    assert plan.candidate("chat").choice["escalation"]
    assert plan.usd_month == pytest.approx(by_highs(plan), rel=1e-7)
    assert check(plan) <= 1.0 + 1e-9


def test_as_planned_it_costs_what_the_plan_says(busy: Plan) -> None:
    assert evaluate(busy, as_planned(3, 1)) == pytest.approx(busy.usd_month, rel=1e-12)
    assert regret(busy, as_planned(1, 1)).usd == pytest.approx(0.0, abs=1e-6 * busy.usd_month)


def test_dearer_tokens_are_paid_for_the_hosted_rest_alone(few: Catalog) -> None:
    host = "novita/meta-llama/llama-3.1-8b-instruct"
    pins = {"chat": {"escalate_host": host}}
    plan = solve(setting(few, [chat(200.0)]), levers=LEVERS, pins=pins)
    (chosen,) = plan.chosen
    assert chosen.choice["escalate_host"] == host
    assert 0.0 < chosen.rest_usd_month < chosen.run_rate_usd_month + plan.by_category["machines"]
    assert plan.by_category["hosted_models"] == pytest.approx(chosen.rest_usd_month)
    assert sum(plan.by_category.values()) == pytest.approx(plan.usd_month)
    assert "sourcing:managed_api" in chosen.platforms
    one = as_planned(2, 1)
    dear = Scenarios(**{**vars(one), "tokens": np.array([1.0, 1.5])})
    usd = evaluate(plan, dear)
    assert usd[0] == pytest.approx(plan.usd_month, rel=1e-12)
    assert usd[1] - usd[0] == pytest.approx(0.5 * chosen.rest_usd_month)
    told = plan_json({"source": plan})["workloads"][0]["escalation"]
    assert told["host"] == host
    assert told["tensor_parallel"] is None


def test_it_is_explained(busy: Plan) -> None:
    found = explain(busy, "chat")
    assert found.options
    assert all(o.extra_usd_month >= -1e-6 for o in found.options)
    assert found.rival is not None


def test_a_pinned_pair_is_kept_bit_for_bit(few: Catalog, busy: Plan) -> None:
    choice = busy.chosen[0].choice
    pin = dict(choice)
    again = solve(setting(few, [nightly(200.0)]), levers=OPEN, pins={"chat": pin})
    assert again.chosen[0].choice == choice
    assert again.usd_month == busy.usd_month
    alone = solve(busy.setting, levers=OPEN, pins={"chat": {"escalation": None}})
    assert alone.chosen[0].choice["escalation"] is None
    assert alone.usd_month > busy.usd_month


def test_a_plan_file_brings_it_back_bit_for_bit(few: Catalog) -> None:
    given = portfolio(few, [nightly(200.0)])
    plans = playbook_plans(given, few, levers=OPEN)
    last = plans["source"]
    pins = {"chat": dict(last.chosen[0].choice)}
    scenario = {
        "portfolio": given.model_dump(mode="json"),
        "levers": sorted(OPEN),
        "rejected": {},
        "pins": pins,
    }
    content = write_plan_file(plans, scenario)
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(json.loads(content))
    told = json.loads(content)["workloads"][0]
    assert told["escalation"]["mode"] == "cascade"
    assert told["escalation"]["model"] == "Llama-3.1-8B"
    assert told["escalation"]["share"] == last.chosen[0].details["escalated"]
    read = read_plan_file(content, few)
    again = playbook_plans(read["portfolio"], few, levers=read["levers"], pins=read["pins"])
    assert again["source"].usd_month == last.usd_month
    assert again["source"].chosen[0].choice == last.chosen[0].choice
