"""Two models for one workload: a small one for most requests, a larger one for the rest.

A small model that misses the quality floor alone may keep it beside a larger one
(`advisor.economics.cascade`). A *cascade* checks the small model's answer, so nobody sees a word
before that answer is whole; a *router* decides from the request and keeps each model's own times.
Both models run on one machine type, so their machines add up in one pool, or the larger one is
hosted and paid by the request. A pair is a variant like any other, of two parts
(`advisor.optimize.parts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.economics.cascade import escalation_for
from advisor.portfolio import Workload, requests_per_month

from .choices import Array, Candidate
from .effort import VariantWork, learnt_twice, mapped
from .forecasts import Forecast, params_of
from .larger import REST, TIMES, all_hours, beside, hosts, nodes, others_of
from .offers import weakest
from .places import Bools, Ints
from .setting import Setting
from .thin import bit, unbeaten

SKILL = {"cascade": "cascade_skill", "router": "router_skill"}


def with_pairs(
    setting: Setting, workload: Workload, today: Candidate
) -> tuple[pd.DataFrame, VariantWork]:
    """Useful variants of one model, then those of two that may be part of a best plan.

    A pair is left out where one model on the same machines does as much for no more levers and
    work, and where what it costs apart from machines is more than all that today's deployment
    does: keeping that would be cheaper whatever else is chosen.
    """
    forecast = setting.forecast(workload, today.choice)
    singles, work = forecast.useful, forecast.work
    limit = today.run_rate_usd_month + today.around_usd_month
    limit += sum(setting.platforms[p] for p in today.platforms)
    month = setting.usd_per_hour / setting.horizon_months
    least = all_hours(setting, forecast.poor_work).min(initial=np.inf)
    if (least + setting.catalog.assumption("cascade_hours")) * month >= limit:
        return singles, work
    table, both = _kept(setting, workload, forecast, today.choice, alone=True)
    if len(table) == len(singles):
        return singles, work
    rest = table["rest_usd"].to_numpy(float)[len(singles) :]
    usd = all_hours(setting, both)[len(singles) :] * month
    usd += requests_per_month(setting.rates(workload)) * rest
    if (usd < limit).all():
        return table, both
    rows = np.r_[np.arange(len(singles)), len(singles) + np.flatnonzero(usd < limit)]
    if len(rows) == len(singles):
        return singles, work
    some = VariantWork(**{name: values[rows] for name, values in vars(both).items()})
    return table.take(rows).reset_index(drop=True), some


def pairs(setting: Setting, workload: Workload, today: Mapping[str, Any]) -> pd.DataFrame:
    """Pairs of a small and a larger model that keep the quality floor together, in time.

    Parameters
    ----------
    today : mapping
        Today's choice.

    Returns
    -------
    DataFrame
        One row per pair, with the columns of `Setting.useful` for the small model and

        - ``escalation``: cascade or router; ``escalate_to``: the larger model; ``escalate_host``:
          who hosts it, None on machines,
        - ``escalated``: share of requests that the larger model answers; ``rest_share``: the same
          on machines, else 0; ``share``: what the small one works on, its checks included,
        - ``quality``: of both, as a share of today's; ``own_quality``: of the small one alone,
        - ``first_s``, ``token_s``: of the slower way to an answer,
        - ``needs``: levers as bits,
        - ``rest_usd``: what the larger model's host is paid for each request of the workload, USD,
        - ``rest_…``: `REST` of the larger model.

        Those that no other pair on the same machines outdoes on cost per request, levers and work,
        if the larger model alone costs more per request. None for embeddings: vectors of two
        models cannot be compared.
    """
    forecast = setting.forecast(workload, today)
    if forecast.poor.empty:
        return pd.DataFrame()
    return _kept(setting, workload, forecast, today, alone=False)[0]


def _kept(
    setting: Setting,
    workload: Workload,
    forecast: Forecast,
    today: Mapping[str, Any],
    *,
    alone: bool,
) -> tuple[pd.DataFrame, VariantWork]:
    """Pairs worth having and what each takes, whatever the volume; worked out once per question.

    Parameters
    ----------
    alone : bool
        Whether they are held against single models, too; these then come first.
    """
    offers = hosts(setting, workload)
    # Workloads that ask the same share their forecast, which lives as long as the setting.
    key = (id(forecast), tuple((o["host"], o["usd"], o["adopt"]) for o in offers), alone)
    if key not in setting.pairs:
        node = nodes(forecast)
        found = _found(setting, workload, forecast, offers, node)
        found = found.only(found.best(_alone(setting, forecast, node) if alone else None))
        if alone and not len(found.small):
            setting.pairs[key] = forecast.useful, forecast.work
            return setting.pairs[key]
        table, work = found.table(workload, forecast), found.work(setting, forecast, today)
        if alone:
            table = pd.concat([forecast.useful, table], ignore_index=True)
            one = vars(forecast.work)
            work = VariantWork(**{k: np.r_[one[k], v] for k, v in vars(work).items()})
        setting.pairs[key] = table, work
    return setting.pairs[key]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs as arrays of shape (n,), and the larger models they draw on.

    ``small`` and ``large`` are rows of `Forecast.poor` and of ``others``; ``node`` is a number for
    what they share and ``split`` the chips that either's replica takes at most; ``usd`` is a
    request's cost on busy machines, ``hours`` the work with all money spent once, in hours.
    """

    others: dict[str, npt.NDArray[Any]]
    small: Ints
    large: Ints
    node: Ints
    split: Array
    mode: npt.NDArray[np.object_]
    escalated: Array
    share: Array
    quality: Array
    usd: Array
    rest_usd: Array
    needs: Ints
    hours: Array

    def only(self, rows: Ints | Bools) -> _Pairs:
        """Some of them."""
        arrays = {k: v[rows] for k, v in vars(self).items() if k != "others"}
        return _Pairs(others=self.others, **arrays)

    def best(self, single: Mapping[str, npt.NDArray[Any]] | None) -> Ints:
        """Those that no other on the same machines and as many chips outdoes, nor one model alone.

        Parameters
        ----------
        single : mapping, optional
            Single models to hold them against: ``split`` and what is compared.
        """
        names = ("node", "usd", "needs", "hours")
        kept = []
        for split in np.unique(self.split):
            mine = np.flatnonzero(self.split == split)
            node, usd, needs, hours = (getattr(self, k)[mine] for k in names)
            if single is not None:
                able = single["split"] <= split
                node, usd, needs, hours = (
                    np.r_[single[k][able], of]
                    for k, of in zip(names, (node, usd, needs, hours), strict=True)
                )
            best = unbeaten(node, 1.0 / usd, needs, hours)
            kept.append(mine[best[len(best) - len(mine) :]])
        return np.sort(np.concatenate([np.zeros(0, np.int64), *kept]))

    def work(self, setting: Setting, forecast: Forecast, today: Mapping[str, Any]) -> VariantWork:
        """What they take: each of their models, and sharing the requests between them."""
        own, i, j = forecast.poor_work, self.small, self.large
        framework = forecast.poor["framework"].to_numpy(object)[i]
        techniques = forecast.poor["techniques"].to_numpy(object)[i]
        rest = self.others["techniques"].copy()
        rest[self.others["host"].astype(bool)] = None
        twice = learnt_twice(setting.catalog, today, framework, techniques, rest[j])
        between = setting.catalog.assumption("cascade_hours")
        return VariantWork(
            stay=own.stay[i] + self.others["stay"][j] + between - twice[0],
            move=own.move[i] + self.others["move"][j] + between - twice[1],
            resplit=own.resplit[i],
            study_usd_year=own.study_usd_year[i] + self.others["study_usd_year"][j],
        )

    def table(self, workload: Workload, forecast: Forecast) -> pd.DataFrame:
        """As rows of variants."""
        poor = forecast.poor
        small = {str(name): poor[name].to_numpy()[self.small] for name in poor}
        large = {name: values[self.large] for name, values in self.others.items()}
        first, token = (np.fmax(small[c], large[c]) for c in ("first_s", "token_s"))
        # An answer of a cascade shows once it is whole, or once that of the larger model begins.
        cascade = self.mode == "cascade"
        whole = _whole(workload, small) + np.nan_to_num(large["first_s"])
        evidence = [
            weakest(*both) for both in zip(small["evidence"], large["evidence"], strict=True)
        ]
        columns = {
            **{f"rest_{name}": large[name] for name in REST},
            "escalation": self.mode,
            "escalate_to": large["model"],
            "escalate_host": large["host"],
            "escalated": self.escalated,
            "share": self.share,
            "rest_share": np.where(np.isnan(large["usd"]), self.escalated, 0.0),
            "rest_usd": self.rest_usd,
            "own_quality": small["quality"],
            "quality": self.quality,
            "first_s": np.where(cascade, whole, first),
            "token_s": np.where(cascade, np.nan_to_num(large["token_s"]), token),
            "needs": self.needs,
            "evidence": np.array(evidence, object),
        }
        # As objects, so that what is blank stays None.
        texts = {k: pd.Series(v, dtype=object) for k, v in columns.items() if v.dtype == object}
        return pd.DataFrame(small | columns | texts)


