"""Questions on standard input, answers of AIConfigurator on standard output, both JSON.

Runs under an interpreter that has the package ``aiconfigurator`` (its dependencies are not ours),
so it imports nothing of this project. Each question is a list of alternative sets of arguments of
``aiconfigurator.cli.api.cli_estimate``, the larger batch first; the answer is the first whose
throughput the next one does not exceed.
"""

from __future__ import annotations

import copy
import functools
import json
import logging
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import aiconfigurator_core  # noqa: E402
from aiconfigurator.cli.api import cli_estimate  # noqa: E402
from aiconfigurator_core.sdk import perf_database  # noqa: E402


def configured(folder: Path, shape: dict) -> str:
    """Path of a model of this shape, as the package reads models."""
    path = folder / str(abs(hash(json.dumps(shape, sort_keys=True))))
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(shape), "utf-8")
    return str(path)


def shipped_shape(name: str) -> dict:
    """The configuration of a model that the package brings."""
    folder = Path(aiconfigurator_core.__file__).parent / "model_configs"
    return json.loads((folder / f"{name.replace('/', '--')}_config.json").read_text("utf-8"))


def best(folder: Path, alternatives: list[dict]) -> dict:
    """The fastest of some estimates; why there is none otherwise."""
    found, why, asked = None, "", 0
    started = time.perf_counter()
    for arguments in alternatives:
        asked += 1
        shape = arguments.pop("shape", None) or shipped_shape(arguments["model_path"])
        arguments["model_path"] = configured(folder, shape)
        try:
            told = cli_estimate(**arguments).summary.get_summary_df().iloc[0]
        except Exception as error:  # whatever it raises is its answer
            why = why or f"{type(error).__name__}: {error}".splitlines()[0][:160]
            continue
        kept = {k: float(told[k]) for k in ("tokens/s", "request_latency", "ttft", "tpot")}
        if found is not None and kept["tokens/s"] <= found["tokens/s"]:
            break
        found = kept
    spent = time.perf_counter() - started
    return {**(found or {"reason": why}), "seconds": spent, "estimates": asked}


def main() -> None:
    """Answer all questions; the performance tables load on first use, which is not counted."""
    questions = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        shipped = 0.0
        for _ in range(2):
            shipped = best(Path(folder), copy.deepcopy(questions[0][-1:]))["seconds"]
        # Most of that goes into reading the list of database versions again, which need not be.
        perf_database.get_supported_databases = functools.cache(
            perf_database.get_supported_databases
        )
        for question in questions:
            best(Path(folder), copy.deepcopy(question[-1:]))
        answers = [best(Path(folder), q) for q in questions]
    told = {"version": version("aiconfigurator"), "as_shipped_s": shipped, "answers": answers}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
