"""Tables, charts and notes of step 6."""

from __future__ import annotations

import numpy as np

from advisor.format import money, percent
from advisor.portfolio import HOURS_PER_MONTH

from .base import Chart, Note, Table, View
from .pools import Pool, machines, pools
from .wording import listing, things

STEP_KEY = "buy"
TERM = {
    "commit_1y": "1 year",
    "commit_3y": "3 years",
    "owned": "owned",
}


def pools_table(found: list[Pool]) -> list[Table]:
    """What is bought, pool by pool."""
    if not found:
        return []
    rows = []
    for p in found:
        rule = p.break_even_use
        rows.append(
            [
                f"{p.instance}, {p.place}",
                listing(p.workloads, 3),
                f"{p.need.min():.0f} – {p.need.max():.0f}",
                _commitment(p),
                percent(rule) if rule is not None else "no term",
                machines(float(p.spot.mean())),
                machines(float(p.on_demand.mean())),
                money(p.bill.usd_month),
            ]
        )
    return [
        Table(
            "What to buy",
            "pays from: share of hours a committed machine must be needed to beat on demand",
            ["Pool", "For", "Machines", "Committed", "Pays from", "Spot", "On demand", "A month"],
            rows,
            numeric=(2, 4, 5, 6, 7),
        )
    ]  # fmt: skip


def _commitment(p: Pool) -> str:
    """What is committed to, with the quantile of the need that it equals."""
    if not p.committed:
        return "none"
    term = TERM.get(p.offer.commit_term, p.offer.commit_term)
    used = "always used" if p.committed <= p.need.min() else f"P{100 * p.quantile:.0f} of need"
    return f"{p.committed:.0f} for {term}, {used}"


def demand_chart(found: list[Pool]) -> list[Chart]:
    """The largest pool that is bought in more than one way, over the week."""
    if not found:
        return []
    p = next((q for q in found if q.committed or q.spot.any()), found[0])
    parts = {
        "committed": np.full_like(p.need, p.committed),
        "on demand": p.on_demand,
        "spot": p.spot,
    }
    rows = [
        {"hour": hour, "part": part, "machines": float(n[hour]), "need": float(p.need[hour])}
        for hour in range(len(p.need))
        for part, n in parts.items()
        if n.any()
    ]
    return [
        Chart(
            "demand",
            f"{p.instance}: a week as bought",
            f"{listing(p.workloads, 3)}; line = machines needed",
            rows,
            f"Between {p.need.min():.0f} and {p.need.max():.0f} machines are needed over the week; "
            f"bought as {p.mix_text()} on average.",
        )
    ]


def traps(view: View, found: list[Pool]) -> Note:
    """What goes wrong when machines are bought, with this portfolio's figures."""
    lines = [_too_early(view), _summed(found), _spot(view, found)]
    unpriced = [p.instance for p in found if p.offer.commit is None]
    if unpriced:
        lines.append(
            (f"No term is priced for {listing(unpriced)}.", "Where one is offered, add its price.")
        )
    return Note("Traps", [line for line in lines if line[1]])


def _too_early(view: View) -> tuple[str, str]:
    """What committing today's machines would lock in that the plan no longer needs."""
    kept = {p.bill.pool[1:4] for p in pools(view.plans[STEP_KEY])}
    offers = view.setting.offers.set_index(["cloud", "region", "instance"])["commit"]
    usd, n = 0.0, 0.0
    for c in view.baseline.chosen:
        place = (c.choice["cloud"], c.choice["region"], c.choice["instance"])
        if not c.machines.any() or place in kept or place not in offers.index:
            continue
        rate = float(offers.loc[place])
        if np.isfinite(rate):
            usd += rate * float(c.machines.max()) * HOURS_PER_MONTH * view.setting.horizon_months
            n += float(c.machines.max())
    if not n:
        return "Commit last.", "A term bought before right-sizing outlives the machines it was for."
    return (
        "Commit last.",
        f"Committing today's machines would have locked in {money(usd)} over "
        f"{view.setting.horizon_months} months for {things(int(n), 'machine')} that this plan no "
        "longer runs.",
    )


def _summed(found: list[Pool]) -> tuple[str, str]:
    shared = [p for p in found if len(p.bill.members) > 1]
    if not shared:
        return "", ""
    p = shared[0]
    alone = float(p.bill.use.max(axis=1).sum())
    return (
        "Choose the level on the sum.",
        f"{p.instance} serves {things(len(p.bill.members), 'workload')}: together they peak at "
        f"{p.need.max():.0f} machines, one by one at {alone:.0f}.",
    )


def _spot(view: View, found: list[Pool]) -> tuple[str, str]:
    on_spot = [p for p in found if p.spot.any()]
    if not on_spot:
        return "", ""
    offers = view.setting.offers.set_index(["cloud", "region", "instance"])["interruptions"]
    rates = [float(offers.loc[p.bill.pool[1:4]]) for p in on_spot]
    known = [r for r in rates if np.isfinite(r)]
    text = "Interruptions come together within a zone: spread over zones and keep the fallback."
    if known:
        worst = max(known)
        text = f"Up to {percent(worst)} of a pool is interrupted in a month. {text}"
    held = sum(p.spot_saving_usd_month for p in on_spot)
    return f"{money(held)} a month rests on spot.", text
