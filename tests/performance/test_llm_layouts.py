"""Pipelines, shared-out latent caches, old kernels and traffic: known answers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.performance.llm import step_s
from advisor.performance.memory import kv_bytes_per_token, max_batch, weights_gib

from .given import configs


def test_a_pipeline_holds_the_weights_once():
    # Two stages of one device: 69 GiB usable each, half of the 131.4 GiB of weights on each.
    # A request holds 1,100 tokens of 327,680 bytes.
    one, two = configs({"pipeline": 1.0}, {"pipeline": 2.0}, tensor_parallel=1.0), None
    assert max_batch(one)[0] < 1
    two = configs({"pipeline": 2.0}, tensor_parallel=1.0, activation_gib=1.0, memory_gib=72.0)
    free = 72.0 - 1.0 - 8192 * 8192 * 2 * 9 / 2**30 - weights_gib(two)[0] / 2
    assert max_batch(two)[0] == pytest.approx(free * 2**30 / (1100 * 327_680))


def test_latent_cache_lies_on_every_rank_or_is_shared_out():
    deepseek = {"layers": 61.0, "kv_dim_mla": 576.0, "tensor_parallel": 8.0}
    everywhere, shared = kv_bytes_per_token(
        configs(deepseek, deepseek | {"latent_split": 1.0}), np.array(1000.0)
    )
    assert everywhere == 61 * 576 * 2 * 8
    assert shared == 61 * 576 * 2


def test_old_kernels_read_the_cache_once_per_query_head():
    # 8 query heads share a KV head: in between, 8 to the power of the share.
    far = {"isl_tokens": 30_000.0, "decode_efficiency": 1e6, "link_latency_s": 0.0}
    far |= {"step_overhead_s": 0.0, "sequence_overhead_s": 0.0, "link_efficiency": 1e6}
    plain, half, all_heads = step_s(
        configs(far, far | {"cache_repeats": 0.5}, far | {"cache_repeats": 1.0}), np.array(16.0)
    )
    cache = 16 * 30_100 * 327_680 / 4 / (0.8 * 4e12)
    assert half - plain == pytest.approx(cache * (8**0.5 - 1), rel=1e-3)
    assert all_heads - plain == pytest.approx(cache * 7, rel=1e-3)


def test_traffic_of_token_states():
    # 64 tokens x 80 layers x 8,192 x 2 bytes x 6 x 1.25 over 4 ranks, beside 35 GB of weights.
    still, moving = step_s(
        configs({"traffic": 0.0}, {"traffic": 6.0}, blend_exponent=1.0), np.array(64.0)
    )
    moved = 64 * 80 * 8192 * 2 * 6 * 1.25 / 4
    assert moving - still == pytest.approx(moved / (0.8 * 4e12))
