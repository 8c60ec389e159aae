"""How autoscaled fleets follow demand, by simulation.

A way of scaling is chosen, and what it holds beyond each hour's need becomes a law for every fleet
that may serve the workload. Fleets differ in how long a replica takes to start and in how many
there are: ways are tried on a few of both (`LAGS_S`, `SIZES`), and the cheapest whose late requests
are few enough is kept for each. See decision 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.performance.autoscaling import Fleets, refined, simulate
from advisor.portfolio import HOURS_PER_WEEK, Workload

from .choices import Array, Candidate
from .effort import mapped
from .setting import Setting

STEP_S = 60.0
LAGS_S = (120.0, 300.0, 600.0)
"""Spin-up lags that are simulated: the guide's 2 to 10 minutes."""
SIZES = (2.0, 4.0, 9.0, 18.0, 40.0)
"""Replicas at the busiest hour that are simulated."""
TARGETS = 4
"""Targets tried over the catalog's range."""
ROUNDED = 0.5
"""Machines by which whole ones exceed what the busiest hour needs, on average."""
AT_ONCE = 16
"""Demand shapes simulated together: more would not stay in a processor's cache."""


@dataclass(frozen=True)
class Way:
    """One way of scaling.

    Attributes
    ----------
    predictive : bool
        Whether it looks ahead by the spin-up lag; else it only reacts.
    warm : float
        Replicas held ready, as a share of the busiest hour's.
    target : float
        Load given to a replica, as a share of the most at which it meets its targets.
    """

    predictive: bool
    warm: float
    target: float


@dataclass(frozen=True, eq=False)
class Trials:
    """Ways of scaling tried on fleets; arrays of shape (fleets, ways).

    Attributes
    ----------
    extra : array, shape (fleets, ways, 168)
        Machines paid for beyond the hour's need and the spare ones, a mean over each hour.
    machines : array
        Mean machines, never below the need.
    late_share : array
        Share of requests that found no room in time.
    of_static : array
        Mean machines over those of a fixed fleet for the busiest hour.
    """

    ways: tuple[Way, ...]
    extra: Array
    machines: Array
    late_share: Array
    of_static: Array

    def chosen(self, allowed: float) -> npt.NDArray[np.int64]:
        """The cheapest way of each fleet that is late often enough to be allowed, shape (fleets,).

        Where none is, the one that is late least.
        """
        good = self.late_share <= allowed
        best = np.argmin(np.where(good, self.machines, np.inf), axis=1)
        least = np.argmin(self.late_share, axis=1)
        return np.asarray(np.where(good.any(axis=1), best, least))


@dataclass(frozen=True, eq=False)
class Law:
    """Machines held beyond need, hour by hour, as a share of the busiest hour's need.

    Attributes
    ----------
    extra : array, shape (lags, sizes, 168)
        By `LAGS_S` and `SIZES`.
    """

    extra: Array

    def beyond(self, lag_s: Array, replicas: Array) -> Array:
        """Machines beyond need, shape (n, 168), for n fleets with so many at their busiest hour.

        Straight between lags and on beyond the longest; between sizes by their logarithm.
        """
        lag, slow = _between(np.array(LAGS_S), lag_s)
        size, large = _between(np.log(SIZES), np.log(np.clip(replicas, SIZES[0], SIZES[-1])))
        out = np.zeros((len(lag_s), self.extra.shape[2]))
        for i, of_lag in ((0, 1.0 - slow), (1, slow)):
            for j, of_size in ((0, 1.0 - large), (1, large)):
                out += self.extra[lag + i, size + j] * (of_lag * of_size * replicas)[:, None]
        return np.maximum(out, 0.0)


def scaled(setting: Setting, workload: Workload, count: Array, lag_s: Array) -> Array:
    """Machines of autoscaled fleets: each hour's need and what its way of scaling holds beyond.

    Parameters
    ----------
    count : array, shape (n, T)
        Machines needed in each step, spare ones included.
    lag_s : array, shape (n,)
        Time to start a replica (`spin_up_s`), s.

    Returns
    -------
    array, shape (n, T)
        Whole machines; fractions of an hour are carried on until they make one.
    """
    spare = setting.portfolio.organisation.spare_instances
    weeks = count.reshape(len(count), -1, HOURS_PER_WEEK)
    busiest = np.maximum(weeks.max(axis=2) - spare, 0.0)
    lags = np.broadcast_to(lag_s[:, None], busiest.shape)
    beyond = law(setting, workload).beyond(lags.ravel(), busiest.ravel())
    whole = np.floor(np.cumsum(beyond, axis=1) + 0.5)
    return np.asarray(count + np.diff(whole, axis=1, prepend=0.0).reshape(count.shape))


def spin_up_s(setting: Setting, accelerator: pd.Series[str], weights_gib: npt.ArrayLike) -> Array:
    """Time to start a machine with this chip and load a model's weights, s, shape (n,).

    The guide's where the weights are unknown.
    """
    of, lookup = setting.catalog.assumption, setting.catalog.lookup

    def start_s(chip: str) -> float:
        bare = lookup("accelerators", chip)["kind"] == "cpu"
        return of("machine_start_s" if bare else "accelerator_start_s")

    lag = mapped(accelerator, start_s) + np.asarray(weights_gib, float) / of("weights_load_gib_s")
    return np.where(np.isnan(lag), of("cold_start_s"), lag)


