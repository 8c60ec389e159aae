"""How a workload's model could be run: models, software stacks, and the chips they run on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance.chips import peak_tflops
from advisor.performance.lookup import Lookup
from advisor.portfolio import Workload

from .choices import hosted_name
from .network import network_s

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

INTRINSIC = frozenset({"continuous_batching", "paged_kv"})
"""Techniques a framework cannot be run without; all others are the team's choice."""
SPLITS = (1, 2, 4, 8)
NO_COMPRESSION = "none"
DEFAULT_KV = "kv-16"

STACK = (
    "model",
    "framework",
    "techniques",
    "compression",
    "params_factor",
    "weight_precision",
    "kv_precision",
)
NODE = ("accelerator", "chip_share", "host_memory_gib", "network_s")
"""A replica's chip, and the way from there to the workload's users."""


def choice_today(catalog: Catalog, workload: Workload) -> dict[str, Any]:
    """Values of all lever fields as deployed."""
    current = workload.current
    hosted_api = current.sourcing == "managed_api"
    return {
        "sourcing": current.sourcing,
        "provider": hosted_name(current.provider, current.api_model, current.api_tier)
        if hosted_api
        else None,
        "cloud": None if hosted_api else current.cloud,
        "region": None if hosted_api else current.region,
        "instance": None if hosted_api else current.instance,
        "tensor_parallel": None if hosted_api else current.tensor_parallel,
        "shared": None if hosted_api else False,
        "model": catalog.lookup("models", workload.model)["model"],
        "weight_precision": None if hosted_api else current.weight_precision,
        "kv_precision": None if hosted_api else current.kv_precision,
        "framework": None if hosted_api else current.framework,
        "techniques": () if hosted_api else techniques_today(catalog, workload),
        "compression": NO_COMPRESSION,
        "cache": current.cache,
        "purchase": None if hosted_api else current.purchase,
        "escalation": None,
        "escalate_to": None,
        "escalate_host": None,
    }


def techniques_today(catalog: Catalog, workload: Workload) -> tuple[str, ...]:
    """Serving techniques of today's deployment: what was named and what its framework implies."""
    current = workload.current
    if current.framework is None:
        return ()
    offered = catalog.lookup("frameworks", current.framework)["techniques"] or ()
    return tuple(sorted(set(current.techniques) | (set(offered) & INTRINSIC)))


def model_options(catalog: Catalog, workload: Workload) -> list[str]:
    """Models that could be hosted for this workload: today's, its students, its substitutes."""
    today = catalog.lookup("models", workload.model)
    known = {today["model"], *(today["aliases"] or ())}
    out = [] if today["closed"] else [today["model"]]
    for row in _rows(catalog, "models"):
        if known & set(row["distills_from"] or ()) and not row["closed"]:
            out.append(row["model"])
    for name in workload.substitutes:
        row = catalog.lookup("models", name)
        if not row["closed"]:
            out.append(row["model"])
    return list(dict.fromkeys(out))


class Kept(NamedTuple):
    """What of a workload decides which stacks it may run on."""

    kind: str
    models: tuple[str, ...]
    framework: str | None
    weight_precision: str | None
    techniques: tuple[str, ...]
    users: tuple[str, ...]


def kept(catalog: Catalog, workload: Workload) -> Kept:
    """What decides which stacks this workload may run on."""
    return Kept(
        workload.kind,
        tuple(model_options(catalog, workload)),
        workload.current.framework,
        workload.current.weight_precision,
        techniques_today(catalog, workload),
        workload.users,
    )


@dataclass(frozen=True, eq=False)
class Ways:
    """Every stack on every node it runs on.

    Attributes
    ----------
    stacks : DataFrame
        `STACK`, one row each.
    nodes : DataFrame
        `NODE` and ``tensor_parallel``: distinct chips (or shares of one) with each number of
        devices that a replica may span.
    stack, node : array of int, shape (n,)
        Rows of the two that go together.
    """

    stacks: pd.DataFrame
    nodes: pd.DataFrame
    stack: Ints
    node: Ints


@dataclass(eq=False)
class Finder:
    """The ways to run workloads on the chips of some offers; each is worked out once.

    Attributes
    ----------
    catalog : Catalog
    offers : DataFrame
        Of `advisor.optimize.offers.offers`.
    """

    catalog: Catalog
    offers: pd.DataFrame
    _ways: dict[Kept, Ways] = field(default_factory=dict)
    _nodes: dict[tuple[Any, ...], pd.DataFrame] = field(default_factory=dict)
    _runs: dict[tuple[Any, ...], Bools] = field(default_factory=dict)

    def ways(self, workload: Workload) -> tuple[Kept, Ways]:
        """Every stack on every node that it runs on, and what decides which those are."""
        of = kept(self.catalog, workload)
        if of not in self._ways:
            stacks = pd.DataFrame(_stacks(self.catalog, of), columns=list(STACK))
            key = (of.kind == "llm", of.users)
            if key not in self._nodes:
                way = network_s(self.catalog, workload, self.offers["geography"])
                self._nodes[key] = _nodes(self.offers.assign(network_s=way), splits=key[0])
            nodes = self._nodes[key]
            able = np.zeros((len(stacks), len(nodes)), bool)
            if able.size:
                able = self._able(stacks, nodes, of)
            stack, node = (part.astype(np.int64) for part in np.nonzero(able))
            self._ways[of] = Ways(stacks, nodes[[*NODE, "tensor_parallel"]], stack, node)
        return of, self._ways[of]

    def _able(self, stacks: pd.DataFrame, nodes: pd.DataFrame, of: Kept) -> Bools:
        """Which stack runs on which node at all: framework, vendor, arithmetic. Shape (s, n)."""
        out = np.ones((len(stacks), len(nodes)), bool)
        for column, runs in (
            ("framework", partial(_serves, kind=of.kind)),
            ("weight_precision", _computes),
            ("kv_precision", _computes),
        ):
            codes, names = pd.factorize(stacks[column])
            each = []
            for name in names:
                key = (of.kind, of.users, name)
                if key not in self._runs:
                    self._runs[key] = runs(self.catalog, nodes, name)
                each.append(self._runs[key])
            out &= np.stack(each)[codes]
        return out


