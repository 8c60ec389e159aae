from __future__ import annotations

from typing import Any

import pytest

from advisor.playbook import View, steps
from advisor.playbook.claims import JUDGES
from advisor.playbook.judges_serving import speedups
from advisor.playbook.serve import STEP

from .conftest import Solve

KEY = "serve"


def test_archived_frameworks_are_named_and_left(view: View) -> None:
    report = STEP.report(view)
    old = [a for a in report.actions if "(archived)" in a.today]
    assert old
    assert not any("archived" in a.proposed for a in report.actions)
    steps()
    found = JUDGES["tgi-torchserve"](view)
    assert found is not None
    assert found[0] == "does_not_hold"


def test_each_saving_is_a_difference_of_the_objective(view: View) -> None:
    plan = view.plans[KEY]
    for move in view.moves(KEY, "SERVING"):
        undone = [move.before if c.workload == move.workload else c for c in plan.chosen]
        change = plan.objective.total(undone) - plan.objective.total(plan.chosen)
        assert move.saving_usd_month == pytest.approx(max(change, 0.0), abs=1e-6)


def test_the_chart_gives_every_framework_a_cost_or_a_reason(view: View) -> None:
    chart = next(c for c in STEP.report(view).charts if c.name == "frameworks")
    assert [r["state"] for r in chart.rows].count("best") == 1
    for row in chart.rows:
        assert row["text"] if row["value"] is not None else row["note"]
    assert len({r["label"] for r in chart.rows}) == len(chart.rows)


def test_the_table_lists_every_framework(view: View) -> None:
    table = next(t for t in STEP.report(view).tables if t.title.startswith("Frameworks"))
    assert len(table.rows) == len(view.catalog["frameworks"])
    running = sum(bool(c.choice["framework"]) for c in view.baseline.chosen)
    assert sum(int(r[2]) for r in table.rows if r[2] != "—") == running


def test_batching_never_slows_down(view: View) -> None:
    others = [w for w in view.portfolio.workloads if w.kind != "llm"]
    found = speedups(view, others, "dynamic_batching")
    assert found
    assert min(min(r) for r in found.values()) >= 1.0 - 1e-9


def test_one_workload_reads_well(solved: Solve, classifier: dict[str, Any]) -> None:
    report = STEP.report(solved(classifier))
    assert report.headline.split()[:3] in (["The", "one", "workload"], ["No", "other", "framework"])


def test_api_only(solved: Solve, hosted: dict[str, Any]) -> None:
    report = STEP.report(solved(hosted))
    assert report.actions == []
    assert report.headline.startswith("Nothing here is served by a framework of yours")


def test_claims_are_computed(view: View) -> None:
    assert all(c.computed for c in STEP.report(view).claims)
