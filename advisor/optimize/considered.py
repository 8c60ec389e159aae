"""Why this and not that: what a workload could run on, with its cost or what stands against it.

Nothing is decided here. The variants are those the solver chose from, under the same levers, and
costs are differences of the same objective with everything else as planned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from advisor.catalog.records import records
from advisor.portfolio import Lever, Workload

from .candidates import candidates
from .choices import Candidate
from .frozen import frozen_fields, masked
from .plan import Plan
from .setting import Setting

SWING = 0.5
"""Half of the prediction's spread reaches the bill: fleets are sized at its low end already."""

NO_OFFER = "no machine"


def today_of(plan: Plan, name: str) -> Candidate:
    """Today's deployment of a workload."""
    return next(c for c in plan.today if c.workload == name)


def usd_month(plan: Plan, candidate: Candidate) -> float:
    """What a workload would cost with this choice and everything else as planned, USD a month."""
    trial = [candidate if c.workload == candidate.workload else c for c in plan.chosen]
    change = plan.objective.total(trial) - plan.objective.total(plan.chosen)
    return plan.workload_usd_month[candidate.workload] + change


def interval(candidate: Candidate, usd: float) -> tuple[float, float] | None:
    """80 % interval of a cost from the prediction's spread; None where nothing is predicted."""
    spread = float(candidate.details.get("spread") or 0.0)
    price = candidate.details.get("machine_usd_hour")
    if price is None or not spread or not candidate.machines.any():
        return None
    machines = float(candidate.machines.mean()) * float(price) * 730.0
    if candidate.host is not None:
        # What it runs on is there for others too.
        machines *= candidate.host.load
    swing = SWING * machines * spread / (1.0 + spread)
    return max(usd - swing, 0.0), usd + swing


def every_variant(plan: Plan, name: str, levers: frozenset[Lever]) -> pd.DataFrame:
    """Every replica variant of a workload under the levers, feasible or not.

    Returns
    -------
    DataFrame
        Choice and prediction columns of `Setting.variants`; ``reason`` is empty where the variant
        would work, also once requests come at random, and a machine for it can be had.
    """
    workload, today = plan.portfolio.workload(name), today_of(plan, name)
    table = plan.setting.variants(workload)
    if table.empty:
        return table
    dropped = plan.setting.dropped(workload, today.choice)
    reason = table["reason"].astype(object)
    reason.loc[dropped.index] = dropped
    table = table.assign(reason=reason)
    frozen = frozen_fields(levers, today)
    return _with_offers(plan.setting, frozen, masked(table, frozen))


def considered(
    plan: Plan, name: str, levers: frozenset[Lever], by: Sequence[str] = ("accelerator",)
) -> pd.DataFrame:
    """The cheapest choice for each value of `by`, or the most telling reason against it.

    Parameters
    ----------
    name : str
        A workload that runs on machines, or may under the levers.
    levers : frozenset of levers
        What may differ from today; ``SOURCING`` is left out.
    by : sequence of str
        Columns of the variants of which each value has a candidate on the shortlist: accelerator,
        framework, or weight_precision with kv_precision.

    Returns
    -------
    DataFrame
        The columns of `by`, ``usd_month`` (NaN where rejected), ``reason``, ``candidate`` and
        ``today`` (whether it is the deployment itself, which always comes as a row of its own);
        cheapest first, then the rejected, nearest to working first.
    """
    setting, workload = plan.setting, plan.portfolio.workload(name)
    levers = levers - {"SOURCING", "CACHING"}
    today = today_of(plan, name)
    frozen = frozen_fields(levers, today)
    found = _cheapest(plan, workload, levers, by)
    rows: list[dict[str, Any]] = []
    if today.choice["sourcing"] != "managed_api":
        rows.append(_row(by, _key(today, by), today, usd_month(plan, today), today=True))
    rows += [_row(by, key, c, usd) for key, (usd, c) in found.items()]
    rows.sort(key=lambda r: r["usd_month"])
    rejected = every_variant(plan, name, levers)
    seen = {_key(today, by), *found}
    if len(rejected):
        ranked = rejected.assign(_near=_nearness(rejected)).sort_values("_near", kind="stable")
        for row in records(ranked.drop_duplicates(list(by))):
            key = tuple(row[c] for c in by)
            if key not in seen:
                seen.add(key)
                why = row["reason"] or "another choice does as much for no more work"
                rows.append(_row(by, key, None, float("nan"), reason=why))
    if tuple(by) in _ABSENT:
        for value, reason in _ABSENT[tuple(by)](setting, workload, frozen):
            if (value,) not in seen:
                rows.append(_row(by, (value,), None, float("nan"), reason=reason))
    columns = [*by, "usd_month", "reason", "candidate", "today"]
    return pd.DataFrame(rows, columns=columns)


