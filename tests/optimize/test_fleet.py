"""Machines hour by hour, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.optimize.fleet import machines, static, working_rates
from advisor.portfolio import Workload
from tests.optimize.given import SCORES, TICKETS


def workload(shape: dict[str, Any] = TICKETS, **changes: Any) -> Workload:
    return Workload.model_validate({**shape, **changes})


def count(w: Workload, rates: list[float], *, spare: int = 1, **changes: float) -> list[float]:
    """Machines for these rates: a replica serves 10/s, 8 at once, in 0.8 s."""
    replica = {"rps_low": 10.0, "concurrency": 8.0, "latency_s": 0.8, "spread": 0.0}
    replica |= {"alone_low": np.nan, "per_machine": 1.0, **changes}
    found = machines(
        w, np.array(rates), **{k: np.array([v]) for k, v in replica.items()}, spare=spare
    )
    return [float(v) for v in found[0]]


def test_need_and_one_spare_by_hand():
    # 30/s of 0.8 s: 24 in service, 24.5 with the reserve; of 34 places one is free for 95 %
    # (Erlang's delay formula), which takes 5 replicas of 8.
    assert count(workload(), [30.0, 0.1, 0.0]) == [6, 2, 1]
    assert count(workload(), [30.0, 0.1, 0.0], spare=0) == [5, 1, 1]


def test_continuous_batching_by_hand():
    # 10 each in a large fleet, 6 alone: 14.3 of two, 23.1 of three.
    assert count(workload(), [6.0, 14.0, 23.0], alone_low=6.0, spare=0) == [1, 2, 3]


def test_several_replicas_share_a_machine():
    assert count(workload(), [30.0], per_machine=5.0) == [2]
    assert count(workload(), [30.0], per_machine=3.0) == [3]


def test_a_minimum_holds_at_any_hour():
    assert count(workload(min_instances=3), [0.0, 0.1, 30.0]) == [3, 3, 6]
    assert count(workload(min_instances=0), [0.0, 0.1], spare=0) == [0, 1]


def test_an_uncertain_prediction_needs_more_room():
    sure, unsure = (
        count(workload(), [300.0], spread=s, rps_low=10.0 / (1.0 + s)) for s in (0.0, 1.0)
    )
    assert unsure > sure


def test_deferrable_work_takes_no_spare_and_no_minimum():
    night = workload(SCORES, min_instances=1)
    assert count(night, [0.0, 30.0]) == [0, 3]


def test_deferrable_work_is_spread_over_the_hours_it_may_wait():
    rates = np.zeros(168)
    rates[20::24] = 24.0  # one busy hour every evening
    spread = working_rates(workload(SCORES, deferrable_hours=8), rates).reshape(7, 24)
    assert (spread[:, :8] == 3.0).all()
    assert (spread[:, 8:] == 0.0).all()
    whole = working_rates(workload(SCORES, deferrable_hours=100), rates)
    assert np.allclose(whole, 1.0)
    assert working_rates(workload(), rates) is rates


@given(hours=st.floats(0.5, 168), seed=st.integers(0, 1000))
def test_no_request_is_lost_or_invented(hours: float, seed: int):
    rates = np.random.default_rng(seed).uniform(0, 50, 168)
    work = working_rates(workload(SCORES, deferrable_hours=hours), rates)
    by_day = work.reshape(7, 24).sum(axis=1)
    assert by_day == pytest.approx(rates.reshape(7, 24).sum(axis=1))


def test_a_fixed_fleet_is_the_busiest_hours():
    assert static(np.array([[1.0, 4.0, 2.0], [0.0, 0.0, 3.0]])).tolist() == [[4] * 3, [3] * 3]


@given(rates=st.lists(st.floats(0, 1e4), min_size=2, max_size=50), spare=st.integers(0, 3))
def test_more_requests_never_need_fewer_machines(rates: list[float], spare: int):
    found = count(workload(), sorted(rates), spare=spare)
    assert found == sorted(found)
    assert all(v >= 1 and v == int(v) for v in found)
    at_least = np.array(sorted(rates)) / 10
    assert (np.array(found) >= at_least - 1e-6).all()
