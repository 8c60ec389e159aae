r"""How sure a plan is: its cost and saving over what its figures may turn out to be.

Each factor is log-normal with the catalog's typical value as median and its 80 % interval:
:math:`f = e^{\sigma z}`, :math:`\sigma = \ln(1 + w)/1.2816` for a half-width :math:`w`. A price
grows uncertain with its age, as a random walk: :math:`\sigma = \sigma_{90} \sqrt{\text{days}/90}`.
Points are Sobol' sequences, so a thousand say what many thousand random ones would.

What a factor contributes is its total-order index, everything it takes part in as a share of the
variance, by Jansen's estimator (Saltelli et al., Computer Physics Communications 181, 2010):

.. math:: S_{T,i} = \frac{1}{2 N V} \sum_j \left[f(A)_j - f(A_B^{(i)})_j\right]^2

with the columns of factor :math:`i` in :math:`A` taken from an independent :math:`B`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import qmc

from .choices import Array
from .plan import Plan
from .regret import Regret, regret
from .scenarios import Scenarios, evaluate, evaluate_today

Z80 = 1.2815515655446004
"""Normal quantile of an 80 % interval."""
SAMPLES = 1024
DRIVER_SAMPLES = 256
FACTORS = {
    "demand": "Demand, all workloads",
    "demand_own": "Demand, one by one",
    "speed": "Speed of replicas",
    "on_demand": "On-demand prices",
    "spot": "Spot prices",
    "commit": "Commitment prices",
    "tokens": "Prices of hosted models",
    "labour": "Price of engineering",
    "effort": "Hours the work takes",
}
SHARED = ("demand", "on_demand", "spot", "commit", "tokens", "labour", "effort")


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """A plan over what may be.

    Attributes
    ----------
    plan_usd, today_usd : array, shape (n,)
        Cost of the plan and of today's deployment in each scenario, USD a month.
    scenarios : Scenarios
    drivers : DataFrame
        ``factor``, ``label``, ``sigma``, ``share``: total-order index on the plan's cost, largest
        first.
    regret : Regret, optional
        Against what would have been chosen had one known, where that was asked for.
    """

    plan_usd: Array
    today_usd: Array
    scenarios: Scenarios
    drivers: pd.DataFrame
    regret: Regret | None

    @property
    def saving_usd(self) -> Array:
        """Saving in each scenario, USD a month, shape (n,)."""
        return np.asarray(self.today_usd - self.plan_usd)

    def interval(self, of: Array | None = None) -> tuple[float, float, float]:
        """P10, P50 and P90; of the saving by default."""
        values = self.saving_usd if of is None else of
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
        return float(low), float(middle), float(high)


def uncertainty(
    plan: Plan,
    n: int = SAMPLES,
    *,
    seed: int = 0,
    on: date | None = None,
    resolve: int = 0,
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Uncertainty:
    """Cost, saving, what drives them and, if asked, regret.

    Parameters
    ----------
    n : int
        Scenarios; a power of 2.
    seed : int
        Of the scrambling: the same seed gives the same figures.
    on : date, optional
        The day to count the age of prices from; today by default.
    resolve : int
        Scenarios to solve anew, for the regret of the plan; none by default.
    progress : callable, optional
        Told the stage and the share done of it.
    cancelled : callable, optional
        Asked between scenarios whether to stop solving anew.
    """
    widths = sigmas(plan, on or date.today())
    scenarios = draw(widths, n, seed)
    plan_usd, today_usd = evaluate(plan, scenarios), evaluate_today(plan, scenarios)
    found = drivers(plan, widths, seed)
    again = None
    if resolve:
        some = draw(widths, resolve, seed + 1)
        again = regret(plan, some, progress=progress, cancelled=cancelled)
    return Uncertainty(plan_usd, today_usd, scenarios, found, again)


def sigmas(plan: Plan, on: date) -> dict[str, Array]:
    """Standard deviation of each factor's logarithm; one for each workload where they differ."""
    catalog, names = plan.setting.catalog, plan.portfolio.workloads

    def spread(assumption: str) -> float:
        """Of a figure with a low and a high end."""
        row = catalog.lookup("assumptions", assumption)
        return float(np.log(row["high"] / row["low"]) / (2.0 * Z80))

    def aged(option: str, dates: list[str]) -> float:
        row = catalog.lookup("purchase_options", option)
        days = [max((on - date.fromisoformat(d[:10])).days, 0) for d in dates]
        return float(row["sigma_per_90_days"]) * float(np.sqrt(np.mean(days or [0]) / 90.0))

    machine = [str(c.details["price_as_of"]) for c in plan.chosen if c.offer is not None]
    hosted = [
        str(c.details["price_as_of"]) for c in plan.chosen if c.choice["sourcing"] == "managed_api"
    ]
    hosted += [str(c.details["rest_price_as_of"]) for c in plan.chosen if c.choice["escalate_host"]]
    half = catalog.assumption("demand_sigma")
    demand = float(np.log1p(half) / Z80)
    stated = np.array([0.5 if w.demand.evidence == "measured" else 1.0 for w in names])
    speeds = np.array([float(c.details.get("spread") or 0.0) for c in plan.chosen])
    token_days = [max((on - date.fromisoformat(d[:10])).days, 0) for d in hosted]
    # Half of what is uncertain about demand is common to all workloads, half each one's own.
    return {
        "demand": np.array([demand * np.sqrt(0.5)]),
        "demand_own": demand * np.sqrt(0.5) * stated,
        "speed": np.log1p(speeds) / Z80,
        "on_demand": np.array([aged("on_demand", machine)]),
        "spot": np.array([aged("spot", machine)]),
        "commit": np.array([aged("commit_1y", machine)]),
        "tokens": np.array([TOKEN_SIGMA * float(np.sqrt(np.mean(token_days or [0]) / 90.0))]),
        "labour": np.array([spread("engineer_usd_year")]),
        "effort": np.array([spread("rightsize_hours")]),
    }


