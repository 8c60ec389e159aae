"""What changing a deployment takes: engineering hours and one-off money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.economics.distillation import Study, break_even_requests, study
from advisor.format import count
from advisor.performance.training import FLOP_PER_PARAMETER
from advisor.portfolio import LEVERS, Workload

from .choices import Array
from .levers import LEVER_FIELDS

Choice = Mapping[str, Any]

PLACED = ("sourcing", "provider", "instance", "shared", "cloud", "region", "cache", "purchase")
"""Fields of a choice that are not the replica's own."""


def hours(catalog: Catalog, workload: Workload, today: Choice, new: pd.DataFrame) -> pd.DataFrame:
    """Engineering hours of each choice, by the lever whose decisions differ from today's.

    Parameters
    ----------
    today : mapping
        Today's choice, all lever fields.
    new : DataFrame
        Choices, one row each, with the same fields as columns.

    Returns
    -------
    DataFrame
        Same index, one column per lever, hours.
    """
    out = pd.DataFrame(0.0, index=new.index, columns=list(LEVERS))
    moved = _differs(new, today, "sourcing")
    hosted = (new["sourcing"] != "managed_api").to_numpy(float)
    stays = hosted * (1.0 - moved)
    adopt = mapped(new["sourcing"], lambda s: float(catalog.lookup("sourcing", s)["adopt_hours"]))
    provider = _differs(new, today, "provider") * (1.0 - moved) * (1.0 - hosted)
    rightsize = catalog.assumption("rightsize_hours")
    out["SOURCING"] = moved * adopt + provider * rightsize

    other = np.maximum.reduce([_differs(new, today, name) for name in LEVER_FIELDS["HARDWARE"]])
    out["HARDWARE"] = stays * other * rightsize
    for field in ("weight_precision", "kv_precision"):
        cost = mapped(new[field], lambda p: _field(catalog, "precisions", p))
        out["PRECISION"] += hosted * _differs(new, today, field) * cost
    out["PRECISION"] += hosted * mapped(
        new["compression"], lambda c: 0.0 if c == "none" else _field(catalog, "compression", c)
    )
    frameworks = mapped(
        new["framework"],
        lambda f: float(catalog.lookup("frameworks", f)["adopt_hours"]) if f else 0.0,
    )
    had = set(today["techniques"])
    added = mapped(
        new["techniques"],
        lambda t: sum(_field(catalog, "techniques", name) for name in set(t) - had),
    )
    out["SERVING"] = stays * _differs(new, today, "framework") * frameworks + hosted * added
    caches = mapped(
        new["cache"], lambda c: _field(catalog, "techniques", c) if c != "none" else 0.0
    )
    out["CACHING"] = _differs(new, today, "cache") * caches
    region = catalog.assumption("region_move_hours")
    buying = catalog.assumption("purchasing_hours")
    elsewhere = np.maximum(_differs(new, today, "cloud"), _differs(new, today, "region"))
    out["PURCHASING"] = stays * (elsewhere * region + _differs(new, today, "purchase") * buying)
    distilling = _field(catalog, "compression", "distillation")
    out["DISTILLATION"] = hosted * mapped(
        new["model"], lambda m: distilling if is_student(catalog, workload, m) else 0.0
    )
    return out


@dataclass(frozen=True, eq=False)
class VariantWork:
    """What each variant takes wherever it runs; arrays of shape (n,).

    Attributes
    ----------
    stay, move : array
        Engineering hours where sourcing stays as it is, and where it changes; without the work
        that a new machine, place or purchase takes.
    resplit : array
        1 where the model is split over another number of chips than today, else 0.
    study_usd_year : array
        Teacher tokens, student training and evaluation, USD a year.
    """

    stay: Array
    move: Array
    resplit: Array
    study_usd_year: Array


