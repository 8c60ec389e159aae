"""How accurate predictions are on what they were not fitted to.

Language models: factors are fitted anew without each (model, chip, framework) group of the
project's measurements. Then rows of published tables that were not fitted at all. One-pass models:
`accuracy_passes.py`.
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
from calibrate import Data, fit, gather, left_out, predicted

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "benchmarks" / "published"


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


def main() -> None:
    """Print all of it."""
    catalog = Catalog.load()
    file = own_file()
    rows = read_measurements(file)
    shipped = predict_rows(catalog, rows)
    silent = shipped[shipped["reason"] != ""]
    print(f"{len(rows)} rows; refused {len(silent)}: {dict(silent['reason'].value_counts())}\n")
    data = gather(catalog, [file])
    table = compared(data, left_out(data, data.groups(*GROUP), 12), ratios(shipped))
    told("LLM, left out by (model, chip, framework)", table)
    throughput = ~table["metric"].str.endswith("_ms")
    told("  throughput, mixed frameworks", table[throughput])
    vendor = (table["framework"] == "tensorrt-llm") & (table["scenario"] == "offline")
    told("  TensorRT-LLM, saturated throughput", table[vendor])
    for key, part in table.groupby(["framework", "metric"]):
        told("  " + ", ".join(key), part)
    if PUBLISHED.is_dir():
        files = sorted(PUBLISHED.glob("*.csv"))
        both = gather(catalog, [file, *files])
        outside = both.rows["id"].str.startswith(tuple(f"{i + 1} " for i in range(len(files))))
        value = predicted(both, fit(both, ~outside.to_numpy()))
        others = pd.concat([read_measurements(f) for f in files], ignore_index=True)
        spreads = ratios(pd.concat([shipped, predict_rows(catalog, others)], ignore_index=True))
        table = compared(both, value, spreads)[outside.to_numpy()]
        told("tables never fitted (other versions, chips, models)", table)
        for key, part in table.groupby("accelerator"):
            told(f"  {key}", part)


if __name__ == "__main__":
    main()
