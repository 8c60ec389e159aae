"""Step 7, distill: a smaller model of one's own, for the workloads busy enough to repay it."""

from __future__ import annotations

from math import isfinite

import numpy as np

from advisor.economics.distillation import months_to_collect
from advisor.economics.labour import payback_months
from advisor.format import count, duration, money, months
from advisor.optimize.choices import Candidate
from advisor.optimize.effort import distillation
from advisor.optimize.marginal import Move
from advisor.portfolio import HOURS_PER_MONTH, Lever

from .base import Action, Assumption, Chart, Note, Report, Risk, Table, View
from .claims import claims_for
from .describe import machine, models, to_action
from .proposals import by_saving, money_phrase
from .students import Study, curve, per_day, smaller_models, studies
from .two_models import cascade_chart, cascade_table, dearest
from .wording import listing, of_all, sentence

GUIDE_PER_DAY = 100_000.0
"""Predictions a day from which the guide would look at distillation."""
POINTS = np.geomspace(1e-2, 1e2, 25)
TIGHT = 0.01
"""Quality left above the floor under which a student is a gamble."""


class Distill:
    """A smaller model: distilled, or one the team accepts as it is."""

    key = "distill"
    title = "Distill"
    mark = "7"
    lever: Lever | None = "DISTILLATION"

    def report(self, view: View) -> Report:
        """Which students repay their training, from which volume, and what quality they keep."""
        moves = by_saving(view.moves(self.key, "DISTILLATION"))
        found = studies_of(view)
        plan = view.plans[self.key]
        mixed = dearest(plan)
        actions = [self._action(view, m) for m in moves]
        return Report(
            headline=_headline(view, actions, found),
            sub=(
                "A student is trained once, and again as the world moves; its quality is an "
                "expectation until it is measured. Substitutes you accept need no training."
            ),
            actions=actions,
            charts=[*_chart(view, found), *[cascade_chart(plan, f) for f in mixed[:1]]],
            tables=[*_table(view, found), *cascade_table(mixed)],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(view, found),
            notes=_notes(view, found),
        )

    def _action(self, view: View, move: Move) -> Action:
        return to_action(
            view,
            "DISTILLATION",
            move,
            today=(models(move.before), machine(move.before)),
            proposed=(
                models(move.after),
                f"{_size(view, move.before, move.after)} · {machine(move.after)}",
            ),
            risk=_risk(view, move),
            step=self.key,
        )


def studies_of(view: View) -> list[Study]:
    """The best smaller model of each workload that has one."""
    moves = view.moves("distill", "DISTILLATION")
    # A pair of models is no student: it is told of by itself.
    alone = {m.workload: None if m.after.choice["escalation"] else m.after for m in moves}
    return studies(
        view.plans["distill"], {m.workload: (m.before, alone[m.workload]) for m in moves}
    )


def size_ratio(view: View, before: Candidate, after: Candidate) -> float | None:
    """How many times smaller the model is."""
    sizes = [
        view.catalog.lookup("models", str(c.choice["model"]))["params_b"] for c in (before, after)
    ]
    return None if None in sizes else float(sizes[0] / sizes[1])


def _size(view: View, before: Candidate, after: Candidate) -> str:
    ratio = size_ratio(view, before, after)
    return "size not known" if ratio is None else f"{ratio:.2g}× smaller"


def fine(share: float | None) -> str:
    """A share near one, to a tenth of a point."""
    return "—" if share is None else f"{100.0 * share:.1f}%"


def _risk(view: View, move: Move) -> tuple[Risk, str]:
    """What is left between the expected quality and the floor."""
    workload = view.portfolio.workload(move.workload)
    quality = float(move.after.details["quality"])
    kept = f"{fine(quality)} of today's quality expected, floor {fine(workload.quality_floor)}"
    if move.after.choice["escalation"]:
        return "high", (
            f"{kept}: it rests on how well the {move.after.choice['escalation']} finds what the "
            "small model gets wrong. Measure that on your own cases before any traffic moves."
        )
    if "DISTILLATION" not in move.after.hours:
        return "medium", f"{kept}; accepted as a substitute: compare on your own cases."
    if quality - workload.quality_floor < TIGHT:
        return "high", f"{kept}: little room. Train and evaluate before any traffic moves."
    return "medium", f"{kept}. Evaluate on your own cases before any traffic moves."


def _headline(view: View, actions: list[Action], found: list[Study]) -> str:
    if actions:
        n, total = len(actions), len(view.portfolio.workloads)
        verb = "is" if n == 1 else "are"
        return (
            f"{of_all(n, total, 'workload')} {verb} busy enough for a smaller model to repay its "
            f"training: {money_phrase(view, 'distill', actions)}."
        )
    able = [s for s in found if s.after is not None]
    if not able:
        return "No smaller model would do here: none is known, or none keeps the quality asked for."
    best = able[0]
    if best.pays_from is None:
        return f"No smaller model pays here; {best.workload.name} comes nearest."
    if best.pays_from > best.per_day:
        return (
            f"No smaller model pays yet: {best.workload.name} would from about "
            f"{count(best.pays_from)} predictions a day, and has {count(best.per_day)}."
        )
    return f"No smaller model pays beside the rest of the plan; {best.workload.name} comes nearest."


