"""What a benchmark can have run on: the choices to offer, since result files do not say it."""

from __future__ import annotations

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.portfolio import Workload

from .attach import RanOn, served_by

Options = list[tuple[str, str]]
UNNAMED_CHIPS = 8
"""Chips to offer on a machine that is not named: as many as most have."""


def today(workload: Workload) -> RanOn:
    """What the workload runs on today; None where that is not known, as behind a hosted API."""
    now = workload.current
    return RanOn(
        instance=now.instance,
        tensor_parallel=now.tensor_parallel,
        framework=now.framework,
        weight_precision=now.weight_precision,
        kv_precision=now.kv_precision,
    )


def machines(catalog: Catalog) -> Options:
    """Every machine of the catalog by name, with its chips in words."""
    out = []
    for r in records(catalog["instances"]):
        chips = f"{r['accelerator_count']:g} × " if r["accelerator_count"] > 1 else ""
        out.append((str(r["instance"]), f"{r['instance']} · {chips}{r['accelerator']}"))
    return out


def splits(catalog: Catalog, instance: str | None, least: int = 1) -> list[int]:
    """Over how many chips a copy can be split on a machine, at least up to `least`."""
    found = catalog["instances"]
    chips = found.loc[found["instance"] == instance, "accelerator_count"]
    most = int(chips.iloc[0]) if len(chips) else UNNAMED_CHIPS
    return list(range(1, max(most, least, 1) + 1))


def frameworks(catalog: Catalog, workload: Workload) -> Options:
    """Frameworks that serve the workload's kind of model."""
    return [
        (str(r["framework"]), str(r["label"]))
        for r in records(catalog["frameworks"])
        if workload.kind in r["kinds"]
    ]


def precisions(catalog: Catalog, workload: Workload, role: str) -> Options:
    """Number formats of the workload's kind of model; `role` is ``weights`` or ``kv``."""
    return [
        (str(r["precision"]), str(r["label"]))
        for r in records(catalog["precisions"])
        if r["role"] == role and (workload.kind in r["kinds"] or role == "kv")
    ]


def models(catalog: Catalog, workload: Workload) -> Options:
    """Models that can have run; blank is the one that the file names."""
    return [("", "as the file says"), *((m, m) for m in served_by(catalog, workload))]
