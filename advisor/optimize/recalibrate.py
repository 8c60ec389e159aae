r"""A team's own benchmarks correct what is predicted for its workload.

A run finished :math:`X` requests a second; the model says :math:`\hat X` for the same
configuration, tokens and requests in flight. The replica is then :math:`f = X/\hat X` times as fast
as modelled: at any load its rates are :math:`f` times and its times :math:`1/f` of what is
predicted, so a latency target :math:`t` is met where the model would meet :math:`f t`. How far this
reaches:

=============================================  ============  ==========================  ========
variant against run                            factor        evidence                    spread
=============================================  ============  ==========================  ========
same in everything, tokens within 1.5 times    :math:`f`     ``measured``                0.04
same model, chip, framework and weight format  :math:`f`     ``calibrated`` at best      modelled
same model and chip                            √f            ``calibrated`` at best      modelled
another model or chip                          1             modelled                    modelled
=============================================  ============  ==========================  ========

Part of what was found belongs to the chip and holds for other stacks too, part to the stack: hence
the root. Several runs of equal nearness count by their geometric mean. 0.04 is how much repeated
runs and versions of one stack differ. Runs are of prompts without a shared prefix and without
speculative decoding: what those save stays modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.performance.measured import predict_rows
from advisor.portfolio import Measured, Workload

from .offers import weakest

REPEAT_SPREAD = 0.04
ALIKE = 1.5
"""Factor within which a run's mean tokens stand for the workload's."""
PLAUSIBLE = (1.0 / 8.0, 2.5)
"""Speeds, against what is predicted, that a run of what it names can have: a stack may be badly set
up, but hardware does not outdo itself."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """What runs say about n variants; arrays of shape (n,).

    Attributes
    ----------
    speed : array
        How many times as fast as modelled.
    nearness : array
        3 for the same configuration, 2 for the same stack, 1 for the same chip, 0 for none.
    """

    speed: Array
    nearness: npt.NDArray[np.int_]

    def apply(self, found: pd.DataFrame) -> pd.DataFrame:
        """Predictions made for targets `speed` times as long, as those of the real replica."""
        if not self.nearness.any():
            return found
        same = self.nearness == 3
        spread = np.where(same, REPEAT_SPREAD, found["spread"])
        rps = found["rps"] * self.speed
        evidence = [
            "measured" if near == 3 else weakest(e, "calibrated") if near else e
            for near, e in zip(self.nearness, found["evidence"], strict=True)
        ]
        times = {n: found[n] / self.speed for n in ("latency_s", "first_s", "token_s")}
        reason = [
            f"{why} (as modelled; your benchmark says {speed:.2f} times as fast)"
            if why.startswith("misses latency") and near
            else why
            for why, speed, near in zip(found["reason"], self.speed, self.nearness, strict=True)
        ]
        low = rps / (1.0 + spread)
        return found.assign(
            rps=rps, rps_low=low, spread=spread, evidence=evidence, reason=reason, **times
        )


def correction(catalog: Catalog, workload: Workload, asked: pd.DataFrame) -> Correction:
    """What a workload's benchmarks say about its variants.

    Parameters
    ----------
    catalog : Catalog
    workload : Workload
    asked : DataFrame
        n variants as the performance model is asked them, with ``compression``.

    Raises
    ------
    PortfolioError
        For a run that cannot have been of what it names.
    """
    n = len(asked)
    speed, nearness = np.ones(n), np.zeros(n, dtype=int)
    if not workload.measured:
        return Correction(speed, nearness)
    factors = np.log(speeds(catalog, workload))
    near = np.array([_nearness(catalog, workload, run, asked) for run in workload.measured])
    for level, power in ((1, 0.5), (2, 1.0), (3, 1.0)):
        here = near >= level
        reached = here.any(axis=0)
        mean = (factors[:, None] * here).sum(axis=0) / np.maximum(here.sum(axis=0), 1)
        speed[reached] = np.exp(power * mean[reached])
        nearness[reached] = level
    return Correction(speed, nearness)


def speeds(catalog: Catalog, workload: Workload) -> Array:
    """How many times as fast as predicted each of a workload's runs was.

    Raises
    ------
    PortfolioError
        For a run that the model holds impossible, or whose speed is not `PLAUSIBLE`.
    """
    rows = pd.DataFrame([_row(workload, run, i) for i, run in enumerate(workload.measured)])
    answers = predict_rows(catalog, rows)
    out = []
    for run, answer in zip(workload.measured, answers.to_dict("records"), strict=True):
        if not answer["predicted"] > 0:
            raise _doubt(workload, run, f"cannot be compared: {answer['reason']}")
        ratio = run.requests_per_s / float(answer["predicted"])
        if not PLAUSIBLE[0] <= ratio <= PLAUSIBLE[1]:
            predicted = f"the {answer['predicted']:.3g} requests/s predicted for it"
            raise _doubt(workload, run, f"finished {ratio:.3g} times {predicted}")
        out.append(ratio)
    return np.array(out)


@dataclass(frozen=True)
class Judged:
    """One of a workload's own runs against the model.

    Attributes
    ----------
    run : Measured
    speed : float
        How many times as fast as predicted.
    alike : bool
        Whether its tokens stand for the workload's, so that evidence can become ``measured``.
    """

    run: Measured
    speed: float
    alike: bool


def judged(catalog: Catalog, workload: Workload) -> list[Judged]:
    """Each of a workload's runs, judged; errors are those of `speeds`."""
    if not workload.measured:
        return []
    return [
        Judged(run, float(speed), tokens_alike(workload, run))
        for run, speed in zip(workload.measured, speeds(catalog, workload), strict=True)
    ]