def _rows(catalog: Catalog, table: str) -> Iterator[dict[str, Any]]:
    return (catalog.lookup(table, name) for name in catalog.names(table))


def _technique_sets(offered: tuple[str, ...], today: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Today's set where this framework offers it, all it offers, and all but speculation."""
    everything = set(offered)
    sets = [everything - {"speculative_decoding"}, everything]
    if set(today) <= everything:
        sets.append(set(today))
    return list(dict.fromkeys(tuple(sorted(s)) for s in sets))


def _compressions(catalog: Catalog, kind: str) -> list[tuple[str, float]]:
    out = [(NO_COMPRESSION, 1.0)]
    for row in _rows(catalog, "compression"):
        prunes = row["lever"] == "PRECISION" and (row["params_factor"] or 1.0) < 1.0
        # Pruned LLMs need recovery training that belongs to distillation, priced there.
        if prunes and not row["needs_sparse_kernel"] and kind in row["kinds"] and kind != "llm":
            out.append((row["technique"], float(row["params_factor"])))
    return out


def _weight_precisions(
    catalog: Catalog, kind: str, supported: tuple[str, ...], today: str | None
) -> list[str]:
    """Weight formats to consider: of several that are alike in all that counts, one."""
    counts = ("peak", "bits_per_weight", "weight_only", "quality_loss", "engineering_hours")
    found: dict[tuple[Any, ...], str] = {}
    for row in _rows(catalog, "precisions"):
        if row["role"] != "weights" or kind not in row["kinds"]:
            continue
        if row["precision"] not in supported:
            continue
        key = tuple(row[c] for c in counts)
        if key not in found or row["precision"] == today:
            found[key] = row["precision"]
    return list(found.values())


def _stacks(catalog: Catalog, of: Kept) -> list[tuple[Any, ...]]:
    out: list[tuple[Any, ...]] = []
    for row in _rows(catalog, "frameworks"):
        deployed = row["framework"] == of.framework
        if of.kind not in row["kinds"] or (row["lifecycle"] != "active" and not deployed):
            continue
        weights = _weight_precisions(
            catalog, of.kind, row["weight_precisions"], of.weight_precision
        )
        kvs = [DEFAULT_KV]
        if of.kind == "llm":
            kvs = list(dict.fromkeys([DEFAULT_KV, *(row["kv_precisions"] or ())]))
        offered = tuple(t for t in row["techniques"] or () if _applies(catalog, t, of.kind))
        sets = _technique_sets(offered, of.techniques if deployed else ())
        for model, techniques, (cut, factor), weight, kv in product(
            of.models, sets, _compressions(catalog, of.kind), weights, kvs
        ):
            out.append((model, row["framework"], techniques, cut, factor, weight, kv))
    return out


def _applies(catalog: Catalog, technique: str, kind: str) -> bool:
    return kind in catalog.lookup("techniques", technique)["kinds"]


def _nodes(offers: pd.DataFrame, *, splits: bool) -> pd.DataFrame:
    """Distinct chips (or shares of one) with each number of devices a replica may span."""
    table = offers.groupby(list(NODE), dropna=False, as_index=False).agg(
        chip_kind=("chip_kind", "first"),
        vendor=("vendor", "first"),
        family=("family", "first"),
        most=("devices", "max"),
    )
    parts = []
    for devices in SPLITS if splits else (1,):
        whole = (table["chip_share"] == 1.0) & (table["most"] >= devices)
        keep = whole if devices > 1 else table["most"] > 0
        parts.append(table[keep].assign(tensor_parallel=devices))
    out: pd.DataFrame = pd.concat(parts, ignore_index=True).drop(columns="most")
    return out


def _serves(catalog: Catalog, nodes: pd.DataFrame, framework: str, *, kind: str) -> Bools:
    """Nodes that a framework runs on, shape (n,)."""
    row = catalog.lookup("frameworks", framework)
    ok = nodes["chip_kind"].isin(row["chip_kinds"]) & nodes["vendor"].isin(row["vendors"])
    if kind == "llm" and row["llm_families"]:
        ok &= nodes["family"].isin(row["llm_families"])
    return ok.to_numpy(bool)


def _computes(catalog: Catalog, nodes: pd.DataFrame, precision: str) -> Bools:
    """Nodes whose chip has the arithmetic of a number format, shape (n,)."""
    # A 16-bit cache needs no arithmetic of its own: every chip can hold one.
    if precision == DEFAULT_KV:
        return np.ones(len(nodes), bool)
    chips = Lookup(catalog, "accelerators", nodes["accelerator"])
    formats = Lookup(catalog, "precisions", [precision] * len(nodes))
    out: Bools = peak_tflops(chips, formats) > 0
    return out
