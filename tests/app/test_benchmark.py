"""'Your own benchmark' on the accuracy card, without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from advisor.app.benchmark import BenchmarkCard
from advisor.app.scenario import Scenario
from advisor.app.widgets.fields import Choice
from advisor.app.widgets.files import Upload
from advisor.app.widgets.table import Table
from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.performance import run_choices
from advisor.portfolio import Portfolio
from advisor.portfolio.load import parse

FILES = Path(__file__).parents[1] / "performance/files"
VLLM: dict[str, Any] = json.loads((FILES / "vllm_bench_serve.json").read_text("utf-8"))
ONE = {"clouds": ["aws"], "geographies": ["us"]}
CHAT: dict[str, Any] = {
    "name": "chat",
    "kind": "llm",
    "task": "generation",
    "model": "Llama-3.1-8B",
    "isl_tokens": 1000,
    "osl_tokens": 200,
    "demand": {"mean_rps": 4},
    "current": {
        "cloud": "aws",
        "region": "us-east-1",
        "instance": "p5.48xlarge",
        "instances": 2,
        "framework": "vllm",
        "weight_precision": "bf16",
    },
}
HOSTED: dict[str, Any] = {
    **CHAT,
    "name": "long answers",
    "isl_tokens": 9000,
    "model": "gpt-4o",
    "substitutes": ["Llama-3.1-8B"],
    "current": {"sourcing": "managed_api", "provider": "openai", "api_model": "gpt-4o"},
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="module")
def portfolio(catalog: Catalog) -> Portfolio:
    return parse({"name": "Mine", "organisation": ONE, "workloads": [CHAT, HOSTED]}, catalog)


@pytest.fixture(scope="module")
def scenario(portfolio: Portfolio, catalog: Catalog) -> Scenario:
    """Shared, because it keeps predictions."""
    return Scenario(portfolio, catalog)


@pytest.fixture
def card(scenario: Scenario, portfolio: Portfolio) -> Iterator[BenchmarkCard]:
    made = BenchmarkCard(scenario)
    scenario.observe(lambda _change: made.refresh(), "view")
    yield made
    scenario.unobserve_all()
    scenario.error = ""
    if scenario.portfolio != portfolio or scenario.rejected:
        scenario.open_portfolio(portfolio)


def inside(widget: Any, kind: type) -> list[Any]:
    own = [widget] if isinstance(widget, kind) else []
    return own + [w for child in getattr(widget, "children", ()) for w in inside(child, kind)]


def words(card: BenchmarkCard) -> str:
    return " ".join(w.value for w in inside(card.widget, ipywidgets.HTML))


def bring(card: BenchmarkCard, value: Any = VLLM, name: str = "result.json") -> Upload:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    (upload,) = inside(card.widget, Upload)
    head = {"kind": "piece", "upload": name, "name": name, "index": 0, "pieces": 1}
    upload._receive(upload, head, [data])
    return upload


def choose(card: BenchmarkCard, **values: str) -> None:
    labels = {c.label: c for c in inside(card.widget, Choice)}
    for label, value in values.items():
        labels[label.replace("_", " ")].value = value


def chosen(card: BenchmarkCard) -> dict[str, str]:
    return {c.label: c.value for c in inside(card.widget, Choice)}


def press(card: BenchmarkCard, text: str, at: int = 0) -> None:
    found = [b for b in inside(card.widget, ipywidgets.Button) if b.description == text]
    assert not found[at].disabled
    found[at].click()


def attach_button(card: BenchmarkCard) -> Any:
    (found,) = (b for b in inside(card.widget, ipywidgets.Button) if b.description == "Attach")
    return found


def held(card: BenchmarkCard, workload: str = "chat") -> tuple[Any, ...]:
    found: tuple[Any, ...] = card.scenario.portfolio.workload(workload).measured
    return found


def grade(card: BenchmarkCard) -> str:
    return str(card.scenario.view.baseline.candidate("chat").details["speed_evidence"])


def test_it_starts_from_today_and_without_a_result(card):
    assert chosen(card) == {
        "Workload": "chat",
        "Model that ran": "",
        "Machine": "p5.48xlarge",
        "Tensor parallel": "1",
        "Framework": "vllm",
        "Weights": "bf16",
        "KV cache": "kv-16",
    }
    assert attach_button(card).disabled
    assert "Bring a result file first." in words(card)
    assert not inside(card.widget, Table)


def test_what_was_read_is_shown_and_nothing_attached_yet(card):
    upload = bring(card)
    assert (upload.message, upload.message_kind) == ("One run read.", "info")
    (table,) = inside(card.widget, Table)
    (row,) = table.rows
    assert row["tokens"] == "1,000 → 200"
    assert (row["rate"], row["first"], row["each"]) == ("10.8", "480 ms", "27 ms")
    assert (row["requests"], row["load"]) == ("1,000 requests", "64 at once")
    assert "times as fast as predicted" in words(card)
    assert "becomes measured" in words(card)
    assert held(card) == ()
    assert not attach_button(card).disabled


def test_attaching_makes_the_evidence_measured_and_removing_takes_it_back(card):
    before, cost = grade(card), card.scenario.view.baseline.usd_month
    card.scenario.decide("chat", "sourcing", accept=False)
    rejected = card.scenario.rejected
    upload = bring(card)
    press(card, "Attach")
    assert (grade(card), len(held(card))) == ("measured", 1)
    assert held(card)[0].source == "vllm bench serve, result.json"
    assert card.scenario.rejected == rejected, "decisions stay"
    assert upload.message == "Attached to chat: one run."
    assert attach_button(card).disabled
    assert "vllm bench serve, result.json, 2026-09-01" in words(card)
    press(card, "Remove")
    assert (grade(card), held(card)) == (before, ())
    assert card.scenario.view.baseline.usd_month == pytest.approx(cost)
    press(card, "Put it back")
    assert (grade(card), len(held(card))) == ("measured", 1)


def test_the_last_removal_cannot_be_undone_over_later_changes(card):
    bring(card)
    press(card, "Attach")
    press(card, "Remove")
    bring(card, {**VLLM, "date": "20260902-101112"})
    press(card, "Attach")
    assert "Put it back" not in {b.description for b in inside(card.widget, ipywidgets.Button)}


def test_every_run_of_a_file_and_each_with_its_button(card):
    bring(card, (FILES / "vllm_appended.json").read_bytes())
    press(card, "Attach")
    assert len(held(card)) == 2
    press(card, "Remove", at=1)
    assert [r.concurrency for r in held(card)] == [64.0]


def test_the_same_run_counts_once(card):
    bring(card)
    press(card, "Attach")
    bring(card)
    assert "attached to &#x27;chat&#x27; already" in words(card)
    assert attach_button(card).disabled


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        ({"a": 1}, "not a result file of a benchmark that is known here"),
        ({**VLLM, "mean_ttft_ms": 480_200.0}, "more requests in flight"),
        ({**VLLM, "output_throughput": 2.1}, "do not make these tokens/s"),
    ],
)
def test_a_bad_file_is_a_message_and_the_last_good_one_stays(card, value, says):
    bring(card)
    upload = bring(card, value, "bad.json")
    assert upload.message_kind == "error"
    assert upload.message.startswith("bad.json")
    assert says in upload.message
    (table,) = inside(card.widget, Table)
    assert "result.json" in table.footer
    assert not attach_button(card).disabled


@pytest.mark.parametrize(
    ("value", "choices", "says"),
    [
        ({**VLLM, "failed": 400}, {}, "too many requests failed"),
        (VLLM, {"Machine": "c7a.large"}, "predicted for it"),
        (VLLM, {"Machine": "g4dn.xlarge"}, "cannot be compared"),
        ({**VLLM, "model_id": "Qwen/Qwen3-8B"}, {}, "another model"),
        ({**VLLM, "model_id": "/models/ours"}, {}, "no model is named"),
    ],
)
def test_what_cannot_have_been_is_said_and_nothing_lost(card, value, choices, says):
    choose(card, **choices)
    bring(card, value)
    assert says in words(card)
    assert attach_button(card).disabled
    (table,) = inside(card.widget, Table)
    assert [r["speed"] for r in table.rows] == ["—"]
    assert {**chosen(card), **choices} == chosen(card)
    assert (held(card), grade(card)) != ((), "measured")


def test_a_name_of_the_servers_own_is_resolved_by_choosing_the_model(card):
    bring(card, {**VLLM, "model_id": "/models/ours"})
    choose(card, Model_that_ran="Llama-3.1-8B")
    press(card, "Attach")
    assert grade(card) == "measured"


def test_tokens_unlike_the_workloads_are_said(card):
    bring(card, {**VLLM, "total_input_tokens": 600_000})
    assert "no evidence becomes measured" in words(card)


def test_behind_a_hosted_api_what_ran_must_be_chosen(card):
    bring(card)
    choose(card, Workload="long answers")
    assert (chosen(card)["Machine"], chosen(card)["Framework"]) == ("", "")
    assert attach_button(card).disabled
    choose(card, Machine="p5.48xlarge", Framework="vllm", Weights="bf16")
    press(card, "Attach")
    (run,) = held(card, "long answers")
    assert (run.model, run.accelerator) == ("Llama-3.1-8B", "H100-SXM")


def test_choices_are_kept_by_workload(card):
    choose(card, Machine="p4d.24xlarge", Tensor_parallel="4")
    choose(card, Workload="long answers")
    choose(card, Workload="chat")
    assert (chosen(card)["Machine"], chosen(card)["Tensor parallel"]) == ("p4d.24xlarge", "4")
    choose(card, Machine="g6e.xlarge")
    assert chosen(card)["Tensor parallel"] == "1", "the machine has one chip"


def test_another_portfolio_brings_its_workloads(card, catalog):
    bring(card)
    workloads = [{**CHAT, "name": "other"}]
    other = parse({"name": "Other", "organisation": ONE, "workloads": workloads}, catalog)
    card.scenario.open_portfolio(other)
    assert chosen(card)["Workload"] == "other"
    press(card, "Attach")
    assert len(held(card, "other")) == 1


def test_in_a_page_a_plan_that_cannot_be_made_gives_the_runs_back(card, monkeypatch):
    def broken(*_args: object) -> None:
        raise PortfolioError("no plan")

    async def visit() -> None:
        bring(card)
        monkeypatch.setattr("advisor.app.scenario._solved", broken)
        press(card, "Attach")
        assert attach_button(card).disabled
        await card.scenario.settled()

    asyncio.run(visit())
    assert "no plan" in words(card)
    assert held(card) == ()
    assert len(inside(card.widget, Table)) == 1


def test_in_a_page_it_arrives_with_the_plan(card):
    async def visit() -> None:
        bring(card)
        press(card, "Attach")
        assert "The plan is being worked out" in words(card)
        await card.scenario.settled()

    asyncio.run(visit())
    assert grade(card) == "measured"
    assert not inside(card.widget, Table)


def test_what_may_have_run_comes_from_the_catalog(catalog, portfolio):
    chat = portfolio.workload("chat")
    named = dict(run_choices.machines(catalog))
    assert len(named) == len(catalog["instances"])
    assert named["p5.48xlarge"] == "p5.48xlarge · 8 × H100-SXM"
    assert run_choices.splits(catalog, "p5.48xlarge") == list(range(1, 9))
    assert run_choices.splits(catalog, "g6e.xlarge", least=2) == [1, 2]
    assert run_choices.splits(catalog, None) == list(range(1, 9))
    assert ("vllm", "vLLM") in run_choices.frameworks(catalog, chat)
    assert "onnxruntime" not in dict(run_choices.frameworks(catalog, chat))
    assert "kv-16" not in dict(run_choices.precisions(catalog, chat, "weights"))
    assert run_choices.models(catalog, chat)[:2] == [
        ("", "as the file says"),
        ("Llama-3.1-8B", "Llama-3.1-8B"),
    ]
