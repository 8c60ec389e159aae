"""How much of a chip a stack reaches: fitted factors for LLMs, measured anchors for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog import Catalog

from .chips import chip_peak_tflops

ANCHOR_LEVELS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("model", "accelerator", "precision", "framework"), 0.10),
    (("model", "accelerator", "precision"), 0.20),
    (("model", "accelerator"), 0.25),
    (("kind", "family", "peak"), 0.30),
    (("kind", "family"), 0.40),
)
"""How near an anchor must be, nearest first, and the 80 % spread of what it says. Spreads are this
project's judgement until the accuracy work fits them."""


def calibration_factors(
    catalog: Catalog,
    framework: pd.Series[Any],
    family: pd.Series[Any],
    peak: pd.Series[Any],
) -> pd.DataFrame:
    """The most specific calibration row for each configuration.

    A row matches when each of its framework, family and peak equals the configuration's or is
    ``*``; framework counts for more than family, and family for more than peak.
    """
    table = catalog["calibration"]
    keys = pd.DataFrame({"framework": framework, "family": family, "peak": peak})
    chosen: dict[tuple[Any, ...], Any] = {}
    for key in keys.drop_duplicates().itertuples(index=False, name=None):
        match = np.ones(len(table), bool)
        rank = np.zeros(len(table))
        for weight, column, value in zip((4, 2, 1), keys.columns, key, strict=True):
            exact = (table[column] == value).to_numpy()
            match &= exact | (table[column] == "*").to_numpy()
            rank += weight * exact
        chosen[key] = table.index[np.where(match, rank, -1.0).argmax()]
    picks = [chosen[k] for k in keys.itertuples(index=False, name=None)]
    out = table.loc[picks]
    out.index = keys.index
    return out


def pass_factors(
    catalog: Catalog,
    configs: pd.DataFrame,
    models: pd.DataFrame,
    chips: pd.DataFrame,
    precisions: pd.DataFrame,
) -> pd.DataFrame:
    """Share of peak and fixed time per pass for one-pass models.

    The rule of thumb for (kind, chip kind, framework) is scaled by how measured anchors compare
    with their own rule of thumb, taking the nearest anchors there are (`ANCHOR_LEVELS`).
    """
    keys = pd.DataFrame(
        {
            "model": models["model"],
            "accelerator": configs["accelerator"],
            "precision": configs["weight_precision"],
            "framework": configs["framework"],
            "kind": models["kind"],
            "family": chips["family"],
            "peak": precisions["peak"],
            "chip_kind": chips["kind"],
        }
    )
    anchors = _anchor_ratios(catalog)
    unique = keys.drop_duplicates()
    rows = [_one(catalog, anchors, row) for row in unique.to_dict("records")]
    looked_up = unique.assign(**{c: [r[c] for r in rows] for c in rows[0]})
    merged = keys.reset_index().merge(looked_up, on=list(keys.columns), how="left")
    return merged.set_index(merged.columns[0])[list(rows[0])]


def _one(
    catalog: Catalog,
    anchors: dict[tuple[str, ...], dict[tuple[Any, ...], float]],
    key: dict[Any, Any],
) -> dict[str, Any]:
    rule = rule_of_thumb(catalog, key["kind"], key["chip_kind"], key["framework"])
    out = {
        "mfu": rule["mfu"],
        "batch_overhead_s": rule["batch_overhead_s"],
        "spread": rule["spread"],
        "evidence": "rule",
    }
    for level, (columns, spread) in enumerate(ANCHOR_LEVELS):
        ratio = anchors[columns].get(tuple(key[c] for c in columns))
        if ratio is not None:
            out["mfu"] = min(rule["mfu"] * ratio, 0.95)
            out["spread"] = spread
            out["evidence"] = "published" if level == 0 else "calibrated"
            break
    return out


def rule_of_thumb(catalog: Catalog, kind: str, chip_kind: str, framework: str) -> dict[str, Any]:
    """The most specific pass-efficiency row for a kind of model on a kind of chip."""
    table = catalog["pass_efficiency"]
    match = np.ones(len(table), bool)
    rank = np.zeros(len(table))
    columns = (("kind", kind, 2), ("chip_kind", chip_kind, 4), ("framework", framework, 1))
    for column, value, weight in columns:
        exact = (table[column] == value).to_numpy()
        match &= exact | (table[column] == "*").to_numpy()
        rank += weight * exact
    row: dict[str, Any] = table.iloc[int(np.where(match, rank, -1.0).argmax())].to_dict()
    return row


def _anchor_ratios(
    catalog: Catalog,
) -> dict[tuple[str, ...], dict[tuple[Any, ...], float]]:
    """Measured over rule-of-thumb share of peak, at each level of nearness (geometric means)."""
    anchors = catalog["anchors"].reset_index(drop=True)
    models = pd.DataFrame([catalog.lookup("models", m) for m in anchors["model"]])
    chips = pd.DataFrame([catalog.lookup("accelerators", a) for a in anchors["accelerator"]])
    precisions = pd.DataFrame([catalog.lookup("precisions", p) for p in anchors["precision"]])
    gflops = pd.to_numeric(models["gflops_per_sample"])
    scale = pd.to_numeric(anchors["sample_tokens"]) / pd.to_numeric(models["sample_tokens"])
    peak = chip_peak_tflops(chips, precisions)
    mfu = anchors["samples_per_s"] * gflops * scale.fillna(1.0) / (peak * 1e3)
    rules = [
        rule_of_thumb(catalog, k, c, f)["mfu"]
        for k, c, f in zip(models["kind"], chips["kind"], anchors["framework"], strict=True)
    ]
    table = anchors.assign(
        kind=models["kind"],
        family=chips["family"],
        peak=precisions["peak"],
        ratio=np.log(mfu / np.asarray(rules)),
    )
    # A pass is measured at several batches; only the best of each configuration is saturated.
    saturated = table.sort_values("ratio").drop_duplicates(
        ["model", "accelerator", "precision", "framework"], keep="last"
    )
    usable = saturated[np.isfinite(saturated["ratio"])]
    return {
        columns: {
            (k if isinstance(k, tuple) else (k,)): float(np.exp(v))
            for k, v in usable.groupby(list(columns))["ratio"].mean().items()
        }
        for columns, _ in ANCHOR_LEVELS
    }
