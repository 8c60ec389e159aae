"""The guide's claims about chips: prices looked up, economics computed for the workloads here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pandas as pd

from advisor.format import money
from advisor.optimize.candidates import candidates
from advisor.optimize.sweep import alone_usd_month
from advisor.portfolio import Lever, Workload

from .base import Verdict, View
from .claims import Judged, judge
from .per_chip import per_chip
from .wording import hourly, listing

CLOUD, REGION = "aws", "us-east-1"
"""Where the guide's prices are from."""
NEAR = 0.10
"""Relative distance within which a price is the claimed one."""
TUNED: frozenset[Lever] = frozenset({"HARDWARE", "PRECISION", "SERVING"})
COMPARED = 3
"""Workloads on which two chips are compared."""
LARGE_B = 13.0
"""Parameters, billions, from which the guide calls a model large."""


def chip_hour(view: View, *, chip: str = "", instance: str = "") -> dict[str, Any] | None:
    """The on-demand price of one chip where the guide looked: cheapest, or of an instance."""
    prices = view.catalog.prices()
    here = prices[
        (prices["cloud"] == CLOUD)
        & (prices["region"] == REGION)
        & (prices["purchase"] == "on_demand")
        & prices["usd_per_hour"].notna()
    ]
    machines = view.catalog["instances"][["cloud", "instance", "accelerator", "accelerator_count"]]
    table = here.merge(machines, on=["cloud", "instance"])
    table = table[table["accelerator"] == chip] if chip else table[table["instance"] == instance]
    table = table[table["accelerator_count"] >= 1] if chip else table
    if table.empty:
        return None
    table = table.assign(each=table["usd_per_hour"].astype(float) / table["accelerator_count"])
    return dict(table.sort_values("each", kind="stable").iloc[0])


def _priced(claimed: float, usd: float) -> Verdict:
    return "holds" if abs(usd / claimed - 1.0) <= NEAR else "does_not_hold"


def _said(row: dict[str, Any]) -> str:
    return f"({row['instance']}, {REGION}, {row['as_of']})"


@judge("h100-price")
def _h100(view: View) -> Judged:
    row = chip_hour(view, chip="H100-SXM")
    if row is None:
        return None
    here = f"One H100 is {hourly(row['each'])} an hour {_said(row)}."
    return _priced(32.77, row["each"]), here


@judge("a100-price")
def _a100(view: View) -> Judged:
    small, large = chip_hour(view, chip="A100-40-SXM"), chip_hour(view, chip="A100-80-SXM")
    if large is None:
        return None
    here = f"An A100 of 80 GB is {hourly(large['each'])} an hour {_said(large)}"
    if small is not None:
        here += f", of 40 GB {hourly(small['each'])} {_said(small)}"
    return _priced(15.0, large["each"]), here + "."


@judge("inf2-price")
def _inf2_price(view: View) -> Judged:
    row, other = chip_hour(view, instance="inf2.xlarge"), chip_hour(view, instance="inf2.8xlarge")
    if row is None:
        return None
    here = f"inf2.xlarge is {hourly(row['usd_per_hour'])} an hour {_said(row)}"
    if other is not None:
        large = hourly(other["usd_per_hour"])
        here += f"; inf2.8xlarge, the same chip in a larger machine, is {large}"
    return _priced(1.97, row["usd_per_hour"]), here + "."


@judge("inf2-memory")
def _inf2_memory(view: View) -> Judged:
    if "Inferentia2" not in view.catalog.names("accelerators"):
        return None
    memory = view.catalog.lookup("accelerators", "Inferentia2")["memory_visible_gib"]
    return "does_not_hold", f"{memory:g} GiB per chip of two cores: {memory / 2:g} GiB per core."


@judge("l4-sparsity")
def _l4(view: View) -> Judged:
    if "L4" not in view.catalog.names("accelerators"):
        return None
    peak = view.catalog.lookup("accelerators", "L4")["fp16_tflops"]
    verdict: Verdict = "does_not_hold" if abs(peak / 121.0 - 1.0) < NEAR else "holds"
    return verdict, f"{peak:g} TFLOP/s is the dense FP16 peak; sparsity would double it."


