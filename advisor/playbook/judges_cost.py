"""The guide's claims about what production ML costs, judged on today's figures."""

from __future__ import annotations

import numpy as np

from advisor.catalog.records import records
from advisor.format import money, percent
from advisor.portfolio import HOURS_PER_MONTH

from . import baseline
from .base import Verdict, View
from .claims import Judged, judge
from .wording import inner

DAYS_PER_MONTH = HOURS_PER_MONTH / 24.0
SHOCK_USD, SHOCK_PER_DAY, SHOCK_CLAIM_USD_MONTH = 0.03, 10e6, 300_000.0
GAP = (5.0, 10.0)
PAID = (3.0, 5.0)
ALMOST = 0.05
"""Relative distance within which a figure is the claimed one."""


def within(value: float, low: float, high: float) -> Verdict:
    """Holds inside the claimed range, else it does not."""
    return "holds" if low <= value <= high else "does_not_hold"


@judge("scale-shock")
def _scale_shock(view: View) -> Judged:
    day = SHOCK_USD * SHOCK_PER_DAY
    month = day * DAYS_PER_MONTH
    holds = abs(month / SHOCK_CLAIM_USD_MONTH - 1.0) < ALMOST
    dearest = max(baseline.unit_costs(view), key=lambda u: u.usd)
    here = (
        f"${SHOCK_USD:.2f} × 10M a day is ${day:,.0f} a day, {money(month)} a month. "
        f"{dearest.workload}, at {money(dearest.usd)} per {dearest.unit}, would cost "
        f"{money(dearest.usd * SHOCK_PER_DAY * DAYS_PER_MONTH)} a month at that volume."
    )
    return "holds" if holds else "does_not_hold", here


@judge("util-3-5x")
def _utilisation(view: View) -> Judged:
    mean = baseline.mean_use(view)
    if not mean:
        return None
    paid = 1.0 / mean
    verdict: Verdict = "holds" if PAID[0] <= paid <= PAID[1] else "holds_if"
    return verdict, (
        f"Weighted by cost your machines are {percent(mean)} used, so you pay {paid:.2g} times "
        "what the work alone would need; part of that is headroom for peaks and targets."
    )


@judge("gap-5-10x")
def _gap(view: View) -> Judged:
    gaps = {u.workload: u.usd / u.plan_usd for u in baseline.unit_costs(view) if u.plan_usd > 0}
    if not gaps:
        return None
    middle = float(np.median(list(gaps.values())))
    inside = sum(GAP[0] <= g <= GAP[1] for g in gaps.values())
    verdict: Verdict = "holds" if GAP[0] <= middle <= GAP[1] else "does_not_hold"
    if verdict != "holds" and inside:
        verdict = "holds_if"
    most, least = max(gaps, key=lambda k: gaps[k]), min(gaps, key=lambda k: gaps[k])
    if len(gaps) == 1:
        return verdict, f"Today costs {gaps[most]:.2g}× the plan's unit cost."
    return verdict, (
        f"Today against the whole plan: {gaps[least]:.2g}× ({least}) to {gaps[most]:.2g}× "
        f"({most}), median {middle:.2g}×; {inside} of {len(gaps)} lie between 5 and 10."
    )


@judge("cpp-llm")
def _llm_prices(view: View) -> Judged:
    parts, below, known = [], 0, 0
    for unit in baseline.unit_costs(view):
        if unit.band is None or unit.band["unit"] != "1k_tokens":
            continue
        known += 1
        low, high = unit.band["optimized_low_usd"], unit.band["optimized_high_usd"]
        best = min(unit.plan_usd, unit.market[1] if unit.market else unit.plan_usd)
        below += best < low
        market = f", hosted {money(unit.market[1] * 1e3)}" if unit.market else ""
        parts.append(
            f"{unit.workload}: planned {money(unit.plan_usd * 1e3)}{market}, guide "
            f"{money(low * 1e3)}–{money(high * 1e3)}"
        )
    if not known:
        return None
    verdict: Verdict = "holds" if not below else "holds_if" if below < known else "does_not_hold"
    return verdict, "Per million tokens: " + "; ".join(parts) + "."


@judge("anatomy-shares")
def _anatomy(view: View) -> Judged:
    cost = baseline.spend(view)
    total = sum(cost.values())
    if total <= 0:
        return None
    outside = []
    for row in records(baseline.guide_shares(view, "spend")):
        share = cost.get(row["category"], 0.0) / total
        if not row["share_low"] <= share <= row["share_high"]:
            outside.append(f"{inner(row['label'])} {percent(share)}")
    middles = baseline.guide_shares(view, "spend")
    points = float((middles["share_low"] + middles["share_high"]).sum()) / 2.0
    start = f"The guide's mid-points add to {percent(points)}"
    if not outside:
        return "holds", f"{start}; your shares all lie in its ranges."
    return "holds_if", f"{start}; outside its ranges here: {', '.join(outside)}."


@judge("tco-shares")
def _tco(view: View) -> Judged:
    cost = baseline.tco(view)
    total = sum(cost.values())
    table = baseline.guide_shares(view, "tco").dropna(subset=["share_low", "share_high"])
    if total <= 0:
        return None
    parts, inside = [], 0
    for row in records(table):
        share = cost.get(row["category"], 0.0) / total
        inside += row["share_low"] <= share <= row["share_high"]
        parts.append(f"{inner(row['label'])} {percent(share)}")
    verdict: Verdict = "holds_if" if inside else "does_not_hold"
    verdict = "holds" if inside == len(table) else verdict
    return verdict, f"Today: {', '.join(parts)}; {inside} of {len(table)} in the guide's ranges."
