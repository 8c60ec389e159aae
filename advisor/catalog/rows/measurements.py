"""Published performance measurements: what predictions are judged by."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .base import Count, Positive, Row, Text


class Measurement(Row):
    """One published figure of one configuration.

    ``as_of`` is the first day of the month or year that the publication states; ``notes`` say
    which.
    """

    table: ClassVar = "measurements"
    key: ClassVar = ("id",)

    id: Text
    workload: Literal["llm", "encoder", "cnn", "diffusion"]
    model: Text
    params_b: Positive | None = None
    accelerator: Text = Field(description="As published; CPUs by their sockets.")
    accelerator_count: Count = Field(1, ge=1, description="Chips in the measured group.")
    weight_precision: Text | None = None
    kv_precision: Text | None = None
    framework: Text
    framework_version: Text | None = None
    scenario: Literal["offline", "static", "single", "server", "interactive", "online"]
    concurrency: Text | None = Field(None, description="max, SLO, a number at once, or qps=N.")
    isl_tokens: Text | None = Field(
        None, description="Mean input tokens, a longest prompt (384max), or an image's size."
    )
    osl_tokens: Positive | None = None
    metric: Literal["tok_s_out", "tok_s_total", "req_s", "samples_s", "ttft_ms", "tpot_ms"]
    value: Positive = Field(description="Of the whole group; times in milliseconds.")
