"""Page to interactive and control to plan, in a real browser: ``python benchmarks/app.py``.

Measures against the server that `make app` runs, on the sample portfolio, beside an empty Voilà
page in the same run. Prints medians of several loads.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from scripts import chromium

ROOT = Path(__file__).resolve().parents[1]
LOADS = 5
CHANGES = 20


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(*options: str) -> Iterator[str]:
    """The app's own server; yields its address once it answers."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "advisor.app.serve", f"--port={port}", *options]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}/"
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(url, timeout=60).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def load_s(browser: Browser, url: str, selector: str) -> float:
    """Seconds from asking for the page to the selector being there, empty browser cache."""
    context = browser.new_context()
    page = context.new_page()
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(selector, timeout=120_000)
    seconds = time.perf_counter() - started
    context.close()
    return seconds


def decision_s(page: Page) -> float:
    """Seconds from flipping a switch to the header showing the re-solved plan."""
    figure = "document.querySelector('.mlc-kpis').textContent"
    before = page.evaluate(figure)
    started = time.perf_counter()
    page.locator("[role=switch]").first.click()
    page.wait_for_function(
        f"(before) => {figure} !== before && !document.querySelector('.mlc-kpi.mlc-stale')",
        arg=before,
        timeout=60_000,
    )
    return time.perf_counter() - started


def main() -> None:
    """Run and print."""
    out: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(chromium.ARGUMENTS)
        )
        with server() as url:
            time.sleep(20)
            loads = []
            for _ in range(LOADS):
                loads.append(load_s(browser, url, ".mlc-lead"))
                time.sleep(15)
            out["preheated page to interactive, empty cache [s]"] = statistics.median(loads)
            page = browser.new_page()
            page.goto(url)
            page.wait_for_selector(".mlc-lead")
            page.locator(".mlc-rail button[data-key=source]").click()
            page.wait_for_selector("[role=switch]")
            times = [decision_s(page) for _ in range(CHANGES)]
            out["switch to re-solved header, p50 [s]"] = statistics.median(times)
            out["switch to re-solved header, p95 [s]"] = sorted(times)[int(0.95 * CHANGES) - 1]
        with server("--VoilaConfiguration.preheat_kernel=False") as url:
            loads = [load_s(browser, url, ".mlc-lead") for _ in range(LOADS)]
            out["page to interactive without a preheated kernel [s]"] = statistics.median(loads)
        browser.close()
    sys.stdout.write(json.dumps(out, indent=2) + "\n")


if __name__ == "__main__":
    main()
