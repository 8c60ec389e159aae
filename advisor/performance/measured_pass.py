"""What a measurement of an encoder, vision or diffusion model should have shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog

from . import onepass
from .anchors import Z80
from .configs import Array
from .contract import load
from .efficiency import Factors
from .lookup import column
from .predict import pass_setting


def predict_pass_rows(catalog: Catalog, rows: pd.DataFrame) -> pd.DataFrame:
    """One-pass rows (in catalog names) in the shape of `measured.predict_rows`.

    Accelerators are independent replicas. ``offline`` takes the best batch, ``static`` and a stated
    count that batch, ``single`` one sample; ``server`` is the share of the saturated rate that its
    latency limit leaves.
    """
    rows = rows.reset_index(drop=True)
    n = len(rows)
    loads = np.array([load(str(x))[0] for x in rows["concurrency"]])
    scenario = rows["scenario"].to_numpy(object)
    batch = np.where(scenario == "single", 1.0, loads)
    server = np.isin(scenario, ("server", "interactive"))
    batch = np.where(server | ~np.isfinite(batch), np.nan, batch)
    configs = rows.assign(
        chip_share=rows["units"],
        host_memory_gib=1024.0,
        params_factor=1.0,
        batching=1.0,
        batch=batch,
        tensor_parallel=1,
    )
    c, factors, reason = pass_setting(catalog, configs)
    best = onepass.best_batch(c)
    size = np.where(np.isnan(batch), best, batch)
    once = onepass.pass_s(c, size)
    count = _replicas(rows)
    rate = size / once * count * np.where(server, factors["server_share"].astype(float), 1.0)
    metric = rows["metric"].to_numpy(object)
    value = np.where(np.isin(metric, ("samples_s", "req_s")), rate, np.nan)
    value = np.where(metric == "ttft_ms", once * 1e3, value)
    reason = np.where(
        (reason == "") & np.isnan(value), "a model of one pass has no such metric", reason
    )
    value = np.where(reason == "", value, np.nan)
    spread = np.exp(Z80 * _deviation(c, factors, once, server)) - 1.0
    return pd.DataFrame(
        {
            "id": rows["id"],
            "predicted": value,
            "low": value / (1.0 + spread),
            "high": value * (1.0 + spread),
            "reason": reason,
            "evidence": np.where(reason == "", factors["evidence"].astype(object), np.full(n, "")),
            "note": rows["note"],
        }
    )


def _deviation(
    c: onepass.PassConfigs, factors: Factors, once: Array, server: npt.NDArray[np.bool_]
) -> Array:
    """Standard deviation of the logarithm of a measured rate, one repeat included."""
    fixed = np.minimum((c.pass_overhead_s / once) ** onepass.PASS_BLEND, 1.0)
    work = fixed - 1.0
    parts = {name: factors[name].astype(float) for name in ("speed_sd", "fixed_sd", "both")}
    variance = (work * parts["speed_sd"]) ** 2 + (fixed * parts["fixed_sd"]) ** 2
    variance = np.maximum(variance + 2.0 * fixed * work * parts["both"], 0.0)
    limit = np.where(server, factors["server_sd"].astype(float), 0.0)
    out: Array = np.sqrt(variance + factors["repeat_sd"].astype(float) ** 2 + limit**2)
    return out


def _replicas(rows: pd.DataFrame) -> Array:
    """Independent copies: accelerators, or sockets where the name counts them itself."""
    count = column(rows, "accelerator_count")
    return np.where(rows["units"].to_numpy(float) != 1.0, 1.0, count)
