"""The cheapest way over volume and labour: by hand, and against single points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.economics.surface import surface

VOLUMES = np.array([1.0, 10.0, 100.0])


def test_by_hand():
    # An API at 10 a unit without people; a fleet at 200 with 10 hours of work, or 150 with 30.
    run = np.array([10.0 * VOLUMES, np.full(3, 200.0), np.full(3, 150.0)])
    found = surface(run, np.array([0.0, 10.0, 30.0]), ["api", "own", "own"], np.array([1.0, 10.0]))
    assert found.ways == ("api", "own")
    np.testing.assert_array_equal(found.usd[1], [[180.0, 300.0]] * 3)
    np.testing.assert_array_equal(found.least, [[0, 0], [0, 0], [1, 1]])
    np.testing.assert_array_equal(found.second, 1 - found.least)
    np.testing.assert_allclose(found.margin[:, 1], [29.0, 2.0, 1000.0 / 300.0 - 1.0])
    # A straight line in logarithms is exact here: 10 v = 180 and 10 v = 300.
    np.testing.assert_allclose(found.crossing(VOLUMES, "own", "api"), [18.0, 30.0])
    assert found.crossing(VOLUMES, "api", "own") == pytest.approx([1.0, 1.0])


def test_a_way_that_never_pays():
    run = np.array([VOLUMES, 2.0 * VOLUMES])
    found = surface(run, np.zeros(2), ["api", "own"], np.ones(1))
    assert np.isinf(found.crossing(VOLUMES, "own", "api")).all()


POSITIVE = st.floats(0.01, 1e6)


@given(st.data())
def test_against_single_points(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 5))
    way = [data.draw(st.sampled_from(["a", "b", "c"])) for _ in range(n)]
    run = np.array([[data.draw(POSITIVE) for _ in VOLUMES] for _ in range(n)])
    hours = np.array([data.draw(st.floats(0, 1e3)) for _ in range(n)])
    rates = np.array([data.draw(POSITIVE) for _ in range(2)])
    found = surface(run, hours, way, rates)
    for (i, v), rate in np.ndenumerate(np.broadcast_to(rates, (3, 2))):
        usd = dict.fromkeys(way, np.inf)
        for option, name in enumerate(way):
            usd[name] = min(usd[name], run[option, i] + hours[option] * rate)
        assert found.usd[:, i, v] == pytest.approx([usd[name] for name in found.ways])
        ranked = sorted(usd.values())
        assert found.usd[found.least[i, v], i, v] == pytest.approx(ranked[0])
        margin = ranked[min(1, len(ranked) - 1)] / ranked[0] - 1.0
        assert found.margin[i, v] == pytest.approx(margin)


@given(POSITIVE, POSITIVE, st.floats(0, 1e3), st.floats(0.1, 1e3))
def test_dearer_people_never_help_what_needs_more_of_them(
    price: float, fleet: float, hours: float, rate: float
) -> None:
    """Nor does volume help a price per request against machines that stay as they are."""
    run = np.array([price * VOLUMES, np.full(3, fleet)])
    found = surface(run, np.array([0.0, hours]), ["api", "own"], np.array([rate, 2.0 * rate]))
    ratio = found.usd[0] / found.usd[1]
    assert (np.diff(ratio, axis=0) > 0.0).all()
    assert (np.diff(ratio, axis=1) <= 1e-12 * ratio[:, :1]).all()
    at = found.crossing(VOLUMES, "own", "api")
    assert at[1] >= at[0]
