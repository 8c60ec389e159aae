from __future__ import annotations

import itertools
from typing import Any

import pytest

from advisor.optimize import sources
from advisor.playbook import View
from advisor.playbook.crossing import FACTORS, HERE, LABOUR, crossing
from advisor.playbook.source import SERIES, STEP

from .conftest import Solve

KEY = "source"


def test_each_way_has_a_cost_or_a_reason(view: View) -> None:
    table = STEP.report(view).tables[0]
    assert [r[0] for r in table.rows] == [w.name for w in view.portfolio.workloads]
    for row in table.rows:
        assert len(row) == 1 + len(SERIES)
        for cell in row[1:]:
            assert cell
            assert cell.startswith("$") or cell[0].isupper()
        assert sum("plan" in cell for cell in row[1:]) == 1


def test_the_break_even_is_where_self_hosting_stops_being_dearer(view: View) -> None:
    plan = view.plans[KEY]
    found = crossing(plan)
    assert found is not None
    assert found.factor is not None
    for times, cheaper in ((1.05, True), (0.9, False)):
        costs = sources.best(plan, found.workload, found.factor * times, platforms=True)
        assert (costs["self_hosted"][0] <= costs["managed_api"][0]) is cheaper
    api = sources.best(plan, found.workload, found.factor)["managed_api"][0]
    assert found.api_usd_month == pytest.approx(api, rel=0.1)


def test_people_are_part_of_the_break_even(view: View) -> None:
    plan = view.plans[KEY]
    workload = plan.portfolio.workload("support-chat")
    with_people = sources.best(plan, workload, platforms=True)["self_hosted"]
    hours = float(view.catalog.lookup("sourcing", "self_hosted")["operate_hours_month"])
    machines_only = sources.best(plan, workload)["self_hosted"][0]
    assert with_people[0] >= machines_only + hours * view.setting.usd_per_hour - 1e-6


def test_costs_rise_with_volume(view: View) -> None:
    found = crossing(view.plans[KEY])
    assert found is not None
    for way in ("managed_api", "self_hosted"):
        usd = [costs[way] for costs in found.costs]
        assert len(usd) == len(FACTORS)
        assert all(a <= b * (1 + 1e-9) for a, b in itertools.pairwise(usd))


def test_the_chart_has_a_line_for_each_way(view: View) -> None:
    chart, _ = STEP.report(view).charts
    assert {r["series"] for r in chart.rows} <= set(SERIES.values())
    found = crossing(view.plans[KEY])
    assert found is not None
    here = [r["volume"] for r in chart.rows if r["here"]]
    assert here == pytest.approx([found.per_day] * len(here))
    assert len(here) == len({r["series"] for r in chart.rows})


def test_claims_are_computed(view: View) -> None:
    claims = {c.claim_id: c for c in STEP.report(view).claims}
    for name in ("crossover-20-50k", "managed-most-expensive"):
        assert claims[name].computed


def test_a_model_without_a_host_says_so(solved: Solve, classifier: dict[str, Any]) -> None:
    report = STEP.report(solved(classifier))
    assert report.charts == []
    assert report.tables[0].rows[0][1] == "No hosted price known for this kind of model"
    assert not any(c.computed for c in report.claims if c.claim_id == "crossover-20-50k")


def test_a_closed_model_cannot_be_run_by_oneself(solved: Solve, hosted: dict[str, Any]) -> None:
    report = STEP.report(solved(hosted))
    row = report.tables[0].rows[0]
    assert row[1].startswith("$")
    assert row[2] == "The model is sold as an API only"
    assert report.headline.endswith(".")


def test_the_map_holds_the_curve_and_names_its_regions(view: View) -> None:
    found = crossing(view.plans[KEY])
    assert found is not None
    chart = STEP.report(view).charts[1]
    assert len(chart.rows) == len(FACTORS) * len(LABOUR)
    (here,) = (r for r in chart.rows if r["here"])
    costs = {SERIES[way]: usd for way, usd in found.costs[HERE[0]].items()}
    assert here["way"] == min(costs, key=costs.__getitem__)
    assert here["usd"] == pytest.approx(min(costs.values()))
    assert here["volume"] == pytest.approx(found.per_day)
    labels = [r["label"] for r in chart.rows if r["label"]]
    assert sorted(labels) == sorted({r["way"] for r in chart.rows})
    assert set(labels) <= set(SERIES.values())


def test_dearer_people_put_self_hosting_off(view: View) -> None:
    found = crossing(view.plans[KEY])
    assert found is not None
    assert found.factors == sorted(found.factors)
    assert found.factors[HERE[1]] == pytest.approx(found.factor, rel=0.1)
    table = next(t for t in STEP.report(view).tables if "beats a hosted API" in t.title)
    assert len(table.rows) == 3


def stating(data: dict[str, Any], **stated: Any) -> dict[str, Any]:
    """The portfolio with more said of its workload."""
    return {**data, "workloads": [{**row, **stated} for row in data["workloads"]]}


def test_what_is_stated_closes_ways(solved: Solve, classifier: dict[str, Any]) -> None:
    def rules(**stated: Any) -> list[list[str]]:
        found = STEP.report(solved(stating(classifier, **stated))).tables
        return [r for t in found if t.title.startswith("What rules") for r in t.rows]

    assert rules() == []
    ((name, privacy, places, latency, weights),) = rules(
        private=True, residency=["us"], users=["us"], own_weights=True
    )
    assert name == classifier["workloads"][0]["name"]
    assert privacy.startswith("No hosted API")
    assert places == "Stays in us"
    assert latency == "43 ms to own hardware"
    assert weights.startswith("No hosted API")


def test_distances_are_told_where_users_are(solved: Solve, classifier: dict[str, Any]) -> None:
    plain, told = (
        [n.title for n in STEP.report(solved(stating(classifier, users=users))).notes]
        for users in ([], ["us"])
    )
    assert "How far away" not in plain
    assert "How far away" in told
