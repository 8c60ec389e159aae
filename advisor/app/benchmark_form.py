"""Which workload a benchmark is of, and what it ran on: seven choices, today's selected."""

from __future__ import annotations

from collections.abc import Callable

from advisor.app.scenario import Scenario
from advisor.app.widgets.fields import Choice
from advisor.app.widgets.layout import box
from advisor.performance import run_choices
from advisor.performance.attach import RanOn
from advisor.performance.run_choices import Options
from advisor.portfolio import Portfolio, Workload

MISSING = ("", "choose …")


class BenchmarkForm:
    """The choices. `widget` is what to show.

    Parameters
    ----------
    scenario : Scenario
    changed : callable
        Called after each choice a person makes.
    """

    def __init__(self, scenario: Scenario, changed: Callable[[], None]) -> None:
        self.scenario, self._changed = scenario, changed
        self._workload = Choice("Workload", [])
        self._choices = {
            "model": Choice("Model that ran", []),
            "instance": Choice("Machine", []),
            "tensor_parallel": Choice("Tensor parallel", []),
            "framework": Choice("Framework", []),
            "weight_precision": Choice("Weights", []),
            "kv_precision": Choice("KV cache", []),
        }
        self._given: dict[str, dict[str, str]] = {}
        """By workload, what a person chose for it."""
        self._filling = False
        self._workload.observe(lambda _change: self._chosen(""), "value")
        for name, choice in self._choices.items():
            choice.observe(lambda _change, n=name: self._chosen(n), "value")
        self.widget = box("mlc-form", self._workload, *self._choices.values())
        for half in (self._workload, self._choices["model"]):
            half.add_class("mlc-half")
        self._choices["instance"].add_class("mlc-most")
        self.refresh()

    @property
    def workload(self) -> str:
        """Name of the workload that is chosen."""
        return self._workload.value

    @property
    def ran_on(self) -> RanOn:
        """What is chosen for it."""
        values = {name: choice.value or None for name, choice in self._choices.items()}
        return RanOn(**{**values, "tensor_parallel": int(values["tensor_parallel"] or 1)})  # type: ignore[arg-type]

    def refresh(self) -> None:
        """Offer what the scenario's portfolio has; choices made for a workload that stays hold."""
        names = [w.name for w in self.scenario.view.portfolio.workloads]
        self._given = {name: given for name, given in self._given.items() if name in names}
        self._filling = True
        try:
            kept = self.workload if self.workload in names else names[0]
            _offer(self._workload, [(n, n) for n in names], kept)
            self._fill()
        finally:
            self._filling = False

    def _chosen(self, name: str) -> None:
        if self._filling:
            return
        if name:
            self._given.setdefault(self.workload, {})[name] = self._choices[name].value
        self._filling = True
        try:
            self._fill()
        finally:
            self._filling = False
        self._changed()

    def _fill(self) -> None:
        """Offer what the chosen workload can have run on: as chosen before, else as today."""
        catalog, workload = self.scenario.catalog, self._target()
        now = run_choices.today(workload)
        given = self._given.get(workload.name, {})
        instance = given.get("instance", now.instance or "")
        here = now.tensor_parallel or 1
        splits = run_choices.splits(catalog, instance, here if instance == now.instance else 1)
        offered: dict[str, Options] = {
            "model": run_choices.models(catalog, workload),
            "instance": run_choices.machines(catalog),
            "tensor_parallel": [(str(n), f"{n} chip{'s' if n > 1 else ''}") for n in splits],
            "framework": run_choices.frameworks(catalog, workload),
            "weight_precision": run_choices.precisions(catalog, workload, "weights"),
            "kv_precision": run_choices.precisions(catalog, workload, "kv"),
        }
        for name, options in offered.items():
            value = given.get(name, str(getattr(now, name) or ""))
            if name == "tensor_parallel":
                # Another machine may have fewer chips than the split chosen before.
                value = str(min(int(value), splits[-1]))
            elif value not in [o for o, _ in options]:
                offered[name] = [(value, value) if value else MISSING, *options]
            _offer(self._choices[name], offered[name], value)
        self._choices["kv_precision"].disabled = workload.kind != "llm"

    def _target(self) -> Workload:
        portfolio: Portfolio = self.scenario.view.portfolio
        return portfolio.workload(self.workload)


def _offer(choice: Choice, options: Options, value: str) -> None:
    with choice.hold_sync(), choice.hold_trait_notifications():
        choice.options = [list(o) for o in options]
        choice.value = value
