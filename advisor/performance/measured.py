"""Measurements as questions to the performance model: what each row should have shown.

Every row is either predicted or named with the reason why not. The contract of the rows is that of
`contract.read_measurements`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.errors import NotFoundError

from . import aliases, stated
from .contract import read_measurements
from .generic import with_generic
from .measured_llm import predict_llm_rows
from .measured_pass import predict_pass_rows

__all__ = ["predict_rows", "questions", "read_measurements"]

RESULT = ("id", "predicted", "low", "high", "reason", "evidence", "note")
CONVOLVED = ("cnn", "diffusion")
RATES = ("tok_s_out", "tok_s_total", "req_s", "samples_s")


def predict_rows(catalog: Catalog, rows: pd.DataFrame) -> pd.DataFrame:
    """Predict what each measurement should have shown.

    Parameters
    ----------
    catalog : Catalog
    rows : DataFrame
        As `contract.read_measurements` gives them.

    Returns
    -------
    DataFrame
        In the order of `rows`: ``id``; ``predicted`` with ``low`` and ``high`` (80 % interval), in
        the unit of the row's metric, NaN where not predicted; ``reason`` (empty where predicted);
        ``evidence``; ``note`` (what was assumed and why an interval is wide).
    """
    rows = rows.reset_index(drop=True)
    catalog, told = with_generic(catalog, rows)
    asked, refused = questions(catalog, rows, told)
    parts = [refused]
    for run, kind in ((predict_llm_rows, True), (predict_pass_rows, False)):
        mine = asked[(asked["workload"] == "llm") == kind] if len(asked) else asked
        if len(mine):
            parts.append(run(catalog, mine))
    joined = pd.concat([p for p in parts if len(p)], ignore_index=True)
    out: pd.DataFrame = joined.set_index("id").loc[list(rows["id"])].reset_index()
    return out[list(RESULT)]


def refusals(ids: list[str], reasons: list[str]) -> pd.DataFrame:
    """Rows that are not predicted, in the shape of `predict_rows`."""
    blank = [np.nan] * len(ids)
    return pd.DataFrame(
        {
            "id": ids,
            "predicted": blank,
            "low": blank,
            "high": blank,
            "reason": reasons,
            "evidence": "",
            "note": "",
        }
    )


def questions(
    catalog: Catalog, rows: pd.DataFrame, told: dict[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows in the catalog's names, and those that cannot be named."""
    asked: list[dict[str, Any]] = []
    ids, reasons = [], []
    for row in records(rows):
        try:
            asked.append(_question(catalog, row, told))
        except (NotFoundError, ValueError) as error:
            ids.append(row["id"])
            reasons.append(str(error))
    return pd.DataFrame(asked), refusals(ids, reasons)


def _question(catalog: Catalog, row: dict[str, Any], told: dict[str, str]) -> dict[str, Any]:
    """One row in catalog names.

    Raises
    ------
    NotFoundError, ValueError
        With the reason why it cannot be asked.
    """
    notes: list[str] = []
    chip = aliases.chip(catalog, row["accelerator"])
    accelerator = catalog.lookup("accelerators", chip.name)
    name = aliases.model(catalog, row["model"])
    if name is None:
        raise ValueError(
            f"the catalog has no model '{row['model']}' and no parameter count is given"
        )
    if name in told:
        notes.append(told[name])
    model = catalog.lookup("models", name)
    if model["closed"]:
        raise ValueError(f"'{name}' is sold as an API only: its shape is not published")
    if (model["kind"] == "llm") != (row["workload"] == "llm"):
        raise ValueError(f"'{name}' is no {row['workload']} model but {model['kind']}")
    weight = aliases.weight_precision(row, accelerator)
    framework = str(row["framework"]).lower()
    framework = aliases.FRAMEWORKS.get(framework, framework)
    language, entry = row["workload"] == "llm", stated.is_benchmark(row)
    if not language:
        framework = stated.engine(framework, str(row["notes"]))
    weight = _as_published(row, accelerator, framework, weight, notes)
    if entry and not language:
        framework = stated.benchmark_framework(framework, accelerator["kind"], weight)
    catalog.lookup("precisions", weight)
    cache = str(row["kv_precision"] or "").lower()
    if not cache and language:
        cache = stated.usual_cache(weight, framework, entry)
    low = float(catalog.lookup("precisions", weight)["bits_per_weight"]) < 9
    eager = framework == "pytorch" and not (entry and accelerator["vendor"] == "AMD")
    if language and low and eager:
        raise ValueError(
            "eager PyTorch in 8 or 4 bits goes by its quantization library, which is not stated:"
            " published speeds differ tenfold"
        )
    return {
        **row,
        "model": name,
        "accelerator": chip.name,
        "units": chip.units,
        "weight_precision": weight,
        "kv_precision": aliases.CACHES.get(cache, "kv-16"),
        "framework": framework,
        "version": (stated.benchmark_round(row) if language else "")
        or str(row["framework_version"] or ""),
        "image_px": stated.image_px(row),
        "steps": stated.steps(row),
        "kind": model["kind"],
        "mlperf": entry,
        "generic": name in told,
        "note": "; ".join(notes),
    }


def _as_published(
    row: dict[str, Any],
    accelerator: dict[str, Any],
    framework: str,
    weight: str,
    notes: list[str],
) -> str:
    """Number formats that a benchmark's own files contradict or leave out."""
    eight = (accelerator["fp8_tflops"] or 0) > 0
    entry = stated.is_benchmark(row)
    if entry and row["workload"] == "llm" and weight in {"fp16", "bf16"} and eight:
        weight, said = stated.tuned_precision(row, accelerator)
        notes.append(said)
        return weight
    if entry and row["workload"] != "llm":
        weight, said = stated.benchmark_precision(row, weight, eight)
        notes.extend([said] if said else [])
        return weight
    # Convolutions in PyTorch, everything in TensorFlow.
    default = framework == "tensorflow" or (framework == "pytorch" and row["workload"] in CONVOLVED)
    if default and weight == "fp32" and (accelerator["tf32_tflops"] or 0) > 0:
        notes.append("stated FP32: that framework multiplies in TF32 on this chip by default")
        return "tf32"
    if not row["weight_precision"]:
        notes.append("no precision stated: taken as 16 bits")
    return weight
