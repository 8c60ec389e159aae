"""Kinds of machine that several small workloads may share, and the columns that live on them.

A kind is a place, a server that runs several models, how its machines are bought and how many of
them one host is. Only those that could pay are kept: at least two workloads may live there; all of
them together save more than it costs, against machines of their own on the same stack; and no other
kind sourced and bought alike costs no more and takes each of them, under each set of levers, at no
larger a share and for no more work. Its machines run at all hours, so their price is the cheapest
at which one may be had, whatever else the pool buys.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.economics.purchase import buy
from advisor.portfolio import HOURS_PER_MONTH

from .assemble import pools_at
from .choices import POOLED, Array
from .columns import Columns
from .joint.bill import prices_of
from .places import Bools, Ints
from .rents import least_usd, likely_rents
from .setting import Setting
from .sharing import Sharers
from .thin import bit

KEY = ["place", "framework", "purchase", "machines"]
ALIKE = ["sourcing", "framework", "purchase", "machines"]
TAKEN = ("load", "memory", "hours")
"""What a workload takes of a host, and to get there."""


@dataclass(frozen=True, eq=False)
class HostKinds:
    """All kinds of host of a portfolio, and who may live on them.

    Attributes
    ----------
    place : array of int, shape (J,)
    framework, purchase : array of str, shape (J,)
        `POOLED`, or today's purchase option of all who live there.
    price : array, shape (J,)
        USD per machine-hour where it is not pooled, else NaN.
    machines : array of int, shape (J,)
        Of one host, spare ones included.
    residents : dict
        By workload name: ``column`` it is like but for sharing, ``host``, ``load``, ``memory``.
    sharers : Sharers
    """

    place: Ints
    framework: npt.NDArray[np.object_]
    purchase: npt.NDArray[np.object_]
    price: Array
    machines: Ints
    residents: dict[str, pd.DataFrame]
    sharers: Sharers

    def __len__(self) -> int:
        return len(self.place)

    @property
    def pooled(self) -> Bools:
        """Kinds whose machines are bought in the pool of their place, shape (J,)."""
        return np.asarray(np.isnan(self.price))


def host_kinds(setting: Setting, found: Sequence[Columns], sharers: Sharers) -> HostKinds:
    """The kinds worth sharing.

    Parameters
    ----------
    found : sequence of Columns
        Of workloads that may share, without columns on hosts.
    """
    parts = [_NOBODY]
    if found:
        rates = [setting.rates(c.workload) for c in found]
        rents = likely_rents(setting, np.sum([r / r.mean() for r in rates], axis=0))
        parts += [_residents(setting, c, sharers, rents, w) for w, c in enumerate(found)]
    table = pd.concat([p for p in parts if len(p) or len(parts) == 1], ignore_index=True)
    kinds, kept = _numbered(table[table.groupby(KEY)["w"].transform("nunique") > 1])
    kept = _saved(setting, found, _thinned(kept))
    for worth_it in (_pays, _undominated):
        worth = worth_it(setting, kinds, kept)
        kinds, kept = _numbered(kept[worth[kept["host"]]])
    names = [c.workload.name for c in found]
    return HostKinds(
        place=kinds["place"].to_numpy(np.int64),
        framework=kinds["framework"].to_numpy(object),
        purchase=kinds["purchase"].to_numpy(object),
        price=kinds["price"].to_numpy(float),
        machines=kinds["machines"].to_numpy(np.int64),
        residents={names[int(str(w))]: mine for w, mine in kept.groupby("w")},
        sharers=sharers,
    )


_NOBODY = pd.DataFrame(
    {
        "w": pd.Series(dtype=np.int64),
        "column": pd.Series(dtype=np.int64),
        "place": pd.Series(dtype=np.int64),
        "framework": pd.Series(dtype=object),
        "purchase": pd.Series(dtype=object),
        "machines": pd.Series(dtype=np.int64),
        "price": pd.Series(dtype=float),
        "needs": pd.Series(dtype=np.int64),
        "sourcing": pd.Series(dtype=object),
        **{name: pd.Series(dtype=float) for name in (*TAKEN, "least")},
    }
)


def _numbered(residents: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Kinds of host, and those who may live on them with the number of theirs."""
    kinds = residents.drop_duplicates(KEY)[[*KEY, "price"]].reset_index(drop=True)
    host = residents.groupby(KEY, sort=False).ngroup().to_numpy(np.int64)
    return kinds, residents.assign(host=host)


