"""Random small problems with everything in them, and every choice of one tried."""

from __future__ import annotations

import itertools

import numpy as np

from advisor.optimize.joint.bill import cost
from advisor.optimize.joint.problem import Hosts, Pools, Problem


def random_problem(
    seed: int, workloads: int = 3, columns: int = 5, *, plain: bool = False
) -> Problem:
    """A few workloads on pools with held machines, quotas, hosts, platforms and a budget.

    With `plain`, without what makes a choice impossible: quotas, budget and unpriced machines.
    """
    rng = np.random.default_rng(seed)
    days, per, pools, hosts = 2, 3, 4, 2
    n, steps, m = workloads * columns, days * per, workloads * columns
    two_years = rng.random() < 0.3
    day = np.repeat(np.arange(days), per)
    year = day if two_years else np.zeros(steps, np.int64)
    on_demand = rng.uniform(0.5, 3.0, pools)
    held = rng.integers(0, 3, (pools, 1)) * (rng.random((pools, 1)) < 0.3) * np.ones(steps)
    need = rng.integers(0, 6, (m, steps)).astype(np.float32)
    kind = rng.choice(["pool", "pool", "pool", "own", "host"], n)
    kind[::columns] = "own"
    sold = np.ones(pools, bool) if plain else rng.random(pools) > 0.1
    commit = on_demand[:, None] * rng.uniform(0.3, 0.9, (pools, 2))
    commit[rng.random((pools, 2)) < 0.3] = np.inf
    return Problem(
        start=np.arange(workloads + 1) * columns,
        own_usd=np.where(kind == "own", rng.uniform(500, 6000, n), rng.uniform(0, 300, n)),
        hours=np.where(np.arange(n) % columns == 0, 0.0, rng.integers(0, 40, n)),
        pool=np.where(kind == "pool", rng.integers(0, pools, n), -1),
        row=np.arange(n),
        need=need,
        spot_share=rng.choice([0.0, 0.5, 1.0], m),
        waits=rng.random(m) < 0.15,
        host=np.where(kind == "host", rng.integers(0, hosts, n), -1),
        host_load=rng.uniform(0.1, 0.7, n),
        host_memory=rng.uniform(0.1, 0.7, n),
        platforms=rng.choice([1, 2, 3, 4, 6, 8], n),
        platform_usd=np.array([300.0, 700.0, 1200.0, 0.0]),
        hours_limit=np.inf if plain or rng.random() < 0.4 else float(rng.integers(0, 80)),
        hours_month=np.full(steps, 730.0 / steps),
        day=day,
        block=np.stack([year, np.zeros(steps, np.int64)]),
        pools=Pools(
            on_demand=np.where(sold, on_demand, np.inf),
            spot=np.where(
                rng.random(pools) < 0.6, on_demand * rng.uniform(0.3, 1.2, pools), np.inf
            ),
            commit=commit,
            held=held,
            most=np.full(pools, np.inf) if plain else rng.choice([np.inf, np.inf, 4.0, 8.0], pools),
        ),
        hosts=Hosts(rng.integers(0, pools, hosts), rng.integers(1, 3, hosts).astype(float)),
    )


def best_of_all(problem: Problem) -> float:
    """The least cost over every choice."""
    ranges = [range(a, b) for a, b in itertools.pairwise(problem.start.tolist())]
    return min(cost(problem, np.array(c)).usd for c in itertools.product(*ranges))
