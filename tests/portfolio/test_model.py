"""Values that would make a cost meaningless are refused where they are given."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.portfolio import parse


def parsed(catalog: Catalog, workload: dict[str, Any], **organisation: Any) -> None:
    who = {"clouds": ["aws"], **organisation}
    parse({"organisation": who, "workloads": [workload]}, catalog)


def test_a_plain_workload_is_taken(tiny: Catalog, chat: dict[str, Any]) -> None:
    parsed(tiny, chat, discounts={"aws": 0.99})
    parsed(tiny, {**chat, "unit": "1k_tokens"})


def test_nothing_is_sold_at_all_off(tiny: Catalog, chat: dict[str, Any]) -> None:
    with pytest.raises(PortfolioError, match="less than 1"):
        parsed(tiny, chat, discounts={"aws": 1.0})


def test_tokens_are_counted_only_where_there_are_some(tiny: Catalog, chat: dict[str, Any]) -> None:
    reader = {
        **{k: chat[k] for k in ("name", "demand")},
        "kind": "encoder",
        "task": "classification",
        "model": "Read-base",
        "unit": "1k_tokens",
        "current": {**chat["current"], "instance": "x.small", "framework": "plain"},
    }
    with pytest.raises(PortfolioError, match="1k_tokens needs isl_tokens"):
        parsed(tiny, reader)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), 1e8, "many"])
def test_absurd_demand_is_refused(tiny: Catalog, chat: dict[str, Any], rate: Any) -> None:
    with pytest.raises(PortfolioError, match="mean_rps"):
        parsed(tiny, {**chat, "demand": {"mean_rps": rate}})
