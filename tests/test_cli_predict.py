"""``advisor predict``, ``accuracy`` and ``attach`` as others call them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from advisor import cli
from advisor.catalog import Catalog
from advisor.optimize.offers import STRENGTH
from advisor.portfolio.load import load_portfolio, sample_path

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / "tests/performance/files"
SCHEMA = json.loads((ROOT / "docs/schemas/accuracy.schema.json").read_text("utf-8"))
LLAMA = {
    "model": "Llama-3.1-8B",
    "accelerator": "H100-SXM",
    "weights": "bf16",
    "framework": "vllm",
    "isl": "1000",
    "osl": "200",
}
RESNET = {
    "model": "ResNet-50",
    "accelerator": "T4",
    "weights": "fp16",
    "framework": "triton",
}


def flags(given: dict[str, Any]) -> list[str]:
    return [f"--{name}={value}" for name, value in given.items()]


def predicted(capsys: pytest.CaptureFixture[str], given: dict[str, Any], *more: str) -> Any:
    assert cli.main(["predict", *flags(given), *more, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "NaN" not in said.out
    return json.loads(said.out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said about unusable input: one line, and nothing on standard output."""
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    return said.err


# --- predict ------------------------------------------------------------------------------------


def test_a_language_model(capsys):
    found = predicted(capsys, {**LLAMA, "ttft-slo": "2s", "tpot-slo": "50ms", "rps": 30})
    free, held, memory = found["throughput"], found["capacity"], found["memory_gib"]
    assert free["low"] < free["requests_per_s"] < free["high"]
    assert free["tokens_per_s_out"] == pytest.approx(200 * free["requests_per_s"])
    assert free["tokens_per_s_total"] == pytest.approx(1200 * free["requests_per_s"])
    assert 0 < held["requests_per_s"] <= free["requests_per_s"] * 1.0001
    assert held["tpot_s"] <= 0.05
    assert held["ttft_p95_s"] <= 2.0
    assert held["replicas"] * held["requests_per_s"] >= 30
    assert memory["weights"] == pytest.approx(8.03 * 2e9 / 2**30, rel=0.02)
    parts = memory["weights"] + memory["kv_cache"] + memory["activations_and_reserve"]
    assert parts <= memory["available"]
    assert found["evidence"] in STRENGTH
    assert found["bound"]
    assert found["notes"] == []


def test_requests_in_flight_can_be_given(capsys):
    few, many = (predicted(capsys, {**LLAMA, "batch": n})["throughput"] for n in (1, 64))
    assert (few["in_flight"], many["in_flight"]) == (1.0, 64.0)
    assert few["requests_per_s"] < many["requests_per_s"]
    assert few["tpot_s"] < many["tpot_s"]
    for one in (few, many):
        assert one["requests_per_s"] * one["latency_s"] == pytest.approx(one["in_flight"])


def test_techniques_change_what_they_should(capsys):
    plain = predicted(capsys, {**LLAMA, "batch": 1})["throughput"]
    cached = predicted(capsys, {**LLAMA, "batch": 1, "prefix-hit": 0.8})["throughput"]
    drafted = predicted(capsys, {**LLAMA, "batch": 1}, "--speculative")["throughput"]
    assert cached["ttft_s"] < plain["ttft_s"]
    assert drafted["tpot_s"] < plain["tpot_s"]


def test_a_model_that_answers_at_once(capsys):
    found = predicted(capsys, {**RESNET, "latency-slo": "100ms"})
    assert found["capacity"]["requests_per_s"] > 0
    assert found["capacity"]["latency_s"] <= 0.1
    assert "tpot_s" not in found["throughput"]
    one = predicted(capsys, {**RESNET, "batch": 1})["throughput"]
    assert one["requests_per_s"] * one["latency_s"] == pytest.approx(1.0)


def test_a_target_out_of_reach_leaves_no_capacity_and_says_why(capsys):
    held = predicted(capsys, {**LLAMA, "ttft-slo": "1ms", "rps": 5})["capacity"]
    assert held["requests_per_s"] == 0
    assert "misses latency" in held["reason"]
    assert held["replicas"] is None


def test_a_parameter_count_alone_widens_the_interval(capsys):
    sized = {**{k: v for k, v in LLAMA.items() if k != "model"}, "params-b": 13}
    found = predicted(capsys, sized)
    assert found["spread"] >= 0.5
    assert found["evidence"] == "estimated"
    assert "unknown architecture" in found["notes"][0]
    free = found["throughput"]
    assert free["high"] / free["low"] >= 1.5**2 - 1e-9
    assert cli.main(["predict", *flags(sized)]) == 0
    assert "note: unknown architecture" in capsys.readouterr().out


def test_for_people_with_units(capsys):
    assert cli.main(["predict", *flags({**LLAMA, "tpot-slo": "50ms", "rps": 30})]) == 0
    said = capsys.readouterr().out
    for word in ("req/s", "tok/s", "ms", "GiB", "80 % interval", "replicas needed", "limited by"):
        assert word in said


