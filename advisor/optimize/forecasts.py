"""All workloads of a portfolio predicted together: one pass over arrays, cut up by workload.

Workloads that ask the same question (the same model, tokens, targets and stack today) share one
answer. The pass goes in chunks of rows, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.errors import AdvisorError
from advisor.portfolio import Workload
from advisor.portfolio.model import Deployment

from .effort import VariantWork, distillation_usd_year, mapped, variant_work
from .recalibrate import speeds
from .stacks import NODE, SPLITS, Bools, Finder, Ints, Ways, choice_today, model_options
from .thin import effort, unbeaten
from .variants import loaded, predictions, quality

Array = npt.NDArray[np.float64]
Key = tuple[Any, ...]

CHUNK_ROWS = 100_000
"""Variants predicted at once, unless one workload has more."""
KEPT_ROWS = 1_000_000
"""Variants kept as they were predicted, some 250 bytes each; beyond them only useful ones are."""

ONE_MODEL: dict[str, Any] = {
    "escalation": None,
    "escalate_to": None,
    "escalate_host": None,
    "share": 1.0,
    "rest_share": 0.0,
    "escalated": 0.0,
}
"""What sets a variant of one model apart from one of two (`advisor.optimize.cascades`)."""

NOT_ASKED = frozenset(
    {
        *("name", "demand", "bill_usd_month", "feature", "team", "customer", "task", "unit"),
        *("repeat_share", "similar_share", "false_hit_usd", "min_instances", "residency"),
    }
)
"""Fields of a workload that no prediction depends on."""
NOT_ASKED_TODAY = frozenset(
    {
        *("cloud", "region", "instance", "instances", "purchase", "cache"),
        *("provider", "api_model"),
    }
)
"""The same of its deployment today: what is bought, not how it runs."""
ASKED = tuple(f for f in Workload.model_fields if f not in NOT_ASKED | {"current"})
ASKED_TODAY = tuple(f for f in Deployment.model_fields if f not in NOT_ASKED_TODAY)
STACK_TODAY = (
    *("sourcing", "tensor_parallel", "model", "weight_precision", "kv_precision"),
    *("framework", "techniques", "compression"),
)
"""Fields of today's choice that variants are held against."""

OUTDONE = "one that does more for no more work misses latency once requests come at random"


def question(workload: Workload) -> Key:
    """All that predictions depend on: equal for workloads that share them."""
    # A benchmark that cannot be is told by the workload's name.
    named = workload.name if workload.measured else ""
    today = (getattr(workload.current, f) for f in ASKED_TODAY)
    return (named, *(getattr(workload, f) for f in ASKED), *today)


class Forecast(NamedTuple):
    """What one workload's variants can do."""

    variants: pd.DataFrame | None
    """All of them; None where they are too many to keep."""
    useful: pd.DataFrame
    """Those that can be part of a best plan."""
    dropped: pd.Series[str]
    """Why others that fit cannot, by row of `variants`: found once requests come at random."""
    work: VariantWork
    """What each of the useful ones takes."""
    poor: pd.DataFrame
    """Those of smaller models that miss the quality floor and nothing else."""
    poor_work: VariantWork


class _Held(NamedTuple):
    """Stacks against what runs today; shape (stacks x `SPLITS`,), splits changing fastest."""

    quality: Array
    needs: Ints
    hours: Array
    work: VariantWork
    """Its ``study_usd_year`` is not read: that depends on tokens, too."""


class _Ask(NamedTuple):
    workload: Workload
    ways: Ways
    held: _Held


