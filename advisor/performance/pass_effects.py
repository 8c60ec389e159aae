"""What one-pass configurations have in common, and how strongly that ties their speeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records

from .configs import Array
from .lookup import Lookup

KEYS = ("kind", "framework", "family", "peak", "accelerator", "model", "chip_kind", "load")
"""``load`` is ``full`` where as much as pays is in flight, ``batch`` where a batch is stated."""
SLOPES = ("power", "length", "size", "intensity")
USUAL_GFLOPS = {"encoder": 22.35, "cnn": 8.178, "diffusion": 281_000.0}
"""Arithmetic of the sample that sizes are told against: BERT-base, ResNet-50, SDXL."""
REFERENCE = {"watts": 400.0, "peak": 624.0, "bandwidth": 2039.0}
"""The A100 at INT8: watts per TFLOP/s and arithmetic per byte are told against it."""


@dataclass(frozen=True)
class Effect:
    """Standard deviations of one effect, in logarithms."""

    shared: tuple[str, ...]
    slope: str | None
    speed: float
    fixed: float
    server: float

    def sd(self, of: str) -> float:
        """Of ``speed``, ``fixed`` or ``server``."""
        return float(getattr(self, of))


@lru_cache(maxsize=64)
def effects(catalog: Catalog) -> tuple[Effect, ...]:
    """The catalog's effects."""
    return tuple(
        Effect(
            tuple(r["shared"]),
            r["slope"] if isinstance(r["slope"], str) else None,
            *(float(r[name]) for name in ("speed", "fixed", "server")),
        )
        for r in records(catalog["pass_effects"])
    )


def slopes(models: Lookup, chips: Lookup, peak: Array, tokens: Array) -> dict[str, Array]:
    """Logarithms that trends run along; 0 where a figure is unknown or does not apply."""
    gpu = chips.values("kind") == "gpu"
    kinds = models.values("kind")
    usual = np.array([USUAL_GFLOPS.get(str(k), np.nan) for k in kinds])
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.log(chips.numbers("tdp_w") / peak * REFERENCE["peak"] / REFERENCE["watts"])
        bytes_ = chips.numbers("memory_bandwidth_gb_s") / REFERENCE["bandwidth"]
        intensity = np.log(peak / REFERENCE["peak"] / bytes_)
        size = np.log(models.numbers("gflops_per_sample") / usual)
        length = np.log(tokens / models.numbers("sample_tokens"))
    return {
        "power": _held(np.where(gpu, power, 0.0), 1.5),
        "length": _held(length, 3.0),
        "size": _held(size, 4.0),
        "intensity": _held(np.where(gpu, intensity, 0.0), 3.0),
    }


def _held(x: Array, most: float) -> Array:
    return np.where(np.isfinite(x), np.clip(x, -most, most), 0.0)


def alike(a: pd.DataFrame, b: pd.DataFrame, columns: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Which lines of `a` and `b` agree in all of the columns, shape (len(a), len(b))."""
    if not columns:
        return np.ones((len(a), len(b)), bool)
    both = [np.concatenate([a[c].to_numpy(object), b[c].to_numpy(object)]) for c in columns]
    codes = np.zeros(len(a) + len(b), np.int64)
    for values in both:
        mine, names = pd.factorize(values)
        codes = codes * (len(names) + 1) + mine
    out: npt.NDArray[np.bool_] = codes[: len(a), None] == codes[None, len(a) :]
    return out


def covariance(a: pd.DataFrame, b: pd.DataFrame, shared: tuple[Effect, ...], of: str) -> Array:
    """Covariance between lines of `a` and `b` by effects, shape (len(a), len(b))."""
    (a, of_a), (b, of_b) = distinct(a), distinct(b)
    out = np.zeros((len(a), len(b)))
    for effect in shared:
        if not effect.sd(of):
            continue
        same = effect.sd(of) ** 2 * alike(a, b, effect.shared)
        if effect.slope:
            x, y = a[effect.slope].to_numpy(float), b[effect.slope].to_numpy(float)
            same = same * np.outer(x, y)
        out += same
    wide: Array = out[np.ix_(of_a, of_b)]
    return wide


def prior(asked: pd.DataFrame, shared: tuple[Effect, ...], of: str) -> Array:
    """Variance of each line by all effects, before any anchor is seen, shape (n,)."""
    out = np.zeros(len(asked))
    for effect in shared:
        along = asked[effect.slope].to_numpy(float) if effect.slope else 1.0
        out = out + (effect.sd(of) * along) ** 2
    return out


def distinct(a: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.intp]]:
    """Distinct lines, for the batches of a stack share all effects, and which each line is."""
    if a.empty:
        return a, np.zeros(0, np.intp)
    codes = a.groupby([*KEYS, *SLOPES], sort=False, dropna=False).ngroup().to_numpy()
    _, first = np.unique(codes, return_index=True)
    return a.iloc[first], np.asarray(codes, np.intp)
