"""Read the result files of benchmarking tools into one shape.

What the tools write, and where, is in `advisor.performance.benchmark_formats`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from advisor.errors import InputError

from .benchmark_formats import FORMATS, UNITS, Figure, Format

MAX_BYTES = 200_000_000
"""Detailed results hold every request; more than this is something else."""

SLACK = 1.5
"""Factor by which figures of one run may disagree before their units are doubted: tools average
in different ways, but nothing that is right is off by more."""


@dataclass(frozen=True)
class Benchmark:
    """What one run measured; times in seconds, None where the file does not say.

    Attributes
    ----------
    tool, file : str
        What wrote it, and the file's name.
    model : str or None
        As the server calls it.
    requests_per_s, tokens_per_s : float
        Finished requests and output tokens per second, over the whole server.
    ttft_s, ttft_p95_s, tpot_s, tpot_p95_s : float or None
        Mean and 95th percentile of the time to the first token and per token after it.
    isl_tokens, osl_tokens : float
        Mean input and output tokens.
    concurrency : float or None
        Requests in flight that the tool kept up or counted.
    rate : float or None
        Requests/s it offered; None where it sent as fast as it could.
    requests, failed : int
        Requests counted in the figures, and those that failed.
    as_of : date or None
        Day of the run.
    """

    tool: str
    file: str
    model: str | None
    requests_per_s: float
    tokens_per_s: float | None
    ttft_s: float | None
    ttft_p95_s: float | None
    tpot_s: float | None
    tpot_p95_s: float | None
    isl_tokens: float | None
    osl_tokens: float | None
    concurrency: float | None
    rate: float | None
    requests: int | None
    failed: int
    as_of: date | None


def read_benchmarks(source: Path | str | bytes, name: str = "") -> list[Benchmark]:
    """The runs in a result file, in the order they stand there.

    The format is told from the content: ``vllm bench serve``, AIPerf, GenAI-Perf or GuideLLM.

    Parameters
    ----------
    source : Path, str or bytes
        A file's place, or its content: JSON, or JSON lines where results were appended to one
        file.
    name : str
        What messages call the file; by default its name.

    Returns
    -------
    list of Benchmark
        At least one.

    Raises
    ------
    InputError
        For a file that cannot be read, is no result of a known tool, or whose figures are
        missing, not numbers, or contradict one another.
    """
    found: list[Benchmark] = []
    if not isinstance(source, bytes):
        name = name or Path(source).name
        source = _content(Path(source))
    for row, whole in _documents(source, name):
        shape = _recognised(whole, name, row)
        runs = _at(whole, shape.runs) if shape.runs else [whole]
        for i, run in enumerate(runs):
            prefix = f"{shape.runs}.{i}." if shape.runs else ""
            found.append(_Run(shape, run, whole, name, row, prefix).read())
    return found


def _documents(content: bytes, file: str) -> Iterator[tuple[int | None, Any]]:
    """The JSON values in a file, with the line of each where there are several."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", file=file, allowed=_examples()) from None
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise _not_json(file, error.lineno, error.msg) from None
    else:
        yield None, whole
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise _not_json(file, number, error.msg) from None
            yield number, value


def _not_json(file: str, row: int, problem: str) -> InputError:
    return InputError(
        f"not valid JSON: {problem.lower()}",
        file=file,
        row=row,
        allowed=_examples(),
        fix="a run that was broken off leaves half a file: run it again",
    )


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                "too large for a benchmark's result",
                file=path.name,
                value=f"{size / 1e6:,.0f} MB",
                allowed=f"at most {MAX_BYTES / 1e6:,.0f} MB",
                fix="save it without the requests one by one",
            )
        return path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise InputError(problem, file=str(path)) from None


def _examples() -> str:
    return ", ".join(f.example for f in FORMATS)


def _recognised(whole: Any, file: str, row: int | None) -> Format:
    for shape in FORMATS:
        if all(_at(whole, mark) is not None for mark in shape.marks):
            return shape
    keys = ", ".join(list(whole)[:8]) if isinstance(whole, dict) else type(whole).__name__
    raise InputError(
        "not a result file of a benchmark that is known here",
        file=file,
        row=row,
        value=keys or "nothing",
        allowed=_examples(),
    )