def _cheapest(
    plan: Plan,
    workload: Workload,
    levers: frozenset[Lever],
    by: Sequence[str],
) -> dict[tuple[Any, ...], tuple[float, Candidate]]:
    """The cheapest candidate of each group."""
    setting, today = plan.setting, today_of(plan, workload.name)
    pool = [
        c
        for c in (*candidates(setting, workload, levers)[1:], plan.candidate(workload.name))
        if c.choice["sourcing"] != "managed_api" and c is not today
    ]
    out: dict[tuple[Any, ...], tuple[float, Candidate]] = {}
    for candidate in pool:
        key, usd = _key(candidate, by), usd_month(plan, candidate)
        if key not in out or usd < out[key][0]:
            out[key] = (usd, candidate)
    return out


def _key(candidate: Candidate, by: Sequence[str]) -> tuple[Any, ...]:
    return tuple(candidate.choice.get(c, candidate.details.get(c)) for c in by)


def _row(
    by: Sequence[str],
    key: tuple[Any, ...],
    candidate: Candidate | None,
    usd: float,
    *,
    reason: str = "",
    today: bool = False,
) -> dict[str, Any]:
    return {
        **dict(zip(by, key, strict=True)),
        "usd_month": usd,
        "reason": reason,
        "candidate": candidate,
        "today": today,
    }


def _nearness(table: pd.DataFrame) -> pd.Series[float]:
    """How far a rejected variant is from working: quality, then latency, then memory."""
    reason = table["reason"].astype(str)
    kind = pd.Series(4.0, index=table.index)
    for rank, start in enumerate(
        ("quality", "misses latency", "does not fit: no room", "does not fit")
    ):
        kind[reason.str.startswith(start) & (kind == 4.0)] = float(rank)
    kind[reason.str.startswith(NO_OFFER)] = 5.0
    kind[reason == ""] = -1.0
    first = pd.to_numeric(table["first_s"]) + 10.0 * pd.to_numeric(table["token_s"])
    within = (first / first.max()).fillna(0.0) if first.max() > 0 else first.fillna(0.0)
    fewer = 1.0 / (1.0 + pd.to_numeric(table["tensor_parallel"]))
    return kind + 0.99 * within.where(kind <= 1.0, fewer)


def _with_offers(setting: Setting, frozen: Mapping[str, Any], table: pd.DataFrame) -> pd.DataFrame:
    """The variants, with a reason where no machine for them can be had."""
    offers = setting.offers if frozen.get("cloud") else setting.allowed
    where = "where you may buy"
    if frozen.get("region"):
        offers = offers[
            (offers["region"] == frozen["region"]) & (offers["cloud"] == frozen["cloud"])
        ]
        where = f"in {frozen['region']} ({frozen['cloud']})"
    most = table["accelerator"].map(offers.groupby("accelerator")["devices"].max()).fillna(0.0)
    reason = table["reason"].astype(object).copy()
    few = most < table["tensor_parallel"].astype(float)
    reason[few] = [f"{NO_OFFER} of {n:g} {where}" for n in table.loc[few, "tensor_parallel"]]
    reason[most == 0] = f"{NO_OFFER} with it {where}"
    return table.assign(reason=reason)


def _chips_without_variants(
    setting: Setting, workload: Workload, frozen: Mapping[str, Any]
) -> list[tuple[str, str]]:
    catalog, out = setting.catalog, []
    chips = setting.allowed.drop_duplicates("accelerator")
    name = frozen.get("framework")
    framework = catalog.lookup("frameworks", name) if name else None
    for chip in records(chips[["accelerator", "chip_kind", "vendor"]]):
        reason = "no precision that both the chip and the framework have"
        if framework is None:
            reason = (
                f"no framework of the catalog serves this kind of model ({workload.kind}) on it"
            )
        elif chip["chip_kind"] not in framework["chip_kinds"] or (
            chip["vendor"] not in framework["vendors"]
        ):
            reason = f"{framework['label']} does not run on it"
        elif frozen.get("weight_precision"):
            label = catalog.lookup("precisions", frozen["weight_precision"])["label"]
            reason = f"has no {label} arithmetic"
        out.append((str(chip["accelerator"]), reason))
    return out


def _frameworks_without_variants(
    setting: Setting, workload: Workload, frozen: Mapping[str, Any]
) -> list[tuple[str, str]]:
    out = []
    for row in records(setting.catalog["frameworks"]):
        reason = "does not run this model on the chips and precisions at hand"
        if frozen.get("framework", row["framework"]) != row["framework"]:
            reason = "today's framework is kept"
        elif workload.kind not in row["kinds"]:
            reason = "does not serve this kind of model"
        elif row["lifecycle"] != "active":
            reason = f"{row['lifecycle'].replace('_', ' ')}: not proposed anew"
        out.append((str(row["framework"]), reason))
    return out


_ABSENT: dict[
    tuple[str, ...],
    Callable[[Setting, Workload, Mapping[str, Any]], list[tuple[str, str]]],
] = {
    ("accelerator",): _chips_without_variants,
    ("framework",): _frameworks_without_variants,
}
