"""Training jobs: priced one by one, since a run rents its machines only while it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog.records import record, records
from advisor.economics.checkpointing import BLOCK_DAYS
from advisor.errors import PortfolioError
from advisor.format import count, duration, money, percent
from advisor.performance import training
from advisor.portfolio import TrainingJob

from .levers import LeverSet
from .runs import BLOCK, MEMORY, PEAKS, TIME, Work, limit_hours, runs, work
from .setting import Setting

NEAREST = 5
"""Most rejected machines that are kept with their reason."""


@dataclass(frozen=True)
class TrainingPlan:
    """Where and how a job runs, and what it costs.

    Attributes
    ----------
    hours_per_run : float
        Of one run, with waiting for data and what interruptions take.
    usd_month, one_off_usd : float
        All runs of a month; the engineering to get there.
    today_usd_month : float
        The same runs as they are done today.
    engineering_hours : float
        Of the one-off.
    flop_per_run : float
        Arithmetic of one run, passes repeated for gradient checkpointing included.
    mfu : float
        Arithmetic of the model alone over what the chips could have done, waiting included.
    stall_hours, stall_usd_month : float
        Of one run, and of a month's: chips that wait for data.
    checkpoint_interval_hours : float or None
        Between the checkpoints of a spot run; None where none is needed.
    overhead_share : float
        Time lost to checkpoints and interruptions, as a share of the rest.
    doubt : str
        Why the model thinks that what runs today should not do; blank otherwise.
    rejected : tuple of (str, str)
        Options with the reason why not.
    """

    job: TrainingJob
    cloud: str
    region: str
    instance: str
    machines: int
    purchase: str
    precision: str
    hours_per_run: float
    usd_month: float
    one_off_usd: float
    today_usd_month: float
    engineering_hours: float
    flop_per_run: float
    mfu: float
    stall_hours: float
    stall_usd_month: float
    checkpoint_interval_hours: float | None
    overhead_share: float
    doubt: str
    rejected: tuple[tuple[str, str], ...]


def plan_training(setting: Setting, job: TrainingJob, levers: LeverSet) -> TrainingPlan:
    """The cheapest way to run a job under its unlocked levers; today's at worst.

    `HARDWARE` frees the machine and how many, `PRECISION` the precision of the arithmetic,
    `PURCHASING` the region, spot with checkpoints, and capacity blocks of whole days.

    Raises
    ------
    PortfolioError
        When today's machine has no price or cannot run in today's precision, or when the model's
        size is not known.
    """
    table = runs(setting, job)
    todo, current = work(setting, job), job.current
    precision = _precision(setting, job)
    here = (table["cloud"] == current.cloud) & (table["region"] == current.region)
    as_is = here & table["as_deployed"] & (table["precision"] == precision)
    as_is &= table["purchase"] == current.purchase
    if not as_is.any():
        raise PortfolioError(
            f"training job '{job.name}': no {current.purchase} price is known for "
            f"{current.instance} in {current.region}, or it does not train in {precision}",
            column="current.instance",
            fix="add the price as a catalog row, or correct the instance, region or precision",
        )
    scope = table["allowed"].to_numpy(bool)
    if "HARDWARE" not in levers:
        scope = scope & table["as_deployed"].to_numpy(bool)
    if "PURCHASING" not in levers:
        scope = scope & (here & (table["purchase"] == current.purchase)).to_numpy()
    if "PRECISION" not in levers:
        scope = scope & (table["precision"] == precision).to_numpy()
    able = scope & (table["short"] == "").to_numpy()
    # Today's comes first: an option that costs as much is no reason to move.
    options = pd.concat([table[as_is], table[able]], ignore_index=True)
    hours = _engineering_hours(setting, job, precision, options)
    total = options["usd_month"] + hours * setting.usd_per_hour / setting.horizon_months
    best = int(total.to_numpy().argmin())
    row = record(options.iloc[best])
    interval = row["interval_hours"]
    stall_hours = row["busy_hours"] * job.data_stall_share
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
        one_off_usd=float(hours[best]) * setting.usd_per_hour,
        today_usd_month=float(options["usd_month"].iloc[0]),
        engineering_hours=float(hours[best]),
        flop_per_run=todo.flop,
        mfu=float(row["mfu"]),
        stall_hours=float(stall_hours),
        stall_usd_month=float(row["usd_month"] * stall_hours / row["hours"]),
        checkpoint_interval_hours=None if pd.isna(interval) else float(interval),
        overhead_share=float(row["overhead_share"]),
        doubt=_doubt(setting, job, todo, options, best),
        rejected=(
            *_other_purchases(options.assign(total=total), best),
            *_unable(setting, job, todo, table[scope & (table["instance"] != row["instance"])]),
        ),
    )


def _precision(setting: Setting, job: TrainingJob) -> str:
    """What today's runs calculate in: as stated, else the 16 bits that the chip has.

    Raises
    ------
    PortfolioError
        For a number format that is for serving alone.
    """
    stated = job.current.weight_precision
    if stated is None:
        machine = setting.catalog.lookup("instances", job.current.cloud, job.current.instance)
        chip = setting.catalog.lookup("accelerators", machine["accelerator"])
        return "bf16" if chip["bf16_tflops"] else "fp16"
    if stated not in PEAKS:
        raise PortfolioError(
            f"training job '{job.name}' is not costed in this precision",
            column="current.weight_precision",
            value=stated,
            allowed=", ".join(PEAKS),
            fix="give the precision of the arithmetic; weights in 4 bits are method 'qlora'",
        )
    return stated


def _engineering_hours(
    setting: Setting, job: TrainingJob, precision: str, options: pd.DataFrame
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Engineering hours of each option, shape (n,); how many machines run takes none."""
    current, assumption = job.current, setting.catalog.assumption
    work_of = {
        p: float(setting.catalog.lookup("precisions", p)["engineering_hours"])
        for p in options["precision"].unique()
    }
    elsewhere = (options["cloud"] != current.cloud) | (options["region"] != current.region)
    hours = (
        (options["instance"] != current.instance) * assumption("rightsize_hours")
        + (options["precision"] != precision) * options["precision"].map(work_of)
        + elsewhere * assumption("region_move_hours")
        + (options["purchase"] != current.purchase) * assumption("purchasing_hours")
    )
    return hours.to_numpy(float)