def variant_work(
    catalog: Catalog, workload: Workload, today: Choice, table: pd.DataFrame
) -> VariantWork:
    """The work of each variant apart from its place.

    Parameters
    ----------
    table : DataFrame
        Variants, with the lever fields they have.
    """
    as_today = table.assign(**{k: today[k] for k in PLACED})
    other = "self_hosted" if today["sourcing"] != "self_hosted" else "managed_inference"
    of_variant = ["PRECISION", "SERVING", "DISTILLATION"]
    stay, move = (
        hours(catalog, workload, today, t)[of_variant].sum(axis=1).to_numpy(float)
        for t in (as_today, as_today.assign(sourcing=other))
    )
    usd_year = mapped(table["model"], lambda m: distillation_usd_year(catalog, workload, m))
    return VariantWork(stay, move, _differs(table, today, "tensor_parallel"), usd_year)


def _field(catalog: Catalog, table: str, name: str | None) -> float:
    return float(catalog.lookup(table, name)["engineering_hours"]) if name else 0.0


def _differs(new: pd.DataFrame, today: Choice, field: str) -> Array:
    return mapped(new[field], lambda value: float(value != today[field]))


def mapped(column: pd.Series[Any], value: Callable[[Any], float]) -> Array:
    """`value` of each entry, worked out once per distinct entry."""
    codes, unique = pd.factorize(column.to_numpy(object), use_na_sentinel=False)
    return np.array([value(None if missing(u) else u) for u in unique], float)[codes]


def missing(value: Any) -> bool:
    """Whether a cell is blank."""
    return value is None or (isinstance(value, float) and np.isnan(value))


def is_student(catalog: Catalog, workload: Workload, model: str) -> bool:
    """Whether `model` has to be distilled: neither today's nor one the team accepts as it is."""
    accepted = [workload.model, *workload.substitutes]
    return bool(model not in {catalog.lookup("models", m)["model"] for m in accepted})


def distillation(catalog: Catalog, workload: Workload, model: str) -> Study:
    """What distilling `model` takes: teacher tokens, training and evaluation, each round.

    The teacher writes the training set at a hosted price (a model that only scores leaves its
    answers in the log); the student trains on it at the assumed price of arithmetic.
    """
    tokens_m = float(catalog.lookup("compression", "distillation")["training_tokens_m"])
    student = catalog.lookup("models", model)
    known = (workload.isl_tokens or 0) + (workload.osl_tokens or 0)
    written = workload.kind == "llm"
    return study(
        tokens_m=tokens_m,
        tokens_per_request=float(known) or None,
        usd_per_mtok=catalog.assumption("teacher_usd_per_mtok") if written else 0.0,
        flop=FLOP_PER_PARAMETER["full"] * float(student["params_b"]) * 1e9 * tokens_m * 1e6,
        usd_per_exaflop=catalog.assumption("training_usd_per_exaflop"),
        evaluation_usd=catalog.assumption("evaluation_usd"),
        rounds_year=catalog.assumption("redistill_per_year"),
    )


def distillation_usd_year(catalog: Catalog, workload: Workload, model: str) -> float:
    """All a student takes in a year apart from engineering, USD; 0 where nothing is distilled."""
    if not is_student(catalog, workload, model):
        return 0.0
    return distillation(catalog, workload, model).usd_year


def distillation_gate(
    catalog: Catalog,
    workload: Workload,
    model: str,
    *,
    requests_month: float,
    usd_month: float,
    usd_per_hour: float,
    horizon_months: float,
) -> str:
    """Why a student cannot repay its distillation at this volume; empty where it may.

    A student saves at most what the workload costs, so what fails here fails whatever the student
    runs on.

    Parameters
    ----------
    usd_month : float
        What serving the workload costs today, USD a month.
    usd_per_hour : float
        Of engineering.
    """
    if not is_student(catalog, workload, model) or requests_month <= 0:
        return ""
    work = _field(catalog, "compression", "distillation") * usd_per_hour
    least = break_even_requests(
        distillation(catalog, workload, model), work, horizon_months, usd_month / requests_month
    )
    if least is not None and least <= requests_month:
        return ""
    need = "no volume" if least is None else f"{count(least)} requests a month at the least"
    return f"a student pays back from {need}; it has {count(requests_month)}"
