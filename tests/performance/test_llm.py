"""Language models: known answers by hand, and what must hold whatever the figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import Catalog
from advisor.performance.llm import (
    GIB,
    LlmConfigs,
    capacity,
    kv_bytes_per_token,
    max_batch,
    prefill_s,
    prefill_share_s,
    step_s,
    weights_gib,
)
from tests.performance.given import asked, at_most, configs, mixture, with_tables

NO_TARGET = np.array([np.inf])

# --- known answers ------------------------------------------------------------------------------


def test_weights_of_a_70b_model_in_16_bits(shipped: Catalog):
    found = asked(shipped, {"model": "Llama-3.1-70B", "tensor_parallel": 4})
    assert 130.5 <= found["weights_gib"].iloc[0] <= 132.0


@pytest.mark.parametrize("chip", ["L4", "A10G", "A30"])
def test_70b_in_4_bits_does_not_fit_a_24_gb_card(shipped: Catalog, chip: str):
    found = asked(
        shipped,
        {
            "model": "Llama-3.1-70B",
            "accelerator": chip,
            "weight_precision": "int4-awq",
            "framework": "vllm",
        },
    ).iloc[0]
    assert found["rps"] == 0
    assert found["reason"].startswith("does not fit: needs 3")
    assert found["weights_gib"] > 24


@pytest.mark.parametrize("chip", ["L40S", "A100-80-SXM", "H100-SXM"])
def test_70b_in_4_bits_fits_48_and_80_gb(shipped: Catalog, chip: str):
    found = asked(
        shipped,
        {
            "model": "Llama-3.1-70B",
            "accelerator": chip,
            "weight_precision": "int4-awq",
            "framework": "vllm",
        },
    ).iloc[0]
    assert found["reason"] == ""
    assert found["rps"] > 0


def test_8b_in_16_bits_fits_an_l4(shipped: Catalog):
    found = asked(shipped, {"accelerator": "L4", "framework": "vllm"}).iloc[0]
    assert found["reason"] == ""


@pytest.mark.parametrize(
    ("model", "by_hand"),
    [
        ("Llama-3.1-70B", 2 * 80 * 8 * 128 * 2),  # grouped queries: 8 of 64 heads keep K and V
        ("Llama-2-7B", 2 * 32 * 32 * 128 * 2),  # every head keeps its own
        ("DeepSeek-V3", 61 * 576 * 2),  # one latent vector of 512 + 64 a layer
    ],
)
def test_kv_bytes_per_token(shipped: Catalog, model: str, by_hand: int):
    row = shipped.lookup("models", model)
    c = configs(
        {k: float(row[k] or 0) for k in ("layers", "heads", "kv_heads", "head_size", "kv_dim_mla")},
        tensor_parallel=1.0,
    )
    assert kv_bytes_per_token(c, np.array([1000.0])).tolist() == [by_hand]


def test_kv_bytes_known_to_everybody():
    assert 2 * 80 * 8 * 128 * 2 == 327_680
    one = kv_bytes_per_token(configs(tensor_parallel=1.0), np.array([1.0]))
    assert one.tolist() == [327_680]


def test_kv_heads_are_copied_beyond_their_number_and_latents_on_every_rank():
    context = np.array([1000.0])
    kv = [kv_bytes_per_token(configs(tensor_parallel=n), context)[0] for n in (1, 8, 16)]
    assert kv == [327_680, 327_680, 2 * 327_680]
    latent = [
        kv_bytes_per_token(configs(tensor_parallel=n, kv_dim_mla=576), context)[0] for n in (1, 8)
    ]
    assert latent[1] == 8 * latent[0]


def test_windowed_layers_keep_no_more_than_their_window():
    # Half the layers see 1,000 tokens: at a context of 4,000 they hold a quarter.
    c = configs(window_tokens=1000.0, window_share=0.5, tensor_parallel=1.0)
    assert kv_bytes_per_token(c, np.array([4000.0]))[0] == pytest.approx(327_680 * (0.5 + 0.125))
    assert kv_bytes_per_token(c, np.array([500.0]))[0] == 327_680


def test_a_step_at_batch_one_by_hand(shipped: Catalog):
    # Llama-3.1-8B in BF16 on an H100: 8.03 B parameters less an input embedding of 128,256 x 4,096.
    streamed = (8.03e9 - 128_256 * 4096) * 2  # bytes
    cache = 300 * 2 * 32 * 8 * 128 * 2  # context 200 + 200 / 2
    memory_s = (streamed + cache / 0.9) / (0.8 * 3350e9)
    compute_s = (streamed + 4 * 32 * 32 * 128 * 300) / (0.65 * 989e12)  # 2 FLOP a parameter
    step = (memory_s**1.13 + compute_s**1.13) ** (1 / 1.13) + 0.0012 + 4.9e-6
    # Reading the prompt streams the weights once, beside 200 tokens' arithmetic.
    work_s = (200 * streamed + 2 * 32 * 32 * 128 * 200**2) / (0.63 * 989e12)
    read_s = streamed / (0.8 * 3350e9)
    prompt_s = (work_s**1.13 + read_s**1.13) ** (1 / 1.13) + 0.0012

    found = asked(at_most(plain(shipped), 1), {"isl_tokens": 200.0, "osl_tokens": 200.0}).iloc[0]

    assert found["concurrency"] == 1
    assert found["token_s"] == pytest.approx(step + prompt_s / 200, rel=0.002)
    assert found["token_s"] == pytest.approx(0.0069, rel=0.01)
    assert found["bound"] != "compute"


def plain(shipped: Catalog) -> Catalog:
    """The catalog with round factors, so that a hand can follow."""
    factors = {
        "bandwidth_efficiency": 0.8,
        "cache_efficiency": 0.9,
        "decode_efficiency": 0.65,
        "prefill_efficiency": 0.63,
        "moe_efficiency": 1.0,
        "step_overhead_s": 0.0012,
        "sequence_overhead_s": 4.9e-6,
        "blend_exponent": 1.13,
    }
    scales = shipped["calibration_scales"].assign(compute=1.0, bandwidth=1.0)
    table = shipped["calibration"].assign(**factors)
    return with_tables(shipped, calibration=table, calibration_scales=scales)


def test_a_long_prompt_by_hand():
    # 8,000 tokens on four ranks: 2 P i + 2 L n_h d_h i^2, at 0.6 x 1,000 TFLOP/s each.
    flop = 2 * (70.554e9 - 1.051e9) * 8000 + 2 * 80 * 64 * 128 * 8000**2
    traffic = 2 * 80 * (15e-6 * 2 + 2 * 3 / 4 * 8000 * 8192 * 2 / (0.5 * 450e9))
    read_s = (70.554e9 - 1.051e9) * 2 / 4 / (0.8 * 4000e9)
    work_s = flop / 4 / 0.6e15
    both_s = (work_s**1.13 + read_s**1.13) ** (1 / 1.13)
    start_s = 0.001 * (0.5 + 0.5 * 80 / 32)
    found = prefill_s(configs(isl_tokens=8000.0))[0]
    assert found == pytest.approx(both_s + traffic + start_s, rel=1e-9)


def test_prompts_that_share_a_pass_share_its_fixed_costs():
    # 64 prompts of 128 tokens fill a pass of 8,192: latency and weights are paid once for all.
    c = configs(isl_tokens=128.0, tensor_parallel=8.0)
    alone, shared = prefill_s(c)[0], prefill_share_s(c, np.array([200.0]))[0]
    assert shared == pytest.approx(prefill_s(c, 64.0)[0] / 64)
    assert shared < alone / 3
    # One request in the machine has nobody to share with.
    assert prefill_share_s(c, np.array([1.0]))[0] == pytest.approx(alone)


def test_tokens_found_in_the_prefix_cache_are_not_computed():
    full, half = prefill_s(configs({"prefix_hit": 0.0}, {"prefix_hit": 0.5}, isl_tokens=8000.0))
    # Weights are read and kernels started all the same.
    assert 0.5 * full < half < 0.55 * full


def test_one_device_sends_nothing():
    slow, fast = (
        step_s(configs(tensor_parallel=1.0, link_gb_s=g), np.array([8.0]))[0] for g in (1.0, 900.0)
    )
    assert slow == fast
    slow, fast = (
        step_s(configs(tensor_parallel=4.0, link_gb_s=g), np.array([8.0]))[0] for g in (1.0, 900.0)
    )
    assert slow > fast


def test_requests_in_memory_by_hand():
    # 4 x 70 GiB hold the weights, 2 GiB of activations each, and what is left in caches.
    c = configs(max_sequences=1e9)
    # Activations: 2 GiB of the framework's own, and a layer's for 8,192 tokens.
    layer = 8192 * 8192 * 2 * (2 + 7 / 4) / GIB
    room = 4 * 70 - 70.554e9 * 2 / GIB - 4 * (2 + layer)
    paged = room * GIB / (327_680 * (1000 + 100))
    reserved = room * GIB / (327_680 * (1000 + 200))
    assert max_batch(c)[0] == pytest.approx(paged)
    assert max_batch(replace(c, paged=np.zeros(1)))[0] == pytest.approx(reserved)
    assert max_batch(replace(c, max_sequences=np.array([16.0])))[0] == 16


def test_experts_stream_fewer_weights_for_one_request_and_all_for_many():
    dense = configs()
    sparse = mixture(dense, experts=8, active=2)
    alone, crowd = np.array([1.0]), np.array([4096.0])
    # One token reaches a quarter of the experts: the pass takes little more than a quarter.
    overhead = step_s(configs(params_b=1.06, active_params_b=1.06), alone)[0]
    assert step_s(sparse, alone)[0] - overhead < 0.35 * (step_s(dense, alone)[0] - overhead)
    memory_only = {"peak_tflops": np.array([1e9])}
    many = step_s(replace(sparse, **memory_only), crowd)[0]
    assert many == pytest.approx(step_s(replace(dense, **memory_only), crowd)[0], rel=1e-6)


def test_weight_only_4_bits_helps_small_batches_more_than_large(shipped: Catalog):
    def gain(sequences: int) -> float:
        few = at_most(shipped, sequences)
        wide, narrow = asked(
            few,
            {"weight_precision": "bf16", "isl_tokens": 100.0},
            {"weight_precision": "int4-awq", "isl_tokens": 100.0},
        )["rps"]
        return float(narrow / wide)

    assert gain(1) > 1.5
    assert gain(512) < 1.5


# --- properties ---------------------------------------------------------------------------------

shapes = st.fixed_dictionaries(
    {
        "isl_tokens": st.integers(16, 30_000),
        "osl_tokens": st.integers(1, 2_000),
        "peak_tflops": st.floats(50, 5_000),
        "bandwidth_gb_s": st.floats(100, 8_000),
        "memory_gib": st.floats(40, 200),
        "weight_bits": st.sampled_from([4.25, 8.0, 16.0]),
        "tensor_parallel": st.sampled_from([1, 2, 4, 8]),
        "max_sequences": st.sampled_from([1, 8, 256, 2048]),
        "prefix_hit": st.floats(0, 0.9),
        "continuous": st.sampled_from([0, 1]),
        "speculative_tokens": st.sampled_from([0, 4]),
    }
)
more = st.floats(1.0, 10.0)


def rps(c: LlmConfigs, ttft_s: float = np.inf, tpot_s: float = np.inf) -> float:
    return float(capacity(c, np.array([ttft_s]), np.array([tpot_s])).rps[0])


targets = {"ttft": st.floats(0.01, 20), "tpot": st.floats(0.002, 0.5)}


@given(shape=shapes, times=more, what=st.sampled_from(["bandwidth_gb_s", "peak_tflops"]))
def test_a_faster_chip_is_never_slower(shape: dict[str, float], times: float, what: str):
    faster = {**shape, what: shape[what] * times}
    assert rps(configs(faster)) >= rps(configs(shape)) * (1 - 1e-9)


@settings(max_examples=200)
@given(shape=shapes, times=more, what=st.sampled_from(["bandwidth_gb_s", "peak_tflops"]), **targets)
def test_nor_within_latency_targets(
    shape: dict[str, float], times: float, what: str, ttft: float, tpot: float
):
    faster = {**shape, what: shape[what] * times}
    assert rps(configs(faster), ttft, tpot) >= rps(configs(shape), ttft, tpot) * (1 - 1e-9)


def test_a_prefill_heavy_replica_may_run_below_its_batch():
    # 8,000 tokens in, 2 out: at full rate prefills queue without end, at a lower one the target
    # of three prefills' time holds.
    c = configs(isl_tokens=8000.0, osl_tokens=2.0)
    found = capacity(c, 3 * prefill_s(c), NO_TARGET)
    assert found.reason[0] == ""
    assert 0.4 < found.rps[0] * prefill_s(c)[0] < 0.8
    assert found.first_s[0] == pytest.approx(3 * prefill_s(c)[0])


@given(shape=shapes, times=more)
def test_more_memory_never_serves_less(shape: dict[str, float], times: float):
    roomier = {**shape, "memory_gib": shape["memory_gib"] * times}
    assert rps(configs(roomier)) >= rps(configs(shape)) * (1 - 1e-9)


@given(shape=shapes, tokens=st.integers(1, 20_000), side=st.sampled_from(["isl", "osl"]))
def test_a_longer_context_is_never_faster(shape: dict[str, float], tokens: int, side: str):
    longer = {**shape, f"{side}_tokens": shape[f"{side}_tokens"] + tokens}
    assert rps(configs(longer)) <= rps(configs(shape)) * (1 + 1e-9)


@given(shape=shapes, batch=st.integers(1, 1000), extra=st.integers(1, 1000))
def test_a_step_takes_longer_with_a_larger_batch_but_less_per_request(
    shape: dict[str, float], batch: int, extra: int
):
    c = configs(shape)
    small, large = (step_s(c, np.array([float(b)]))[0] for b in (batch, batch + extra))
    assert small < large
    assert small / batch > large / (batch + extra)


@given(shape=shapes, experts=st.sampled_from([8, 64, 256]), active=st.integers(1, 8))
def test_experts_never_stream_more_than_the_dense_model(
    shape: dict[str, float], experts: int, active: int
):
    dense = configs(shape)
    for batch in (1.0, 16.0, 256.0):
        at = np.array([batch])
        assert step_s(mixture(dense, experts, active), at) <= step_s(dense, at) * (1 + 1e-9)


@settings(max_examples=200)
@given(shape=shapes, times=more, **targets)
def test_a_looser_target_never_lowers_capacity(
    shape: dict[str, float], times: float, ttft: float, tpot: float
):
    c = configs(shape)
    tight = rps(c, ttft, tpot)
    assert rps(c, ttft * times, tpot) >= tight
    assert rps(c, ttft, tpot * times) >= tight
    assert rps(c) >= tight


@given(shape=shapes, **targets)
def test_what_is_promised_meets_the_targets(shape: dict[str, float], ttft: float, tpot: float):
    found = capacity(configs(shape), np.array([ttft]), np.array([tpot]))
    if found.rps[0] > 0:
        assert found.first_s[0] <= ttft * (1 + 1e-9)
        assert found.token_s[0] <= tpot
        assert found.reason[0] == ""
    else:
        assert found.reason[0].startswith(("does not fit", "misses latency"))


@given(shape=shapes)
def test_fewer_bits_never_weigh_more(shape: dict[str, float]):
    wide, narrow = weights_gib(configs({**shape, "weight_bits": 16}, {**shape, "weight_bits": 4}))
    assert narrow < wide
    # The input embedding stays in 16 bits.
    assert narrow > wide / 4


def test_one_token_answers_have_no_time_per_token():
    found = capacity(configs(osl_tokens=1.0), NO_TARGET, np.array([1e-9]))
    assert found.token_s[0] == 0
    assert found.rps[0] > 0
