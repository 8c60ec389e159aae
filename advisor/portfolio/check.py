"""Names and combinations in a portfolio, held against the catalog."""

from __future__ import annotations

from advisor.catalog import Catalog

from .deployment import check_deployment, check_precisions
from .index import Index
from .model import (
    Commitment,
    Measured,
    Organisation,
    Portfolio,
    Quota,
    TrainingJob,
    Workload,
)
from .place import FieldPath, Locate, Place, dotted


def check(portfolio: Portfolio, catalog: Catalog, locate: Locate | None = None) -> Portfolio:
    """Check every name, and that what runs today can be bought and run that way.

    What today's setup does badly is for the plan to say; here only what cannot be costed at all
    is refused: a machine its cloud does not sell, one without a known price, a framework that
    does not run on the chip.

    Parameters
    ----------
    portfolio : Portfolio
    catalog : Catalog
    locate : callable, optional
        From a path in the portfolio to the place in the user's file.

    Returns
    -------
    Portfolio
        The same with models under the catalog's own names where an alias was given.

    Raises
    ------
    PortfolioError
        The first problem, with a count of the others.
    """

    def by_path(path: FieldPath) -> Place:
        return Place(None, None, dotted(path, portfolio.model_dump()))

    index = Index(catalog, locate or by_path)
    _organisation(index, portfolio.organisation)
    workloads = tuple(_workload(index, w, i) for i, w in enumerate(portfolio.workloads))
    training = tuple(_training(index, j, i) for i, j in enumerate(portfolio.training))
    index.finish()
    return portfolio.model_copy(update={"workloads": workloads, "training": training})


def _organisation(index: Index, who: Organisation) -> None:
    clouds = index.names("clouds")
    hosts = list(dict.fromkeys(provider for provider, _ in index.apis))
    for field, values, names in (
        ("clouds", who.clouds, clouds),
        ("api_providers", who.api_providers, [*hosts, *clouds]),
        ("geographies", who.geographies, index.geographies),
        ("discounts", who.discounts, [*clouds, *hosts]),
    ):
        for i, value in enumerate(values):
            step = value if field == "discounts" else i
            what = "geography" if field == "geographies" else "provider"
            index.known(what, value, names, ("organisation", field, step))
    if who.owned_geography is not None:
        where: FieldPath = ("organisation", "owned_geography")
        index.known("geography", who.owned_geography, index.geographies, where)
    for i, held in enumerate(who.commitments):
        _machine(index, held, ("organisation", "commitments", i))
    for i, quota in enumerate(who.quotas):
        _machine(index, quota, ("organisation", "quotas", i))


def _machine(index: Index, machine: Commitment | Quota, at: FieldPath) -> None:
    """A machine that its provider sells, in a region that it has."""
    if not index.known("cloud", machine.cloud, index.names("clouds"), (*at, "cloud")):
        return
    sold = sorted(i for c, i in index.sold if c == machine.cloud)
    index.known(f"instance of {machine.cloud}", machine.instance, sold, (*at, "instance"))
    if machine.region is not None:
        regions = sorted(r for c, r in index.places if c == machine.cloud)
        index.known(f"region of {machine.cloud}", machine.region, regions, (*at, "region"))


def _workload(index: Index, w: Workload, position: int) -> Workload:
    at: FieldPath = ("workloads", position)
    row = index.model(w.model, (*at, "model"))
    if row and row["kind"] != w.kind:
        index.add(
            f"{row['model']} is of another kind", (*at, "kind"), value=w.kind, allowed=row["kind"]
        )
    if row and w.kind == "llm" and row["max_context"]:
        _context(index, w, int(row["max_context"]), at)
    profiles = [*index.names("demand_profiles"), "flat"]
    index.known("demand profile", w.demand.profile, profiles, (*at, "demand", "profile"))
    for field, places in (("residency", w.residency), ("users", w.users)):
        for i, geography in enumerate(places):
            index.known("geography", geography, index.geographies, (*at, field, i))
    others = [index.model(s, (*at, "substitutes", i)) for i, s in enumerate(w.substitutes)]
    check_deployment(index, w.current, (*at, "current"), row, w.kind)
    names = tuple(str(o["model"]) for o in others if o)
    own = str(row["model"]) if row else w.model
    runs = tuple(_measured(index, m, w, (*at, "measured", i)) for i, m in enumerate(w.measured))
    return w.model_copy(update={"model": own, "substitutes": names, "measured": runs})


def _measured(index: Index, m: Measured, w: Workload, at: FieldPath) -> Measured:
    index.known("accelerator", m.accelerator, index.names("accelerators"), (*at, "accelerator"))
    index.known("framework", m.framework, index.names("frameworks"), (*at, "framework"))
    check_precisions(index, m.weight_precision, m.kv_precision, at, w.kind)
    row = index.model(m.model, (*at, "model")) if m.model else None
    return m.model_copy(update={"model": str(row["model"])}) if row else m


def _context(index: Index, w: Workload, limit: int, at: FieldPath) -> None:
    tokens = (w.isl_tokens or 0) + (w.osl_tokens or 0)
    if tokens > limit:
        index.add(
            f"input and output together, {tokens:,} tokens, exceed what the model takes",
            (*at, "isl_tokens"),
            value=w.isl_tokens,
            allowed=f"{limit:,} tokens in all",
        )


def _training(index: Index, job: TrainingJob, position: int) -> TrainingJob:
    at: FieldPath = ("training", position)
    row = index.model(job.model, (*at, "model"))
    if job.current.sourcing == "managed_api":
        index.add(
            "training is costed on machines",
            (*at, "current", "sourcing"),
            value="managed_api",
            allowed="self_hosted, managed_inference, owned",
        )
    else:
        check_deployment(index, job.current, (*at, "current"), row, None)
    longest = row["max_context"] if row else None
    if longest and job.sequence_tokens and job.sequence_tokens > longest:
        index.add(
            "training sequences exceed what the model takes",
            (*at, "sequence_tokens"),
            value=job.sequence_tokens,
            allowed=f"{int(longest):,} tokens",
        )
    return job.model_copy(update={"model": str(row["model"])}) if row else job
