r"""Owned hardware as an hourly rate.

.. math:: c = \frac{A + S + N + m\,\text{colo} + P\,\text{PUE}\,\text{tariff}\cdot 730}{730}

with the monthly annuity :math:`A` of purchase less residual value, support :math:`S`, networking
:math:`N` in the purchase, colocation per kW and energy at the stated load.
"""

from __future__ import annotations

from collections.abc import Callable

HOURS_PER_MONTH = 730.0
REFERENCE_CHIPS = 8.0
"""The purchase price assumption is for an eight-GPU H100 server."""
REFERENCE_TDP_W = 700.0


def annuity(principal: float, rate_year: float, months: float, residual: float = 0.0) -> float:
    """Equal monthly payment that repays `principal` less the discounted `residual`, USD."""
    r = rate_year / 12.0
    if r == 0.0:
        return (principal - residual) / months
    discount = float((1.0 + r) ** -months)
    factor = (1.0 - discount) / r
    return (principal - residual * discount) / factor


def usd_per_hour(
    assumption: Callable[[str], float], *, chips: float, chip_tdp_w: float, horizon_months: float
) -> float:
    """Cost of one owned server per hour, used or not, USD.

    Parameters
    ----------
    assumption : callable
        Planning figures by name (``owned_*``, ``pue``, ...).
    chips, chip_tdp_w : float
        Chips in the server and their power; the reference price scales with the chips.
    horizon_months : float
        Shorter than the machine's life, the machine is sold at its residual value.
    """
    share = chips / REFERENCE_CHIPS
    price = assumption("owned_server_usd") * share * (1.0 + assumption("owned_network_share"))
    life = assumption("owned_life_months")
    kw = assumption("owned_server_kw") * share * chip_tdp_w / REFERENCE_TDP_W
    monthly = annuity(price, assumption("owned_discount_rate"), life)
    monthly += price * assumption("owned_support_share") / 12.0
    monthly += kw * assumption("owned_colo_usd_kw_month")
    energy_kw = kw * assumption("owned_load_share") * assumption("owned_pue")
    monthly += energy_kw * HOURS_PER_MONTH * assumption("owned_power_usd_kwh")
    # Sold early, the machine loses value faster than it is paid off.
    early = max(1.0 - horizon_months / life, 0.0)
    monthly += price * early * assumption("owned_early_exit_share") / horizon_months
    return monthly / HOURS_PER_MONTH
