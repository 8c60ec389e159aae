"""How far predictions are from measurements, by stratum and overall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

STRATUM = ("workload", "framework", "accelerator", "metric")
GROUP = ("model", "accelerator", "framework")
"""Measurements of one group are neighbours: they count as one experiment."""


@dataclass(frozen=True)
class Accuracy:
    """Errors of predictions against measurements.

    ``overall`` and each line of ``strata`` hold ``n``, ``groups`` (distinct model, chip and
    framework), ``median_ape`` and ``p90_ape`` (absolute error over the measured value), ``bias``
    (median signed error) and ``coverage80`` (share of measurements inside the 80 % interval); all
    shares, NaN where ``n`` is 0.
    """

    overall: dict[str, float]
    strata: pd.DataFrame
    rows: pd.DataFrame
    unpredicted: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """The contract for machines: overall, strata, rows, unpredicted; NaN as None."""
        return {
            "overall": _plain(self.overall),
            "strata": [_plain(r) for r in self.strata.to_dict("records")],
            "rows": [
                _plain(r)
                for r in self.rows[["id", "predicted", "low", "high", "reason"]].to_dict("records")
            ],
            "unpredicted": [_plain(r) for r in self.unpredicted.to_dict("records")],
        }


def score(rows: pd.DataFrame, predictions: pd.DataFrame) -> Accuracy:
    """Compare predictions with the measurements they belong to.

    Parameters
    ----------
    rows : DataFrame
        Measurements, as `contract.read_measurements` gives them.
    predictions : DataFrame
        As `measured.predict_rows` gives them, for the same ids.
    """
    told = predictions.set_index("id").loc[list(rows["id"])].reset_index()
    joined = pd.concat(
        [rows.reset_index(drop=True), told.drop(columns="id")],
        axis=1,
    )
    joined["predicted"] = joined["predicted"].astype(float)
    answered = joined[joined["predicted"].notna()].copy()
    answered["error"] = answered["predicted"] / answered["value"] - 1.0
    inside = (answered["low"] <= answered["value"]) & (answered["value"] <= answered["high"])
    answered["inside"] = inside.astype(float)
    strata = [
        {**dict(zip(STRATUM, key, strict=True)), **summary(part)}
        for key, part in answered.groupby(list(STRATUM), sort=True)
    ]
    columns = [*STRATUM, *summary(answered)]
    silent = joined.loc[joined["predicted"].isna(), ["id", "reason"]].reset_index(drop=True)
    return Accuracy(
        overall={**summary(answered), "unpredicted": len(silent)},
        strata=pd.DataFrame(strata, columns=columns),
        rows=joined,
        unpredicted=silent,
    )


def summary(answered: pd.DataFrame) -> dict[str, float]:
    """Figures of one stratum; the frame carries ``error``, ``inside`` and the group's columns."""
    error = answered["error"].to_numpy(float)
    size = np.abs(error)
    some = len(error) > 0
    return {
        "n": len(error),
        "groups": len(answered.drop_duplicates(list(GROUP))),
        "median_ape": float(np.median(size)) if some else math.nan,
        "p90_ape": float(np.quantile(size, 0.9)) if some else math.nan,
        "bias": float(np.median(error)) if some else math.nan,
        "coverage80": float(answered["inside"].mean()) if some else math.nan,
    }


def _plain(values: Any) -> dict[str, Any]:
    return {
        str(k): None if isinstance(v, float) and not math.isfinite(v) else v
        for k, v in values.items()
    }
