"""Frameworks, serving techniques, sourcing, and measured or fitted speed factors."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .base import Count, Evidence, Names, NonNegative, Positive, Row, Share, Text


class Framework(Row):
    """A serving framework: what it runs, on what, and how alive it is."""

    table: ClassVar = "frameworks"
    key: ClassVar = ("framework",)

    framework: Text
    label: Text
    version: Text
    lifecycle: Literal["active", "limited_maintenance", "maintenance", "archived"]
    kinds: Names = Field(description="Model kinds served.")
    chip_kinds: Names = Field(description="gpu, neuron, tpu, cpu.")
    vendors: Names = Field(description="Chip vendors supported.")
    llm_families: Names = Field((), description="Chip families its LLM engine runs on; empty: any.")
    weight_precisions: Names
    kv_precisions: Names = ()
    techniques: Names = Field((), description="Serving techniques it offers.")
    sparse_kernels: Names = Field((), description="Patterns of zero weights it speeds up.")
    max_sequences: int | None = Field(None, ge=1, description="Default cap on running requests.")
    memory_utilization: Share = Field(0.9, description="Share of visible memory it takes.")
    complexity: Literal["low", "medium", "high"]
    operate_hours_month: NonNegative = Field(description="Engineering hours a month to run it.")
    adopt_hours: NonNegative = Field(description="One-off hours to move one workload to it.")
    best_for: Text
    shares_on: Names = Field((), description="Kinds of chip on which several models may share one.")


class Technique(Row):
    """A serving or caching technique and what it changes."""

    table: ClassVar = "techniques"
    key: ClassVar = ("technique",)

    technique: Text
    label: Text
    lever: Literal["SERVING", "CACHING"]
    kinds: Names
    hit_ratio_low: Share | None = None
    hit_ratio: Share | None = Field(None, description="When the workload's own is unknown.")
    hit_ratio_high: Share | None = None
    false_hit_rate: Share | None = None
    usd_per_month: NonNegative = Field(0, description="Running the technique itself.")
    engineering_hours: NonNegative
    evidence: Evidence


class Sourcing(Row):
    """Where a prediction comes from: API, managed inference, own cluster in a cloud, own metal."""

    table: ClassVar = "sourcing"
    key: ClassVar = ("sourcing",)

    sourcing: Literal["managed_api", "managed_inference", "self_hosted", "owned"]
    label: Text
    premium_low: NonNegative | None = None
    premium: NonNegative | None = Field(None, description="Share on top of the raw instance price.")
    premium_high: NonNegative | None = None
    operate_hours_month: NonNegative = Field(description="Hours a month for having it at all.")
    adopt_hours: NonNegative = Field(description="One-off hours to move one workload to it.")
    guide_monthly_low_usd: NonNegative
    guide_monthly_high_usd: NonNegative
    best_for: Text
    trade_off: Text


class Calibration(Row):
    """Fitted factors of the LLM roofline for one stack, from one version on.

    What a chip family or a number format changes stands in the table of scales.
    """

    table: ClassVar = "calibration"
    key: ClassVar = ("framework", "version")

    framework: Text = Field(description="``*``: any that has no row of its own.")
    version: Text = Field(description="From this version on, up to the next row's; ``*``: any.")
    bandwidth_efficiency: Share
    cache_efficiency: Positive = Field(
        description="Bandwidth reached on the KV cache, relative to weights."
    )
    latent_split: bool = Field(
        False, description="Ranks share out the requests of MLA models (data-parallel attention)."
    )
    kernels: Text = Field("new", description="Generation of its kernels: old or new.")
    decode_efficiency: Positive = Field(
        description="Share of peak arithmetic, before the scales of family and format; at most 0.95"
        " after them."
    )
    prefill_efficiency: Positive
    moe_efficiency: Share = Field(description="Arithmetic of mixtures of experts, relative.")
    step_overhead_s: NonNegative = Field(description="Per pass of a model of 32 layers.")
    sequence_overhead_s: NonNegative
    link_efficiency: Share
    link_latency_s: NonNegative
    pcie_link_efficiency: Share
    pcie_link_latency_s: NonNegative
    traffic: NonNegative = Field(
        0.0, description="Times a layer moves each token's state through memory."
    )
    blend_exponent: Positive
    activation_gib: NonNegative = Field(description="Framework's reserve per device.")
    sampler_bytes: NonNegative = Field(
        description="Bytes per running request and vocabulary entry while sampling."
    )
    batched_tokens: Positive = Field(description="Most tokens one pass takes in.")
    max_sequences: int | None = Field(
        None, ge=1, description="Most running requests; empty: the framework's default."
    )
    reserve_share: Share = Field(description="Share of the answer's KV held from the start.")
    n: Count
    groups: Count = Field(0, description="Distinct (model, chip) among the n.")
    spread: Positive = Field(description="80 % interval half-width of throughput, relative.")
    tpot_spread: Positive | None = Field(None, description="The same for the time per token.")
    ttft_spread: Positive | None = Field(None, description="The same for the first token.")
    evidence: Evidence


class CalibrationScale(Row):
    """What a chip family or an arithmetic changes in the LLM roofline, whatever the stack.

    All rows that match multiply. A family without a row has not been seen.
    """

    table: ClassVar = "calibration_scales"
    key: ClassVar = ("family", "peak", "kernels")

    family: Text = Field(description="Chip family; ``*``: any.")
    peak: Text = Field(description="Arithmetic, or weight_only; ``*``: any.")
    kernels: Text = Field("*", description="Generation of the stack's kernels; ``*``: any.")
    compute: Positive
    bandwidth: Positive
    cache_repeats: Share = Field(
        0.0,
        description="Old kernels read KV once per KV head (0) up to once per query head (1).",
    )
    n: Count
    groups: Count = 0
    spread: Positive = Field(description="80 % interval half-width no narrower than this.")
    evidence: Evidence


class CalibrationError(Row):
    """How far the roofline was from measurements that its factors had not seen."""

    table: ClassVar = "calibration_errors"
    key: ClassVar = ("left_out", "framework", "version", "metric")

    left_out: Text = Field(description="What each fit had not seen: group, chip or model.")
    framework: Text = Field(description="Stack that was measured; ``*``: all.")
    version: Text
    metric: Text = Field(description="rate, tpot_ms or ttft_ms.")
    n: Count
    groups: Count = Field(description="Distinct (model, chip, framework) among the n.")
    median_ape: NonNegative = Field(description="Median absolute error over the measured value.")
    p90_ape: NonNegative
    bias: float = Field(description="Median signed error over the measured value.")
    coverage80: Share = Field(description="Share inside the shipped 80 % interval.")


class Anchor(Row):
    """A measured throughput of a model that answers in one pass (encoder, vision, diffusion)."""

    table: ClassVar = "anchors"
    key: ClassVar = (
        "model",
        "accelerator",
        "precision",
        "framework",
        "batch",
        "sample_tokens",
        "image_px",
        "steps",
    )
    refs: ClassVar = {"model": "models", "accelerator": "accelerators", "precision": "precisions"}

    model: Text
    accelerator: Text
    precision: Text
    framework: Text
    batch: int | None = Field(None, ge=1, description="Empty: saturated, best batch.")
    sample_tokens: Positive | None = None
    image_px: Positive | None = Field(None, description="Edge of the image; empty: as the model's.")
    steps: Positive | None = Field(None, description="Denoising steps; empty: as the model's.")
    samples_per_s: Positive = Field(description="Per chip.")
    server_per_s: Positive | None = Field(
        None, description="Per chip, within the latency limit of MLPerf's Server scenario."
    )


class PassEffect(Row):
    """What one-pass configurations share that are alike: how far it moves them from their rule.

    Effects are independent and Gaussian, of these standard deviations in logarithms; with a slope,
    per unit of that column.
    """

    table: ClassVar = "pass_effects"
    key: ClassVar = ("shared", "slope")

    shared: Names = Field((), description="Columns in which configurations must be alike.")
    slope: Literal["power", "length", "size", "intensity"] | None = None
    speed: NonNegative = Field(description="Of the share of peak.")
    fixed: NonNegative = Field(0, description="Of the fixed time per pass.")
    server: NonNegative = Field(0, description="Of the share that a latency limit leaves.")


class PassEfficiency(Row):
    """Share of peak arithmetic a one-pass model reaches, where no anchor exists."""

    table: ClassVar = "pass_efficiency"
    key: ClassVar = ("kind", "chip_kind", "framework")

    kind: Text
    chip_kind: Text
    framework: Text
    mfu: Share
    batch_overhead_s: NonNegative = Field(description="Fixed time per pass.")
    server_share: Share = Field(
        0.8, description="Of the saturated rate, what a P99 latency limit leaves."
    )
    repeat_sd: Positive = Field(
        0.12, description="What repeats, versions and submitters differ by, in logarithms."
    )
    spread: Positive
    evidence: Evidence
