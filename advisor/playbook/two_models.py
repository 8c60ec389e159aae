"""A small model first and a large one for the rest, priced by the request: figures of step 7."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.economics.cascade import Pair, break_even_escalation, mix
from advisor.format import money, percent
from advisor.optimize.candidates import candidates
from advisor.optimize.cascades import SKILL, pairs
from advisor.optimize.considered import today_of
from advisor.optimize.larger import NODE
from advisor.optimize.network import network_s
from advisor.optimize.plan import Plan
from advisor.optimize.setting import Setting
from advisor.optimize.sweep import alone_usd_month
from advisor.portfolio import Workload

from .base import Chart, Table
from .describe import models

LOOKED_AT = 3
"""Workloads for which pairs are worked out: those that cost most."""
_KEPT: WeakKeyDictionary[Catalog, dict[tuple[Workload, str], TwoModels | None]] = (
    WeakKeyDictionary()
)
GRID = np.linspace(0.0, 1.0, 21)


@dataclass(frozen=True)
class TwoModels:
    """The cheapest pair for a workload against its large model alone, at full load.

    Money is USD per request on machines kept busy at on-demand prices.
    """

    workload: Workload
    mode: str
    small: str
    large: str
    accelerator: str
    provider: str | None
    pair: Pair
    escalated: float
    alone_usd: float

    @property
    def usd_per_request(self) -> float:
        """Of the pair at the share that keeps the floor."""
        return float(mix(self.pair, self.escalated).usd_per_request)

    @property
    def pays_to(self) -> float | None:
        """Share escalated up to which the pair is cheaper."""
        return break_even_escalation(self.pair, self.alone_usd)

    @property
    def saving(self) -> float:
        """Saved of the large model's cost, as a share."""
        return 1.0 - self.usd_per_request / self.alone_usd


def dearest(plan: Plan) -> list[TwoModels]:
    """Pairs for the workloads that cost most as planned, the largest saving first."""
    usd = {w.name: alone_usd_month(plan, plan.candidate(w.name)) for w in plan.portfolio.workloads}
    busiest = sorted(plan.portfolio.workloads, key=lambda w: -usd[w.name])[:LOOKED_AT]
    found = [pair for w in busiest if (pair := two_models(plan, w)) is not None]
    return sorted(found, key=lambda f: -f.saving * usd[f.workload.name])


def two_models(plan: Plan, workload: Workload) -> TwoModels | None:
    """The pair with the cheapest request; None where no pair keeps the floor.

    The large model alone is priced at its cheapest on any chip or, if hosted ones may serve it,
    at their price where that is less. Kept per catalog: volumes do not change it.
    """
    kept = _KEPT.setdefault(plan.setting.catalog, {})
    key = (workload, plan.portfolio.organisation.model_dump_json())
    if key not in kept:
        kept[key] = _two_models(plan, workload)
    return kept[key]


def _two_models(plan: Plan, workload: Workload) -> TwoModels | None:
    setting, today = plan.setting, today_of(plan, workload.name).choice
    useful, table = setting.useful(workload, today), pairs(setting, workload, today)
    if table.empty:
        return None
    chips = _chip_usd(setting, workload)
    priced = table.merge(chips, on=NODE)
    split = priced[["tensor_parallel", "rest_tensor_parallel"]].max(axis=1)
    priced = priced[priced["most"] >= split]
    if priced.empty:
        return None
    small = _usd(priced, "")
    large = _usd(priced, "rest_").fillna(priced["rest_usd"] / priced["escalated"])
    usd = priced["share"] * small + priced["escalated"] * large
    best = int(usd.to_numpy(float).argmin())
    row = priced.iloc[best]
    of = setting.catalog.assumption
    pair = Pair(
        small_usd=float(small.iloc[best]),
        large_usd=float(large.iloc[best]),
        small_quality=float(row["own_quality"]),
        large_quality=float(row["rest_quality"]),
        skill=of(SKILL[str(row["escalation"])]),
        check_usd=of("cascade_check_share") * float(small.iloc[best]),
        routed=row["escalation"] == "router",
    )
    alone = useful[useful["model"] == row["escalate_to"]].merge(chips, on=NODE)
    alone = alone[alone["most"] >= alone["tensor_parallel"]]
    hosted = large[priced["escalate_host"].notna() & (priced["escalate_to"] == row["escalate_to"])]
    return TwoModels(
        workload=workload,
        mode=str(row["escalation"]),
        small=str(row["model"]),
        large=str(row["escalate_to"]),
        accelerator=str(row["accelerator"]),
        provider=None if row["escalate_host"] is None else str(row["escalate_host"]),
        pair=pair,
        escalated=float(row["escalated"]),
        alone_usd=float(np.nanmin(np.append(_usd(alone, ""), hosted))),
    )


