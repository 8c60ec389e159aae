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

from . import hosted
from .choices import Array, Candidate
from .effort import SECOND, VariantWork, mapped, variant_work
from .forecasts import Forecast, params_of
from .offers import weakest
from .parts import CAPACITY
from .places import Bools, Ints
from .setting import Setting
from .thin import bit, unbeaten

NODE = ["accelerator", "chip_share", "host_memory_gib", "network_s"]
SHARED = [*NODE, "framework"]
"""What both models of a pair on machines have in common."""
REST = ["tensor_parallel", *SECOND, *CAPACITY, "rps", "quality", "weights_gib", "evidence"]
REST += ["price_as_of"]
"""What is kept of the larger model: columns ``rest_…``."""
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
    least = setting.catalog.assumption("cascade_hours") * setting.usd_per_hour
    if forecast.poor.empty or least / setting.horizon_months >= limit:
        return singles, work
    found = _found(setting, workload, forecast)
    if not len(found.small):
        return singles, work
    usd = found.hours * setting.usd_per_hour / setting.horizon_months
    usd = usd + requests_per_month(setting.rates(workload)) * found.rest_usd
    able = np.flatnonzero(usd < limit)
    kept = able[_best(found.only(able), _alone(setting, forecast))]
    if not len(kept):
        return singles, work
    table = _table(workload, forecast, found.only(kept))
    more = variant_work(setting.catalog, workload, today.choice, table)
    both = VariantWork(
        *(
            np.r_[getattr(work, name), getattr(more, name)]
            for name in ("stay", "move", "resplit", "study_usd_year")
        )
    )
    return pd.concat([singles, table], ignore_index=True), both


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

        Those that no other pair of the same machines outdoes on cost per request, levers and work,
        if the larger model alone costs more per request. None for embeddings: vectors of two
        models cannot be compared.
    """
    forecast = setting.forecast(workload, today)
    if forecast.poor.empty:
        return pd.DataFrame()
    found = _found(setting, workload, forecast)
    if not len(found.small):
        return pd.DataFrame()
    return _table(workload, forecast, found.only(_best(found)))


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs as arrays of shape (n,), and the larger models they draw on.

    ``small`` and ``large`` are rows of `Forecast.poor` and of ``others``; ``node`` is a number for
    what they share and ``split`` the chips that either's replica takes at most; ``usd`` is a
    request's cost on busy machines, ``hours`` the work with all money spent once, in hours.
    """

    others: pd.DataFrame
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


@dataclass(frozen=True, eq=False)
class _Alone:
    """Variants of one model that pairs are held against; arrays of shape (n,)."""

    node: Ints
    split: Array
    usd: Array
    needs: Ints
    hours: Array


def _found(setting: Setting, workload: Workload, forecast: Forecast) -> _Pairs:
    """Every pair of a poor variant with a larger model that keeps the floor and gains by it."""
    poor, catalog = forecast.poor, setting.catalog
    others = _others(setting, workload, forecast)
    node = _codes([poor, others[SHARED]])
    small, large = _beside(node[: len(poor)], node[len(poor) :], others["host"].notna().to_numpy())
    size = [mapped(t["model"], lambda m: params_of(catalog, m)) for t in (poor, others)]
    smaller = size[0][small] < size[1][large]
    small, large = small[smaller], large[smaller]
    device = _device_usd(setting, poor)[small] / 3600.0
    low, high = (t["quality"].to_numpy(float) for t in (poor, others))
    chips = [(t["tensor_parallel"] / t["rps_low"]).to_numpy(float) for t in (poor, others)]
    first_usd, large_usd = device * chips[0][small], others["usd"].to_numpy(float)[large]
    on_machines = np.isnan(large_usd)
    large_usd = np.where(on_machines, device * chips[1][large], large_usd)
    host = np.where(on_machines, 0, bit("SOURCING"))
    needs = [t["needs"].to_numpy().astype(np.int64) for t in (poor, others)]
    hours = _hours(setting, forecast.poor_work)[small] + others["hours"].to_numpy(float)[large]
    split = [t["tensor_parallel"].fillna(0.0).to_numpy(float) for t in (poor, others)]
    check = catalog.assumption("cascade_check_share")
    parts = []
    for mode, named in SKILL.items():
        skill = catalog.assumption(named)
        share = escalation_for(low[small], high[large], workload.quality_floor, skill)
        first = (1.0 - share if mode == "router" else np.ones_like(share)) + check
        usd = first * first_usd + share * large_usd
        keep = (usd < large_usd) & (share < 1.0)
        if mode == "cascade":
            keep[keep] &= ~_late(workload, poor.iloc[small[keep]], others.iloc[large[keep]],
                                 share[keep])  # fmt: skip
        gap = high[large] - low[small]
        found = _Pairs(
            others=others,
            small=small,
            large=large,
            node=node[small],
            split=np.maximum(split[0][small], split[1][large]),
            mode=np.full(len(small), mode, object),
            escalated=share,
            share=first,
            quality=high[large] - gap * (1.0 - share) ** skill,
            usd=usd,
            rest_usd=np.where(on_machines, 0.0, share * large_usd),
            needs=needs[0][small] | needs[1][large] | bit("DISTILLATION") | host,
            hours=hours + catalog.assumption("cascade_hours"),
        )
        parts.append(found.only(keep))
    names = [k for k in vars(parts[0]) if k != "others"]
    return _Pairs(
        others=others, **{k: np.concatenate([getattr(p, k) for p in parts]) for k in names}
    )


