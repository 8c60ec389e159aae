from __future__ import annotations

import numpy as np
import pytest

from advisor.catalog import Catalog
from advisor.optimize.caches import (
    cache_options,
    cache_prices,
    declared_curve,
    entry_bytes,
    input_tokens,
    running_usd_month,
    size_usd_month,
)
from advisor.optimize.today import candidate_today
from advisor.portfolio import requests_per_month
from tests.optimize.given import CHAT, TICKETS, changed, setting

REPEATS = changed(CHAT, similar_share=0.4, false_hit_usd=0.001, quality_floor=0.9)


def test_a_semantic_look_up_reads_the_prompt(small: Catalog) -> None:
    given = setting(small, (REPEATS,))
    workload = given.portfolio.workloads[0]
    volume = requests_per_month(given.rates(workload))
    # 800 tokens at $0.02 a million; 2 % of the hits are wrong at $0.001.
    assert cache_prices(given, workload, "semantic_cache").usd_per_lookup == pytest.approx(16e-6)
    usd = running_usd_month(given, workload, "semantic_cache", 0.4)
    assert usd == pytest.approx(450.0 + volume * (16e-6 + 0.4 * 0.02 * 0.001))
    assert running_usd_month(given, workload, "exact_cache", 0.1) == pytest.approx(160.0)


def test_options_carry_their_running_cost(small: Catalog) -> None:
    given = setting(small, (REPEATS,))
    workload = given.portfolio.workloads[0]
    options = cache_options(given, workload, candidate_today(given, workload))
    assert [o.cache for o in options] == ["exact_cache", "semantic_cache"]
    for option in options:
        usd = running_usd_month(given, workload, option.cache, option.hit_ratio)
        assert option.usd_month == pytest.approx(usd)


def test_a_request_of_unknown_length_has_no_semantic_cache(small: Catalog) -> None:
    vague = {
        **changed(TICKETS, similar_share=0.4, false_hit_usd=0.0, quality_floor=0.9),
        "model": "text-embedding-3-small",
        "task": "embedding",
        "isl_tokens": None,
        "current": {
            "sourcing": "managed_api",
            "provider": "openai",
            "api_model": "text-embedding-3-small",
        },
    }
    given = setting(small, (vague,))
    workload = given.portfolio.workloads[0]
    assert input_tokens(given, workload) is None
    assert np.isnan(cache_prices(given, workload, "semantic_cache").usd_per_lookup)
    options = cache_options(given, workload, candidate_today(given, workload))
    assert [o.cache for o in options] == ["exact_cache"]


def test_many_distinct_answers_take_memory(small: Catalog) -> None:
    busy = changed(TICKETS, demand={"mean_rps": 1000.0})
    given = setting(small, (busy,))
    # 69.12 M distinct answers of a day at 250 bytes are 16 GiB.
    usd = running_usd_month(given, given.portfolio.workloads[0], "exact_cache", 0.2)
    assert usd == pytest.approx(69.12e6 * 250 / 2**30 * 12.2)


def test_an_entry_holds_answer_key_and_embedding(small: Catalog) -> None:
    given = setting(small, (REPEATS, TICKETS))
    chat, tickets = given.portfolio.workloads
    # 150 tokens of 6 bytes beside 200 for the key.
    assert entry_bytes(given, chat, "exact_cache") == pytest.approx(1100.0)
    assert entry_bytes(given, chat, "semantic_cache") == pytest.approx(10_100.0)
    assert entry_bytes(given, tickets, "exact_cache") == pytest.approx(250.0)


def test_the_smallest_service_holds_millions(small: Catalog) -> None:
    given = setting(small, (REPEATS,))
    workload = given.portfolio.workloads[0]
    usd = size_usd_month(given, workload, "exact_cache", np.array([1e6, 2.0**30 * 100 / 1100]))
    assert usd == pytest.approx([160.0, 1220.0])


def test_a_declared_curve_ends_at_the_stated_share(small: Catalog) -> None:
    given = setting(small, (REPEATS,))
    workload = given.portfolio.workloads[0]
    entries, hits = declared_curve(given, workload, 0.1)
    assert (np.diff(entries) > 0).all()
    assert (np.diff(hits) > 0).all()
    assert hits[-1] == pytest.approx(0.1)
    # A day of 3 requests/s, nine in ten of them distinct.
    assert entries[-1] == pytest.approx(3.0 * 86_400 * 0.9, abs=1)
