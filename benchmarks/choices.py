"""Choosing right: what it costs to take the configuration that is predicted to be the cheapest.

``python benchmarks/choices.py [FILE.csv ...]``

Measurements that share model, lengths, scenario and quality target and differ in chip, count,
number format or framework are one decision; told within one publication, where nothing else
differs, and across all, where versions and hosts differ too. Each configuration costs what its
chips cost an hour on demand where they are cheapest in the catalog; the regret is what the chosen
one costs more per token or sample, as measured, than the one that was measured to be the cheapest.
Every prediction is told without the row's own (model, chip, framework): language models by factors
fitted anew, the others with the anchors of the pair left out. What the shipped factors choose is
printed beside it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_passes import predicted
from calibrate import fit, gather, left_out, llm_files

from advisor.catalog import Catalog
from advisor.errors import NotFoundError
from advisor.performance import aliases
from advisor.performance.accuracy import GROUP
from advisor.performance.measured import predict_rows, read_measurements

ROOT = Path(__file__).resolve().parents[1]
FOLDS = 12
RATES = ("tok_s_out", "tok_s_total", "req_s", "samples_s")
DECISION = (
    *("workload", "model", "scenario", "metric", "concurrency", "isl_tokens", "osl_tokens"),
    "target",
)
CONFIGURATION = (
    *("accelerator", "accelerator_count", "weight_precision", "kv_precision", "framework"),
    "framework_version",
)


def usd_per_chip_hour(catalog: Catalog) -> dict[str, float]:
    """The lowest on-demand price of one chip for an hour, by chip."""
    prices = catalog.prices()
    prices = prices[(prices["purchase"] == "on_demand") & prices["usd_per_hour"].notna()]
    machines = catalog["instances"][["cloud", "instance", "accelerator", "accelerator_count"]]
    both = prices.merge(machines, on=["cloud", "instance"])
    per = both["usd_per_hour"] / both["accelerator_count"]
    return {str(k): float(v) for k, v in per.groupby(both["accelerator"]).min().items()}


def chips(catalog: Catalog, rows: pd.DataFrame) -> dict[str, str]:
    """The catalog's name of each chip that it holds."""
    out = {}
    for name in rows["accelerator"].unique():
        with suppress(NotFoundError):
            out[name] = aliases.chip(catalog, name).name
    return out


def unseen(catalog: Catalog, files: list[Path], rows: pd.DataFrame) -> pd.Series:
    """Predictions by id that have not seen the row's group; ids carry their file's number."""
    data = gather(catalog, files)
    near = fit(data, np.ones(len(data.value), bool))
    values = left_out(data, data.groups(*GROUP), FOLDS, near)
    llm = pd.Series(values, index=data.rows["id"].str.split(" ", n=1).str[1])
    passes = rows[rows["workload"] != "llm"].reset_index(drop=True)
    other = predicted(catalog, passes, ("model", "accelerator")).set_index("id")["predicted"]
    return pd.concat([llm, other])


def configurations(
    rows: pd.DataFrame, price: dict[str, float], catalog: Catalog, decision: list[str]
) -> pd.DataFrame:
    """One line per configuration of each decision: measured and predicted cost per unit."""
    usd = rows["accelerator"].map(chips(catalog, rows)).map(price) * rows["accelerator_count"]
    hourly = rows.assign(usd=usd, target=rows["notes"].str.extract(r"target=(\S+)")[0])
    known = hourly[hourly["metric"].isin(RATES) & usd.notna() & hourly["predicted"].notna()]
    keys = [*decision, *CONFIGURATION]
    runs = known.groupby(keys, dropna=False, as_index=False)[["value", "predicted", "usd"]]
    table = runs.median()
    table["measured_cost"] = table["usd"] / table["value"]
    table["predicted_cost"] = table["usd"] / table["predicted"]
    return table


def regrets(table: pd.DataFrame, decision: list[str]) -> pd.DataFrame:
    """Regret of each decision between at least two configurations."""
    found = []
    for key, part in table.groupby(decision, dropna=False):
        if len(part) < 2:
            continue
        chosen = part.loc[part["predicted_cost"].idxmin()]
        best = part.loc[part["measured_cost"].idxmin()]
        found.append(
            {
                **dict(zip(decision, key, strict=True)),
                "options": len(part),
                "chips": part["accelerator"].nunique(),
                "regret": chosen["measured_cost"] / best["measured_cost"] - 1.0,
                "blind": part["measured_cost"].mean() / best["measured_cost"] - 1.0,
                "chosen": " ".join(str(chosen[c]) for c in CONFIGURATION[:3]),
                "best": " ".join(str(best[c]) for c in CONFIGURATION[:3]),
            }
        )
    return pd.DataFrame(found)


def told(title: str, found: pd.DataFrame) -> None:
    """Print the regret of some decisions."""
    if len(found):
        r = found["regret"]
        print(
            f"{title:46} decisions {len(r):3} (between {found['options'].sum()} configurations)"
            f"  mean {r.mean():5.1%}  P90 {np.quantile(r, 0.9):5.1%}  max {r.max():6.1%}"
            f"  right {np.mean(r < 1e-9):4.0%}  at random {found['blind'].mean():4.0%}"
        )


def report(title: str, found: pd.DataFrame) -> None:
    """Print regrets by kind of decision, and the worst."""
    print(f"\n{title}")
    told("all", found)
    told("  between chips", found[found["chips"] > 1])
    for key, part in found.groupby(["workload", "scenario"]):
        told("  " + ", ".join(key), part)
    for r in found.nlargest(5, "regret").itertuples():
        if r.regret > 0.01:
            print(
                f"    {r.regret:6.1%}  {r.model} {r.scenario} {r.metric}"
                f" {r.isl_tokens:g}/{r.osl_tokens:g} at {r.concurrency}: took {r.chosen},"
                f" best was {r.best}"
            )


def main() -> None:
    """Run and print."""
    catalog = Catalog.load()
    named = [Path(a) for a in sys.argv[1:]]
    files = named or [ROOT / "catalogs" / "measurements.csv", *llm_files()]
    rows = pd.concat([read_measurements(f) for f in files], ignore_index=True)
    price = usd_per_chip_hour(catalog)
    shipped = predict_rows(catalog, rows)["predicted"].to_numpy(float)
    out = unseen(catalog, files, rows)
    left = rows["id"].map(out[~out.index.duplicated()]).to_numpy(float)
    held = chips(catalog, rows)
    lost = sorted(c for c in set(rows["accelerator"]) if held.get(c) not in price)
    print(
        f"{len(rows)} measurements; chips without an on-demand price: {', '.join(lost) or 'none'}"
    )
    for name, value in (("group left out", left), ("as shipped, in sample", shipped)):
        for where, decision in (
            ("within a publication", [*DECISION, "source"]),
            ("across publications", list(DECISION)),
        ):
            table = configurations(rows.assign(predicted=value), price, catalog, decision)
            report(f"{name}, {where}", regrets(table, decision))


if __name__ == "__main__":
    main()
