"""Machines hour by hour: from a replica's capacity and a demand curve to instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from advisor.performance.replicas import pooled_replicas, replicas
from advisor.portfolio import Workload

from .choices import Array
from .setting import Setting


def working_rates(workload: Workload, rates: Array) -> Array:
    """Arrival rates as the fleet sees them, requests/s, shape (T,).

    Deferrable work is a volume: each day's requests run evenly over the hours it may wait,
    from midnight on.
    """
    if workload.deferrable_hours is None:
        return rates
    window = int(np.clip(np.ceil(workload.deferrable_hours), 1, 24))
    daily = rates.reshape(-1, 24).sum(axis=1, keepdims=True)
    out = np.zeros((len(daily), 24))
    out[:, :window] = daily / window
    return out.ravel()


def machines(
    workload: Workload,
    rates: Array,
    *,
    rps_low: Array,
    alone_low: Array,
    concurrency: Array,
    latency_s: Array,
    spread: Array,
    per_machine: Array,
    spare: int,
    ca2: float = 1.0,
) -> Array:
    """Instances needed in each hour.

    Parameters
    ----------
    rates : array, shape (hours,) or (n, hours)
        Arrival rate of each hour, requests/s.
    rps_low, alone_low : array, shape (n,)
        A replica's capacity at the low end of its interval, and that of one alone where it batches
        continuously (else NaN).
    concurrency, latency_s, spread, per_machine : array, shape (n,)
        Its concurrency, time in service and relative spread, and replicas per machine.
    spare : int
        Machines beyond need, so that one may fail; none for deferrable work.
    ca2 : float
        Squared coefficient of variation of gaps between arrivals within an hour.

    Returns
    -------
    array, shape (n, hours)
    """
    chained = np.isfinite(alone_low) & (workload.deferrable_hours is None)
    need = np.empty(np.broadcast_shapes(np.shape(rates), (len(rps_low), 1)))
    rates = np.broadcast_to(rates, need.shape)
    need[chained] = pooled_replicas(
        rates[chained], alone_low[chained, None], rps_low[chained, None]
    )
    need[~chained] = replicas(
        rates[~chained],
        rps_low[~chained, None],
        concurrency[~chained, None],
        (latency_s * (1.0 + spread))[~chained, None],
        0.0 if workload.deferrable_hours is not None else workload.slo.percentile,
        ca2,
    )
    count = np.ceil(need / per_machine[:, None])
    extra = 0 if workload.deferrable_hours else spare
    count = np.where(need > 0, count + extra, 0.0)
    floor = 0 if workload.deferrable_hours else workload.min_instances
    return np.maximum(count, floor)


def fleet(
    setting: Setting, workload: Workload, table: pd.DataFrame | Mapping[str, Any], rates: Array
) -> Array:
    """Instances of each variant in each hour, before it is said how they are bought."""

    def column(name: str) -> Array:
        return np.atleast_1d(np.asarray(table[name], float))

    per = np.maximum(np.floor(column("devices") / column("tensor_parallel")), 1.0)
    return machines(
        workload,
        rates,
        rps_low=column("rps_low"),
        alone_low=column("alone_low"),
        concurrency=column("concurrency"),
        latency_s=column("latency_s"),
        spread=column("spread"),
        per_machine=per,
        spare=setting.portfolio.organisation.spare_instances,
        ca2=setting.catalog.assumption("burstiness_ca2"),
    )


def static(count: Array) -> Array:
    """Machines of a fixed fleet: the busiest hour's, always."""
    return np.broadcast_to(count.max(axis=-1, keepdims=True), count.shape).copy()