TOKEN_SIGMA = 0.10
"""Of token prices in 90 days: project facts on purchase options, an estimate."""


def draw(widths: dict[str, Array], n: int, seed: int) -> Scenarios:
    """Scenarios, n of them, from a scrambled Sobol' sequence."""
    return _scenarios(widths, _points(widths, n, seed))


def drivers(
    plan: Plan, widths: dict[str, Array], seed: int, n: int = DRIVER_SAMPLES
) -> pd.DataFrame:
    """Total-order index of each factor on the plan's cost, largest first."""
    size = sum(len(w) for w in widths.values())
    both = ndtri(qmc.Sobol(2 * size, seed=seed + 2).random(n).clip(1e-9, 1 - 1e-9))
    a, b = both[:, :size], both[:, size:]
    base = evaluate(plan, _scenarios(widths, a))
    variance = float(np.var(np.r_[base, evaluate(plan, _scenarios(widths, b))]))
    rows, at = [], 0
    for name, width in widths.items():
        mixed = a.copy()
        mixed[:, at : at + len(width)] = b[:, at : at + len(width)]
        at += len(width)
        share = 0.0
        if variance > 0 and width.any():
            change = evaluate(plan, _scenarios(widths, mixed)) - base
            share = float((change**2).mean() / (2.0 * variance))
        rows.append((name, FACTORS[name], float(width.mean()), share))
    found = pd.DataFrame(rows, columns=["factor", "label", "sigma", "share"])
    return found.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _points(widths: dict[str, Array], n: int, seed: int) -> Array:
    size = sum(len(w) for w in widths.values())
    return np.asarray(ndtri(qmc.Sobol(size, seed=seed).random(n).clip(1e-9, 1 - 1e-9)))


def _scenarios(widths: dict[str, Array], z: Array) -> Scenarios:
    ends = np.cumsum([len(w) for w in widths.values()])
    parts = dict(zip(widths, np.split(z, ends[:-1], axis=1), strict=True))
    f = {name: np.exp(widths[name] * parts[name]) for name in widths}
    one = {name: f[name][:, 0] for name in SHARED}
    return Scenarios(
        demand=one["demand"][:, None] * f["demand_own"],
        speed=f["speed"],
        on_demand=one["on_demand"],
        spot=one["spot"],
        commit=one["commit"],
        tokens=one["tokens"],
        labour=one["labour"],
        effort=one["effort"],
    )
