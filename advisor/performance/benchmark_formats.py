"""Where benchmarking tools write their figures: one table for each file format.

A path goes through the JSON by names and positions, separated by dots; of several, the first that
is there counts. A format is recognised by paths that no other has.

Sources: the writers themselves. vLLM ``vllm/benchmarks/serve.py`` (2026); AIPerf
``docs/reference/json-export-schema.md`` (schema 1.0 to 1.5) and GenAI-Perf
``genai_perf/export_data/json_exporter.py``, whose metric blocks are alike; GuideLLM
``guidellm/benchmark/schemas`` (reports of version 1 and 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

UNITS: dict[str, dict[str, float]] = {
    "time": {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9},
    "rate": {
        "requests/sec": 1.0,
        "requests/s": 1.0,
        "req/s": 1.0,
        "tokens/sec": 1.0,
        "tokens/s": 1.0,
        "tok/s": 1.0,
    },
    "count": {"tokens": 1.0, "requests": 1.0},
}
"""Units by quantity, with their size in seconds, per second and each."""


@dataclass(frozen=True)
class Figure:
    """Where a number stands, and what makes the canonical unit of it.

    Attributes
    ----------
    paths : tuple of str
        In order of preference.
    quantity : str
        Key of `UNITS`.
    scale : float
        Size of the unit that the format is documented to use.
    unit_at : str
        Path of the unit where the file states it; it then replaces `scale`.
    per : str
        Path of a number to divide by, for totals.
    """

    paths: tuple[str, ...]
    quantity: str = "count"
    scale: float = 1.0
    unit_at: str = ""
    per: str = ""


@dataclass(frozen=True)
class Format:
    """One tool's result file."""

    tool: str
    marks: tuple[str, ...]
    """All of these paths are in such a file."""
    figures: dict[str, Figure]
    model: tuple[str, ...]
    day: tuple[str, ...]
    runs: str = ""
    """Path of a list of runs; figures are then looked for in each run, then in the whole file."""
    example: str = field(kw_only=True)
    """How one gets such a file, for messages."""


def _ms(*paths: str) -> Figure:
    return Figure(paths, "time", 1e-3)


def _block(name: str, statistic: str = "avg", quantity: str = "time", scale: float = 1.0) -> Figure:
    """A statistic of a block that states its unit, as AIPerf and GenAI-Perf write them."""
    return Figure((f"{name}.{statistic}",), quantity, scale, unit_at=f"{name}.unit")


def _done(
    name: str, statistic: str = "mean", quantity: str = "count", scale: float = 1.0
) -> Figure:
    """A statistic over successful requests, as GuideLLM writes them."""
    return Figure((f"metrics.{name}.successful.{statistic}",), quantity, scale)


VLLM = Format(
    tool="vllm bench serve",
    marks=("model_id", "num_prompts", "request_throughput", "completed", "duration"),
    figures={
        "requests_per_s": Figure(("request_throughput",), "rate"),
        "tokens_per_s": Figure(("output_throughput",), "rate"),
        "ttft_s": _ms("mean_ttft_ms"),
        "ttft_p95_s": _ms("p95_ttft_ms"),
        "tpot_s": _ms("mean_tpot_ms"),
        "tpot_p95_s": _ms("p95_tpot_ms"),
        "isl_tokens": Figure(("total_input_tokens",), per="completed"),
        "osl_tokens": Figure(("total_output_tokens",), per="completed"),
        "concurrency": Figure(("max_concurrency",)),
        "rate": Figure(("request_rate",), "rate"),
        "requests": Figure(("completed",)),
        "failed": Figure(("failed",)),
    },
    model=("model_id",),
    day=("date",),
    example="vllm bench serve --save-result",
)

_BLOCKS = {
    "requests_per_s": _block("request_throughput", quantity="rate"),
    "tokens_per_s": _block("output_token_throughput", quantity="rate"),
    "ttft_s": _block("time_to_first_token", scale=1e-3),
    "ttft_p95_s": _block("time_to_first_token", "p95", scale=1e-3),
    "tpot_s": _block("inter_token_latency", scale=1e-3),
    "tpot_p95_s": _block("inter_token_latency", "p95", scale=1e-3),
    "isl_tokens": _block("input_sequence_length", quantity="count"),
    "osl_tokens": _block("output_sequence_length", quantity="count"),
    "requests": _block("request_count", quantity="count"),
}

AIPERF = Format(
    tool="AIPerf",
    marks=("request_throughput.avg", "input_config", "aiperf_version"),
    figures={
        **_BLOCKS,
        "failed": _block("error_request_count", quantity="count"),
        "concurrency": Figure(("input_config.loadgen.concurrency",)),
        "rate": Figure(("input_config.loadgen.request_rate",), "rate"),
    },
    model=("input_config.endpoint.model_names.0", "input_config.models.items.0.name"),
    day=("start_time",),
    example="profile_export_aiperf.json of aiperf profile",
)

GENAI_PERF = Format(
    tool="GenAI-Perf",
    marks=("request_throughput.avg", "input_config"),
    figures={
        **_BLOCKS,
        "concurrency": Figure(
            ("input_config.concurrency", "input_config.perf_analyzer.stimulus.concurrency")
        ),
        "rate": Figure(
            ("input_config.request_rate", "input_config.perf_analyzer.stimulus.request_rate"),
            "rate",
        ),
    },
    model=("input_config.model.0", "input_config.model_names.0", "input_config.model"),
    day=(),
    example="profile_export_genai_perf.json of genai-perf profile",
)

GUIDELLM = Format(
    tool="GuideLLM",
    marks=("benchmarks.0.metrics.requests_per_second.successful",),
    runs="benchmarks",
    figures={
        "requests_per_s": _done("requests_per_second", quantity="rate"),
        "tokens_per_s": _done("output_tokens_per_second", quantity="rate"),
        "ttft_s": _done("time_to_first_token_ms", quantity="time", scale=1e-3),
        "ttft_p95_s": _done("time_to_first_token_ms", "percentiles.p95", "time", 1e-3),
        # Its "time per output token" counts the first token in; this is the time after it.
        "tpot_s": _done("inter_token_latency_ms", quantity="time", scale=1e-3),
        "tpot_p95_s": _done("inter_token_latency_ms", "percentiles.p95", "time", 1e-3),
        "isl_tokens": _done("prompt_token_count"),
        "osl_tokens": _done("output_token_count"),
        "concurrency": _done("request_concurrency"),
        "rate": Figure(("config.strategy.rate",), "rate"),
        "requests": Figure(("metrics.request_totals.successful",)),
        "failed": Figure(("metrics.request_totals.errored",)),
    },
    model=(
        "config.backend.model",
        "args.model",
        "config.spec.backend.model",
        "args.backend_kwargs.model",
    ),
    day=("start_time", "scheduler_metrics.start_time"),
    example="benchmarks.json of guidellm benchmark",
)

FORMATS = (VLLM, AIPERF, GENAI_PERF, GUIDELLM)
"""In the order they are tried."""
