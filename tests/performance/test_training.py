"""Arithmetic, memory and time of training, by hand and against published figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.performance import training
from advisor.performance.training import Network, network

GIB = 2.0**30
METHODS = ("full", "lora", "qlora")
SEVEN = Network(
    params_b=7.0, forward_flop=14e9, attention=4.0 * 32 * 4096, layers=32, hidden=4096, vocab=32000
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def figures(**changed: float) -> training.Assumption:
    """Planning figures that leave nothing beside the tensors, but for those given."""
    known = {"adapter_share": 0.006, "training_reserve_gib": 0.0, "training_maps_kept": 10.0}
    known |= {"gradient_checkpointing_memory": 0.3, **changed}
    return known.__getitem__


def memory(n: Network, chips: float = 1.0, **changed: Any) -> float:
    asked: dict[str, Any] = {
        "method": "full",
        "precision": "bf16",
        "sequence_tokens": 2048.0,
        "batch": 1.0,
        "checkpointing": True,
        "assumption": figures(),
    }
    return float(training.memory_gib(n, chips=np.array([chips]), **asked | changed)[0])


def test_llama_7b_on_an_h100_by_hand(catalog: Catalog) -> None:
    # 6 x 6.738e9 + 12 x 32 x 4096 x 2048 = 40.428e9 + 3.221e9 a token, 50 million of them, at 38 %
    # of 989 TFLOP/s: 5,807 s.
    llama = network(catalog.lookup("models", "Llama-2-7B"))
    assert llama is not None
    per_token = training.flop_per_token(llama, "full", 2048)
    assert per_token == pytest.approx(43.649e9, rel=1e-4)
    hours = training.run_hours(
        per_token * 50e6,
        chips=np.array([1.0]),
        peak_tflops=np.array([989.0]),
        share=np.array([0.38]),
        machines=np.array([1.0]),
        scaling=0.95,
        data_stall_share=0.0,
    )
    assert hours[0] * 3600 == pytest.approx(5807, rel=1e-3)


def test_adapters_skip_the_gradients_of_frozen_weights() -> None:
    assert training.flop_per_token(SEVEN, "full", 0) == 42e9
    assert training.flop_per_token(SEVEN, "lora", 0) == 28e9
    # One forward pass again: a third more for all weights, half more for adapters.
    assert training.repeated_flop_per_token(SEVEN, 0) == 14e9


def test_llama_70b_took_what_was_published(catalog: Catalog) -> None:
    # Llama 2: 2 trillion tokens of 4,096 in 1,720,320 hours on A100-80 (arXiv 2307.09288).
    llama = network(catalog.lookup("models", "Llama-2-70B"))
    assert llama is not None
    flop = training.flop_per_token(llama, "full", 4096) * 2e12
    assert flop / (1_720_320 * 3600 * 312e12) == pytest.approx(0.48, abs=0.03)


def test_experts_that_are_passed_by_cost_no_arithmetic(catalog: Catalog) -> None:
    mixtral = network(catalog.lookup("models", "Mixtral-8x7B"))
    assert mixtral is not None
    assert training.flop_per_token(mixtral, "full", 0) == pytest.approx(6 * 12.88e9)
    # All of them are trained all the same.
    states = training.states_gib(mixtral, method="full", precision="bf16", assumption=figures())
    assert states == pytest.approx(16 * 46.7e9 / GIB)


def test_windows_bound_what_attention_costs() -> None:
    windowed = Network(7.0, 14e9, attention=1e6, window=1024, window_share=0.5)
    extra = training.flop_per_token(windowed, "full", 4096) - 42e9
    assert extra == pytest.approx(3e6 * (0.5 * 1024 + 0.5 * 4096))


def test_an_image_is_trained_at_three_forward_passes(catalog: Catalog) -> None:
    resnet = network(catalog.lookup("models", "ResNet-50"))
    assert resnet is not None
    assert training.flop_per_token(resnet, "full", 1) == pytest.approx(3 * 8.178e9)
    # About 22 GB for 256 images in FP32.
    kept = training.activations_gib(
        resnet,
        sequence_tokens=1,
        batch=256,
        precision="fp32",
        checkpointing=False,
        assumption=figures(),
    )
    assert kept * GIB / 1e9 == pytest.approx(22, rel=0.2)


@pytest.mark.parametrize("model", ["gpt-4o", "GBDT-1k-trees"])
def test_what_is_not_known_is_not_made_up(catalog: Catalog, model: str) -> None:
    assert network(catalog.lookup("models", model)) is None


def test_states_are_those_of_zero() -> None:
    # 7.5 billion: 120 GB on one chip, 1.9 GB on each of 64 (arXiv 1910.02054, figure 1).
    n = Network(7.5, 15e9)
    states = training.states_gib(n, method="full", precision="bf16", assumption=figures())
    assert states * GIB / 1e9 == pytest.approx(120)
    assert states * GIB / 1e9 / 64 == pytest.approx(1.9, abs=0.03)


@pytest.mark.parametrize(
    ("params_b", "method", "published_gb"),
    [(7.0, "full", 120), (7.0, "lora", 16), (7.0, "qlora", 6), (70.0, "qlora", 48)],
)
def test_memory_of_fine_tuning_is_as_published(
    params_b: float, method: str, published_gb: float
) -> None:
    # The table of LLaMA-Factory's README (AMP 120 and LoRA 16 GB for 7B, QLoRA 6 and 48 GB).
    layers, hidden = (32, 4096) if params_b == 7.0 else (80, 8192)
    n = Network(params_b, 2e9 * params_b, layers=layers, hidden=hidden, vocab=32000)
    found = memory(n, method=method, sequence_tokens=1024.0) * GIB / 1e9
    assert found == pytest.approx(published_gb, rel=0.2)


def test_activations_are_those_of_korthikanti() -> None:
    # 175B: 96 layers 12,288 wide, sequences of 2,048: 34 s h L bytes, and 2 s h L recomputed.
    n = Network(175.0, 350e9, layers=96, hidden=12288)
    asked: dict[str, Any] = {"sequence_tokens": 2048.0, "batch": 1.0, "precision": "bf16"}
    full, small = (
        training.activations_gib(n, checkpointing=c, assumption=figures(), **asked) * GIB
        for c in (False, True)
    )
    head = 4 * 2048 * 12288
    assert full - head == pytest.approx(34 * 2048 * 12288 * 96)
    assert small - head == pytest.approx((2 * 96 + 32) * 2048 * 12288)


def test_sharding_makes_a_run_fit() -> None:
    assert memory(SEVEN) > 80 > memory(SEVEN, chips=8.0)


def test_fp32_runs_nearer_its_lower_peak(catalog: Catalog) -> None:
    no, yes = np.array([False]), np.array([True])
    args: dict[str, Any] = {"capped": no, "joined": no, "method": "full"}
    share = {p: training.share_of_peak(catalog.assumption, p, **args)[0] for p in ("fp32", "bf16")}
    assert share["fp32"] > share["bf16"]
    for slower in ({"capped": yes}, {"joined": yes}, {"method": "qlora"}):
        found = training.share_of_peak(catalog.assumption, "bf16", **args | slower)[0]
        assert found < share["bf16"], slower


def hours(**changed: Any) -> float:
    asked: dict[str, Any] = {
        "chips": np.array([8.0]),
        "peak_tflops": np.array([312.0]),
        "share": np.array([0.4]),
        "machines": np.array([1.0]),
        "scaling": 0.95,
        "data_stall_share": 0.1,
    }
    return float(training.run_hours(1e20, **asked | changed)[0])


def test_two_machines_are_not_quite_twice_as_fast() -> None:
    assert hours(machines=np.array([2.0])) == pytest.approx(hours() / 1.9)
    assert hours(machines=np.array([8.0])) == pytest.approx(hours() / (8 * 0.95**3))


@given(st.floats(0, 0.9), st.floats(0, 0.09))
def test_more_waiting_for_data_is_never_faster(stall: float, more: float) -> None:
    assert hours(data_stall_share=stall + more) >= hours(data_stall_share=stall)


@given(
    st.sampled_from(METHODS),
    st.sampled_from(sorted(training.WEIGHT_BYTES)),
    st.floats(0.01, 500),
    st.integers(0, 120),
    st.integers(1, 16384),
    st.integers(1, 32768),
    st.integers(1, 512),
)
def test_checkpointing_never_takes_more_memory_nor_less_arithmetic(
    method: str, precision: str, params: float, layers: int, hidden: int, tokens: int, chips: int
) -> None:
    n = Network(
        params, 2e9 * params, 4.0 * layers * hidden, layers=layers, hidden=hidden, sample_gib=0.01
    )
    asked: dict[str, Any] = {"method": method, "precision": precision, "sequence_tokens": tokens}
    with_, without = (memory(n, chips, checkpointing=c, **asked) for c in (True, False))
    assert with_ <= without * (1 + 1e-12)
    assert training.repeated_flop_per_token(n, tokens) > 0


@given(st.floats(0.1, 500), st.integers(1, 511))
def test_adapters_never_need_more_memory_than_all_weights(params: float, chips: int) -> None:
    n = Network(params, 2e9 * params, layers=32, hidden=4096, vocab=32000)
    qlora, lora, full = (memory(n, chips, method=m) for m in ("qlora", "lora", "full"))
    assert qlora <= lora <= full
