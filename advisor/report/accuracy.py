"""The accuracy card: how far predictions are from the published measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.performance.accuracy import Accuracy, score, summary
from advisor.performance.measured import predict_rows
from advisor.performance.published import measurements

RATE, LATENCY = "LLM, rate", "LLM, latency"
KINDS = {"encoder": "encoder", "cnn": "vision", "diffusion": "diffusion"}
UNITS = {
    "tok_s_out": "output tokens/s",
    "tok_s_total": "input and output tokens/s",
    "req_s": "requests/s",
    "samples_s": "samples/s",
    "ttft_ms": "ms to first token",
    "tpot_ms": "ms per output token",
}
RESTS_ON = {
    "calibrated": "the roofline, with factors fitted to its stack",
    "published": "a published figure of the same model and chip, scaled",
    "rule": "the roofline, with assumed factors",
}
WIDE = 0.5
"""Half-width of an interval from which on the model says that it hardly knows."""


@dataclass(frozen=True, eq=False)
class Card:
    """Predictions of the catalog's measurements, and what can be said of them.

    Attributes
    ----------
    result : Accuracy
    kinds, evidence : DataFrame
        `accuracy.summary` by kind of measurement and by what the prediction rests on.
    refused : DataFrame
        ``reason`` and ``n`` of rows that are not predicted.
    wide : int
        Predictions whose interval is at least ±50 %.
    """

    result: Accuracy
    kinds: pd.DataFrame
    evidence: pd.DataFrame
    refused: pd.DataFrame
    wide: int

    def chart(self) -> list[dict[str, Any]]:
        """Rows of the chart ``accuracy``."""
        rows = self.result.rows
        shown = rows[rows["predicted"].notna()]
        return [
            {
                "id": r["id"],
                "measured": r["value"],
                "predicted": r["predicted"],
                "low": r["low"],
                "high": r["high"],
                "stratum": r["kind"],
                "unit": UNITS[r["metric"]],
            }
            for r in records(shown)
        ]


def accuracy_card(catalog: Catalog) -> Card:
    """Predict every measurement of the catalog and compare.

    Parameters
    ----------
    catalog : Catalog
        With overlays, whose measurements count too.
    """
    rows = measurements(catalog)
    rows["kind"] = [_kind(r["workload"], r["metric"]) for r in records(rows)]
    result = score(rows, predict_rows(catalog, rows))
    told = result.rows[result.rows["predicted"].notna()].copy()
    told["error"] = told["predicted"] / told["value"] - 1.0
    told["inside"] = told["value"].between(told["low"], told["high"]).astype(float)
    refused = result.unpredicted.groupby("reason", sort=False).size()
    return Card(
        result=result,
        kinds=_by(told, "kind", (RATE, LATENCY, *KINDS.values())),
        evidence=_by(told, "evidence", tuple(RESTS_ON)),
        refused=refused.rename("n").reset_index().sort_values("n", ascending=False),
        wide=int((told["high"] / told["predicted"] - 1.0 >= WIDE - 1e-9).sum()),
    )


LEFT_OUT = {
    "(model, chip, framework)": "its model on its chip and framework",
    "chip": "its chip",
    "model": "its model",
}
METRICS = {"rate": "throughput", "tpot_ms": "time per token", "ttft_ms": "first token"}


def unseen(catalog: Catalog) -> pd.DataFrame:
    """Errors of language models under fits that had not seen what was measured, over all stacks.

    Returns
    -------
    DataFrame
        ``what`` was left out and measured, in words, and the figures of
        `advisor.performance.accuracy.summary`.
    """
    table = catalog["calibration_errors"]
    table = table[(table["framework"] == "*") & table["left_out"].isin(LEFT_OUT)]
    what = [f"{LEFT_OUT[r['left_out']]}, {METRICS[r['metric']]}" for r in records(table)]
    return table.assign(what=what).reset_index(drop=True)


def _kind(workload: str, metric: str) -> str:
    if workload == "llm":
        return LATENCY if metric.endswith("_ms") else RATE
    return KINDS[workload]


def _by(told: pd.DataFrame, column: str, order: tuple[str, ...]) -> pd.DataFrame:
    """Errors by a column's values, in an order; those of another name last."""
    names = list(dict.fromkeys([*order, *told[column]]))
    found = [{column: n, **summary(told[told[column] == n])} for n in names]
    frame = pd.DataFrame(found)
    return frame[frame["n"] > 0].reset_index(drop=True)
