from __future__ import annotations

import itertools
from typing import Any

import pytest

from advisor.format import percent
from advisor.optimize.sweep import alone_usd_month, behind_cache, resized
from advisor.performance.replay import exact_curve
from advisor.playbook import View
from advisor.playbook.cache import STEP
from advisor.playbook.cache_sizes import prices_of, sizing
from advisor.playbook.hits import curve, pays_from, trials

from .conftest import Solve

KEY = "cache"


def chat(**more: Any) -> dict[str, Any]:
    """A hosted model whose requests repeat."""
    one = {
        "name": "chat",
        "kind": "llm",
        "task": "generation",
        "model": "gpt-4o",
        "isl_tokens": 2000,
        "osl_tokens": 300,
        "demand": {"mean_rps": 2.0},
        "quality_floor": 0.9,
        "current": {"sourcing": "managed_api", "provider": "openai", "api_model": "gpt-4o"},
    }
    return {"workloads": [{**one, **more}]}


@pytest.mark.parametrize("step", ["measure", "serve", "cache", "buy", "source"])
def test_today_s_volume_needs_what_the_plan_runs(view: View, step: str) -> None:
    plan = view.plans[step]
    for workload, chosen in zip(plan.portfolio.workloads, plan.chosen, strict=True):
        for again in resized(plan.setting, workload, [chosen], 1.0):
            assert again.machines == pytest.approx(chosen.machines)
            assert again.run_rate_usd_month == pytest.approx(chosen.run_rate_usd_month)


def test_twice_the_requests_cost_twice_on_a_hosted_model(view: View) -> None:
    plan = view.plans["cache"]
    workload = plan.portfolio.workload("meeting-summarizer")
    chosen = plan.candidate(workload.name)
    (twice,) = resized(plan.setting, workload, [chosen], 2.0)
    assert twice.run_rate_usd_month == pytest.approx(2 * chosen.run_rate_usd_month)
    assert twice.predictions_per_month == pytest.approx(2 * chosen.predictions_per_month)


def test_more_requests_never_need_fewer_machines(view: View) -> None:
    plan = view.plans["buy"]
    for workload, chosen in zip(plan.portfolio.workloads, plan.chosen, strict=True):
        sizes = [
            resized(plan.setting, workload, [chosen], f)[0].machines for f in (0.1, 0.5, 1.0, 3.0)
        ]
        for less, more in itertools.pairwise(sizes):
            # Single hours may differ by a machine: fractions of one are carried on.
            assert less.sum() <= more.sum()
            assert (less <= more + 1).all()


def test_a_cache_put_on_and_taken_off_changes_nothing(view: View) -> None:
    plan = view.plans["cache"]
    for workload, chosen in zip(plan.portfolio.workloads, plan.chosen, strict=True):
        bare = behind_cache(plan.setting, workload, chosen, "none", 0.0)
        assert bare is not None
        on = behind_cache(plan.setting, workload, bare, "exact_cache", 0.3)
        assert on is not None
        off = behind_cache(plan.setting, workload, on, "none", 0.0)
        assert off is not None
        assert alone_usd_month(plan, off) == pytest.approx(alone_usd_month(plan, bare))
        assert off.choice == {**bare.choice, "cache": "none"}


def test_an_exact_hit_on_a_hosted_model_saves_its_price(solved: Solve) -> None:
    view = solved(chat(repeat_share=0.4))
    trial = next(t for t in trials(view.plans["cache"]) if t.cache == "exact_cache")
    usd = view.baseline.chosen[0].run_rate_usd_month
    assert trial.gross_usd == pytest.approx(0.4 * usd, abs=0.01)
    assert trial.usd_per_hit == pytest.approx(trial.usd_per_request, rel=1e-4)
    report = STEP.report(view)
    assert [a.proposed for a in report.actions] == ["Exact-match result cache"]
    assert report.actions[0].risk == "low"
    assert report.headline.startswith("The one workload repeats itself enough for a cache to pay")


