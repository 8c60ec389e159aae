"""What one-pass measurements state in words."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.performance import stated

ENTRY: dict[str, Any] = {
    "workload": "encoder",
    "model": "BERT-large",
    "weight_precision": "",
    "scenario": "offline",
    "source": "mlcommons/inference_results_v4.1 closed/X/results/Y/summary",
    "notes": "",
}


@pytest.mark.parametrize(
    ("changes", "eight", "runs"),
    [
        ({"workload": "cnn", "model": "ResNet-50", "weight_precision": "fp16"}, True, "int8-ptq"),
        ({"workload": "cnn", "model": "ResNet-50"}, False, "int8-ptq"),
        ({"notes": "quality target 99%"}, False, "int8-ptq"),
        ({"notes": "quality target 99.9%"}, False, "fp16"),
        ({"notes": "division=closed; target=bert-99.9; dated 2023-04"}, True, "fp8"),
        ({"quality_target": "99.9"}, True, "fp8"),
        ({"weight_precision": "int8+fp16", "notes": "quality target 99.9%"}, False, "fp16"),
        ({"weight_precision": "int8+fp16", "notes": "quality target 99%"}, False, "int8-ptq"),
        ({"weight_precision": "fp16"}, False, "fp16"),
        ({"workload": "diffusion", "model": "SDXL"}, True, "fp8"),
        ({"workload": "diffusion", "model": "SDXL"}, False, "bf16"),
        ({"workload": "diffusion", "model": "SDXL", "weight_precision": "int8"}, True, "int8-ptq"),
    ],
)
def test_what_an_entry_runs_in(changes: dict[str, Any], eight: bool, runs: str):
    row = {**ENTRY, **changes}
    assert stated.benchmark_precision(row, "bf16", eight)[0] == runs


def test_image_generation_ran_in_int8_in_its_first_round():
    row = {**ENTRY, "workload": "diffusion", "model": "SDXL", "notes": "MLPerf Inference v4.0"}
    assert stated.benchmark_precision(row, "bf16", True)[0] == "int8-ptq"


@pytest.mark.parametrize("given", ["int8", "fp8", "bf16"])
def test_a_narrow_format_that_is_stated_stands(given: str):
    row = {**ENTRY, "weight_precision": given}
    assert stated.benchmark_precision(row, given, True) == (given, "")


@pytest.mark.parametrize(
    ("notes", "px", "steps"),
    [
        ("512x512, 50 steps, batch 1", 512.0, 50.0),
        ("1024 x 1024; DDIM, 30 denoising steps", 1024.0, 30.0),
        ("512x2048", 1024.0, None),
        ("SQuAD v1.1, real lengths, max 384", None, None),
    ],
)
def test_size_and_steps(notes: str, px: float | None, steps: float | None):
    row = {**ENTRY, "notes": notes}
    assert stated.image_px(row) == px
    assert stated.steps(row) == steps


@pytest.mark.parametrize(
    ("notes", "engine"),
    [
        ("Triton backend: PyTorch; T4", "pytorch"),
        ("Triton backend: ONNX Runtime; DGX A100", "onnxruntime"),
        ("Triton backend: ONNX Runtime, Backend accelerator TensorRT", "triton"),
        ("perf_analyzer", "triton"),
    ],
)
def test_engine_behind_a_server(notes: str, engine: str):
    assert stated.engine("triton", notes) == engine
    assert stated.engine("tensorflow", notes) == "tensorflow"


def test_who_runs_the_benchmark():
    assert stated.is_benchmark(ENTRY)
    assert stated.is_benchmark({**ENTRY, "source": "own", "scenario": "server"})
    assert not stated.is_benchmark({**ENTRY, "source": "own"})
    assert stated.benchmark_framework("pytorch", "cpu", "int8-ptq") == "ipex"
    assert stated.benchmark_framework("", "gpu", "fp8") == "tensorrt"
    assert stated.benchmark_framework("openvino", "cpu", "int8-ptq") == "openvino"
