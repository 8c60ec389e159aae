"""'Your own benchmark': a result file becomes evidence for a workload of the scenario."""

from __future__ import annotations

from typing import Any

from advisor.app.benchmark_form import BenchmarkForm
from advisor.app.benchmark_runs import AttachedRuns, ran_on
from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.files import MIB, Upload
from advisor.app.widgets.layout import button, card, row, stack
from advisor.app.widgets.table import Table
from advisor.catalog import Catalog
from advisor.errors import AdvisorError
from advisor.format import count, duration
from advisor.optimize.recalibrate import ALIKE, Judged, judged
from advisor.performance.attach import attach
from advisor.performance.benchmark_files import Benchmark, read_benchmarks
from advisor.playbook.wording import things
from advisor.portfolio import Portfolio, Workload

FORMATS = (".json", ".jsonl")
UPLOAD_BYTES = 100 * MIB
# Not sortable: runs stand in the order of their file, which is that of the sweep.
COLUMNS: list[Any] = [
    {"sortable": False, **column}
    for column in (
        {"key": "run", "label": "Run", "kind": "two_line", "sub": "requests", "width": 120},
        {"key": "speed", "label": "Speed", "align": "right", "strong": True},
        {"key": "rate", "label": "Requests/s", "align": "right"},
        {"key": "tokens", "label": "Tokens in → out", "align": "right"},
        {"key": "first", "label": "First token", "align": "right"},
        {"key": "each", "label": "Each after", "align": "right"},
        {"key": "load", "label": "Load", "align": "right"},
    )
]


class BenchmarkCard:
    """Choose what ran, bring the result, see what it says, attach it. `widget` is what to show."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._runs: list[Benchmark] = []
        self._ready = False
        """Whether the runs, as chosen, can be attached."""
        self._sent = ""
        """The workload they were attached to, while the plan is still being worked out."""
        self._form = BenchmarkForm(scenario, self._judge)
        self._upload = Upload(
            "Result of vllm bench serve, AIPerf, GenAI-Perf or GuideLLM",
            self._read,
            accept=FORMATS,
            max_bytes=UPLOAD_BYTES,
            hint="As the tool wrote it. It stays on this server.",
        )
        self._table = Table(COLUMNS, caption="What was read", selectable=False)
        self._verdict = html.show()
        self._found = stack()
        self._attach_button = button("Attach", self._attach, "go")
        self._note = html.show()
        self._attached = AttachedRuns(scenario)
        self.widget = card(
            "Your own benchmark",
            self._form.widget,
            self._upload,
            self._found,
            row(self._attach_button, self._note),
            self._attached.widget,
            hint="measure one replica, without shared prefixes or speculative decoding",
        )
        scenario.observe(lambda _change: self._settle(), ["busy", "error"])
        self.refresh()

    def refresh(self) -> None:
        """Show the scenario's current view; what was brought or chosen stays."""
        self._form.refresh()
        self._attached.refresh()
        if not self._sent:
            self._judge()

    # What a planner does -----------------------------------------------------------------

    def _read(self, name: str, content: bytes) -> str:
        self._runs, self._sent = read_benchmarks(content, name), ""
        self._judge()
        return f"{things(len(self._runs), 'run').capitalize()} read."

    def _attach(self) -> None:
        name = self._form.workload
        try:
            measured = self._changed(self.scenario.portfolio).workload(name).measured
            self._sent = name
            self.scenario.measure(name, measured)
        except AdvisorError as error:
            self._sent = ""
            self._say_why_not(str(error))
            return
        self._settle()

    def _settle(self) -> None:
        """Let go of runs that are in the plan; keep those that no plan could be made with."""
        if self._sent and self.scenario.error:
            self._sent = ""
            self._say_why_not(self.scenario.error)
        elif self._sent and not self.scenario.busy:
            self._upload.say(f"Attached to {self._sent}: {things(len(self._runs), 'run')}.")
            self._runs, self._sent = [], ""
            self.refresh()
        else:
            self._guide()

    # What is shown -----------------------------------------------------------------------

    def _judge(self) -> None:
        """Hold the runs against the model, as the file and the choices stand."""
        self._ready = False
        if not self._runs:
            self._found.children = []
            self._guide()
            return
        try:
            name = self._form.workload
            workload = self._changed(self.scenario.view.portfolio).workload(name)
            verdicts = judged(self.scenario.catalog, workload)[-len(self._runs) :]
        except AdvisorError as error:
            self._say_why_not(str(error))
            return
        self._say(verdicts, _meaning(self.scenario.catalog, workload, verdicts))
        self._ready = True
        self._guide()

    def _changed(self, portfolio: Portfolio) -> Portfolio:
        form = self._form
        return attach(portfolio, self.scenario.catalog, form.workload, self._runs, form.ran_on)

    def _say_why_not(self, problem: str) -> None:
        self._say([], html.banner(problem, "bad"))
        self._ready = False
        self._guide()

    def _say(self, verdicts: list[Judged], text: html.Markup) -> None:
        self._table.update(_rows(self._runs, verdicts))
        self._table.footer = f"Read from {self._runs[0].file}, written by {self._runs[0].tool}."
        html.update(self._verdict, text)
        self._found.children = [self._table, self._verdict]

    def _guide(self) -> None:
        """Whether Attach can be pressed, and what is missing or under way."""
        self._attach_button.disabled = not self._ready or self.scenario.busy
        note = "" if self._runs else "Bring a result file first."
        if self.scenario.busy:
            note = "The plan is being worked out …"
        elif self._runs and not self._ready:
            note = "Change the choices above, or bring another file."
        html.update(self._note, html.tag("span", note, cls="mlc-hint") if note else None)


