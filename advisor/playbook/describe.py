"""Choices and moves in words: the cells of an actions table."""

from __future__ import annotations

from advisor.economics.labour import payback_months
from advisor.format import count, duration, percent
from advisor.optimize.choices import Candidate
from advisor.optimize.marginal import Move
from advisor.optimize.plan import Plan
from advisor.portfolio import Lever, Workload

from .base import Action, Risk, View
from .wording import listing


def machine(candidate: Candidate) -> str:
    """What runs: '4 × p4de.24xlarge', or the hosted model."""
    if candidate.choice["sourcing"] == "managed_api":
        return str(candidate.choice["provider"])
    if candidate.host is not None:
        return f"part of {candidate.machines.max():.0f} × {candidate.choice['instance']}"
    return f"{candidate.machines.max():.0f} × {candidate.choice['instance']}"


def models(candidate: Candidate) -> str:
    """What answers: a model, or a small one with the share that a larger one takes over."""
    c = candidate.choice
    if not c["escalation"]:
        return str(c["model"])
    host = f" ({str(c['escalate_host']).split('/')[0]})" if c["escalate_host"] else ""
    share = percent(candidate.details["escalated"])
    return f"{c['model']} first, {share} to {c['escalate_to']}{host}"


def machine_sub(candidate: Candidate) -> str:
    """Chip, split and place of what runs."""
    c = candidate.choice
    if c["sourcing"] == "managed_api":
        return "managed API, billed per token"
    parts = [str(candidate.details["accelerator"])]
    if c["tensor_parallel"] and c["tensor_parallel"] > 1:
        parts.append(f"TP {c['tensor_parallel']}")
    parts.append(str(c["region"]))
    if c["escalation"]:
        parts.append(models(candidate))
    return " · ".join(parts)


def company(plan: Plan, candidate: Candidate) -> str:
    """With whom it shares its machines: 'shared with a and b'; empty where it does not."""
    beside = plan.beside(candidate)
    return f"shared with {listing(beside)}" if beside else ""


def meets(workload: Workload, candidate: Candidate) -> str:
    """Predicted latency against the tightest target that is set."""
    d, slo = candidate.details, workload.slo
    if candidate.choice["sourcing"] == "managed_api" or workload.deferrable_hours is not None:
        return ""
    if slo.tpot_s is not None and d.get("token_s"):
        return f"{duration(d['token_s'])} of {duration(slo.tpot_s)} a token"
    if slo.latency_s is not None:
        return f"{duration(d['first_s'])} of {duration(slo.latency_s)}"
    if slo.ttft_s is not None:
        return f"{duration(d['first_s'])} of {duration(slo.ttft_s)} to first token"
    return ""


def utilisation(candidate: Candidate, mean_rps: float) -> float | None:
    """Mean demand over what the running machines could serve at the latency target."""
    d = candidate.details
    if not d.get("rps") or not candidate.machines.any():
        return None
    per_machine = max(d["accelerator_count"] // (candidate.choice["tensor_parallel"] or 1), 1.0)
    capacity = float(candidate.machines.mean()) * per_machine * float(d["rps"])
    # A doubted deployment can run above what the model thinks possible.
    return min(mean_rps / capacity, 1.0) if capacity > 0 else None


def to_action(
    view: View,
    lever: Lever,
    move: Move,
    *,
    today: tuple[str, str],
    proposed: tuple[str, str],
    risk: tuple[Risk, str],
    step: str,
) -> Action:
    """A move as a row of the actions table."""
    workload = view.portfolio.workload(move.workload)
    plan = view.plans[step]
    return Action(
        workload=move.workload,
        today=today[0],
        today_sub=today[1],
        proposed=proposed[0],
        proposed_sub=proposed[1],
        saving_usd_month=move.saving_usd_month,
        saving_low_usd_month=move.saving_low_usd_month,
        saving_high_usd_month=move.saving_high_usd_month,
        hours=move.hours,
        one_off_usd=move.one_off_usd,
        payback_months=payback_months(
            move.one_off_usd,
            move.saving_usd_month + move.one_off_usd / plan.setting.horizon_months,
        ),
        risk=risk[0],
        risk_note=risk[1],
        evidence=plan.evidence(move.after),
        meets=meets(workload, move.after),
        accepted=not view.is_rejected(move.workload, lever),
    )


def volume(workload: Workload, candidate: Candidate) -> str:
    """Monthly predictions in the workload's own unit."""
    unit = {"request": "requests", "image": "images", "1k_tokens": "1K tokens"}[workload.unit]
    return f"{count(candidate.predictions_per_month)} {unit} a month"


def share(part: float, whole: float) -> str:
    """A part of a whole as a percentage."""
    return percent(part / whole) if whole else "—"


def changed(candidate: Candidate, lever: Lever) -> str:
    """What a lever decides in a choice, in a few words."""
    c = candidate.choice
    if c["sourcing"] == "managed_api":
        return str(c["provider"])
    if lever == "PRECISION":
        return f"{c['weight_precision']}, {c['kv_precision']}"
    if lever == "SERVING":
        return str(c["framework"])
    if lever == "CACHING":
        return str(c["cache"]).replace("_", " ")
    if lever == "DISTILLATION":
        return models(candidate)
    return machine(candidate)
