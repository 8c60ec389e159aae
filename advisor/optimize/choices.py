"""One way to run one workload, priced except for what it shares with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from advisor.economics.purchase import Offer

Array = npt.NDArray[np.float64]

POOLED = "pooled"
"""Purchase value of a fleet that scales by the hour and shares its pool's commitments and spot."""

Pool = tuple[str, str, str, str, str]
"""(sourcing, cloud, region, instance, purchase)."""


@dataclass(frozen=True)
class Host:
    """A workload's part of machines that it shares with others.

    Attributes
    ----------
    framework : str
        The server that all who share run on.
    machines : int
        Machines of one host at all hours, spare ones included; everybody stands on each of them.
    load, memory : float
        Share of one machine's work (in the busiest hour, of what may be asked of it) and memory.
    """

    framework: str
    machines: int
    load: float
    memory: float

    @property
    def kind(self) -> tuple[str, int]:
        """Workloads share only where this and their pool are the same."""
        return self.framework, self.machines

    def busier(self, factor: float) -> Host:
        """The same with a multiple of its work."""
        return replace(self, load=self.load * factor)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A choice with its hourly machines and its own monthly cost.

    Attributes
    ----------
    workload : str
    choice : mapping
        Values of all lever fields plus descriptive ones (accelerator, latency, evidence ...).
    machines : array, shape (T,)
        Instances running in each step; zeros for a hosted model.
    run_rate_usd_month : float
        What it costs by itself each month: API bill, cache, fixed-purchase machines.
    one_off_usd : float
        Engineering and training to get there.
    hours : mapping
        Engineering hours by lever.
    offer : Offer, optional
        Prices of its pool where machines are bought jointly; None where it pays for itself.
    spot_share : float
        Most of its machines that may be spot.
    around_usd_month : float
        Storage, balancing and traffic around it.
    rest_usd_month : float
        Of its run rate, what the host of a second model is paid.
    waits : bool
        Whether its machines are a volume of each day and may run at any of its hours.
    host : Host, optional
        Its part of machines that others live on too; `machines` are then those of the whole host.
    """

    workload: str
    choice: Mapping[str, Any]
    machines: Array
    run_rate_usd_month: float
    one_off_usd: float
    hours: Mapping[str, float]
    offer: Offer | None = None
    spot_share: float = 0.0
    waits: bool = False
    rest_usd_month: float = 0.0
    around_usd_month: float = 0.0
    predictions_per_month: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)
    host: Host | None = None

    @cached_property
    def total_hours(self) -> float:
        """Engineering hours over all levers."""
        return float(sum(self.hours.values()))

    @cached_property
    def spot_limit(self) -> Array:
        """Whole machines that may be spot in each step, shape (T,)."""
        return np.floor(self.machines * self.spot_share + 1e-9)

    @cached_property
    def pool(self) -> Pool | None:
        """The pool it draws on, or None when it pays for itself."""
        if self.offer is None:
            return None
        c = self.choice
        return (c["sourcing"], c["cloud"], c["region"], c["instance"], c["purchase"])

    @cached_property
    def platforms(self) -> tuple[str, ...]:
        """What the organisation must run at all for this choice."""
        own = platforms_of(self.choice["sourcing"], self.choice["framework"])
        if not self.choice.get("escalate_host"):
            return own
        return (*own, *platforms_of("managed_api", None))

    @cached_property
    def by_request_usd_month(self) -> float:
        """Of its run rate, what hosts of models are paid by the request."""
        hosted = self.choice["sourcing"] == "managed_api"
        return self.run_rate_usd_month if hosted else self.rest_usd_month


def hosted_name(provider: str | None, api_model: str | None, tier: str) -> str:
    """What a choice calls a hosted model in one of its tiers."""
    return f"{provider}/{api_model}" + ("" if tier == "standard" else f" {tier}")


def platforms_of(sourcing: str, framework: str | None) -> tuple[str, ...]:
    """What the organisation must run at all: a way of sourcing, and a stack that it hosts."""
    out: tuple[str, ...] = (f"sourcing:{sourcing}",)
    if sourcing in ("self_hosted", "owned") and framework:
        out += (f"framework:{framework}",)
    return out
