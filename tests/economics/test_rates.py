"""What options truly cost, by hand."""

from __future__ import annotations

import pytest

from advisor.economics.rates import spot_rate, term_rate


def test_a_term_beyond_the_horizon_pays_its_stranded_tail() -> None:
    # Three years on a one-year view, half of the tail expected to be useful: 24 months, half lost.
    assert term_rate(1.0, 36, 12, 0.5) == pytest.approx(1.0 + 0.5 * 24 / 12)
    assert term_rate(1.0, 12, 12, 0.5) == 1.0
    assert term_rate(1.0, 36, 12, 1.0) == 1.0


def test_interruptions_raise_the_spot_price() -> None:
    assert spot_rate(1.0, 0.0, 0.1) == 1.0
    assert spot_rate(1.0, 0.25, 0.1) == pytest.approx(1.1)