def _found(
    setting: Setting,
    workload: Workload,
    forecast: Forecast,
    offers: Sequence[dict[str, Any]],
    node: Ints,
) -> _Pairs:
    """Every pair of a poor variant with a larger model that keeps the floor and gains by it."""
    poor, catalog = forecast.poor, setting.catalog
    mine = node[: len(poor)]
    others, theirs = others_of(setting, forecast, offers, node[len(poor) :])
    small, large = beside(mine, theirs)
    own = {c: poor[c].to_numpy(float) for c in (*TIMES, "tensor_parallel", "rps_low", "quality")}
    size = mapped(poor["model"], lambda m: params_of(catalog, m))
    smaller = size[small] < others["params_b"][large]
    small, large = small[smaller], large[smaller]
    device = _device_usd(setting, poor)[small] / 3600.0
    first_usd = device * (own["tensor_parallel"] / own["rps_low"])[small]
    hosted_usd = others["usd"][large]
    alone_usd = device * (others["tensor_parallel"] / others["rps_low"])[large]
    large_usd = np.where(np.isnan(hosted_usd), alone_usd, hosted_usd)
    needs = poor["needs"].to_numpy().astype(np.int64)[small] | others["needs"][large]
    hours = all_hours(setting, forecast.poor_work)[small] + others["hours"][large]
    low, high = own["quality"][small], others["quality"][large]
    split = np.fmax(own["tensor_parallel"][small], others["tensor_parallel"][large])
    check = catalog.assumption("cascade_check_share")
    parts = []
    for mode, named in SKILL.items():
        skill = catalog.assumption(named)
        share = escalation_for(low, high, workload.quality_floor, skill)
        first = (1.0 - share if mode == "router" else np.ones_like(share)) + check
        usd = first * first_usd + share * large_usd
        found = _Pairs(
            others=others,
            small=small,
            large=large,
            node=mine[small],
            split=split,
            mode=np.full(len(small), mode, object),
            escalated=share,
            share=first,
            quality=high - (high - low) * (1.0 - share) ** skill,
            usd=usd,
            rest_usd=np.nan_to_num(share * hosted_usd),
            needs=needs | bit("DISTILLATION"),
            hours=hours + catalog.assumption("cascade_hours"),
        )
        found = found.only((usd < large_usd) & (share < 1.0))
        if mode == "cascade":
            found = found.only(~_late(workload, poor, found))
        parts.append(found)
    names = [k for k in vars(parts[0]) if k != "others"]
    return _Pairs(
        others=others, **{k: np.concatenate([getattr(p, k) for p in parts]) for k in names}
    )


