"""Files of performance measurements: their columns, read and checked."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from advisor.errors import InputError, did_you_mean

from .stated import BENCHMARK

REQUIRED = ("workload", "model", "accelerator", "framework", "scenario", "metric", "value")
OPTIONAL = (
    "id",
    "params_b",
    "accelerator_count",
    "weight_precision",
    "kv_precision",
    "framework_version",
    "concurrency",
    "isl_tokens",
    "osl_tokens",
    "source",
    "as_of",
    "notes",
    "tensor_parallel",
    "replicas",
    "slo_ttft_ms",
    "slo_tpot_ms",
    "percentile",
    "quality_target",
)
CHOICES = {
    "workload": ("llm", "encoder", "cnn", "diffusion"),
    "scenario": ("offline", "static", "single", "server", "interactive", "online"),
    "metric": ("tok_s_out", "tok_s_total", "req_s", "samples_s", "ttft_ms", "tpot_ms"),
}
NUMBERS = (
    "params_b",
    "accelerator_count",
    "osl_tokens",
    "tensor_parallel",
    "replicas",
    "slo_ttft_ms",
    "slo_tpot_ms",
)
MAX_LENGTH_TOKENS = {"384max": 177.0}
"""Mean tokens of prompts that are stated by their longest: the mean of that benchmark's set."""

LONGEST = r"(\d+)max"
"""Any other longest prompt: inputs are padded to it."""
IMAGE_SIZE = r"\d+\s*x\s*\d+"
"""What ``isl_tokens`` of vision and diffusion rows may state instead of a length."""


def read_measurements(path: Path | str) -> pd.DataFrame:
    """Read a CSV file of measurements.

    Returns
    -------
    DataFrame
        All columns of the contract, blanks as NaN or an empty text; ``isl_tokens`` as the mean
        where the file states the longest (`MAX_LENGTH_TOKENS`).

    Raises
    ------
    InputError
        Naming file, row and column, for a missing column, an unknown choice, a value that is no
        positive number, or an id that stands twice.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise InputError("cannot read the file", file=str(path), fix=str(error.strerror)) from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(
            "this is no CSV table in UTF-8", file=path.name, fix=str(error).splitlines()[0]
        ) from None
    return checked(table, path.name)


def checked(table: pd.DataFrame, file: str | None = None) -> pd.DataFrame:
    """A frame of text cells as measurements; see `read_measurements`."""
    table = table.rename(columns=lambda c: str(c).strip())
    for name in REQUIRED:
        if name not in table:
            raise InputError(
                f"the column '{name}' is missing",
                file=file,
                row=1,
                allowed=", ".join((*REQUIRED, *OPTIONAL)),
                fix=did_you_mean(name, table.columns),
            )
    out = table.fillna("").astype(str).apply(lambda s: s.str.strip()).reset_index(drop=True)
    for name in OPTIONAL:
        if name not in out:
            out[name] = ""
    if (out["id"] == "").all():
        out["id"] = [f"row {i + 2}" for i in range(len(out))]
    _check(out, file)
    for name in (*NUMBERS, "value"):
        out[name] = [_number(v) for v in out[name]]
    out["isl_tokens"] = [
        _number(_mean_length(v, s)) for v, s in zip(out["isl_tokens"], out["source"], strict=True)
    ]
    out["accelerator_count"] = out["accelerator_count"].fillna(1.0)
    result: pd.DataFrame = out
    return result


def _check(table: pd.DataFrame, file: str | None) -> None:
    twice = table["id"].duplicated() | (table["id"] == "")
    if twice.any():
        place = int(twice.to_numpy().argmax())
        raise InputError(
            "an id is missing or stands twice",
            file=file,
            row=place + 2,
            column="id",
            value=table["id"][place],
        )
    for name, allowed in CHOICES.items():
        wrong = ~table[name].isin(allowed)
        if wrong.any():
            place = int(wrong.to_numpy().argmax())
            raise InputError(
                "not one of the allowed values",
                file=file,
                row=place + 2,
                column=name,
                value=table[name][place],
                allowed=", ".join(allowed),
                fix=did_you_mean(table[name][place], allowed),
            )
    for name in (*NUMBERS, "isl_tokens", "value"):
        for place, text in enumerate(table[name]):
            stated = re.fullmatch(LONGEST, text) or re.fullmatch(IMAGE_SIZE, text)
            if name == "isl_tokens" and stated:
                continue
            number = _number(text)
            if (text and not number > 0) or (name == "value" and not text):
                raise InputError(
                    "not a positive number",
                    file=file,
                    row=place + 2,
                    column=name,
                    value=text,
                    allowed="a number above 0" + ("" if name == "value" else ", or blank"),
                )


def _mean_length(text: str, source: str) -> Any:
    """Mean tokens of a stated length.

    A longest one is what inputs are padded to, but in MLPerf and where no source is named.
    """
    if text in MAX_LENGTH_TOKENS and (not source or BENCHMARK.search(source)):
        return MAX_LENGTH_TOKENS[text]
    return re.sub(LONGEST, r"\1", text)


def _number(text: Any) -> float:
    """The number a cell holds; NaN for a blank, a text or an infinite value."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def load(concurrency: str) -> tuple[float, float]:
    """Requests at once and requests/s that a ``concurrency`` cell states; NaN for the other.

    ``max`` is infinitely many at once; a text that states neither gives NaN twice.
    """
    text = concurrency.strip().lower()
    if text in {"max", "inf", "saturated"}:
        return math.inf, math.nan
    rate = re.fullmatch(r"qps\s*=\s*([0-9.]+)", text)
    if rate:
        return math.nan, _number(rate.group(1))
    return _number(text) if text != "llmperf default" else 10.0, math.nan