def _chart(view: View, found: list[Study]) -> list[Chart]:
    study = next((s for s in found if s.after is not None), None)
    if study is None or study.after is None:
        return []
    plan = view.plans["distill"]
    points = curve(plan, study.workload, study.before, study.after, [float(f) for f in POINTS])
    names = (f"keep {study.before.choice['model']}", f"move to {study.model}")
    here = per_day(plan, study.workload)
    rows = [
        {"volume": volume, "usd": usd, "series": name, "here": abs(volume / here - 1.0) < 1e-6}
        for volume, *both in points
        for name, usd in zip(names, both, strict=True)
    ]
    start = "It never pays in this range."
    if study.always:
        start = f"It pays at every volume drawn; today {count(here)} a day."
    elif study.pays_from is not None:
        start = f"It pays from about {count(study.pays_from)} a day; today {count(here)}."
    return [
        Chart(
            "payback",
            f"{study.workload.name}: from which volume {study.model} pays",
            f"alone, training and work spread over {plan.setting.horizon_months} months",
            rows,
            start,
        )
    ]


def _table(view: View, found: list[Study]) -> list[Table]:
    if not found:
        return []
    horizon = view.setting.horizon_months
    rows = []
    for s in found:
        if s.after is None:
            rows.append([s.workload.name, s.model, "—", "—", "—", "—", "—", sentence(s.reason)])
            continue
        saved = s.run_saving(horizon)
        rows.append(
            [
                s.workload.name,
                s.model,
                _size(view, s.before, s.after),
                f"{fine(s.quality)} / {fine(s.workload.quality_floor)}",
                money(s.one_off_usd),
                money(saved),
                months(payback_months(s.one_off_usd, saved)),
                s.pays(),
            ]
        )
    return [
        Table(
            "What a smaller model takes and gives",
            "alone on its machines; quality expected / floor; today's volumes in the chart",
            ["Workload", "Model", "Size", "Quality", "One-off", "Saves a month", "Pays back",
             "Pays from"],
            rows,
            numeric=(4, 5, 6),
        )
    ]  # fmt: skip


def _assumptions(view: View, found: list[Study]) -> list[Assumption]:
    out = []
    for s in [s for s in found if s.distilled][:2]:
        hint = (
            f"{s.model} is expected to keep {fine(s.quality)}."
            if s.quality
            else (f"{s.model}: {s.reason}.")
        )
        out.append(
            Assumption(f"workload.{s.workload.name}.quality_floor",
                       f"Quality floor, {s.workload.name}", "of today's",
                       s.workload.quality_floor, hint, 0.0, 1.0)
        )  # fmt: skip
    top = next((s for s in found if s.after is not None), None)
    if top and top.pays_from and top.workload.demand.mean_rps is not None:
        out.append(
            Assumption(f"workload.{top.workload.name}.demand.mean_rps",
                       f"Mean requests, {top.workload.name}", "per second",
                       top.workload.demand.mean_rps,
                       "Pays at any volume." if top.always else
                       f"Pays from about {count(top.pays_from / 86_400.0)} a second.", 1e-9, 1e7)
        )  # fmt: skip
    org = view.portfolio.organisation
    twice = view.catalog.assumption("redistill_per_year")
    out.append(
        Assumption("organisation.horizon_months", "Planning horizon", "months",
                   org.horizon_months, f"Trained {count(twice)} times a year over it.", 1, 60)
    )  # fmt: skip
    return out


def _notes(view: View, found: list[Study]) -> list[Note]:
    out = []
    study = next((s for s in found if s.distilled and s.after is not None), None)
    if study is not None:
        out.append(_takes(view, study))
    out.append(_hundred_thousand(view, found))
    return out


def _takes(view: View, study: Study) -> Note:
    """What distilling the student costs, and how soon its examples are at hand."""
    cost = distillation(view.catalog, study.workload, study.model)
    tokens = float(view.catalog.lookup("compression", "distillation")["training_tokens_m"])
    work = study.one_off_usd - cost.usd_year * view.setting.horizon_months / 12.0
    lines = [
        (
            f"{money(cost.usd_year)} a year",
            f"for {count(tokens)}M teacher tokens, training and evaluation, "
            f"{count(cost.rounds_year)} times.",
        ),
        (money(max(work, 0.0)), "for engineering: data, training runs, evaluation."),
    ]
    wait = months_to_collect(cost.examples, study.per_day * HOURS_PER_MONTH / 24.0)
    if isfinite(wait):
        traffic = duration(wait * HOURS_PER_MONTH * 3600.0)
        lines.append((f"{count(cost.examples)} examples", f"a round: {traffic} of its traffic."))
    return Note(f"What {study.model} takes", lines)


def _hundred_thousand(view: View, found: list[Study]) -> Note:
    """The guide's rule of thumb, held against what was computed."""
    plan = view.plans["distill"]
    busy = [w.name for w in view.portfolio.workloads if per_day(plan, w) > GUIDE_PER_DAY]
    paying = [s.workload.name for s in found if s.after is not None and s.net_usd > 0]
    without = [w.name for w in view.portfolio.workloads if not smaller_models(plan, w)]
    lines = [
        (
            f"Over {count(GUIDE_PER_DAY)} predictions a day",
            f"({listing(busy) or 'none'}): the guide would evaluate these.",
        ),
        (
            f"Would save by it: {listing(paying) or 'none'}.",
            "Volume alone does not decide: what a prediction costs and the quality asked for do.",
        ),
    ]
    if without:
        lines.append(("No smaller model in the catalog", f"for {listing(without)}."))
    return Note("The guide's rule of 100K a day", lines)


STEP = Distill()