def _device_usd(setting: Setting, table: pd.DataFrame) -> Array:
    """The least that a chip of each variant's node costs by the hour, USD, shape (n,)."""
    node = setting.places.node_of(table)
    return np.where(node >= 0, setting.places.device_usd[node], np.inf)


def _alone(setting: Setting, forecast: Forecast, node: Ints) -> dict[str, npt.NDArray[Any]]:
    """Single models that pairs are held against, with what of `_Pairs` says how good they are."""
    table = forecast.useful
    if table.empty:
        return {k: np.zeros(0, np.int64) for k in ("node", "split", "usd", "needs", "hours")}
    split, rps = (table[c].to_numpy(float) for c in ("tensor_parallel", "rps_low"))
    return {
        "node": node[len(forecast.poor) :],
        "split": split,
        "usd": _device_usd(setting, table) * split / rps / 3600.0,
        "needs": table["needs"].to_numpy().astype(np.int64),
        "hours": all_hours(setting, forecast.work),
    }


def _late(workload: Workload, poor: pd.DataFrame, found: _Pairs) -> Bools:
    """Whether cascades miss the targets at the percentile, shape (n,).

    An answer that is kept shows when it is whole; one that is escalated waits for that and for
    the larger model. The latter counts where it happens to more than the percentile leaves out.
    """
    slo = workload.slo
    if workload.deferrable_hours is not None:
        return np.zeros(len(found.small), bool)
    small = {c: poor[c].to_numpy(float)[found.small] for c in (*TIMES, "spread", "network_s")}
    large = {c: found.others[c][found.large] for c in (*TIMES, "spread")}
    slow = [1.0 + of["spread"] for of in (small, large)]
    counts = found.escalated > 1.0 - slo.percentile / 100.0
    kept = _whole(workload, small) * slow[0]
    # A hosted model's own time is not known and not counted.
    opening, second = (
        np.nan_to_num(of * slow[1]) for of in (large["first_s"], _whole(workload, large))
    )
    # Tokens come at once when an answer is held back until it is whole.
    begins = np.where(counts, kept + opening, kept)
    ends = np.where(counts, kept + second, kept)
    way, first_by = small["network_s"], slo.ttft_s or slo.latency_s or np.inf
    return np.asarray((begins + way > first_by) | (ends + way > (slo.latency_s or np.inf)))


def _whole(workload: Workload, of: Mapping[str, Array]) -> Array:
    """Time of a whole answer, s, shape (n,)."""
    if workload.kind != "llm":
        return of["latency_s"]
    rest = max(float(workload.osl_tokens or 1) - 1.0, 0.0)
    return of["first_s"] + of["token_s"] * rest
