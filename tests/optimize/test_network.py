"""The way between machines and users: taken off the target, and never guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.optimize import hosted, solve
from advisor.optimize.generate import columns
from advisor.optimize.network import UNPLACED, hosted_s, network_s, round_trip_s
from advisor.optimize.places import inside
from advisor.optimize.setting import Setting
from advisor.optimize.today import candidate_today
from advisor.portfolio import LEVERS
from tests.optimize.given import CHAT, TICKETS, changed
from tests.optimize.given import setting as made

QUICK = changed(CHAT, slo={"ttft_s": 0.2, "tpot_s": 0.1})
HASTY = changed(TICKETS, slo={"latency_s": 0.135})
BOTH = {"geographies": ["us", "eu"]}


def reading(catalog: Catalog, row: dict[str, Any], **organisation: Any) -> Setting:
    return made(catalog, [row], **organisation)


def test_round_trips_are_the_catalogs_either_way(shipped: Catalog) -> None:
    assert round_trip_s(shipped, "us", "eu") == round_trip_s(shipped, "eu", "us") == 0.131
    assert np.isnan(round_trip_s(shipped, "any", "eu"))
    table = shipped["network"]
    assert (table["rtt_low_s"] <= table["rtt_s"]).all()
    assert (table["rtt_s"] <= table["rtt_high_s"]).all()
    places = [g for g in shipped["regions"]["geography"].unique() if g != "any"]
    assert not any(np.isnan(round_trip_s(shipped, a, b)) for a in places for b in places)


def test_the_farthest_user_counts(small: Catalog) -> None:
    places = pd.Series(["us", "eu", "uk", "any"])
    for users, expected in (
        ([], [0.0, 0.0, 0.0, 0.0]),
        (["eu"], [0.131, 0.031, 0.015, np.nan]),
        (["uk", "us"], [0.138, 0.131, 0.138, np.nan]),
    ):
        workload = reading(small, changed(CHAT, users=users)).portfolio.workloads[0]
        np.testing.assert_array_equal(network_s(small, workload, places), expected)


@pytest.mark.parametrize(("row", "target"), [(QUICK, "ttft_s"), (HASTY, "latency_s")])
def test_the_way_is_taken_off_the_target(small: Catalog, row: dict[str, Any], target: str) -> None:
    """From Europe: 131 ms to machines in America, 31 ms to those in Europe."""
    far = reading(small, changed(row, users=["eu"]), **BOTH)
    table = far.variants(far.portfolio.workloads[0])
    assert set(table["network_s"]) == {0.131, 0.031}
    for way, geography in ((0.131, "us"), (0.031, "eu")):
        less = changed(row, slo={**row["slo"], target: row["slo"][target] - way})
        near = reading(small, less, geographies=[geography])
        expected = near.variants(near.portfolio.workloads[0])
        found = table[table["network_s"] == way].reset_index(drop=True)
        told = found["reason"].str.replace(NOTE, "", regex=True)
        late = told.str.startswith("misses latency") & ~told.str.contains("per token")
        pd.testing.assert_series_equal(found["reason"].str.contains(NOTE), late)
        pd.testing.assert_frame_equal(
            found.assign(network_s=0.0, reason=told).sort_values(list(KEYS), ignore_index=True),
            expected.sort_values(list(KEYS), ignore_index=True),
        )


NOTE = r" \(\d+ ms of the target go to the network\)$"
KEYS = (
    *("model", "framework", "techniques", "compression", "weight_precision", "kv_precision"),
    *("accelerator", "chip_share", "host_memory_gib", "tensor_parallel"),
)


def test_variants_join_places_as_far(small: Catalog) -> None:
    s = reading(small, changed(CHAT, users=["eu"]), **BOTH)
    (workload,) = s.portfolio.workloads
    found = columns(s, workload)
    here = found.place >= 0
    place = s.places.table["geography"].iloc[found.place[here]]
    way = network_s(small, workload, place)
    of = found.variants["network_s"].to_numpy(float)[found.variant[here]]
    np.testing.assert_array_equal(of, way)
    assert len(set(way)) == 2


def test_a_plan_stays_near_users_where_the_target_is_tight(small: Catalog) -> None:
    row = changed(TICKETS, slo={"latency_s": 0.1})
    assert (
        solve(reading(small, row, **BOTH), levers=LEVERS).chosen[0].choice["region"] == "us-east-1"
    )
    near = solve(reading(small, changed(row, users=["eu"]), **BOTH), levers=LEVERS)
    assert near.chosen[0].choice["region"] == "eu-west-1"


def own_ways(s: Setting) -> set[float]:
    """Round trips of the places of one's own hardware."""
    table = s.places.table
    mine = table[table["sourcing"] == "owned"]
    return set(network_s(s.catalog, s.portfolio.workloads[0], mine["geography"]))