def _label(row: dict[str, Any]) -> str:
    machines = f"{row['machines']:.0f} × {row['instance']}"
    purchase = str(row["purchase"]).replace("_", " ")
    return f"{machines}, {str(row['precision']).upper()}, {purchase}, {row['region']}"


def _doubt(setting: Setting, job: TrainingJob, todo: Work, options: pd.DataFrame, best: int) -> str:
    """Why the chosen option should not do, and what would; blank where it does."""
    row = record(options.iloc[best])
    if not row["short"]:
        return ""
    text = _why(setting, job, todo, row)
    able = options[options["short"] == ""]
    if able.empty:
        return text
    other = record(able.sort_values("usd_month", kind="stable").iloc[0])
    dearer = money(other["usd_month"] - row["usd_month"])
    return f"{text}; {_label(other)} would do for {dearer} a month more"


def _other_purchases(options: pd.DataFrame, best: int) -> list[tuple[str, str]]:
    """Other ways to buy the chosen machines, with what they cost more."""
    chosen = options.iloc[best]
    keys = ["cloud", "region", "instance", "precision"]
    alike = options[(options[keys] == chosen[keys]).all(axis=1)]
    alike = alike[alike["purchase"] != chosen["purchase"]].sort_values("total", kind="stable")
    lines = []
    for row in records(alike.drop_duplicates("purchase")):
        reason = f"{money(row['total'] - chosen['total'])} a month more"
        if row["purchase"] == "spot":
            reason += f"; checkpoints and interruptions add {percent(row['overhead_share'])}"
        if row["purchase"] == "capacity_block":
            reason += "; whole days are paid in advance"
        lines.append((_label(row), reason))
    return lines


def _unable(
    setting: Setting, job: TrainingJob, todo: Work, scope: pd.DataFrame
) -> list[tuple[str, str]]:
    """Other kinds of machine that cannot do the run however bought, the cheapest first."""
    free = set(scope.loc[scope["short"] == "", "instance"])
    short = scope[~scope["instance"].isin(free)].sort_values("usd_month", kind="stable")
    rows = records(short.drop_duplicates("instance").head(NEAREST))
    return [(_label(row), _why(setting, job, todo, row)) for row in rows]


def _why(setting: Setting, job: TrainingJob, todo: Work, row: dict[str, Any]) -> str:
    """Why a run cannot be done this way."""
    if row["short"] == MEMORY:
        text = f"needs {row['need_gib']:.0f} GiB a chip, {row['has_gib']:.0f} GiB are there"
        if job.gradient_checkpointing:
            return text
        kept, left = (
            training.activations_gib(
                todo.network,
                sequence_tokens=todo.sequence_tokens,
                batch=float(job.batch_per_chip),
                precision=row["precision"],
                checkpointing=checkpointing,
                assumption=setting.catalog.assumption,
            )
            for checkpointing in (False, True)
        )
        return f"{text}; {row['need_gib'] - kept + left:.0f} with gradient checkpointing"
    if row["short"] == TIME:
        took, allowed = (duration(h * 3600.0) for h in (row["hours"], limit_hours(job)))
        return f"takes {took}, {allowed} are allowed"
    if row["short"] == BLOCK:
        return f"takes longer than the {BLOCK_DAYS[1]:.0f} days of a capacity block"
    return f"needs {count(row['machines'])} machines, more than the quota"
