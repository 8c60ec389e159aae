r"""Which small workloads may live together on a machine, and how much of it each takes.

Who shares stands on every device of every machine of its host, beside the others. A pass then
finds others at work. At any time their number is a sum of independent yes-or-no's whose mean is at
most the load ceiling :math:`c`, so its tail is no heavier than that of a Poisson number from its
mean on (Hoeffding, 1956), and at the percentile :math:`q` a pass takes

.. math:: s = \varphi\,(1 + N_q), \qquad
    N_q = \max(1, \min\{n : P(\mathrm{Poisson}(c) \le n) \ge q\})

times as long as alone: it takes turns with :math:`N_q` others, and whatever runs side by side is
slower by the interference :math:`\varphi`. Batches are chosen so that the target holds at
:math:`s`, and one replica :math:`s` times as slow must carry the busiest hour. Of what may be asked
of a host it takes

.. math:: \ell = \frac{\varphi\,\lambda_{peak}}{c\,x\,d}, \qquad
    m = \frac{\text{weights} + \text{activations} + \text{runtime}}{\text{memory of a device}}

with :math:`x` the requests/s of a replica at the low end of its interval and :math:`d` the devices
of a machine. Ceiling, interference and runtime are rows of the assumptions, the latter two at
their dear end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import pdtr

from advisor.catalog import Catalog
from advisor.performance.replicas import replicas
from advisor.portfolio import Workload

from .fleet import working_rates
from .places import Bools
from .setting import Setting
from .stacks import NODE, STACK
from .today import candidate_today
from .variants import predictions

MOST_BESIDE = 64
ASKED = [*STACK, *NODE, "tensor_parallel", "quality"]
KEPT = ("rps", "rps_low", "concurrency", "latency_s", "first_s", "spread")
"""What of a prediction is another beside others."""


@dataclass(frozen=True, eq=False)
class Sharers:
    """What of each workload may share a machine.

    Attributes
    ----------
    parts : dict
        By workload, for each of its useful variants that may: the columns of `KEPT`, ``load`` of
        one device and ``memory``; indexed by variant.
    refused : dict
        By workload, why none may.
    """

    parts: dict[Workload, pd.DataFrame]
    refused: dict[Workload, str]


@dataclass(frozen=True)
class Law:
    """Load ceiling, interference and memory of each model beside its tensors, GiB."""

    ceiling: float
    interference: float
    runtime_gib: float

    def stretch(self, percentile: float) -> float:
        """How many times as long as alone a pass takes at the percentile, in per cent."""
        within = pdtr(np.arange(MOST_BESIDE), self.ceiling)
        beside = int(np.searchsorted(within, percentile / 100.0))
        return self.interference * (1.0 + max(beside, 1))


def law(catalog: Catalog) -> Law:
    """The catalog's assumptions, interference and runtime at their dear end."""

    def high(name: str) -> float:
        return float(catalog.lookup("assumptions", name)["high"])

    ceiling = catalog.assumption("sharing_load_ceiling")
    return Law(ceiling, high("sharing_interference"), high("sharing_runtime_gib"))


def sharers(setting: Setting, workloads: Sequence[Workload]) -> Sharers:
    """What of these workloads may share machines, all predicted at once."""
    rule, catalog = law(setting.catalog), setting.catalog
    refused: dict[Workload, str] = {}
    able: list[tuple[Workload, pd.DataFrame]] = []
    for workload in workloads:
        reason = _never(workload)
        if not reason:
            variants = setting.useful(workload, candidate_today(setting, workload).choice)
            some = variants[ASKED][_small(setting, rule, workload, variants)]
            if some.empty:
                reason = "no framework that serves it in time puts several models on a machine"
                if len(variants) and _served(catalog, variants).any():
                    reason = f"takes more than {rule.ceiling:.0%} of any machine at its busiest"
            else:
                able.append((workload, some))
        if reason:
            refused[workload] = reason
    if not able:
        return Sharers({}, refused)
    parts: dict[Workload, pd.DataFrame] = {}
    found = _beside(setting, rule, able)
    ends = np.cumsum([len(some) for _, some in able])
    for (workload, some), mine in zip(
        able, np.split(np.arange(len(found)), ends[:-1]), strict=True
    ):
        table = found.iloc[mine].set_axis(some.index)
        fits = table[table["reason"] == ""]
        if fits.empty:
            refused[workload] = str(table["reason"].value_counts().index[0])
        else:
            parts[workload] = fits[[*KEPT, "load", "memory"]].astype(float)
    return Sharers(parts, refused)