@dataclass(eq=False)
class Forecasts:
    """Predictions for workloads on the chips of some offers.

    Attributes
    ----------
    catalog : Catalog
    finder : Finder
        The ways to run a workload on those chips.
    """

    catalog: Catalog
    finder: Finder
    _found: dict[Key, Forecast | AdvisorError] = field(default_factory=dict)
    _held: dict[Key, _Held] = field(default_factory=dict)

    def of(
        self,
        workload: Workload,
        others: Iterable[Workload] = (),
        today: Mapping[str, Any] | None = None,
    ) -> Forecast:
        """The forecast for a workload; with it those for all `others` that are still to be made.

        Parameters
        ----------
        today : mapping, optional
            Today's choice, if not as deployed.

        Raises
        ------
        AdvisorError
            For a benchmark of the workload that cannot have been of what it names.
        """
        choice = today or choice_today(self.catalog, workload)
        key = _key(workload, choice)
        if key not in self._found:
            asks = {key: (workload, choice)}
            for other in others:
                chosen = choice_today(self.catalog, other)
                asks.setdefault(_key(other, chosen), (other, chosen))
            self._forecast({k: a for k, a in asks.items() if k not in self._found})
        found = self._found[key]
        if isinstance(found, AdvisorError):
            raise found
        return found

    def variants(self, workload: Workload, others: Iterable[Workload] = ()) -> pd.DataFrame:
        """All variants of a workload, predicted again where they are not kept."""
        table = self.of(workload, others).variants
        if table is None:
            ask = self._ask(workload, choice_today(self.catalog, workload))
            table = self._answers([ask])[0].variants
        assert table is not None
        return table

    def only(self, workloads: Iterable[Workload]) -> Forecasts:
        """Those of some workloads alone."""
        wanted = {_key(w, choice_today(self.catalog, w)) for w in workloads}
        found = {k: f for k, f in self._found.items() if k in wanted}
        return Forecasts(self.catalog, self.finder, found, self._held)

    def _forecast(self, asks: Mapping[Key, tuple[Workload, Mapping[str, Any]]]) -> None:
        able: dict[Key, _Ask] = {}
        for key, (workload, today) in asks.items():
            try:
                if workload.measured:
                    speeds(self.catalog, workload)
                able[key] = self._ask(workload, today)
            except AdvisorError as error:
                self._found[key] = error
        tables = [f.variants for f in self._found.values() if isinstance(f, Forecast)]
        rows = sum(len(t) for t in tables if t is not None)
        for keys in _chunks(able):
            for key, answer in zip(keys, self._answers([able[k] for k in keys]), strict=True):
                assert answer.variants is not None
                rows += len(answer.variants)
                self._found[key] = answer if rows <= KEPT_ROWS else answer._replace(variants=None)

    def _ask(self, workload: Workload, today: Mapping[str, Any]) -> _Ask:
        of, ways = self.finder.ways(workload)
        key = (of, workload.model, workload.substitutes, _stack_today(today))
        if key not in self._held:
            self._held[key] = self._against(workload, today, ways)
        return _Ask(workload, ways, self._held[key])

    def _against(self, workload: Workload, today: Mapping[str, Any], ways: Ways) -> _Held:
        stacks = ways.stacks
        table = stacks.loc[stacks.index.repeat(len(SPLITS))].reset_index(drop=True)
        table["tensor_parallel"] = np.tile(SPLITS, len(stacks))
        needs, taken = effort(self.catalog, workload, today, table)
        work = variant_work(self.catalog, workload, today, table)
        return _Held(quality(self.catalog, workload, table), needs, taken, work)

    def _answers(self, asks: Sequence[_Ask]) -> list[Forecast]:
        """The forecasts for workloads of one kind, or of several that all answer in one pass."""
        sizes = [len(a.ways.stack) for a in asks]
        if not sum(sizes):
            return [_NOTHING] * len(asks)
        workloads = [a.workload for a in asks]
        of = np.repeat(np.arange(len(asks)), sizes)
        rows = _rows(asks, of)
        frame = predictions(self.catalog, workloads, of, rows.table, rows.quality)
        reason = frame["reason"].to_numpy(object)
        able = np.flatnonzero(reason == "")
        group, low = rows.group[able], frame["rps_low"].to_numpy(float)[able]
        needs, hours = rows.needs[rows.slot[able]], rows.hours[rows.slot[able]]
        keep = np.zeros(0, np.int64)
        if len(able):
            keep = np.flatnonzero(unbeaten(group, low, needs, hours))
        poor = self._poor(workloads, of, frame, rows)
        both = np.r_[able[keep], poor]
        some = frame.take(both).assign(needs=rows.needs[rows.slot[both]], **ONE_MODEL)
        some["reason"] = ""
        some = loaded(self.catalog, workloads, of[both], some)
        passes = some["reason"].to_numpy(object) == ""
        first = np.arange(len(both)) < len(keep)
        why = _dropped(able, keep, group, passes[first], some["reason"].to_numpy(object)[first])
        some, second = some[first & passes], some[~first & passes]
        out = []
        starts = np.searchsorted(of, np.arange(len(asks) + 1))
        for ask, (first, last) in zip(asks, pairwise(starts), strict=True):
            if first == last:
                out.append(_NOTHING)
                continue
            left = why.iloc[slice(*np.searchsorted(why.index.to_numpy(), [first, last]))]
            table = frame.iloc[first:last].reset_index(drop=True)
            parts: list[Any] = []
            for found in (some, second):
                mine = found.iloc[slice(*np.searchsorted(found.index.to_numpy(), [first, last]))]
                slot = rows.slot[mine.index] - rows.start[len(out)]
                mine = mine.reset_index(drop=True)
                parts += [mine, self._work(ask, mine, slot)]
            useful, work, *rest = parts
            out.append(Forecast(table, useful, left.set_axis(left.index - first), work, *rest))
        return out

    def _poor(
        self, workloads: Sequence[Workload], of: Ints, frame: pd.DataFrame, rows: _Rows
    ) -> Ints:
        """Rows of smaller models that miss the quality floor and nothing else.

        Of one model on one kind of replica those that no other beats on speed, levers and quality;
        of equal quality, those that do more per chip than any on fewer chips.
        """
        reason = frame["reason"].to_numpy(object)
        able = np.flatnonzero(np.frompyfunc(_misses_floor, 1, 1)(reason).astype(bool))
        largest = np.array([largest_of(self.catalog, w) for w in workloads])
        size = mapped(frame["model"].iloc[able], lambda m: params_of(self.catalog, m))
        able = able[size < largest[of[able]]]
        if not len(able):
            return able
        low, good = (frame[c].to_numpy(float)[able] for c in ("rps_low", "quality"))
        needs, group = rows.needs[rows.slot[able]], rows.group[able]
        kept = unbeaten(group, low, needs, -good)
        able, low, good, needs = able[kept], low[kept], good[kept], needs[kept]
        grade, grades = pd.factorize(good)
        alike = pd.factorize(rows.alike[able] * len(grades) + grade)[0].astype(np.int64)
        split = frame["tensor_parallel"].to_numpy(float)[able]
        return able[unbeaten(alike, low / split, needs, split)]

    def _work(self, ask: _Ask, table: pd.DataFrame, slot: Ints) -> VariantWork:
        held, catalog, w = ask.held.work, self.catalog, ask.workload
        usd = mapped(table["model"], lambda model: distillation_usd_year(catalog, w, model))
        return VariantWork(held.stay[slot], held.move[slot], held.resplit[slot], usd)


