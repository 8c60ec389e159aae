"""The columns of a workload: variants joined with the places that have their machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from advisor.errors import AdvisorError
from advisor.portfolio import Workload, requests_per_month

from .caches import CacheOption, cache_options, cached
from .cascades import with_pairs
from .choices import Array, Candidate, platforms_of
from .columns import Columns
from .effort import VariantWork, mapped
from .hosted import hosted
from .hosts import HostKinds, host_kinds, living
from .network import network_s
from .parts import SHARE
from .places import Bools, Ints, Places, inside, undominated
from .setting import Setting
from .sharing import sharers
from .thin import bit
from .today import candidate_today

NONE = -1


def columns(setting: Setting, workload: Workload) -> Columns:
    """All columns of a workload, whatever levers are open; worked out once per setting."""
    if workload not in setting.columns:
        kinds, bare = _hosts(setting), _bare(setting, workload)
        setting.columns[workload] = living(setting, kinds, bare)
        del setting.bare[workload]
    return setting.columns[workload]


def _hosts(setting: Setting) -> HostKinds:
    """Kinds of machine that workloads of the portfolio may share."""
    if setting.hosts is None:
        able = [w for w in setting.portfolio.workloads if _priced(setting, w)]
        found = sharers(setting, able)
        # Nobody shares alone.
        some = found.parts if len(found.parts) > 1 else {}
        setting.hosts = host_kinds(setting, [_bare(setting, w) for w in some], found)
    return setting.hosts


def _priced(setting: Setting, workload: Workload) -> bool:
    """Whether a workload can be planned; those that cannot are told of elsewhere."""
    try:
        setting.useful(workload, candidate_today(setting, workload).choice)
    except AdvisorError:
        return False
    return True


def _bare(setting: Setting, workload: Workload) -> Columns:
    """Its columns without those on hosts."""
    if workload not in setting.bare:
        setting.bare[workload] = _columns(setting, workload)
    return setting.bare[workload]


def _columns(setting: Setting, workload: Workload) -> Columns:
    today, found = candidate_today(setting, workload), setting.places
    given = [today, *hosted(setting, workload, today)]
    options = cache_options(setting, workload, today)
    given += cached(setting, workload, given, options)
    variants, work = with_pairs(setting, workload, today)
    joined = np.zeros((3, 0), np.int64)
    if not variants.empty:
        joined = _joined(found, variants, _sites(setting, workload, today), today)
    return _assembled(setting, workload, given, variants, work, options, joined)


@dataclass(frozen=True, eq=False)
class Sites:
    """Places as a workload may use them; arrays of shape (places,).

    Attributes
    ----------
    here : array of bool
        Of those it may stay in, the ones in today's region.
    pooled : array of bool
        Those worth buying in.
    way : array
        Round trip to its users, s.
    """

    here: Bools
    pooled: Bools
    way: Array


def _sites(setting: Setting, workload: Workload, today: Candidate) -> Sites:
    """Kept for all workloads that stay, serve and stand in the same places."""
    c = today.choice
    key = (workload.residency, workload.users, c["cloud"], c["region"])
    if key not in setting.sites:
        found = setting.places
        able, here = inside(found, workload), _here(found, today)
        way = network_s(setting.catalog, workload, found.table["geography"])
        allowed = able & found.table["allowed"].to_numpy()
        setting.sites[key] = Sites(able & here, undominated(found, allowed, here, way), way)
    return setting.sites[key]


def _joined(found: Places, variants: pd.DataFrame, sites: Sites, today: Candidate) -> Ints:
    """Variant, place and whether fixed of every machine column, shape (3, n)."""
    node = found.node_of(variants)
    parts = [_matches(found, variants, node, sites.pooled, sites.way, fixed=False)]
    if today.choice["sourcing"] != "managed_api":
        priced = found.table[str(today.choice["purchase"])].notna().to_numpy()
        parts.append(_matches(found, variants, node, sites.here & priced, sites.way, fixed=True))
    return np.concatenate(parts, axis=1)


def _here(found: Places, today: Candidate) -> Bools:
    """Places in today's region."""
    t, c = found.table, today.choice
    return np.asarray((t["cloud"] == c["cloud"]) & (t["region"] == c["region"]))