def _others(setting: Setting, workload: Workload, forecast: Forecast) -> pd.DataFrame:
    """Larger models that may serve the rest: useful variants, and hosted ones.

    Columns of both, ``hours`` of work with all money spent once, and for hosted ones ``host`` and
    ``usd`` a request.
    """
    table = forecast.useful
    table = table.assign(hours=_hours(setting, forecast.work), host=None, usd=np.nan)
    if len(table):
        group = _codes([table[[*SHARED, "model", "tensor_parallel"]]])
        lost, needs = -table["quality"].to_numpy(float), table["needs"].to_numpy().astype(np.int64)
        table = table[unbeaten(group, table["rps_low"].to_numpy(float), needs, lost)]
    rows = []
    today = workload.current
    for row, reason in hosted.options(setting, workload):
        if not reason:
            known = (row["provider"], row["api_model"]) == (today.provider, today.api_model)
            adopt = setting.catalog.lookup("sourcing", "managed_api")["adopt_hours"]
            rows.append(
                {
                    "model": setting.catalog.lookup("models", row["model"])["model"],
                    "host": f"{row['provider']}/{row['api_model']}",
                    "usd": hosted.usd_per_request(workload, row),
                    "hours": 0.0 if known else float(adopt),
                    "quality": 1.0,
                    "needs": 0,
                    "techniques": (),
                    "evidence": row["standing"],
                    "price_as_of": str(row["as_of"]),
                }
            )
    if not rows:
        return table.assign(price_as_of=None)
    # Of hosts of one model the cheapest: their answers are the same.
    offers = pd.DataFrame(rows).sort_values("usd").drop_duplicates("model")
    columns = [*dict.fromkeys([*SHARED, *REST, "model", "needs", "first_s", "token_s"])]
    columns += ["hours", "host", "usd"]
    parts = [t.reindex(columns=columns).astype(object) for t in (table, offers)]
    return pd.concat([p for p in parts if len(p)], ignore_index=True)


def _codes(tables: Sequence[pd.DataFrame]) -> Ints:
    """A number for each distinct row of several tables in the columns of the last one."""
    names = list(tables[-1].columns)
    out = np.zeros(sum(map(len, tables)), np.int64)
    for name in names:
        values = np.concatenate([t[name].to_numpy(object) for t in tables])
        codes = pd.factorize(values, use_na_sentinel=False)[0]
        out = pd.factorize(out * (codes.max(initial=0) + 1) + codes)[0].astype(np.int64)
    return out


def _beside(node: Ints, other: Ints, host: Bools) -> tuple[Ints, Ints]:
    """Rows of a small and of a larger model on one node, and each small one with each host."""
    at = np.flatnonzero(~host)
    at = at[np.argsort(other[at], kind="stable")]
    first = np.searchsorted(other[at], node, "left")
    count = np.searchsorted(other[at], node, "right") - first
    small = np.repeat(np.arange(len(node)), count)
    offset = np.arange(len(small)) - np.repeat(np.cumsum(count) - count, count)
    hosts = np.flatnonzero(host)
    return (
        np.r_[small, np.repeat(np.arange(len(node)), len(hosts))],
        np.r_[at[np.repeat(first, count) + offset], np.tile(hosts, len(node))],
    )


def _device_usd(setting: Setting, table: pd.DataFrame) -> Array:
    """The least that a chip of each variant's node costs by the hour, USD, shape (n,)."""
    least = setting.places.device_usd
    node = setting.places.node_of(table)
    return np.where(node >= 0, least[node], np.inf)


