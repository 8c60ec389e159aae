"""Demand over the 168 hours of a week."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from advisor.catalog import Catalog
from advisor.errors import NotFoundError, did_you_mean

from .model import HOURS_PER_MONTH, HOURS_PER_WEEK, Demand

Hourly = npt.NDArray[np.float64]


@lru_cache(maxsize=64)
def shape(catalog: Catalog, profile: str) -> Hourly:
    """A profile's hourly weights, mean 1, shape (168,).

    Raises
    ------
    NotFoundError
        When the catalog has no such profile.
    """
    if profile == "flat":
        return np.ones(HOURS_PER_WEEK)
    table = catalog["demand_profiles"]
    rows = table[table["profile"] == profile]
    if rows.empty:
        names = [*dict.fromkeys(table["profile"]), "flat"]
        raise NotFoundError(
            f"no demand profile named {profile!r}; {did_you_mean(profile, names) or names}"
        )
    counts = np.zeros(HOURS_PER_WEEK)
    counts[rows["hour"].to_numpy(int)] = rows["requests"].to_numpy(float)
    return np.asarray(counts / counts.mean(), dtype=float)


def hourly_rps(catalog: Catalog, demand: Demand) -> Hourly:
    """Arrival rate in each hour of the week, requests/s, shape (168,)."""
    if demand.hourly_rps is not None:
        return np.asarray(demand.hourly_rps, dtype=float)
    weights = shape(catalog, demand.profile)
    mean = demand.mean_rps
    if mean is None:  # then the peak is given: the model admits exactly one of the three
        mean = float((demand.peak_rps or 0.0) / weights.max())
    return np.asarray(weights * mean, dtype=float)


def requests_per_month(rates: Hourly) -> float:
    """Requests in a month of 730 hours."""
    return float(rates.mean() * 3600.0 * HOURS_PER_MONTH)
