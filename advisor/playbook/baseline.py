"""What today costs, taken apart: parts, unit costs, utilisation. The figures behind step 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog.records import records
from advisor.optimize import hosted
from advisor.optimize.choices import Candidate
from advisor.portfolio import Workload, requests_per_month

from .base import View
from .describe import utilisation
from .wording import UNIT

SHARED = "Shared"
NEAR = 4.0
"""A model this many times smaller or larger than a guide's band still belongs to it."""


def parts(view: View) -> list[dict[str, Any]]:
    """Today's objective by workload and part, USD a month; the parts sum to the baseline."""
    plan = view.baseline
    rows = [
        {"workload": c.workload, "part": "compute", "usd": plan.workload_usd_month[c.workload]}
        for c in plan.chosen
    ]
    gaps = unexplained(view)
    rows += [
        {"workload": name, "part": "unexplained", "usd": billed - modelled}
        for name, (modelled, billed) in gaps.items()
        if abs(billed - modelled) >= 0.005
    ]
    shared = {k: v for k, v in plan.shared.items() if k != "unexplained" and v}
    rest = plan.shared.get("unexplained", 0.0) - sum(b - m for m, b in gaps.values())
    if abs(rest) >= 0.005:
        shared["unexplained"] = rest
    return rows + [{"workload": SHARED, "part": k, "usd": v} for k, v in shared.items()]


def unexplained(view: View) -> dict[str, tuple[float, float]]:
    """(modelled, billed) of each workload whose bill is known, USD a month."""
    out = {}
    for candidate in view.baseline.today:
        billed = view.portfolio.workload(candidate.workload).bill_usd_month
        if billed is not None:
            modelled = candidate.run_rate_usd_month + candidate.around_usd_month
            out[candidate.workload] = (modelled, billed)
    return out


def spend(view: View) -> dict[str, float]:
    """Today's spend in the guide's four categories, USD a month."""
    shared = view.baseline.shared
    inference = sum(view.baseline.workload_usd_month.values())
    return {
        "inference": inference + shared["unexplained"],
        "training": shared["training"],
        "data": shared["data"],
        "mlops": shared["platforms"] + shared["tooling"],
    }


def tco(view: View) -> dict[str, float]:
    """Total cost of ownership in the guide's four quantified categories, USD a month.

    Labour is the team where its size is stated, else the hours that running the platforms takes.
    """
    shared, org = view.baseline.shared, view.portfolio.organisation
    labour = shared["platforms"]
    if org.team_fte is not None:
        year = view.setting.usd_per_hour * view.catalog.assumption("engineer_hours_year")
        labour = org.team_fte * year / 12.0
    cost = spend(view)
    return {
        "compute": cost["inference"] + cost["training"],
        "labour": labour,
        "data": shared["data"],
        "tooling": shared["tooling"],
    }


@dataclass(frozen=True)
class Use:
    """How busy a workload's machines are."""

    workload: str
    usd: float
    share: float | None
    """Mean demand over capacity; None where it cannot be said."""

    @property
    def idle_usd(self) -> float:
        """Price of the capacity that waits, USD a month."""
        return 0.0 if self.share is None else self.usd * (1.0 - self.share)


def uses(view: View) -> list[Use]:
    """Utilisation of every workload that runs on machines, as deployed; idlest money first."""
    out = []
    for candidate in view.baseline.chosen:
        if not candidate.machines.any():
            continue
        workload = view.portfolio.workload(candidate.workload)
        mean = float(np.mean(view.setting.rates(workload)))
        usd = view.baseline.workload_usd_month[candidate.workload]
        out.append(Use(candidate.workload, usd, utilisation(candidate, mean)))
    return sorted(out, key=lambda u: -u.idle_usd)


def mean_use(view: View) -> float | None:
    """Utilisation over all machines that it is known for, weighted by cost."""
    known = [(u.usd, u.share) for u in uses(view) if u.share is not None]
    total = sum(usd for usd, _ in known)
    return sum(usd * share for usd, share in known) / total if total > 0 else None