def _residents(
    setting: Setting, found: Columns, sharers: Sharers, rents: Array, w: int
) -> pd.DataFrame:
    """Columns of a workload that could as well live on a host."""
    workload, part = found.workload, sharers.parts[found.workload]
    row = np.full(len(found.variants) + 1, -1)
    row[part.index] = np.arange(len(part))
    # The last stands for columns without a variant.
    column = np.flatnonzero((row[found.variant] >= 0) & (found.cache < 0))
    variant, place = found.variant[column], found.place[column]
    spare = setting.portfolio.organisation.spare_instances
    bought = np.array([POOLED, str(found.today.choice["purchase"])], object)
    none = np.zeros(0)
    return pd.DataFrame(
        {
            "w": w,
            "column": column,
            "place": place,
            "framework": found.variants["framework"].to_numpy(object)[variant],
            "purchase": bought[found.fixed[column].astype(int)],
            "machines": max(1 + spare, workload.min_instances),
            "price": found.price[column],
            "needs": found.needs[column],
            "sourcing": setting.places.table["sourcing"].to_numpy(object)[place],
            "load": part["load"].to_numpy(float)[row[variant]] / found.per_machine[column],
            "memory": part["memory"].to_numpy(float)[row[variant]],
            "hours": found.hours[column],
            "least": least_usd(setting, found, column, rents, none, none),
        }
    )


def _thinned(residents: pd.DataFrame) -> pd.DataFrame:
    """Of those that need the same levers on the same host, one that takes more has no use."""
    within = ["w", "host", "needs"]
    out = residents.sort_values([*within, "hours", "load", "memory"], ignore_index=True)
    before = out.groupby(within)[["load", "memory"]].cummin().shift(fill_value=np.inf)
    first = ~out.duplicated(within)
    better = (out[["load", "memory"]] < before).any(axis=1)
    return out[first | better].reset_index(drop=True)


def _saved(setting: Setting, found: Sequence[Columns], residents: pd.DataFrame) -> pd.DataFrame:
    """With what machines of its own would cost each on the same stack, USD a month.

    Under the same levers, where that looks cheapest, bought by themselves; beyond what it costs by
    itself on a host.
    """
    if residents.empty:
        return residents.assign(saved=0.0)
    of = residents.groupby(["w", "sourcing", "framework", "purchase", "needs"], sort=False)
    best = of["least"].idxmin().to_numpy()
    own = np.empty(len(best))
    there = np.empty(len(residents))
    whose = residents["w"].to_numpy()
    column = residents["column"].to_numpy(np.int64)
    for w, columns in enumerate(found):
        mine, at = np.flatnonzero(whose[best] == w), np.flatnonzero(whose == w)
        own[mine] = _alone_usd(setting, columns, column[best[mine]])
        run, once = columns.run_usd[column[at]], columns.once_usd[column[at]]
        there[at] = run + once / setting.horizon_months + columns.around_usd[column[at]]
    return residents.assign(saved=own[of.ngroup().to_numpy()] - there)


def _alone_usd(setting: Setting, found: Columns, column: Ints) -> Array:
    """What columns cost with their machines bought by themselves, USD a month."""
    own = found.own_usd(setting, column)
    joint = np.flatnonzero(found.bought_jointly[column])
    if len(joint):
        need = found.machines(setting, column[joint])
        spot = np.floor(need * setting.spot_share(found.workload) + 1e-9)
        used, of = np.unique(found.place[column[joint]], return_inverse=True)
        prices = prices_of(pools_at(setting, used), setting.steps, of)
        days = np.zeros((len(joint), int(setting.steps.day[-1]) + 1))
        own[joint] += buy(need, spot, days, prices, setting.steps).usd
    return own


def _price(setting: Setting, kinds: pd.DataFrame) -> Array:
    """The least that a machine of each kind costs, USD an hour, shape (J,)."""
    at, price = kinds["place"].to_numpy(np.int64), kinds["price"].to_numpy(float)
    least = np.delete(setting.places.prices[at], 1, axis=1).min(axis=1)
    return np.where(np.isnan(price), least, price)


def _free(setting: Setting, kinds: pd.DataFrame) -> Bools:
    """Kinds whose machines all have to be bought, and may be, shape (J,)."""
    at = kinds["place"].to_numpy(np.int64)
    held = np.array([p in setting.held for p in at.tolist()], bool)
    return np.asarray(~held & np.isinf(setting.most[at]))


