r"""Share of peak that a one-pass model reaches, from measured anchors near and far.

Each anchor says how its stack compares with the rule of thumb for its kind:
:math:`y = \ln(\eta/\eta_{rule})`. What an anchor tells about another configuration depends on what
they share: chip, family, model, arithmetic, framework, and the power a chip has per unit of peak
(within a generation the share of peak follows it: 0.48 of the INT8 peak on a 150 W A10, 0.62 on a
400 W A100). Each of these is taken as an independent Gaussian effect, and the estimate is the
conditional mean given all anchors (best linear unbiased prediction; Henderson 1975), with its
conditional variance as the interval. With no anchor near, the rule of thumb remains.

Anchors at several batches give fixed time and time per sample by least squares on
:math:`t^p = t_0^p + (b s)^p`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog

from .chips import peak_tflops
from .configs import Array
from .lookup import Lookup, column
from .onepass import PASS_BLEND, sample_gflops
from .rules import rule_of_thumb

EFFECTS: dict[tuple[str, ...], float] = {
    ("kind", "chip_kind"): 0.15,
    ("kind", "framework", "chip_kind"): 0.5,
    ("family",): 0.15,
    ("family", "kind"): 0.12,
    ("family", "peak"): 0.10,
    ("peak", "chip_kind"): 0.25,
    ("framework", "peak", "chip_kind"): 0.25,
    ("accelerator",): 0.10,
    ("model",): 0.25,
    ("model", "family"): 0.08,
    ("model", "accelerator"): 0.08,
    ("model", "accelerator", "framework", "peak"): 0.10,
}
"""Standard deviation of the effect that configurations share which are alike in these columns."""
POWER = 0.35
"""Standard deviation of the effect of power per peak, per unit of its logarithm."""
NOISE = 0.04
"""Repeat measurements and versions of a stack."""
Z80 = 1.2816
KEYS = ("kind", "framework", "family", "peak", "accelerator", "model", "chip_kind")


@dataclass(frozen=True)
class Known:
    """Anchors reduced to one line per stack, with what they say of speed and of fixed time."""

    table: pd.DataFrame
    weights: npt.NDArray[np.float64]
    """Inverse covariance times the anchors' deviations, one column each for speed and time."""
    inverse: npt.NDArray[np.float64]


@lru_cache(maxsize=64)
def known(catalog: Catalog) -> Known:
    """What the catalog's anchors say."""
    table = _reduced(catalog)
    cover = _covariance(table, table) + NOISE**2 * np.eye(len(table))
    inverse = np.linalg.inv(cover) if len(table) else np.zeros((0, 0))
    deviations = table[["speed", "fixed"]].to_numpy(float)
    return Known(table, inverse @ deviations, np.asarray(inverse, float))


def estimate(catalog: Catalog, asked: pd.DataFrame) -> pd.DataFrame:
    """Logarithmic deviations from the rule of thumb for some configurations.

    Parameters
    ----------
    asked : DataFrame
        The columns of `KEYS` and ``power`` (`power_per_peak`).

    Returns
    -------
    DataFrame
        ``speed`` and ``fixed`` (logarithms), ``sd`` of ``speed``, and whether the very stack
        (``exact``) or anything of its kind and chip family (``near``) was measured.
    """
    k = known(catalog)
    if k.table.empty:
        nothing = np.zeros(len(asked))
        none = np.zeros(len(asked), bool)
        return pd.DataFrame(
            {"speed": nothing, "fixed": nothing, "sd": nothing + 0.4, "exact": none, "near": none}
        )
    across = _covariance(asked, k.table)
    mean = across @ k.weights
    own = sum(v**2 for v in EFFECTS.values()) + (POWER * asked["power"].to_numpy(float)) ** 2
    variance = own - np.einsum("ij,jk,ik->i", across, k.inverse, across) + NOISE**2
    exact = _alike(asked, k.table, ("model", "accelerator", "framework", "peak")).any(axis=1)
    near = _alike(asked, k.table, ("kind", "family")).any(axis=1)
    return pd.DataFrame(
        {
            "speed": mean[:, 0],
            "fixed": mean[:, 1],
            "sd": np.sqrt(np.maximum(variance, NOISE**2)),
            "exact": exact,
            "near": near,
        }
    )


