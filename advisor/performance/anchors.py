r"""Share of peak and fixed time of one-pass models, from measured anchors near and far.

A pass over :math:`b` samples takes :math:`t = [(t_r e^{f})^p + (b w_r e^{-s})^p]^{1/p}`, where
:math:`t_r` and :math:`w_r` are fixed time and time per sample by the rule of thumb of its kind.
What an anchor tells of the deviations :math:`s` and :math:`f` of another configuration depends on
what they share: chip, family, model, arithmetic, framework, and trends along power per peak,
length of the text, size of the model and arithmetic per byte of bandwidth. Each of these (the
catalog's ``pass_effects``) is an independent Gaussian effect, and the estimate is the conditional
mean given all anchors (best linear unbiased prediction; Henderson 1975), with its conditional
covariance as the interval. :math:`\ln t` is linear in both around the estimate: :math:`\partial
\ln t/\partial f = a`, :math:`\partial \ln t/\partial s = a - 1` with :math:`a` the fixed time's
part of :math:`t^p`; a few Gauss-Newton steps find it. With no anchor near, the rule of thumb
remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cho_factor, cho_solve

from advisor.catalog import Catalog

from .chips import peak_tflops
from .configs import Array
from .lookup import Lookup, column
from .onepass import PASS_BLEND, sample_gflops
from .pass_effects import KEYS, SLOPES, Effect, alike, covariance, distinct, effects, prior, slopes
from .rules import rule_of_thumb

STEPS = 4
"""Gauss-Newton steps; the estimates have settled to a thousandth by then."""
LIMIT = 3.0
"""Logarithms beyond this would be another unit, not another stack."""
Z80 = 1.2816
FIGURES = (
    *("rule_work_s", "rule_s", "batch", "anchor", "log_s", "repeat_sd", "server", "rule_server"),
)
"""What `anchor_table` adds to the features."""


@dataclass(frozen=True)
class Grouped:
    """What anchors say, summed over those that share all effects; shapes (g,) and (g, g)."""

    speed_weights: Array
    fixed_weights: Array
    speed: Array
    fixed: Array
    both: Array


@dataclass(frozen=True)
class Known:
    """Anchors, and what they say of speed and of fixed time."""

    table: pd.DataFrame
    effects: tuple[Effect, ...]
    fixed_part: Array
    """Of each anchor's time, to the power of the blend: 0 saturated, 1 all fixed."""
    weights: Array
    inverse: npt.NDArray[np.float64]

    @cached_property
    def distinct(self) -> tuple[pd.DataFrame, Grouped]:
        """One anchor for each set of effects, and what all those alike say together."""
        table, of = distinct(self.table)
        same = np.zeros((len(table), len(of)))
        same[of, np.arange(len(of))] = 1.0
        slow, fixed = same * (self.fixed_part - 1.0), same * self.fixed_part
        return table, Grouped(
            speed_weights=slow @ self.weights,
            fixed_weights=fixed @ self.weights,
            speed=slow @ self.inverse @ slow.T,
            fixed=fixed @ self.inverse @ fixed.T,
            both=slow @ self.inverse @ fixed.T,
        )


@lru_cache(maxsize=64)
def known(catalog: Catalog) -> Known:
    """What the catalog's anchors say."""
    return solved(anchor_table(catalog), effects(catalog))


def solved(table: pd.DataFrame, shared: tuple[Effect, ...]) -> Known:
    """Condition the effects on a table of anchors (`anchor_table`)."""
    speed = covariance(table, table, shared, "speed")
    fixed = covariance(table, table, shared, "fixed")
    n = len(table)
    s, f, part, weights = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    factor = (np.eye(n), True)
    p = PASS_BLEND
    start = table["rule_s"].to_numpy(float)
    work = table["rule_work_s"].to_numpy(float)
    for _ in range(STEPS if n else 0):
        once = (start * np.exp(f)) ** p + (work * np.exp(-s)) ** p
        part = (start * np.exp(f)) ** p / once
        seen = table["log_s"].to_numpy(float) - np.log(once) / p + part * f - (1.0 - part) * s
        cover = np.outer(part, part) * fixed + np.outer(1.0 - part, 1.0 - part) * speed
        cover[np.diag_indices(n)] += table["repeat_sd"].to_numpy(float) ** 2
        factor = cho_factor(cover, lower=True, overwrite_a=True, check_finite=False)
        weights = cho_solve(factor, seen, check_finite=False)
        f = np.clip(fixed @ (part * weights), -LIMIT, LIMIT)
        s = np.clip(speed @ ((part - 1.0) * weights), -LIMIT, LIMIT)
    inverse = cho_solve(factor, np.eye(n), check_finite=False)
    return Known(table, shared, part, weights, np.asarray(inverse, float))


