"""Packing, against every way to pack."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.optimize.joint.hosts import packed

share = st.floats(0.05, 1.0)


@given(st.lists(st.tuples(share, share), min_size=1, max_size=6))
@settings(max_examples=80)
def test_the_fewest_hosts(items: list[tuple[float, float]]) -> None:
    load, memory = [a for a, _ in items], [b for _, b in items]
    bins = packed(load, memory)
    for b in set(bins):
        mine = [i for i, at in enumerate(bins) if at == b]
        assert sum(load[i] for i in mine) <= 1 + 1e-8
        assert sum(memory[i] for i in mine) <= 1 + 1e-8
    fewest = min(
        len(set(way))
        for way in itertools.product(range(len(items)), repeat=len(items))
        if all(
            sum(x[i] for i in range(len(items)) if way[i] == b) <= 1 + 1e-9
            for b in set(way)
            for x in (load, memory)
        )
    )
    assert max(bins) + 1 == fewest


def test_many_arepacked_quickly_and_well() -> None:
    rng = np.random.default_rng(0)
    load, memory = rng.uniform(0.05, 0.5, 200).tolist(), rng.uniform(0.05, 0.5, 200).tolist()
    used = max(packed(load, memory)) + 1
    assert used <= 1.15 * max(sum(load), sum(memory))
