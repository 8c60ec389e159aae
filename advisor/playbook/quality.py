"""What a precision may cost in quality, against what a workload must keep."""

from __future__ import annotations

from advisor.optimize.choices import Candidate
from advisor.optimize.marginal import Move

from .base import Risk, View

FAR_BELOW = 0.02
"""A worst case this far under the quality floor is a high risk."""


def worst_quality(view: View, candidate: Candidate) -> float:
    """Quality if every loss came out at its high end, as a share of today's."""
    now = view.portfolio.workload(candidate.workload).current.weight_precision
    c, typical = candidate.choice, candidate.details["quality"]
    for table, name in (
        ("precisions", c["weight_precision"] if c["weight_precision"] != now else None),
        ("precisions", c["kv_precision"]),
        ("compression", c["compression"] if c["compression"] != "none" else None),
    ):
        if name:
            row = view.catalog.lookup(table, name)
            typical *= (1.0 - row["quality_loss_high"]) / (1.0 - row["quality_loss"])
    return float(min(typical, 1.0))


def risk(view: View, move: Move) -> tuple[Risk, str]:
    """The worst case of the new precision against the quality floor."""
    workload = view.portfolio.workload(move.workload)
    worst, floor = worst_quality(view, move.after), workload.quality_floor
    typical = float(move.after.details["quality"])
    note = f"Typically {typical:.1%} of today's quality, {worst:.1%} at worst; floor {floor:.1%}."
    if worst < floor - FAR_BELOW:
        return "high", note + " Evaluate before rolling out."
    if worst < floor or move.after.choice["compression"] != "none":
        return "medium", note + " Evaluate before rolling out."
    return "low", note
