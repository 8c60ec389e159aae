"""How accurate one-pass predictions are on what the catalog does not hold.

The anchors of each row's (model, chip) are left out before it is predicted; then only those of its
own framework, precision and batch, so that others of the pair are seen; then all of its chip, and
all of its model. Reads the catalog's measurements and ``published/one_pass.csv``, or files named.
"""

from __future__ import annotations

import sys
from pathlib import Path

import accuracy
import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance.contract import load
from advisor.performance.measured import predict_rows, questions, read_measurements
from advisor.performance.stated import BENCHMARK

ROOT = Path(__file__).resolve().parents[1]
FILES = (
    ROOT / "catalogs" / "measurements.csv",
    ROOT / "benchmarks" / "published" / "one_pass.csv",
)
LEFT_OUT = {
    "pair of model and chip unseen": ("model", "accelerator"),
    "pair seen, this batch or precision not": (
        *("model", "accelerator", "framework", "precision", "batch"),
    ),
    "chip unseen": ("accelerator",),
    "model unseen": ("model",),
}


def gathered(files: list[Path]) -> pd.DataFrame:
    """One-pass rows of some files; ids carry the file's name."""
    parts = []
    for file in files:
        rows = read_measurements(file)
        parts.append(rows.assign(id=file.stem + " " + rows["id"], file=file.stem))
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["workload"] != "llm"].reset_index(drop=True)


def named(catalog: Catalog, rows: pd.DataFrame) -> pd.DataFrame:
    """In the anchors' names; only rows that can be named."""
    asked = questions(catalog, rows, {})[0].set_index("id")
    at_once = np.array([load(str(x))[0] for x in asked["concurrency"]])
    batch = np.where(asked["scenario"] == "single", 1.0, at_once)
    return asked.assign(
        precision=asked["weight_precision"],
        batch=np.where(np.isfinite(batch), batch, 0.0),
    )[["model", "accelerator", "framework", "precision", "batch"]]


def predicted(catalog: Catalog, rows: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Predictions of rows, each without the anchors that are like it in `columns`."""
    names = named(catalog, rows)
    anchors = catalog["anchors"].reset_index(drop=True)
    batch = pd.to_numeric(anchors["batch"]).fillna(0.0)
    own = anchors.assign(batch=batch.to_numpy(float))
    parts = []
    for key, part in names.groupby(list(columns)):
        away = np.ones(len(own), bool)
        for column, value in zip(columns, key, strict=True):
            away &= (own[column] == value).to_numpy()
        held = Catalog({**catalog.tables, "anchors": anchors[~away].reset_index(drop=True)})
        mine = rows[rows["id"].isin(part.index)].reset_index(drop=True)
        told = predict_rows(held, mine)
        parts.append(pd.concat([mine, told.drop(columns="id")], axis=1))
    return pd.concat(parts, ignore_index=True)


def told(title: str, found: pd.DataFrame) -> None:
    """Print the figures of predicted rows."""
    found = found[found["predicted"].notna()]
    error = found["predicted"] / found["value"] - 1.0
    inside = (found["low"] <= found["value"]) & (found["value"] <= found["high"])
    accuracy.told(title, found.assign(error=error, inside=inside.astype(float)))


def main() -> None:
    """Print all of it."""
    catalog = Catalog.load()
    rows = gathered([Path(f) for f in sys.argv[1:]] or list(FILES))
    shipped = predict_rows(catalog, rows)
    silent = shipped[shipped["reason"] != ""]
    print(f"{len(rows)} rows; refused {len(silent)}: {dict(silent['reason'].value_counts())}\n")
    told("as shipped", pd.concat([rows, shipped.drop(columns="id")], axis=1))
    for title, columns in LEFT_OUT.items():
        found = predicted(catalog, rows, columns)
        told(title, found)
        for name in ("file", "workload", "framework"):
            for key, part in found.groupby(name):
                if len(part) >= 20:
                    told(f"  {key}", part)
        benchmark = found["source"].str.contains(BENCHMARK)
        told("  MLPerf", found[benchmark])
        for key, part in found[benchmark].groupby("scenario"):
            told(f"    {key}", part)


if __name__ == "__main__":
    main()
