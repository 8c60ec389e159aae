from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.economics.cascade import recovered
from advisor.optimize.candidates import build
from advisor.optimize.cascades import pairs
from advisor.optimize.columns import Columns
from advisor.optimize.fleet import fleet, static
from advisor.optimize.generate import columns
from advisor.optimize.hosted import latest_prices, usd_per_request
from advisor.optimize.parts import CAPACITY
from advisor.optimize.scaling import scaled, spin_up_s
from advisor.optimize.scenarios import needed
from advisor.optimize.setting import Setting
from advisor.optimize.sweep import resized
from advisor.optimize.thin import bit
from advisor.optimize.today import candidate_today
from advisor.portfolio import Workload, requests_per_month
from tests.optimize.given import CHAT, PHOTOS, changed, setting


def found(given: Setting) -> tuple[Workload, pd.DataFrame]:
    workload = given.portfolio.workloads[0]
    return workload, pairs(given, workload, candidate_today(given, workload).choice)


@pytest.fixture(scope="module")
def chat(small: Catalog) -> Setting:
    """An 8B chat whose 1B and 3B students lose 3 %, against a floor of 98 %."""
    return setting(small, (changed(CHAT, quality_floor=0.98),))


def test_each_pair_keeps_the_floor_that_the_small_model_misses(chat: Setting) -> None:
    _, table = found(chat)
    # Both students lose as much: the smaller one does more.
    assert set(table["model"]) == {"Llama-3.2-1B"}
    assert set(table["escalate_to"]) == {"Llama-3.1-8B"}
    assert (table["own_quality"] < 0.98).all()
    assert table["quality"].to_numpy() == pytest.approx(0.98)
    assert ((table["escalated"] > 0) & (table["escalated"] < 1)).all()


def test_a_cascade_escalates_less_and_asks_the_small_model_more(chat: Setting) -> None:
    _, table = found(chat)
    for mode, skill, first in (("cascade", 3.0, 0.0), ("router", 1.5, 1.0)):
        part = table[table["escalation"] == mode]
        gap = part["rest_quality"] - part["own_quality"]
        closed = part["own_quality"] + gap * recovered(part["escalated"], skill)
        assert closed.to_numpy() == pytest.approx(0.98)
        share = 1.0 + 0.05 - first * part["escalated"]
        assert part["share"].to_numpy() == pytest.approx(share.to_numpy())


def test_a_pair_takes_fewer_chips_than_the_large_model_alone(chat: Setting) -> None:
    _, table = found(chat)
    mine = table[table["escalate_host"].isna()]
    alone = mine["rest_tensor_parallel"] / mine["rest_rps_low"]
    small = mine["share"] * mine["tensor_parallel"] / mine["rps_low"]
    assert len(mine)
    assert (small + mine["escalated"] * alone < alone).all()


def of_two(given: Setting) -> tuple[Columns, Any]:
    """Columns of the first workload, and the numbers of those of two models."""
    found = columns(given, given.portfolio.workloads[0])
    two = found.variants["escalation"].notna().to_numpy()
    return found, np.flatnonzero((found.variant >= 0) & two[found.variant])


def test_machines_are_the_sum_of_both_models(chat: Setting) -> None:
    columns, two = of_two(chat)
    here = columns.variants["rest_share"].to_numpy(float)[columns.variant[two]] > 0
    some = two[here & (columns.cache[two] < 0)][:20]
    rates = chat.rates(columns.workload)
    both = columns.machines(chat, some)
    for i, column in enumerate(some):
        row = columns.variants.iloc[columns.variant[column]].to_dict()
        devices = float(chat.places.devices[columns.place[column]])
        count = np.zeros(len(rates))
        for prefix, share in (("", row["share"]), ("rest_", row["rest_share"])):
            replica = {k: row[prefix + k] for k in (*CAPACITY, "tensor_parallel")}
            need = fleet(chat, columns.workload, {**replica, "devices": devices}, rates * share)[0]
            weights = [row[f"{prefix}weights_gib"]]
            lag = spin_up_s(chat, pd.Series([row["accelerator"]]), weights)
            follows = scaled(chat, columns.workload, need[None], lag)[0]
            count += static(need) if columns.fixed[column] else follows
        assert both[i] == pytest.approx(count)


def test_a_hosted_large_model_is_paid_by_the_request(chat: Setting) -> None:
    found, two = of_two(chat)
    hosts = found.variants["escalate_host"].to_numpy(object)[found.variant[two]]
    some = two[[h is not None for h in hosts]]
    assert len(some)
    prices = latest_prices(chat.catalog).query("tier == 'standard' and over_tokens == 0")
    prices = prices.set_index(["provider", "api_model"])
    for candidate in build(chat, found, some[:6]):
        price = prices.loc[tuple(candidate.choice["escalate_host"].split("/", 1))].to_dict()
        usd = requests_per_month(chat.rates(found.workload)) * usd_per_request(
            chat.catalog, found.workload, price
        )
        share = candidate.details["escalated"] * (1.0 - candidate.details.get("hit_ratio", 0.0))
        assert candidate.rest_usd_month == pytest.approx(share * usd)
        assert "sourcing:managed_api" in candidate.platforms
        assert len(candidate.details["parts"]) == 1


def test_work_money_and_machines_are_those_of_the_candidates(chat: Setting) -> None:
    """What the solver counts of a pair is what a plan then says of it."""
    found, two = of_two(chat)
    own = found.own_usd(chat, two)
    for i, candidate in enumerate(build(chat, found, two)):
        column = int(two[i])
        assert candidate.total_hours == pytest.approx(found.hours[column])
        usd = candidate.run_rate_usd_month + candidate.around_usd_month
        assert usd + candidate.one_off_usd / 12.0 == pytest.approx(own[i])
        again = needed(chat, found.workload, candidate, np.ones(1))[0]
        assert again == pytest.approx(candidate.machines)
        (same,) = resized(chat, found.workload, [candidate], 1.0)
        assert same.run_rate_usd_month == pytest.approx(candidate.run_rate_usd_month)
        assert same.machines.max() == pytest.approx(candidate.machines.max())


def test_levers_of_a_pair(chat: Setting) -> None:
    found, two = of_two(chat)
    needs = found.needs[two]
    host = found.variants["escalate_host"].notna().to_numpy()[found.variant[two]]
    assert (needs & bit("DISTILLATION")).all()
    assert (needs[host] & bit("SOURCING")).all()
    assert len(found.open_to(frozenset())) == 1


def test_a_checked_answer_comes_late(small: Catalog) -> None:
    tight = changed(CHAT, quality_floor=0.98, slo={"ttft_s": 0.5, "tpot_s": 0.1})
    _, table = found(setting(small, (tight,)))
    assert set(table["escalation"]) == {"router"}
    _, patient = found(setting(small, (changed(tight, deferrable_hours=8),)))
    assert "cascade" in set(patient["escalation"])


@pytest.mark.parametrize(
    "workload",
    [
        changed(CHAT, quality_floor=0.9),
        {
            **changed(PHOTOS, quality_floor=0.985),
            "name": "vectors",
            "kind": "encoder",
            "task": "embedding",
            "model": "bge-large",
            "unit": "request",
            "isl_tokens": 128,
        },
    ],
    ids=["the small model does alone", "vectors of two models do not compare"],
)
def test_no_pair_where_none_helps(small: Catalog, workload: dict[str, Any]) -> None:
    _, table = found(setting(small, (workload,)))
    assert table.empty
