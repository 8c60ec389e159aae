"""Models that answer in one pass: latency and capacity by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.performance.onepass import PassConfigs, capacity, pass_s, peak_share
from tests.performance.given import asked

# 10 GFLOP at half of 100 TFLOP/s: 0.2 ms a sample, after 1 ms a pass. The weights, 0.1 B of 16
# bits, take 0.2 GB / (0.8 x 500 GB/s) = 0.5 ms to read.
PLAIN = {
    "gflops_per_sample": 10.0,
    "params_b": 0.1,
    "weight_bits": 16.0,
    "mfu": 0.5,
    "pass_overhead_s": 0.001,
    "peak_tflops": 100.0,
    "bandwidth_gb_s": 500.0,
    "memory_gib": 16.0,
    "activation_gib_per_sample": 0.01,
    "batching": 1.0,
}


def config(**changes: float) -> PassConfigs:
    return PassConfigs(**{k: np.array([float(v)]) for k, v in {**PLAIN, **changes}.items()})


def served(latency_s: float = np.inf, **changes: float) -> dict[str, Any]:
    found = capacity(config(**changes), np.array([latency_s]))
    return {k: v[0] for k, v in vars(found).items()}


@pytest.mark.parametrize(
    ("batch", "by_hand"),
    [
        (1, np.hypot(0.001, 0.0005)),  # reading the weights binds
        (2, np.hypot(0.001, 0.0005)),
        (10, np.hypot(0.001, 0.002)),  # arithmetic binds
        (100, np.hypot(0.001, 0.020)),
    ],
)
def test_time_of_a_pass(batch: float, by_hand: float):
    assert pass_s(config(), np.array([float(batch)]))[0] == pytest.approx(by_hand)


def test_without_a_target_the_largest_batch_serves_most():
    found = served()
    assert found["concurrency"] == 256
    assert found["rps"] == pytest.approx(256 / np.hypot(0.001, 256 * 0.0002))
    assert found["bound"] == "compute"


def test_two_passes_must_fit_the_target():
    # A batch of 32 takes 6.48 ms, so 12.96 ms at the 95th percentile; one of 64 takes 25.7 ms.
    once = np.hypot(0.001, 0.0064)
    found = served(latency_s=0.020)
    assert found["concurrency"] == 32
    assert found["latency_s"] == pytest.approx(2 * once)
    assert found["rps"] == pytest.approx(32 / once)


def test_without_batching_requests_go_one_by_one():
    found = served(batching=0)
    assert found["concurrency"] == 1
    once = np.hypot(0.001, 0.0005)
    assert found["rps"] == pytest.approx(1 / once)
    assert found["latency_s"] == pytest.approx(1.5 * once)
    assert found["bound"] == "overhead per pass"


def test_memory_bounds_the_batch():
    # 0.186 GiB of weights leave room for 13 samples of 0.01 GiB in 0.32 GiB: a batch of 8.
    assert served(memory_gib=0.32)["concurrency"] == 8


def test_a_miss_says_by_how_much():
    found = served(latency_s=0.001)
    assert found["rps"] == 0
    assert found["reason"] == "misses latency: 2 ms against 1"


def test_a_model_that_does_not_fit_says_so():
    found = served(memory_gib=0.1)
    assert found["rps"] == 0
    assert found["reason"] == "does not fit: needs 0.2 GiB, has 0.1"


def test_share_of_peak():
    # 5,000 samples of 10 GFLOP are 50 TFLOP/s.
    assert peak_share(5000, 10, 100) == pytest.approx(0.5)


@given(target=st.floats(1e-4, 1.0), times=st.floats(1, 10), mfu=st.floats(0.01, 1))
def test_a_looser_target_or_a_faster_chip_never_serves_less(
    target: float, times: float, mfu: float
):
    before = served(latency_s=target, mfu=mfu)["rps"]
    assert served(latency_s=target * times, mfu=mfu)["rps"] >= before
    assert served(latency_s=target, mfu=mfu, peak_tflops=100 * times)["rps"] >= before * (1 - 1e-9)
    assert served(latency_s=target, mfu=mfu, bandwidth_gb_s=500 * times)["rps"] >= before


def test_a_longer_text_takes_longer(shipped: Catalog):
    encoder = {"model": "BERT-base", "framework": "onnxruntime", "weight_precision": "fp16"}
    texts = ({**encoder, "isl_tokens": tokens} for tokens in (64.0, 256.0))
    short, long = asked(shipped, *texts)["rps"]
    assert short > 2 * long


def test_a_share_of_a_processor_serves_its_share(shipped: Catalog):
    cpu = {
        "model": "BERT-base",
        "framework": "onnxruntime",
        "accelerator": "x86-SPR",
        "weight_precision": "fp32",
        "isl_tokens": 128.0,
        "host_memory_gib": 64.0,
    }
    whole, quarter = asked(shipped, cpu, {**cpu, "chip_share": 0.25})["rps"]
    assert quarter == pytest.approx(whole / 4, rel=0.05)


def test_pruned_models_do_less_work(shipped: Catalog):
    cnn = {"model": "ResNet-50", "framework": "onnxruntime", "weight_precision": "fp16"}
    full, pruned = asked(shipped, cnn, {**cnn, "params_factor": 0.6})["rps"]
    assert full < pruned < full / 0.6
