"""How accurate predictions are on what they were not fitted to.

Language models: factors are fitted anew without each (model, chip, framework) group of the
tables; they are told for the project's file and for all under ``benchmarks/published``, and once
more without whole framework versions and publications. One-pass models: `accuracy_passes.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.performance.accuracy import GROUP, summary
from advisor.performance.measured import predict_rows, read_measurements

sys.path.insert(0, str(Path(__file__).resolve().parent))
from calibrate import Data, fit, gather, left_out, llm_files

ROOT = Path(__file__).resolve().parents[1]


def own_file() -> Path:
    """The project's measurements, or the file named on the command line."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "catalogs" / "measurements.csv"


def told(title: str, table: pd.DataFrame) -> None:
    """Print figures of each line of `table`, which carries error, inside and the group."""
    f = summary(table)
    print(
        f"{title:58} n {f['n']:4} groups {f['groups']:3}  median {f['median_ape']:6.1%}"
        f"  P90 {f['p90_ape']:6.1%}  bias {f['bias']:+6.1%}  coverage {f['coverage80']:4.0%}"
    )


def compared(data: Data, value: np.ndarray, spreads: pd.DataFrame) -> pd.DataFrame:
    """Rows with signed error and whether the interval of the shipped factors holds them."""
    rows = data.rows.assign(predicted=value)
    original = rows["id"].str.split(" ", n=1).str[1]
    ratio = spreads.set_index("id")["ratio"].reindex(original).to_numpy(float)
    rows["error"] = rows["predicted"] / rows["value"] - 1.0
    inside = (rows["value"] >= rows["predicted"] / ratio) & (
        rows["value"] <= rows["predicted"] * ratio
    )
    return rows.assign(inside=inside.astype(float))


def ratios(predictions: pd.DataFrame) -> pd.DataFrame:
    """Upper end of each interval over its centre."""
    return predictions.assign(ratio=predictions["high"] / predictions["predicted"])


def language_models(catalog: Catalog, file: Path, shipped: pd.DataFrame) -> None:
    """Cross-validate the fitted factors on all tables; tell the project's own rows first."""
    published = llm_files()
    data = gather(catalog, [file, *published])
    others = pd.concat([read_measurements(f) for f in published], ignore_index=True)
    spreads = ratios(pd.concat([shipped, predict_rows(catalog, others)], ignore_index=True))
    near = fit(data, np.ones(len(data.value), bool))
    table = compared(data, left_out(data, data.groups(*GROUP), FOLDS, near), spreads)
    own = data.rows["id"].str.startswith("0 ").to_numpy()
    for title, part in (("the project's measurements", table[own]), ("all tables", table)):
        print(f"\nLLM, left out by (model, chip, framework): {title}")
        rate = ~part["metric"].str.endswith("_ms")
        told("  throughput, mixed frameworks", part[rate])
        vendor = (part["framework"] == "tensorrt-llm") & (part["scenario"] == "offline")
        told("  TensorRT-LLM, saturated throughput", part[vendor & ~part["mlperf"] & rate])
        told("  MLPerf throughput", part[part["mlperf"] & rate])
        for key, some in part[~part["mlperf"]].groupby(["framework", "metric"]):
            if len(some) >= FEW:
                told("    " + ", ".join(key), some)
    for title, columns in (
        ("framework version left out", ("framework", "version")),
        ("publication left out", ("source",)),
    ):
        part = compared(data, left_out(data, data.groups(*columns), FOLDS, near), spreads)
        rate = ~part["metric"].str.endswith("_ms")
        told(f"LLM throughput, {title}", part[rate])


FOLDS = 10
FEW = 5
"""Strata of fewer rows are not printed."""


def main() -> None:
    """Print all of it."""
    catalog = Catalog.load()
    file = own_file()
    rows = read_measurements(file)
    shipped = predict_rows(catalog, rows)
    silent = shipped[shipped["reason"] != ""]
    print(f"{len(rows)} rows; refused {len(silent)}: {dict(silent['reason'].value_counts())}")
    language_models(catalog, file, shipped)


if __name__ == "__main__":
    main()
