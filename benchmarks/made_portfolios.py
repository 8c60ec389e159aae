"""Made-up portfolios for the optimizer's benchmark: arrays, no catalogs."""

from __future__ import annotations

import numpy as np

from advisor.optimize.joint.problem import Hosts, Pools, Problem

HOURS = 168
TYPES = 10
REGIONS = 3


def made(
    workloads: int, configurations: int, seed: int = 0, *, budget_hours: float = 45.0
) -> Problem:
    """A portfolio of seven kinds of workload on ten machine types in three regions.

    Parameters
    ----------
    configurations : int
        Columns of each workload.
    budget_hours : float
        Engineering hours per workload; ``inf`` for no limit.
    """
    rng = np.random.default_rng(seed)
    pools = TYPES * REGIONS
    base = np.geomspace(0.2, 12.0, TYPES)
    speed = base**0.92 * rng.uniform(0.8, 1.25, TYPES)
    on_demand = (
        base[:, None] * np.array([1.0, 1.04, 1.12]) * rng.uniform(0.97, 1.03, (TYPES, REGIONS))
    ).ravel()
    spot = on_demand * rng.uniform(0.35, 0.75, pools)
    one_year = on_demand * rng.uniform(0.6, 0.72, pools)
    three_years = on_demand * rng.uniform(0.62, 0.8, pools)
    spot[rng.random(pools) < 0.15] = np.inf
    one_year[rng.random(pools) < 0.1] = np.inf
    hour = np.arange(HOURS)
    weekday = (hour // 24) < 5
    kinds = 7
    rows, spots, owns, works, pool, row, platforms, start = [], [], [], [], [], [], [], [0]
    for w in range(workloads):
        kind = rng.integers(kinds)
        peak = rng.uniform(6, 20)
        day = 1 + rng.uniform(0.1, 0.9) * np.cos((hour % 24 - peak) / 24 * 2 * np.pi)
        level = np.where(weekday, 1.0, rng.uniform(0.3, 1.0))
        rate = day * level * rng.uniform(0.95, 1.05, HOURS) * 10 ** rng.uniform(0.3, 2.3)
        n = configurations - 2
        kind_speed = speed * np.exp(rng.normal(0, 0.25, TYPES))
        machine = rng.integers(TYPES, size=n)
        region = rng.integers(REGIONS, size=n)
        precision = rng.integers(4, size=n)
        framework = rng.integers(5, size=n)
        gain = (
            np.array([1.0, 1.3, 1.7, 2.2])[precision]
            * np.array([1, 1.15, 1.3, 1.5, 1.6])[framework]
        )
        effort = np.array([0, 8, 24, 60])[precision] + np.array([0, 10, 24, 40, 60])[framework]
        carries = kind_speed[machine] * gain * rng.uniform(0.9, 1.1, n)
        autoscaled = rng.random(n) < 0.7
        count = np.ceil(rate[None, :] / carries[:, None])
        count = np.maximum(count, np.roll(count, -1, axis=1)) + 1
        count = np.where(autoscaled[:, None], count, count.max(axis=1, keepdims=True))
        rows.append(count.astype(np.float32))
        spots.append(np.full(n, rng.choice([0.0, 0.3, 0.5])))
        api = rate.mean() * 3600 * 730 * 10 ** rng.uniform(-4.2, -3.2) / 3.0
        now = count[0].max() * on_demand[machine[0] * REGIONS + region[0]] * 730 * 2.0
        owns.append(np.r_[now, api, rng.uniform(0, 40, n) + effort * 140 / 12])
        works.append(np.r_[0.0, 16.0, effort + 8.0 * autoscaled])
        pool.append(np.r_[-1, -1, machine * REGIONS + region])
        row.append(np.r_[0, 0, np.arange(n) + w * n])
        platforms.append(np.r_[1, 2, 4 | (8 << framework)])
        start.append(start[-1] + configurations)
        del kind
    return Problem(
        start=np.array(start, np.int64),
        own_usd=np.concatenate(owns),
        hours=np.concatenate(works),
        pool=np.concatenate(pool).astype(np.int64),
        row=np.concatenate(row).astype(np.int64),
        need=np.concatenate(rows),
        spot_share=np.concatenate(spots),
        waits=np.zeros(sum(len(r) for r in rows), bool),
        host=np.full(start[-1], -1),
        host_load=np.zeros(start[-1]),
        host_memory=np.zeros(start[-1]),
        platforms=np.concatenate(platforms).astype(np.int64),
        platform_usd=np.array([0.0, 1200, 16000, 900, 1500, 2500, 3000, 2000]),
        hours_limit=budget_hours * workloads,
        hours_month=np.full(HOURS, 730.0 / HOURS),
        day=hour // 24,
        block=np.zeros((2, HOURS), np.int64),
        pools=Pools(
            on_demand,
            spot,
            np.stack([one_year, three_years], axis=1),
            np.zeros((pools, HOURS)),
            np.full(pools, np.inf),
        ),
        hosts=Hosts(np.zeros(0, np.int64), np.zeros(0)),
    )
