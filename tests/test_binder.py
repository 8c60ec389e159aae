"""Binder's folder, checked without Docker: what it would build, and the server it would start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote

import psutil

ROOT = Path(__file__).resolve().parents[1]
PAGE = "voila/render/notebooks/advisor.ipynb"


def test_the_recipe_installs_the_lock_and_runs_both_scripts():
    command = [Path(sys.executable).with_name("jupyter-repo2docker"), "--no-build", "--debug", "."]
    recipe = subprocess.check_output(command, cwd=ROOT, text=True, stderr=subprocess.STDOUT)
    copied = recipe.index(" src/ ${REPO_DIR}/\n")
    # The lock lies outside binder/: it must be there before pip reads the reference to it.
    assert recipe.index('-r "binder/requirements.txt"') > copied
    assert "python=3.12" in recipe
    assert "RUN ./binder/postBuild" in recipe
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in recipe


def test_the_badge_opens_the_app():
    readme = unquote((ROOT / "README.md").read_text("utf-8"))
    assert f"urlpath={PAGE}" in readme


def test_the_server_renders_the_app_as_an_extension(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(ROOT / "binder" / "start", sys.executable, "-m", "jupyter_server"),
        *("--allow-root", "--no-browser", "--port-retries=0", f"--port={port}"),
        "--IdentityProvider.token=",
    ]
    # Only what the start script sets may help the server find things.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (tmp_path / "log").open("wb") as log:
        server = psutil.Popen(command, cwd=ROOT, env=clean, stdout=log, stderr=log)
    try:
        page = get(f"http://127.0.0.1:{port}/{PAGE}", server)
        log = (tmp_path / "log").read_text("utf-8")
        assert "mlcost" in page
        assert "Culling kernels with idle durations > 120 seconds" in log
        assert "without encryption" not in log
    finally:
        left = [server, *server.children(recursive=True)]
        for process in left:
            process.kill()


def get(url: str, server: psutil.Popen, limit_s: float = 90) -> str:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=limit_s) as answer:
                return answer.read().decode()
        except URLError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.3)
