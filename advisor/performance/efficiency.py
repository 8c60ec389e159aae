"""How much of a chip a stack reaches: fitted factors for LLMs, measured anchors for the rest."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import record

from .chips import peak_tflops
from .llm import Array
from .lookup import Lookup, column

Objects = npt.NDArray[np.object_]
Factors = dict[str, npt.NDArray[Any]]

ANCHOR_LEVELS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("model", "accelerator", "precision", "framework"), 0.10),
    (("model", "accelerator", "precision"), 0.20),
    (("model", "accelerator"), 0.25),
    (("kind", "family", "peak"), 0.30),
    (("kind", "family"), 0.40),
)
"""How near an anchor must be, nearest first, and the 80 % spread of what it says. Spreads are this
project's judgement until the accuracy work fits them."""


def most_specific(table: pd.DataFrame, wanted: dict[str, tuple[Any, int]]) -> int:
    """Position of the most specific row that matches; ``*`` in the table matches anything.

    Parameters
    ----------
    wanted : mapping of column to (value, weight)
        Rows that name the value outright rank by the weights of the columns where they do.
    """
    match = np.ones(len(table), bool)
    rank = np.zeros(len(table))
    for name, (value, weight) in wanted.items():
        exact = (table[name] == value).to_numpy()
        match &= exact | (table[name] == "*").to_numpy()
        rank += weight * exact
    return int(np.where(match, rank, -1.0).argmax())


def _spread_out(keys: list[Objects]) -> tuple[npt.NDArray[np.intp], list[tuple[Any, ...]]]:
    """Codes of the distinct combinations of several columns, and those combinations."""
    codes, unique = pd.MultiIndex.from_arrays(keys).factorize()
    return codes, list(unique)


def calibration_factors(
    catalog: Catalog, framework: Objects, family: Objects, peak: Objects
) -> Factors:
    """The most specific calibration row for each configuration, as columns of shape (n,).

    Framework counts for more than family, and family for more than peak.
    """
    table = catalog["calibration"]
    codes, unique = _spread_out([framework, family, peak])
    picks = [
        most_specific(table, {"framework": (f, 4), "family": (a, 2), "peak": (p, 1)})
        for f, a, p in unique
    ]
    return {name: table[name].to_numpy()[picks][codes] for name in table.columns}


def pass_factors(
    catalog: Catalog, configs: pd.DataFrame, models: Lookup, chips: Lookup, precisions: Lookup
) -> Factors:
    """Share of peak and fixed time per pass for one-pass models, as columns of shape (n,).

    The rule of thumb for (kind, chip kind, framework) is scaled by how measured anchors compare
    with their own rule of thumb, taking the nearest anchors there are (`ANCHOR_LEVELS`).
    """
    keys = {
        "model": models.values("model"),
        "accelerator": chips.values("accelerator"),
        "precision": precisions.values("precision"),
        "framework": configs["framework"].to_numpy(object),
        "kind": models.values("kind"),
        "family": chips.values("family"),
        "peak": precisions.values("peak"),
        "chip_kind": chips.values("kind"),
    }
    codes, unique = _spread_out(list(keys.values()))
    rows = [_one(catalog, dict(zip(keys, key, strict=True))) for key in unique]
    return {name: np.array([r[name] for r in rows])[codes] for name in rows[0]}


def _one(catalog: Catalog, key: dict[str, Any]) -> dict[str, Any]:
    rule = rule_of_thumb(catalog, key["kind"], key["chip_kind"], key["framework"])
    out = {
        "mfu": rule["mfu"],
        "batch_overhead_s": rule["batch_overhead_s"],
        "spread": rule["spread"],
        "evidence": "rule",
    }
    anchors = anchor_ratios(catalog)
    for level, (columns, spread) in enumerate(ANCHOR_LEVELS):
        ratio = anchors[columns].get(tuple(key[c] for c in columns))
        if ratio is not None:
            out["mfu"] = min(rule["mfu"] * ratio, 0.95)
            out["spread"] = spread
            out["evidence"] = "published" if level == 0 else "calibrated"
            break
    return out


@lru_cache(maxsize=4096)
def rule_of_thumb(catalog: Catalog, kind: str, chip_kind: str, framework: str) -> dict[str, Any]:
    """The most specific pass-efficiency row for a kind of model on a kind of chip."""
    table = catalog["pass_efficiency"]
    wanted = {"kind": (kind, 2), "chip_kind": (chip_kind, 4), "framework": (framework, 1)}
    return record(table.iloc[most_specific(table, wanted)])


@lru_cache(maxsize=8)
def anchor_ratios(catalog: Catalog) -> dict[tuple[str, ...], dict[tuple[Any, ...], float]]:
    """Measured over rule-of-thumb share of peak, at each level of nearness (geometric means)."""
    anchors = catalog["anchors"].reset_index(drop=True)
    models = Lookup(catalog, "models", anchors["model"])
    chips = Lookup(catalog, "accelerators", anchors["accelerator"])
    precisions = Lookup(catalog, "precisions", anchors["precision"])
    scale: Array = column(anchors, "sample_tokens") / models.numbers("sample_tokens")
    flop = models.numbers("gflops_per_sample") * np.where(np.isnan(scale), 1.0, scale)
    # Anchors of power-capped chips were measured under their cap.
    derate = np.where(chips.flags("power_capped"), catalog.assumption("power_capped_derate"), 1.0)
    peak = peak_tflops(chips, precisions) * derate
    with np.errstate(divide="ignore"):
        mfu = anchors["samples_per_s"].to_numpy(float) * flop / (peak * 1e3)
    kinds = zip(models.values("kind"), chips.values("kind"), anchors["framework"], strict=True)
    rules = np.array([rule_of_thumb(catalog, k, c, f)["mfu"] for k, c, f in kinds])
    table = anchors.assign(
        kind=models.values("kind"),
        family=chips.values("family"),
        peak=precisions.values("peak"),
        ratio=np.log(mfu / rules),
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
