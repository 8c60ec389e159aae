"""Ours, two naive rooflines and a public predictor on the same measurements, in one run.

``python benchmarks/side_by_side.py [FILE.csv ...]``

Language models of the catalog's measurements and of ``benchmarks/published/tensorrt_llm.csv``, or
of the files named: the public predictor takes seconds a row. Ours is told from factors that have
not seen the row's (model, chip, framework), fitted on all published tables; the others are not
fitted to these rows at all. AIConfigurator rests on kernels timed under newer versions of engines
than most rows ran, hence the errors with the median bias taken out. It is asked where it is
importable or where ``AICONFIGURATOR_PYTHON`` names an interpreter that has it
(``pip install aiconfigurator`` into an environment of its own, Python 3.11 or newer).
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from calibrate import Data, fit, gather, left_out, llm_files
from rivals.public import Answers, ask, interpreter
from rivals.rooflines import flat

from advisor.catalog import Catalog
from advisor.performance.accuracy import GROUP
from advisor.performance.measured_llm import prepare

ROOT = Path(__file__).resolve().parents[1]
FOLDS = 12
REPEATS = 100
"""How often the rows are repeated for the time of one of our predictions."""


def files() -> list[Path]:
    """Measurement files named on the command line, else the two above."""
    named = [Path(a) for a in sys.argv[1:]]
    published = ROOT / "benchmarks" / "published" / "tensorrt_llm.csv"
    return named or [ROOT / "catalogs" / "measurements.csv", published]


def seconds_of_ours(catalog: Catalog, rows: pd.DataFrame) -> float:
    """Seconds per prediction, many rows at once, from names to figures."""
    many = pd.concat([rows] * REPEATS, ignore_index=True)
    started = time.perf_counter()
    prepare(catalog, many).values()
    return (time.perf_counter() - started) / len(many)


def line(name: str, value: np.ndarray, data: Data, mask: np.ndarray, seconds: float) -> None:
    """Print one predictor's errors; also with its median bias taken out."""
    ratio = (value / data.value)[mask]
    error, scaled = np.abs(ratio - 1.0), np.abs(ratio / np.median(ratio) - 1.0)
    print(
        f"  {name:44} median {np.median(error):6.1%}  P90 {np.quantile(error, 0.9):6.1%}"
        f"  bias {np.median(ratio) - 1.0:+6.1%}  without bias {np.median(scaled):6.1%} /"
        f" {np.quantile(scaled, 0.9):6.1%}  {seconds * 1e6:10,.1f} us"
    )


def table(
    title: str, data: Data, mask: np.ndarray, lines: list[tuple[str, np.ndarray, float]]
) -> None:
    """Print all predictors on some rows."""
    if mask.any():
        groups = len(set(data.groups(*GROUP)[mask]))
        print(f"\n{title}: n {mask.sum()}, groups {groups}")
        for name, value, seconds in lines:
            line(name, value, data, mask, seconds)


def public(catalog: Catalog, data: Data) -> Answers | None:
    """The public predictor's answers, or a line that says why there are none."""
    python = interpreter()
    if python is None:
        print("AIConfigurator was not run: not importable, and AICONFIGURATOR_PYTHON is not set")
        return None
    try:
        return ask(catalog, data.rows, python)
    except (OSError, RuntimeError) as error:
        print(f"AIConfigurator was not run: {error}")
        return None


def main() -> None:
    """Run and print."""
    catalog = Catalog.load()
    asked = files()
    data = gather(catalog, [*asked, *(f for f in llm_files() if f not in asked)])
    near = fit(data, np.ones(len(data.value), bool))
    mine = np.isin(data.rows["id"].str.split(" ").str[0], [str(i) for i in range(len(asked))])
    unseen = left_out(data, data.groups(*GROUP), FOLDS, near)[mine]
    data = data.part(mine)
    ours = seconds_of_ours(catalog, data.rows)
    lines = [
        ("ours, group left out", unseen, ours),
        ("ours, as shipped (in sample)", data.prepared.values(), ours),
        ("roofline at 100 % of peak", flat(data, 1.0), ours),
        ("roofline at 50 % of peak", flat(data, 0.5), ours),
    ]
    finite = np.all([np.isfinite(v) for _, v, _ in lines], axis=0)
    table("all language-model rows", data, finite, lines)
    answers = public(catalog, data)
    if answers is None:
        return
    both = finite & np.isfinite(answers.values)
    name = f"AIConfigurator {answers.version}"
    lines.append((name, answers.values, answers.seconds))
    table("rows that both can answer", data, both, lines)
    for key, part in data.rows[both].groupby(["framework", "scenario", "metric"]):
        mask = np.zeros(len(both), bool)
        mask[part.index.to_numpy()] = True
        table(", ".join(key), data, mask, lines)
    per = answers.estimates / max(int(both.sum()), 1)
    print(
        f"\n{name}: {per:.1f} estimates a row (the batch is searched where none is stated), its"
        f" database listing cached; as shipped one estimate takes {answers.as_shipped_s:.2f} s."
        f" Ours is {answers.seconds / ours:,.0f} times as fast a prediction."
    )
    print("not asked or not answered:")
    for reason, n in Counter(r for r in answers.reasons if r).most_common(12):
        print(f"  {n:4} {reason}")


if __name__ == "__main__":
    main()