def lag_of(setting: Setting, candidate: Candidate) -> float:
    """Time to start a machine of a choice and load its model, s."""
    d = candidate.details
    return float(spin_up_s(setting, pd.Series([d["accelerator"]]), [d["weights_gib"]])[0])


def allowed_late(setting: Setting, workload: Workload) -> float:
    """Share of requests that scaling may make late: its part of what the percentile leaves."""
    left = 1.0 - workload.slo.percentile / 100.0
    return left * setting.catalog.assumption("scaling_late_share")


def law(setting: Setting, workload: Workload) -> Law:
    """The law of a workload's demand; those of a portfolio are simulated together, once."""
    key = _key(setting, workload)
    if key not in setting.laws:
        others = [w for w in setting.portfolio.workloads if w.deferrable_hours is None]
        missing = {_key(setting, w): w for w in (workload, *others)}
        setting.laws.update(
            _laws(setting, {k: w for k, w in missing.items() if k not in setting.laws})
        )
    return setting.laws[key]


def tried(
    setting: Setting, demand: Array, lag_s: Array, replicas: Array, ways: Sequence[Way]
) -> Trials:
    """Every way of scaling on every fleet.

    Parameters
    ----------
    demand : array, shape (fleets, 168)
        Shape of each fleet's demand over the week; only its proportions matter.
    lag_s, replicas : array, shape (fleets,)
        Time to start a replica, s, and machines that the busiest hour needs.
    """
    of, n = setting.catalog.assumption, len(ways)
    rows, row = np.unique(_normal(demand), axis=0, return_inverse=True)
    spare = float(setting.portfolio.organisation.spare_instances)
    busy = np.maximum(replicas - ROUNDED, 0.0)
    size = np.repeat(replicas, n)
    warm = np.tile([w.warm for w in ways], len(replicas))
    forecast, comes = refined(rows, STEP_S, swing=of("demand_swing"), swing_s=of("demand_swing_s"))
    found = simulate(
        comes,
        forecast,
        Fleets(
            row=np.repeat(row.ravel(), n),
            replicas=np.repeat(busy, n),
            lag_s=np.repeat(lag_s, n),
            predictive=np.tile([w.predictive for w in ways], len(replicas)),
            target=np.tile([w.target for w in ways], len(replicas)),
            # What is held in case a machine fails serves until one does.
            warm=np.maximum(np.ceil(warm * size - 1e-9), spare),
            # What must stand at any hour is part of each fleet's need.
            least=np.zeros(len(size)),
        ),
        step_s=STEP_S,
        limit_s=of("scaling_wait_s"),
        hold_s=of("scaling_hold_s"),
    )
    need = np.ceil(rows[row.ravel()] * busy[:, None] - 1e-9) + spare
    hourly = found.hourly.reshape(len(replicas), n, -1)
    extra = np.maximum(hourly - need[:, None], 0.0)
    machines = extra.mean(axis=2) + need.mean(axis=1)[:, None]
    late = found.late_share.reshape(machines.shape)
    fixed = need.max(axis=1)[:, None]
    return Trials(tuple(ways), extra, machines, late, machines / np.maximum(fixed, 1e-12))


def ways(setting: Setting) -> tuple[Way, ...]:
    """The ways tried: reacting and looking ahead, at the catalog's warm pools and targets."""
    lookup = setting.catalog.lookup
    pool, load = lookup("assumptions", "warm_pool_share"), lookup("assumptions", "scaling_target")
    warm = [float(pool[end]) for end in ("low", "value", "high")]
    target = np.linspace(load["low"], load["high"], TARGETS).tolist()
    return tuple(Way(*way) for way in product((False, True), warm, target))


def _laws(setting: Setting, missing: Mapping[bytes, Workload]) -> dict[bytes, Law]:
    out: dict[bytes, Law] = {}
    lags, sizes = (a.ravel() for a in np.meshgrid(LAGS_S, SIZES, indexing="ij"))
    keys, n, every = list(missing), len(lags), ways(setting)
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        demand = np.repeat([_week(setting, missing[k]) for k in some], n, axis=0)
        lag_s, replicas = np.tile(lags, len(some)), np.tile(sizes, len(some))
        trials = tried(setting, demand, lag_s, replicas, every)
        for i, key in enumerate(some):
            best = trials.chosen(allowed_late(setting, missing[key]))[i * n : (i + 1) * n]
            extra = trials.extra[np.arange(i * n, (i + 1) * n), best] / sizes[:, None]
            out[key] = Law(extra.reshape(len(LAGS_S), len(SIZES), -1))
    return out


def _between(grid: Array, x: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """The last grid point before each value that has one after it, and how far towards that."""
    low = np.clip(np.searchsorted(grid, x, "right") - 1, 0, len(grid) - 2)
    return low, np.maximum((x - grid[low]) / (grid[low + 1] - grid[low]), 0.0)


def _key(setting: Setting, workload: Workload) -> bytes:
    shape = np.round(_normal(_week(setting, workload)), 4)
    return np.append(shape, allowed_late(setting, workload)).tobytes()


def _week(setting: Setting, workload: Workload) -> Array:
    return setting.rates(workload)[:HOURS_PER_WEEK]


def _normal(demand: Array) -> Array:
    """Demand with its busiest hour at 1; nothing stays nothing."""
    most = demand.max(axis=-1, keepdims=True)
    return np.asarray(np.divide(demand, most, out=np.zeros_like(demand), where=most > 0))
