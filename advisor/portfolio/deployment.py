"""What runs today, held against the catalog: sold there, priced, and able to run that way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.errors import did_you_mean

from .index import Index, listed
from .model import Deployment
from .place import FieldPath


def check_deployment(
    index: Index, now: Deployment, at: FieldPath, model: dict[str, Any] | None, kind: str | None
) -> None:
    """What runs today. `kind` is the model's for serving, None for training."""
    techniques = [*index.names("techniques"), *index.names("compression")]
    for i, technique in enumerate(now.techniques):
        index.known("technique", technique, techniques, (*at, "techniques", i))
    check_precisions(index, now.weight_precision, now.kv_precision, at, kind)
    if now.framework is not None:
        index.known("framework", now.framework, index.names("frameworks"), (*at, "framework"))
    if now.sourcing == "managed_api":
        _api(index, now, at, model)
        return
    if model and model["closed"]:
        index.add(
            f"{model['model']} is sold as an API only",
            (*at, "sourcing"),
            value=now.sourcing,
            allowed="managed_api",
        )
    needed = ["cloud", "region", "instance"]
    needed += ["framework", "weight_precision"] if kind else []
    if _complete(index, now, needed, at, now.sourcing) and _machine(index, now, at):
        _fits(index, now, at, kind)


def _complete(
    index: Index, now: Deployment, fields: Sequence[str], at: FieldPath, sourcing: str
) -> bool:
    blank = [f for f in fields if getattr(now, f) is None]
    for field in blank:
        index.add(f"sourcing '{sourcing}' needs this field", (*at, field), fix="fill it in")
    return not blank


def check_precisions(
    index: Index, weights: str | None, kv: str, at: FieldPath, kind: str | None
) -> None:
    """Number formats of weights and KV cache; `kind` is the model's, None for any."""
    if weights is not None:
        names = [n for n, kinds in index.precisions["weights"].items() if not kind or kind in kinds]
        what = f"precision for '{kind}' models" if kind else "precision"
        index.known(what, weights, names, (*at, "weight_precision"))
    index.known("KV precision", kv, index.precisions["kv"], (*at, "kv_precision"))


def _api(index: Index, now: Deployment, at: FieldPath, model: dict[str, Any] | None) -> None:
    if not _complete(index, now, ("provider", "api_model"), at, "managed_api"):
        return
    provider, name = str(now.provider), str(now.api_model)
    if not index.known(
        "provider", provider, dict.fromkeys(p for p, _ in index.apis), (*at, "provider")
    ):
        return
    offered = [m for p, m in index.apis if p == provider]
    if not index.known(f"model of {provider}", name, offered, (*at, "api_model")):
        return
    served = index.apis[provider, name]
    if model and served != model["model"]:
        index.add(
            f"this API serves {served}, not {model['model']}",
            (*at, "api_model"),
            value=name,
            fix=f"set model to '{served}'",
        )


def _machine(index: Index, now: Deployment, at: FieldPath) -> bool:
    """Whether the machine exists and has a known price where it stands."""
    cloud, region, instance = str(now.cloud), str(now.region), str(now.instance)
    if not index.known("cloud", cloud, index.names("clouds"), (*at, "cloud")):
        return False
    owned = index.catalog.lookup("clouds", cloud)["kind"] == "owned"
    if owned != (now.sourcing == "owned"):
        problem = "owned hardware and rented machines do not go together"
        index.add(
            problem, (*at, "cloud"), value=cloud, allowed=listed(_places(index, now.sourcing))
        )
        return False
    regions = [r for c, r in index.places if c == cloud]
    found = index.known(f"region of {cloud}", region, sorted(regions), (*at, "region"))
    sellers = sorted(c for c, i in index.sold if i == instance)
    if cloud not in sellers:
        own = sorted(i for c, i in index.sold if c == cloud)
        elsewhere = f"it is sold by {', '.join(sellers)}" if sellers else None
        index.add(
            f"{cloud} sells no such instance",
            (*at, "instance"),
            value=instance,
            fix=elsewhere or did_you_mean(instance, own),
        )
        return False
    if found and not owned and (cloud, instance, now.purchase, region) not in index.priced:
        _unpriced(index, now, at)
    return True


def _places(index: Index, sourcing: str) -> list[str]:
    """Clouds for a way of sourcing: one's own floor, or everyone else's."""
    kinds = index.catalog["clouds"].set_index("cloud")["kind"]
    return [str(c) for c, kind in kinds.items() if (kind == "owned") == (sourcing == "owned")]


def _unpriced(index: Index, now: Deployment, at: FieldPath) -> None:
    """Say where, or how else, the machine has a known price."""
    here = (now.cloud, now.instance, now.purchase, now.region)
    elsewhere = sorted(p[3] for p in index.priced if p[:3] == here[:3])
    otherwise = sorted(p[2] for p in index.priced if (p[0], p[1], p[3]) == (*here[:2], here[3]))
    if here in index.not_offered:
        problem, fix = f"{now.instance} is not sold as {now.purchase} in {now.region}", None
    else:
        problem = f"no {now.purchase} price is known for {now.instance} in {now.region}"
        fix = "or add the price to prices.csv in a catalog folder of your own"
    field = "region" if elsewhere else "purchase"
    names = listed(elsewhere or otherwise) or None
    index.add(problem, (*at, field), value=getattr(now, field), allowed=names, fix=fix)


def _fits(index: Index, now: Deployment, at: FieldPath, kind: str | None) -> None:
    """Whether the framework runs this kind of model on this chip, and the chips suffice."""
    machine = index.catalog.lookup("instances", now.cloud, now.instance)
    chip = index.catalog.lookup("accelerators", machine["accelerator"])
    if now.tensor_parallel > max(1.0, machine["accelerator_count"]):
        index.add(
            "more chips than the instance has",
            (*at, "tensor_parallel"),
            value=now.tensor_parallel,
            allowed=f"1 to {machine['accelerator_count']:g}",
        )
    if kind is None or now.framework not in index.names("frameworks"):
        return
    framework = index.catalog.lookup("frameworks", now.framework)
    name = framework["label"]
    for ok, text in (
        (kind in framework["kinds"], f"{name} does not serve models of kind '{kind}'"),
        (chip["kind"] in framework["chip_kinds"], f"{name} does not run on a {chip['kind']}"),
        (chip["vendor"] in framework["vendors"], f"{name} does not run on {chip['vendor']}"),
    ):
        if not ok:
            index.add(
                text,
                (*at, "framework"),
                value=now.framework,
                allowed=listed(_able(index, kind, chip)),
            )
            return


def _able(index: Index, kind: str, chip: dict[str, Any]) -> list[str]:
    return [
        str(f["framework"])
        for f in index.catalog["frameworks"].to_dict("records")
        if kind in f["kinds"] and chip["kind"] in f["chip_kinds"] and chip["vendor"] in f["vendors"]
    ]
