"""How many replicas a rate needs: the staffing law by hand, and what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.performance.replicas import replicas


def test_by_hand():
    # 50 requests/s of 2 s each: 100 in service. A replica serves 5/s and 10 at once, so 10 are
    # needed for the mean, and 1.645 x sqrt(100) / 10 = 1.645 more for the 95th percentile.
    assert replicas(50, 5, 10, 2, 95) == 12
    assert replicas(50, 5, 10, 2, 50) == 10
    # 2.326 / 1 more at the 99th.
    assert replicas(50, 5, 10, 2, 99) == 13


def test_large_fleets_run_fuller():
    rates = np.array([5.0, 50.0, 500.0, 5000.0])
    count = replicas(rates, 5, 10, 2, 95)
    used = rates / 5 / count
    assert count.tolist() == [2, 12, 106, 1017]
    assert (np.diff(used) > 0).all()


def test_one_request_an_hour_still_needs_a_replica():
    assert replicas(1 / 3600, 100, 256, 0.05, 95) == 1


def test_no_requests_need_none():
    assert replicas(np.array([0.0, 1.0]), 10, 8, 0.5, 95).tolist() == [0, 1]


def test_a_whole_number_is_not_rounded_up():
    assert replicas(30, 10, 1e9, 1, 50) == 3


def test_broadcasts_over_hours_and_choices():
    hours = np.array([[0.0, 1.0, 40.0]])
    speed = np.array([[1.0], [10.0]])
    count = replicas(hours, speed, 8, 1, 95)
    assert count.shape == (2, 3)
    assert (count[0] >= count[1]).all()


positive = st.floats(0.01, 1e4)


@given(
    rates=st.lists(st.floats(0, 1e5), min_size=2, max_size=20),
    rps=positive,
    concurrency=st.floats(1, 2048),
    latency_s=st.floats(0.001, 100),
    percentile=st.sampled_from([50, 90, 95, 99, 99.9]),
)
def test_more_requests_never_need_fewer(
    rates: list[float], rps: float, concurrency: float, latency_s: float, percentile: float
):
    ordered = np.sort(rates)
    count = replicas(ordered, rps, concurrency, latency_s, percentile)
    assert (np.diff(count) >= 0).all()
    assert (count == np.floor(count)).all()
    assert (count * rps >= ordered * (1 - 1e-6) - 1e-6).all()


@given(rate=positive, rps=positive, latency_s=st.floats(0.001, 100))
def test_a_stricter_percentile_never_needs_fewer(rate: float, rps: float, latency_s: float):
    count = [replicas(rate, rps, 8, latency_s, p) for p in (50, 90, 99, 99.9)]
    assert count == sorted(count)


@pytest.mark.parametrize("percentile", [50, 95])
def test_twice_the_speed_needs_no_more(percentile: float):
    slow, fast = (replicas(np.linspace(0, 500, 99), s, 8, 1, percentile) for s in (3, 6))
    assert (fast <= slow).all()
    assert (fast < slow).any()