@dataclass(frozen=True)
class UnitCost:
    """Cost of one prediction, today and planned, beside the guide's band and the market."""

    workload: str
    unit: str
    usd: float
    plan_usd: float
    band: dict[str, Any] | None
    market: tuple[float, float, float] | None
    """Lowest, median and highest hosted price of the same model."""

    def verdict(self) -> str:
        """Where today's figure lies against the guide's band."""
        if self.band is None:
            return "no band"
        if self.usd < self.band["optimized_low_usd"]:
            return "below the optimized band"
        if self.usd <= self.band["optimized_high_usd"]:
            return "in the optimized band"
        if self.usd < self.band["unoptimized_low_usd"]:
            return "between the bands"
        if self.usd <= self.band["unoptimized_high_usd"]:
            return "in the unoptimized band"
        return f"{self.usd / self.band['unoptimized_high_usd']:.2g}× above the unoptimized band"


def unit_costs(view: View) -> list[UnitCost]:
    """Unit cost of every workload, in the unit of its band where it has one."""
    return [_unit_cost(view, c) for c in view.baseline.chosen]


def _unit_cost(view: View, candidate: Candidate) -> UnitCost:
    workload = view.portfolio.workload(candidate.workload)
    band = band_of(view, workload)
    wanted = "1k_tokens" if workload.kind == "llm" else (band or {"unit": workload.unit})["unit"]
    requests = requests_per_month(view.setting.rates(workload))
    tokens = ((workload.isl_tokens or 0) + (workload.osl_tokens or 0)) / 1000.0
    units = requests * tokens if wanted == "1k_tokens" and tokens else requests
    low_mid_high = market(view, workload)
    scale = requests / units
    return UnitCost(
        workload=workload.name,
        unit=UNIT[wanted],
        usd=view.baseline.workload_usd_month[workload.name] / units,
        plan_usd=view.final.workload_usd_month[workload.name] / units,
        band=band,
        market=None
        if low_mid_high is None
        else (low_mid_high[0] * scale, low_mid_high[1] * scale, low_mid_high[2] * scale),
    )


def market(view: View, workload: Workload) -> tuple[float, float, float] | None:
    """Lowest, median and highest hosted price of a request to the workload's own model, USD."""
    if workload.kind != "llm":
        return None
    table = hosted.latest_prices(view.catalog)
    model = _row_name(view, workload.model)
    same = table[table["model"].map(lambda m: _row_name(view, m) == model)]
    same = same[same["tier"] == "standard"]
    prices = sorted(
        hosted.usd_per_request(view.catalog, workload, r)
        for r in hosted.quotes(records(same), workload)
    )
    return (prices[0], float(np.median(prices)), prices[-1]) if prices else None


def _row_name(view: View, model: str) -> str:
    return str(view.catalog.lookup("models", model)["model"])


def band_of(view: View, workload: Workload) -> dict[str, Any] | None:
    """The guide's band for a workload's task and kind, nearest in model size; None without one."""
    bands = view.catalog["benchmark_bands"]
    params = view.catalog.lookup("models", workload.model)["params_b"]
    if params is None:
        return None
    best: tuple[float, dict[str, Any] | None] = (NEAR, None)
    for row in records(bands):
        if row["task"] != workload.task or row["kind"] not in (workload.kind, "*"):
            continue
        away = max(
            row["params_b_low"] / params if row["params_b_low"] else 1.0,
            params / row["params_b_high"],
            1.0,
        )
        if away < best[0] or (away == best[0] and best[1] is None):
            best = (away, row)
    return best[1]


def guide_shares(view: View, which: str) -> pd.DataFrame:
    """The guide's shares of a view, with their mid-points normalised to sum to one."""
    table = view.catalog["anatomy"]
    table = table[table["view"] == which].copy()
    middle = (table["share_low"].astype(float) + table["share_high"].astype(float)) / 2.0
    table["normalised"] = middle / middle.sum()
    return table
