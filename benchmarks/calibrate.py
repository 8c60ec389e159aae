"""Fit the factors of the language-model roofline to measurements, and say how well they carry over.

``python benchmarks/calibrate.py [FILE.csv ...] [--write]``

Reads the measurement files named, else those under ``benchmarks/published`` and the catalog of
published measurements. One set of factors is shared by all
rows; stacks, chip families and number formats may depart from it, held back by a prior (a Gaussian
on the logarithm), so that few rows move little. The loss grows linearly beyond about 10 % error.

Errors are reported by leaving out groups, never rows: (model, chip, framework), then every chip in
turn, then every model. ``--write`` puts factors and spreads in ``catalogs/calibration.csv`` and
``catalogs/calibration_scales.csv``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from advisor.catalog import Catalog
from advisor.performance.accuracy import summary
from advisor.performance.efficiency import version_key
from advisor.performance.generic import with_generic
from advisor.performance.measured import questions, read_measurements
from advisor.performance.measured_llm import Prepared, prepare

sys.path.insert(0, str(Path(__file__).resolve().parent))
from calibration_rows import GROUPS, OLD, OLD_FAMILIES, OLD_KERNELS, write

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "catalogs" / "measurements.csv"
NOISE = 0.1
"""Relative error from which on the loss grows linearly."""

ENOUGH = 4
"""Rows of one group from which on each counts less."""

SHARED = {
    "bandwidth": (0.85, 0.15),
    "cache": (1.0, 0.2),
    "decode": (0.60, 0.25),
    "prefill": (0.60, 0.25),
    "moe": (0.85, 0.2),
    "step_ms": (1.8, 1.0),
    "sequence_us": (6.0, 1.5),
    "link": (0.55, 0.5),
    "latency_us": (10.0, 0.7),
    "pcie_link": (0.45, 0.5),
    "pcie_latency_us": (20.0, 0.7),
    "blend": (1.05, 0.04),
    "traffic": (8.0, 0.7),
}
"""What all stacks share: starting value and prior spread of its logarithm."""

OWN = {"step": 1.0, "sequence": 1.5, "compute": 0.1, "read": 0.1}
"""How far a stack's overhead per step, per sequence, arithmetic and bandwidth may depart."""
FAMILY = {"compute": 0.12, "read": 0.07}
PEAK = {"compute": 0.12}
WEIGHT_ONLY = {"compute": (1.1, 0.04), "read": (0.85, 0.06)}
"""Kernels of 2024 on reach some 0.9 of 16-bit arithmetic on large batches and most of the bandwidth
(general knowledge); the few rows here are of older ones and of one mixture, so they move it little.
"""


KEYS = ("stack", "family", "peak", "pcie", "moe")
STEP = 1e-4
"""Difference of a log parameter over which the loss is differentiated."""


@dataclass(frozen=True)
class Data:
    """Rows ready to be fitted; strings are what each row's factors belong to."""

    prepared: Prepared
    value: np.ndarray
    stack: np.ndarray
    family: np.ndarray
    peak: np.ndarray
    pcie: np.ndarray
    moe: np.ndarray

    def part(self, keep: np.ndarray) -> Data:
        """Some of the rows."""
        arrays = {f: getattr(self, f)[keep] for f in ("value", *KEYS)}
        return Data(prepared=self.prepared.take(keep), **arrays)

    @property
    def weight(self) -> np.ndarray:
        """Weight of each row: neighbours in a sweep tell less each, `ENOUGH` and more together."""
        label = self.groups("model", "accelerator", "stack", "version", "metric")
        _, code, count = np.unique(label, return_inverse=True, return_counts=True)
        return np.minimum(1.0, (ENOUGH / count[code]) ** 0.5)

    @property
    def rows(self) -> pd.DataFrame:
        """The measurements, in catalog names."""
        return self.prepared.rows

    def groups(self, *columns: str) -> np.ndarray:
        """Label of the group each row belongs to, by some columns."""
        return self.rows[list(columns)].astype(str).agg("|".join, axis=1).to_numpy()


def stack_of(framework: str, version: str) -> str:
    """The fitted group of a stack: its framework and the version from which on the group holds."""
    mine = [v for f, v in GROUPS if f == framework]
    keys = {v: version_key(v) for v in mine}
    asked = version_key(version)
    able = [v for v in mine if not keys[v] or (asked and keys[v] <= asked)]
    if not able:
        # Without a version, the group that most published rows of that stack belong to.
        able = [v for v in mine if GROUPS[framework, v]] or mine
    return f"{framework} {max(able, key=lambda v: keys[v])}" if mine else ""


