"""How autoscaled fleets follow demand: ways tried on the plan's own fleets, and what is late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from advisor.format import duration, money, percent
from advisor.optimize.choices import Array, Candidate
from advisor.optimize.parts import lag_of
from advisor.optimize.scaling import Way, allowed_late, tried, ways
from advisor.optimize.scenarios import counted
from advisor.portfolio import HOURS_PER_MONTH, HOURS_PER_WEEK, Workload

from .base import Chart, Table, View
from .pools import machines, pools

STEP_KEY = "buy"
MOST = 12
"""Fleets that are simulated: those for which autoscaling is worth most."""
REACTIVE, PREDICTIVE = "reactive", "predictive"


@dataclass(frozen=True, eq=False)
class Followed:
    """An autoscaled fleet of the plan, with the ways of scaling tried on it; arrays (ways,)."""

    member: Candidate
    worth_usd_month: float
    lag_s: float
    allowed: float
    ways: tuple[Way, ...]
    late_share: Array
    of_static: Array
    chosen: int


def followed(view: View) -> list[Followed]:
    """Fleets that follow demand, those that gain most by it first; each as it is, simulated."""
    setting = view.plans[STEP_KEY].setting
    known = {w.name: w for w in setting.portfolio.workloads}
    found: list[tuple[float, Candidate, Workload, float]] = []
    for p in pools(view.plans[STEP_KEY]):
        for m in p.bill.members:
            workload = known[m.workload]
            if p.offer.on_demand is None or workload.deferrable_hours is not None:
                continue
            need, spare = counted(setting, workload, m)
            off = float(need.max() - m.machines.mean())
            if off > 0:
                usd = off * p.offer.on_demand * HOURS_PER_MONTH
                busiest = float(need[:HOURS_PER_WEEK].max()) - spare
                found.append((usd, m, workload, busiest))
    found = sorted(found, key=lambda f: -f[0])[:MOST]
    if not found:
        return []
    trials = tried(
        setting,
        np.array([setting.rates(w)[:HOURS_PER_WEEK] for _, _, w, _ in found]),
        np.array([lag_of(setting, m) for _, m, _, _ in found]),
        np.array([n for _, _, _, n in found]),
        ways(setting),
    )
    out = []
    for i, (usd, m, workload, _) in enumerate(found):
        allowed = allowed_late(setting, workload)
        best = int(trials.chosen(allowed)[i])
        late, share = trials.late_share[i], trials.of_static[i]
        out.append(Followed(m, usd, lag_of(setting, m), allowed, trials.ways, late, share, best))
    return out


def following_table(found: list[Followed]) -> list[Table]:
    """What following demand is worth, against a fleet for the busiest hour, and how it is done."""
    if not found:
        return []
    return [
        Table(
            "Autoscaling",
            "worth: machine-hours less than a fixed fleet's, at on-demand price; late: requests "
            "that find no room, as simulated; spare machines are the first warm ones",
            ["Workload", "Most", "Mean", "Least", "Starts in", "Policy", "Late", "Allowed",
             "Worth a month"],
            [
                [
                    f.member.workload,
                    f"{f.member.machines.max():.0f}",
                    machines(float(f.member.machines.mean())),
                    f"{f.member.machines.min():.0f}",
                    duration(f.lag_s),
                    described(f.ways[f.chosen]),
                    _late(f.late_share[f.chosen]),
                    percent(f.allowed),
                    money(f.worth_usd_month),
                ]
                for f in found
            ],
            numeric=(1, 2, 3, 4, 6, 7, 8),
        )
    ]  # fmt: skip


def following_chart(found: list[Followed]) -> list[Chart]:
    """Cost against late requests of every way tried, where autoscaling is worth most."""
    if not found:
        return []
    f = found[0]
    rows = [
        {
            "late": float(late),
            "share": float(share),
            "policy": _kind(way),
            "warm": f"{percent(way.warm)} warm",
            "target": way.target,
            "allowed": f.allowed,
            "here": i == f.chosen,
        }
        for i, (way, late, share) in enumerate(zip(f.ways, f.late_share, f.of_static, strict=True))
    ]
    best = f.chosen
    return [
        Chart(
            "autoscaling",
            f"{f.member.workload}: cost against late requests",
            f"a machine starts in {duration(f.lag_s)}; line = late requests allowed",
            rows,
            f"{len(rows)} ways of scaling; chosen: {described(f.ways[best])}, at "
            f"{percent(float(f.of_static[best]))} of a fixed fleet's machine-hours with "
            f"{_late(f.late_share[best])} of requests late.",
        )
    ]


def described(way: Way) -> str:
    """'predictive, 20% warm, 90% load'."""
    warm = f"{percent(way.warm)} warm, " if way.warm else ""
    return f"{_kind(way)}, {warm}{percent(way.target)} load"


def _kind(way: Way) -> str:
    return PREDICTIVE if way.predictive else REACTIVE


def _late(share: float) -> str:
    """A share of late requests; what rounds to nothing is said to be less than the least shown."""
    return "none" if share <= 0 else "< 0.01%" if share < 1e-4 else percent(float(share))
