"""Capacity of replicas that batch continuously, alone and in fleets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.performance import llm
from advisor.performance.batching_load import top_rps
from advisor.performance.memory import max_batch
from advisor.performance.under_load import chain, under_load

from .given import configs

ASKED = {
    "model": "Llama-3.1-8B",
    "accelerator": "H100-SXM",
    "chip_share": 1.0,
    "tensor_parallel": 1.0,
    "weight_precision": "bf16",
    "kv_precision": "kv-16",
    "framework": "vllm",
    "continuous": 1.0,
    "paged": 1.0,
    "isl_tokens": 1000.0,
    "osl_tokens": 200.0,
    "ttft_slo_s": 1.0,
    "tpot_slo_s": 0.05,
}


def asked(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**ASKED, **c} for c in changes])


def test_the_chain_turns_around_what_the_roofline_does():
    c = configs({}, {"isl_tokens": 4000.0}, {"osl_tokens": 20.0})
    limit = np.floor(max_batch(c))
    assert top_rps(chain(c)) == pytest.approx(llm.throughput(c, limit), rel=1e-6)


def test_a_fleet_carries_more_than_replicas_alone(shipped: Catalog):
    alone, pooled = under_load(shipped, asked({}, {"ttft_slo_s": 0.2}), 95.0, 1.0)
    assert (alone > 0).all()
    assert (alone < pooled).all()


def test_looser_targets_and_calmer_arrivals_carry_more(shipped: Catalog):
    rows = asked({"tpot_slo_s": 0.02}, {"tpot_slo_s": 0.04}, {"tpot_slo_s": 0.08})
    alone, _ = under_load(shipped, rows, 95.0, 1.0)
    assert (np.diff(alone) >= 0).all()
    bursty, _ = under_load(shipped, rows, 95.0, 3.0)
    assert (bursty <= alone).all()
    strict, _ = under_load(shipped, rows, 99.0, 1.0)
    assert (strict <= alone * (1 + 1e-9)).all()


def test_a_target_below_one_step_carries_nothing(shipped: Catalog):
    alone, pooled = under_load(shipped, asked({"tpot_slo_s": 0.001}), 95.0, 1.0)
    assert alone[0] == pooled[0] == 0.0


def test_static_batches_are_left_to_the_delay_formula(shipped: Catalog):
    alone, pooled = under_load(shipped, asked({"continuous": 0.0}), 95.0, 1.0)
    assert np.isnan(alone[0])
    assert np.isnan(pooled[0])
