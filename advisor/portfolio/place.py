"""Where a value stood in the user's file, and errors that say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from advisor.errors import PortfolioError, did_you_mean, nearest

from .model import Portfolio

FieldPath = tuple[str | int, ...]
"""Field names and 0-based list positions from the top, such as ``("workloads", 2, "model")``."""

MANY = 20
"""Problems that are counted one by one; a file with more is wrong as a whole."""


class Place(NamedTuple):
    """A cell or line as the user sees it."""

    file: str | None = None
    row: int | None = None
    column: str | None = None


Locate = Callable[[FieldPath], Place]


def dotted(path: FieldPath, data: Any) -> str | None:
    """A path as people read it: entries of a list by their own name, else counted from 1."""
    words: list[str] = []
    for step in path:
        try:
            data = data[step]
        except (LookupError, TypeError):
            data = None
        named = isinstance(step, int) and isinstance(data, dict) and data.get("name")
        words.append(str(named or (step + 1 if isinstance(step, int) else step)))
    return ".".join(words) or None


def located(
    problem: str,
    place: Place,
    *,
    value: object = None,
    allowed: str | None = None,
    fix: str | None = None,
) -> PortfolioError:
    """A portfolio error at a place."""
    return PortfolioError(
        problem,
        file=place.file,
        row=place.row,
        column=place.column,
        value=value,
        allowed=allowed,
        fix=fix,
    )


def counted(first: PortfolioError, more: int) -> PortfolioError:
    """The first error, saying how many more there are."""
    if not more:
        return first
    many = str(more) if more < MANY else "many"
    also = f"{many} more {'problem' if more == 1 else 'problems'} after this one"
    place = Place(first.file, first.row, first.column)
    fix = f"{first.fix}; {also}" if first.fix else also
    return located(first.problem, place, value=first.value, allowed=first.allowed, fix=fix)


def from_validation(error: ValidationError, locate: Locate) -> PortfolioError:
    """Turn what the typed model refused into an error at the user's own cell.

    Misspelt field names come first: they are why others are missing. A list counted as empty only
    because its entries are wrong is not a problem of its own.
    """
    found = [e for e in error.errors() if not (e["type"] == "too_short" and e["input"])]
    found.sort(key=lambda e: e["type"] != "extra_forbidden")
    return counted(_translated(dict(found[0]), locate), len(found) - 1)


def _translated(e: dict[str, Any], locate: Locate) -> PortfolioError:
    path: FieldPath = e["loc"]
    value, message = e["input"], str(e["msg"])
    allowed = fix = None
    match e["type"]:
        case "extra_forbidden":
            return unknown_field(str(path[-1]), record_at(path[:-1]), locate(path))
        case "missing":
            inner = record_at(path)
            problem, value = "a value is required here", None
            allowed = ", ".join(f"{path[-1]}.{n}" for n in inner.model_fields) if inner else None
        case "literal_error":
            choices = re.findall(r"'([^']*)'", e["ctx"]["expected"])
            problem, allowed = "not one of the choices", ", ".join(choices)
            fix = did_you_mean(str(value), choices)
        case "value_error":
            path = path or _repeated(value)
            problem, value = message.removeprefix("Value error, "), None
        case "too_short":
            problem, value = "at least one entry is needed", None
        case "model_type" | "dict_type":
            problem = "fields belong here, written 'field: value'"
        case "tuple_type":
            problem, fix = "must be a list", f"write [{value}]"
        case _:
            problem = message.partition(", unable")[0].partition(", got")[0]
            problem = re.sub(r"^\w+ should", "must", problem)
            problem = problem.replace("integer", "whole number").replace("valid string", "text")
    return located(problem, locate(path), value=value, allowed=allowed, fix=fix)


def _repeated(data: Any) -> FieldPath:
    """Where a name is used for the second time."""
    seen: set[str] = set()
    for section in ("workloads", "training"):
        for i, item in enumerate(data.get(section) or ()):
            if item["name"].strip() in seen:
                return (section, i, "name")
            seen.add(item["name"].strip())
    return ()


def unknown_field(name: str, record: type[BaseModel] | None, place: Place) -> PortfolioError:
    """An error for a field or column that does not exist, with the nearest that does."""
    columns = leaves(record) if record else {}
    inside = [c for c in columns if c.endswith(f".{name}")]
    fix = f"did you mean '{inside[0]}'?" if inside else None
    if record and not fix:
        close = nearest(name, record.model_fields)
        fix = f"did you mean '{close}'?" if close else did_you_mean(name, columns)
    allowed = ", ".join(record.model_fields) if record else None
    return located("unknown field", place, value=name, allowed=allowed, fix=fix)


def record_at(path: Iterable[str | int]) -> type[BaseModel] | None:
    """The record type whose fields stand at a path, or None where a plain value stands."""
    record: type[BaseModel] | None = Portfolio
    for step in path:
        if isinstance(step, str):
            known = record.model_fields.get(step) if record else None
            record = record_in(known.annotation) if known else None
    return record


def leaves(record: type[BaseModel], prefix: str = "") -> dict[str, bool]:
    """Every dotted column of a record, and whether a cell of it may hold several values.

    A column that ends in ``.*`` takes any name in that place (``discounts.aws``).
    """
    columns: dict[str, bool] = {}
    for name, info in record.model_fields.items():
        inner = record_in(info.annotation)
        if inner:
            columns |= leaves(inner, f"{prefix}{name}.")
        elif _holds(info.annotation, dict):
            columns[f"{prefix}{name}.*"] = False
        else:
            columns[prefix + name] = _holds(info.annotation, tuple)
    return columns


def record_in(annotation: Any) -> type[BaseModel] | None:
    """The record type inside an annotation such as ``tuple[Workload, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((r for a in get_args(annotation) if (r := record_in(a))), None)


def _holds(annotation: Any, container: type) -> bool:
    if getattr(annotation, "__origin__", annotation) is container:
        return True
    return any(_holds(a, container) for a in get_args(annotation) if a is not Ellipsis)
