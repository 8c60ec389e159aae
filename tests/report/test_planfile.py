"""A plan taken away and made again."""

from __future__ import annotations

from advisor.catalog import Catalog
from advisor.optimize import playbook_plans
from advisor.optimize.pins import pin_of
from advisor.report.planfile import plan_json, read_plan_file, write_plan_file
from tests.optimize.given import TICKETS, changed, one_cloud, portfolio


def test_shared_machines_come_back_to_the_bit() -> None:
    few = one_cloud(Catalog.load(), ("g4dn.xlarge", "g5.xlarge"), ("us-east-1",), ("torchserve",))
    work = [
        changed(TICKETS, name=name, demand={"profile": "business-hours", "mean_rps": rps})
        for name, rps in (("a", 1.0), ("b", 2.0))
    ]
    given = portfolio(few, work)
    plans = playbook_plans(given, few)
    last = list(plans.values())[-1]
    assert {tuple(r["shared_with"]) for r in plan_json(plans)["workloads"]} == {("b",), ("a",)}
    pins = {c.workload: pin_of(c.choice, "HARDWARE") for c in last.chosen}
    found = read_plan_file(
        write_plan_file(plans, {"portfolio": given.to_dict(), "pins": pins}), few
    )
    again = playbook_plans(found["portfolio"], few, pins=found["pins"])
    one, two = plan_json(plans), plan_json(again)
    for key in ("plan_usd_month", "workloads", "purchases", "by_category", "shared"):
        assert one[key] == two[key]
