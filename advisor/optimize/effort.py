"""What changing a deployment takes: engineering hours and one-off money."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.economics.distillation import Study, study
from advisor.performance.training import FLOP_PER_PARAMETER
from advisor.portfolio import LEVERS, Workload

from .choices import Array
from .levers import LEVER_FIELDS

Choice = Mapping[str, Any]
Objects = npt.NDArray[np.object_]

SECOND = ("weight_precision", "kv_precision", "compression", "techniques")
"""Fields that each of two models has for itself, its name apart."""

PLACED = ("sourcing", "provider", "instance", "shared", "cloud", "region", "cache", "purchase")
"""Fields of a choice that are not the replica's own."""


def hours(catalog: Catalog, workload: Workload, today: Choice, new: pd.DataFrame) -> pd.DataFrame:
    """Engineering hours of each choice, by the lever whose decisions differ from today's.

    Parameters
    ----------
    today : mapping
        Today's choice, all lever fields.
    new : DataFrame
        Choices, one row each, with the same fields as columns. Those with a second model
        (``escalation``) also hold the `SECOND` fields of that as ``rest_…``.

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
    if "escalation" in new and new["escalation"].notna().any():
        two = new[new["escalation"].notna()]
        out.loc[two.index] += _hours_of_second(catalog, workload, today, two)
    return out


def _hours_of_second(
    catalog: Catalog, workload: Workload, today: Choice, two: pd.DataFrame
) -> pd.DataFrame:
    """What the larger of two models adds, and sharing the requests between both.

    Each is quantised and distilled by itself; a technique is learnt once.
    """
    own = {name: two[f"rest_{name}"] for name in SECOND}
    extra = [
        tuple(sorted(set(b) - set(a)))
        for a, b in zip(two["techniques"], own["techniques"], strict=True)
    ]
    host = two["escalate_host"].notna()
    large = two.assign(
        **{**own, "techniques": pd.Series(extra, two.index, dtype=object)},
        model=two["escalate_to"],
        sourcing=two["sourcing"].where(~host, "managed_api"),
        provider=two["escalate_host"],
        framework=today["framework"],
        escalation=None,
    )
    taken = hours(catalog, workload, today, large)
    out = pd.DataFrame(0.0, index=two.index, columns=list(LEVERS))
    for lever in ("PRECISION", "SERVING", "DISTILLATION"):
        out[lever] = taken[lever]
    out["SOURCING"] = taken["SOURCING"].where(host, 0.0)
    out["DISTILLATION"] += catalog.assumption("cascade_hours")
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
    usd_year = study_usd_year(catalog, workload, table)
    return VariantWork(stay, move, _differs(table, today, "tensor_parallel"), usd_year)


def learnt_twice(
    catalog: Catalog,
    today: Choice,
    framework: Objects,
    techniques: Objects,
    others: Objects,
) -> tuple[Array, Array]:
    """Hours that the work of two models on one framework counts twice, shape (n,) each.

    Parameters
    ----------
    framework, techniques, others : array of object, shape (n,)
        What they run on, and what is switched on for each model; None for a hosted one.

    Returns
    -------
    tuple of arrays
        Where sourcing stays as it is, and where it changes.
    """
    had = set(today["techniques"])
    both = pd.Series(zip(framework, techniques, others, strict=True))

    def shared(row: tuple[str, Sequence[str], Sequence[str] | None]) -> float:
        again = set(row[1]) & set(row[2] or ()) - had
        return float(sum(_field(catalog, "techniques", name) for name in again))

    def adopted(row: tuple[str, Sequence[str], Sequence[str] | None]) -> float:
        if row[2] is None or row[0] == today["framework"]:
            return 0.0
        return float(catalog.lookup("frameworks", row[0])["adopt_hours"])

    move = mapped(both, shared)
    return move + mapped(both, adopted), move


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


def study_usd_year(catalog: Catalog, workload: Workload, table: pd.DataFrame) -> Array:
    """`distillation_usd_year` of all models of each variant, shape (n,)."""

    def each(model: str | None) -> float:
        return 0.0 if model is None else distillation_usd_year(catalog, workload, model)

    out = mapped(table["model"], each)
    if "escalate_to" in table:
        on_machines = table["escalate_to"].where(table["escalate_host"].isna(), None)
        out = out + mapped(on_machines, each)
    return out
