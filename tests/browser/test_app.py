"""The whole app as a planner meets it: the real page in a real browser, on the sample portfolio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from advisor.playbook import steps

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
RESULT = Path(__file__).parents[1] / "performance/files/vllm_bench_serve.json"
PATIENCE_MS = 60_000
# Values that reached the page without being put into words.
UNFORMATTED = re.compile(r"\b(NaN|nan|inf|undefined|Traceback)\b|[:·$×(] ?None\b")


class Watched:
    """A page with what it asked the network for and what it complained about."""

    def __init__(self, browser: Browser, url: str, width: int = 1440) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.page: Page = self.context.new_page()
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", self._asked)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.goto(url)
        self.page.wait_for_selector(".mlc-lead")

    def _asked(self, request: object) -> None:
        parts = urlsplit(str(getattr(request, "url", "")))
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1":
            self.outside.append(parts.geturl())

    def visit(self, key: str) -> None:
        """Open a panel by the rail."""
        self.page.click(f".mlc-rail button[data-key={key}]")
        self.page.wait_for_selector(f".mlc-rail button[data-key={key}][aria-current=step]")
        titles = {"plan": "Plan & report", "accuracy": "Accuracy card"}
        title = titles.get(key) or (steps()[key].title if key in steps() else "")
        if key == "start":
            self.page.wait_for_selector(".mlc-upload")
        if title:
            self.page.wait_for_function(
                "t => document.querySelector('.mlc-eyebrow').textContent.includes(t)", arg=title
            )

    def figures(self) -> str:
        """The header's figures as text."""
        return self.page.inner_text(".mlc-kpis")

    def wait_for_other_figures(self, than: str) -> str:
        """Wait for a solve to end with other figures; returns them."""
        self.page.wait_for_function(
            """(before) => {
                const k = document.querySelector('.mlc-kpis');
                return k.innerText !== before && !k.querySelector('.mlc-stale');
            }""",
            arg=than,
        )
        return self.figures()


@pytest.fixture
def app(browser: Browser, voila_url: str) -> Iterator[Watched]:
    """A fresh page on the app; nothing may leave the machine and nothing may go wrong on it."""
    watched = Watched(browser, voila_url)
    yield watched
    assert watched.outside == []
    assert watched.errors == []
    watched.context.close()


def test_every_panel_has_its_own_finding_with_a_figure(app: Watched) -> None:
    leads = []
    for key in steps():
        app.visit(key)
        lead = app.page.inner_text(".mlc-lead")
        assert any(c.isdigit() for c in app.page.inner_text(".mlc-panel")), key
        body = app.page.inner_text(".mlc-panel")
        assert not UNFORMATTED.search(body), (key, UNFORMATTED.search(body))
        leads.append(lead)
    assert len(set(leads)) == len(steps())


def test_the_accuracy_card_comes_up_by_itself(app: Watched) -> None:
    app.visit("accuracy")
    app.page.wait_for_selector("h2:has-text('What was calibrated when')")
    app.page.wait_for_selector(".mlc-panel svg, .mlc-panel canvas")
    assert "published measurements are predicted within" in app.page.inner_text(".mlc-lead")
    body = app.page.inner_text(".mlc-panel")
    assert not UNFORMATTED.search(body), UNFORMATTED.search(body)


def test_a_benchmark_of_ones_own_becomes_the_evidence(app: Watched, tmp_path: Path) -> None:
    file = tmp_path / "chat.yaml"
    file.write_text(
        """
workloads:
- name: chat
  kind: llm
  task: generation
  model: Llama-3.1-8B
  isl_tokens: 1000
  osl_tokens: 200
  demand: {mean_rps: 400}
  current: {cloud: aws, region: us-east-1, instance: p5.48xlarge, framework: vllm,
            weight_precision: bf16}
"""
    )
    sample = app.figures()
    app.page.set_input_files("input[type=file]", file)
    before = app.wait_for_other_figures(sample)
    app.visit("accuracy")
    panel = app.page.locator(".mlc-panel")
    panel.locator("input[type=file]").set_input_files(file)
    panel.locator(".mlc-upload [role=alert]:has-text('.json')").wait_for()
    panel.locator("input[type=file]").set_input_files(RESULT)
    panel.locator(".mlc-table:has-text('vllm_bench_serve.json')").wait_for()
    panel.get_by_label("Machine").select_option("c7a.large")
    panel.locator("[role=alert]:has-text('predicted for it')").wait_for()
    panel.get_by_label("Machine").select_option("p5.48xlarge")
    panel.get_by_role("button", name="Attach").click()
    after = app.wait_for_other_figures(before)
    panel.locator(".mlc-stand .mlc-measured:has-text('measured')").first.wait_for()
    panel.get_by_role("button", name="Remove").click()
    assert app.wait_for_other_figures(after) == before
    assert panel.locator(".mlc-stand").count() == 0
    panel.get_by_role("button", name="Put it back").wait_for()