def _pays(setting: Setting, kinds: pd.DataFrame, residents: pd.DataFrame) -> Bools:
    """Kinds that cost less than all who may live there would elsewhere, shape (J,)."""
    most = residents.groupby(["host", "w"])["saved"].max().clip(lower=0.0)
    saved = most.groupby("host").sum().to_numpy(float)
    usd = _price(setting, kinds) * kinds["machines"].to_numpy(float) * HOURS_PER_MONTH
    return np.asarray((usd < saved) | ~_free(setting, kinds))


def _undominated(setting: Setting, kinds: pd.DataFrame, residents: pd.DataFrame) -> Bools:
    """Kinds that no other alike undercuts for all who may live there, shape (J,)."""
    out = np.ones(len(kinds), bool)
    if not len(kinds):
        return out
    price, free = _price(setting, kinds), _free(setting, kinds)
    taken = _taken(residents, len(kinds))
    at = kinds["place"].to_numpy(np.int64)
    sourcing = setting.places.table["sourcing"].to_numpy(object)[at]
    for _, group in kinds.assign(sourcing=sourcing).groupby(ALIKE):
        # Cheapest first, so that of equals the first stays.
        members = group.index.to_numpy()[np.argsort(price[group.index], kind="stable")]
        for i, j in enumerate(members.tolist()):
            better = members[:i][out[members[:i]]]
            takes = (taken[better] <= taken[j] * (1.0 + 1e-12)).all(axis=(1, 2))
            out[j] = not (free[j] and takes.any())
    return out


def _taken(residents: pd.DataFrame, kinds: int) -> Array:
    """The least that each workload takes of each kind under each set of levers, shape (J, 3, k)."""
    of = residents.groupby(["w", "needs"])
    who = of.ngroup().to_numpy()
    sets = of.size().index
    least = np.full((kinds, len(TAKEN), len(sets)), np.inf)
    host = residents["host"].to_numpy()
    for i, name in enumerate(TAKEN):
        np.minimum.at(least[:, i], (host, who), residents[name].to_numpy(float))
    whose, needs = (sets.get_level_values(name).to_numpy() for name in ("w", "needs"))
    starts = np.flatnonzero(np.r_[True, np.diff(whose) != 0, True])
    for first, last in itertools.pairwise(starts.tolist()):
        levers, mine = needs[first:last], least[:, :, first:last]
        within = (levers[None, :] & ~levers[:, None]) == 0
        least[:, :, first:last] = np.where(within, mine[:, :, None], np.inf).min(axis=3)
    return least


def living(setting: Setting, kinds: HostKinds, bare: Columns) -> Columns:
    """A workload's columns with those on hosts after the others."""
    mine = kinds.residents.get(bare.workload.name)
    if mine is None:
        return bare
    of, host = mine["column"].to_numpy(np.int64), mine["host"].to_numpy(np.int64)
    more = setting.catalog.assumption("rightsize_hours") * _same_machine(setting, bare, of)
    added: dict[str, Any] = {
        "needs": bare.needs[of] | np.where(_owns(bare), bit("HARDWARE"), 0),
        "hours": bare.hours[of] + more,
        "once_usd": bare.once_usd[of] + more * setting.usd_per_hour,
        "price": np.full(len(of), np.nan),
        "host": host,
        "host_load": mine["load"].to_numpy(float),
        "host_memory": mine["memory"].to_numpy(float),
    }
    same = ("variant", "place", "cache", "fixed", "run_usd", "around_usd", "disk_usd")
    for name in (*same, "per_machine", "rest_per_machine", "rest_usd", "platforms"):
        added[name] = getattr(bare, name)[of]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(bare, name), new]) for name, new in added.items()
    }
    return replace(
        bare,
        **joined,
        host_machines=int(kinds.machines[host[0]]),
        beside=kinds.sharers.parts[bare.workload],
        built={},
        _open={},
        _machines={},
    )


def _owns(bare: Columns) -> bool:
    """Whether there is a machine to keep today."""
    return bool(bare.today.choice["sourcing"] != "managed_api")


def _same_machine(setting: Setting, bare: Columns, of: Ints) -> Array:
    """1 where sharing alone changes the machine, so that its work has not been counted yet."""
    c, t = bare.today.choice, setting.places.table
    same = (t["sourcing"] == c["sourcing"]) & (t["instance"] == c["instance"])
    unsplit = float(c["tensor_parallel"] == 1)
    out: Array = same.to_numpy(float)[bare.place[of]] * unsplit
    return out
