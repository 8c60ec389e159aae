from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.economics.caching import (
    CachePrices,
    best_size,
    break_even_false_hits,
    break_even_hit_ratio,
    declared_hits,
    running_usd_month,
    saving_usd_month,
    size_usd_month,
)
from advisor.errors import InputError

# A million requests at $0.001; look-ups at $0.00001; 2 % of hits wrong at $0.01.
PRICES = CachePrices(1e6, 1e-3, 1e-5, 0.02, 0.01)


def test_a_saving_by_hand() -> None:
    # 300,000 hits save $300, 6,000 wrong ones cost $60, look-ups $10, the cache $100.
    assert saving_usd_month(PRICES, 0.3, 100.0) == pytest.approx(130.0)
    usd = running_usd_month(
        base_usd_month=100.0,
        requests_month=1e6,
        hit_ratio=0.3,
        usd_per_lookup=1e-5,
        false_hit_rate=0.02,
        usd_per_false_hit=0.01,
    )
    assert usd == pytest.approx(170.0)


def test_break_evens_by_hand() -> None:
    # $110 of fixed cost and look-ups against $800 for all hits.
    assert break_even_hit_ratio(PRICES, 100.0) == pytest.approx(0.1375)
    # $300 of hits less $110 leave $190 for mistakes: 19,000 of 300,000.
    assert break_even_false_hits(PRICES, 0.3, 100.0) == pytest.approx(19 / 300)


def test_what_never_pays_says_so() -> None:
    dear = CachePrices(1e6, 1e-3, 0.0, 0.2, 0.01)
    assert break_even_hit_ratio(dear, 100.0) is None
    assert break_even_hit_ratio(PRICES, 1e6) is None
    assert break_even_false_hits(PRICES, 0.1, 100.0) is None
    assert break_even_false_hits(PRICES, 0.0, 0.0) is None
    assert break_even_false_hits(CachePrices(1e6, 1e-3), 0.3, 100.0) == 1.0


@given(
    st.floats(1e3, 1e9),
    st.floats(1e-7, 1.0),
    st.floats(0.0, 0.1),
    st.floats(0.0, 0.05),
    st.floats(0.0, 1e4),
)
def test_the_break_even_separates_loss_from_saving(
    requests: float, miss: float, lookup: float, wrong: float, base: float
) -> None:
    prices = CachePrices(requests, miss, lookup * miss, wrong, miss)
    at = break_even_hit_ratio(prices, base)
    if at is None:
        assert saving_usd_month(prices, 1.0, base) <= 1e-9 * requests * miss
        return
    scale = requests * miss + base
    assert saving_usd_month(prices, at, base) == pytest.approx(0.0, abs=1e-9 * scale)
    assert saving_usd_month(prices, at * 0.9, base) <= 1e-9 * scale


def test_the_cheapest_size_is_where_memory_outruns_hits() -> None:
    sizes = np.array([1e6, 1e7, 1e8])
    base = size_usd_month(
        sizes, bytes_per_entry=2.0**30 / 1e6, usd_gib_month=12.0, least_usd_month=50.0
    )
    assert base == pytest.approx([50.0, 120.0, 1200.0])
    prices = CachePrices(1e6, 1e-3)
    best = best_size(prices, sizes, [0.1, 0.3, 0.4], base)
    assert (best.entries, best.hit_ratio) == (10_000_000, 0.3)
    assert best.saving_usd_month == pytest.approx(180.0)
    none = best_size(prices, sizes, [0.01, 0.02, 0.03], base)
    assert (none.entries, none.saving_usd_month) == (0, 0.0)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2e3)), min_size=1, max_size=8),
    st.floats(1e-6, 1e-2),
)
def test_no_size_saves_more_than_the_best(rows: list[tuple[float, float]], miss: float) -> None:
    hits, base = (np.array(c) for c in zip(*rows, strict=True))
    prices = CachePrices(1e6, miss)
    best = best_size(prices, np.arange(len(rows)) + 1, hits, base)
    savings = [1e6 * h * miss - b for h, b in rows]
    assert best.saving_usd_month == pytest.approx(max(0.0, *savings))


def test_sizes_and_hits_must_match() -> None:
    with pytest.raises(InputError, match="as many"):
        best_size(PRICES, [1, 2], [0.1], [1.0, 2.0])


def test_declared_hits_by_hand() -> None:
    # A sixteenth of the answers at skew 0.75 gives half the hits.
    assert declared_hits([0.0, 1 / 16, 1.0], 0.4, 0.75) == pytest.approx([0.0, 0.2, 0.4])