def _hours(setting: Setting, work: VariantWork) -> Array:
    """One-off work with all that distilling takes over the horizon, in hours, shape (n,)."""
    study = work.study_usd_year * setting.horizon_months / 12.0
    return work.stay + study / setting.usd_per_hour


def _alone(setting: Setting, forecast: Forecast) -> _Alone:
    table = forecast.useful
    split, rps = (table[c].to_numpy(float) for c in ("tensor_parallel", "rps_low"))
    both = _codes([forecast.poor, table[SHARED]])
    return _Alone(
        node=both[len(forecast.poor) :],
        split=split,
        usd=_device_usd(setting, table) * split / rps / 3600.0,
        needs=table["needs"].to_numpy().astype(np.int64),
        hours=_hours(setting, forecast.work),
    )


def _best(found: _Pairs, alone: _Alone | None = None) -> Ints:
    """Pairs that no other, and no model alone, outdoes on the same machines with as many chips."""
    kept = []
    for split in np.unique(found.split):
        mine = np.flatnonzero(found.split == split)
        parts = [(getattr(found, k)[mine]) for k in ("node", "usd", "needs", "hours")]
        if alone is not None:
            able = alone.split <= split
            ahead = [getattr(alone, k)[able] for k in ("node", "usd", "needs", "hours")]
            parts = [np.r_[a, b] for a, b in zip(ahead, parts, strict=True)]
        node, usd, needs, hours = parts
        best = unbeaten(node, 1.0 / usd, needs, hours)
        kept.append(mine[best[len(best) - len(mine) :]])
    return np.sort(np.concatenate([np.zeros(0, np.int64), *kept]))


def _late(workload: Workload, small: pd.DataFrame, large: pd.DataFrame, share: Array) -> Bools:
    """Whether a cascade misses the targets at the percentile, shape (n,).

    An answer that is kept shows when it is whole; one that is escalated waits for that and for
    the larger model. The latter counts where it happens to more than the percentile leaves out.
    """
    slo = workload.slo
    if workload.deferrable_hours is not None:
        return np.zeros(len(small), bool)
    slow = [1.0 + t["spread"].to_numpy(float) for t in (small, large)]
    counts = share > 1.0 - slo.percentile / 100.0
    kept = _whole(workload, small) * slow[0]
    # A hosted model's own time is not known and not counted.
    opening, second = (
        np.nan_to_num(of * slow[1]) for of in (_number(large, "first_s"), _whole(workload, large))
    )
    # Tokens come at once when an answer is held back until it is whole.
    begins = np.where(counts, kept + opening, kept)
    ends = np.where(counts, kept + second, kept)
    way, first_by = small["network_s"].to_numpy(float), slo.ttft_s or slo.latency_s or np.inf
    return np.asarray((begins + way > first_by) | (ends + way > (slo.latency_s or np.inf)))


def _whole(workload: Workload, table: pd.DataFrame) -> Array:
    """Time of a whole answer, s."""
    if workload.kind != "llm":
        return _number(table, "latency_s")
    rest = max(float(workload.osl_tokens or 1) - 1.0, 0.0)
    return _number(table, "first_s") + _number(table, "token_s") * rest


def _number(table: pd.DataFrame, name: str) -> Array:
    return np.asarray(table[name].to_numpy(float))


def _table(workload: Workload, forecast: Forecast, found: _Pairs) -> pd.DataFrame:
    """Pairs as rows of variants."""
    small = forecast.poor.iloc[found.small].reset_index(drop=True)
    large = found.others.iloc[found.large].reset_index(drop=True)
    cascade = found.mode == "cascade"
    whole = _whole(workload, small)
    first, token = (
        np.fmax(_number(small, c), _number(large, c)) for c in ("first_s", "token_s")
    )
    evidence = [weakest(*both) for both in zip(small["evidence"], large["evidence"], strict=True)]
    rest = {f"rest_{c}": large[c] for c in REST if c in large}
    return small.assign(
        **rest,
        escalation=found.mode,
        escalate_to=large["model"],
        escalate_host=large["host"].where(large["host"].notna(), None),
        escalated=found.escalated,
        share=found.share,
        rest_share=np.where(large["host"].isna(), found.escalated, 0.0),
        rest_usd=found.rest_usd,
        own_quality=small["quality"],
        quality=found.quality,
        first_s=np.where(cascade, whole + np.nan_to_num(_number(large, "first_s")), first),
        token_s=np.where(cascade, np.nan_to_num(_number(large, "token_s")), token),
        needs=found.needs,
        evidence=evidence,
    )