def test_a_file_holds_the_same_options(capsys, tmp_path, monkeypatch):
    want = predicted(capsys, {**LLAMA, "tpot-slo": "50ms"})
    value = {**LLAMA, "isl": 1000, "osl": 200, "tpot_slo": 0.05}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(value), "utf-8")
    assert predicted(capsys, {"config": path}) == want
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(value)))
    assert predicted(capsys, {"config": "-"}) == want
    changed = predicted(capsys, {"config": path, "tensor-parallel": 2})
    assert changed["configuration"]["tensor_parallel"] == 2


BAD: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"accelerator": "T4"}, ("T4 has no BF16 arithmetic", "allowed: fp32, fp16")),
    ({"accelerator": "A100", "weights": "fp8"}, ("A100-80-SXM has no FP8 arithmetic", "bf16")),
    ({"accelerator": "A100", "kv": "kv-fp8"}, ("has no FP8 arithmetic", "'kv'")),
    ({"model": "Llama-3.1-70B"}, ("does not fit", "needs 13", "GiB", "has 7")),
    ({"tpot-slo": "2ms"}, ("read the weights once", "above 4.")),
    ({"tpot-slo": "50"}, ("50 s per token", "50ms")),
    ({"tpot-slo": "50us"}, ("50ms", "tpot_slo")),
    ({"ttft-slo": "-1s"}, ("ttft_slo", "50ms")),
    ({"ttft-slo": "0"}, ("ttft_slo", "greater than 0")),
    ({"isl": "-4"}, ("'isl'", "'-4'")),
    ({"isl": "nan"}, ("'isl'", "whole number")),
    ({"isl": "1k"}, ("'isl'", "whole number")),
    ({"osl": "0"}, ("'osl'", "'0'")),
    ({"rps": "nan"}, ("'rps'", "finite")),
    ({"rps": "inf"}, ("'rps'", "finite")),
    ({"prefix-hit": "40"}, ("'prefix_hit'", "less than 1")),
    ({"batch": "100000"}, ("do not fit at once", "allowed: up to")),
    ({"tensor-parallel": "3"}, ("heads do not split",)),
    ({"tensor-parallel": "0"}, ("'tensor_parallel'",)),
    ({"latency-slo": "1s"}, ("ttft_slo, tpot_slo",)),
    ({"model": "Llama-3.1-9B"}, ("did you mean 'Llama-3.1-8B'?",)),
    ({"accelerator": "H100-SXN"}, ("did you mean 'H100-SXM'?",)),
    ({"framework": "vllmm"}, ("did you mean 'vllm'?",)),
    ({"framework": "onnxruntime"}, ("allowed:",)),
    ({"framework": "vllm", "accelerator": "T4", "weights": "tf32"}, ("allowed:",)),
    ({"weights": "bf61"}, ("did you mean 'bf16'?",)),
    ({"kv": "kv-61"}, ("did you mean 'kv-16'?",)),
    ({"params-b": "13"}, ("either model or params_b",)),
    ({"model": "gpt-4o"}, ("API only",)),
    ({"isl": "200000"}, ("the context is longer",)),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: " ".join(flags(case[0])))
def test_bad_combinations_are_told(capsys, case):
    said = refused(capsys, "predict", *flags({**LLAMA, **case[0]}))
    assert [part for part in case[1] if part not in said] == []


def test_what_is_missing_is_named(capsys):
    assert "'framework': this is needed" in refused(
        capsys, "predict", "--model", "Llama-3.1-8B", "--accelerator", "L4", "--weights", "bf16"
    )
    short = {k: v for k, v in LLAMA.items() if k != "osl"}
    assert "isl and osl" in refused(capsys, "predict", *flags(short))


def test_a_token_target_is_not_for_images(capsys):
    said = refused(capsys, "predict", *flags({**RESNET, "tpot-slo": "10ms"}))
    assert "allowed: latency_slo" in said


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ('{"modle": "x"}', "did you mean 'model'?"),
        ("[1]", "must be an object"),
        ('{"model": ', "not valid JSON"),
        ('{"isl": NaN}', "isl"),
        ('{"ttft_slo": true}', "ttft_slo"),
    ],
)
def test_a_bad_file_is_named(capsys, tmp_path, content, hint):
    path = tmp_path / "mine.json"
    path.write_text(content, "utf-8")
    said = refused(capsys, "predict", "--config", str(path))
    assert "mine.json" in said
    assert hint in said


def test_a_missing_file_is_named(capsys, tmp_path):
    said = refused(capsys, "predict", "--config", str(tmp_path / "nowhere.json"))
    assert "nowhere.json: cannot be read" in said


# --- accuracy -----------------------------------------------------------------------------------

