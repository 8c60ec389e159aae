"""Total cost of ownership by hand."""

from __future__ import annotations

import pytest

from advisor.economics.tco import LABELS, Ownership, total_cost


def test_a_year_by_hand() -> None:
    one = Ownership(
        compute=1000.0, training=100.0, unexplained=10.0, operations=200.0, data=50.0,
        tooling=30.0, watching=20.0, one_off=600.0,
    )  # fmt: skip
    found = total_cost(one, 12, oncall_share=0.1, opportunity_share=0.5, team_usd_month=40.0)
    assert list(found.index) == list(LABELS)
    assert found["compute"] == 12_000
    assert found["oncall"] == pytest.approx(0.1 * 220 * 12)
    assert found["one_off"] == 600
    # Half of all engineering: 242 a month, and the work done once.
    assert found["opportunity"] == pytest.approx(0.5 * (242 * 12 + 600))
    by_hand = 12 * (1000 + 100 + 10 + 220 + 22 + 40 + 50 + 30) + 600 + 0.5 * (242 * 12 + 600)
    assert found.sum() == pytest.approx(by_hand)


def test_twice_the_months_twice_all_but_what_is_done_once() -> None:
    one = Ownership(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, one_off=7.0)
    year, two = (total_cost(one, m, oncall_share=0.2, opportunity_share=0.0) for m in (12, 24))
    assert two.sum() - 7 == pytest.approx(2 * (year.sum() - 7))
