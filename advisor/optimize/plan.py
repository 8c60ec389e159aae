"""A plan: one choice per workload, what is bought, what it costs and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from advisor.portfolio import Portfolio

from .choices import Array, Candidate
from .effort import SECOND
from .levers import LeverSet
from .objective import Objective, PoolBill
from .offers import weakest
from .places import Ints
from .setting import Setting
from .stands import stands
from .training import TrainingPlan


@dataclass(frozen=True)
class Certificate:
    """How far the plan can be from the cheapest one: ``lower <= optimum <= upper``, USD a month.

    Attributes
    ----------
    hour_usd : float
        What one more engineering hour would save, USD a month; 0 where hours are not limited.
    stopped : str
        Why the search ended: ``gap`` when it is closed as far as was asked.
    """

    upper_usd: float
    lower_usd: float
    seconds: float
    hour_usd: float = 0.0
    stopped: str = "gap"

    @property
    def gap(self) -> float:
        """Relative gap."""
        return (self.upper_usd - self.lower_usd) / self.upper_usd if self.upper_usd else 0.0


@dataclass(frozen=True, eq=False)
class Plan:
    """The answer of `advisor.optimize.solve`.

    ``columns`` numbers each choice among its workload's columns, and ``nearest`` those that came
    closest (`advisor.optimize.columns`); ``kept`` names workloads that stay as they were although
    another choice is a trifle cheaper (`advisor.optimize.alternatives.steady`).

    All figures are USD a month. ``usd_month`` is the objective (one-off work spread over the
    horizon); ``run_rate_usd_month`` is what the bills would show once the work is done.
    """

    setting: Setting
    levers: Mapping[str, LeverSet]
    chosen: tuple[Candidate, ...]
    columns: tuple[int, ...]
    nearest: tuple[Ints, ...]
    today: tuple[Candidate, ...]
    training: tuple[TrainingPlan, ...]
    constants: Mapping[str, float]
    objective: Objective
    seconds: float
    certificate: Certificate | None = None
    kept: tuple[str, ...] = ()

    @property
    def portfolio(self) -> Portfolio:
        """What the plan is for."""
        return self.setting.portfolio

    @cached_property
    def usd_month(self) -> float:
        """The objective."""
        return float(sum(self.workload_usd_month.values()) + self.shared_usd_month)

    @cached_property
    def one_off_usd(self) -> float:
        """All one-off work."""
        return sum(c.one_off_usd for c in self.chosen) + sum(t.one_off_usd for t in self.training)

    @cached_property
    def run_rate_usd_month(self) -> float:
        """The objective without one-off work."""
        return self.usd_month - self.one_off_usd / self.setting.horizon_months

    @cached_property
    def engineering_hours(self) -> float:
        """Hours of one-off work on workloads."""
        return sum(c.total_hours for c in self.chosen)

    @property
    def doubts(self) -> dict[str, str]:
        """What the planner should look at: workloads left out, and choices the model doubts."""
        doubted = {
            c.workload: str(c.details["doubt"]) for c in self.chosen if c.details.get("doubt")
        }
        return {**(self.setting.blocked or {}), **doubted}

    @cached_property
    def pools(self) -> list[PoolBill]:
        """What is bought jointly, pool by pool."""
        return self.objective.bills(self.chosen)

    @cached_property
    def workload_usd_month(self) -> dict[str, float]:
        """Cost of each workload: its own, plus its share of pools by hourly use."""
        out = {c.workload: self.objective.own_usd_month(c) for c in self.chosen}
        for bill in self.pools:
            for member, usd in zip(bill.members, split_by_use(bill), strict=True):
                out[member.workload] += usd
        return out

    @cached_property
    def shared(self) -> dict[str, float]:
        """Costs of no single workload: platforms, training, and what stays as it is."""
        platforms = self.objective.platforms_usd_month(self.chosen)
        runs = sum(t.usd_month + t.one_off_usd / self.setting.horizon_months for t in self.training)
        return {"platforms": platforms, "training": runs, **self.constants}

    @cached_property
    def by_category(self) -> dict[str, float]:
        """The whole cost by what it is for."""
        hosted = sum(c.by_request_usd_month for c in self.chosen)
        fixed = sum(c.run_rate_usd_month - c.by_request_usd_month for c in self.chosen)
        bought = sum(b.usd_month for b in self.pools)
        work = sum(c.one_off_usd for c in self.chosen) / self.setting.horizon_months
        return {
            "machines": bought + fixed,
            "hosted_models": hosted,
            "around": sum(c.around_usd_month for c in self.chosen),
            "one_off_work": work,
            **self.shared,
        }

    @property
    def shared_usd_month(self) -> float:
        """Sum of `shared`."""
        return float(sum(self.shared.values()))

    def beside(self, candidate: Candidate) -> tuple[str, ...]:
        """Workloads that would share a host with this choice, everything else as planned."""
        if candidate.host is None:
            return ()
        mates = [c for c in self.chosen if c.pool == candidate.pool]
        members = [candidate, *(c for c in mates if c.workload != candidate.workload)]
        here = next(s for s in stands(members) if 0 in s.members)
        return tuple(sorted(members[i].workload for i in here.members if i))

    def candidate(self, workload: str) -> Candidate:
        """The choice for a workload."""
        return next(c for c in self.chosen if c.workload == workload)

    def evidence(self, candidate: Candidate) -> str:
        """The weakest of price, demand and speed, for what is actually bought."""
        kinds = [candidate.details["evidence"]]
        for bill in self.pools:
            if candidate in bill.members:
                if bill.mix.spot_hours > 0 and candidate.details.get("spot_standing"):
                    kinds.append(candidate.details["spot_standing"])
                if bill.mix.committed > 0 and candidate.details.get("commit_standing"):
                    kinds.append(candidate.details["commit_standing"])
        return weakest(*kinds)

    def frame(self) -> pd.DataFrame:
        """One row per workload: today, choice, cost, cost per prediction, evidence."""
        rows = []
        for candidate, before in zip(self.chosen, self.today, strict=True):
            workload = self.portfolio.workload(candidate.workload)
            usd = self.workload_usd_month[candidate.workload]
            c = candidate.choice
            rows.append(
                {
                    "name": candidate.workload,
                    "sourcing": c["sourcing"],
                    "provider": c["provider"],
                    "cloud": c["cloud"],
                    "region": c["region"],
                    "instance": c["instance"],
                    "accelerator": candidate.details["accelerator"],
                    "accelerator_count": candidate.details["accelerator_count"],
                    "tensor_parallel": int(c["tensor_parallel"]) if c["tensor_parallel"] else None,
                    "shared_with": list(self.beside(candidate)),
                    "replicas_peak": int(candidate.machines.max()),
                    "replicas_mean": float(candidate.machines.mean()),
                    "model": c["model"],
                    "escalation": escalation_of(candidate),
                    "weight_precision": c["weight_precision"],
                    "kv_precision": c["kv_precision"],
                    "framework": c["framework"],
                    "techniques": c["techniques"],
                    "compression": c["compression"],
                    "cache": c["cache"],
                    "purchase": c["purchase"],
                    "unit": workload.unit,
                    "cost_usd_month": usd,
                    "run_rate_usd_month": usd - candidate.one_off_usd / self.setting.horizon_months,
                    "one_off_usd": candidate.one_off_usd,
                    "engineering_hours": candidate.total_hours,
                    "predictions_per_month": candidate.predictions_per_month,
                    "cost_per_prediction_usd": usd / candidate.predictions_per_month,
                    "evidence": self.evidence(candidate),
                    "today_usd_month": before.run_rate_usd_month,
                    "doubt": candidate.details.get("doubt") or "",
                }
            )
        # Blanks stay None: a missing framework is not a number.
        return pd.DataFrame(rows).astype(dict.fromkeys(_TEXT, object)).replace({np.nan: None})

    def _repr_html_(self) -> str:
        return str(self.frame().to_html(index=False, escape=True))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for files."""
        keep = [
            "name",
            "sourcing",
            "provider",
            "cloud",
            "region",
            "instance",
            "accelerator",
            "accelerator_count",
            "tensor_parallel",
            "shared_with",
            "replicas_peak",
            "replicas_mean",
            "model",
            "escalation",
            "weight_precision",
            "kv_precision",
            "framework",
            "techniques",
            "compression",
            "cache",
            "purchase",
            "unit",
            "cost_usd_month",
            "run_rate_usd_month",
            "one_off_usd",
            "engineering_hours",
            "predictions_per_month",
            "cost_per_prediction_usd",
            "evidence",
            "doubt",
        ]
        rows = self.frame()[keep].astype(object)
        return {
            "plan_usd_month": self.usd_month,
            "run_rate_usd_month": self.run_rate_usd_month,
            "shared_usd_month": self.shared_usd_month,
            "shared": dict(self.shared),
            "by_category": dict(self.by_category),
            "one_off_usd": self.one_off_usd,
            "engineering_hours": self.engineering_hours,
            "blocked": dict(self.setting.blocked or {}),
            "workloads": rows.where(rows.notna(), None).to_dict("records"),
            "purchases": [
                {
                    "sourcing": b.pool[0],
                    "cloud": b.pool[1],
                    "region": b.pool[2],
                    "instance": b.pool[3],
                    "committed": b.mix.committed,
                    "spot_mean": b.mix.spot_hours,
                    "on_demand_mean": b.mix.on_demand_hours,
                    "commit_term": "+".join(b.terms),
                    "terms": b.terms,
                    "cost_usd_month": b.usd_month,
                    "workloads": [m.workload for m in b.members],
                }
                for b in self.pools
            ],
        }


