"""Chips, the machines that hold them, where they stand and what they cost."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .base import Names, NonNegative, Positive, Row, Share, Standing, Text

ChipKind = Literal["gpu", "neuron", "tpu", "cpu"]
Geography = Literal["us", "eu", "uk", "apac"]
Purchase = Literal["on_demand", "spot", "commit_1y", "commit_3y", "capacity_block"]


class Accelerator(Row):
    """A chip that runs models: GPU, Inferentia/Trainium, TPU, or a CPU socket.

    Peaks are dense TFLOP/s (TOP/s for integers). ``0`` says the chip has no such unit; an empty
    cell says the figure is unknown. A CPU row describes the whole socket or instance family
    (`vcpus`); an instance holds a share of it.
    """

    table: ClassVar = "accelerators"
    key: ClassVar = ("accelerator",)

    accelerator: Text
    vendor: Text
    kind: ChipKind
    family: Text = Field(description="Architecture family, the unit of calibration.")
    memory_label_gb: Positive | None = Field(None, description="GB, as the datasheet says.")
    memory_visible_gib: Positive | None = Field(None, description="GiB a program can see.")
    memory_bandwidth_gb_s: Positive = Field(description="GB/s, datasheet.")
    fp32_tflops: NonNegative | None = None
    tf32_tflops: NonNegative | None = None
    fp16_tflops: NonNegative | None = None
    bf16_tflops: NonNegative | None = None
    fp8_tflops: NonNegative | None = None
    int8_tops: NonNegative | None = None
    fp4_tflops: NonNegative | None = None
    sparse_patterns: Names = Field((), description="Patterns of zero weights it can skip.")
    link: Literal["nvlink", "pcie", "neuronlink", "ici", "xgmi", "none"]
    link_gb_s_one_way: NonNegative | None = Field(None, description="GB/s per chip, one way.")
    vcpus: Positive | None = Field(None, description="vCPUs the row stands for (CPU rows only).")
    tdp_w: Positive | None = None
    power_capped: bool = Field(False, description="Sustains well under its peak for lack of power.")
    launched: int | None = Field(None, ge=2000, le=2100)
    confidence: Literal["read", "partly_memory", "memory"] = Field(
        description="Whether the figures were read in the source or still want checking."
    )


class Instance(Row):
    """A machine one can rent: an instance type with its chips."""

    table: ClassVar = "instances"
    key: ClassVar = ("cloud", "instance")
    refs: ClassVar = {"accelerator": "accelerators", "cloud": "clouds"}

    cloud: Text
    instance: Text
    accelerator: Text
    accelerator_count: Positive = Field(
        description="Chips in the machine; a fraction for a shared chip or a CPU socket."
    )
    vcpu: Positive | None = None
    memory_gib: Positive | None = Field(None, description="Host memory, GiB.")


class Cloud(Row):
    """A provider, and whether it is a general cloud, a GPU specialist or the user's own floor."""

    table: ClassVar = "clouds"
    key: ClassVar = ("cloud",)

    cloud: Text
    label: Text
    kind: Literal["hyperscaler", "neocloud", "owned"]


class Region(Row):
    """A place a provider sells in. ``geography`` is what residency rules refer to."""

    table: ClassVar = "regions"
    key: ClassVar = ("cloud", "region")
    refs: ClassVar = {"cloud": "clouds"}

    cloud: Text
    region: Text
    geography: Geography | Literal["any"]
    label: Text


class RoundTrip(Row):
    """How long a packet takes between two geographies and back, either way round.

    ``rtt_s`` is the median over pairs of regions, the ends are the nearest and the farthest pair.
    """

    table: ClassVar = "network"
    key: ClassVar = ("from_geography", "to_geography")

    from_geography: Geography
    to_geography: Geography
    rtt_low_s: Positive = Field(description="Seconds.")
    rtt_s: Positive = Field(description="Seconds.")
    rtt_high_s: Positive = Field(description="Seconds.")


class Price(Row):
    """What an instance costs per hour under one purchase option, on one date.

    Rows are appended, never overwritten: the latest `as_of` counts. A row with standing
    ``not_offered`` and no price records that the option does not exist; no row means unknown.
    """

    table: ClassVar = "prices"
    key: ClassVar = ("cloud", "region", "instance", "purchase", "as_of")

    cloud: Text
    region: Text
    instance: Text
    purchase: Purchase
    usd_per_hour: Positive | None = Field(None, description="USD per instance-hour.")
    standing: Standing
    interruptions_per_month: Share | None = Field(
        None, description="Spot: share of instances interrupted in a month (band midpoint)."
    )


class PurchaseOption(Row):
    """How a purchase option works: term, prepayment, interruption and how fast its price ages."""

    table: ClassVar = "purchase_options"
    key: ClassVar = ("purchase",)

    purchase: Purchase | Literal["savings_plan"]
    label: Text
    term_months: NonNegative
    prepaid: bool
    interruptible: bool
    discount_low: Share | None = None
    discount_high: Share | None = None
    stale_after_days: Positive
    sigma_per_90_days: Share = Field(description="Relative price drift per 90 days of age.")
