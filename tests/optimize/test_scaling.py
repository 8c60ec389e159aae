"""The law that autoscaled fleets follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.optimize.scaling import (
    LAGS_S,
    SIZES,
    Law,
    Trials,
    Way,
    allowed_late,
    law,
    scaled,
    spin_up_s,
    tried,
    ways,
)
from advisor.optimize.setting import Setting
from tests.optimize.given import CHAT, setting


def assuming(catalog: Catalog, **values: float) -> Catalog:
    """The catalog with other planning assumptions."""
    table = catalog["assumptions"].copy()
    for name, value in values.items():
        table.loc[table["name"] == name, "value"] = value
    return Catalog({**catalog.tables, "assumptions": table})


def test_the_cheapest_way_that_is_rarely_late_is_chosen() -> None:
    some = (Way(False, 0.0, 1.0), Way(True, 0.0, 1.0), Way(True, 0.2, 1.0))
    late = np.array([[0.05, 0.01, 0.0], [0.05, 0.03, 0.02]])
    machines = np.array([[3.0, 4.0, 5.0], [3.0, 4.0, 5.0]])
    trials = Trials(some, np.zeros((2, 3, 168)), machines, late, machines / 6.0)
    # Where none is good enough, the one that is late least.
    assert trials.chosen(0.01).tolist() == [1, 2]
    assert trials.chosen(0.05).tolist() == [0, 0]


def test_a_law_between_what_was_simulated_by_hand() -> None:
    extra = np.zeros((len(LAGS_S), len(SIZES), 168))
    extra[1:] = 0.1  # at 300 s and more a tenth, at 120 s nothing
    extra[2] = 0.3  # at 600 s three tenths
    found = Law(extra).beyond(np.array([60.0, 210.0, 300.0, 450.0, 900.0]), np.full(5, 10.0))
    assert found[:, 0] == pytest.approx([0.0, 0.5, 1.0, 2.0, 5.0])
    extra[:, 1] = 0.2
    extra[:, 2] = 0.4
    middle = np.sqrt(SIZES[1] * SIZES[2])
    found = Law(extra).beyond(np.full(2, 300.0), np.array([middle, 1.0]))
    assert found[:, 0] == pytest.approx([0.3 * middle, 0.1])


def test_start_times_by_hand(small: Catalog, three: Setting) -> None:
    catalog = assuming(
        small, machine_start_s=60, accelerator_start_s=200, weights_load_gib_s=0.5, cold_start_s=300
    )
    given_ = Setting(three.portfolio, catalog)
    kinds = catalog["accelerators"].set_index("accelerator")["kind"]
    bare = str(kinds.index[kinds == "cpu"][0])
    found = spin_up_s(given_, pd.Series(["A10G", bare, "A10G"]), [15.0, 0.5, np.nan])
    assert found.tolist() == [230.0, 61.0, 300.0]


@given(peak=st.integers(1, 60), lag=st.floats(30.0, 1500.0), seed=st.integers(0, 99))
def test_a_fleet_never_has_less_than_it_needs(
    three: Setting, peak: int, lag: float, seed: int
) -> None:
    workload = three.portfolio.workloads[0]
    count = np.random.default_rng(seed).integers(1, peak + 1, (2, 168)).astype(float)
    found = scaled(three, workload, count, np.full(2, lag))
    assert (found >= count).all()
    assert (found == np.round(found)).all()
    spare = three.portfolio.organisation.spare_instances
    beyond = law(three, workload).beyond(np.full(2, lag), np.maximum(count.max(axis=1) - spare, 0))
    # Fractions of a machine are carried on, not lost.
    assert (found - count).sum(axis=1) == pytest.approx(beyond.sum(axis=1), abs=0.51)


def test_a_level_demand_needs_nothing_beyond(small: Catalog) -> None:
    level = setting(assuming(small, demand_swing=0.0), [CHAT | {"demand": {"mean_rps": 3.0}}])
    only = level.portfolio.workloads[0]
    assert only.demand.profile == "flat"
    assert law(level, only).extra.max() == 0.0


def test_stricter_percentiles_hold_more(small: Catalog) -> None:
    def mean(percentile: float) -> float:
        one: dict[str, Any] = CHAT | {"slo": CHAT["slo"] | {"percentile": percentile}}
        found = setting(small, [one])
        only = found.portfolio.workloads[0]
        assert allowed_late(found, only) == pytest.approx(0.2 * (1.0 - percentile / 100.0))
        return float(law(found, only).extra.mean())

    assert mean(90.0) < mean(99.0) < mean(99.9)


def test_what_is_chosen_keeps_its_word(three: Setting) -> None:
    workload = three.portfolio.workloads[0]
    week = three.rates(workload)[:168]
    trials = tried(three, week[None], np.array([300.0]), np.array([7.0]), ways(three))
    best = trials.chosen(allowed_late(three, workload))[0]
    assert trials.late_share[0, best] <= allowed_late(three, workload)
    assert trials.of_static[0, best] < 1.0


def test_laws_are_shared_by_demand_and_kept(three: Setting) -> None:
    first = three.portfolio.workloads[0]
    twice = first.model_copy(update={"demand": first.demand.model_copy(update={"mean_rps": 30.0})})
    assert law(three, twice) is law(three, first)
    assert three.updated(three.portfolio).laws == three.laws