def _doubt(workload: Workload, run: Measured, problem: str) -> PortfolioError:
    return PortfolioError(
        f"a benchmark of workload '{workload.name}' {problem}",
        column="measured",
        value=f"{run.requests_per_s:g} requests/s on {run.tensor_parallel} x {run.accelerator}",
        fix="check its chip, precision, framework, tokens and units",
    )


def _row(workload: Workload, run: Measured, number: int) -> dict[str, Any]:
    """A run by the contract of measurement files."""
    flight = in_flight(workload, run)
    loop = "online" if workload.kind == "llm" else "static"
    return {
        "id": f"{number}",
        "workload": "cnn" if workload.kind == "tabular" else workload.kind,
        "model": run.model or workload.model,
        "params_b": np.nan,
        "accelerator": run.accelerator,
        "accelerator_count": float(run.tensor_parallel),
        "weight_precision": run.weight_precision,
        "kv_precision": run.kv_precision.removeprefix("kv-").replace("16", "fp16"),
        "framework": run.framework,
        "framework_version": "",
        "scenario": "offline" if flight is None else loop,
        "concurrency": "max" if flight is None else f"{flight:.6g}",
        "isl_tokens": run.isl_tokens or workload.isl_tokens or np.nan,
        "osl_tokens": run.osl_tokens or workload.osl_tokens or np.nan,
        "metric": "req_s" if workload.kind == "llm" else "samples_s",
        "value": run.requests_per_s,
        "source": run.source or "",
        "as_of": str(run.as_of or ""),
        "notes": "",
        "tensor_parallel": float(run.tensor_parallel),
        "replicas": 1.0,
        "slo_ttft_ms": np.nan,
        "slo_tpot_ms": np.nan,
        "percentile": "",
        "quality_target": "",
    }


def in_flight(workload: Workload, run: Measured) -> float | None:
    """Requests in flight during a run: as stated, else by Little's law, else unknown."""
    if run.concurrency is not None:
        return run.concurrency
    tokens = run.osl_tokens or workload.osl_tokens or 1.0
    if run.ttft_s is None or (run.tpot_s is None and tokens > 1):
        return None
    busy = run.requests_per_s * (run.ttft_s + max(tokens - 1.0, 0.0) * (run.tpot_s or 0.0))
    return max(busy, 1.0)


def _nearness(
    catalog: Catalog, workload: Workload, run: Measured, asked: pd.DataFrame
) -> npt.NDArray[np.int_]:
    model = catalog.lookup("models", run.model or workload.model)["model"]
    chip = (asked["model"] == model) & (asked["accelerator"] == run.accelerator)
    chip &= asked["compression"] == "none"
    stack = chip & (asked["framework"] == run.framework)
    stack &= asked["weight_precision"] == run.weight_precision
    same = stack & (asked["tensor_parallel"] == run.tensor_parallel) & (asked["chip_share"] == 1.0)
    same &= ~(asked["prefix_hit"].gt(0) | asked["speculative"].gt(0))
    if workload.kind == "llm":
        same &= asked["kv_precision"] == run.kv_precision
    same &= tokens_alike(workload, run)
    out: npt.NDArray[np.int_] = chip.to_numpy(int) + stack.to_numpy(int) + same.to_numpy(int)
    return out


def tokens_alike(workload: Workload, run: Measured) -> bool:
    """Whether a run's mean input and output tokens stand for the workload's."""
    return _alike(run.isl_tokens, workload.isl_tokens) and _alike(
        run.osl_tokens, workload.osl_tokens
    )


def _alike(measured: float | None, wanted: float | None) -> bool:
    """Whether a run's mean tokens are near enough to the workload's."""
    if measured is None or wanted is None:
        return True
    return 1.0 / ALIKE <= measured / wanted <= ALIKE