def _matches(
    found: Places, variants: pd.DataFrame, node: Ints, able: Bools, way: Array, *, fixed: bool
) -> Ints:
    """Every variant in every place that has its machine with enough chips, as far from users."""
    where = np.flatnonzero(able)
    where = where[np.argsort(found.node[where], kind="stable")]
    first = np.searchsorted(found.node[where], node, "left")
    count = np.searchsorted(found.node[where], node, "right") - first
    variant = np.repeat(np.arange(len(variants)), count)
    offset = np.arange(len(variant)) - np.repeat(np.cumsum(count) - count, count)
    place = where[np.repeat(first, count) + offset]
    split = np.fmax(*(_split(variants, part) for part in SHARE))[variant]
    enough = found.devices[place] >= split
    # An unknown way fits none: no variant that is useful rests on one.
    enough &= variants["network_s"].to_numpy(float)[variant] == way[place]
    return np.stack([variant[enough], place[enough], np.full(enough.sum(), int(fixed))])


def _assembled(
    setting: Setting,
    workload: Workload,
    given: list[Candidate],
    variants: pd.DataFrame,
    work: VariantWork,
    options: list[CacheOption],
    joined: Ints,
) -> Columns:
    variant, place, fixed = joined
    today, found = given[0], setting.places
    hours, needs = _work(setting, variants, work, joined, today)
    once = hours * setting.usd_per_hour
    once = once + work.study_usd_year[variant] * setting.horizon_months / 12.0
    price = np.full(len(variant), np.nan)
    if fixed.any():
        of = found.table[str(today.choice["purchase"])].to_numpy(float)
        price = np.where(fixed > 0, of[place], np.nan)
    per, rest_per = (_per_machine(found, variants, part, variant, place) for part in SHARE)
    rest_usd = _rest_usd(setting, workload, variants, variant)
    around, disk = _around(setting, workload, variants, variant, place)
    # Each column again behind each cache.
    n, g, k = len(variant), len(given), len(options)
    behind = np.r_[np.full(g, NONE), np.repeat(np.arange(-1, k), n)].astype(np.int64)
    cache_hours = np.array([*(o.hours for o in options), 0.0])
    cache_usd = np.array([*(o.usd_month for o in options), 0.0])
    reach = 1.0 - np.array([*(o.hit_ratio for o in options), 0.0])[behind]
    hosts = np.r_[np.zeros(g), np.tile(rest_usd, k + 1)] * reach

    def all_of(first: list[float], rest: Array | Ints | Bools) -> Array:
        return np.asarray(np.r_[np.array(first, float), np.tile(rest, k + 1)])

    def none(first: int, rest: Ints | Bools) -> Ints:
        return np.asarray(np.r_[np.full(g, first), np.tile(rest, k + 1)], np.int64)

    extra = np.where(np.arange(g + n * (k + 1)) < g, 0.0, cache_hours[behind])
    lever = np.where(behind >= 0, bit("CACHING"), 0)
    return Columns(
        workload=workload,
        given=given,
        variants=variants,
        caches=options,
        variant=none(NONE, variant),
        place=none(NONE, place),
        cache=behind,
        fixed=none(0, fixed).astype(bool),
        price=all_of([np.nan] * g, price),
        needs=none(0, needs) | lever | np.r_[_needs_of(given), np.zeros(n * (k + 1), np.int64)],
        hours=all_of([c.total_hours for c in given], hours) + extra,
        run_usd=all_of([c.run_rate_usd_month for c in given], np.zeros(n))
        + cache_usd[behind]
        + hosts,
        rest_usd=hosts,
        around_usd=all_of([c.around_usd_month for c in given], around),
        disk_usd=all_of([0.0] * len(given), disk),
        once_usd=all_of([c.one_off_usd for c in given], once) + extra * setting.usd_per_hour,
        per_machine=none(1, per),
        rest_per_machine=none(0, rest_per),
        platforms=np.r_[
            np.array([_bits(setting, c.platforms) for c in given], np.int64),
            np.tile(_platforms(setting, variants, variant, place), k + 1),
        ],
        host=np.full(g + n * (k + 1), NONE),
        host_load=np.zeros(g + n * (k + 1)),
        host_memory=np.zeros(g + n * (k + 1)),
    )


def _around(
    setting: Setting, workload: Workload, variants: pd.DataFrame, variant: Ints, place: Ints
) -> tuple[Array, Array]:
    """What stands around each machine column, USD a month, and for each of its machines."""
    if not len(variant):
        return np.zeros(0), np.zeros(0)
    ways, names = pd.factorize(setting.places.table["sourcing"])
    found = [setting.around(workload, str(name)) for name in names]
    fixed = np.array([a.usd_month for a in found])[ways[place]]
    per_gib = np.array([a.usd_machine_gib_month for a in found])[ways[place]]
    # A machine's disk holds both models of a pair, so that either can start on it.
    held = np.zeros(len(variants))
    for part in SHARE:
        if f"{part}weights_gib" in variants:
            held += np.nan_to_num(variants[f"{part}weights_gib"].to_numpy(float))
    return fixed, per_gib * held[variant]


