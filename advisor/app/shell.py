"""The app's frame: header, rail, one panel at a time, footer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from advisor.app.accuracy import AccuracyPanel
from advisor.app.certainty import CertaintyPanel
from advisor.app.panel import StepPanel
from advisor.app.scenario import Scenario
from advisor.app.start import StartPanel
from advisor.app.summary import SummaryPanel
from advisor.app.widgets import html
from advisor.app.widgets.layout import Shell, button, page, row, stack
from advisor.app.widgets.rail import Rail
from advisor.format import money, percent
from advisor.playbook import steps

START, SUMMARY, CERTAINTY, ACCURACY = "start", "plan", "certainty", "accuracy"
TITLES = {
    START: "Portfolio",
    SUMMARY: "Plan & report",
    CERTAINTY: "Certainty",
    ACCURACY: "Accuracy card",
}


class App:
    """The whole playbook on one scenario. Display `widget`.

    Panels are built on their first visit and refreshed only while shown.
    """

    def __init__(self, scenario: Scenario | None = None) -> None:
        self.scenario = scenario or Scenario()
        self._panels: dict[str, Any] = {}
        self._fresh: set[str] = set()
        self._brand, self._figures = html.show(), html.show()
        self._message = html.show()
        self._rail = Rail(self._rail_steps(), START)
        self._rail.observe(lambda _change: self._show(), "current")
        self._undo = button(
            "Undo", self.scenario.undo, "quiet", tooltip="Take the last change back"
        )
        self._redo = button("Redo", self.scenario.redo, "quiet", tooltip="Make it again")
        self._stop = button(
            "Stop", self.scenario.cancel, "quiet", tooltip="Go back to what is shown"
        )
        self._tools = row()
        self._tools.add_class("mlc-tools")
        self.widget = Shell(header=[self._brand, self._tools, self._figures], rail=[self._rail])
        self.scenario.observe(lambda _change: self._changed(), "view")
        self.scenario.observe(lambda _change: self._progress(), ["busy", "error", "progress"])
        self._head()
        self._show()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)

    # Panels ------------------------------------------------------------------------------

    @property
    def keys(self) -> list[str]:
        """Panels in order."""
        return [START, *steps(), SUMMARY, CERTAINTY, ACCURACY]

    def panel(self, key: str) -> Any:
        """A panel, built on first use and up to date."""
        if key not in self._panels:
            self._panels[key] = self._build(key)
        elif key not in self._fresh:
            self._panels[key].refresh()
        self._fresh.add(key)
        return self._panels[key]

    def _build(self, key: str) -> Any:
        if key == START:
            return StartPanel(self.scenario)
        if key == SUMMARY:
            return SummaryPanel(self.scenario)
        if key == CERTAINTY:
            return CertaintyPanel(self.scenario)
        if key == ACCURACY:
            return AccuracyPanel(self.scenario)
        return StepPanel(self.scenario, steps()[key])

    def _show(self) -> None:
        key = self._rail.current
        panel = self.panel(key)
        self.widget.main.children = [self._message, *panel.main]
        self.widget.aside.children = panel.aside
        self.widget.footer.children = self._footer(key)

    def _changed(self) -> None:
        self._fresh.clear()
        self._show_tools()
        self._rail.update(self._rail_steps())
        self._head()
        self._show()

    def _progress(self) -> None:
        self._head()
        self._show_tools()
        panel = self._panels.get(self._rail.current)
        if panel is not None:
            panel.mark_stale(self.scenario.busy)
        if self.scenario.error:
            html.update(self._message, html.banner(f"Not changed: {self.scenario.error}", "bad"))
        elif not self.scenario.busy:
            html.update(self._message)

    def _show_tools(self) -> None:
        """Undo and redo; while a change is being solved, how far it is and a way to stop."""
        s = self.scenario
        if s.busy:
            keys = list(s.view.plans)
            step = s.progress if s.progress in keys else keys[0]
            share = keys.index(step) / len(keys)
            bar = html.show(html.progress(share, self._title(step)))
            self._tools.children = [bar, self._stop]
            return
        self._undo.disabled, self._redo.disabled = not s.can_undo, not s.can_redo
        self._tools.children = [self._undo, self._redo] if s.can_undo or s.can_redo else []

    # Header, rail, footer ----------------------------------------------------------------

    def _head(self) -> None:
        view = self.scenario.view
        first, last = view.baseline, view.final
        saved = first.usd_month - last.usd_month
        n = len(view.portfolio.workloads)
        stale = "stale" if self.scenario.busy else ""
        requests = sum(c.predictions_per_month for c in last.chosen) / 1000.0
        before = sum(first.workload_usd_month.values()) / requests
        after = sum(last.workload_usd_month.values()) / requests
        rows: list[Any] = [
            ("Today", money(first.usd_month), "/mo"),
            ("Plan", money(last.usd_month), "/mo", f"arrow {stale}".strip()),
            ("Saving", percent(saved / first.usd_month), money(saved), f"save {stale}".strip()),
            ("Per 1k predictions", money(after), f"from {money(before)}", stale),
        ]
        if last.certificate is not None:
            proven = last.certificate.gap <= 1e-9
            off = "0%" if proven else percent(last.certificate.gap)
            rows.append(("Off the optimum", off, "proven" if proven else "at most", stale))
        name = f"{view.portfolio.name} · {n} workload{'s' if n != 1 else ''}"
        html.update(self._brand, html.brand("ML cost advisor", name))
        html.update(self._figures, html.kpis(rows))

    def _rail_steps(self) -> list[Any]:
        view = self.scenario.view
        out: list[Any] = [{"key": START, "label": TITLES[START], "mark": "⌂", "state": "todo"}]
        for key, step in steps().items():
            saving = view.saving(key)
            names = [w.name for w in view.portfolio.workloads]
            refused = step.lever and all(view.is_rejected(n, step.lever) for n in names)
            note = "skipped" if refused else (money(-saving) if saving >= 0.5 else "")
            out.append(
                {
                    "key": key,
                    "label": step.title,
                    "mark": step.mark,
                    "state": "accepted" if key in self._fresh else "proposed",
                    "note": note,
                    "divider": key == "source",
                }
            )
        for key, mark in ((SUMMARY, "Σ"), (CERTAINTY, "≈"), (ACCURACY, "±")):
            out.append({"key": key, "label": TITLES[key], "mark": mark, "state": "todo"})
        return out

    def _footer(self, key: str) -> list[Any]:
        keys = self.keys
        i = keys.index(key)
        out: list[Any] = []
        if i > 0:
            out.append(button(f"← {self._title(keys[i - 1])}", self._go(keys[i - 1])))
        step = steps().get(key)
        if step is not None and step.lever is not None:
            lever = step.lever
            names = [w.name for w in self.scenario.portfolio.workloads]
            refused = all(self.scenario.view.is_rejected(n, lever) for n in names)
            text = "Accept all here" if refused else "Skip this step"
            out.append(
                button(text, lambda: self.scenario.decide_all(lever, accept=refused), "quiet")
            )
        if i + 1 < len(keys):
            out.append(button(f"{self._title(keys[i + 1])} →", self._go(keys[i + 1]), "go"))
        return out

    def _go(self, key: str) -> Callable[[], None]:
        def move() -> None:
            self._rail.current = key

        return move

    def _title(self, key: str) -> str:
        return TITLES.get(key) or steps()[key].title


def step_widget(key: str, scenario: Scenario | None = None) -> Any:
    """One step's panel by itself, for its notebook.

    Parameters
    ----------
    key : str
        Step, such as ``rightsize``.
    scenario : Scenario, optional
        The sample portfolio by default.
    """
    scenario = scenario or Scenario()
    panel = StepPanel(scenario, steps()[key])
    body, aside = stack(*panel.main), stack(*panel.aside)

    def refresh(_change: object) -> None:
        panel.refresh()
        body.children, aside.children = panel.main, panel.aside

    scenario.observe(refresh, "view")
    scenario.observe(lambda _change: panel.mark_stale(scenario.busy), "busy")
    return page(body, aside)


def accuracy_widget(scenario: Scenario | None = None) -> Any:
    """The accuracy card by itself, for its notebook."""
    scenario = scenario or Scenario()
    return _alone(scenario, AccuracyPanel(scenario))


def certainty_widget(scenario: Scenario | None = None) -> Any:
    """How sure the plan is, by itself, for its notebook."""
    scenario = scenario or Scenario()
    return _alone(scenario, CertaintyPanel(scenario))


def _alone(scenario: Scenario, panel: AccuracyPanel | CertaintyPanel) -> Any:
    scenario.observe(lambda _change: panel.refresh(), "view")
    return page(stack(*panel.main), stack(*panel.aside))
