from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.economics.cascade import recovered
from advisor.optimize.cascades import need, pairs
from advisor.optimize.fleet import fleet
from advisor.optimize.hosted import latest_prices, usd_per_request
from advisor.optimize.setting import Setting
from advisor.optimize.today import candidate_today
from advisor.portfolio import Workload, requests_per_month
from tests.optimize.given import CHAT, PHOTOS, changed, setting


def found(given: Setting) -> tuple[Workload, pd.DataFrame]:
    workload = given.portfolio.workloads[0]
    today = candidate_today(given, workload).choice
    return workload, pairs(given, workload, given.useful(workload, today), today)


@pytest.fixture(scope="module")
def chat(small: Catalog) -> Setting:
    """An 8B chat whose 1B and 3B students lose 3 %, against a floor of 98 %."""
    return setting(small, (changed(CHAT, quality_floor=0.98),))


def test_each_pair_keeps_the_floor_that_the_small_model_misses(chat: Setting) -> None:
    _, table = found(chat)
    assert set(table["small_model"]) == {"Llama-3.2-1B", "Llama-3.2-3B"}
    assert set(table["large_model"]) == {"Llama-3.1-8B"}
    assert (table["small_quality"] < 0.98).all()
    assert table["quality"].to_numpy() == pytest.approx(0.98)
    assert ((table["escalated"] > 0) & (table["escalated"] < 1)).all()


def test_a_cascade_escalates_less_and_asks_the_small_model_more(chat: Setting) -> None:
    _, table = found(chat)
    for mode, skill, first in (("cascade", 3.0, 0.0), ("router", 1.5, 1.0)):
        part = table[table["mode"] == mode]
        gap = part["large_quality"] - part["small_quality"]
        closed = part["small_quality"] + gap * recovered(part["escalated"], skill)
        assert closed.to_numpy() == pytest.approx(0.98)
        share = 1.0 + 0.05 - first * part["escalated"]
        assert part["small_share"].to_numpy() == pytest.approx(share.to_numpy())


def test_a_pair_takes_fewer_chips_than_the_large_model_alone(chat: Setting) -> None:
    _, table = found(chat)
    mine = table[table["provider"].isna()]
    alone = mine["large_tensor_parallel"] / mine["large_rps_low"]
    small = mine["small_share"] * mine["small_tensor_parallel"] / mine["small_rps_low"]
    assert len(mine)
    assert (small + mine["escalated"] * alone < alone).all()


def test_need_is_the_sum_of_both_models(chat: Setting) -> None:
    workload, table = found(chat)
    mine = table[table["provider"].isna()].head(3).assign(devices=8.0)
    rates = chat.rates(workload)
    both = need(chat, workload, mine, rates)
    for i, (_, row) in enumerate(mine.iterrows()):
        parts = []
        for name, share in (("small", row["small_share"]), ("large", row["escalated"])):
            one: dict[str, Any] = {k.removeprefix(f"{name}_"): v for k, v in row.items()}
            parts.append(fleet(chat, workload, {**one, "devices": 8.0}, rates * share)[0])
        assert both[i] == pytest.approx(parts[0] + parts[1])


def test_a_hosted_large_model_is_paid_by_the_request(chat: Setting) -> None:
    workload, table = found(chat)
    mine = table[table["provider"].notna()]
    assert len(mine)
    prices = latest_prices(chat.catalog).query("tier == 'standard' and over_tokens == 0")
    prices = prices.set_index(["provider", "api_model"])
    row = mine.iloc[0]
    price = prices.loc[tuple(row["provider"].split("/", 1))].to_dict()
    usd = requests_per_month(chat.rates(workload)) * usd_per_request(chat.catalog, workload, price)
    assert row["own_usd_month"] == pytest.approx(row["escalated"] * usd)
    machines = need(chat, workload, mine.head(1).assign(devices=8.0), chat.rates(workload))
    assert np.isfinite(machines).all()


def test_a_checked_answer_comes_late(small: Catalog) -> None:
    tight = changed(CHAT, quality_floor=0.98, slo={"ttft_s": 0.5, "tpot_s": 0.1})
    _, table = found(setting(small, (tight,)))
    late = table[table["reason"] != ""]
    assert set(late["mode"]) == {"cascade"}
    assert set(late["reason"]) == {"the small model's whole answer must come first: too late"}
    _, patient = found(setting(small, (changed(tight, deferrable_hours=8),)))
    assert (patient["reason"] == "").all()


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
