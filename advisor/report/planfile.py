"""The plan as data: the command line's JSON contract, and the file a planner takes away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from advisor import __version__
from advisor.catalog import Catalog
from advisor.errors import PlanFileError
from advisor.optimize.levers import STEP_LEVER
from advisor.optimize.pins import FIELDS
from advisor.optimize.plan import Plan
from advisor.portfolio import LEVERS
from advisor.portfolio.load import parse

FORMAT = "ml-cost-advisor-plan/1"
MAX_BYTES = 20_000_000


def plan_json(plans: Mapping[str, Plan]) -> dict[str, Any]:
    """The stable JSON of a solved playbook.

    Parameters
    ----------
    plans : mapping
        Plans by playbook step, as `advisor.optimize.playbook_plans` returns them.
    """
    first, last = next(iter(plans.values())), list(plans.values())[-1]
    certificate = last.certificate
    return {
        "format": FORMAT,
        "version": __version__,
        "portfolio": last.portfolio.name,
        "baseline_usd_month": first.usd_month,
        **last.to_dict(),
        "steps": [
            {"step": s, "cost_usd_month": p.usd_month, "run_rate_usd_month": p.run_rate_usd_month}
            for s, p in plans.items()
        ],
        "certificate": None
        if certificate is None
        else {
            "upper_usd": certificate.upper_usd,
            "lower_usd": certificate.lower_usd,
            "gap": certificate.gap,
            "hour_usd": certificate.hour_usd,
            "stopped": certificate.stopped,
            "seconds": certificate.seconds,
        },
        "catalog": last.setting.catalog.fingerprint(),
    }


def write_plan_file(plans: Mapping[str, Plan], scenario: Mapping[str, Any]) -> bytes:
    """A plan file: the portfolio, the decisions that led to the plan, and the plan itself."""
    data = plan_json(plans) | {"inputs": dict(scenario)}
    return json.dumps(data, indent=1, allow_nan=False).encode()


def read_plan_file(content: bytes, catalog: Catalog, name: str = "plan file") -> dict[str, Any]:
    """Check a plan file and return its inputs, the portfolio parsed.

    Returns
    -------
    dict
        ``portfolio`` (Portfolio), ``levers``, ``rejected`` (levers by workload), ``pins`` and
        ``kept`` (by step).

    Raises
    ------
    PlanFileError
        When it is no plan file, or of another format version.
    PortfolioError
        When its portfolio no longer fits the catalog.
    """
    if len(content) > MAX_BYTES:
        raise PlanFileError(
            "the file is too large for a plan",
            file=name,
            value=f"{len(content) / 1e6:.0f} MB",
            allowed=f"up to {MAX_BYTES / 1e6:.0f} MB",
        )
    try:
        data = json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PlanFileError(
            "this is not a plan file: it is not JSON",
            file=name,
            fix=f"choose a file that this tool wrote ({error})",
        ) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise PlanFileError("this is not a plan file", file=name, value=found, allowed=FORMAT)
    inputs = data.get("inputs")
    if not isinstance(inputs, dict) or not isinstance(inputs.get("portfolio"), dict):
        raise PlanFileError(
            "the plan file holds no inputs",
            file=name,
            column="inputs.portfolio",
            fix="save the plan again from the app",
        )
    portfolio = parse(inputs["portfolio"], catalog, file=name)
    jobs = [j.name for j in portfolio.training]
    names = [w.name for w in portfolio.workloads]
    rejected = _by_name(inputs.get("rejected", {}), [*names, *jobs], LEVERS, name, "rejected")
    opened = inputs.get("levers", list(LEVERS))
    if not isinstance(opened, list) or not set(opened) <= set(LEVERS):
        raise PlanFileError(
            "unknown lever",
            file=name,
            column="inputs.levers",
            value=opened,
            allowed=", ".join(LEVERS),
        )
    pins = _by_name(inputs.get("pins", {}), names, FIELDS, name, "pins")
    held = inputs.get("kept", {})
    if not isinstance(held, dict) or not set(held) <= set(STEP_LEVER):
        raise PlanFileError(
            "must map steps to choices",
            file=name,
            column="inputs.kept",
            value=held,
            allowed=", ".join(STEP_LEVER),
        )
    return {
        "portfolio": portfolio,
        "levers": opened,
        "rejected": rejected,
        "pins": {w: _choice(pin) for w, pin in pins.items()},
        "kept": {
            step: {
                w: _choice(choice)
                for w, choice in _by_name(mine, names, FIELDS, name, f"kept.{step}").items()
                if set(choice) == set(FIELDS)
            }
            for step, mine in held.items()
        },
    }


def _choice(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as a choice holds them: its techniques in a tuple, where JSON has a list."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}


def _by_name(
    given: object, names: Sequence[str], allowed: Sequence[str], file: str, where: str
) -> dict[str, Any]:
    """What is said of workloads by name: levers or fields, all of them known."""
    if not isinstance(given, dict):
        raise PlanFileError("must map workloads to values", file=file, column=f"inputs.{where}")
    for name, said in given.items():
        if name not in names or not isinstance(said, (list, dict)) or not set(said) <= set(allowed):
            raise PlanFileError(
                f"unknown workload, or something unknown of it in {where}",
                file=file,
                column=f"inputs.{where}.{name}",
                value=said,
                allowed=", ".join(allowed),
            )
    return dict(given)
