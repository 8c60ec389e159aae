r"""A cost that no plan can beat, over every configuration and not just the shortlist.

For one workload on any joined row of configuration and offer,

.. math:: F + 730\,r_{min}\left(\frac{\bar\lambda}{x\,g} + s\right)

with own cost :math:`F` (labour), mean arrival rate :math:`\bar\lambda`, a replica's capacity
:math:`x`, replicas per machine :math:`g` and spare machines :math:`s`: fleets are whole machines
and hold reserves, so they run at least that many; and no hour of a pool costs less than
:math:`r_{min}`, its cheapest option with as much spot as is allowed. Offers and variants were
thinned only of rows that another beats on all of this.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from advisor.portfolio import HOURS_PER_MONTH, Workload

from .caches import hit_ratio
from .choices import Array, Candidate
from .fleet import working_rates
from .setting import Setting

Bound = dict[str, float]
"""USD a month by way of sourcing."""


def rows_bound(
    setting: Setting, workload: Workload, table: pd.DataFrame, labour: Array, *, caching: bool
) -> Bound:
    """The least any of the rows can cost, by way of sourcing.

    Parameters
    ----------
    table : DataFrame
        Joined configurations and offers, with ``least_on_demand`` and the like: the lowest price
        of each option over all offers of the same machine.
    labour : array, shape (n,)
        One-off work of each row, USD a month.
    caching : bool
        Whether a result cache may stand in front.
    """
    rates = working_rates(workload, setting.rates(workload))
    fixed = "fixed" in table.columns
    arriving = float(rates.max() if fixed else rates.mean())
    if caching:
        hits = [hit_ratio(setting, workload, c) for c in ("exact_cache", "semantic_cache")]
        arriving *= 1.0 - max(hits)
    per = np.maximum(np.floor(_column(table, "devices") / _column(table, "tensor_parallel")), 1.0)
    spare = 0 if workload.deferrable_hours else setting.portfolio.organisation.spare_instances
    machines = arriving / np.maximum(_column(table, "rps_low") * per, 1e-12)
    machines = machines + spare * float((rates > 0).mean())
    usd = labour + machines * _least_rate(table, setting.spot_share(workload)) * HOURS_PER_MONTH
    least = pd.Series(usd).groupby(table["sourcing"].to_numpy()).min()
    return {str(k): float(v) for k, v in least.items()}


def candidate_bound(candidate: Candidate, own_usd_month: float) -> float:
    """The least one candidate can cost, whatever it shares its pool with."""
    rate = 0.0
    if candidate.offer is not None:
        o = candidate.offer
        on_demand, commit, spot = (
            np.array([np.nan if p is None else p]) for p in (o.on_demand, o.commit, o.spot)
        )
        rate = float(least_rate(on_demand, commit, spot, candidate.spot_share)[0])
    return own_usd_month + float(candidate.machines.mean()) * rate * HOURS_PER_MONTH


def least_rate(on_demand: Array, commit: Array, spot: Array, spot_share: float) -> Array:
    """The cheapest mix an hour of a pool can be bought at, USD; prices may be NaN."""
    floor = np.fmin(on_demand, commit)
    mixed = spot_share * spot + (1.0 - spot_share) * floor
    return np.fmin(floor, np.where(spot < floor, mixed, np.nan))


def _column(table: pd.DataFrame, name: str) -> Array:
    return table[name].to_numpy(float)


def _least_rate(table: pd.DataFrame, spot_share: float) -> Array:
    if "fixed" in table.columns:
        return _column(table, "least_fixed")
    return least_rate(
        _column(table, "least_on_demand"),
        _column(table, "least_commit"),
        _column(table, "least_spot"),
        spot_share,
    )