def _rows(runs: list[Benchmark], verdicts: list[Judged]) -> list[dict[str, Any]]:
    return [
        {
            "id": i,
            "run": run.as_of.isoformat() if run.as_of else f"Run {i + 1}",
            "requests": _requests(run),
            "speed": f"{verdicts[i].speed:.2f}×" if verdicts else "—",
            "rate": count(run.requests_per_s),
            "tokens": " → ".join(count(n) for n in (run.isl_tokens, run.osl_tokens) if n),
            "first": duration(run.ttft_s),
            "each": duration(run.tpot_s),
            "load": _load(run),
        }
        for i, run in enumerate(runs)
    ]


def _load(run: Benchmark) -> str:
    if run.rate is not None:
        return f"{run.rate:g}/s offered"
    return "—" if run.concurrency is None else f"{count(run.concurrency)} at once"


def _requests(run: Benchmark) -> str:
    failed = f"{count(run.failed)} failed" if run.failed else ""
    done = f"{count(run.requests)} requests" if run.requests else ""
    return ", ".join(part for part in (done, failed) if part)


def _meaning(catalog: Catalog, workload: Workload, verdicts: list[Judged]) -> html.Markup:
    """What attaching would change, in words."""
    speeds = sorted(v.speed for v in verdicts)
    fast = f"{speeds[0]:.2f}" if len(speeds) == 1 else f"{speeds[0]:.2f} to {speeds[-1]:.2f}"
    alike = all(v.alike for v in verdicts)
    reach = (
        "The evidence for this configuration becomes measured; the same stack and chip in other "
        "configurations are corrected too."
        if alike
        else f"Its tokens are not within {ALIKE:g} times the workload's "
        f"({_tokens(workload)}), so speeds are corrected but no evidence becomes measured."
    )
    strong = html.tag("b", f"{fast} times as fast as predicted ")
    text = [strong, f"for {ran_on(catalog, verdicts[0].run)}. {reach}"]
    return html.banner(text, "good" if alike else "warn")


def _tokens(workload: Workload) -> str:
    parts = [(workload.isl_tokens, "in"), (workload.osl_tokens, "out")]
    return ", ".join(f"{count(n)} {way}" for n, way in parts if n)