def escalation_of(candidate: Candidate) -> dict[str, Any] | None:
    """The second model of a choice, which share of the requests it answers, and how it runs."""
    c, d = candidate.choice, candidate.details
    if not c["escalation"]:
        return None
    own = {} if c["escalate_host"] else d["parts"][1]
    return {
        "mode": c["escalation"],
        "share": d["escalated"],
        "model": c["escalate_to"],
        "host": c["escalate_host"],
        "tensor_parallel": int(own["tensor_parallel"]) if own else None,
        **{name: own.get(name) for name in SECOND},
    }


_TEXT = ("provider", "cloud", "region", "instance", "accelerator", "framework")


def split_by_use(bill: PoolBill) -> list[float]:
    """A pool's monthly cost split over its members by hourly use.

    Each hour's cost (commitment, spot, on-demand) is shared by the machines each member runs in
    that hour, on a host by its share of it; a commitment idle in an hour is shared by use over the
    week, and what was bought for work that waits by its volume.
    """
    all_use = bill.use
    use = all_use * np.array([not m.waits for m in bill.members])[:, None]
    volume = np.array([m.machines.sum() * m.waits for m in bill.members])
    h, prices = bill.steps.hours_month, bill.prices
    if all_use.sum() <= 0:
        return [bill.usd_month / len(use)] * len(use)
    week = all_use.sum(axis=1) / all_use.sum()
    total = use.sum(axis=0)
    share = np.where(total > 0, use / np.maximum(total, 1e-12), week[:, None])
    commit = (
        _paid(prices.whole, bill.purchase.whole)
        + _paid(prices.yearly[:, None], bill.purchase.yearly)[:, bill.steps.years].ravel()
    )
    spot, by_hour = _paid(prices.spot, bill.spot), _paid(prices.on_demand, bill.on_demand)
    parts = (share * ((commit + spot + by_hour) * h)).sum(axis=1)
    rate = min(float(prices.spot[0]), float(prices.on_demand[0]))
    waiting = float(_paid(np.array([rate]), bill.purchase.waiting_hours.sum(keepdims=True)).sum())
    if volume.sum() > 0:
        parts = parts + waiting * volume / volume.sum()
    if parts.sum() <= 0:
        return [float(bill.usd_month * w) for w in week]
    return [float(bill.usd_month * p) for p in parts / parts.sum()]


def _paid(price: Array, amount: Array) -> Array:
    """Price times amount, 0 where nothing is bought."""
    return np.where(amount > 0, np.where(amount > 0, price, 0.0) * amount, 0.0)
