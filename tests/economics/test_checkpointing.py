"""Checkpoints at the interval of Young and Daly, and blocks of whole days."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from advisor.economics.checkpointing import block_days, interval_hours, mtbf_hours, overhead_share


def overhead(interval: float, write: float, mtbf: float, restart: float, run: float) -> float:
    asked = (np.array([x]) for x in (interval, write, mtbf, restart, run))
    t, c, m, r, h = asked
    return float(overhead_share(t, write_hours=c, mtbf=m, restart_hours=r, run_hours=h)[0])


def interval(write: float, mtbf: float) -> float:
    return float(interval_hours(np.array([write]), np.array([mtbf]))[0])


def test_by_hand() -> None:
    # Four machines, each taken once in two months: 730 / (0.5 x 4) = 365 h. Six minutes to write:
    # sqrt(2 x 0.1 x 365) = 8.544 h; 0.1 / 8.544 + 8.544 / 730 + 0.5 / 365 = 2.478 %.
    mtbf = float(mtbf_hours(np.array([0.5]), np.array([4.0]))[0])
    assert mtbf == 365.0
    assert interval(0.1, mtbf) == pytest.approx(8.544, abs=1e-3)
    assert overhead(8.544, 0.1, mtbf, 0.5, 1000.0) == pytest.approx(0.02478, abs=1e-5)


@given(st.floats(0.001, 1.0), st.floats(20.0, 5000.0), st.floats(0.0, 4.0))
def test_no_other_interval_loses_less(write: float, mtbf: float, restart: float) -> None:
    best = interval(write, mtbf)
    found = minimize_scalar(
        lambda t: overhead(t, write, mtbf, restart, 1e9), bounds=(best / 50, best * 50),
        method="bounded", options={"xatol": 1e-6 * best},
    )  # fmt: skip
    assert found.x == pytest.approx(best, rel=1e-3)
    assert overhead(best, write, mtbf, restart, 1e9) <= found.fun * (1 + 1e-9)


def test_a_run_shorter_than_its_interval_writes_nothing() -> None:
    # Half of its two hours are repeated, once in a hundred hours.
    assert overhead(5.0, 0.1, 100.0, 0.0, 2.0) == pytest.approx(1.0 / 100.0)


def test_machines_that_are_never_taken_lose_nothing() -> None:
    mtbf = float(mtbf_hours(np.array([0.0]), np.array([8.0]))[0])
    assert overhead(interval(0.1, mtbf), 0.1, mtbf, 0.5, 100.0) == 0.0


@given(st.floats(0.001, 1.0), st.floats(0.001, 1.0), st.integers(1, 63), st.floats(1.0, 5000.0))
def test_more_machines_are_interrupted_more(
    write: float, rate: float, machines: int, run: float
) -> None:
    def lost(n: int) -> float:
        mtbf = float(mtbf_hours(np.array([rate]), np.array([float(n)]))[0])
        return overhead(interval(write, mtbf), write, mtbf, 0.5, run)

    assert lost(machines + 1) > lost(machines)


@pytest.mark.parametrize(
    ("hours", "days"),
    [(0.5, 1), (24.0, 1), (24.1, 2), (182 * 24.0, 182), (182 * 24.1, np.inf), (np.inf, np.inf)],
)
def test_blocks_are_paid_by_the_day(hours: float, days: float) -> None:
    assert block_days(np.array([hours]))[0] == days
