"""Waiting for one of several servers: known values, what must hold, and a short simulation."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.performance.queueing import (
    erlang_b,
    erlang_c,
    mean_wait_s,
    servers_for,
    wait_quantile_s,
)


def recursion(servers: int, load: float) -> float:
    """Erlang's loss formula by the stable recursion B(c) = aB(c-1) / (c + aB(c-1))."""
    lost = 1.0
    for c in range(1, servers + 1):
        lost = load * lost / (c + load * lost)
    return lost


def test_erlang_by_hand():
    # c = 2, a = 1: 1/2 over 1 + 1 + 1/2 are lost; C = 0.2 / (1 - 0.5 x 0.8) = 1/3.
    assert erlang_b(2, 1) == pytest.approx(0.2)
    assert erlang_c(2, 1) == pytest.approx(1 / 3)
    # One server: everyone waits who finds it busy.
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    assert erlang_c(np.array([3, 3]), np.array([3, 5])).tolist() == [1.0, 1.0]
    assert erlang_c(5, 0) == 0


@pytest.mark.parametrize(("servers", "load"), [(1, 0.2), (10, 7), (100, 99), (2000, 1950)])
def test_erlang_agrees_with_the_recursion(servers: int, load: float):
    assert erlang_b(servers, load) == pytest.approx(recursion(servers, load), rel=1e-9)


def test_a_single_server_by_hand():
    # M/M/1 at rho = 0.8: W = rho S / (1 - rho) = 4 S; constant service halves it.
    assert mean_wait_s(0.4, 2.0, 1) == pytest.approx(8.0)
    assert mean_wait_s(0.4, 2.0, 1, cs2=0.0) == pytest.approx(4.0)
    # P(W > x) = rho exp(-(1 - rho) x / S): P95 = 5 S ln(0.8 / 0.05).
    assert wait_quantile_s(0.4, 2.0, 1, 95) == pytest.approx(10 * np.log(16))
    assert wait_quantile_s(0.01, 2.0, 1, 95) == 0
    assert mean_wait_s(1.0, 2.0, 1) == np.inf
    assert wait_quantile_s(1.0, 2.0, 1, 95) == np.inf


def test_sizing_by_hand():
    # P99 wait of at most half a service time: utilisation 25, 50, 73, 90 and 97 %.
    found = servers_for([1, 4, 16, 64, 256], 1.0, 0.5, 99)
    assert found.tolist() == [4, 8, 22, 71, 264]
    assert servers_for([0.0, 1e-6], 1.0, 0.5, 99).tolist() == [0, 1]


def test_sizing_is_the_least_that_holds():
    loads = np.linspace(0.05, 55, 300)
    found = servers_for(loads, 1.0, 0.5, 95, cs2=0.5, ca2=2)
    assert (wait_quantile_s(loads, 1.0, found, 95, 0.5, 2) <= 0.5 + 1e-9).all()
    fewer = found - 1
    many = fewer > loads
    short = wait_quantile_s(loads[many], 1.0, fewer[many], 95, 0.5, 2)
    assert (short > 0.5 - 1e-9).all()


loads = st.floats(0.01, 1e5)


@given(load=loads, more=st.floats(1.0, 3.0), wait=st.floats(0.0, 10.0))
def test_sizing_is_monotone(load: float, more: float, wait: float):
    base = servers_for(load, 1.0, wait, 95)
    assert base >= load
    assert servers_for(load * more, 1.0, wait, 95) >= base
    assert servers_for(load, 1.0, wait * more, 95) <= base
    assert servers_for(load, 1.0, wait, 99) >= base
    assert servers_for(load, 1.0, wait, 95, ca2=3.0) >= base


@given(servers=st.integers(1, 500), used=st.floats(0.05, 0.98), ca2=st.floats(1.0, 4.0))
def test_bursts_wait_longer(servers: int, used: float, ca2: float):
    rate = servers * used
    assert mean_wait_s(rate, 1.0, servers, ca2=ca2) >= mean_wait_s(rate, 1.0, servers)
    plain, bursty = (wait_quantile_s(rate, 1.0, servers, 99, 1.0, c) for c in (1.0, ca2))
    assert bursty >= plain * (1 - 1e-9)


@pytest.mark.parametrize(("servers", "used", "cs2"), [(1, 0.7, 1), (4, 0.8, 0), (16, 0.85, 1)])
def test_agrees_with_simulation(servers: int, used: float, cs2: int):
    rng = np.random.default_rng(5)
    n = 200_000
    at = np.cumsum(rng.exponential(1 / (servers * used), n))
    service = rng.exponential(1.0, n) if cs2 else np.ones(n)
    free, waits = [0.0] * servers, []
    for begin, takes in zip(at.tolist(), service.tolist(), strict=True):
        start = max(free[0], begin)
        heapq.heapreplace(free, start + takes)
        waits.append(start - begin)
    seen = np.array(waits[n // 10 :])
    rate = servers * used
    assert 1 + mean_wait_s(rate, 1.0, servers, cs2) == pytest.approx(1 + seen.mean(), rel=0.03)
    tail = wait_quantile_s(rate, 1.0, servers, 95, cs2)
    assert 1 + tail == pytest.approx(1 + np.quantile(seen, 0.95), rel=0.08)
