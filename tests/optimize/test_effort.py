from __future__ import annotations

import pytest

from advisor.catalog import Catalog
from advisor.optimize.effort import distillation, distillation_gate, distillation_usd_year
from advisor.portfolio import Workload
from tests.optimize.given import CHAT, PHOTOS, portfolio


@pytest.fixture
def chat(small: Catalog) -> Workload:
    return portfolio(small, (CHAT,)).workloads[0]


def test_a_round_by_hand(small: Catalog, chat: Workload) -> None:
    cost = distillation(small, chat, "Llama-3.2-1B")
    # 200 M tokens of 950 a request, $0.75 a million; the evaluation is $500, twice a year.
    assert cost.examples == pytest.approx(200e6 / 950)
    assert cost.teacher_usd == pytest.approx(150.0)
    params = float(small.lookup("models", "Llama-3.2-1B")["params_b"])
    assert cost.training_usd == pytest.approx(6 * params * 1e9 * 200e6 / 1e18 * 5.1)
    assert cost.usd_year == pytest.approx(2 * (650.0 + cost.training_usd))
    assert distillation_usd_year(small, chat, "Llama-3.2-1B") == pytest.approx(cost.usd_year)


def test_what_is_not_distilled_takes_nothing(small: Catalog, chat: Workload) -> None:
    assert distillation_usd_year(small, chat, "Llama-3.1-8B") == 0.0


def test_a_scorer_has_its_teacher_s_answers(small: Catalog) -> None:
    photos = portfolio(small, (PHOTOS,)).workloads[0]
    assert distillation(small, photos, "ResNet-18").teacher_usd == 0.0


def gate(catalog: Catalog, workload: Workload, requests: float, usd: float, model: str) -> str:
    return distillation_gate(
        catalog,
        workload,
        model,
        requests_month=requests,
        usd_month=usd,
        usd_per_hour=100.0,
        horizon_months=12.0,
    )


def test_the_gate_opens_where_all_of_the_bill_could_repay_it(
    small: Catalog, chat: Workload
) -> None:
    cost = distillation(small, chat, "Llama-3.2-1B")
    # 320 hours at $100 over a year, and the rounds.
    month = 320 * 100.0 / 12.0 + cost.usd_year / 12.0
    assert gate(small, chat, 1e6, month * 1.001, "Llama-3.2-1B") == ""
    shut = gate(small, chat, 1e6, month / 2.0, "Llama-3.2-1B")
    assert shut == "a student pays back from 2.00M requests a month at the least; it has 1.00M"
    assert gate(small, chat, 1e6, 0.0, "Llama-3.1-8B") == ""
