"""A plan taken away and made again."""

from __future__ import annotations

from typing import Any

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from advisor.optimize.pins import pin_of
from advisor.report.planfile import plan_json, read_plan_file, write_plan_file
from tests.optimize.given import TICKETS, changed, one_cloud, portfolio


def _few() -> Catalog:
    return one_cloud(Catalog.load(), ("g4dn.xlarge", "g5.xlarge"), ("us-east-1",), ("torchserve",))


def _work() -> list[dict[str, Any]]:
    return [
        changed(TICKETS, name=name, demand={"profile": "business-hours", "mean_rps": rps})
        for name, rps in (("a", 1.0), ("b", 2.0))
    ]


def test_shared_machines_come_back_to_the_bit() -> None:
    few = _few()
    given = portfolio(few, _work())
    plans = playbook_plans(given, few)
    assert {tuple(r["shared_with"]) for r in plan_json(plans)["workloads"]} == {("b",), ("a",)}
    content = write_plan_file(plans, {"portfolio": given.to_dict()})
    again = playbook_plans(read_plan_file(content, few)["portfolio"], few)
    one, two = plan_json(plans), plan_json(again)
    for key in ("plan_usd_month", "workloads", "purchases", "by_category", "shared"):
        assert one[key] == two[key]


def test_sharing_may_be_pinned_in_a_file() -> None:
    few = _few()
    given = portfolio(few, _work())
    plan = list(playbook_plans(given, few).values())[-1]
    pins = {c.workload: pin_of(c.choice, "HARDWARE") for c in plan.chosen}
    content = write_plan_file({"source": plan}, {"portfolio": given.to_dict(), "pins": pins})
    found = read_plan_file(content, few)
    assert found["pins"] == pins
    again = list(playbook_plans(found["portfolio"], few, pins=found["pins"]).values())[-1]
    assert all(c.host is not None for c in again.chosen)
