from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from advisor.economics.cascade import (
    Pair,
    break_even_escalation,
    escalation_for,
    mix,
    recovered,
)
from advisor.errors import InputError

CASCADE = Pair(0.1, 1.0, 0.9, 1.0, skill=2.0, check_usd=0.05)
ROUTER = Pair(0.1, 1.0, 0.9, 1.0, skill=2.0, check_usd=0.05, routed=True)


def test_a_mixture_by_hand() -> None:
    # All ask the small model and are checked, 30 % also the large; (0.7)^2 of the gap stays.
    found = mix(CASCADE, [0.0, 0.3, 1.0])
    assert found.usd_per_request == pytest.approx([0.15, 0.45, 1.15])
    assert found.quality == pytest.approx([0.9, 0.951, 1.0])
    assert mix(ROUTER, 0.3).usd_per_request == pytest.approx(0.05 + 0.07 + 0.3)


def test_the_published_points() -> None:
    assert recovered(0.26, 2.3) == pytest.approx(0.5, abs=0.005)
    assert recovered(0.14, 4.6) == pytest.approx(0.5, abs=0.005)
    assert recovered(0.5, 1.0) == pytest.approx(0.5)


def test_the_floor_sets_the_share_by_hand() -> None:
    # At 0.975 a quarter of the gap may stay: half the requests at skill 2.
    found = escalation_for(0.9, [1.0, 1.0, 0.95], [0.975, 0.9, 0.96], 2.0)
    assert found == pytest.approx([0.5, 0.0, np.nan], nan_ok=True)


def test_break_even_shares_by_hand() -> None:
    assert break_even_escalation(CASCADE) == pytest.approx(0.85)
    assert break_even_escalation(ROUTER) == pytest.approx(0.85 / 0.9)
    assert break_even_escalation(CASCADE, alone_usd=0.65) == pytest.approx(0.5)
    assert break_even_escalation(Pair(1.0, 0.5, 0.9, 1.0, 2.0)) is None
    assert break_even_escalation(Pair(0.0, 0.0, 0.9, 1.0, 2.0)) == 1.0


PAIRS = st.builds(
    Pair,
    small_usd=st.floats(0.01, 1.0),
    large_usd=st.floats(0.01, 5.0),
    small_quality=st.floats(0.5, 0.95),
    large_quality=st.floats(0.95, 1.0),
    skill=st.floats(1.0, 5.0),
    check_usd=st.floats(0.0, 0.1),
    routed=st.booleans(),
)


@given(PAIRS, st.floats(0.5, 0.95))
def test_no_smaller_share_keeps_the_floor(pair: Pair, floor: float) -> None:
    least = float(escalation_for(pair.small_quality, pair.large_quality, floor, pair.skill))
    assert float(mix(pair, least).quality) >= floor - 1e-9
    assert float(mix(pair, max(least - 1e-3, 0.0)).quality) < floor or least < 1e-3


@given(PAIRS)
def test_above_the_break_even_the_large_model_alone_is_cheaper(pair: Pair) -> None:
    assume(pair.small_usd < pair.large_usd)
    at = break_even_escalation(pair)
    shares = np.linspace(0.0, 1.0, 21)
    cheaper = mix(pair, shares).usd_per_request <= pair.large_usd + 1e-12
    wanted = np.zeros(21, bool) if at is None else shares <= at + 1e-9
    assert (cheaper <= wanted).all()
    assert (cheaper[shares < (at or 0.0) - 1e-9]).all()


def test_a_choice_worse_than_chance_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        Pair(0.1, 1.0, 0.9, 1.0, skill=0.5)