def estimate(catalog: Catalog, asked: pd.DataFrame) -> pd.DataFrame:
    """Logarithmic deviations from the rule of thumb for some configurations.

    Parameters
    ----------
    asked : DataFrame
        The columns of `features`.

    Returns
    -------
    DataFrame
        ``speed`` and ``fixed`` (logarithms), their standard deviations ``speed_sd`` and
        ``fixed_sd`` and covariance ``both``, and whether the very stack (``exact``) or anything of
        its kind and chip family (``near``) was measured.
    """
    k = known(catalog)
    table, g = k.distinct
    speed, fixed = (covariance(asked, table, k.effects, name) for name in ("speed", "fixed"))
    told_speed, told_fixed = speed @ g.speed, fixed @ g.fixed
    own = {name: prior(asked, k.effects, name) for name in ("speed", "fixed")}
    exact = alike(asked, table, ("model", "accelerator", "framework", "peak")).any(axis=1)
    near = alike(asked, table, ("kind", "family")).any(axis=1)
    return pd.DataFrame(
        {
            "speed": np.clip(speed @ g.speed_weights, -LIMIT, LIMIT),
            "fixed": np.clip(fixed @ g.fixed_weights, -LIMIT, LIMIT),
            "speed_sd": _left(own["speed"], told_speed, speed),
            "fixed_sd": _left(own["fixed"], told_fixed, fixed),
            "both": -((speed @ g.both) * fixed).sum(axis=1),
            "exact": exact,
            "near": near,
        }
    )


def _left(prior: Array, told: Array, across: Array) -> Array:
    out: Array = np.sqrt(np.maximum(prior - (told * across).sum(axis=1), 0.0))
    return out


def features(
    models: Lookup,
    chips: Lookup,
    precisions: Lookup,
    framework: Any,
    tokens: Array,
    batch: Array,
) -> pd.DataFrame:
    """What effects are shared by: names, and the columns that trends run along.

    ``batch`` is NaN where as much as pays is in flight.
    """
    names = {
        "kind": models.values("kind"),
        "framework": np.asarray(framework, object),
        "family": chips.values("family"),
        "peak": precisions.values("peak"),
        "accelerator": chips.values("accelerator"),
        "model": models.values("model"),
        "chip_kind": chips.values("kind"),
        "load": np.where(np.isnan(batch), "full", "batch").astype(object),
    }
    return pd.DataFrame({**names, **slopes(models, chips, peak_tflops(chips, precisions), tokens)})


def rules(catalog: Catalog, asked: pd.DataFrame) -> pd.DataFrame:
    """The rule of thumb for each line of `features`."""
    names = zip(asked["kind"], asked["chip_kind"], asked["framework"], strict=True)
    return pd.DataFrame([rule_of_thumb(catalog, *key) for key in names])


def anchor_table(catalog: Catalog) -> pd.DataFrame:
    """Anchors with their features, times (s, logarithm) and what the rule says of them."""
    anchors = catalog["anchors"].reset_index(drop=True)
    if anchors.empty:
        return pd.DataFrame(columns=[*KEYS, *SLOPES, *FIGURES])
    models = Lookup(catalog, "models", anchors["model"])
    chips = Lookup(catalog, "accelerators", anchors["accelerator"])
    precisions = Lookup(catalog, "precisions", anchors["precision"])
    tokens = column(anchors, "sample_tokens")
    batch = column(anchors, "batch")
    table = features(models, chips, precisions, anchors["framework"], tokens, batch)
    rule = rules(catalog, table)
    gflops = sample_gflops(models, tokens, column(anchors, "image_px"), column(anchors, "steps"))
    size = np.where(np.isnan(batch), 1.0, batch)
    peak = peak_tflops(chips, precisions)
    rate = anchors["samples_per_s"].to_numpy(float)
    with np.errstate(divide="ignore"):
        table["rule_work_s"] = size * gflops / (rule["mfu"].to_numpy(float) * peak * 1e3)
    # A saturated chip spends next to nothing of its time on the start of passes.
    table["rule_s"] = np.where(np.isnan(batch), 0.0, rule["batch_overhead_s"].to_numpy(float))
    table["batch"] = batch
    table["anchor"] = np.arange(len(table))
    table["log_s"] = np.log(size / rate)
    table["server"] = column(anchors, "server_per_s") / rate
    table["repeat_sd"] = rule["repeat_sd"].to_numpy(float)
    table["rule_server"] = rule["server_share"].to_numpy(float)
    usable: pd.DataFrame = table[np.isfinite(table["rule_work_s"])].reset_index(drop=True)
    return usable


__all__ = ["KEYS", "SLOPES", "anchor_table", "estimate", "features", "known", "rules", "solved"]
