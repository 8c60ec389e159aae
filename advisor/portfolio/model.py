"""What the user has: workloads, training jobs, and how the organisation plans.

These are plain typed records; names of models, instances and the like are checked against the
catalog by `advisor.portfolio.check`, which knows where in the user's file each value stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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

HOURS_PER_DAY = 24
HOURS_PER_WEEK = 168
HOURS_PER_MONTH = 730.0
MAX_RPS = 1e7
"""Above this a rate is a typing error: ten million requests a second."""

Rate = Annotated[float, Field(gt=0, le=MAX_RPS, allow_inf_nan=False)]
HourlyRate = Annotated[float, Field(ge=0, le=MAX_RPS, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
MeanTokens = Annotated[float, Field(gt=0, le=10_000_000, allow_inf_nan=False)]
InFlight = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
PartShare = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
"""A share of less than all: nothing is sold at 100 % off."""
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
    percentile: Annotated[float, Field(ge=50, le=99.9)] = Field(
        95.0, description="Share of requests, in percent, that must meet the targets."
    )


class Deployment(Record):
    """What runs today. Blanks are filled with the plainest choice and marked as assumed."""

    sourcing: Sourcing = Field("self_hosted", description="How predictions are bought.")
    cloud: str | None = Field(None, description="Provider of the machines, from the catalog.")
    region: str | None = Field(None, description="Where they stand; 'any' where it is not said.")
    instance: str | None = Field(None, description="Machine type, as the provider names it.")
    instances: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="Machines running today; modelled from peak demand when blank."
    )
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="Chips that share one copy of the model."
    )
    weight_precision: str | None = Field(None, description="Number format of the weights.")
    kv_precision: str = Field("kv-16", description="Number format of the KV cache.")
    framework: str | None = Field(None, description="Serving framework.")
    techniques: tuple[str, ...] = Field((), description="Serving techniques switched on.")
    cache: Literal["none", "exact_cache", "semantic_cache"] = Field(
        "none", description="Result cache in front of the model."
    )
    purchase: Literal["on_demand", "spot", "commit_1y", "commit_3y"] = Field(
        "on_demand", description="How the machines are paid for."
    )
    provider: str | None = Field(None, description="Of a managed API.")
    api_model: str | None = Field(None, description="The provider's own name for the model.")
    api_tier: Literal["standard", "batch"] = Field(
        "standard", description="Tier of a managed API; batch is answered within a day."
    )


class Measured(Record):
    """A benchmark of this workload's model by its own team; it corrects what is predicted."""

    requests_per_s: Rate = Field(description="Finished requests per second, all chips together.")
    accelerator: str = Field(description="Chip it ran on, from the catalog.")
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="Chips that shared one copy of the model; one copy was measured."
    )
    framework: str = Field(description="Serving framework it ran under.")
    weight_precision: str = Field(description="Number format of the weights it ran with.")
    kv_precision: str = Field("kv-16", description="Number format of the KV cache it ran with.")
    model: str | None = Field(
        None, description="Model it served, by name or alias; the workload's own if blank."
    )
    isl_tokens: MeanTokens | None = Field(
        None, description="Mean input tokens of the run; the workload's if blank."
    )
    osl_tokens: MeanTokens | None = Field(
        None, description="Mean output tokens of the run; the workload's if blank."
    )
    ttft_s: Seconds | None = Field(None, description="Mean time to first token, s.")
    tpot_s: Seconds | None = Field(None, description="Mean time per token after the first, s.")
    concurrency: InFlight | None = Field(
        None,
        description="Requests in flight; from the times if blank, as many as fit without those.",
    )
    source: str | None = Field(None, description="Tool and file it was read from.")
    as_of: date | None = Field(None, description="Day of the run.")