def test_rejecting_makes_the_plan_dearer_and_accepting_again_restores_it(app: Watched) -> None:
    app.visit("source")
    switch = app.page.locator("[role=switch]").first
    assert switch.get_attribute("aria-checked") == "true"
    before = app.figures()
    rail_before = app.page.inner_text(".mlc-rail")
    switch.click()
    after = app.wait_for_other_figures(before)
    assert plan_usd(after) > plan_usd(before)
    assert app.page.inner_text(".mlc-rail") != rail_before
    assert app.page.locator("[role=switch][aria-checked=false]").count() == 1
    app.page.locator("[role=switch][aria-checked=false]").click()
    assert app.wait_for_other_figures(after) == before


def test_skipping_a_step_rejects_all_of_it(app: Watched) -> None:
    app.visit("buy")
    before = app.figures()
    app.page.get_by_role("button", name="Skip this step").click()
    after = app.wait_for_other_figures(before)
    assert plan_usd(after) >= plan_usd(before)
    app.page.wait_for_selector(".mlc-rail button[data-key=buy]:has-text('skipped')")
    app.page.get_by_role("button", name="Accept all here").click()
    assert app.wait_for_other_figures(after) == before


def test_an_assumption_changes_the_plan_and_a_bad_one_says_why(app: Watched) -> None:
    app.visit("rightsize")
    before = app.figures()
    field = app.page.get_by_label("Planning horizon")
    field.fill("36")
    field.press("Enter")
    changed = app.wait_for_other_figures(before)
    assert changed != before
    field.fill("minus two")
    field.press("Enter")
    app.page.wait_for_selector(".mlc-field [role=alert]:has-text('minus two')")
    assert app.figures() == changed


def test_a_downloaded_plan_reloads_to_the_same_numbers(
    app: Watched, browser: Browser, voila_url: str, tmp_path: Path
) -> None:
    app.visit("source")
    before = app.figures()
    app.page.locator("[role=switch]").first.click()
    decided = app.wait_for_other_figures(before)
    app.visit("plan")
    with app.page.expect_download() as found:
        app.page.get_by_role("button", name="Download the plan file").click()
    saved = tmp_path / found.value.suggested_filename
    found.value.save_as(saved)
    plan = json.loads(saved.read_text("utf-8"))
    assert plan["plan_usd_month"] < plan["baseline_usd_month"]
    assert sum(bool(v) for v in plan["inputs"]["rejected"].values()) == 1

    other = Watched(browser, voila_url)
    fresh = other.figures()
    assert fresh == before
    other.page.set_input_files("input[type=file]", saved)
    assert other.wait_for_other_figures(fresh) == decided
    other.visit("plan")
    with other.page.expect_download() as again:
        other.page.get_by_role("button", name="Download the plan file").click()
    copy = tmp_path / "again.json"
    again.value.save_as(copy)
    reloaded = json.loads(copy.read_text("utf-8"))
    for key in ("plan_usd_month", "baseline_usd_month", "workloads", "steps", "shared_usd_month"):
        assert reloaded[key] == plan[key], key
    assert other.errors == []
    other.context.close()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("broken.json", '{"format": "ml-cost-advisor-plan/1"}', "holds no inputs"),
        ("typo.yaml", "workloads:\n- {name: a, kind: lm}\n", "kind"),
        ("notes.txt", "hello", ".yaml"),
    ],
)
def test_a_bad_file_is_a_message_beside_the_control(
    app: Watched, tmp_path: Path, name: str, content: str, says: str
) -> None:
    before = app.figures()
    file = tmp_path / name
    file.write_text(content)
    app.page.set_input_files("input[type=file]", file)
    app.page.wait_for_selector(f".mlc-upload [role=alert]:has-text('{says}')")
    assert app.figures() == before


def test_names_are_shown_and_never_run(app: Watched, tmp_path: Path) -> None:
    """A workload's name is text, whatever it looks like."""
    nasty = "<img src=x onerror=alert(1)>"
    file = tmp_path / "nasty.yaml"
    file.write_text(
        f"""
name: "{nasty}"
workloads:
- name: "{nasty}"
  kind: encoder
  task: classification
  model: RoBERTa-base
  isl_tokens: 120
  demand: {{mean_rps: 5}}
  slo: {{latency_s: 0.3}}
  current: {{cloud: aws, region: us-east-1, instance: g5.xlarge, instances: 2,
             framework: pytorch, weight_precision: fp32}}
"""
    )
    before = app.figures()
    app.page.set_input_files("input[type=file]", file)
    app.wait_for_other_figures(before)
    for key in ("start", *steps(), "plan", "accuracy"):
        app.visit(key)
        assert app.page.locator("img").count() == 0, key
    app.visit("start")
    assert nasty in app.page.inner_text(".mlc-panel")


@pytest.mark.parametrize("width", [420, 820, 1440])
def test_nothing_sticks_out(browser: Browser, voila_url: str, width: int) -> None:
    watched = Watched(browser, voila_url, width)
    for key in ("start", *steps(), "plan", "accuracy"):
        watched.visit(key)
        if key == "accuracy":
            watched.page.wait_for_selector("h2:has-text('Error by stratum')")
        wide = watched.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, key
    watched.context.close()


def plan_usd(figures: str) -> float:
    """The planned cost out of the header's text, in USD."""
    text = figures.split("Plan", 1)[1].split("$", 1)[1].split(maxsplit=1)[0]
    scale = {"k": 1e3, "M": 1e6}.get(text[-1], 1.0)
    return float(text.rstrip("kM").replace(",", "")) * scale
