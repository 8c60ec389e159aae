"""What the user has: workloads, training jobs, and how the organisation plans.

These are plain typed records; names of models, instances and the like are checked against the
catalog by `advisor.portfolio.check`, which knows where in the user's file each value stood.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["llm", "encoder", "cnn", "diffusion", "tabular"]
Task = Literal["classification", "embedding", "image", "generation", "image_generation", "scoring"]
Unit = Literal["request", "image", "1k_tokens"]
Sourcing = Literal["self_hosted", "managed_api", "managed_inference", "owned"]
Lever = Literal[
    "HARDWARE", "PRECISION", "SERVING", "CACHING", "PURCHASING", "DISTILLATION", "SOURCING"
]
LEVERS: tuple[Lever, ...] = (
    "HARDWARE",
    "PRECISION",
    "SERVING",
    "CACHING",
    "PURCHASING",
    "DISTILLATION",
    "SOURCING",
)
"""In playbook order."""

HOURS_PER_WEEK = 168
HOURS_PER_MONTH = 730.0
MAX_RPS = 1e7
"""Above this a rate is a typing error: ten million requests a second."""

Rate = Annotated[float, Field(gt=0, le=MAX_RPS, allow_inf_nan=False)]
HourlyRate = Annotated[float, Field(ge=0, le=MAX_RPS, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Usd = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=120)]


class Record(BaseModel):
    """Base of all portfolio records: unknown fields are errors, blanks are unset."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Demand(Record):
    """Requests over a week.

    Give a mean or a peak rate with the `profile` that shapes it, or all 168 `hourly` rates
    (requests per second, hour 0 is Monday 00:00 UTC).
    """

    profile: str = Field("flat", description="Row set of the demand_profiles catalog.")
    mean_rps: Rate | None = Field(None, description="Mean requests per second over the week.")
    peak_rps: Rate | None = Field(None, description="Mean of the busiest hour, requests/s.")
    hourly_rps: tuple[HourlyRate, ...] | None = Field(
        None, description="168 hourly rates; replaces profile and mean."
    )
    evidence: Literal["measured", "stated"] = Field(
        "stated", description="Measured from logs, or stated by the planner."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Demand:
        given = [self.mean_rps, self.peak_rps, self.hourly_rps]
        if sum(v is not None for v in given) != 1:
            raise ValueError("give exactly one of mean_rps, peak_rps and hourly_rps")
        if self.hourly_rps is not None:
            if len(self.hourly_rps) != HOURS_PER_WEEK:
                raise ValueError(f"hourly_rps needs 168 values, has {len(self.hourly_rps)}")
            if max(self.hourly_rps) <= 0:
                raise ValueError("hourly_rps is zero in every hour: leave the workload out instead")
        return self


class Slo(Record):
    """Latency targets at a percentile. Generation has TTFT and TPOT, the rest one latency."""

    ttft_s: Seconds | None = Field(None, description="Time to first token, s.")
    tpot_s: Seconds | None = Field(None, description="Time per output token after the first, s.")
    latency_s: Seconds | None = Field(None, description="Whole answer, s.")
    percentile: Annotated[float, Field(ge=50, le=99.9)] = 95.0


class Deployment(Record):
    """What runs today. Blanks are filled with the plainest choice and marked as assumed."""

    sourcing: Sourcing = "self_hosted"
    cloud: str | None = None
    region: str | None = None
    instance: str | None = None
    instances: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="Machines running today; modelled from peak demand when blank."
    )
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] = 1
    weight_precision: str | None = None
    kv_precision: str = "kv-16"
    framework: str | None = None
    techniques: tuple[str, ...] = ()
    cache: Literal["none", "exact_cache", "semantic_cache"] = "none"
    purchase: Literal["on_demand", "spot", "commit_1y", "commit_3y"] = "on_demand"
    provider: str | None = Field(None, description="Of a managed API.")
    api_model: str | None = None


