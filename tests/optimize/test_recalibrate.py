"""A workload's own benchmarks: how far they reach, and what they refuse to be."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from advisor.catalog import Catalog
from advisor.errors import InputError, NotFoundError, PortfolioError
from advisor.optimize.recalibrate import REPEAT_SPREAD, in_flight, speeds
from advisor.optimize.setting import Setting
from advisor.performance.attach import RanOn, attach
from advisor.performance.benchmark_files import read_benchmarks
from advisor.portfolio import Workload, load_portfolio, write
from tests.optimize.given import CHAT, TICKETS, changed, portfolio

FILES = Path(__file__).parents[1] / "performance/files"
RUN: dict[str, Any] = {
    "requests_per_s": 6.0,
    "accelerator": "L40S",
    "framework": "vllm",
    "weight_precision": "bf16",
    "isl_tokens": 800,
    "osl_tokens": 150,
    "concurrency": 32,
}
# One in which nothing but the machine counts: no latency targets, no shared prefixes.
PLAIN = changed(CHAT, slo={}, prefix_share=0.0)


def workload(catalog: Catalog, *runs: dict[str, Any], base: dict[str, Any] = PLAIN) -> Workload:
    return portfolio(catalog, [changed(base, measured=list(runs))]).workloads[0]


def table(catalog: Catalog, *runs: dict[str, Any], base: dict[str, Any] = PLAIN) -> pd.DataFrame:
    one = portfolio(catalog, [changed(base, measured=list(runs))])
    return Setting(one, catalog).variants(one.workloads[0])


def scaled(catalog: Catalog, factor: float, **changes: Any) -> dict[str, Any]:
    """A run that was `factor` times as fast as predicted."""
    for rate in (6.0, 1.0, 36.0):
        run = {**RUN, **changes, "requests_per_s": rate}
        with suppress(PortfolioError):
            (now,) = speeds(catalog, workload(catalog, run))
            return {**run, "requests_per_s": rate * factor / now}
    raise AssertionError("no rate is plausible")


@pytest.fixture(scope="module")
def before(small: Catalog) -> pd.DataFrame:
    return table(small)


@pytest.fixture(scope="module")
def after(small: Catalog) -> pd.DataFrame:
    return table(small, scaled(small, 1.5))


def where(t: pd.DataFrame) -> dict[str, pd.Series]:
    chip = (t["model"] == "Llama-3.1-8B") & (t["accelerator"] == "L40S")
    stack = chip & (t["framework"] == "vllm") & (t["weight_precision"] == "bf16")
    drafts = t["techniques"].map(lambda held: "speculative_decoding" in held)
    same = stack & (t["tensor_parallel"] == 1) & (t["kv_precision"] == "kv-16") & ~drafts
    return {"same": same, "stack": stack & ~same, "chip": chip & ~stack, "other": ~chip}


def test_the_measured_configuration_runs_as_measured(before, after):
    mine = where(before)["same"] & (before["reason"] == "")
    assert mine.any()
    assert after.loc[mine, "rps"].to_numpy() == pytest.approx(1.5 * before.loc[mine, "rps"])
    for time in ("latency_s", "first_s", "token_s"):
        assert after.loc[mine, time].to_numpy() == pytest.approx(before.loc[mine, time] / 1.5)
    assert set(after.loc[mine, "evidence"]) == {"measured"}
    assert set(after.loc[mine, "spread"]) == {REPEAT_SPREAD}
    low = after.loc[mine, "rps"] / (1.0 + REPEAT_SPREAD)
    assert after.loc[mine, "rps_low"].to_numpy() == pytest.approx(low)


@pytest.mark.parametrize(("part", "factor"), [("stack", 1.5), ("chip", 1.5**0.5), ("other", 1.0)])
def test_its_neighbours_are_corrected_less(before, after, part, factor):
    mine = where(before)[part] & (before["reason"] == "")
    assert mine.any()
    assert after.loc[mine, "rps"].to_numpy() == pytest.approx(factor * before.loc[mine, "rps"])
    assert after.loc[mine, "spread"].to_numpy() == pytest.approx(before.loc[mine, "spread"])
    assert not (after.loc[mine, "evidence"] == "measured").any()
    if part == "other":
        pd.testing.assert_frame_equal(after[mine], before[mine])


def test_weak_evidence_stays_weak(before, after):
    rules = before["evidence"] == "rule"
    assert (after.loc[rules & ~where(before)["same"], "evidence"] == "rule").all()


def test_a_run_as_predicted_changes_no_figure_but_the_evidence(small, before):
    same = table(small, scaled(small, 1.0))
    columns = ["rps", "latency_s", "first_s", "token_s"]
    got, want = same[columns].to_numpy(), before[columns].to_numpy()
    assert got == pytest.approx(want, nan_ok=True)


def test_several_runs_count_by_their_geometric_mean(small, before):
    both = table(small, scaled(small, 1.2), scaled(small, 1.2**3, concurrency=8))
    mine = where(before)["same"] & (before["reason"] == "")
    assert both.loc[mine, "rps"].to_numpy() == pytest.approx(1.44 * before.loc[mine, "rps"])


def test_the_nearest_run_counts(small, before):
    runs = scaled(small, 2.0, weight_precision="fp8"), scaled(small, 1.1)
    both = table(small, *runs)
    mine = where(before)["same"] & (before["reason"] == "")
    assert both.loc[mine, "rps"].to_numpy() == pytest.approx(1.1 * before.loc[mine, "rps"])


def test_other_tokens_make_it_no_measurement_of_this_workload(small, before):
    far = table(small, scaled(small, 1.5, isl_tokens=4000))
    mine = where(before)["same"] & (before["reason"] == "")
    assert far.loc[mine, "rps"].to_numpy() == pytest.approx(1.5 * before.loc[mine, "rps"])
    assert "measured" not in set(far["evidence"])


def test_a_slower_machine_meets_a_target_where_a_faster_model_would(small):
    """Rates and times move together: within a target, too, both follow from one machine."""
    held = changed(PLAIN, slo={"tpot_s": 0.1})
    half = changed(PLAIN, slo={"tpot_s": 0.05})
    slow = table(small, scaled(small, 0.5), base=held)
    model = table(small, base=half)
    mine = where(model)["same"] & (model["reason"] == "")
    assert mine.any()
    assert slow.loc[mine, "rps"].to_numpy() == pytest.approx(0.5 * model.loc[mine, "rps"])
    assert (slow.loc[mine, "token_s"] <= 0.1 + 1e-12).all()


def test_no_benchmark_no_change(small, before):
    again = table(small)
    pd.testing.assert_frame_equal(again, before)


def test_models_that_answer_at_once(small):
    run = {
        "requests_per_s": 500.0,
        "accelerator": "A10G",
        "framework": "torchserve",
        "weight_precision": "fp32",
        "isl_tokens": 120,
    }
    (now,) = speeds(small, workload(small, run, base=TICKETS))
    run["requests_per_s"] = 1.3 * 500.0 / now
    t, plain = table(small, run, base=TICKETS), table(small, base=TICKETS)
    mine = (t["evidence"] == "measured") & (plain["reason"] == "")
    assert set(t.loc[mine, "accelerator"]) == {"A10G"}
    assert (t.loc[mine, "rps"] >= plain.loc[mine, "rps"] - 1e-9).all()


@pytest.mark.parametrize("factor", [3.0, 1 / 20.0])
def test_a_run_of_something_else_is_refused(small, factor):
    run = scaled(small, 1.0)
    run["requests_per_s"] *= factor
    with pytest.raises(PortfolioError, match="times the .* predicted") as caught:
        speeds(small, workload(small, run))
    assert "units" in str(caught.value)


def test_a_run_that_cannot_have_been_is_refused(small):
    run = {**RUN, "accelerator": "T4"}
    with pytest.raises(PortfolioError, match="cannot be compared"):
        speeds(small, workload(small, run))


def test_requests_in_flight_come_from_the_times_where_they_are_not_stated(small):
    timed = {k: v for k, v in RUN.items() if k != "concurrency"} | {"ttft_s": 0.5, "tpot_s": 0.03}
    one = workload(small, RUN, timed, {**timed, "tpot_s": None})
    found = [in_flight(one, run) for run in one.measured]
    assert found == [32, pytest.approx(6.0 * (0.5 + 149 * 0.03)), None]


def test_a_row_of_a_spreadsheet_holds_one(shipped):
    text = (
        "name,kind,task,model,isl_tokens,osl_tokens,demand.mean_rps,current.cloud,current.region,"
        "current.instance,current.framework,current.weight_precision,measured.requests_per_s,"
        "measured.accelerator,measured.framework,measured.weight_precision,measured.as_of\n"
        "chat,llm,generation,Llama-3.1-8B,800,150,3,aws,us-east-1,g6e.xlarge,vllm,bf16,"
        "6.5,L40S,vllm,bf16,2026-09-01\n"
    )
    (run,) = load_portfolio(text.encode(), shipped, name="mine.csv").workloads[0].measured
    assert (run.requests_per_s, run.accelerator, str(run.as_of)) == (6.5, "L40S", "2026-09-01")
    wrong = text.replace("6.5,L40S", "-6.5,L40S")
    with pytest.raises(PortfolioError, match=r"row 2, column 'measured\.requests_per_s'"):
        load_portfolio(wrong.encode(), shipped, name="mine.csv")


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"accelerator": "L40SS"}, "did you mean 'L40S'?"),
        ({"framework": "vlm"}, "did you mean 'vllm'?"),
        ({"weight_precision": "bf61"}, "did you mean 'bf16'?"),
        ({"kv_precision": "bf16"}, "allowed: kv-16"),
        ({"model": "Llama-3.1-9B"}, "did you mean 'Llama-3.1-8B'?"),
        ({"requests_per_s": float("nan")}, "measured.1.requests_per_s"),
        ({"concurrency": 0}, "measured.1.concurrency"),
    ],
)
def test_names_and_numbers_are_checked(shipped, change, hint):
    with pytest.raises(PortfolioError) as caught:
        workload(shipped, {**RUN, **change})
    assert hint in str(caught.value)
    assert "measured.1" in str(caught.value)


# --- attaching result files ---------------------------------------------------------------------


def runs(name: str = "vllm_bench_serve.json") -> Any:
    return read_benchmarks(FILES / name)


def test_a_result_file_becomes_a_benchmark_of_the_workload(shipped):
    one = attach(
        portfolio(shipped, [PLAIN]), shipped, "chat", runs(), RanOn(instance="p5.48xlarge")
    )
    (run,) = one.workload("chat").measured
    assert (run.accelerator, run.framework, run.weight_precision) == ("H100-SXM", "vllm", "bf16")
    assert (run.requests_per_s, run.concurrency, run.model) == (10.81, 64.0, None)
    assert run.source == "vllm bench serve, vllm_bench_serve.json"
    assert load_portfolio(write(one).encode(), shipped, name="new.yaml") == one


def test_a_run_counts_once(shipped):
    one = attach(portfolio(shipped, [PLAIN]), shipped, "chat", runs())
    with pytest.raises(InputError, match="attached to 'chat' already"):
        attach(one, shipped, "chat", runs())
    other = attach(one, shipped, "chat", runs(), RanOn(instance="p5.48xlarge"))
    assert len(other.workload("chat").measured) == 2


def test_a_named_machine_holds_the_copy_on_one_chip(shipped):
    split = portfolio(shipped, [changed(PLAIN, current={"tensor_parallel": 2})])
    here = attach(split, shipped, "chat", runs()).workload("chat").measured[0]
    there = attach(split, shipped, "chat", runs(), RanOn(accelerator="L40S"))
    assert (here.tensor_parallel, here.accelerator) == (2, "A100-80-SXM")
    assert there.workload("chat").measured[0].tensor_parallel == 1


def test_a_rate_that_was_offered_is_not_what_the_machine_can_do(shipped):
    one = attach(portfolio(shipped, [PLAIN]), shipped, "chat", runs("vllm_appended.json"))
    target = one.workload("chat")
    assert [run.concurrency for run in target.measured] == [64.0, None]
    assert in_flight(target, target.measured[1]) == pytest.approx(9.09, abs=0.01)
    assert np.ptp(np.log(speeds(shipped, target))) < 0.5


@pytest.mark.parametrize(
    ("name", "ran_on", "error", "hint"),
    [
        ("chatt", RanOn(), InputError, "did you mean 'chat'?"),
        ("chat", RanOn(instance="p5.48xlage"), InputError, "did you mean 'p5.48xlarge'?"),
        ("chat", RanOn(accelerator="H100-SXN"), NotFoundError, "H100-S"),
        ("chat", RanOn(model="Mistral-7B"), InputError, "another model"),
        ("chat", RanOn(model="zzz"), NotFoundError, "no model is named 'zzz'"),
        ("chat", RanOn(framework="vlm"), PortfolioError, "did you mean 'vllm'?"),
    ],
)
def test_what_it_ran_on_is_checked(shipped, name, ran_on, error, hint):
    with pytest.raises(error) as caught:
        attach(portfolio(shipped, [PLAIN]), shipped, name, runs(), ran_on)
    assert hint in str(caught.value)


def test_a_run_where_many_failed_is_refused(shipped, tmp_path):
    value = json.loads((FILES / "vllm_bench_serve.json").read_text("utf-8")) | {"failed": 400}
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(value), "utf-8")
    with pytest.raises(InputError, match="too many requests failed"):
        attach(portfolio(shipped, [PLAIN]), shipped, "chat", read_benchmarks(path))
