from __future__ import annotations

import pytest

from advisor.catalog import Catalog
from advisor.optimize.effort import distillation, distillation_usd_year
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