class Workload(Record):
    """One model behind one product feature."""

    name: Name
    kind: Kind
    task: Task
    model: str
    demand: Demand
    current: Deployment
    isl_tokens: Tokens | None = Field(None, description="Mean input tokens (generation, text).")
    osl_tokens: Tokens | None = Field(None, description="Mean output tokens (generation).")
    slo: Slo = Slo()
    unit: Unit = "request"
    quality_floor: Share = Field(
        0.97, description="Least acceptable quality, as a share of what is served today."
    )
    residency: tuple[str, ...] = Field((), description="Geographies it must stay in; any if blank.")
    substitutes: tuple[str, ...] = Field(
        (), description="Other models the team accepts for this task, without distillation."
    )
    deferrable_hours: Annotated[float, Field(gt=0, le=HOURS_PER_WEEK)] | None = Field(
        None, description="Work may wait this long: a volume with a deadline, no latency target."
    )
    prefix_share: Share | None = Field(None, description="Input tokens shared with earlier ones.")
    repeat_share: Share | None = Field(None, description="Requests repeated exactly.")
    similar_share: Share | None = Field(None, description="Requests near enough to share answers.")
    false_hit_usd: Usd | None = Field(None, description="Cost of one wrongly shared answer.")
    min_instances: Annotated[int, Field(ge=0, le=10_000)] = 1
    bill_usd_month: Usd | None = Field(None, description="Billed today, USD a month.")
    feature: str | None = None
    team: str | None = None
    customer: str | None = None

    @model_validator(mode="after")
    def _shape(self) -> Workload:
        if self.kind == "llm" and (self.isl_tokens is None or self.osl_tokens is None):
            raise ValueError("a language model needs isl_tokens and osl_tokens")
        return self


class TrainingJob(Record):
    """A fine-tune or training run that repeats."""

    name: Name
    model: str
    tokens_m: Annotated[float, Field(gt=0, le=1e9)] = Field(description="Million tokens per run.")
    runs_per_month: Annotated[float, Field(gt=0, le=10_000)]
    method: Literal["full", "lora"] = "lora"
    gradient_checkpointing: bool = True
    data_stall_share: Share = Field(0.0, description="Share of time waiting for data.")
    current: Deployment
    bill_usd_month: Usd | None = None
    team: str | None = None


class Organisation(Record):
    """How this company plans and pays. Blanks take the catalog's assumptions."""

    name: str = "My organisation"
    clouds: tuple[str, ...] = Field(("aws",), description="Providers it may buy from.")
    geographies: tuple[str, ...] = Field(("us",), description="Where it may run.")
    horizon_months: Annotated[int, Field(ge=1, le=60)] = 12
    engineer_usd_year: Annotated[float, Field(gt=0, le=5e6)] | None = None
    engineering_hours: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        None, description="Hours that may be spent on the plan; unlimited when blank."
    )
    discounts: dict[str, Share] = Field(
        default_factory=dict, description="Negotiated share off list, by provider."
    )
    spare_instances: Annotated[int, Field(ge=0, le=100)] = 1
    spot_share: Share = Field(0.5, description="Most of an interactive fleet that may be spot.")
    commitment_reuse: Share | None = Field(
        None, description="Chance that a term beyond the horizon is still used."
    )
    data_usd_month: Usd | None = Field(None, description="Data pipelines and storage today.")
    platform_usd_month: Usd | None = Field(None, description="MLOps tooling today.")
    team_fte: Annotated[float, Field(ge=0, le=10_000)] | None = Field(
        None, description="Engineers who run production ML today."
    )


class Portfolio(Record):
    """Everything one plan is made for."""

    name: Name = "Portfolio"
    description: str = ""
    organisation: Organisation = Organisation()
    workloads: tuple[Workload, ...] = Field(min_length=1)
    training: tuple[TrainingJob, ...] = ()

    @model_validator(mode="after")
    def _names(self) -> Portfolio:
        names = [w.name for w in self.workloads] + [j.name for j in self.training]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise ValueError(f"two entries are named {sorted(twice)[0]!r}: names must be unique")
        return self

    def workload(self, name: str) -> Workload:
        """The workload of that name."""
        return next(w for w in self.workloads if w.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `advisor.portfolio.parse` reads back."""
        return self.model_dump(mode="json", exclude_defaults=True)
