"""What a purchase option truly costs per hour."""

from __future__ import annotations


def term_rate(
    usd_per_hour: float, term_months: float, horizon_months: float, reuse_share: float
) -> float:
    """What a commitment truly costs per hour of the horizon, USD.

    Payments after the horizon count with the chance that nobody needs the machine any more;
    otherwise a three-year term would always beat one year on a twelve-month view.
    """
    tail = max(term_months - horizon_months, 0.0)
    return usd_per_hour * (1.0 + (1.0 - reuse_share) * tail / horizon_months)


def spot_rate(usd_per_hour: float, interruptions_per_month: float, overhead_share: float) -> float:
    """Spot price with what interruptions cost, USD per useful instance-hour.

    Parameters
    ----------
    usd_per_hour : float
        Market price.
    interruptions_per_month : float
        Share of instances interrupted in a month.
    overhead_share : float
        Idle and repeated work where a quarter of the instances is interrupted in a month.
    """
    return usd_per_hour * (1.0 + overhead_share * interruptions_per_month / 0.25)
