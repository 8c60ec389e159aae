"""The models that one choice runs, each on machines of its own: one, or a small and a larger one.

Each works on a share of the requests and keeps its own spare and minimum, since a machine holds one
of them; a choice runs the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from advisor.portfolio import Workload

from .choices import Array, Candidate
from .fleet import fleet, static
from .places import Bools, Ints
from .scaling import scaled, spin_up_s
from .setting import Setting

CAPACITY = ("rps_low", "alone_low", "concurrency", "latency_s", "spread")
SHARE = {"": "share", "rest_": "rest_share"}
"""Prefix of a part's columns in a table of variants, and the column with its share."""


@dataclass(frozen=True, eq=False)
class Part:
    """One of the models of several choices; arrays over the k that have it.

    Attributes
    ----------
    rows : array of int, shape (k,)
        Which of the choices have it.
    share : array, shape (k,)
        Of the requests, what it works on: 0 of none, and over 1 where it also checks.
    replica : dict of arrays
        `CAPACITY` and ``tensor_parallel`` of a replica.
    per_machine : array, shape (k,)
        Replicas per machine.
    lag_s : array, shape (k,)
        Time to start a machine and load the model, s.
    """

    rows: Ints
    share: Array
    replica: dict[str, Array]
    per_machine: Array
    lag_s: Array


def of_variants(
    setting: Setting, variants: pd.DataFrame, index: Ints, per_machine: Sequence[Ints]
) -> list[Part]:
    """Parts of the variants `index` of a table.

    Parameters
    ----------
    per_machine : sequence of array, shape (n,) each
        Replicas per machine of the first and of the second model.
    """
    out = []
    for (prefix, named), per in zip(SHARE.items(), per_machine, strict=True):
        share = variants[named].to_numpy(float)[index]
        rows = np.flatnonzero(share > 0)
        if len(rows):
            at = index[rows]
            replica = {
                name: variants[prefix + name].to_numpy(float)[at]
                for name in (*CAPACITY, "tensor_parallel")
            }
            weights = variants[f"{prefix}weights_gib"].to_numpy(float)[at]
            lag = spin_up_s(setting, variants["accelerator"].iloc[at], weights)
            out.append(Part(rows, share[rows], replica, per[rows].astype(float), lag))
    return out


def of_candidates(setting: Setting, candidates: Sequence[Candidate], times: int = 1) -> list[Part]:
    """Parts of choices on machines of known capacity, each `times` in a row."""
    each = [described(c) for c in candidates]
    devices = np.array([max(np.floor(c.details["accelerator_count"]), 1.0) for c in candidates])
    out = []
    for k in range(max(map(len, each), default=0)):
        have = [i for i, parts in enumerate(each) if len(parts) > k]
        replica = {
            name: np.repeat([float(each[i][k][name]) for i in have], times)
            for name in (*CAPACITY, "tensor_parallel")
        }
        per = np.floor(np.repeat(devices[have], times) / replica["tensor_parallel"])
        rows = (np.array(have, np.int64)[:, None] * times + np.arange(times)).ravel()
        share = np.repeat([float(each[i][k]["share"]) for i in have], times)
        lag = np.repeat([_lag_s(setting, candidates[i], each[i][k]) for i in have], times)
        out.append(Part(rows, share, replica, np.maximum(per, 1.0), lag))
    return out


def lag_of(setting: Setting, candidate: Candidate) -> float:
    """Time to start a machine of a choice and load its model, the slower of two, s."""
    return max(_lag_s(setting, candidate, part) for part in described(candidate))


def _lag_s(setting: Setting, candidate: Candidate, part: Mapping[str, Any]) -> float:
    chip = pd.Series([candidate.details["accelerator"]])
    return float(spin_up_s(setting, chip, [part["weights_gib"]])[0])


def described(candidate: Candidate) -> Sequence[Mapping[str, Any]]:
    """Each model that a choice has on machines, with what a replica does: the first one first."""
    d = candidate.details
    split = candidate.choice["tensor_parallel"] or 1
    one = {name: d.get(name) for name in (*CAPACITY, "weights_gib")} | {
        "tensor_parallel": split,
        "share": 1.0,
    }
    return d.get("parts") or (one,)


def machines(
    setting: Setting, workload: Workload, parts: Sequence[Part], rates: Array, fixed: Bools
) -> Array:
    """Machines that choices run in each step.

    Parameters
    ----------
    parts : sequence of Part
    rates : array, shape (n, T)
        Requests/s that reach each of the n choices, as `working_rates`.
    fixed : array of bool, shape (n,)
        Whether a fleet is as large as its busiest hour needs at all times; else it follows demand.

    Returns
    -------
    array, shape (n, T)
        A volume of each day where the work may wait for any of its hours: machine-hours count, not
        whole machines at given hours.
    """
    out = np.zeros(rates.shape)
    for part in parts:
        count, asked = _need(setting, workload, part, rates)
        if workload.waits_a_day:
            follows = asked / (part.replica["rps_low"] * part.per_machine)[:, None]
        elif workload.deferrable_hours is not None:
            follows = count
        else:
            follows = scaled(setting, workload, count, part.lag_s)
        out[part.rows] += np.where(fixed[part.rows, None], static(count), follows)
    return out


def counted(setting: Setting, workload: Workload, parts: Sequence[Part], rates: Array) -> Array:
    """Machines that choices need in each step, however they are scaled, as `machines`."""
    out = np.zeros(rates.shape)
    for part in parts:
        out[part.rows] += _need(setting, workload, part, rates)[0]
    return out


def _need(setting: Setting, workload: Workload, part: Part, rates: Array) -> tuple[Array, Array]:
    """Machines that a part needs in each step, and the requests/s it is asked."""
    asked = rates[part.rows] * part.share[:, None]
    table = {**part.replica, "devices": part.per_machine * part.replica["tensor_parallel"]}
    return fleet(setting, workload, table, asked), asked
