"""Attach the runs of a benchmarking tool to a workload of a portfolio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.errors import InputError, NotFoundError, did_you_mean
from advisor.portfolio import Measured, Portfolio, Workload, check

from . import aliases
from .benchmark_files import Benchmark

MOST_FAILED = 0.05
"""Share of requests that may fail before a run says nothing about the others."""


@dataclass(frozen=True)
class RanOn:
    """What a result file does not say; blanks are as the workload is deployed today.

    On a named machine the copy takes one chip unless `tensor_parallel` says otherwise.
    """

    instance: str | None = None
    accelerator: str | None = None
    tensor_parallel: int | None = None
    framework: str | None = None
    weight_precision: str | None = None
    kv_precision: str | None = None
    model: str | None = None


def attach(
    portfolio: Portfolio,
    catalog: Catalog,
    workload: str,
    runs: Sequence[Benchmark],
    ran_on: RanOn | None = None,
) -> Portfolio:
    """The portfolio with these runs among the workload's own benchmarks.

    Parameters
    ----------
    portfolio : Portfolio
    catalog : Catalog
    workload : str
        Its name in the portfolio.
    runs : sequence of Benchmark
        Of one replica.
    ran_on : RanOn, optional

    Returns
    -------
    Portfolio

    Raises
    ------
    InputError
        For an unknown workload or name, a run of another model, one where requests failed, or one
        that is attached already.
    """
    names = [w.name for w in portfolio.workloads]
    if workload not in names:
        raise InputError(
            "no workload of this name",
            value=workload,
            allowed=", ".join(names),
            fix=did_you_mean(workload, names),
        )
    target = portfolio.workload(workload)
    measured = list(target.measured)
    for run in runs:
        added = _measured(catalog, target, run, ran_on or RanOn())
        if added in measured:
            # Counted twice, it would outweigh the others.
            raise InputError(f"this run is attached to '{workload}' already", file=run.file)
        measured.append(added)
    return with_measured(portfolio, catalog, workload, measured)


def with_measured(
    portfolio: Portfolio, catalog: Catalog, workload: str, measured: Sequence[Measured]
) -> Portfolio:
    """The portfolio with `measured` in place of all of a workload's own benchmarks."""
    target = portfolio.workload(workload)
    changed = target.model_copy(update={"measured": tuple(measured)})
    workloads = tuple(changed if w is target else w for w in portfolio.workloads)
    return check(portfolio.model_copy(update={"workloads": workloads}), catalog)


def _measured(catalog: Catalog, workload: Workload, run: Benchmark, on: RanOn) -> Measured:
    failed = run.failed / max((run.requests or 0) + run.failed, 1)
    if failed > MOST_FAILED:
        raise InputError(
            "too many requests failed for the rest to tell anything",
            file=run.file,
            value=f"{run.failed} failed, {run.requests} finished",
            allowed=f"at most {MOST_FAILED:.0%} failed",
        )
    now = workload.current
    elsewhere = bool(on.instance or on.accelerator)
    model = _model(catalog, workload, run, on.model)
    return Measured(
        requests_per_s=run.requests_per_s,
        accelerator=_accelerator(catalog, workload, on),
        tensor_parallel=on.tensor_parallel or (1 if elsewhere else now.tensor_parallel),
        framework=_needed("framework", on.framework or now.framework),
        weight_precision=_needed("weight precision", on.weight_precision or now.weight_precision),
        kv_precision=on.kv_precision or now.kv_precision,
        model=None if model == workload.model else model,
        isl_tokens=run.isl_tokens,
        osl_tokens=run.osl_tokens,
        ttft_s=run.ttft_s,
        tpot_s=run.tpot_s,
        concurrency=run.concurrency if run.rate is None else None,
        source=f"{run.tool}, {run.file}",
        as_of=run.as_of,
    )


def _needed(what: str, value: str | None) -> str:
    if value is None:
        raise InputError(f"the {what} of the run is not known", fix="name it")
    return value


def _accelerator(catalog: Catalog, workload: Workload, on: RanOn) -> str:
    if on.accelerator:
        return aliases.chip(catalog, on.accelerator).name
    instance = on.instance or workload.current.instance
    rows = [r for r in records(catalog["instances"]) if r["instance"] == instance]
    if not rows:
        known = catalog["instances"]["instance"]
        hint = did_you_mean(instance, known) if instance else None
        raise InputError(
            "the chip of the run is not known: no instance of this name",
            value=instance,
            fix=hint or "name the accelerator",
        )
    return str(rows[0]["accelerator"])


def _model(catalog: Catalog, workload: Workload, run: Benchmark, stated: str | None) -> str:
    """The catalog's name of the model that ran; one that the workload may be served by."""
    own = str(catalog.lookup("models", workload.model)["model"])
    name = stated or run.model
    if name is None:
        return own
    found = aliases.model(catalog, name)
    if found is None:
        hint = did_you_mean(name, catalog.names("models"))
        raise NotFoundError(
            f"{run.file}: no model is named {name!r}; {hint or 'name the one that it is'}"
        )
    may = served_by(catalog, workload)
    if found not in may:
        raise InputError(
            f"the run was of another model than workload '{workload.name}' is served by",
            file=run.file,
            value=found,
            allowed=", ".join(sorted(may)),
        )
    return found


def served_by(catalog: Catalog, workload: Workload) -> list[str]:
    """Catalog names of the models that may serve a workload, its own first."""
    own = str(catalog.lookup("models", workload.model)["model"])
    others = {str(catalog.lookup("models", s)["model"]) for s in workload.substitutes}
    others |= {
        str(r["model"]) for r in records(catalog["models"]) if own in (r["distills_from"] or ())
    }
    return [own, *sorted(others - {own})]
