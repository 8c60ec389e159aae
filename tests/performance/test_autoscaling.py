"""Simulated autoscaling, worked by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import InputError
from advisor.performance.autoscaling import Fleets, Simulated, refined, simulate

TRACE = Path(__file__).parents[3] / "shared/data/traces/azure_llm_2024_week_hourly.json"
STEP = np.r_[np.ones(10), np.full(50, 2.0)][None]
"""An hour of minutes: one replica's worth, then two."""


def fleets(**changes: Any) -> Fleets:
    """Fleets that start a replica in three minutes, react, and hold nothing beyond need."""
    one: dict[str, Any] = {
        "row": 0, "replicas": 1.0, "lag_s": 180.0, "predictive": False, "target": 1.0,
        "warm": 0.0, "least": 0.0,
    }  # fmt: skip
    columns = np.broadcast_arrays(*(np.atleast_1d(v) for v in (one | changes).values()))
    return Fleets(*columns)


def run(demand: Any, found: Fleets, forecast: Any = None, **changes: float) -> Simulated:
    given_ = {"step_s": 60.0, "limit_s": 0.0, "hold_s": 60.0} | changes
    return simulate(demand, demand if forecast is None else forecast, found, **given_)


def test_reacting_to_a_step_by_hand():
    # Seen a minute later and ready three after that, so four minutes lack one replica. A third of
    # the queue is asked for on top, one more replica, which clears it in four minutes: late are
    # 1, 2, 2, 2 while it lacks, then 2, 2 and 1.
    found = run(STEP, fleets())
    assert found.late_share == pytest.approx([12 / 110])
    # 11 minutes of one, then 3, 3, 3, 4, 3, 3, 3 (those starting are paid for), then two.
    assert found.hourly[0] == pytest.approx([(11 + 22 + 42 * 2) / 60])


def test_looking_ahead_is_ready_in_time():
    found = run(STEP, fleets(predictive=True))
    assert found.late_share == pytest.approx([0.0])
    # The second replica is started three minutes before it is needed.
    assert found.hourly[0] == pytest.approx([(7 + 53 * 2) / 60])


def test_a_surprise_is_late_whether_or_not_one_looks_ahead():
    surprised = run(STEP, fleets(predictive=[False, True]), forecast=np.ones((1, 60)))
    assert surprised.late_share == pytest.approx([12 / 110] * 2)


def test_a_warm_replica_takes_the_step():
    found = run(STEP, fleets(warm=[0.0, 1.0]))
    assert found.late_share[1] == 0.0
    assert found.hourly[1] == pytest.approx([(11 * 2 + 49 * 3) / 60])


def test_a_least_fleet_stands_without_demand():
    found = run(np.zeros((1, 60)), fleets(least=[0.0, 2.0], warm=[0.0, 1.0]))
    assert found.hourly[:, 0].tolist() == [0.0, 3.0]
    assert found.late_share.tolist() == [0.0, 0.0]


def test_a_wait_within_the_limit_is_not_late():
    # Three minutes of one replica are three requests' worth: of the queue of 4, one is beyond.
    found = run(STEP, fleets(), limit_s=180.0)
    assert found.late_share == pytest.approx([1 / 110])


def test_a_fleet_shrinks_only_after_a_while():
    falls = np.r_[np.full(10, 3.0), np.ones(50)][None]
    found = run(falls, fleets(), hold_s=600.0)
    # The last of the three was seen in minute 10 and holds for ten.
    assert found.hourly[0] == pytest.approx([(20 * 3 + 40) / 60])


@given(level=st.floats(0.1, 20.0), target=st.floats(0.5, 1.0), ahead=st.booleans())
def test_flat_demand_costs_what_a_fixed_fleet_does(level: float, target: float, ahead: bool):
    found = run(np.full((1, 120), level), fleets(target=target, predictive=ahead))
    assert found.hourly[0] == pytest.approx(np.ceil(level / target - 1e-9))
    assert found.late_share == pytest.approx([0.0], abs=1e-9)


@given(
    demand=st.lists(st.floats(0.0, 5.0), min_size=60, max_size=60),
    lag=st.integers(0, 10),
    target=st.floats(0.5, 1.0),
)
def test_a_larger_warm_pool_is_never_later(demand: list[float], lag: int, target: float):
    warm = np.arange(6.0)
    found = run(
        np.array([demand]), fleets(warm=warm, lag_s=lag * 60.0, target=target, predictive=True)
    )
    assert (np.diff(found.late_share) <= 1e-9).all()
    assert found.late_share[-1] == 0.0  # demand never exceeds five


@given(
    hourly=st.lists(st.floats(0.0, 100.0), min_size=2, max_size=30), minutes=st.sampled_from([1, 5])
)
def test_refined_hours_keep_their_volume(hourly: list[float], minutes: int):
    forecast, demand = refined([hourly], minutes * 60.0, swing=0.0, swing_s=300.0)
    assert forecast.reshape(len(hourly), -1).mean(axis=1) == pytest.approx(np.array(hourly))
    assert demand is forecast


def test_swings_vary_as_stated_and_last():
    forecast, demand = refined(np.ones((2, 168)), 60.0, swing=0.2, swing_s=300.0)
    factor = (demand / forecast)[0].reshape(-1, 5)
    assert (factor == factor[:, :1]).all()
    assert factor.mean() == pytest.approx(1.0, abs=0.02)
    assert factor.std() == pytest.approx(0.2, abs=0.02)
    again = refined(np.ones((2, 168)), 60.0, swing=0.2, swing_s=300.0)[1]
    assert np.array_equal(demand, again)


def test_fleets_of_different_lags_do_not_mix():
    demand = np.random.default_rng(1).uniform(0.0, 8.0, (2, 240))
    lags, rows = np.array([600.0, 0.0, 120.0, 600.0]), np.array([0, 1, 0, 1])
    together = run(demand, fleets(lag_s=lags, row=rows), hold_s=300.0)
    for i, (lag, row) in enumerate(zip(lags, rows, strict=True)):
        alone = run(demand[row][None], fleets(lag_s=lag), hold_s=300.0)
        assert together.late_share[i] == pytest.approx(alone.late_share[0])
        assert together.hourly[i] == pytest.approx(alone.hourly[0])


def test_errors():
    with pytest.raises(InputError, match="divide an hour"):
        run(STEP, fleets(), step_s=50.0 * 60.0)
    with pytest.raises(InputError, match="target utilisation"):
        run(STEP, fleets(target=0.0))


@pytest.mark.skipif(not TRACE.exists(), reason=f"cannot run here: {TRACE.name} is not here")
def test_looking_ahead_is_cheaper_on_a_real_week():
    week = np.array(json.loads(TRACE.read_text())["conversation"]["hourly_requests"], float)
    forecast, demand = refined(week[None] / week.max(), 60.0, swing=0.13, swing_s=300.0)
    target, warm = (a.ravel() for a in np.meshgrid([0.7, 0.8, 0.9, 1.0], [0.0, 4.0, 8.0]))
    for lag_s in (300.0, 600.0):
        least = []
        for ahead in (False, True):
            way = fleets(replicas=40.0, lag_s=lag_s, predictive=ahead, target=target, warm=warm)
            found = run(demand, way, forecast, limit_s=5.0, hold_s=300.0)
            good = found.late_share <= 0.01
            least.append(found.hourly.mean(axis=1)[good].min())
        reactive, predictive = least
        assert predictive < reactive < 40.0
