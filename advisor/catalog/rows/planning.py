"""The guide's figures, planning assumptions and demand profiles."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .base import Finite, Names, NonNegative, Positive, Row, Share, Text

Verdict = Literal["holds", "conditional", "wrong", "inconsistent", "outdated", "unverified"]


class Claim(Row):
    """A statement of the guide, with what is known about it before any portfolio is seen."""

    table: ClassVar = "claims"
    key: ClassVar = ("claim_id",)

    claim_id: Text
    claim: Text
    section: Text
    verdict: Verdict
    evidence: str | None = None
    right_figure: str | None = None
    steps: Names = Field(description="Playbook steps where it is judged.")


class BenchmarkBand(Row):
    """The guide's cost-per-prediction bands."""

    table: ClassVar = "benchmark_bands"
    key: ClassVar = ("band",)

    band: Text
    label: Text
    kind: Text
    params_b_low: NonNegative
    params_b_high: Positive
    task: Literal["classification", "embedding", "image", "generation", "image_generation"]
    hardware: Text
    unit: Literal["request", "1k_tokens", "image"]
    optimized_low_usd: Positive
    optimized_high_usd: Positive
    unoptimized_low_usd: Positive
    unoptimized_high_usd: Positive


class AnatomyShare(Row):
    """The guide's cost anatomy and TCO shares."""

    table: ClassVar = "anatomy"
    key: ClassVar = ("view", "category")

    view: Literal["spend", "tco"]
    category: Text
    label: Text
    share_low: Share | None = None
    share_high: Share | None = None
    growth: str | None = None
    drivers: str | None = None


class Assumption(Row):
    """A planning figure with its range: used where the portfolio does not say otherwise."""

    table: ClassVar = "assumptions"
    key: ClassVar = ("name",)

    name: Text
    label: Text
    unit: Text
    value: Finite
    low: Finite
    high: Finite


class DemandProfile(Row):
    """One hour of a week's demand shape (hour 0 is Monday 00:00 UTC), as counts."""

    table: ClassVar = "demand_profiles"
    key: ClassVar = ("profile", "hour")

    profile: Text
    hour: int = Field(ge=0, le=167)
    requests: NonNegative
