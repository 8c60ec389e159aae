"""Kernels live as long as their page, on the real server with its clocks turned up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.browser

POOL = 2
TIMEOUT_S = 10  # a busy machine needs some seconds to connect a page
LONGER_S = TIMEOUT_S + 3
OPTIONS = (
    f"--MappingKernelManager.cull_idle_timeout={TIMEOUT_S}",
    "--MappingKernelManager.cull_interval=1",
    "--VoilaKernelManager.fill_delay=0",
)


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = 90) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_kernels_end_with_their_page_and_not_before(browser, serve):
    with serve(*OPTIONS) as server:
        wait_for(lambda: "is filled" in server.logged(), "the pool fills")
        time.sleep(LONGER_S)
        assert len(server.kernels()) == POOL, "waiting kernels are not culled"

        # Handed out after an idle time beyond the timeout: the page must still get its kernel.
        page = browser.new_page()
        page.goto(server.url)
        wait_for(lambda: "Connecting to kernel" in server.logged(), "the page connects")
        wait_for(lambda: len(server.kernels()) == POOL + 1, "the pool is refilled")

        time.sleep(LONGER_S)
        assert len(server.kernels()) == POOL + 1, "the kernel of an open page lives"

        page.close()
        wait_for(lambda: len(server.kernels()) == POOL, "the kernel of a closed page ends")
        assert server.logged().count("Culling '") == 1

    assert not server.kernels(), "nothing outlives the server"


def test_a_taken_port_is_an_error(voila):
    command = [sys.executable, "-m", "advisor.app.serve", f"--port={voila.port}"]
    second = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert second.returncode == 1
    assert "no available port" in second.stderr