_NO_WORK = VariantWork(*(np.zeros(0) for _ in range(4)))
_NOTHING = Forecast(
    pd.DataFrame(), pd.DataFrame(), pd.Series(dtype=object), _NO_WORK, pd.DataFrame(), _NO_WORK
)


class _Rows(NamedTuple):
    """Variants of several workloads, one below the other."""

    table: pd.DataFrame
    quality: Array
    slot: Ints
    """Of each row in `needs` and `hours`: what is held of the workloads, one after the other."""
    start: Ints
    """Where in those each workload begins."""
    needs: Ints
    hours: Array
    group: Ints
    """Equal where workload, model, framework and node are."""
    alike: Ints
    """The same whatever the split."""


def _rows(asks: Sequence[_Ask], of: Ints) -> _Rows:
    distinct = {id(a.ways): a.ways for a in asks}
    place = {key: i for i, key in enumerate(distinct)}
    which = np.array([place[id(a.ways)] for a in asks])
    stacks = pd.concat([w.stacks for w in distinct.values()], ignore_index=True)
    nodes = pd.concat([w.nodes for w in distinct.values()], ignore_index=True)
    local = np.concatenate([a.ways.stack for a in asks])
    stack = _starts(w.stacks for w in distinct.values())[which[of]] + local
    node = _starts(w.nodes for w in distinct.values())[which[of]]
    node = node + np.concatenate([a.ways.node for a in asks])
    split = np.searchsorted(SPLITS, nodes["tensor_parallel"].to_numpy())[node]
    start = _starts(a.held.needs for a in asks)
    slot = start[of] + local * len(SPLITS) + split
    model, framework = (pd.factorize(stacks[c])[0] for c in ("model", "framework"))
    alike = (model * len(stacks) + framework)[stack]
    chip = nodes.groupby(list(NODE), dropna=False, sort=False).ngroup().to_numpy()
    alike = of * len(stacks) ** 2 + alike
    parts = [t.take(i).reset_index(drop=True) for t, i in ((stacks, stack), (nodes, node))]
    return _Rows(
        table=pd.concat(parts, axis=1),
        quality=np.concatenate([a.held.quality for a in asks])[slot],
        slot=slot,
        start=start,
        needs=np.concatenate([a.held.needs for a in asks]),
        hours=np.concatenate([a.held.hours for a in asks]),
        group=pd.factorize(alike * len(nodes) + node)[0].astype(np.int64),
        alike=(alike * len(nodes) + chip[node]).astype(np.int64),
    )


