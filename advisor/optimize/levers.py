"""Which decisions each lever frees."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from advisor.errors import InputError, did_you_mean
from advisor.portfolio import LEVERS, Lever, Portfolio, Workload

LEVER_FIELDS: dict[Lever, tuple[str, ...]] = {
    "HARDWARE": ("instance", "tensor_parallel", "shared"),
    "PRECISION": ("weight_precision", "kv_precision", "compression"),
    "SERVING": ("framework", "techniques"),
    "CACHING": ("cache",),
    "PURCHASING": ("cloud", "region", "purchase"),
    "DISTILLATION": ("model", "escalation", "escalate_to"),
    "SOURCING": ("sourcing", "provider", "escalate_host"),
}
"""Fields of a choice that stay as deployed until their lever is unlocked. How many machines run is
no field: whatever changes capacity re-sizes the fleet."""

STEP_LEVER: dict[str, Lever | None] = {
    "measure": None,
    "rightsize": "HARDWARE",
    "quantize": "PRECISION",
    "serve": "SERVING",
    "cache": "CACHING",
    "buy": "PURCHASING",
    "distill": "DISTILLATION",
    "monitor": None,
    "source": "SOURCING",
}
"""The playbook in order, with what each step unlocks."""

LeverSet = frozenset[Lever]
Unlocked = Collection[Lever] | Mapping[str, Collection[Lever]]
"""Levers for all workloads alike, or by workload (and training job) name."""


def unlocked_for(levers: Unlocked, portfolio: Portfolio) -> dict[str, LeverSet]:
    """Levers of each workload and training job by name.

    Raises
    ------
    InputError
        For a lever or a workload that does not exist.
    """
    names = [w.name for w in portfolio.workloads] + [j.name for j in portfolio.training]
    given = levers if isinstance(levers, Mapping) else dict.fromkeys(names, levers)
    for name, chosen in given.items():
        if name not in names:
            raise InputError("no workload has this name", value=name, fix=did_you_mean(name, names))
        for lever in chosen:
            if lever not in LEVERS:
                raise InputError(
                    "no such lever",
                    value=lever,
                    allowed=", ".join(LEVERS),
                    fix=did_you_mean(lever, LEVERS),
                )
    return {name: frozenset(given.get(name, ())) for name in names}


def levers_until(step: str) -> tuple[Lever, ...]:
    """All levers unlocked by the playbook up to and including `step`."""
    out: list[Lever] = []
    for name, lever in STEP_LEVER.items():
        if lever is not None:
            out.append(lever)
        if name == step:
            break
    return tuple(out)


def rate_unit(workload: Workload) -> float:
    """Predictions per request in the workload's unit: thousands of tokens, or 1."""
    if workload.unit == "1k_tokens":
        return ((workload.isl_tokens or 0) + (workload.osl_tokens or 0)) / 1000.0
    return 1.0