def cascade_chart(plan: Plan, found: TwoModels) -> Chart:
    """Cost per million requests against the share escalated, the floor's share marked.

    Its text says whether the plan takes a pair for the workload.
    """
    shares = np.unique(np.append(GRID, found.escalated))
    mixed = mix(found.pair, shares)
    rows = [
        {
            "escalated": e,
            "usd": usd * 1e6,
            "quality": quality,
            "series": "both models",
            "here": e == found.escalated,
        }
        for e, usd, quality in zip(
            shares.tolist(), mixed.usd_per_request.tolist(), mixed.quality.tolist(), strict=True
        )
    ]
    rows += [
        {
            "escalated": e,
            "usd": found.alone_usd * 1e6,
            "quality": found.pair.large_quality,
            "series": f"{found.large} alone",
            "here": False,
        }
        for e in (0.0, 1.0)
    ]
    where = found.provider or f"the same {found.accelerator}"
    return Chart(
        "cascade",
        f"{found.workload.name}: {found.small} first, {found.large} for the rest",
        f"per million requests on busy machines; a {found.mode} of the catalog's skill, the rest "
        f"on {where}",
        rows,
        f"{verdict(found)} {limit(found)} {taken(plan, found.workload)}",
    )


def cascade_table(found: list[TwoModels]) -> list[Table]:
    """What a small model first costs each workload, and up to which share it pays."""
    if not found:
        return []
    rows = [
        [
            f.workload.name,
            f.small,
            f.large if f.provider is None else f"{f.large} ({f.provider.split('/')[0]})",
            f.mode,
            percent(f.escalated),
            money(f.usd_per_request * 1e6),
            money(f.alone_usd * 1e6),
            "no share" if f.pays_to is None else percent(f.pays_to),
        ]
        for f in found
    ]
    return [
        Table(
            "A small model first",
            "the least share for the larger model that keeps the floor; USD per million requests "
            "on busy machines, a check of each request included, training not",
            ["Workload", "First", "The rest", "How", "To the larger", "A million", "Larger alone",
             "Pays up to"],
            rows,
            numeric=(4, 5, 6, 7),
        )
    ]  # fmt: skip


def verdict(found: TwoModels) -> str:
    """What the pair costs at the floor, against the large model alone."""
    mine, alone = money(found.usd_per_request * 1e6), money(found.alone_usd * 1e6)
    return (
        f"{percent(found.escalated)} of requests for {found.large} keep "
        f"{100.0 * found.workload.quality_floor:.4g}% of quality: {mine} a million against {alone} "
        "alone."
    )


def limit(found: TwoModels) -> str:
    """Up to which share the pair pays."""
    pays = found.pays_to
    if pays is None:
        return "It pays at no share."
    return "It pays at any share." if pays >= 1.0 else f"It pays up to {percent(pays)}."


def taken(plan: Plan, workload: Workload) -> str:
    """Whether the plan runs two models for a workload, else what the nearest pair would cost."""
    chosen = plan.candidate(workload.name)
    if chosen.choice["escalation"]:
        return f"The plan takes it so: {models(chosen)}."
    levers = plan.levers[workload.name]
    near = [c for c in candidates(plan.setting, workload, levers) if c.choice["escalation"]]
    if not near:
        return "The plan does not: one model alone does as well, or the work is not repaid."
    usd = plan.objective.swapping(plan.chosen, plan.portfolio.workloads.index(workload))
    extra = min(map(usd, near)) - usd(chosen)
    return f"The plan does not: the nearest such pair costs {money(extra)} a month more."


def _chip_usd(setting: Setting, workload: Workload) -> pd.DataFrame:
    """The least on-demand price of a device of each kind of node, USD an hour."""
    offers = setting.allowed[setting.allowed["on_demand"].notna()]
    way = network_s(setting.catalog, workload, offers["geography"])
    each = offers.assign(device_usd=offers["on_demand"] / offers["devices"], network_s=way)
    found: pd.DataFrame = each.groupby(NODE, dropna=False, as_index=False).agg(
        device_usd=("device_usd", "min"), most=("devices", "max")
    )
    return found


def _usd(table: pd.DataFrame, part: str) -> pd.Series[float]:
    """USD per request of one model at full load, the low end of its capacity."""
    per_hour = table["device_usd"] * table[f"{part}tensor_parallel"].astype(float)
    return per_hour / (table[f"{part}rps_low"].astype(float) * 3600.0)