def test_a_wrong_answer_has_a_price(solved: Solve) -> None:
    data = chat(repeat_share=0.0, similar_share=0.5, false_hit_usd=0.01)
    trial = trials(solved(data).plans["cache"])[0]
    assert trial.cache == "semantic_cache"
    bearable = trial.bearable_usd
    assert bearable is not None
    dear = solved(chat(repeat_share=0.0, similar_share=0.5, false_hit_usd=1.01 * bearable))
    cheap = solved(chat(repeat_share=0.0, similar_share=0.5, false_hit_usd=0.99 * bearable))
    assert trials(dear.plans["cache"])[0].net_usd < 0 < trials(cheap.plans["cache"])[0].net_usd
    assert STEP.report(cheap).actions[0].risk == "high"
    assert "would cost" in STEP.report(dear).headline


def test_a_semantic_cache_needs_the_price_of_a_wrong_answer(solved: Solve) -> None:
    view = solved(chat(repeat_share=0.0, similar_share=0.5))
    assert view.plans["cache"].chosen[0].choice["cache"] == "none"
    report = STEP.report(view)
    assert report.headline == "No result cache applies here: nothing is known to repeat."
    assert ("chat", "A semantic cache needs the price of a wrong answer.") in report.notes[0].lines


def test_the_curve_marks_the_present_hit_ratio(view: View) -> None:
    rows = STEP.report(view).charts[0].rows
    assert sum(r["here"] for r in rows) == 1
    assert [r["hit"] for r in rows] == sorted(r["hit"] for r in rows)
    assert rows[0]["hit"] == 0.0


def test_it_pays_from_where_the_curve_first_dips(view: View) -> None:
    plan = view.plans["cache"]
    points = curve(plan, plan.portfolio.workload("meeting-summarizer"), "exact_cache", 0.05)
    start = pays_from(points)
    assert start is not None
    bare = points[0][1]
    assert all(usd >= bare for hit, usd in points[1:] if hit < start)
    assert dict(points)[start] < bare


def test_the_claim_counts_who_reaches_thirty_percent(view: View) -> None:
    claim = next(c for c in STEP.report(view).claims if c.claim_id == "cache-30-60")
    assert claim.computed
    assert "search-embeddings" in claim.here


def test_the_largest_size_saves_what_the_trial_does(solved: Solve) -> None:
    plan = solved(chat(repeat_share=0.4)).plans["cache"]
    trial = next(t for t in trials(plan) if t.cache == "exact_cache")
    sizes = sizing(plan, trial)
    entries, hit, usd = sizes.points[-1]
    assert hit == pytest.approx(0.4)
    # Answers of 300 tokens, 1,800 bytes and a key: millions fit the smallest service.
    assert entries == pytest.approx(2.0 * 86_400 * 0.6, rel=1e-3)
    assert usd == pytest.approx(trial.net_usd, rel=1e-3)
    assert sizes.best.saving_usd_month == pytest.approx(max(p[2] for p in sizes.points))


def test_a_replayed_log_sets_the_size(solved: Solve) -> None:
    plan = solved(chat(repeat_share=0.4)).plans["cache"]
    trial = next(t for t in trials(plan) if t.cache == "exact_cache")
    # Three keys in turn: nothing below three entries, almost all hits from there.
    sizes = sizing(plan, trial, exact_curve([1, 2, 3] * 100))
    assert sizes.best.entries == 3
    assert sizes.best.hit_ratio == pytest.approx(297 / 300)


def test_the_panel_says_what_a_cache_must_reach(solved: Solve) -> None:
    view = solved(chat(repeat_share=0.4, similar_share=0.5, false_hit_usd=0.001))
    report = STEP.report(view)
    size = next(c for c in report.charts if c.name == "cache_size")
    assert sum(r["best"] for r in size.rows) == 1
    assert size.alt.startswith("Cheapest at")
    limits = next(t for t in report.tables if t.title == "What a cache must reach")
    by_cache = {r[1]: r for r in limits.rows}
    # 2,000 tokens at $0.02 a million tokens, a million times.
    assert by_cache["semantic cache"][2] == "$40.0"
    assert by_cache["exact cache"][2] == "—"
    trial = next(t for t in trials(view.plans["cache"]) if t.cache == "exact_cache")
    own = 160.0 + trial.one_off_usd_month
    hits = own / trial.requests / prices_of(view.plans["cache"], trial).usd_per_miss
    assert by_cache["exact cache"][3] == percent(hits)
