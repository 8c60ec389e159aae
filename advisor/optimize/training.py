"""Training jobs: priced one by one, since a run rents its machine only while it lasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from advisor.catalog.records import record
from advisor.errors import PortfolioError
from advisor.performance import training
from advisor.performance.lookup import Lookup
from advisor.portfolio import TrainingJob

from .levers import LeverSet
from .setting import Setting


@dataclass(frozen=True)
class TrainingPlan:
    """Where and how a job runs, and what it costs."""

    job: TrainingJob
    cloud: str
    region: str
    instance: str
    machines: int
    purchase: str
    precision: str
    hours_per_run: float
    usd_month: float
    today_usd_month: float
    one_off_usd: float


def plan_training(setting: Setting, job: TrainingJob, levers: LeverSet) -> TrainingPlan:
    """The cheapest way to run a job under its unlocked levers; today's at worst.

    `HARDWARE` frees the machine, `PRECISION` moves FP32 training to BF16, `PURCHASING` frees the
    region and spot (with checkpoints).

    Raises
    ------
    PortfolioError
        When today's machine has no price.
    """
    table = _runs(setting, job)
    current = job.current
    here = (table["cloud"] == current.cloud) & (table["region"] == current.region)
    same = here & (table["instance"] == current.instance)
    as_is = same & (table["precision"] == (current.weight_precision or "bf16"))
    as_is &= table["purchase"] == current.purchase
    if not as_is.any():
        raise PortfolioError(
            f"training job '{job.name}': no {current.purchase} price is known for "
            f"{current.instance} in {current.region}",
            column="current.instance",
            fix="add the price as a catalog row, or correct the instance or region",
        )
    allowed = table["allowed"] & table["fits"]
    if "HARDWARE" not in levers:
        allowed &= table["instance"] == current.instance
    if "PURCHASING" not in levers:
        allowed &= here & (table["purchase"] == current.purchase)
    if "PRECISION" not in levers:
        allowed &= table["precision"] == (current.weight_precision or "bf16")
    options = pd.concat([table[as_is], table[allowed]])
    moved = (
        (options["instance"] != current.instance)
        | (options["region"] != current.region)
        | (options["purchase"] != current.purchase)
    )
    one_off = moved * setting.catalog.assumption("rightsize_hours") * setting.usd_per_hour
    total = options["usd_month"] + one_off / setting.horizon_months
    best = int(total.to_numpy().argmin())
    row = record(options.iloc[best])
    return TrainingPlan(
        job=job,
        cloud=row["cloud"],
        region=row["region"],
        instance=row["instance"],
        machines=int(row["machines"]),
        purchase=row["purchase"],
        precision=row["precision"],
        hours_per_run=float(row["hours"]),
        usd_month=float(row["usd_month"]),
        today_usd_month=float(table[as_is]["usd_month"].iloc[0]),
        one_off_usd=float(one_off.iloc[best]),
    )


def _runs(setting: Setting, job: TrainingJob) -> pd.DataFrame:
    """Every machine x precision x purchase with the hours and cost of a month of runs."""
    offers = setting.offers
    allowed = setting.allowed.set_index(["cloud", "region", "instance"]).index
    is_allowed = offers.set_index(["cloud", "region", "instance"]).index.isin(allowed)
    gpus = offers[(offers["chip_kind"] == "gpu") & (offers["accelerator_count"] >= 1)]
    is_allowed = is_allowed[gpus.index]
    model = setting.catalog.lookup("models", job.model)
    params = float(model["params_b"])
    chips = Lookup(setting.catalog, "accelerators", gpus["accelerator"])
    count = gpus["accelerator_count"].to_numpy(float)
    need = training.memory_gib(params, job.method, job.gradient_checkpointing)
    has = chips.numbers("memory_visible_gib", 0.0) * count
    nodes = float(job.current.instances or 1)
    # The spot price already holds what interruptions cost; a commitment is an option only where
    # the job's machine is under one today.
    purchases = dict.fromkeys(("on_demand", "spot", job.current.purchase))
    parts = []
    for precision, column in (
        ("bf16", "bf16_tflops"),
        ("fp16", "fp16_tflops"),
        ("fp32", "fp32_tflops"),
    ):
        hours = training.run_hours(
            params_b=params,
            tokens_m=job.tokens_m,
            method=job.method,
            gradient_checkpointing=job.gradient_checkpointing,
            data_stall_share=job.data_stall_share,
            chips=count * nodes,
            peak_tflops=chips.numbers(column, 0.0),
            mfu=setting.catalog.assumption("mfu_training"),
        )
        able = chips.numbers(column, 0.0) > 0
        for purchase in purchases:
            usd = gpus[purchase].to_numpy(float) * hours * nodes * job.runs_per_month
            part = gpus[["cloud", "region", "instance"]].assign(
                precision=precision,
                purchase=purchase,
                machines=nodes,
                hours=hours,
                usd_month=usd,
                fits=(need <= has) & able,
                allowed=is_allowed,
            )
            parts.append(part[np.isfinite(usd) & able])
    return pd.concat(parts, ignore_index=True)
