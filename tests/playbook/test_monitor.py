from __future__ import annotations

from typing import Any

import pytest

from advisor.playbook import View
from advisor.playbook.monitor import STEP
from advisor.playbook.pools import pools
from advisor.playbook.watching import ALERT, watches

from .conftest import Solve


def test_alerts_stand_above_the_plan(view: View) -> None:
    plan = view.final
    for w in watches(view):
        usd = plan.workload_usd_month[w.workload]
        volume = plan.candidate(w.workload).predictions_per_month
        assert w.usd == pytest.approx(usd / volume)
        assert w.alert_usd >= w.usd * (1.0 + ALERT) - 1e-15


def test_every_workload_is_watched_dearest_first(view: View) -> None:
    names = [w.workload for w in watches(view)]
    assert sorted(names) == sorted(w.name for w in view.portfolio.workloads)
    costs = [view.final.workload_usd_month[n] for n in names]
    assert costs == sorted(costs, reverse=True)


def test_the_utilisation_band_holds_the_plan(view: View) -> None:
    for w in watches(view):
        if w.use is not None and w.busiest_use is not None:
            assert w.use / (1.0 + w.slack) < w.use <= w.busiest_use + 1e-9 <= 1.0 + 1e-9


def test_the_chart_is_normalised_to_today(view: View) -> None:
    (chart,) = STEP.report(view).charts
    for row, w in zip(chart.rows, watches(view), strict=True):
        assert row["today_usd"] == 1.0
        assert row["usd"] == pytest.approx(w.usd / w.today_usd)
        assert row["alert_usd"] > row["usd"]


def test_commitments_alert_where_they_stop_paying(view: View) -> None:
    for p in pools(view.plans["buy"]):
        if p.committed and p.break_even_use is not None:
            assert p.commitment_use >= p.break_even_use - 1e-9
            assert p.committed_saving_usd_month >= -1e-9


def test_headline_and_payback(view: View) -> None:
    report = STEP.report(view)
    saved = view.baseline.usd_month - view.final.usd_month
    assert saved > 0
    assert report.headline.startswith("Nine unit costs to watch. They guard $")
    claim = next(c for c in report.claims if c.claim_id == "payback-1-3")
    assert claim.computed
    assert report.actions == []


def test_nothing_accepted_leaves_nothing_to_guard(solved: Solve, hosted: dict[str, Any]) -> None:
    view = solved(hosted, rejected=("one", "two"))
    report = STEP.report(view)
    assert report.headline == "Two unit costs to watch. There is no saving to guard yet."
    claim = next(c for c in report.claims if c.claim_id == "payback-1-3")
    assert not claim.computed
    assert len(report.tables) == 1
