"""How many replicas a rate needs: the staffing law by hand, and what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.performance.replicas import pooled_replicas, replicas


def test_by_hand():
    # One at a time, half a service time to wait at the 99th percentile: Erlang's delay formula.
    count = replicas([1, 4, 16, 64, 256], 1, 1, 1.5, 99)
    assert count.tolist() == [4, 8, 22, 71, 264]
    # 50 requests/s of 2 s each: 100 in service, 102 with the reserve. Ten at once per replica,
    # no time to wait: C(c, 102) falls to 5 % at c = 120.2.
    assert replicas(50, 5, 10, 2, 95) == 13
    # C(c, 102) falls to 1 % at 127.
    assert replicas(50, 5, 10, 2, 99) == 13


def test_volume_alone_needs_no_reserve():
    assert replicas(50, 5, 10, 2, 0) == 10
    assert replicas(51, 5, 10, 2, 0) == 11


def test_large_fleets_run_fuller():
    rates = np.array([5.0, 50.0, 500.0, 5000.0])
    count = replicas(rates, 5, 10, 2, 95)
    used = rates / 5 / count
    assert (np.diff(used) > 0).all()
    assert 0.95 < used[-1] < 0.98


def test_bursts_need_more():
    rates = np.linspace(1, 300, 50)
    plain, bursty = (replicas(rates, 5, 10, 2, 95, ca2) for ca2 in (1.0, 4.0))
    assert (bursty >= plain).all()
    assert bursty.sum() > plain.sum()


def test_time_to_wait_saves_replicas():
    rates = np.linspace(1, 300, 50)
    none, some = (replicas(rates, 5, 1, t, 95) for t in (0.2, 0.4))
    assert (some <= none).all()
    assert some.sum() < none.sum()


def test_one_request_an_hour_still_needs_a_replica():
    assert replicas(1 / 3600, 100, 256, 0.05, 95) == 1


def test_no_requests_need_none():
    assert replicas(np.array([0.0, 1.0]), 10, 8, 0.5, 95).tolist() == [0, 1]


def test_a_whole_number_is_not_rounded_up():
    assert replicas(30, 10, 8, 1, 0) == 3


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
    percentile=st.sampled_from([0, 50, 90, 95, 99, 99.9]),
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
    count = [replicas(rate, rps, 8, latency_s, p) for p in (0, 50, 90, 99, 99.9)]
    assert count == sorted(count)


@pytest.mark.parametrize("percentile", [0, 95])
def test_twice_the_speed_needs_no_more(percentile: float):
    slow, fast = (replicas(np.linspace(0, 500, 99), s, 8, 1, percentile) for s in (3, 6))
    assert (fast <= slow).all()
    assert (fast < slow).any()


def test_replicas_that_batch_by_hand():
    # 10 each in a large fleet, 6 alone: n (10 - 4 / sqrt n) is 6, 14.3, 23.1, 32 for n of 1 to 4.
    count = pooled_replicas([0, 0.1, 6, 6.1, 14.3, 14.4, 23, 32, 32.1], 6, 10)
    assert count.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 5]


def test_a_target_only_a_fleet_can_meet():
    # 4 replicas carry 4 x (10 - 10 / 2) = 20 a second, one alone nothing.
    assert pooled_replicas([1, 20, 21], 0, 10).tolist() == [2, 4, 5]


@given(rate=positive, pooled=positive, share=st.floats(0, 1))
def test_pooled_replicas_carry_their_rate(rate: float, pooled: float, share: float):
    alone = pooled * share
    n = float(pooled_replicas(rate, alone, pooled))
    assert n * (pooled - (pooled - alone) / np.sqrt(n)) >= rate * (1 - 1e-6)
    if n > 1:
        fewer = n - 1
        assert fewer * (pooled - (pooled - alone) / np.sqrt(fewer)) <= rate * (1 + 1e-6) + 1e-9
