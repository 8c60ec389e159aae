"""Engineering time as money."""

from __future__ import annotations


def usd_per_hour(engineer_usd_year: float, hours_year: float) -> float:
    """Loaded cost of one engineering hour, USD."""
    return engineer_usd_year / hours_year


def payback_months(one_off_usd: float, saving_usd_month: float) -> float:
    """Months until the saving has paid for the work; ``inf`` when it never does."""
    return one_off_usd / saving_usd_month if saving_usd_month > 0 else float("inf")
