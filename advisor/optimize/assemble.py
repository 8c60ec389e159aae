"""The joint problem of a portfolio: chosen columns of all workloads, in the pools they draw on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .choices import Array
from .columns import Columns
from .joint.problem import Hosts, Pools, Problem
from .places import Ints
from .setting import Setting


@dataclass(frozen=True, eq=False)
class Assembly:
    """A problem and where its columns and pools come from.

    Attributes
    ----------
    index : array of int, shape (n,)
        Number of each column among the columns of its workload.
    place : array of int, shape (P,)
        Place of each pool.
    """

    problem: Problem
    index: Ints
    place: Ints

    def columns_of(self, chosen: Ints) -> Ints:
        """Columns of an answer as numbers among those of each workload."""
        return self.index[chosen]

    def answer_of(self, columns: Sequence[int]) -> Ints | None:
        """One column of each workload as numbers of this problem; None where one is missing."""
        out = np.zeros(len(columns), np.int64)
        for w, column in enumerate(columns):
            first, last = self.problem.start[w], self.problem.start[w + 1]
            at = np.flatnonzero(self.index[first:last] == column)
            if not len(at):
                return None
            out[w] = first + at[0]
        return out


def assemble(setting: Setting, found: Sequence[Columns], active: Sequence[Ints]) -> Assembly:
    """The problem of the `active` columns of each workload.

    Parameters
    ----------
    found : sequence of Columns
        Of each workload, in order.
    active : sequence of array of int
        Numbers of the columns to choose from, at least one for each workload.
    """
    index = np.concatenate(active)
    sizes = [len(a) for a in active]
    owns, hours, places, bits = [], [], [], []
    needs: list[Array] = []
    rows, shares, waits = [], [], []
    m = 0
    for columns, a in zip(found, active, strict=True):
        owns.append(columns.own_usd(setting, a))
        hours.append(columns.hours[a])
        bits.append(columns.platforms[a])
        joint = columns.bought_jointly[a]
        places.append(np.where(joint, columns.place[a], -1))
        row = np.zeros(len(a), np.int64)
        if joint.any():
            codes, first, which = np.unique(
                columns.code(a[joint]), return_index=True, return_inverse=True
            )
            needs.append(columns.machines(setting, a[joint][first]))
            row[joint] = m + which
            m += len(codes)
            follows = ~columns.fixed[a[joint][first]]
            share = setting.spot_share(columns.workload)
            shares.append(np.where(follows, share, 0.0))
            waits.append(follows & columns.workload.waits_a_day)
        rows.append(row)
    place = np.concatenate(places)
    used, pool = np.unique(place, return_inverse=True)
    if len(used) and used[0] < 0:
        used, pool = used[1:], pool - 1
    steps = len(setting.hours_month)
    return Assembly(
        problem=Problem(
            start=np.r_[0, np.cumsum(sizes)].astype(np.int64),
            own_usd=np.concatenate(owns),
            hours=np.concatenate(hours),
            pool=pool.astype(np.int64),
            row=np.concatenate(rows),
            need=np.concatenate([np.zeros((0, steps)), *needs]).astype(np.float32),
            spot_share=np.concatenate([np.zeros(0), *shares]),
            waits=np.concatenate([np.zeros(0, bool), *waits]),
            host=np.full(len(index), -1),
            host_load=np.zeros(len(index)),
            host_memory=np.zeros(len(index)),
            platforms=np.concatenate(bits),
            platform_usd=np.array(list(setting.platforms.values())),
            hours_limit=_limit(setting),
            hours_month=setting.hours_month,
            day=setting.steps.day,
            block=setting.steps.block,
            pools=_pools(setting, used),
            hosts=Hosts(np.zeros(0, np.int64), np.zeros(0)),
        ),
        index=index,
        place=used,
    )


def _limit(setting: Setting) -> float:
    limit = setting.portfolio.organisation.engineering_hours
    return np.inf if limit is None else float(limit)


def _pools(setting: Setting, used: Ints) -> Pools:
    prices = setting.places.prices[used]
    held = np.zeros((len(used), len(setting.hours_month)))
    for i, place in enumerate(used.tolist()):
        if place in setting.held:
            held[i] = setting.held[place]
    return Pools(
        on_demand=prices[:, 0],
        spot=prices[:, 1],
        commit=prices[:, 2:],
        held=held,
        most=setting.most[used],
    )
