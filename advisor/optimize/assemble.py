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
        Place of each pool; -1 for hosts bought as today's fleets are.
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
    kinds = setting.hosts
    standing = kinds.place[kinds.pooled] if kinds else np.zeros(0, np.int64)
    used, pool = np.unique(np.r_[-1, place, standing], return_inverse=True)
    used, pool = used[1:], pool[1 : 1 + len(place)] - 1
    hosts, pools, of = _hosts(setting, used)
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
            host=np.concatenate([c.host[a] for c, a in zip(found, active, strict=True)]),
            host_load=np.concatenate([c.host_load[a] for c, a in zip(found, active, strict=True)]),
            host_memory=np.concatenate(
                [c.host_memory[a] for c, a in zip(found, active, strict=True)]
            ),
            platforms=np.concatenate(bits),
            platform_usd=np.array(list(setting.platforms.values())),
            hours_limit=_limit(setting),
            hours_month=setting.hours_month,
            day=setting.steps.day,
            block=setting.steps.block,
            pools=pools,
            hosts=hosts,
        ),
        index=index,
        place=of,
    )


def _hosts(setting: Setting, used: Ints) -> tuple[Hosts, Pools, Ints]:
    """All kinds of host, and the pools of the places `used` with those of hosts after them."""
    pools, kinds = pools_at(setting, used), setting.hosts
    if not kinds:
        return Hosts(np.zeros(0, np.int64), np.zeros(0)), pools, used
    own = np.flatnonzero(~kinds.pooled)
    pool = np.searchsorted(used, kinds.place)
    pool[own] = len(used) + np.arange(len(own))
    none = np.full(len(own), np.inf)
    with_own = Pools(
        on_demand=np.r_[pools.on_demand, kinds.price[own]],
        spot=np.r_[pools.spot, none],
        commit=np.concatenate([pools.commit, np.full((len(own), pools.commit.shape[1]), np.inf)]),
        held=np.concatenate([pools.held, np.zeros((len(own), pools.held.shape[1]))]),
        most=np.r_[pools.most, none],
    )
    place = np.r_[used, np.full(len(own), -1)]
    return Hosts(pool.astype(np.int64), kinds.machines.astype(float)), with_own, place


def _limit(setting: Setting) -> float:
    limit = setting.portfolio.organisation.engineering_hours
    return np.inf if limit is None else float(limit)


def pools_at(setting: Setting, used: Ints) -> Pools:
    """Prices of the pools of places."""
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
