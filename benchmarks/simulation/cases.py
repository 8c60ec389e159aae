"""Servers, requests and targets to compare on, and the rate that a simulated fleet sustains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from advisor.performance.batching_load import Batching, nodes

from .batching import Array, Machine, simulate
from .multiserver import draw

MACHINES = (
    Machine(alpha=0.008, beta=4e-5, gamma=2e-5, limit=256, budget=2048),  # 8B on a large card
    Machine(alpha=0.02, beta=1.5e-4, gamma=5e-5, limit=128, budget=4096),  # 70B on four
    Machine(alpha=0.06, beta=4e-4, gamma=3e-4, limit=32, budget=512),  # 8B on a small card
)
MIXES = ((200, 200), (1000, 250), (800, 120), (2000, 50), (3000, 100))
"""Prompt and output tokens."""
TARGETS = ((3.0, np.inf), (np.inf, 2.0), (5.0, 3.0))
"""Multiples of what an empty server does; to first token, and per token after it."""


@dataclass(frozen=True)
class Case:
    """One server, one shape of requests, P95 targets in s."""

    machine: Machine
    prompt: int
    output: int
    ttft_s: float
    tpot_s: float


def _case(machine: Machine, prompt: int, output: int, target: tuple[float, float]) -> Case:
    step = machine.alpha + machine.beta
    first = machine.gamma * prompt + step * (1 + -(-prompt // machine.budget))
    return Case(machine, prompt, output, target[0] * first, target[1] * step)


def batching_cases() -> Iterator[Case]:
    """Servers x mixes x targets; a rotation of targets keeps the number down."""
    for i, machine in enumerate(MACHINES):
        for j, (prompt, output) in enumerate(MIXES):
            yield _case(machine, prompt, output, TARGETS[(i + j) % 3])
            if prompt >= 10 * output:
                yield _case(machine, prompt, output, TARGETS[(i + j + 1) % 3])


def fleet_cases() -> Iterator[tuple[Case, int]]:
    """Cases of each kind of mix and of binding target, each with a number of replicas."""
    mixes = ((1000, 250), (3000, 100), (800, 120))
    for i, machine in enumerate(MACHINES):
        for j, (prompt, output) in enumerate(mixes):
            yield (
                _case(machine, prompt, output, TARGETS[(i + j) % 3]),
                (2, 4, 8, 16)[(i + 2 * j) % 4],
            )


def chain_of(*cases: Case) -> Batching:
    """The analytic model's input."""

    def column(name: str) -> Array:
        return np.array([[float(getattr(c.machine, name))] for c in cases])

    batch = nodes(column("limit")[:, 0])
    return Batching(
        batch=batch,
        step_s=column("alpha") + column("beta") * batch,
        prefill_s=np.array([c.machine.gamma * c.prompt for c in cases]),
        slice_s=column("gamma") * np.maximum(column("budget") - batch, 1.0),
        output_tokens=np.array([float(c.output) for c in cases]),
    )


def largest_rate(
    case: Case,
    start_rps: float,
    *,
    gaps: Array | None = None,
    ca2: float = 1.0,
    output_cv2: float = 0.0,
    replicas: int = 1,
    requests: int = 6000,
    steps: int = 6,
) -> float:
    """Largest simulated arrival rate that meets both targets at the 95th percentile, requests/s.

    Parameters
    ----------
    start_rps : float
        Where to look: between half and 1.6 times of it.
    gaps : array, optional
        Gaps of mean 1 to take as they come, in place of a drawn law.
    ca2, output_cv2 : float
        Squared coefficients of variation of drawn gaps and of output lengths.
    """
    rng = np.random.default_rng(11)
    unit = draw(rng, ca2, requests) if gaps is None else gaps[:requests]
    lengths = np.maximum(np.round(case.output * draw(rng, output_cv2, len(unit))), 2).astype(int)
    prompts = [case.prompt] * len(unit)

    def fits(rate: float) -> bool:
        seen = simulate(case.machine, unit / rate, prompts, lengths.tolist(), replicas)
        first, token = np.quantile(seen.ttft_s, 0.95), np.quantile(seen.tpot_s, 0.95)
        return bool(first <= case.ttft_s and token <= case.tpot_s)

    low, high = 0.5 * start_rps, 1.6 * start_rps
    # Most answers lie near the start: look there first.
    for rate in (1.1 * start_rps, 0.95 * start_rps):
        if low < rate < high:
            low, high = (rate, high) if fits(rate) else (low, rate)
    for _ in range(steps):
        rate = (low * high) ** 0.5
        low, high = (rate, high) if fits(rate) else (low, rate)
    return float((low * high) ** 0.5)