def _split(variants: pd.DataFrame, part: str) -> Array:
    """Chips that a replica of one model of each variant takes; NaN where there is none."""
    name = f"{part}tensor_parallel"
    if name not in variants:
        return np.full(len(variants), np.nan)
    return np.asarray(variants[name].to_numpy(float))


def _per_machine(
    found: Places, variants: pd.DataFrame, part: str, variant: Ints, place: Ints
) -> Ints:
    """Replicas of one model on a machine of each column, at least 1; 0 where there is none."""
    split = _split(variants, part)[variant]
    per = np.maximum(np.floor(found.devices[place] / split), 1.0)
    return np.nan_to_num(per).astype(np.int64)


def _rest_usd(setting: Setting, workload: Workload, variants: pd.DataFrame, variant: Ints) -> Array:
    """What the host of a second model is paid for each machine column, USD a month."""
    if "rest_usd" not in variants:
        return np.zeros(len(variant))
    volume = requests_per_month(setting.rates(workload))
    return np.asarray(volume * np.nan_to_num(variants["rest_usd"].to_numpy(float))[variant])


def _bits(setting: Setting, names: Iterable[str]) -> int:
    return sum(1 << i for i, name in enumerate(setting.platforms) if name in names)


def _platforms(setting: Setting, variants: pd.DataFrame, variant: Ints, place: Ints) -> Ints:
    """Platforms of each machine column, as bits."""
    if not len(variant):
        return np.zeros(0, np.int64)
    ways, sourcing = pd.factorize(setting.places.table["sourcing"])
    stacks, framework = pd.factorize(variants["framework"])
    both = [[_bits(setting, platforms_of(s, f)) for f in framework] for s in sourcing]
    host = _bits(setting, platforms_of("managed_api", None))
    hosts = np.where(variants["escalate_host"].notna(), host, 0)
    return np.array(both, np.int64)[ways[place], stacks[variant]] | hosts[variant]


def _needs_of(given: list[Candidate]) -> Ints:
    """Levers that candidates without a choice of machines need, as bits."""
    today = given[0].choice
    out = np.zeros(len(given), np.int64)
    for i, candidate in enumerate(given):
        c = candidate.choice
        if (c["sourcing"], c["provider"]) != (today["sourcing"], today["provider"]):
            out[i] |= bit("SOURCING")
            # A hosted deployment keeps nothing but its host.
            if c["model"] != today["model"] and today["sourcing"] != "managed_api":
                out[i] |= bit("DISTILLATION")
        if c["cache"] != today["cache"]:
            out[i] |= bit("CACHING")
    return out


def _work(
    setting: Setting,
    variants: pd.DataFrame,
    work: VariantWork,
    joined: Ints,
    today: Candidate,
) -> tuple[Array, Ints]:
    """Engineering hours and levers of each machine column, caches aside."""
    variant, place, fixed = joined
    if variants.empty:
        return np.zeros(0), np.zeros(0, np.int64)
    catalog, table, c = setting.catalog, setting.places.table, today.choice
    needs = variants["needs"].to_numpy(np.int64)[variant]
    adopt = mapped(table["sourcing"], lambda s: float(catalog.lookup("sourcing", s)["adopt_hours"]))
    moved = (table["sourcing"] != c["sourcing"]).to_numpy()[place]
    other = (table["instance"] != c["instance"]).to_numpy()[place]
    elsewhere = ~_here(setting.places, today)[place]
    rebought = fixed == 0
    stay = work.stay[variant]
    stay = stay + catalog.assumption("rightsize_hours") * np.maximum(other, work.resplit[variant])
    stay = stay + catalog.assumption("region_move_hours") * elsewhere
    stay = stay + catalog.assumption("purchasing_hours") * rebought
    hours = np.where(moved, work.move[variant] + adopt[place], stay)
    if c["sourcing"] != "managed_api":
        # A hosted deployment has no machine, place or purchase to keep.
        needs = needs | np.where(moved, bit("SOURCING"), 0) | np.where(other, bit("HARDWARE"), 0)
        needs = needs | np.where(elsewhere | rebought, bit("PURCHASING"), 0)
        # Nothing but another number of machines: that is for right-sizing.
        needs = np.where(needs == 0, bit("HARDWARE"), needs)
    return hours, needs
