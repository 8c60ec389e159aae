"""Training jobs in the steps: moves to accept, what moves, what a run takes and why not else."""

from __future__ import annotations

from advisor.economics.labour import payback_months
from advisor.format import count, duration, money, percent
from advisor.optimize.training import TrainingPlan, plan_training
from advisor.portfolio import Lever

from .base import Action, Note, Risk, Table, View
from .proposals import previous
from .wording import sentence

REASONS = 4
"""Most reasons shown for one job."""


def training_actions(view: View, step: str, lever: Lever) -> list[Action]:
    """What a step's lever does for each training job, whether or not it is accepted."""
    plan, out = view.plans[step], []
    for job in view.portfolio.training:
        held = plan.levers[job.name]
        before, after = (
            plan_training(plan.setting, job, levers) for levers in (held - {lever}, held | {lever})
        )
        if _run(before) == _run(after):
            continue
        horizon = plan.setting.horizon_months
        saved = before.usd_month - after.usd_month
        one_off = max(after.one_off_usd - before.one_off_usd, 0.0)
        net = saved - (after.one_off_usd - before.one_off_usd) / horizon
        level, note = _risk(before, after)
        late = "" if job.deadline_hours is None else f" of {_time(job.deadline_hours)}"
        out.append(
            Action(
                workload=job.name,
                today=_run(before),
                today_sub=f"{before.region} · {_time(before.hours_per_run)} a run",
                proposed=_run(after),
                proposed_sub=f"{after.region} · {_time(after.hours_per_run)} a run",
                saving_usd_month=net,
                saving_low_usd_month=net,
                saving_high_usd_month=net,
                hours=max(after.engineering_hours - before.engineering_hours, 0.0),
                one_off_usd=one_off,
                payback_months=payback_months(one_off, saved),
                risk=level,
                risk_note=note,
                evidence="rule",
                meets=f"{_time(after.hours_per_run)}{late}" if late else "",
                accepted=not view.is_rejected(job.name, lever),
            )
        )
    return out


def training_table(view: View, step: str) -> list[Table]:
    """Training jobs that the step moves."""
    before, after = previous(view, step), view.plans[step]
    rows = [
        [
            old.job.name,
            _run(old),
            _run(new),
            f"{_time(old.hours_per_run)} → {_time(new.hours_per_run)}",
            money(old.usd_month - new.usd_month),
        ]
        for old, new in zip(before.training, after.training, strict=True)
        if _run(old) != _run(new)
    ]
    if not rows:
        return []
    return [
        Table(
            "Training jobs",
            "moved with this step; accepted or rejected with the proposals",
            ["Job", "Before", "After", "Time of a run", "Saving a month"],
            rows,
            numeric=(4,),
        )
    ]


def training_notes(view: View, step: str) -> list[Note]:
    """What a run of each job takes, and why it does not run elsewhere or otherwise."""
    out = []
    for t in view.plans[step].training:
        text = (
            f"{count(t.flop_per_run / 1e18)} exaFLOP in {_time(t.hours_per_run)}, {percent(t.mfu)} "
            "of what the chips could do."
        )
        lines = [(_run(t), text)]
        if t.doubt:
            lines.append(("Doubtful:", f"the model says it {t.doubt}."))
        if t.stall_hours:
            lines.append(
                (
                    f"{money(t.stall_usd_month)} a month",
                    f"is spent waiting for data, {_time(t.stall_hours)} a run.",
                )
            )
        if t.purchase == "spot":
            lines.append((f"{percent(t.overhead_share)} of the time", _lost(t)))
        lines += [(label, sentence(reason) + ".") for label, reason in t.rejected[:REASONS]]
        out.append(Note(f"Training: {t.job.name}", lines))
    return out


def _lost(t: TrainingPlan) -> str:
    if t.checkpoint_interval_hours is None:
        return "is lost to interruptions; a run is too short for checkpoints to pay."
    return (
        "is lost to checkpoints and interruptions; one checkpoint every "
        f"{_time(t.checkpoint_interval_hours)} loses the least."
    )


def _risk(before: TrainingPlan, after: TrainingPlan) -> tuple[Risk, str]:
    if after.cloud != before.cloud:
        return "high", f"Another provider ({after.cloud}): accounts, network and data move too."
    if after.purchase == "spot" != before.purchase:
        return "medium", "Machines may be taken at short notice: test that runs resume."
    if after.purchase == "capacity_block" != before.purchase:
        return "medium", "Whole days are paid in advance and cannot be given back."
    if after.precision != before.precision:
        return "low", "Compare the loss of one run with that of the last."
    return "low", "The next run simply starts elsewhere."


def _run(t: TrainingPlan) -> str:
    purchase = t.purchase.replace("_", " ")
    return f"{t.machines} × {t.instance}, {t.precision.upper()}, {purchase}"


def _time(hours: float) -> str:
    return duration(hours * 3600.0)
