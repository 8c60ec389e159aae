"""Fit the standard deviations of ``catalogs/pass_effects.csv`` to the anchors.

They are chosen to make each (model, chip) pair's anchors most likely given all others (blocked
leave-one-out predictive likelihood; for Gaussians it follows from one inverse, Sundararajan and
Keerthi 2001). Every deviation is tried at three fifths and at 1.6 times itself, in turn, and
dropped where that costs nothing. Server shares are fitted the same way on the anchors that have
them. ``--write`` puts the result into the catalog; without it only the errors are told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance import anchors, server
from advisor.performance.pass_effects import Effect, effects

ROOT = Path(__file__).resolve().parents[1]
PAIR = ("model", "accelerator")
MOVES = (0.0, 0.6, 1.6)
SEEDS = 0.05
"""What an effect that was dropped is tried at."""
GAIN = 0.3
"""Log-likelihood that a change must bring."""
SHRINK = 0.5
"""Prior weight on small deviations, per logarithm: keeps effects that nothing decides small."""


def blocks(table: pd.DataFrame, columns: tuple[str, ...]) -> list[np.ndarray]:
    """Positions of the rows that leave together."""
    parts = table.groupby(list(columns), sort=False).indices.values()
    return [np.asarray(v) for v in parts]


def left_out(
    inverse: np.ndarray, weights: np.ndarray, parts: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Errors and deviations of rows predicted without their block, and the log-likelihood."""
    error, deviation = np.zeros(len(weights)), np.zeros(len(weights))
    total = 0.0
    for rows in parts:
        cover = np.linalg.inv(inverse[np.ix_(rows, rows)])
        miss = cover @ weights[rows]
        error[rows], deviation[rows] = miss, np.sqrt(np.diag(cover))
        # Heavy tails: a row that is plainly another thing must not stretch every effect.
        z = np.clip(np.abs(miss) / deviation[rows], 0.0, 4.0)
        total -= float((np.log(deviation[rows]) + 0.5 * z**2).sum()) / np.sqrt(len(rows))
    return error, deviation, total


def times(table: pd.DataFrame, shared: tuple[Effect, ...], parts: list[np.ndarray]) -> float:
    """Predictive log-likelihood of the anchors' times."""
    k = anchors.solved(table, shared)
    return left_out(k.inverse, k.weights, parts)[2]


def shares(table: pd.DataFrame, shared: tuple[Effect, ...], parts: list[np.ndarray]) -> float:
    """Predictive log-likelihood of the anchors' server shares."""
    return server_errors(table, shared, parts)[2]


def server_errors(
    table: pd.DataFrame, shared: tuple[Effect, ...], parts: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, float]:
    """`left_out` of the server shares."""
    k = server.solved(table, shared)
    return left_out(k.inverse, k.weights, parts)


def climbed(
    score: Callable[[tuple[Effect, ...]], float],
    shared: tuple[Effect, ...],
    names: tuple[str, ...],
    rounds: int,
) -> tuple[Effect, ...]:
    """Coordinate ascent over the deviations in `names`."""

    def worth(e: tuple[Effect, ...]) -> float:
        return score(e) - SHRINK * sum(x.sd(n) for x in e for n in names)

    best = worth(shared)
    for turn in range(rounds):
        before = best
        for place in range(len(shared)):
            for name in names:
                now = shared[place].sd(name)
                for value in {SEEDS} if now == 0.0 else {min(now * m, 1.0) for m in MOVES}:
                    changed = replace(shared[place], **{name: round(value, 4)})
                    trial = (*shared[:place], changed, *shared[place + 1 :])
                    found = worth(trial)
                    if found > best + GAIN:
                        best, shared = found, trial
        print(f"round {turn + 1}: {best:.1f}", flush=True)
        if best < before + 1.0:
            break
    return shared


def told(title: str, table: pd.DataFrame, error: np.ndarray, deviation: np.ndarray) -> None:
    """Print median and P90 of the relative error, and how often the 80 % interval holds."""
    off = np.abs(np.expm1(-error))
    inside = np.abs(error) <= anchors.Z80 * deviation
    groups = len(table.groupby([*PAIR, "framework"]))
    print(
        f"{title:40} n {len(table):4} groups {groups:4}  median {np.median(off):6.1%}"
        f"  P90 {np.quantile(off, 0.9):6.1%}  coverage {inside.mean():4.0%}"
    )


def report(table: pd.DataFrame, shared: tuple[Effect, ...]) -> None:
    """Errors with pair, stack, row, chip and model left out."""
    k = anchors.solved(table, shared)
    lines = {
        "row": ("row",),
        "batch or precision of a pair": (*PAIR, "framework", "peak", "batch"),
        "pair": PAIR,
        "chip": ("accelerator",),
        "model": ("model",),
    }
    numbered = table.assign(row=np.arange(len(table)))
    for title, columns in lines.items():
        error, deviation, _ = left_out(k.inverse, k.weights, blocks(numbered, columns))
        told(f"{title} left out", table, error, deviation)
        if title in {"pair", "chip"}:
            for key, rows in table.groupby("kind").indices.items():
                told(f"  {key}", table.iloc[rows], error[rows], deviation[rows])
            for key, rows in table.groupby("framework").indices.items():
                if len(rows) > 15:
                    told(f"  {key}", table.iloc[rows], error[rows], deviation[rows])
    mine = table[table["server"].notna()].reset_index(drop=True)
    error, deviation, _ = server_errors(mine, shared, blocks(mine, PAIR))
    told("server share, pair left out", mine, error, deviation)


def main() -> None:
    """Fit, tell, and write where asked to."""
    catalog = Catalog.load()
    table = anchors.anchor_table(catalog)
    shared = effects(catalog)
    report(table, shared)
    if "--write" not in sys.argv:
        return
    parts = blocks(table, PAIR)
    shared = climbed(lambda e: times(table, e, parts), shared, ("speed", "fixed"), 3)
    mine = table[table["server"].notna()].reset_index(drop=True)
    few = blocks(mine, PAIR)
    shared = climbed(lambda e: shares(mine, e, few), shared, ("server",), 4)
    report(table, shared)
    path = ROOT / "catalogs" / "pass_effects.csv"
    rows = [
        {
            "shared": "|".join(e.shared),
            "slope": e.slope or "",
            "speed": e.speed,
            "fixed": e.fixed,
            "server": e.server,
            "source": "benchmarks/calibrate_passes.py on this catalog's anchors",
            "as_of": date.today().isoformat(),
            "notes": "",
        }
        for e in shared
        if e.speed or e.fixed or e.server
    ]
    pd.DataFrame(rows).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
