"""Continuous batching under load: limits by hand, what must hold, and a short simulation."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.performance.batching_load import Batching, capacity_rps, load, nodes, top_rps

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from simulation.batching import Machine, simulate
from simulation.cases import Case, chain_of, largest_rate

STEP, GROWTH, PROMPT = 0.01, 1e-4, 0.02


def server(
    limit: float = 64, prefill: float = PROMPT, output: float = 200, step: float = STEP
) -> Batching:
    batch = nodes([limit])
    return Batching(
        batch=batch,
        step_s=step + GROWTH * batch,
        prefill_s=np.array([prefill]),
        slice_s=np.full_like(batch, 0.04),
        output_tokens=np.array([output]),
    )


def test_nodes_run_from_none_to_the_limit():
    found = nodes([1, 7, 31, 256, 4096])
    assert (found[:, 0] == 0).all()
    assert found[:, -1].tolist() == [1, 7, 31, 256, 4096]
    assert (np.diff(found, axis=1) >= 0).all()
    assert found[1, :9].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7]


def test_most_that_a_server_turns_around_by_hand():
    # 64 at once: 64 / (200 x 16.4 ms + 64 x 20 ms) = 14.04 a second.
    assert top_rps(server())[0] == pytest.approx(64 / (200 * 0.0164 + 64 * 0.02))


def test_an_empty_server_by_hand():
    found = load(server(), [1e-3])
    # The rest of an iteration under way, nearly all of 10 ms at the 95th percentile, one of 10 ms
    # for the first token, and the prompt's 20 ms.
    assert found.ttft_s[0] == pytest.approx(0.04, rel=0.1)
    assert found.mean_tpot_s[0] == pytest.approx(0.0101, rel=0.01)
    assert found.mean_decoding[0] == pytest.approx(1e-3 * 200 * 0.0101, rel=0.02)
    assert found.waiting_share[0] == pytest.approx(0.0, abs=1e-9)


def test_few_short_requests_are_a_poisson_crowd():
    # Iterations of one length and prompts that cost next to nothing: an infinite-server queue.
    batch = nodes([256])
    plain = Batching(
        batch,
        np.full_like(batch, 0.01),
        np.array([1e-6]),
        np.full_like(batch, 0.04),
        np.array([100.0]),
    )
    found = load(plain, [20.0])
    assert found.mean_decoding[0] == pytest.approx(20.0, rel=0.01)
    assert found.tpot_s[0] == pytest.approx(0.01, rel=0.03)


def test_targets_below_an_empty_server_leave_nothing():
    assert capacity_rps(server(), 0.02, np.inf) == 0
    assert capacity_rps(server(), np.inf, 0.009) == 0
    assert capacity_rps(server(), np.inf, np.inf)[0] > 0.85 * top_rps(server())[0]


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(8, 512),
    prefill=st.floats(1e-3, 0.1),
    output=st.floats(64, 2000),
    slack=st.floats(1.5, 8.0),
    better=st.floats(1.05, 2.0),
)
def test_capacity_is_monotone(
    limit: int, prefill: float, output: float, slack: float, better: float
):
    base = server(limit, prefill, output)
    first, token = slack * (prefill + 10 * STEP), slack * STEP

    def found(of: Batching = base, more: float = 1.0, p: float = 95.0, ca2: float = 1.0) -> float:
        return float(capacity_rps(of, more * first, more * token, p, ca2)[0])

    rate, least = found(), 2e-3 * float(top_rps(base)[0])
    assert 0 <= rate < top_rps(base)[0]
    assert found(more=better) >= rate - least
    assert found(p=99.0) <= rate + least
    assert found(ca2=better) <= rate + least
    assert found(server(limit, prefill, output, STEP / better)) >= rate * 0.99 - least


def test_latency_grows_with_load():
    b = server()
    rates = np.linspace(0.1, 0.95, 12) * top_rps(b)[0]
    found = [load(b, [r]) for r in rates]
    for name in ("ttft_s", "tpot_s", "mean_decoding", "waiting_share"):
        assert (np.diff([getattr(f, name)[0] for f in found]) >= -1e-9).all(), name


def test_many_configurations_answer_as_one_by_one():
    limits = [1, 8, 64, 300]
    parts = [server(limit) for limit in limits]
    together = Batching(
        *(np.concatenate([getattr(p, f) for p in parts]) for f in vars(parts[0])),
    )
    one_by_one = [capacity_rps(p, 0.5, 0.03)[0] for p in parts]
    assert capacity_rps(together, 0.5, 0.03).tolist() == pytest.approx(one_by_one)


MACHINE = Machine(alpha=0.008, beta=4e-5, gamma=2e-5, limit=256, budget=2048)


@pytest.mark.parametrize(("prompt", "output", "rate"), [(200, 200, 40), (1000, 250, 15)])
def test_percentiles_agree_with_simulation(prompt: int, output: int, rate: float):
    n = 8000
    gaps = np.random.default_rng(2).exponential(1 / rate, n)
    seen = simulate(MACHINE, gaps, [prompt] * n, [output] * n)
    found = load(chain_of(Case(MACHINE, prompt, output, 1, 1)), [rate], output_cv2=0.0)
    assert found.mean_tpot_s[0] == pytest.approx(seen.tpot_s.mean(), rel=0.03)
    assert found.tpot_s[0] == pytest.approx(np.quantile(seen.tpot_s, 0.95), rel=0.06)
    assert found.ttft_s[0] == pytest.approx(np.quantile(seen.ttft_s, 0.95), rel=0.2)


@pytest.mark.parametrize(
    ("prompt", "output", "ttft_s", "tpot_s"),
    [(200, 200, 0.06, np.inf), (1000, 250, 0.3, 0.02), (2000, 50, 0.3, 0.03)],
)
def test_capacity_agrees_with_simulation(prompt: int, output: int, ttft_s: float, tpot_s: float):
    case = Case(MACHINE, prompt, output, ttft_s, tpot_s)
    guess = float(capacity_rps(chain_of(case), ttft_s, tpot_s, output_cv2=0.0)[0])
    seen = largest_rate(case, guess, requests=5000)
    assert 0.85 * seen <= guess <= 1.05 * seen
