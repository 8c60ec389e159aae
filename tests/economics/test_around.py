"""What stands around machines, by hand."""

from __future__ import annotations

import pytest

from advisor.economics.around import around

FIGURES = {
    "log_bytes_per_request": 2000.0,
    "storage_usd_gb_month": 0.02,
    "response_bytes_per_token": 5.0,
    "egress_usd_gb": 0.09,
    "cross_zone_usd_gb": 0.01,
    "load_balancer_usd_month": 25.0,
    "block_storage_usd_gb_month": 0.08,
}


def test_a_million_answers_by_hand() -> None:
    found = around(FIGURES.__getitem__, "self_hosted", requests_month=1e6, osl_tokens=200.0)
    # 2 GB of logs, 1 GB of answers.
    assert found.usd_month == pytest.approx(25.0 + 2 * 0.02 + 1 * 0.10)
    assert found.total(3, 10) == pytest.approx(found.usd_month + 30 * 2**30 / 1e9 * 0.08)


@pytest.mark.parametrize(("sourcing", "usd"), [("managed_api", 0.0), ("owned", 0.04),
                                               ("managed_inference", 0.14)])  # fmt: skip
def test_who_brings_what(sourcing: str, usd: float) -> None:
    found = around(FIGURES.__getitem__, sourcing, requests_month=1e6, osl_tokens=200.0)
    assert found.usd_month == pytest.approx(usd)
