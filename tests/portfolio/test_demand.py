"""Demand over a week."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.errors import NotFoundError
from advisor.portfolio import hourly_rps, requests_per_month
from advisor.portfolio.demand import shape
from advisor.portfolio.model import Demand

TRACE = Path(__file__).parents[3] / "shared/data/traces/azure_llm_2024_week_hourly.json"
WEEKS = {"coding": "azure-coding-2024", "conversation": "azure-conversation-2024"}


def test_known_answer(tiny: Catalog) -> None:
    # Ten busy hours of 100 and fourteen quiet ones of 10 each day: mean 47.5.
    weights = shape(tiny, "office")
    assert weights[9] == pytest.approx(100 / 47.5)
    assert weights[0] == pytest.approx(10 / 47.5)


def test_a_mean_is_the_mean(tiny: Catalog) -> None:
    rates = hourly_rps(tiny, Demand(profile="office", mean_rps=3.0))
    assert rates.mean() == pytest.approx(3.0)
    assert requests_per_month(rates) == pytest.approx(3.0 * 3600 * 730)


def test_a_peak_is_the_busiest_hour(tiny: Catalog) -> None:
    rates = hourly_rps(tiny, Demand(profile="office", peak_rps=10.0))
    assert rates.max() == pytest.approx(10.0)
    assert rates.min() == pytest.approx(1.0)


def test_hourly_rates_are_taken_as_they_are(tiny: Catalog) -> None:
    given = tuple(float(h) for h in range(168))
    assert hourly_rps(tiny, Demand(hourly_rps=given)).tolist() == list(given)


def test_flat_needs_no_rows(tiny: Catalog) -> None:
    assert hourly_rps(tiny, Demand(mean_rps=2.0)).tolist() == [2.0] * 168


def test_an_unknown_profile_names_the_nearest(tiny: Catalog) -> None:
    with pytest.raises(NotFoundError, match="did you mean 'office'"):
        shape(tiny, "ofice")


def test_every_shipped_profile_is_a_whole_week_of_mean_one(shipped: Catalog) -> None:
    table = shipped["demand_profiles"]
    for profile, rows in table.groupby("profile"):
        assert sorted(rows["hour"]) == list(range(168))
        weights = shape(shipped, str(profile))
        assert weights.mean() == pytest.approx(1.0)
        assert weights.min() >= 0


@pytest.mark.parametrize("service", WEEKS)
def test_the_shipped_weeks_are_those_of_the_trace(shipped: Catalog, service: str) -> None:
    if not TRACE.is_file():
        pytest.skip(f"the trace is not here: {TRACE.name}")
    trace = json.loads(TRACE.read_text())[service]
    counts = np.array(trace["hourly_requests"], dtype=float)
    start = datetime.fromisoformat(trace["start"])
    weights = shape(shipped, WEEKS[service])
    assert weights.max() == pytest.approx(counts.max() / counts.mean(), rel=1e-6)
    # The traces start on a Friday and a Sunday, the catalog's week on a Monday.
    shift = start.weekday() * 24 + start.hour
    assert weights == pytest.approx(np.roll(counts / counts.mean(), shift), rel=1e-6)
