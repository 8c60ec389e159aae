"""Where machines may be had: every offer at the price of each way of sourcing, one pool each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.economics.purchase import Offer
from advisor.portfolio import Workload

from .choices import POOLED, Array, Pool

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

NODE = ("accelerator", "chip_share", "host_memory_gib")
PRICES = ("on_demand", "spot", "term_1y", "term_3y", "term_owned")
"""Columns of places with prices of the machine, USD per hour; NaN where it is not sold that way."""
TERMS = PRICES[2:]
YEARLY = "term_1y"
"""The term whose level may change from year to year; all others last for the whole horizon."""


TERM_NAME = {"term_1y": "commit_1y", "term_3y": "commit_3y", "term_owned": "owned"}
"""Purchase options of the terms, as in the catalog."""


@dataclass(frozen=True, eq=False)
class Places:
    """All places, allowed to the organisation or not.

    Attributes
    ----------
    table : DataFrame
        One row per sourcing, cloud, region and instance, with its machine and prices.
    prices : array, shape (places, 5)
        `PRICES`, ``inf`` where the machine is not sold that way.
    node : array of int, shape (places,)
        Which kind of machine it is, equal for equal chips, shares and host memory.
    devices : array, shape (places,)
        Chips per machine.
    """

    table: pd.DataFrame
    prices: Array
    node: Ints
    devices: Array

    @cached_property
    def number(self) -> dict[Pool, int]:
        """The number of each place by the pool of those who buy there jointly."""
        keys = self.table[["sourcing", "cloud", "region", "instance"]].assign(purchase=POOLED)
        return {key: i for i, key in enumerate(keys.itertuples(index=False, name=None))}

    def offer(self, place: int) -> Offer:
        """Prices of a place."""
        on_demand, spot, *terms = (float(p) for p in self.prices[place])
        return Offer(
            on_demand if np.isfinite(on_demand) else None,
            spot if np.isfinite(spot) else None,
            tuple(
                (TERM_NAME[name], usd)
                for name, usd in zip(TERMS, terms, strict=True)
                if np.isfinite(usd)
            ),
        )

    @cached_property
    def nodes(self) -> dict[tuple[Any, ...], int]:
        """The number of each kind of machine."""
        return dict(zip(_machines(self.table), self.node.tolist(), strict=True))

    @cached_property
    def device_usd(self) -> Array:
        """The least that a chip of each kind of machine costs by the hour, USD, shape (nodes,).

        By the hour where it is sold so, else committed to; of machines the organisation may use.
        """
        hourly = np.where(
            np.isfinite(self.prices[:, 0]), self.prices[:, 0], self.prices[:, 2:].min(axis=1)
        )
        able = self.table["allowed"].to_numpy(bool)
        out = np.full(int(self.node.max(initial=-1)) + 1, np.inf)
        np.minimum.at(out, self.node[able], (hourly / self.devices)[able])
        return out

    def node_of(self, variants: pd.DataFrame) -> Ints:
        """The kind of machine of each variant; -1 where no place has it."""
        return np.array([self.nodes.get(key, -1) for key in _machines(variants)], np.int64)


def _machines(table: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The kind of machine of each row."""
    chip, share, memory = (table[name] for name in NODE)
    return zip(chip.tolist(), share.tolist(), memory.fillna(-1.0).tolist(), strict=True)


def places(catalog: Catalog, offers: pd.DataFrame, allowed: pd.DataFrame) -> Places:
    """Every offer for each way of sourcing it serves.

    Parameters
    ----------
    offers, allowed : DataFrame
        Of `advisor.optimize.offers.offers`: all, and those the organisation may use.
    """
    keys = ["cloud", "region", "instance"]
    is_allowed = pd.MultiIndex.from_frame(offers[keys]).isin(
        pd.MultiIndex.from_frame(allowed[keys])
    )
    table = offers.assign(allowed=is_allowed, term_owned=np.nan)
    owned = table["cloud_kind"] == "owned"
    rented = table[~owned].assign(sourcing="self_hosted")
    managed = table[table["cloud_kind"] == "hyperscaler"].assign(sourcing="managed_inference")
    premium = catalog.lookup("sourcing", "managed_inference")["premium"]
    # The premium is a ratio seen on a few machines, applied to all.
    managed = managed.assign(
        on_demand=managed["on_demand"] * (1.0 + float(premium or 0.0)),
        spot=np.nan,
        commit=np.nan,
        commit_1y=np.nan,
        commit_3y=np.nan,
        term_1y=np.nan,
        term_3y=np.nan,
        commit_term="",
        standing="derived",
    )
    managed = managed[managed["on_demand"].notna()]
    mine = table[owned].assign(sourcing="owned")
    mine["term_owned"] = mine["commit"]
    out = pd.concat([rented, managed, mine], ignore_index=True)
    filled = pd.MultiIndex.from_frame(out[list(NODE)].fillna(-1.0))
    prices = out[list(PRICES)].to_numpy(float)
    return Places(
        table=out,
        prices=np.where(np.isnan(prices), np.inf, prices),
        node=pd.factorize(filled)[0].astype(np.int64),
        devices=out["devices"].to_numpy(float),
    )


def inside(found: Places, workload: Workload) -> Bools:
    """Places that the workload's residency admits, shape (places,)."""
    if not workload.residency:
        return np.ones(len(found.table), bool)
    # Where a seller does not say, nobody can tell that it is inside.
    stays = set(workload.residency)
    held = found.table["geography"].map(lambda place: not stays.isdisjoint(place.split("|")))
    return held.to_numpy(bool)


def undominated(found: Places, able: Bools, keep: Bools, way: Array) -> Bools:
    """Places worth buying in: those that no other of the same machine undercuts on every price.

    Only places as far from the users are compared.

    The lower bound stays valid for what is left out: with the rents of the place that undercuts
    it, no choice that uses the dearer one costs less.

    Parameters
    ----------
    able : array of bool
        Places to choose among.
    keep : array of bool
        Of those, the ones to keep whatever they cost: today's own, or with machines already held.
    way : array, shape (places,)
        `advisor.optimize.network.network_s`, s.
    """
    t = found.table
    like = pd.factorize(
        pd.MultiIndex.from_arrays(
            [t["sourcing"], found.node, found.devices, np.nan_to_num(way, nan=-1)]
        ),
        sort=False,
    )[0]
    out = able.copy()
    index = np.flatnonzero(able)
    order = index[np.lexsort((found.prices[index].sum(axis=1), like[index]))]
    starts = np.flatnonzero(np.r_[True, np.diff(like[order]) != 0])
    for group in np.split(order, starts[1:]):
        p = found.prices[group]
        no_dearer = (p[:, None, :] <= p[None, :, :]).all(axis=2)
        # Of equals the first stays.
        earlier = np.triu(np.ones_like(no_dearer), 1) | ~no_dearer.T
        out[group[(no_dearer & earlier).any(axis=0)]] = False
    return out | (able & keep)