class Workload(Record):
    """One model behind one product feature."""

    name: Name = Field(description="Unique in the portfolio.")
    kind: Kind = Field(description="What the model is, as in the catalog.")
    task: Task = Field(description="What it is used for.")
    model: str = Field(description="Model of the catalog, by name or alias.")
    demand: Demand = Field(description="Requests over a week.")
    current: Deployment = Field(description="What runs today.")
    measured: tuple[Measured, ...] = Field((), description="The team's own benchmarks of it.")
    isl_tokens: Tokens | None = Field(None, description="Mean input tokens (generation, text).")
    osl_tokens: Tokens | None = Field(None, description="Mean output tokens (generation).")
    slo: Slo = Field(Slo(), description="Latency targets; none if blank.")
    unit: Unit = Field("request", description="What one prediction is, when its cost is told.")
    quality_floor: Share = Field(
        0.97, description="Least acceptable quality, as a share of what is served today."
    )
    residency: tuple[str, ...] = Field((), description="Geographies it must stay in; any if blank.")
    private: bool = Field(
        False, description="Requests may not go to a host: no managed API is proposed."
    )
    own_weights: bool = Field(
        False, description="Weights trained by the team: no host serves them, substitutes may be."
    )
    users: tuple[str, ...] = Field(
        (), description="Geographies its users are in; no time for the network if blank."
    )
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
    min_instances: Annotated[int, Field(ge=0, le=10_000)] = Field(
        1, description="Machines kept at any hour, whatever the demand."
    )
    bill_usd_month: Usd | None = Field(None, description="Billed today, USD a month.")
    feature: str | None = Field(None, description="Product feature, to group costs by.")
    team: str | None = Field(None, description="Team, to group costs by.")
    customer: str | None = Field(None, description="Customer, to group costs by.")

    @property
    def waits_a_day(self) -> bool:
        """Whether the work may wait for any hour of its day."""
        return self.deferrable_hours is not None and self.deferrable_hours >= HOURS_PER_DAY

    @field_validator("measured", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        """A row of a spreadsheet has room for one benchmark, without a list around it."""
        return (value,) if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _shape(self) -> Workload:
        if self.kind == "llm" and (self.isl_tokens is None or self.osl_tokens is None):
            raise ValueError("a language model needs isl_tokens and osl_tokens")
        if self.unit == "1k_tokens" and not (self.isl_tokens or self.osl_tokens):
            raise ValueError("counting in 1k_tokens needs isl_tokens or osl_tokens")
        return self


class TrainingJob(Record):
    """A fine-tune or training run that repeats."""

    name: Name = Field(description="Unique in the portfolio.")
    model: str = Field(description="Model of the catalog, by name or alias.")
    tokens_m: Annotated[float, Field(gt=0, le=1e9)] = Field(
        description="Million tokens per run; million samples where a model has no tokens."
    )
    epochs: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.0, description="Times a run goes through them."
    )
    runs_per_month: Annotated[float, Field(gt=0, le=10_000)] = Field(
        description="Runs in a month of 730 hours; 4.345 when weekly."
    )
    method: Literal["full", "lora", "qlora"] = Field(
        "lora", description="All weights, adapters beside them, or adapters beside 4-bit weights."
    )
    sequence_tokens: Tokens | None = Field(
        None, description="Tokens of a training sequence; the catalog's assumption if blank."
    )
    batch_per_chip: Annotated[int, Field(ge=1, le=100_000)] = Field(
        1, description="Sequences (samples) that a chip takes at once."
    )
    gradient_checkpointing: bool = Field(
        True, description="Activations worked out again instead of kept."
    )
    data_stall_share: PartShare = Field(0.0, description="Share of time waiting for data.")
    deadline_hours: Annotated[float, Field(gt=0, le=87_600)] | None = Field(
        None, description="Hours in which a run must end; until the next begins if blank."
    )
    current: Deployment = Field(description="What it runs on today.")
    bill_usd_month: Usd | None = Field(None, description="Billed today, USD a month.")
    team: str | None = Field(None, description="Team, to group costs by.")


class Commitment(Record):
    """Machines the organisation has committed to; they are paid whether used or not."""

    cloud: str = Field(description="Provider of the machines.")
    region: str = Field(description="Where they stand.")
    instance: str = Field(description="Machine type, as the provider names it.")
    instances: Annotated[int, Field(ge=1, le=100_000)] = Field(description="How many.")
    ends_in_months: Annotated[float, Field(gt=0, le=120)] = Field(
        description="Months from now until they end."
    )
    usd_month: Usd | None = Field(
        None, description="Paid for all of them, USD a month; at the catalog's rate if blank."
    )


class Quota(Record):
    """What a provider will let the organisation have of one machine type."""

    cloud: str = Field(description="Provider of the machines.")
    region: str | None = Field(None, description="Where; in each region if blank.")
    instance: str = Field(description="Machine type, as the provider names it.")
    instances: Annotated[int, Field(ge=0, le=100_000)] = Field(
        description="Most that can run at once there, committed ones included."
    )


class Organisation(Record):
    """How this company plans and pays. Blanks take the catalog's assumptions."""

    name: str = Field("My organisation", description="Shown in reports.")
    clouds: tuple[str, ...] = Field(("aws",), description="Providers it may buy from.")
    api_providers: tuple[str, ...] = Field(
        (), description="Hosts of managed APIs it may buy from; any in the catalog if blank."
    )
    geographies: tuple[str, ...] = Field(("us",), description="Where it may run.")
    owned_geography: str | None = Field(
        None, description="Where hardware of its own stands; where it suits best if blank."
    )
    horizon_months: Annotated[int, Field(ge=1, le=60)] = Field(
        12, description="Months the plan is made for."
    )
    engineer_usd_year: Annotated[float, Field(gt=0, le=5e6)] | None = Field(
        None, description="Loaded yearly cost of an engineer, USD."
    )
    engineering_hours: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        None, description="Hours that may be spent on the plan; unlimited when blank."
    )
    discounts: dict[str, PartShare] = Field(
        default_factory=dict, description="Negotiated share off list, by provider."
    )
    spare_instances: Annotated[int, Field(ge=0, le=100)] = Field(
        1, description="Machines beyond the peak's need, so that one may fail."
    )
    spot_share: Share = Field(0.5, description="Most of an interactive fleet that may be spot.")
    demand_growth_year: Annotated[float, Field(ge=-0.9, le=10)] | None = Field(
        None, description="Growth of all demand over a year, as a share; none when blank."
    )
    commitments: tuple[Commitment, ...] = Field(
        (), description="Machines already committed to: paid in any case, and used first."
    )
    quotas: tuple[Quota, ...] = Field((), description="Most machines of a type that can be had.")
    commitment_reuse: Share | None = Field(
        None, description="Chance that a term beyond the horizon is still used."
    )
    data_usd_month: Usd | None = Field(None, description="Data pipelines and storage today.")
    platform_usd_month: Usd | None = Field(None, description="MLOps tooling today.")
    team_fte: Annotated[float, Field(ge=0, le=10_000)] | None = Field(
        None, description="Engineers who run production ML today."
    )

    @field_validator("commitments", "quotas", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        """A spreadsheet has room for one of each, without a list around it."""
        return (value,) if isinstance(value, Mapping) else value


class Portfolio(Record):
    """Everything one plan is made for."""

    name: Name = Field("Portfolio", description="Shown as the title of the plan.")
    description: str = Field("", description="Shown below it.")
    organisation: Organisation = Field(Organisation(), description="How the company plans.")
    workloads: tuple[Workload, ...] = Field(min_length=1, description="What is served.")
    training: tuple[TrainingJob, ...] = Field((), description="What is trained, again and again.")

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
