r"""Rents: what a machine-hour of each pool is worth, and the least that columns cost at them.

For any rents :math:`0 \le \lambda_{pt} \le a_p h_t` whose sum over a commitment's stretch does not
exceed its price, a column costs a plan at least

.. math:: F + \sum_t u_t\,[\lambda_t - \sigma(\lambda_t - s h_t)^+]
    \quad\text{with}\quad u_t \ge \frac{\lambda^{req}_t}{x\,g} + \text{spare}

(Lagrangian duality), since whole machines are never fewer than the hour's work divided by what
one carries, however they are scaled; of two models, the sum. That costs a few operations a column,
and so tells which of several hundred thousand need their machines worked out hour by hour.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .choices import Array
from .columns import Columns
from .fleet import working_rates
from .parts import SHARE
from .places import Ints
from .setting import Setting

CLOSE = 1.0 - 1e-6
"""Keeps what is rounded below what is meant."""


def likely_rents(setting: Setting, profile: Array) -> Array:
    """Rents of every place if its machines were needed most in the busiest hours of `profile`.

    A commitment is paid by the hours in which it is used, so the busiest bear the full on-demand
    price until the commitment is paid for; the others bear nothing.

    Parameters
    ----------
    profile : array, shape (T,)
        Requests of all workloads in each step, in any unit.

    Returns
    -------
    array, shape (places, T)
        USD a month.
    """
    prices, h = setting.places.prices, setting.hours_month
    on_demand, commit = prices[:, 0], prices[:, 2:].min(axis=1)
    # Where nothing is sold by the hour, no hour bears more than three times its share.
    most = np.where(
        np.isfinite(on_demand), on_demand, 3.0 * np.where(np.isfinite(commit), commit, 0)
    )
    rents = np.zeros((len(prices), len(h)))
    for year in np.unique(setting.year):
        steps = np.flatnonzero(setting.year == year)
        order = steps[np.argsort(-profile[steps], kind="stable")]
        full = most[:, None] * h[order]
        before = np.cumsum(full, axis=1) - full
        paid = np.where(np.isfinite(commit), commit * h[steps].sum(), np.inf)
        rents[:, order] = np.clip(paid[:, None] - before, 0.0, full)
    return rents


def hosts_usd(setting: Setting, rents: Array) -> Array:
    """What the machines of each kind of host cost at rents of places, USD a month, shape (J,)."""
    kinds = setting.hosts
    if not kinds:
        return np.zeros(0)
    hourly = np.nan_to_num(kinds.price) * setting.hours_month.sum()
    usd: Array = kinds.machines * np.where(kinds.pooled, rents[kinds.place].sum(axis=1), hourly)
    return usd


def least_usd(
    setting: Setting, columns: Columns, index: Ints, rents: Array, load: Array, memory: Array
) -> Array:
    """What each of the columns `index` costs at least at these rents, USD a month.

    Parameters
    ----------
    rents : array, shape (places, T)
    load, memory : array, shape (J,)
        Prices of the whole work and memory of each kind of host, together no more than its
        machines cost at the rents.
    """
    workload = columns.workload
    usd = columns.run_usd[index] + columns.once_usd[index] / setting.horizon_months
    usd += columns.around_usd[index]
    shared = np.flatnonzero(columns.host[index] >= 0)
    if len(shared):
        of = index[shared]
        host = columns.host[of]
        of_load = columns.host_load[of] * load[host]
        usd[shared] += (of_load + columns.host_memory[of] * memory[host]) * CLOSE
    run = np.flatnonzero((columns.variant[index] >= 0) & (columns.host[index] < 0))
    if not len(run):
        return usd
    of = index[run]
    place, variant = columns.place[of], columns.variant[of]
    fixed = ~np.isnan(columns.price[of])
    h = setting.hours_month
    rates = working_rates(workload, setting.rates(workload))
    spot = setting.places.prices[:, 1]
    saved = np.maximum(rents - np.where(np.isfinite(spot), spot, np.inf)[:, None] * h, 0.0)
    worth = rents - setting.spot_share(workload) * saved
    if workload.waits_a_day:
        by_rate = _cheapest_hours(worth / h) @ (rates * h).reshape(-1, 24).sum(axis=1)
    else:
        by_rate = worth @ rates
    by_place = np.stack([by_rate, worth @ (rates > 0)])[:, place]
    price = np.nan_to_num(columns.price[of])
    busiest = np.stack([price * h.sum() * rates.max(), price * h.sum()])
    per_rate, per_spare = np.where(fixed, busiest, by_place)
    spare = 0 if workload.deferrable_hours else setting.portfolio.organisation.spare_instances
    hit = np.array([*(c.hit_ratio for c in columns.caches), 0.0])[columns.cache[of]]
    load = _load(columns.variants, "")[variant] / columns.per_machine[of]
    second = columns.rest_per_machine[of]
    models: Array = np.ones(1)
    if second.any():
        load += _load(columns.variants, "rest_")[variant] / np.maximum(second, 1)
        models = np.where(second > 0, 2.0, 1.0)
    machines = per_rate * (1.0 - hit) * load + per_spare * (spare * models)
    if not spare and not workload.deferrable_hours:
        machines = np.maximum(machines, per_spare * (min(workload.min_instances, 1) * models))
    usd[run] += machines * CLOSE
    return usd


def _cheapest_hours(usd_per_hour: Array) -> Array:
    """The least an hour of each day costs, shape (places, days)."""
    least: Array = usd_per_hour.reshape(len(usd_per_hour), -1, 24).min(axis=2)
    return least


def _load(variants: pd.DataFrame, part: str) -> Array:
    """The least of a replica that one request/s takes up of each variant; 0 without that part."""
    share, rps, alone = (
        np.nan_to_num(variants[name].to_numpy(float))
        for name in (SHARE[part], f"{part}rps_low", f"{part}alone_low")
    )
    # The most it carries, however many there are.
    return np.asarray(share / np.maximum(np.maximum(rps, alone), 1e-12))