@judge("l4-t4-g3-price")
def _small(view: View) -> Judged:
    claimed = {
        "g6.xlarge": ("L4", 0.81),
        "g4dn.xlarge": ("T4", 0.53),
        "c7g.xlarge": ("Graviton3", 0.14),
    }
    rows = {name: chip_hour(view, instance=name) for name in claimed}
    found = {name: row for name, row in rows.items() if row is not None}
    if not found:
        return None
    ok = all(abs(r["usd_per_hour"] / claimed[n][1] - 1.0) <= NEAR for n, r in found.items())
    dates = listing(sorted({str(r["as_of"]) for r in found.values()}))
    parts = [f"{claimed[n][0]} {hourly(r['usd_per_hour'])} ({n})" for n, r in found.items()]
    return "holds" if ok else "does_not_hold", f"{', '.join(parts)}, {REGION}, {dates}."


def _each(view: View, *, llm: bool) -> Iterator[tuple[Workload, pd.DataFrame]]:
    """Workloads with a model one can host, each with its chips."""
    for workload in view.portfolio.workloads:
        if (workload.kind == "llm") == llm:
            table = per_chip(view.setting, workload)
            if len(table):
                yield workload, table


@judge("cpu-10-20x")
def _cpu(view: View) -> Judged:
    gaps = {}
    for workload, today in zip(view.portfolio.workloads, view.baseline.today, strict=True):
        if workload.kind == "llm" or not today.machines.any():
            continue
        least: dict[str, float] = {}
        for c in candidates(view.setting, workload, TUNED)[1:]:
            kind = c.details.get("chip_kind")
            if kind is not None:
                usd = alone_usd_month(view.final, c)
                least[kind] = min(usd, least.get(kind, usd))
        if {"cpu", "gpu"} <= set(least):
            gaps[workload.name] = least["gpu"] / least["cpu"]
    if not gaps:
        return None
    verdict: Verdict = "does_not_hold"
    if any(g >= 10.0 for g in gaps.values()):
        verdict = "holds"
    elif any(g > 1.0 for g in gaps.values()):
        verdict = "holds_if"
    parts = [
        f"{name} {g:.2g}× cheaper" if g >= 1 else f"{name} {1 / g:.2g}× dearer"
        for name, g in sorted(gaps.items(), key=lambda kv: -kv[1])
    ]
    return verdict, (
        "The best CPU against the best GPU at each workload's own volume, tuned alike: "
        f"{', '.join(parts)}."
    )


@judge("inf2-half-a100")
def _inf2_a100(view: View) -> Judged:
    parts: list[str] = []
    best = float("inf")
    for workload, table in chain(_each(view, llm=True), _each(view, llm=False)):
        if len(parts) == COMPARED:
            break
        rows = table.set_index("accelerator")
        mine = [a for a in rows.index if a.startswith("A100")]
        if "Inferentia2" not in rows.index or not mine:
            continue
        a100, inf2 = rows.loc[mine].sort_values("usd_per_mreq").iloc[0], rows.loc["Inferentia2"]
        cost, pace = inf2["usd_per_mreq"] / a100["usd_per_mreq"], inf2["rps"] / a100["rps"]
        best = min(best, cost)
        each = f"{pace:.2g}× the requests per chip at {cost:.2g}× the cost each"
        parts.append(f"{workload.name} {each}")
    if not parts:
        return None
    verdict: Verdict = "holds" if best <= 0.6 else "holds_if" if best < 1.0 else "does_not_hold"
    return verdict, f"Inferentia2 against A100: {'; '.join(parts)}."


@judge("h100-best-per-dollar")
def _h100_best(view: View) -> Judged:
    wins, parts = [], []
    for workload, table in _each(view, llm=True):
        if (view.catalog.lookup("models", workload.model)["params_b"] or 0.0) < LARGE_B:
            continue
        first = table.iloc[0]
        h100 = table[table["accelerator"].str.startswith("H100")]
        won = str(first["accelerator"]).startswith("H100")
        wins.append(won)
        text = f"{workload.name}: {first['accelerator']} at {money(first['usd_per_mreq'])}"
        if len(h100) and not won:
            text += f", H100 {money(h100['usd_per_mreq'].iloc[0])}"
        parts.append(text)
    if not wins:
        return None
    verdict: Verdict = "holds" if all(wins) else "holds_if" if any(wins) else "does_not_hold"
    return verdict, f"Cheapest per million requests, kept busy: {'; '.join(parts)}."