def params_of(catalog: Catalog, model: str) -> float:
    """Billions of parameters; without end for a closed model that does not tell."""
    known = catalog.lookup("models", model)["params_b"]
    return float("inf") if known is None else float(known)


def largest_of(catalog: Catalog, workload: Workload) -> float:
    """Size of the largest model that may answer; none for vectors, which must be of one model."""
    if workload.task == "embedding":
        return 0.0
    models = (workload.model, *workload.substitutes, *model_options(catalog, workload))
    return max(params_of(catalog, m) for m in models)


def _misses_floor(reason: str) -> bool:
    return reason.startswith("quality ")


def _starts(parts: Iterable[Any]) -> Ints:
    """Where each of several parts begins when they are put together."""
    return np.cumsum([0, *(len(p) for p in parts)])


def _dropped(
    able: Ints, keep: Ints, group: Ints, passes: Bools, reason: npt.NDArray[np.object_]
) -> pd.Series[str]:
    """Why rows that were `able` are not useful, where that is for requests that come at random.

    Those themselves, and those that only they outdid, unless another of the group remains.
    """
    failed = keep[~passes]
    lost = np.isin(group, group[failed]) & ~np.isin(group, group[keep[passes]])
    lost[failed] = True
    why = np.full(len(able), OUTDONE, object)
    why[failed] = reason[~passes]
    return pd.Series(why[lost], index=able[lost], dtype=object)


def _key(workload: Workload, today: Mapping[str, Any]) -> Key:
    return (question(workload), _stack_today(today))


def _stack_today(today: Mapping[str, Any]) -> Key:
    return tuple(today[name] for name in STACK_TODAY)


def _chunks(asks: Mapping[Key, _Ask]) -> Iterator[list[Key]]:
    """Questions in parts of bounded size: language models, then all others."""
    # Those of one model together: they share what is known of it.
    alike = {k: (a.workload.model, a.workload.isl_tokens or 0) for k, a in asks.items()}
    for language in (True, False):
        part: list[Key] = []
        size = 0
        for key in sorted(asks, key=alike.__getitem__):
            ask = asks[key]
            if (ask.workload.kind == "llm") != language:
                continue
            if part and size + len(ask.ways.stack) > CHUNK_ROWS:
                yield part
                part, size = [], 0
            part.append(key)
            size += len(ask.ways.stack)
        if part:
            yield part


__all__ = ["Forecast", "Forecasts", "question"]