def gather(catalog: Catalog, files: list[Path]) -> Data:
    """All language-model rows of some files that a fitted stack and the model can answer."""
    tables = [read_measurements(f) for f in files]
    table = pd.concat(tables, ignore_index=True)
    numbers = np.repeat(np.arange(len(tables)), [len(t) for t in tables])
    table["id"] = [f"{i} {n}" for i, n in zip(numbers, table["id"], strict=True)]
    table = table[table["workload"] == "llm"].reset_index(drop=True)
    catalog, told = with_generic(catalog, table)
    asked, _ = questions(catalog, table, told)
    asked = prepare(catalog, asked).rows
    stacks = [stack_of(f, v) for f, v in zip(asked["stack"], asked["version"], strict=True)]
    known = np.array([s != "" for s in stacks]) & ~asked["generic"].to_numpy(bool)
    prepared = prepare(catalog, asked[known])
    answered = np.isfinite(prepared.values())
    prepared = prepare(catalog, prepared.rows[answered])
    rows = prepared.rows
    stacks = [stack_of(f, v) for f, v in zip(rows["stack"], rows["version"], strict=True)]
    chips = [catalog.lookup("accelerators", n) for n in rows["accelerator"]]
    formats = [catalog.lookup("precisions", n) for n in rows["weight_precision"]]
    kinds = {"fp16": "sixteen", "bf16": "sixteen"}
    return Data(
        prepared=prepared,
        value=rows["value"].to_numpy(float),
        stack=np.array(stacks),
        family=np.array(
            [
                c["family"] + OLD
                if c["family"] in OLD_FAMILIES and s in OLD_KERNELS
                else c["family"]
                for c, s in zip(chips, stacks, strict=True)
            ]
        ),
        peak=np.array(
            [
                "weight_only" if p["weight_only"] else kinds.get(p["peak"], p["peak"])
                for p in formats
            ]
        ),
        pcie=np.array([c["link"] == "pcie" for c in chips]),
        moe=np.array([(catalog.lookup("models", m)["experts"] or 0) > 0 for m in rows["model"]]),
    )


def parameters(data: Data, train: np.ndarray) -> dict[str, tuple[float, float]]:
    """Names of the parameters that the training rows can speak to, with log prior and spread."""
    out = {k: (float(np.log(v)), s) for k, (v, s) in SHARED.items()}
    for prefix, keys, kinds in (
        ("stack", data.stack, OWN),
        ("family", data.family, FAMILY),
        ("peak", data.peak, PEAK),
    ):
        for key in sorted(set(keys[train])):
            own = {k: (1.0, s) for k, s in kinds.items()}
            if key == "weight_only":
                own = WEIGHT_ONLY
            elif prefix == "stack" and " tuned " in key:
                own |= {"compute": (1.2, 0.3), "read": (1.0, 0.15)}
            elif key.startswith(("neuron", "cdna", "tpu")):
                own = {"compute": (1.0, 0.6), "read": (1.0, 0.5)}
            out |= {f"{prefix} {key} {k}": (float(np.log(v)), s) for k, (v, s) in own.items()}
    if "neuron" in set(data.family[train]):
        out["neuron link"] = (0.0, 1.0)
        out["neuron latency"] = (0.0, 1.0)
    if np.char.endswith(data.family[train].astype(str), OLD).any():
        out["cdna repeats"] = (float(np.log(0.5)), 0.5)
    return out


def factors(data: Data, t: dict[str, float]) -> dict[str, np.ndarray]:
    """Factors of every layout under a set of log parameters."""
    owner = data.prepared.owner

    def own(prefix: str, keys: np.ndarray, kind: str) -> np.ndarray:
        return np.array([t.get(f"{prefix} {k} {kind}", 0.0) for k in keys])

    compute = own("stack", data.stack, "compute") + own("family", data.family, "compute")
    compute += own("peak", data.peak, "compute") + np.where(data.moe, t["moe"], 0.0)
    read = own("stack", data.stack, "read") + own("family", data.family, "read")
    read += own("peak", data.peak, "read")
    neuron = np.where(data.family == "neuron", t.get("neuron link", 0.0), 0.0)
    late = np.where(data.family == "neuron", t.get("neuron latency", 0.0), 0.0)
    pcie = data.pcie
    repeats = np.exp(t.get("cdna repeats", 0.0)) * np.char.endswith(data.family.astype(str), OLD)
    out = {
        "bandwidth_efficiency": np.minimum(np.exp(t["bandwidth"] + read), 1.0),
        "cache_efficiency": np.full(len(read), np.exp(t["cache"])),
        "cache_repeats": np.minimum(repeats, 1.0),
        "decode_efficiency": np.minimum(np.exp(t["decode"] + compute), 0.95),
        "prefill_efficiency": np.minimum(np.exp(t["prefill"] + compute), 0.95),
        "step_overhead_s": np.exp(t["step_ms"] + own("stack", data.stack, "step")) / 1e3,
        "sequence_overhead_s": np.exp(t["sequence_us"] + own("stack", data.stack, "sequence"))
        / 1e6,
        "link_efficiency": np.minimum(
            np.exp(np.where(pcie, t["pcie_link"], t["link"]) + neuron), 1.0
        ),
        "link_latency_s": np.exp(np.where(pcie, t["pcie_latency_us"], t["latency_us"]) + late)
        / 1e6,
        "traffic": np.full(len(read), np.exp(t["traffic"])),
        "blend_exponent": np.full(len(read), np.exp(t["blend"])),
    }
    return {k: v[owner] for k, v in out.items()}