def _never(workload: Workload) -> str:
    """Why a workload of its kind never shares; empty where it may."""
    if workload.kind == "llm":
        return "a language model's cache takes what memory its machine has"
    if workload.deferrable_hours is not None:
        return "work that may wait runs on machines of its own for a few hours"
    return ""


def _served(catalog: Catalog, variants: pd.DataFrame) -> Bools:
    """Variants on whose chip their framework puts several models."""
    chips = variants["accelerator"]
    kinds = {a: catalog.lookup("accelerators", a)["kind"] for a in chips.unique()}
    able = {
        (f, a)
        for f in variants["framework"].unique()
        for a, kind in kinds.items()
        if kind in catalog.lookup("frameworks", f)["shares_on"]
    }
    pairs = zip(variants["framework"], chips, strict=True)
    return np.array([pair in able for pair in pairs], bool)


def _peak_rps(setting: Setting, workload: Workload) -> float:
    return float(working_rates(workload, setting.rates(workload)).max())


def _small(setting: Setting, rule: Law, workload: Workload, variants: pd.DataFrame) -> Bools:
    """Variants whose one device would be busy no more than the ceiling, on a stack that shares."""
    if variants.empty:
        return np.zeros(0, bool)
    asked = _peak_rps(setting, workload) * rule.interference
    low = asked <= rule.ceiling * variants["rps_low"].to_numpy(float)
    low &= variants["tensor_parallel"].to_numpy(float) == 1.0
    out: Bools = low
    if out.any():
        out[out] = _served(setting.catalog, variants[out])
    return out


def _beside(
    setting: Setting, rule: Law, able: Sequence[tuple[Workload, pd.DataFrame]]
) -> pd.DataFrame:
    """Predictions of variants that run beside others, with their shares of a device."""
    catalog = setting.catalog
    workloads = [w for w, _ in able]
    of = np.repeat(np.arange(len(able)), [len(some) for _, some in able])
    rows = pd.concat([some for _, some in able], ignore_index=True)
    table = rows[ASKED[:-1]]
    percentile = np.array([w.slo.percentile for w in workloads])[of]
    each = {q: rule.stretch(q) for q in np.unique(percentile)}
    slower = np.array([each[q] for q in percentile])
    peak = np.array([_peak_rps(setting, w) for w in workloads])[of]
    found = predictions(catalog, workloads, of, table, rows["quality"].to_numpy(float), slower)
    low, served = found["rps_low"].to_numpy(float), found["concurrency"].to_numpy(float)
    latency = found["latency_s"].to_numpy(float) * slower
    slow = latency * (1.0 + found["spread"].to_numpy(float))
    need = np.zeros(len(found))
    ca2 = catalog.assumption("burstiness_ca2")
    for q in np.unique(percentile):
        of_q = percentile == q
        need[of_q] = replicas(
            peak[of_q], (low / slower)[of_q], served[of_q], slow[of_q], float(q), ca2
        )
    memory = found["memory_share"] + rule.runtime_gib / found["memory_gib"]
    load = peak * rule.interference / (rule.ceiling * np.maximum(low, 1e-12))
    reason = found["reason"].to_numpy(object).copy()
    late = np.array([str(r).startswith("misses latency") for r in reason], bool)
    reason[late] = "would miss its latency target beside others"
    reason[(reason == "") & (memory.to_numpy(float) > 1.0)] = "leaves no memory for others"
    busy = (load > 1.0) | (need > 1.0)
    reason[(reason == "") & busy] = "beside others one replica would not carry its busiest hour"
    return found.assign(
        latency_s=latency,
        first_s=found["first_s"] * slower,
        load=load,
        memory=memory,
        reason=reason,
    )
