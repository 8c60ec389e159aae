"""Workloads predicted together: as each alone, answered once, and with every reason kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.optimize import forecasts, solve
from advisor.optimize.considered import considered, every_variant
from advisor.optimize.forecasts import OUTDONE, question
from advisor.optimize.setting import Setting
from advisor.optimize.stacks import choice_today
from advisor.optimize.thin import SAME, unbeaten
from advisor.optimize.today import candidate_today
from advisor.optimize.variants import RANDOM
from advisor.portfolio import LEVERS, Workload
from tests.optimize.given import CHAT, PHOTOS, SCORES, SUMMARIES, TICKETS, changed, portfolio
from tests.optimize.given import setting as made

ALL = (CHAT, TICKETS, PHOTOS, SCORES, SUMMARIES)
MEASURED: dict[str, Any] = {
    "requests_per_s": 6.0,
    "accelerator": "L40S",
    "framework": "vllm",
    "weight_precision": "bf16",
    "concurrency": 32,
}
# Long prompts hold each other up: some chips read one in time, but not one in a thousand later.
TIGHT = changed(CHAT, slo={"ttft_s": 2, "tpot_s": 0.05, "percentile": 99.9}, isl_tokens=12000)


def useful(of: Setting, workload: Workload) -> pd.DataFrame:
    return of.useful(workload, choice_today(of.catalog, workload))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, rtol=1e-10, atol=0.0)


@pytest.fixture(scope="module")
def together(small: Catalog) -> Setting:
    return made(small, ALL)


@pytest.fixture(scope="module")
def tight(small: Catalog) -> Setting:
    return made(small, [TIGHT])


@pytest.mark.parametrize("row", ALL, ids=lambda r: r["name"])
def test_together_as_alone(small: Catalog, together: Setting, row: dict[str, Any]) -> None:
    alone, workload = made(small, [row]), together.portfolio.workload(row["name"])
    same(together.variants(workload), alone.variants(alone.portfolio.workloads[0]))
    same(useful(together, workload), useful(alone, alone.portfolio.workloads[0]))
    one, other = candidate_today(together, workload), candidate_today(alone, workload)
    assert one.run_rate_usd_month == pytest.approx(other.run_rate_usd_month, rel=1e-12)
    assert one.details.get("rps", 0.0) == pytest.approx(other.details.get("rps", 0.0), rel=1e-12)


def test_chunks_change_nothing(small: Catalog, together: Setting, monkeypatch) -> None:
    monkeypatch.setattr(forecasts, "CHUNK_ROWS", 100)
    chunked = made(small, ALL)
    for w in together.portfolio.workloads:
        same(chunked.variants(w), together.variants(w))
        same(useful(chunked, w), useful(together, w))


def test_the_same_question_is_answered_once(small: Catalog) -> None:
    twin = changed(CHAT, name="twin", bill_usd_month=9000, team="b", demand={"mean_rps": 9})
    other = changed(CHAT, name="other", slo={"ttft_s": 1, "tpot_s": 0.1})
    chat, second, third = (s := made(small, [CHAT, twin, other])).portfolio.workloads
    assert s.variants(chat) is s.variants(second)
    assert useful(s, chat) is useful(s, second)
    assert s.variants(chat) is not s.variants(third)


@pytest.mark.parametrize(
    "change",
    [
        {"isl_tokens": 801},
        {"osl_tokens": 151},
        {"slo": {"ttft_s": 2.5, "tpot_s": 0.1}},
        {"slo": {"ttft_s": 2, "tpot_s": 0.1, "percentile": 99}},
        {"model": "Llama-3.1-70B"},
        {"quality_floor": 0.9},
        {"prefix_share": 0.31},
        {"deferrable_hours": 6},
        {"substitutes": ["Mistral-7B"]},
        {"users": ["eu"]},
        {"measured": [MEASURED]},
        {"current": {**CHAT["current"], "weight_precision": "fp16"}},
        {"current": {**CHAT["current"], "tensor_parallel": 2}},
    ],
    ids=str,
)
def test_another_question_is_told_apart(small: Catalog, change: dict[str, Any]) -> None:
    one, other = portfolio(small, [CHAT, changed(CHAT, name="other", **change)]).workloads
    assert question(one) != question(other)


def test_what_is_not_kept_is_predicted_again(small: Catalog, together: Setting, monkeypatch):
    monkeypatch.setattr(forecasts, "KEPT_ROWS", 0)
    short = made(small, [CHAT, TICKETS])
    for w in short.portfolio.workloads:
        same(short.variants(w), together.variants(together.portfolio.workload(w.name)))
        same(useful(short, w), useful(together, together.portfolio.workload(w.name)))


def test_a_changed_portfolio_keeps_what_still_holds(small: Catalog) -> None:
    before = made(small, [CHAT, TICKETS])
    chat, tickets = before.portfolio.workloads
    kept = before.variants(chat), before.variants(tickets)
    after = before.updated(portfolio(small, [CHAT, changed(TICKETS, slo={"latency_s": 0.2})]))
    assert after.variants(after.portfolio.workloads[0]) is kept[0]
    assert after.variants(after.portfolio.workloads[1]) is not kept[1]
    moved = before.updated(portfolio(small, [CHAT, TICKETS], geographies=["eu"]))
    assert moved.variants(chat) is not kept[0]


def test_a_wrong_benchmark_stops_its_workload_alone(small: Catalog) -> None:
    wrong = changed(CHAT, name="wrong", measured=[{**MEASURED, "requests_per_s": 1e6}])
    s = made(small, [wrong, CHAT])
    bad, good = s.portfolio.workloads
    assert len(s.variants(good))
    for _ in range(2):
        with pytest.raises(PortfolioError, match="'wrong'"):
            s.variants(bad)
    assert candidate_today(s, good).run_rate_usd_month > 0


def test_what_fails_under_random_arrivals_is_kept_with_its_reason(tight: Setting) -> None:
    (workload,) = tight.portfolio.workloads
    table, left = tight.variants(workload), useful(tight, workload)
    why = tight.dropped(workload, choice_today(tight.catalog, workload))
    assert set(why) == {RANDOM, OUTDONE}
    gone = table.loc[why.index]
    assert (gone["reason"] == "").all()  # alone and at a steady batch they would do
    columns = [*SAME, "techniques", "weight_precision", "kv_precision"]
    keys = [set(t[columns].fillna(-1).itertuples(index=False, name=None)) for t in (gone, left)]
    assert not keys[0] & keys[1]
    groups = [set(t[SAME].fillna(-1).itertuples(index=False, name=None)) for t in (gone, left)]
    outdone = set(gone[why == OUTDONE][SAME].fillna(-1).itertuples(index=False, name=None))
    assert outdone <= groups[0] - groups[1]


def test_why_not_tells_of_random_arrivals(tight: Setting) -> None:
    (workload,) = tight.portfolio.workloads
    plan, levers = solve(tight, levers=LEVERS), frozenset(LEVERS)
    why = tight.dropped(workload, choice_today(tight.catalog, workload))
    shown = every_variant(plan, workload.name, levers)["reason"]
    assert set(shown[shown.isin([RANDOM, OUTDONE])].index) <= set(why.index)
    assert (shown == RANDOM).any()
    by = [*SAME, "techniques", "weight_precision", "kv_precision"]
    told = considered(plan, workload.name, levers, by)
    assert (told["reason"] == RANDOM).any()


ROW = st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 7), st.integers(0, 3))


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=24))
def test_only_what_another_beats_is_left_out(rows: list[tuple[int, ...]]) -> None:
    group, rps, needs, work = (np.array(c) for c in zip(*rows, strict=True))
    keep = unbeaten(group, rps.astype(float), needs, work.astype(float))

    def beats(j: int, i: int) -> bool:
        alike = group[j] == group[i] and needs[j] & ~needs[i] == 0
        return bool(alike and rps[j] >= rps[i] and work[j] <= work[i])

    for i in range(len(rows)):
        others = [j for j in range(len(rows)) if j != i and beats(j, i)]
        if keep[i]:
            strictly = [j for j in others if rps[j] > rps[i] or work[j] < work[i]]
            assert not strictly
        else:
            assert any(keep[j] for j in others)