def test_hardware_of_ones_own_stands_where_it_suits_best(shipped: Catalog) -> None:
    """Users in Europe: 31 ms from there, 131 ms from America; residency and what is stated bind."""
    row = changed(CHAT, users=["eu"])
    assert own_ways(reading(shipped, row, geographies=["us"])) == {0.131}
    assert own_ways(reading(shipped, row, **BOTH)) == {0.031}
    assert own_ways(reading(shipped, row, **BOTH, owned_geography="us")) == {0.131}
    assert own_ways(reading(shipped, changed(row, residency=["us"]), **BOTH)) == {0.131}
    s = reading(shipped, row, **BOTH)
    assert (s.variants(s.portfolio.workloads[0])["reason"] != UNPLACED).all()


@pytest.mark.parametrize(("where", "stays"), [(None, True), ("eu", True), ("us", False)])
def test_ones_own_hardware_keeps_to_residency(
    shipped: Catalog, where: str | None, stays: bool
) -> None:
    s = reading(shipped, changed(CHAT, residency=["eu"]), **BOTH, owned_geography=where)
    mine = s.places.table["sourcing"] == "owned"
    assert inside(s.places, s.portfolio.workloads[0])[mine].all() == stays


def test_a_place_nobody_names_is_doubted(shipped: Catalog) -> None:
    there = {"cloud": "lambda", "region": "any", "instance": "gpu_1x_a100_sxm4"}
    row = changed(CHAT, users=["us"], current={**CHAT["current"], **there})
    s = reading(shipped, row)
    assert candidate_today(s, s.portfolio.workloads[0]).details["doubt"] == UNPLACED


def test_a_host_is_as_far_as_its_nearest_place(shipped: Catalog) -> None:
    workload = reading(shipped, changed(CHAT, users=["eu", "us"])).portfolio.workloads[0]
    for places, way in ((["us"], 0.131), (["us", "eu"], 0.043), (["uk"], 0.138)):
        assert hosted_s(shipped, workload, places) == way
    assert hosted_s(shipped, workload, []) == shipped.assumption("hosted_network_s")
    nobody = reading(shipped, CHAT).portfolio.workloads[0]
    assert hosted_s(shipped, nobody, ["us"]) == 0.0


def test_a_host_too_far_is_closed(shipped: Catalog) -> None:
    """From Europe 131 ms to a host in America: more than a target of 120 ms, less than of 200."""
    for target, late in ((0.12, True), (0.2, False)):
        row = changed(CHAT, users=["eu"], slo={"ttft_s": target, "tpot_s": 0.1})
        s = reading(shipped, row)
        found = {r["provider"]: why for r, why in hosted.options(s, s.portfolio.workloads[0])}
        assert ("131 ms" in found["groq"]) is late
        assert found["novita"] == ""  # no place known: a front end near users is assumed


def test_today_counts_the_way(small: Catalog) -> None:
    row = changed(TICKETS, slo={"latency_s": 0.1})
    near, far = (reading(small, changed(row, users=u)) for u in (["us"], ["eu"]))
    doubts = [candidate_today(s, s.portfolio.workloads[0]).details["doubt"] for s in (near, far)]
    assert "misses latency" not in doubts[0]
    assert "131 ms of the target go to the network" in doubts[1]
