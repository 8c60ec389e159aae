"""Owned hardware, tokens and labour by hand."""

import pytest

from advisor.economics.labour import payback_months, usd_per_hour
from advisor.economics.owned import annuity
from advisor.economics.owned import usd_per_hour as owned_usd_per_hour
from advisor.economics.tokens import api_usd_per_request

FIGURES = {
    "owned_server_usd": 320_000.0,
    "owned_network_share": 0.0,
    "owned_life_months": 48.0,
    "owned_discount_rate": 0.0,
    "owned_support_share": 0.06,
    "owned_server_kw": 10.0,
    "owned_colo_usd_kw_month": 200.0,
    "owned_load_share": 0.5,
    "owned_pue": 1.2,
    "owned_power_usd_kwh": 0.1,
    "owned_early_exit_share": 0.15,
}


def test_annuity_without_interest_is_the_even_share():
    assert annuity(48_000, 0.0, 48) == pytest.approx(1000)
    assert annuity(48_000, 0.0, 48, residual=4_800) == pytest.approx(900)


def test_annuity_repays_the_principal():
    payment, rate = annuity(10_000, 0.12, 24), 0.01
    debt = 10_000.0
    for _ in range(24):
        debt = debt * (1 + rate) - payment
    assert debt == pytest.approx(0, abs=1e-6)
    assert payment == pytest.approx(470.73, abs=0.01)  # the textbook figure for 1 % over 24 months


def test_annuity_leaves_the_residual():
    payment, debt = annuity(10_000, 0.12, 24, residual=2_000), 10_000.0
    for _ in range(24):
        debt = debt * 1.01 - payment
    assert debt == pytest.approx(2_000, abs=1e-6)


def test_owned_server_by_hand():
    # 320,000 over 48 months, 6 % support a year, 10 kW at 200, and 6 kW drawn at 0.1 $/kWh.
    monthly = 320_000 / 48 + 320_000 * 0.06 / 12 + 10 * 200 + 6 * 730 * 0.1
    hourly = owned_usd_per_hour(FIGURES.__getitem__, chips=8, chip_tdp_w=700, horizon_months=48)
    assert hourly == pytest.approx(monthly / 730)
    half = owned_usd_per_hour(FIGURES.__getitem__, chips=4, chip_tdp_w=700, horizon_months=48)
    assert half == pytest.approx(hourly / 2)


def test_selling_early_costs():
    kept = owned_usd_per_hour(FIGURES.__getitem__, chips=8, chip_tdp_w=700, horizon_months=48)
    sold = owned_usd_per_hour(FIGURES.__getitem__, chips=8, chip_tdp_w=700, horizon_months=12)
    assert sold - kept == pytest.approx(320_000 * 0.75 * 0.15 / 12 / 730)


def test_a_request_by_hand():
    # 2,000 tokens in at 0.5 and 500 out at 1.5 $/M: 0.001 + 0.00075.
    price = {"isl_tokens": 2000, "osl_tokens": 500, "usd_per_mtok_in": 0.5, "usd_per_mtok_out": 1.5}
    assert api_usd_per_request(**price) == pytest.approx(0.00175)
    half = api_usd_per_request(**price, cached_share=0.5, usd_per_mtok_in_cached=0.1)
    assert half == pytest.approx(0.0005 + 0.0001 + 0.00075)
    assert api_usd_per_request(**price, cached_share=0.5) == pytest.approx(0.00175)
    # 1,000 tokens read at 0.1, each written once in ten reads: 100 at 1.25, the other 900 at 0.5.
    written = api_usd_per_request(
        **price,
        cached_share=0.5,
        usd_per_mtok_in_cached=0.1,
        usd_per_mtok_cache_write=1.25,
        reads_per_write=10,
    )
    assert written == pytest.approx(0.0001 + 0.000125 + 0.00045 + 0.00075)


def test_labour_by_hand():
    assert usd_per_hour(188_000, 1880) == pytest.approx(100)
    assert payback_months(6_000, 3_000) == pytest.approx(2)
    assert payback_months(6_000, 0) == float("inf")
