from __future__ import annotations

from typing import Any

import pytest

from advisor.playbook import View, baseline, steps
from advisor.playbook.claims import JUDGES
from advisor.playbook.measure import STEP

from .conftest import Solve


def test_parts_sum_to_the_baseline(view: View) -> None:
    rows = baseline.parts(view)
    assert sum(r["usd"] for r in rows) == pytest.approx(view.baseline.usd_month, abs=1e-6)
    assert {r["part"] for r in rows} <= {
        "compute", "platforms", "training", "data", "tooling", "unexplained",
    }  # fmt: skip


def test_spend_in_the_guides_categories_sums_to_the_baseline(view: View) -> None:
    assert sum(baseline.spend(view).values()) == pytest.approx(view.baseline.usd_month)
    named = set(baseline.guide_shares(view, "spend")["category"])
    assert named == set(baseline.spend(view))


def test_the_guides_shares_are_normalised(view: View) -> None:
    for which in ("spend", "tco"):
        shares = baseline.guide_shares(view, which)["normalised"]
        assert shares.sum() == pytest.approx(1.0)


def test_idle_waste_lies_between_nothing_and_the_cost(view: View) -> None:
    found = baseline.uses(view)
    on_machines = [c for c in view.baseline.chosen if c.machines.any()]
    assert len(found) == len(on_machines)
    for use in found:
        assert 0.0 <= use.idle_usd <= use.usd
        assert use.share is None or 0.0 < use.share <= 1.0


def test_bills_are_reconciled(view: View) -> None:
    known = baseline.unexplained(view)
    assert set(known) == {w.name for w in view.portfolio.workloads if w.bill_usd_month}
    gap = sum(billed - modelled for modelled, billed in known.values())
    assert gap == pytest.approx(view.baseline.shared["unexplained"])


def test_unit_costs_times_volume_give_the_cost(view: View) -> None:
    for unit in baseline.unit_costs(view):
        workload = view.portfolio.workload(unit.workload)
        requests = float(view.setting.rates(workload).mean()) * 730 * 3600
        tokens = ((workload.isl_tokens or 0) + (workload.osl_tokens or 0)) / 1000
        units = requests * tokens if workload.kind == "llm" else requests
        usd = view.baseline.workload_usd_month[unit.workload]
        assert unit.usd * units == pytest.approx(usd, rel=1e-6)


def test_bands_match_by_task_and_size(view: View) -> None:
    bands = {u.workload: u.band["band"] if u.band else None for u in baseline.unit_costs(view)}
    assert bands["support-chat"] == "llm-70b"
    assert bands["code-assistant"] == "llm-7b"
    assert bands["ticket-classifier"] == "text-classification"
    assert bands["campaign-images"] == "image-generation"
    assert bands["meeting-summarizer"] is None  # nobody says how large it is


def test_a_hosted_workload_meets_its_own_market_price(view: View) -> None:
    unit = next(u for u in baseline.unit_costs(view) if u.workload == "meeting-summarizer")
    assert unit.market is not None
    assert unit.market[0] <= unit.usd * (1 + 1e-9)
    assert unit.usd <= unit.market[2] * (1 + 1e-9)


def test_three_cents_at_ten_million_a_day_is_300_000_a_day(view: View) -> None:
    steps()
    found = JUDGES["scale-shock"](view)
    assert found is not None
    verdict, here = found
    assert verdict == "does_not_hold"
    assert "$300,000 a day" in here
    assert "$9.12M a month" in here


def test_the_panel_says_what_it_costs_and_proposes_nothing(view: View) -> None:
    report = STEP.report(view)
    assert report.headline.startswith("Nine workloads cost $")
    assert report.headline.endswith("of it is machines that wait.")
    assert report.actions == []
    assert {c.name for c in report.charts} == {"cost_by_workload", "unit_cost", "utilisation"}
    assert all(c.computed for c in report.claims)


def test_one_workload_reads_well(solved: Solve, classifier: dict[str, Any]) -> None:
    report = STEP.report(solved(classifier))
    assert report.headline.startswith("One workload costs $")
    assert "No bill is known" in report.sub
    assert not any("Reconciled" in t.title for t in report.tables)


def test_api_only_has_no_idle_machines(solved: Solve, hosted: dict[str, Any]) -> None:
    view = solved(hosted)
    report = STEP.report(view)
    assert report.headline.endswith("billed by the token: no machine of yours waits.")
    assert baseline.mean_use(view) is None
    assert not any(c.name == "utilisation" for c in report.charts)
