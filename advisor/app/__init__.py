"""The app: widgets on one scenario. The only room that displays anything.

Heavy modules load on first use, so that the server can import `advisor.app.kernels` cheaply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scenario import Scenario

__all__ = ["Scenario", "open_accuracy", "open_app", "open_certainty", "open_step"]


def open_app(scenario: Scenario | None = None) -> Any:
    """The whole playbook, on the sample portfolio unless a scenario is given."""
    from .shell import App

    return App(scenario).widget


def open_step(key: str, scenario: Scenario | None = None) -> Any:
    """One step's panel, such as ``open_step("rightsize")``."""
    from .shell import step_widget

    return step_widget(key, scenario)


def open_accuracy(scenario: Scenario | None = None) -> Any:
    """The accuracy card: predicted against measured, and what is known how well."""
    from .shell import accuracy_widget

    return accuracy_widget(scenario)


def open_certainty(scenario: Scenario | None = None) -> Any:
    """How sure the plan is: scenarios, reasons, fair shares, near-tied plans."""
    from .shell import certainty_widget

    return certainty_widget(scenario)


def __getattr__(name: str) -> Any:
    if name == "Scenario":
        from .scenario import Scenario

        return Scenario
    raise AttributeError(name)