def _at(value: Any, path: str) -> Any:
    """What stands at a dotted path, or None."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


@dataclass(frozen=True)
class _Run:
    """One run of a file, while it is read."""

    shape: Format
    run: Any
    whole: Any
    file: str
    row: int | None
    prefix: str

    def read(self) -> Benchmark:
        values = {name: self.number(name, figure) for name, figure in self.shape.figures.items()}
        for name in ("requests_per_s", "isl_tokens"):
            if not values[name]:
                where = self.shape.figures[name].paths[0]
                raise self.error("a run needs this figure, above 0", where, values[name])
        count = values.pop("requests", None)
        out = Benchmark(
            tool=self.shape.tool,
            file=self.file,
            model=self.text(self.shape.model),
            requests=None if count is None else int(count),
            failed=int(values.pop("failed", None) or 0),
            as_of=self.day(),
            **{name: value or None for name, value in values.items()},  # type: ignore[arg-type]
        )
        self.agree(out)
        return out

    def error(
        self, problem: str, column: str, value: object = None, allowed: str | None = None
    ) -> InputError:
        place = f"{self.prefix}{column}"
        return InputError(
            problem, file=self.file, row=self.row, column=place, value=value, allowed=allowed
        )

    def at(self, path: str) -> Any:
        found = _at(self.run, path)
        return _at(self.whole, path) if found is None else found

    def text(self, paths: tuple[str, ...]) -> str | None:
        found = (self.at(p) for p in paths)
        return next((v.strip() for v in found if isinstance(v, str) and v.strip()), None)

    def number(self, name: str, figure: Figure) -> float | None:
        """A figure in its canonical unit; None where it is absent, or a rate without limit."""
        path = next((p for p in figure.paths if self.at(p) is not None), None)
        if path is None:
            return None
        value = self.plain(path)
        if name == "rate" and value == math.inf:
            return None
        if not math.isfinite(value) or value < 0:
            raise self.error("not a number that can be measured", path, self.at(path), "0 or more")
        scale = self.scale(figure)
        if figure.per:
            per = self.plain(figure.per)
            if not per > 0:
                raise self.error("no request was finished", figure.per, self.at(figure.per))
            scale /= per
        return value * scale

    def plain(self, path: str) -> float:
        value = self.at(path)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self.error("not a number", path, value)
        try:
            return float(value)
        except ValueError:
            raise self.error("not a number", path, value) from None

    def scale(self, figure: Figure) -> float:
        unit = self.at(figure.unit_at) if figure.unit_at else None
        if unit is None:
            return figure.scale
        known = UNITS[figure.quantity]
        if str(unit).casefold() not in known:
            raise self.error("not a unit of this figure", figure.unit_at, unit, ", ".join(known))
        return known[str(unit).casefold()]

    def day(self) -> date | None:
        value = next((v for p in self.shape.day if (v := self.at(p)) is not None), None)
        try:
            if isinstance(value, (int, float)):
                return datetime.fromtimestamp(value, UTC).date()
            return None if value is None else datetime.fromisoformat(str(value)).date()
        except (ValueError, OverflowError, OSError):
            raise self.error("not a day", self.shape.day[0], value, "such as 2026-11-23") from None

    def agree(self, found: Benchmark) -> None:
        """Refuse figures that cannot all be right: one of them is in another unit."""
        paths = {name: figure.paths[0] for name, figure in self.shape.figures.items()}
        if found.tokens_per_s and found.osl_tokens:
            expected = found.requests_per_s * found.osl_tokens
            if not 1 / SLACK <= found.tokens_per_s / expected <= SLACK:
                raise self.error(
                    "requests/s and output tokens per request do not make these tokens/s",
                    paths["tokens_per_s"],
                    f"{found.tokens_per_s:,.1f} tokens/s",
                    f"about {expected:,.1f}",
                )
        busy = in_flight(found)
        if busy and found.concurrency and busy > SLACK * found.concurrency:
            raise self.error(
                "these times and requests/s need more requests in flight than the run had",
                paths["ttft_s"],
                f"{busy:,.0f} in flight",
                f"{found.concurrency:,.0f}",
            )


def in_flight(found: Benchmark) -> float | None:
    """Mean requests in the server by Little's law, or None where a time is missing."""
    if found.ttft_s is None or (found.tpot_s is None and (found.osl_tokens or 0) > 1):
        return None
    after = max((found.osl_tokens or 1.0) - 1.0, 0.0) * (found.tpot_s or 0.0)
    return found.requests_per_s * (found.ttft_s + after)
