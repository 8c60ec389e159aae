"""What a solve needs besides the workloads: prices, labour rate, horizon. Built once, shared."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.economics import labour
from advisor.economics.around import Around, around
from advisor.economics.purchase import Offer, Prices, Steps
from advisor.portfolio import (
    HOURS_PER_DAY,
    HOURS_PER_MONTH,
    HOURS_PER_WEEK,
    Portfolio,
    TrainingJob,
    Workload,
    hourly_rps,
    requests_per_month,
)

from .choices import Array, Candidate, Pool
from .effort import VariantWork
from .forecasts import Forecast, Forecasts
from .levers import LeverSet
from .offers import offers
from .places import TERM_NAME, TERMS, YEARLY, Places, places
from .stacks import Finder

if TYPE_CHECKING:
    from .columns import Columns
    from .generate import Sites
    from .hosts import HostKinds
    from .scaling import Law

STRETCH_MONTHS = 3
"""Length of the stretches over which growing demand counts as level."""


@dataclass(eq=False)
class Setting:
    """One portfolio against one catalog, with what is costly to derive kept.

    Attributes
    ----------
    blocked : dict, optional
        Workloads and training jobs that cannot be planned, with what binds them; they are taken
        out of `portfolio` so that the others are. None until that has been looked at
        (`advisor.optimize.solve.as_setting`).
    """

    portfolio: Portfolio
    catalog: Catalog
    blocked: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self._around: dict[tuple[Workload, str], Around] = {}
        self.today: dict[Workload, Candidate] = {}
        self.sites: dict[tuple[Any, ...], Sites] = {}
        self.deployed: dict[Workload, dict[str, Any]] = {}
        self.candidates: dict[tuple[Workload, LeverSet], list[Candidate]] = {}
        self.lock = threading.Lock()
        self.sketches: dict[tuple[int, ...], Any] = {}
        self.columns: dict[Workload, Columns] = {}
        self.pairs: dict[tuple[Any, ...], tuple[pd.DataFrame, VariantWork]] = {}
        self.bare: dict[Workload, Columns] = {}
        self.hosts: HostKinds | None = None
        self.moves: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        self.pool_bills: dict[frozenset[int], Any] = {}
        self.bounds: dict[tuple[Workload, LeverSet], dict[str, float]] = {}
        self.laws: dict[bytes, Law] = {}
        self.runs: dict[TrainingJob, pd.DataFrame] = {}

    @cached_property
    def offers(self) -> pd.DataFrame:
        """All priced offers, allowed or not (today's may stand outside the allowed ones)."""
        return offers(self.catalog, self.portfolio.organisation)

    @cached_property
    def offered(self) -> dict[tuple[str | None, ...], int]:
        """The row of `offers` of each cloud, region and instance."""
        keys = self.offers[["cloud", "region", "instance"]].itertuples(index=False, name=None)
        return {key: i for i, key in enumerate(keys)}

    @cached_property
    def allowed(self) -> pd.DataFrame:
        """Offers of the organisation's clouds and geographies; owned hardware is always one."""
        org, table = self.portfolio.organisation, self.offers
        cloud = table["cloud"].isin(org.clouds) | (table["cloud_kind"] == "owned")
        # Where a seller does not say, nobody can tell that it is inside.
        place = table["geography"].isin(org.geographies) | (table["cloud_kind"] == "owned")
        return table[cloud & place].reset_index(drop=True)

    @cached_property
    def places(self) -> Places:
        """All places with the price of each way of sourcing."""
        return places(self.catalog, self.offers, self.allowed)

    @cached_property
    def held(self) -> dict[int, Array]:
        """Machines already committed to by place, shape (T,): they are used before others."""
        table = self.places.table
        out: dict[int, Array] = {}
        stretches = len(self.growth)
        ends = (np.arange(stretches) + 1.0) * self.horizon_months / stretches
        for c in self.portfolio.organisation.commitments:
            here = (table["cloud"] == c.cloud) & (table["region"] == c.region)
            here &= (table["instance"] == c.instance) & (table["sourcing"] != "managed_inference")
            for place in np.flatnonzero(here):
                # In the stretch in which they end they no longer count.
                level = np.where(c.ends_in_months >= ends, float(c.instances), 0.0)
                old = out.get(int(place), np.zeros(len(self.hours_month)))
                out[int(place)] = old + np.repeat(level, HOURS_PER_WEEK)
        return out

    @cached_property
    def most(self) -> Array:
        """Most machines that can be had in each place, shape (places,)."""
        table = self.places.table
        out = np.full(len(table), np.inf)
        for q in self.portfolio.organisation.quotas:
            here = (table["cloud"] == q.cloud) & (table["instance"] == q.instance)
            if q.region is not None:
                here &= table["region"] == q.region
            out[here.to_numpy()] = np.minimum(out[here.to_numpy()], float(q.instances))
        return out

    @cached_property
    def platforms(self) -> dict[str, float]:
        """What it costs to run each platform at all, by its engineering hours, USD a month."""
        return {
            f"{kind}:{row[name]}": float(row["operate_hours_month"]) * self.usd_per_hour
            for kind, table, name in (
                ("sourcing", "sourcing", "sourcing"),
                ("framework", "frameworks", "framework"),
            )
            for row in records(self.catalog[table])
        }

    @cached_property
    def usd_per_hour(self) -> float:
        """Loaded cost of an engineering hour, USD."""
        year = self.portfolio.organisation.engineer_usd_year
        if year is None:
            year = self.catalog.assumption("engineer_usd_year")
        return labour.usd_per_hour(year, self.catalog.assumption("engineer_hours_year"))

    @property
    def horizon_months(self) -> int:
        """Planning horizon, months."""
        return self.portfolio.organisation.horizon_months

    @cached_property
    def growth(self) -> Array:
        """Demand of each stretch of the horizon, as a multiple of today's.

        One stretch where nothing changes over the horizon; quarters, each at its middle, where
        demand grows or machines held now go.
        """
        org = self.portfolio.organisation
        yearly = org.demand_growth_year or 0.0
        ending = any(c.ends_in_months < self.horizon_months for c in org.commitments)
        if not yearly and not ending:
            return np.ones(1)
        stretches = int(np.ceil(self.horizon_months / STRETCH_MONTHS))
        middle = (np.arange(stretches) + 0.5) * self.horizon_months / stretches
        return np.asarray((1.0 + yearly) ** (middle / 12.0))

    @cached_property
    def hours_month(self) -> Array:
        """Hours a month that each step stands for, shape (T,); steps are hours of each stretch."""
        steps = HOURS_PER_WEEK * len(self.growth)
        return np.full(steps, HOURS_PER_MONTH / steps)

    @cached_property
    def year(self) -> npt.NDArray[np.int64]:
        """Year of the horizon that each step lies in, shape (T,)."""
        stretch = np.repeat(np.arange(len(self.growth)), HOURS_PER_WEEK)
        return (stretch * self.horizon_months // (12 * len(self.growth))).astype(np.int64)

    @cached_property
    def steps(self) -> Steps:
        """The steps of the horizon and over which of them commitments are level."""
        n = len(self.hours_month)
        level = np.zeros(n, np.int64)
        blocks = [self.year if t == YEARLY else level for t in TERMS]
        return Steps(self.hours_month, np.arange(n) // HOURS_PER_DAY, np.stack(blocks))

    def prices_of(self, pool: Pool, offer: Offer) -> Prices:
        """Prices of one pool, as arrays of one row; with what is held and may be had there."""
        place = self.places.number.get(pool, -1)
        yearly = [usd for name, usd in offer.terms if name == TERM_NAME[YEARLY]]
        held = self.held.get(place, np.zeros(len(self.hours_month)))
        changes = bool(self.steps.yearly.any())
        return Prices(
            on_demand=_price(offer.on_demand),
            spot=_price(offer.spot),
            whole=_price(offer.commit),
            yearly=_price(min(yearly) if yearly and changes else None),
            held=held[None],
            most=self.most[place : place + 1] if place >= 0 else np.full(1, np.inf),
        )

    def spot_share(self, workload: Workload) -> float:
        """Most of a workload's fleet that may be spot: all of it where the work may wait."""
        if workload.deferrable_hours is not None:
            return 1.0
        return self.portfolio.organisation.spot_share

    def updated(self, portfolio: Portfolio) -> Setting:
        """A setting for a changed portfolio that keeps the predictions still valid."""
        out = Setting(portfolio, self.catalog)
        old, new = self.portfolio.organisation, portfolio.organisation
        left = set(portfolio.workloads)
        out.deployed = {w: d for w, d in self.deployed.items() if w in left}
        where = ("clouds", "geographies", "owned_geography")
        alike = all(getattr(old, f) == getattr(new, f) for f in where)
        if alike and "forecasts" in self.__dict__:
            out.__dict__["forecasts"] = self.forecasts.only(left)
        if old.spare_instances == new.spare_instances:
            out.laws = dict(self.laws)
        if old == new:
            out.today = {w: c for w, c in self.today.items() if w in left}
            out.bounds = {k: b for k, b in self.bounds.items() if k[0] in left}
            out.candidates = {k: c for k, c in self.candidates.items() if k[0] in left}
            out.__dict__.update(
                {k: self.__dict__[k] for k in ("offers", "allowed") if k in self.__dict__}
            )
        return out

    def rates(self, workload: Workload) -> Array:
        """Arrival rates in each step, requests/s, shape (T,)."""
        week = hourly_rps(self.catalog, workload.demand)
        return np.outer(self.growth, week).ravel()

    @cached_property
    def forecasts(self) -> Forecasts:
        """What every workload's variants can do on the allowed chips."""
        return Forecasts(self.catalog, Finder(self.catalog, self.allowed))

    def around(self, workload: Workload, sourcing: str) -> Around:
        """What stands around a workload's machines under a way of sourcing."""
        key = (workload, sourcing)
        if key not in self._around:
            self._around[key] = around(
                self.catalog.assumption,
                sourcing,
                requests_month=requests_per_month(self.rates(workload)),
                osl_tokens=float(workload.osl_tokens or 0),
            )
        return self._around[key]

    def variants(self, workload: Workload) -> pd.DataFrame:
        """Replica variants of a workload on allowed chips, predicted once.

        Returns
        -------
        DataFrame
            Columns of `advisor.optimize.stacks.STACK` and ``NODE``, ``tensor_parallel``, the
            prediction's columns, ``quality`` (share of today's) and ``reason`` (empty where
            feasible).
        """
        return self.forecasts.variants(workload, self.portfolio.workloads)

    def forecast(self, workload: Workload, today: Mapping[str, Any]) -> Forecast:
        """What a workload's variants can do, and what each takes, its place aside."""
        return self.forecasts.of(workload, self.portfolio.workloads, today)

    def useful(self, workload: Workload, today: Mapping[str, Any]) -> pd.DataFrame:
        """Feasible variants of one model that can be part of a best plan under some levers."""
        return self.forecast(workload, today).useful

    def dropped(self, workload: Workload, today: Mapping[str, Any]) -> pd.Series[str]:
        """Why variants that fit alone fail once requests come at random, by row of `variants`."""
        return self.forecast(workload, today).dropped


def _price(usd: float | None) -> Array:
    return np.array([np.inf if usd is None else usd])
