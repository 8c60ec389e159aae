"""Result files of benchmarking tools; those in ``files/`` are made to the published schemas."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import InputError
from advisor.performance.benchmark_files import in_flight, read_benchmarks

FILES = Path(__file__).parent / "files"
VLLM: dict[str, Any] = json.loads((FILES / "vllm_bench_serve.json").read_text("utf-8"))
AIPERF: dict[str, Any] = json.loads((FILES / "profile_export_aiperf.json").read_text("utf-8"))


def written(folder: Path, value: Any) -> Path:
    path = folder / "result.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def refused(folder: Path, value: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read_benchmarks(written(folder, value))
    assert caught.value.file == "result.json"
    return caught.value


def test_vllm_bench_serve():
    (run,) = read_benchmarks(FILES / "vllm_bench_serve.json")
    assert run.tool == "vllm bench serve"
    assert run.model == "meta-llama/Llama-3.1-8B-Instruct"
    assert (run.requests_per_s, run.tokens_per_s) == (10.81, 2162.2)
    assert (run.isl_tokens, run.osl_tokens) == (1000.0, 200.0)
    assert (run.ttft_s, run.tpot_s) == (pytest.approx(0.4802), pytest.approx(0.0271))
    assert (run.ttft_p95_s, run.rate) == (None, None)
    assert (run.concurrency, run.requests, run.failed) == (64.0, 1000, 0)
    assert run.as_of == date(2026, 9, 1)


def test_a_file_that_is_in_memory_is_read_alike():
    path = FILES / "vllm_bench_serve.json"
    assert read_benchmarks(path.read_bytes(), path.name) == read_benchmarks(path)


def test_results_appended_to_one_file_are_several_runs():
    first, second = read_benchmarks(FILES / "vllm_appended.json")
    assert (first.rate, first.concurrency) == (None, 64.0)
    assert (second.rate, second.concurrency) == (4.0, None)
    assert second.ttft_p95_s == pytest.approx(0.099)


def test_aiperf():
    (run,) = read_benchmarks(FILES / "profile_export_aiperf.json")
    assert (run.tool, run.model) == ("AIPerf", "Qwen/Qwen3-8B")
    assert (run.requests_per_s, run.concurrency, run.failed) == (9.4, 32.0, 2)
    assert (run.ttft_s, run.ttft_p95_s) == (pytest.approx(0.34), pytest.approx(0.72))
    assert (run.isl_tokens, run.osl_tokens, run.as_of) == (550.0, 150.0, date(2026, 10, 2))


def test_genai_perf():
    (run,) = read_benchmarks(FILES / "profile_export_genai_perf.json")
    assert (run.tool, run.model) == ("GenAI-Perf", "meta-llama/Llama-3.1-8B-Instruct")
    assert (run.requests_per_s, run.concurrency, run.rate) == (2.87, 1.0, None)
    assert (run.tpot_s, run.tpot_p95_s) == (pytest.approx(0.01847), pytest.approx(0.01869))


def test_every_run_of_a_guidellm_sweep():
    runs = read_benchmarks(FILES / "guidellm_benchmarks.json")
    assert [r.requests_per_s for r in runs] == [1.05, 12.0]
    assert [r.concurrency for r in runs] == [1.0, 15.8]
    # The time per token after the first, not the one that counts the first in.
    assert [r.tpot_s for r in runs] == pytest.approx([0.0073, 0.01])
    assert {(r.tool, r.model, r.failed) for r in runs} == {
        ("GuideLLM", "meta-llama/Llama-3.1-8B-Instruct", 1)
    }


@pytest.mark.parametrize("name", sorted(p.name for p in FILES.glob("*.json")))
def test_requests_in_flight_follow_from_rate_and_times(name):
    for run in read_benchmarks(FILES / name):
        busy = in_flight(run)
        assert busy is not None
        if run.concurrency:
            assert busy == pytest.approx(run.concurrency, rel=0.05)


def test_the_unit_a_file_states_counts(tmp_path):
    block = {**AIPERF["time_to_first_token"], "unit": "s", "avg": 0.34, "p95": 0.72}
    (run,) = read_benchmarks(written(tmp_path, {**AIPERF, "time_to_first_token": block}))
    assert (run.ttft_s, run.ttft_p95_s) == (0.34, 0.72)


def test_an_unknown_unit_is_refused(tmp_path):
    block = {**AIPERF["time_to_first_token"], "unit": "tokens"}
    error = refused(tmp_path, {**AIPERF, "time_to_first_token": block})
    assert (error.column, error.value) == ("time_to_first_token.unit", "tokens")
    assert "ms" in str(error.allowed)


def test_a_model_that_answers_at_once_has_no_token_times(tmp_path):
    gone = {"total_output_tokens", "output_throughput"}
    plain = {k: v for k, v in VLLM.items() if k not in gone and "ttft" not in k and "pot" not in k}
    (run,) = read_benchmarks(written(tmp_path, plain))
    assert (run.osl_tokens, run.ttft_s, in_flight(run)) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "column", "problem"),
    [
        ({"request_throughput": "fast"}, "request_throughput", "not a number"),
        ({"request_throughput": True}, "request_throughput", "not a number"),
        ({"request_throughput": float("nan")}, "request_throughput", "can be measured"),
        ({"request_throughput": -1.0}, "request_throughput", "can be measured"),
        ({"request_throughput": 0.0}, "request_throughput", "above 0"),
        ({"mean_ttft_ms": float("inf")}, "mean_ttft_ms", "can be measured"),
        ({"total_input_tokens": [1, 2]}, "total_input_tokens", "not a number"),
        ({"total_input_tokens": None}, "total_input_tokens", "needs this figure"),
        ({"completed": 0}, "completed", "no request was finished"),
        ({"date": "yesterday"}, "date", "not a day"),
        ({"output_throughput": 2.1622}, "output_throughput", "do not make these tokens/s"),
        ({"request_throughput": 648.6}, "output_throughput", "do not make these tokens/s"),
        ({"mean_ttft_ms": 480_200.0}, "mean_ttft_ms", "more requests in flight"),
        ({"mean_tpot_ms": 27_100.0}, "mean_ttft_ms", "more requests in flight"),
    ],
)
def test_wrong_figures_are_named(tmp_path, change, column, problem):
    error = refused(tmp_path, {**VLLM, **change})
    assert error.column == column
    assert problem in str(error)


def test_a_run_in_a_sweep_is_named_by_its_place(tmp_path):
    whole = json.loads((FILES / "guidellm_benchmarks.json").read_text("utf-8"))
    whole["benchmarks"][1]["metrics"]["requests_per_second"]["successful"]["mean"] = "many"
    error = refused(tmp_path, whole)
    assert error.column == "benchmarks.1.metrics.requests_per_second.successful.mean"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not valid JSON"),
        ('{"request_throughput": ', "not valid JSON"),
        ('{"a": 1}\n{"b": ', "result.json: not a result file"),
        ("[]", "not a result file"),
        ("7", "not a result file"),
        ('{"results": {"throughput": 3}}', "(got 'results')"),
        ('{"benchmarks": []}', "not a result file"),
    ],
)
def test_other_files_are_told_what_is_expected(tmp_path, content, problem):
    error = refused(tmp_path, content)
    assert problem in str(error) or problem in f"{error.file}: {error.problem}"
    assert "vllm bench serve --save-result" in str(error)
    assert "guidellm" in str(error)


def test_half_a_line_is_named(tmp_path):
    whole = json.dumps(VLLM)
    assert refused(tmp_path, f"{whole}\n{whole[:40]}").row == 2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_benchmarks(tmp_path / "nowhere.json")


def test_bytes_are_no_result(tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_benchmarks(path)
