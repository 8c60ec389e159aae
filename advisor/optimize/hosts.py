"""Kinds of machine that several small workloads may share, and the columns that live on them.

A kind is a place, a server that runs several models, how its machines are bought and how many of
them one host is. Only those that could pay are kept: at least two workloads may live there, all who may
would together save more than it costs against machines of their own on the same stack, and no other
kind sourced and bought alike costs no more and takes each of them, under each set of levers,
at no larger a share and for no more work. Its machines run at all hours, so their price is the
cheapest at which one may be had, whatever else the pool buys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.economics.purchase import buy
from advisor.portfolio import HOURS_PER_MONTH

from .choices import POOLED, Array, Pool
from .columns import Columns
from .places import Bools, Ints
from .rents import least_usd, likely_rents
from .setting import Setting
from .sharing import Sharers
from .thin import bit

WHERE = ["sourcing", "cloud", "region", "instance"]
KEY = ["place", "framework", "purchase", "machines"]
ALIKE = ["sourcing", "framework", "purchase", "machines"]
STACK = ["sourcing", "framework", "fixed", "needs"]
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
    residents : DataFrame
        ``workload`` (name), ``column`` it is like but for sharing, ``host``, ``load``, ``memory``.
    sharers : Sharers
    """

    place: Ints
    framework: npt.NDArray[np.object_]
    purchase: npt.NDArray[np.object_]
    price: Array
    machines: Ints
    residents: pd.DataFrame
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
    parts = [_residents(setting, c, sharers) for c in found]
    table = pd.concat([_NOBODY, *(p for p in parts if len(p))], ignore_index=True)
    kinds, kept = _numbered(table[table.groupby(KEY)["workload"].transform("nunique") > 1])
    for worth_it in (_pays, _undominated):
        worth = worth_it(setting, kinds, kept)
        kinds, kept = _numbered(kept[worth[kept["host"]]])
    return HostKinds(
        place=kinds["place"].to_numpy(np.int64),
        framework=kinds["framework"].to_numpy(object),
        purchase=kinds["purchase"].to_numpy(object),
        price=kinds["price"].to_numpy(float),
        machines=kinds["machines"].to_numpy(np.int64),
        residents=kept[["workload", "column", "host", "load", "memory"]].reset_index(drop=True),
        sharers=sharers,
    )


_NOBODY = pd.DataFrame(
    {
        "workload": pd.Series(dtype=object),
        "column": pd.Series(dtype=np.int64),
        "place": pd.Series(dtype=np.int64),
        "framework": pd.Series(dtype=object),
        "purchase": pd.Series(dtype=object),
        "machines": pd.Series(dtype=np.int64),
        "price": pd.Series(dtype=float),
        "needs": pd.Series(dtype=np.int64),
        **{name: pd.Series(dtype=float) for name in (*TAKEN, "saved")},
    }
)


