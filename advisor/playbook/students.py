"""Smaller models for each workload, what they take and from which volume they pay (step 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.format import count
from advisor.optimize.candidates import candidates
from advisor.optimize.choices import Candidate
from advisor.optimize.effort import is_student
from advisor.optimize.plan import Plan
from advisor.optimize.stacks import model_options
from advisor.optimize.sweep import alone_usd_month, resized
from advisor.portfolio import Lever, Workload

FACTORS = np.geomspace(1e-2, 1e3, 11)
"""Multiples of today's volume that are looked at for a break-even."""
FINE = 4
"""Halvings of the interval in which a break-even lies."""


@dataclass(frozen=True)
class Study:
    """The best smaller model for a workload, or why there is none.

    Money is USD a month except ``one_off_usd``; ``after`` is None where no smaller model works.
    """

    workload: Workload
    model: str
    distilled: bool
    before: Candidate
    after: Candidate | None
    reason: str
    before_usd: float = 0.0
    after_usd: float = 0.0
    one_off_usd: float = 0.0
    per_day: float = 0.0
    pays_from: float | None = None
    """Predictions a day from which it pays; None where it does not at any volume looked at."""

    @property
    def net_usd(self) -> float:
        """Saving with one-off work spread over the horizon."""
        return self.before_usd - self.after_usd

    @property
    def always(self) -> bool:
        """Whether it pays even at the smallest volume looked at."""
        return self.pays_from is not None and self.pays_from <= self.per_day * FACTORS[0] * 1.001

    def pays(self) -> str:
        """From which volume it pays, for a table."""
        if self.always:
            return "any volume"
        return "not in sight" if self.pays_from is None else f"{count(self.pays_from)} a day"

    @property
    def quality(self) -> float | None:
        """Expected quality, of today's."""
        return None if self.after is None else float(self.after.details["quality"])

    def run_saving(self, horizon_months: float) -> float:
        """Saving a month once the work is done."""
        return self.net_usd + self.one_off_usd / horizon_months


def studies(plan: Plan, moved: dict[str, tuple[Candidate, Candidate | None]]) -> list[Study]:
    """One study per workload that has a smaller model, best net saving first.

    Parameters
    ----------
    plan : Plan
        The plan at the step.
    moved : dict
        (before, after) of the workloads that the step moves; None for after where that is not one
        smaller model.
    """
    found = [
        study for w in plan.portfolio.workloads if (study := _study(plan, w, moved.get(w.name)))
    ]
    return sorted(found, key=lambda s: (s.after is None, -s.net_usd))


def smaller_models(plan: Plan, workload: Workload) -> list[str]:
    """Other models that could serve the workload, distilled or accepted as they are."""
    catalog = plan.setting.catalog
    today = catalog.lookup("models", workload.model)["model"]
    return [m for m in model_options(catalog, workload) if m != today]


def curve(
    plan: Plan, workload: Workload, before: Candidate, after: Candidate, factors: Sequence[float]
) -> list[tuple[float, float, float]]:
    """(predictions a day, USD a month before, USD a month after), each priced alone."""
    out = []
    for factor in factors:
        pair = resized(plan.setting, workload, [before], factor)
        pair += resized(plan.setting, workload, [after], factor)
        if len(pair) == 2:
            usd = [alone_usd_month(plan, c) for c in pair]
            out.append((per_day(plan, workload) * factor, usd[0], usd[1]))
    return out


def per_day(plan: Plan, workload: Workload) -> float:
    """Requests a day."""
    return float(plan.setting.rates(workload).mean() * 86_400.0)


def _study(
    plan: Plan, workload: Workload, pair: tuple[Candidate, Candidate | None] | None
) -> Study | None:
    models = smaller_models(plan, workload)
    if not models:
        return None
    before, after = pair or (plan.candidate(workload.name), None)
    if after is None:
        after = _best(plan, workload, models)
    if after is None:
        model, reason = _reason(plan, workload, before, models)
        distilled = is_student(plan.setting.catalog, workload, model)
        return Study(workload, model, distilled, before, None, reason)
    before_usd, after_usd = (alone_usd_month(plan, c) for c in (before, after))
    return Study(
        workload=workload,
        model=str(after.choice["model"]),
        distilled=is_student(plan.setting.catalog, workload, str(after.choice["model"])),
        before=before,
        after=after,
        reason="",
        before_usd=before_usd,
        after_usd=after_usd,
        one_off_usd=max(after.one_off_usd - before.one_off_usd, 0.0),
        per_day=per_day(plan, workload),
        pays_from=_pays_from(plan, workload, before, after),
    )


def _best(plan: Plan, workload: Workload, models: list[str]) -> Candidate | None:
    levers = plan.levers[workload.name] | frozenset[Lever]({"DISTILLATION"})
    options = candidates(plan.setting, workload, levers)
    able = [c for c in options[1:] if c.choice["model"] in models and not c.choice["escalation"]]
    return min(able, key=lambda c: alone_usd_month(plan, c)) if able else None


def _reason(
    plan: Plan, workload: Workload, before: Candidate, models: list[str]
) -> tuple[str, str]:
    """The model that comes nearest, and what stands against it."""
    if before.choice["sourcing"] == "managed_api":
        return models[0], "hosted: changing the model is part of build or buy"
    table = plan.setting.variants(workload)
    mine = table[table["model"].isin(models)] if len(table) else table
    failed = mine[mine["reason"] != ""] if len(mine) else mine
    poor = failed[failed["reason"].str.startswith("quality")] if len(failed) else failed
    if len(poor):
        row = poor.sort_values("quality").iloc[-1]
        return str(row["model"]), str(row["reason"])
    if len(failed) == len(mine) and len(failed):
        return str(failed.iloc[0]["model"]), str(failed["reason"].mode().iloc[0])
    return models[0], "not among the cheaper ways to run it"


def _pays_from(plan: Plan, workload: Workload, before: Candidate, after: Candidate) -> float | None:
    """Predictions a day from which the smaller model is cheaper, to within a tenth or so."""

    def saves(factor: float) -> bool:
        points = curve(plan, workload, before, after, [factor])
        return bool(points) and points[0][1] > points[0][2]

    first = next((i for i, f in enumerate(FACTORS) if saves(float(f))), None)
    if first is None:
        return None
    high = float(FACTORS[first])
    if first > 0:
        low = float(FACTORS[first - 1])
        for _ in range(FINE):
            middle = float(np.sqrt(low * high))
            low, high = (low, middle) if saves(middle) else (middle, high)
    return high * per_day(plan, workload)
