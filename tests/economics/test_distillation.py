from __future__ import annotations

import math

import pytest

from advisor.economics.distillation import months_to_collect, study

COST = study(
    tokens_m=200.0,
    tokens_per_request=1000.0,
    usd_per_mtok=0.75,
    flop=6.0 * 8e9 * 200e6,
    usd_per_exaflop=5.0,
    evaluation_usd=500.0,
    rounds_year=2.0,
)


def test_a_study_by_hand() -> None:
    assert COST.examples == pytest.approx(200_000)
    assert COST.teacher_usd == pytest.approx(150.0)
    # 6 x 8e9 x 2e8 FLOP are 9.6 exaFLOP.
    assert COST.training_usd == pytest.approx(48.0)
    assert COST.round_usd == pytest.approx(698.0)
    assert COST.usd_year == pytest.approx(1396.0)


def test_own_traffic_supplies_the_examples() -> None:
    assert months_to_collect(COST.examples, 400_000.0) == pytest.approx(0.5)
    assert months_to_collect(COST.examples, 0.0) == math.inf
    unknown = study(
        tokens_m=200.0,
        tokens_per_request=None,
        usd_per_mtok=0.0,
        flop=0.0,
        usd_per_exaflop=5.0,
        evaluation_usd=0.0,
        rounds_year=1.0,
    )
    assert math.isnan(unknown.examples)