def _numbered(residents: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Kinds of host, and those who may live on them with the number of theirs."""
    kinds = residents.drop_duplicates(KEY)[[*KEY, "price"]].reset_index(drop=True)
    host = residents.groupby(KEY, sort=False).ngroup().to_numpy(np.int64)
    return kinds, residents.assign(host=host)


def _residents(setting: Setting, found: Columns, sharers: Sharers) -> pd.DataFrame:
    """Columns of a workload that could as well live on a host."""
    workload, part = found.workload, sharers.parts[found.workload]
    may = np.zeros(len(found.variants) + 1, bool)
    may[part.index] = True
    # The last stands for columns without a variant.
    column = np.flatnonzero(may[found.variant] & (found.cache < 0))
    variant, place = found.variant[column], found.place[column]
    here = part.loc[variant]
    purchase = np.where(found.fixed[column], str(found.today.choice["purchase"]), POOLED)
    spare = setting.portfolio.organisation.spare_instances
    out = pd.DataFrame(
        {
            "workload": workload.name,
            "column": column,
            "place": place,
            "framework": found.variants["framework"].to_numpy(object)[variant],
            "purchase": purchase.astype(object),
            "machines": max(1 + spare, workload.min_instances),
            "price": found.price[column],
            "needs": found.needs[column],
            "hours": found.hours[column],
            "load": here["load"].to_numpy(float) / found.per_machine[column],
            "memory": here["memory"].to_numpy(float),
            "saved": _alone_usd(setting, found, column),
        }
    )
    # Of those that need the same levers, one that takes more of all has nothing for it.
    within = ["place", "purchase", "framework", "needs"]
    out = out.sort_values([*within, "hours", "load", "memory"], ignore_index=True)
    before = out.groupby(within)[["load", "memory"]].cummin()
    before = before.groupby([out[name] for name in within]).shift(fill_value=np.inf)
    return out[(out[["load", "memory"]] < before).any(axis=1)]


def _alone_usd(setting: Setting, found: Columns, column: Ints) -> Array:
    """What machines of its own would cost each column's workload on the same stack, USD a month.

    Under the same levers, in the place that looks cheapest, bought by themselves; beyond what it
    costs by itself on a host.
    """
    rents = likely_rents(setting, setting.rates(found.workload))
    none = np.zeros(0)
    table = pd.DataFrame(
        {
            "sourcing": setting.places.table["sourcing"].to_numpy(object)[found.place[column]],
            "framework": found.variants["framework"].to_numpy(object)[found.variant[column]],
            "fixed": found.fixed[column],
            "needs": found.needs[column],
            "least": least_usd(setting, found, column, rents, none, none),
        }
    )
    of = table.groupby(STACK, sort=False)
    best = column[of["least"].idxmin().to_numpy()]
    own = found.own_usd(setting, best)
    joint = np.flatnonzero(found.bought_jointly[best])
    if len(joint):
        need = found.machines(setting, best[joint])
        spot = np.floor(need * setting.spot_share(found.workload) + 1e-9)
        bought = [
            setting.prices_of(_pool(setting, place), setting.places.offer(place))
            for place in found.place[best[joint]].tolist()
        ]
        days = np.zeros((1, int(setting.steps.day[-1]) + 1))
        own[joint] += [
            float(buy(need[[i]], spot[[i]], days, prices, setting.steps).usd[0])
            for i, prices in enumerate(bought)
        ]
    there = found.run_usd[column] + found.once_usd[column] / setting.horizon_months
    out: Array = own[of.ngroup().to_numpy()] - there - found.around_usd[column]
    return out


def _pool(setting: Setting, place: int) -> Pool:
    sourcing, cloud, region, instance = setting.places.table[WHERE].iloc[place]
    return (sourcing, cloud, region, instance, POOLED)


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
    most = residents.groupby(["host", "workload"])["saved"].max().clip(lower=0.0)
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
    sourcing = setting.places.table["sourcing"].to_numpy(object)[kinds["place"].to_numpy(int)]
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
    who = residents[["workload", "needs"]].drop_duplicates()
    least = residents.groupby(["workload", "needs", "host"])[list(TAKEN)].min()
    out = []
    for name, sets in who.groupby("workload")["needs"]:
        mine = np.full((kinds, len(TAKEN), len(sets)), np.inf)
        for i, levers in enumerate(sets.tolist()):
            for needed in sets.tolist():
                if needed & ~levers:
                    continue
                here = least.loc[(name, needed)]
                at = here.index.to_numpy()
                mine[at, :, i] = np.minimum(mine[at, :, i], here.to_numpy(float))
        out.append(mine)
    return np.concatenate(out, axis=2)


def living(setting: Setting, kinds: HostKinds, bare: Columns) -> Columns:
    """A workload's columns with those on hosts after the others."""
    mine = kinds.residents[kinds.residents["workload"] == bare.workload.name]
    if mine.empty:
        return bare
    of, host = mine["column"].to_numpy(np.int64), mine["host"].to_numpy(np.int64)
    more = setting.catalog.assumption("rightsize_hours") * _same_machine(setting, bare, of)
    added: dict[str, npt.NDArray[np.generic]] = {
        "needs": bare.needs[of] | np.where(_owns(bare), bit("HARDWARE"), 0),
        "hours": bare.hours[of] + more,
        "once_usd": bare.once_usd[of] + more * setting.usd_per_hour,
        "price": np.full(len(of), np.nan),
        "host": host,
        "host_load": mine["load"].to_numpy(float),
        "host_memory": mine["memory"].to_numpy(float),
    }
    same = ("variant", "place", "cache", "fixed", "run_usd", "around_usd", "disk_usd")
    for name in (*same, "per_machine", "platforms"):
        added[name] = getattr(bare, name)[of]
    joined = {name: np.concatenate([getattr(bare, name), new]) for name, new in added.items()}
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
    same_split = bool(c["tensor_parallel"] == 1)
    return same.to_numpy()[bare.place[of]].astype(float) * same_split