HEADER = (
    "id,workload,model,accelerator,accelerator_count,weight_precision,framework,scenario,"
    "concurrency,isl_tokens,osl_tokens,metric,value\n"
)
ROWS = HEADER + (
    "a,llm,Llama-3.1-8B,H100-SXM,1,bf16,vllm,offline,max,128,128,tok_s_out,9000\n"
    "b,llm,Llama-3.1-8B,H100-SXM,1,bf16,vllm,offline,max,1024,128,tok_s_out,3000\n"
    "c,cnn,ResNet-50,T4,1,int8,tensorrt,offline,max,,,samples_s,5600\n"
    "d,llm,Nobody-knows,H100-SXM,1,bf16,vllm,offline,max,128,128,tok_s_out,9000\n"
)


@pytest.fixture
def measurements(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(ROWS, "utf-8")
    return path


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_scores_keep_to_their_schema(capsys, measurements):
    assert cli.main(["accuracy", str(measurements), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert set(found) == set(SCHEMA["required"])
    assert found["overall"]["n"] == 3
    assert sum(s["n"] for s in found["strata"]) == 3
    assert [r["id"] for r in found["rows"]] == ["a", "b", "c", "d"]
    (silent,) = found["unpredicted"]
    assert silent["id"] == "d"
    assert "Nobody-knows" in silent["reason"]
    for row in found["rows"][:3]:
        assert row["low"] < row["predicted"] < row["high"]
        assert row["reason"] == ""
    assert found["rows"][3]["predicted"] is None


def test_every_key_of_the_scores_is_described(capsys, measurements):
    assert cli.main(["accuracy", str(measurements), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    defs = SCHEMA["$defs"]
    assert set(found["overall"]) <= set(defs["scores"]["properties"])
    for part, name in (("strata", "stratum"), ("rows", "row"), ("unpredicted", "silent")):
        for row in found[part]:
            assert set(row) <= set(defs[name]["properties"])


def test_scores_for_people(capsys, measurements):
    assert cli.main(["accuracy", str(measurements)]) == 0
    said = capsys.readouterr().out
    for word in ("median", "P90", "bias", "groups", "overall", "not predicted: 1 of 4 rows"):
        assert word in said
    assert "Nobody-knows" in said


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("9000\n", "fast\n", ("row 2", "'value'", "'fast'", "allowed: a number above 0")),
        ("9000\n", "-9000\n", ("row 2", "'value'", "'-9000'")),
        ("9000\n", "nan\n", ("row 2", "'value'", "'nan'")),
        ("9000\n", "\n", ("row 2", "'value'")),
        ("tok_s_out,3000", "tok/s,3000", ("row 3", "'metric'", "'tok/s'", "tok_s_out")),
        ("c,cnn", "c,cnnn", ("row 4", "'workload'", "did you mean 'cnn'?")),
        ("b,llm", "a,llm", ("row 3", "'id'", "twice")),
        (",value", ",valeu", ("row 1", "'value' is missing", "did you mean 'valeu'?")),
        (ROWS[len(HEADER) :], "", ("no measurement",)),
    ],
)
def test_a_malformed_file_is_told_where(capsys, measurements, before, after, parts):
    measurements.write_text(ROWS.replace(before, after, 1), "utf-8")
    said = refused(capsys, "accuracy", str(measurements))
    assert "mine.csv" in said
    assert [part for part in parts if part not in said] == []


def test_files_that_are_no_table(capsys, tmp_path):
    path = tmp_path / "mine.csv"
    for content in (b"", b"\xff\xfe\x00"):
        path.write_bytes(content)
        assert "mine.csv" in refused(capsys, "accuracy", str(path))
    assert "nowhere.csv" in refused(capsys, "accuracy", str(tmp_path / "nowhere.csv"))


# --- attach -------------------------------------------------------------------------------------


def test_a_benchmark_is_attached_and_told(capsys, tmp_path):
    out = tmp_path / "new.yaml"
    result = FILES / "vllm_bench_serve.json"
    options = ["--accelerator", "H100-SXM", "--model", "Llama-3.1-8B", "--out", str(out)]
    catalog = Catalog.load()
    name = next(
        w.name
        for w in load_portfolio(sample_path(), catalog).workloads
        if w.model == "Llama-3.1-8B"
    )
    assert cli.main(["attach", str(sample_path()), name, str(result), *options]) == 0
    assert "times what was predicted" in capsys.readouterr().out
    (run,) = load_portfolio(out, catalog).workload(name).measured
    assert (run.accelerator, run.requests_per_s) == ("H100-SXM", 10.81)


def test_nothing_is_written_for_a_bad_result(capsys, tmp_path):
    out = tmp_path / "new.yaml"
    bad = tmp_path / "bad.json"
    bad.write_text("{}", "utf-8")
    said = refused(capsys, "attach", str(sample_path()), "x", str(bad), "--out", str(out))
    assert "vllm bench serve" in said
    assert not out.exists()