def predicted(data: Data, t: dict[str, float]) -> np.ndarray:
    """The metric of every row under a set of log parameters."""
    return data.prepared.values(replace(data.prepared.setting.c, **factors(data, t)))


def fit(data: Data, train: np.ndarray, near: dict[str, float] | None = None) -> dict[str, float]:
    """Most probable log parameters of some rows; `near` is where to begin looking."""
    data = data.part(train)
    prior = parameters(data, np.ones(len(data.value), bool))
    names = list(prior)
    start, spread = np.array(list(prior.values())).T
    weight = np.sqrt(data.weight)
    touched = {name: _touched(data, name) for name in names}
    parts = {name: data if rows.all() else data.part(rows) for name, rows in touched.items()}

    def losses(part: Data, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            error = np.log(predicted(part, dict(zip(names, x, strict=True))) / part.value)
        error = np.where(np.isfinite(error), error, 0.0) / NOISE
        return np.sign(error) * np.sqrt(2.0 * (np.sqrt(1.0 + error**2) - 1.0))

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.concatenate([weight * losses(data, x), (x - start) / spread])

    def slopes(x: np.ndarray) -> np.ndarray:
        here = losses(data, x)
        out = np.zeros((len(here) + len(names), len(names)))
        for i, name in enumerate(names):
            rows = touched[name]
            moved = losses(parts[name], x + STEP * (np.arange(len(names)) == i))
            out[: len(here), i][rows] = weight[rows] * (moved - here[rows]) / STEP
            out[len(here) + i, i] = 1.0 / spread[i]
        return out

    begin = np.array([(near or {}).get(k, v) for k, v in zip(names, start, strict=True)])
    found = least_squares(residuals, begin, jac=slopes, max_nfev=6 if near else 15)
    return dict(zip(names, found.x, strict=True))


def _touched(data: Data, name: str) -> np.ndarray:
    """Rows whose prediction depends on a parameter."""
    prefix, _, rest = name.partition(" ")
    if prefix in KEYS[:3]:
        return np.asarray(getattr(data, prefix) == rest.rsplit(" ", 1)[0])
    if prefix in ("neuron", "cdna"):
        return np.char.startswith(data.family.astype(str), prefix)
    return np.ones(len(data.value), bool)


def left_out(
    data: Data,
    groups: np.ndarray,
    folds: int | None = None,
    near: dict[str, float] | None = None,
) -> np.ndarray:
    """Predictions of each row from a fit that has not seen its group.

    Groups are dealt into `folds`; None leaves out each by itself. Fits begin at `near`: what a
    parameter cannot learn without the group pulls it back to its prior within a few steps.
    """
    out = np.full(len(data.value), np.nan)
    names = sorted(set(groups))
    order = np.random.default_rng(0).permutation(len(names))
    deal = {names[i]: k % (folds or len(names)) for k, i in enumerate(order)}
    fold = np.array([deal[g] for g in groups])
    for k in range(max(fold) + 1):
        away = fold == k
        out[away] = predicted(data, fit(data, ~away, near))[away]
    return out


def report(data: Data, title: str, value: np.ndarray) -> None:
    """Print errors by stack and metric."""
    print(f"\n{title}")
    metric = data.rows["metric"].to_numpy()
    rows = data.rows.assign(error=value / data.value - 1.0, inside=np.nan)
    for stack in [*sorted(set(data.stack)), ""]:
        for name in sorted(set(metric)):
            mask = ((data.stack == stack) | (stack == "")) & (metric == name)
            if mask.any():
                f = summary(rows[mask])
                print(
                    f"  {stack or 'all':18} {name:12} n {f['n']:4} groups {f['groups']:3}  median"
                    f" {f['median_ape']:6.1%}  P90 {f['p90_ape']:6.1%}  bias {f['bias']:+6.1%}"
                )


def llm_files() -> list[Path]:
    """Tables of published language-model measurements beside the catalog's."""
    folder = ROOT / "benchmarks" / "published"
    return [f for f in sorted(folder.glob("*.csv")) if f.name != "one_pass.csv"]


def main() -> None:
    """Fit, cross-validate, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true", help="update the catalog")
    parser.add_argument("--folds", type=int, default=10)
    asked = parser.parse_args()
    published = llm_files()
    files = asked.files or [*published, PROJECT]
    data = gather(Catalog.load(), files)
    everything = np.ones(len(data.value), bool)
    print(
        f"{len(data.value)} rows of {len(files)} files,"
        f" {len(parameters(data, everything))} parameters"
    )
    fitted = fit(data, everything)
    report(data, "fitted (in sample)", predicted(data, fitted))
    schemes = {
        "left out by (model, chip, framework)": left_out(
            data, data.groups("model", "accelerator", "framework"), asked.folds, fitted
        ),
        "left out by chip": left_out(data, data.groups("accelerator"), None, fitted),
        "left out by model": left_out(data, data.groups("model"), asked.folds, fitted),
    }
    for title, value in schemes.items():
        report(data, title, value)
    if asked.write:
        write(ROOT / "catalogs", data, fitted, schemes, date.today())


if __name__ == "__main__":
    main()
