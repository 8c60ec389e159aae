from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import InputError
from advisor.performance.replay import (
    NEVER,
    exact_curve,
    expiring_curve,
    prefix_curve,
    stack_distances,
)

KEYS = st.lists(st.integers(0, 9), max_size=60)


def lru_hits(keys: list[int], times: list[float], entries: int, ttl_s: float) -> int:
    """A cache of so many entries, request by request."""
    held: OrderedDict[int, float] = OrderedDict()
    hits = 0
    for key, time in zip(keys, times, strict=True):
        if key in held and time - held[key] <= ttl_s:
            hits += 1
        else:
            held[key] = time
        held.move_to_end(key)
        if len(held) > entries:
            held.popitem(last=False)
    return hits


def test_distances_by_hand() -> None:
    # b, c and d lie between the two a; nothing between the two d.
    assert stack_distances(list("abcbdda")).tolist() == [
        NEVER, NEVER, NEVER, 1, NEVER, 0, 3,
    ]  # fmt: skip
    curve = exact_curve(list("abcbdda"))
    assert curve.at([0, 1, 2, 3, 4, 99]) == pytest.approx(np.array([0, 1, 2, 2, 3, 3]) / 7)
    assert curve.unlimited == pytest.approx(3 / 7)


@given(KEYS, st.integers(1, 12))
def test_every_size_is_the_replayed_one(keys: list[int], entries: int) -> None:
    curve = exact_curve(np.array(keys, np.int64))
    hits = lru_hits(keys, [0.0] * len(keys), entries, np.inf)
    assert curve.at(entries) * len(keys) == pytest.approx(hits)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=60),
    st.integers(1, 7),
    st.integers(1, 12),
)
def test_expiry_is_the_replayed_one(asked: list[tuple[int, int]], entries: int, ttl_s: int) -> None:
    keys = [k for k, _ in asked]
    times = np.cumsum([gap for _, gap in asked]).astype(float)
    curve = expiring_curve(keys, times, ttl_s, [entries])
    hits = lru_hits(keys, times.tolist(), entries, ttl_s)
    assert curve.at(entries) * len(keys) == pytest.approx(hits)


@given(KEYS)
def test_more_entries_never_answer_less(keys: list[int]) -> None:
    curve = exact_curve(np.array(keys, np.int64))
    assert (np.diff(curve.hit_ratio) >= 0).all()
    repeats = len(keys) - len(set(keys))
    assert curve.unlimited * len(keys) == pytest.approx(repeats)


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=5), min_size=1, max_size=20),
    st.integers(1, 12),
)
def test_prefix_hits_are_leading_blocks(prompts: list[list[int]], entries: int) -> None:
    # A block's hash names its whole prefix.
    paths = [[tuple(p[: i + 1]) for i in range(len(p))] for p in prompts]
    names = {path: i for i, path in enumerate(sorted({x for p in paths for x in p}))}
    held: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for path in paths:
        leading = True
        for name in (names[x] for x in path):
            leading &= name in held
            hits += leading
            held[name] = None
            held.move_to_end(name)
            if len(held) > entries:
                held.popitem(last=False)
    flat = [names[x] for p in paths for x in p]
    count = [len(p) for p in paths]
    curve = prefix_curve(flat, count, [16 * n for n in count], 16)
    assert curve.at(entries) * len(flat) == pytest.approx(hits)


def test_prefix_share_counts_tokens() -> None:
    # Two prompts of 20 tokens share their first block of 16; the part-full second differs.
    curve = prefix_curve([1, 2, 1, 3], [2, 2], [20, 20], 16)
    assert curve.unlimited == pytest.approx(16 / 40)
    # The first block lies one other block back.
    assert curve.at(1) == 0.0
    assert curve.at(2) == pytest.approx(16 / 40)


def test_tokens_outside_blocks_never_hit() -> None:
    curve = prefix_curve([1, 1], [1, 1], [20, 20], 16)
    assert curve.unlimited == pytest.approx(16 / 40)


def test_a_thinned_curve_keeps_its_ends() -> None:
    curve = exact_curve(np.random.default_rng(1).zipf(1.3, 5000))
    short = curve.thinned(12)
    assert len(short.entries) <= 12
    assert short.unlimited == curve.unlimited
    assert short.hit_ratio == pytest.approx(curve.at(short.entries))


def test_bad_logs_are_named() -> None:
    with pytest.raises(InputError, match="order of arrival"):
        expiring_curve([1, 2], [5.0, 1.0], 10.0, [1])
    with pytest.raises(InputError, match="must be positive"):
        expiring_curve([1], [5.0], 0.0, [1])
    with pytest.raises(InputError, match="3 blocks"):
        prefix_curve([1, 2, 3], [1, 1], [16, 16], 16)
    with pytest.raises(InputError, match="one column"):
        exact_curve([[1, 2]])
