"""The runs that are attached to workloads: what they changed, and a way to take them off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.layout import box, button, stack
from advisor.catalog import Catalog
from advisor.errors import AdvisorError
from advisor.format import count
from advisor.optimize.recalibrate import Judged, judged
from advisor.playbook.wording import short
from advisor.portfolio import Measured, Workload


class AttachedRuns:
    """One line a run, by workload. `widget` is what to show."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._removed: tuple[str, tuple[Measured, ...], tuple[Measured, ...]] | None = None
        """Workload, its runs before the last removal, and after it."""
        self.widget = stack()
        self.widget.add_class("mlc-runs")
        scenario.observe(lambda _change: self._lock(), "busy")
        self.refresh()

    def refresh(self) -> None:
        """List the runs of the scenario's current view."""
        found = [w for w in self.scenario.view.portfolio.workloads if w.measured]
        parts: list[Any] = [html.show(html.tag("h3", "Attached"))] if found else []
        for workload in found:
            parts.append(html.show(self._standing(workload)))
            verdicts = judged(self.scenario.catalog, workload)
            parts += [self._line(workload, verdict) for verdict in verdicts]
        self.widget.children = [*parts, *self._undo()]
        self._lock()

    def _standing(self, workload: Workload) -> html.Markup:
        """What the speed of a workload rests on now."""
        view = self.scenario.view
        marks: list[html.Node] = []
        for when, plan in (("today", view.baseline), ("in the plan", view.final)):
            grade = plan.candidate(workload.name).details.get("speed_evidence")
            tone: Any = "measured" if grade == "measured" else "rule"
            marks += [f"{when} ", html.chip(grade or "hosted API", tone), " "]
        return html.tag(
            "p", html.tag("b", workload.name), html.tag("span", "speed ", *marks), cls="mlc-stand"
        )

    def _line(self, workload: Workload, verdict: Judged) -> Any:
        run = verdict.run
        what = ran_on(self.scenario.catalog, run)
        text = html.show(
            html.tag(
                "p",
                html.tag("b", f"{verdict.speed:.2f}×"),
                f" · {count(run.requests_per_s)} requests/s · {what}",
                html.tag("small", ", ".join(str(v) for v in (run.source, run.as_of) if v)),
            )
        )
        remove = button(
            "Remove",
            lambda: self._remove(workload.name, run),
            "quiet",
            tooltip=f"Remove this run from {workload.name}",
        )
        return box("mlc-run", text, remove)

    def _remove(self, workload: str, run: Measured) -> None:
        before = self.scenario.portfolio.workload(workload).measured
        after = tuple(r for r in before if r != run)
        self._removed = (workload, before, after)
        self._put(workload, after)

    def _undo(self) -> list[Any]:
        """A way back from the last removal, as long as nothing else has changed the runs."""
        if self._removed is None:
            return []
        name, before, after = self._removed
        held = {w.name: w.measured for w in self.scenario.view.portfolio.workloads}
        if held.get(name) != after:
            return []
        text = html.show(html.tag("p", f"A run was removed from {name}.", cls="mlc-hint"))
        return [
            box("mlc-run", text, button("Put it back", lambda: self._put(name, before), "quiet"))
        ]

    def _put(self, workload: str, measured: Sequence[Measured]) -> None:
        try:
            self.scenario.measure(workload, measured)
        except AdvisorError as error:
            banner = html.show(html.banner(str(error), "bad"))
            self.widget.children = [*self.widget.children, banner]
            return
        if not self.scenario.busy:
            self.refresh()

    def _lock(self) -> None:
        """One change at a time: buttons rest while a plan is being worked out."""
        for line in self.widget.children:
            for part in getattr(line, "children", ()):
                if hasattr(part, "disabled"):
                    part.disabled = self.scenario.busy


def ran_on(catalog: Catalog, run: Measured) -> str:
    """A run's configuration in words, such as '1 × L40S, vLLM, BF16'."""
    framework = short(catalog, "frameworks", run.framework)
    weights = short(catalog, "precisions", run.weight_precision)
    return f"{run.tensor_parallel} × {run.accelerator}, {framework}, {weights}"
