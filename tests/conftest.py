"""What all tests share: a Chromium, and an honest list of what this machine cannot run.

A test that needs something the machine lacks skips itself with a reason that starts with
``cannot run here: ``. Those are listed by name at the end; with ADVISOR_REQUIRE_ALL=1 they fail.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from scripts import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CANNOT_RUN = "cannot run here: "
REQUIRE_ALL = os.environ.get("ADVISOR_REQUIRE_ALL") == "1"

# A shared machine stalls now and then: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("advisor", deadline=None)
hypothesis.settings.load_profile("advisor")


def _missing(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Return what a skipped test lacked, if that is why it was skipped."""
    if not (report.skipped and isinstance(report.longrepr, tuple)):
        return None
    _, found, missing = report.longrepr[2].partition(CANNOT_RUN)
    return missing if found else None


def _insist(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRE_ALL and (missing := _missing(report)):
        report.outcome = "failed"
        report.longrepr = f"required, but {CANNOT_RUN}{missing}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _insist(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _insist(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [(r.nodeid, _missing(r)) for r in terminalreporter.stats.get("skipped", [])]
    if missing := [(name, what) for name, what in skipped if what]:
        terminalreporter.section("not run on this machine")
        for name, what in missing:
            terminalreporter.line(f"{name}: {what}")


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The path of a Chromium that runs here and can be driven."""
    path = chromium.find()
    if path is None:
        pytest.skip(f"{CANNOT_RUN}no Chromium (python scripts/chromium.py fetches one)")
    if not chromium.driver_runs():
        pytest.skip(f"{CANNOT_RUN}Playwright's driver does not start")
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: Path) -> Iterator[Browser]:
    """A headless Chromium, shared by all tests; each makes its own context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium_path, args=list(chromium.ARGUMENTS)
        )
        yield running
        running.close()
