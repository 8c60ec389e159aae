"""The real page: Voilà started just as `make app` starts it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

START_LIMIT_S = 120
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    """A running app: its address, its log and its kernels."""

    port: int
    log: Path
    process: psutil.Popen

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def logged(self) -> str:
        return self.log.read_text("utf-8")

    def kernels(self) -> list[psutil.Process]:
        return self.process.children() if self.process.poll() is None else []

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Voilà did not start:\n{self.logged()[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask the server to end, then end what is left (kernels have sessions of their own)."""
        kernels = self.kernels()
        self.process.terminate()
        try:
            self.process.wait(20)
        except psutil.TimeoutExpired:
            self.process.kill()
        for process in kernels:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue


Serve = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Serve the app on a free port, with further options of Voilà, for a `with` block."""

    @contextmanager
    def serving(*options: str) -> Iterator[Server]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        path = tmp_path_factory.mktemp("voila") / "server.log"
        command = [sys.executable, "-m", "advisor.app.serve", f"--port={port}", *options]
        with path.open("wb") as log:
            started = psutil.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        server = Server(port, path, started)
        try:
            server.wait_until_up()
            yield server
        finally:
            server.stop()

    return serving


@pytest.fixture(scope="session")
def voila(serve: Serve) -> Iterator[Server]:
    """The app, served once for the whole session."""
    with serve() as server:
        yield server


@pytest.fixture(scope="session")
def voila_url(voila: Server) -> str:
    """The address of the app."""
    return voila.url