def power_per_peak(chips: Lookup, peak: Array) -> Array:
    """Logarithm of a chip's watts per TFLOP/s over that of a 400 W A100 at INT8; 0 if unknown."""
    watts = chips.numbers("tdp_w")
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log(watts / peak / (400.0 / 624.0))
    gpu = chips.values("kind") == "gpu"
    return np.where(np.isfinite(out) & gpu, np.clip(out, -1.5, 1.5), 0.0)


def _alike(a: pd.DataFrame, b: pd.DataFrame, columns: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    out = np.ones((len(a), len(b)), bool)
    for name in columns:
        out &= a[name].to_numpy(object)[:, None] == b[name].to_numpy(object)[None, :]
    return out


def _covariance(a: pd.DataFrame, b: pd.DataFrame) -> Array:
    power = a["power"].to_numpy(float)[:, None] * b["power"].to_numpy(float)[None, :]
    out: Array = POWER**2 * power
    for columns, deviation in EFFECTS.items():
        out = out + deviation**2 * _alike(a, b, columns)
    return out


def _reduced(catalog: Catalog) -> pd.DataFrame:
    """Anchors as deviations from their rules of thumb, one line per stack and sample length."""
    anchors = catalog["anchors"].reset_index(drop=True)
    models = Lookup(catalog, "models", anchors["model"])
    chips = Lookup(catalog, "accelerators", anchors["accelerator"])
    precisions = Lookup(catalog, "precisions", anchors["precision"])
    peak = peak_tflops(chips, precisions)
    rules = [
        rule_of_thumb(catalog, k, c, f)
        for k, c, f in zip(
            models.values("kind"), chips.values("kind"), anchors["framework"], strict=True
        )
    ]
    table = anchors.assign(
        kind=models.values("kind"),
        family=chips.values("family"),
        chip_kind=chips.values("kind"),
        peak=precisions.values("peak"),
        power=power_per_peak(chips, peak),
        peak_tflops=peak,
        gflops=sample_gflops(models, column(anchors, "sample_tokens")),
        rule_mfu=[r["mfu"] for r in rules],
        rule_s=[r["batch_overhead_s"] for r in rules],
        tokens=column(anchors, "sample_tokens", 0.0),
    )
    table = table[np.isfinite(table["gflops"]) & (table["peak_tflops"] > 0)]
    groups = [*KEYS, "tokens"]
    lines = [_line(part) for _, part in table.groupby(groups, sort=True)]
    columns = [*KEYS, "power", "speed", "fixed"]
    return pd.DataFrame(lines, columns=columns)


def _line(part: pd.DataFrame) -> dict[str, Any]:
    first = part.iloc[0]
    batch = column(part, "batch")
    seconds = np.where(np.isnan(batch), 1.0, batch) / part["samples_per_s"].to_numpy(float)
    rule_s = float(first["rule_s"])
    p = PASS_BLEND
    if np.isnan(batch).any():
        each = float(seconds[np.isnan(batch)].min())
        fixed = 0.0
    elif len(part) > 1:
        weight = seconds**-p
        design = np.stack([weight, batch**p * weight], axis=1)
        found = np.linalg.lstsq(design, np.ones(len(batch)), rcond=None)[0]
        least = float((seconds / batch).min())
        each = max(float(found[1]), 0.0) ** (1.0 / p) or least
        fixed = np.log(max(float(found[0]), 1e-18) ** (1.0 / p) / rule_s)
    else:
        whole = float(seconds[0])
        start = min(rule_s, 0.5 * whole)
        each = (whole**p - start**p) ** (1.0 / p) / float(batch[0])
        fixed = np.log(start / rule_s)
    mfu = float(first["gflops"]) / (each * float(first["peak_tflops"]) * 1e3)
    return {
        **{k: first[k] for k in KEYS},
        "power": float(first["power"]),
        "speed": float(np.log(mfu / float(first["rule_mfu"]))),
        "fixed": float(np.clip(fixed, -3.0, 3.0)),
    }
