"""Every way a training job can run: machine, how many, precision and purchase, with its cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.economics import checkpointing
from advisor.errors import PortfolioError
from advisor.performance import training
from advisor.performance.lookup import Lookup
from advisor.portfolio import HOURS_PER_MONTH, TrainingJob

from .choices import Array
from .setting import Setting

Flags = npt.NDArray[np.bool_]
PEAKS = {
    "bf16": "bf16_tflops",
    "fp16": "fp16_tflops",
    "tf32": "tf32_tflops",
    "fp32": "fp32_tflops",
}
"""Precisions a run can have, with the chip's peak for each."""
LARGE = 8.0
"""Chips of a machine from which several share a run: smaller ones lack the network for it."""
COUNTS = tuple(2.0**k for k in range(7))
"""How many machines are tried, beside as many as run today."""
RATE = {"spot": "spot_raw"}
"""Columns of the offers with the price, where it is not the purchase's own."""
UNKNOWN_INTERRUPTIONS = 0.25
"""Share of spot machines taken in a month where nobody says: the worst band of the sellers."""
MEMORY, TIME, BLOCK, QUOTA = "memory", "time", "block", "quota"


@dataclass(frozen=True, eq=False)
class Machines:
    """Offers with whole GPUs and what a run needs of them; arrays of shape (m,)."""

    offers: pd.DataFrame
    peaks: dict[str, Array]
    chips: Array
    memory: Array
    most: Array
    capped: Flags
    joined: Flags

    def only(self, rows: Flags) -> Machines:
        """Some of them."""
        return Machines(
            self.offers[rows],
            {name: peak[rows] for name, peak in self.peaks.items()},
            chips=self.chips[rows],
            memory=self.memory[rows],
            most=self.most[rows],
            capped=self.capped[rows],
            joined=self.joined[rows],
        )


@dataclass(frozen=True)
class Work:
    """What one run of a job is, wherever it runs."""

    network: training.Network
    sequence_tokens: float
    model_flop: float
    """Without repeated passes."""
    flop: float


def work(setting: Setting, job: TrainingJob) -> Work:
    """Arithmetic of one run.

    Raises
    ------
    PortfolioError
        When the model's size or shape is not known.
    """
    network = training.network(setting.catalog.lookup("models", job.model))
    if network is None:
        raise PortfolioError(
            f"training job '{job.name}': the size or shape of {job.model} is not known, so its "
            "arithmetic is not either",
            column="model",
            fix="add the model to a catalog folder of your own, with its layers and width",
        )
    sequence = float(job.sequence_tokens or setting.catalog.assumption("training_sequence_tokens"))
    seen = job.tokens_m * 1e6 * job.epochs
    model_flop = training.flop_per_token(network, job.method, sequence) * seen
    again = training.repeated_flop_per_token(network, sequence) * seen
    flop = model_flop + (again if job.gradient_checkpointing else 0.0)
    return Work(network, sequence, model_flop, flop)


def limit_hours(job: TrainingJob) -> float:
    """Hours within which a run must end: its deadline, or the start of the next run."""
    return job.deadline_hours or HOURS_PER_MONTH / job.runs_per_month


def runs(setting: Setting, job: TrainingJob) -> pd.DataFrame:
    """Every machine, precision and purchase on as few machines as will do, and as many as today.

    Returns
    -------
    DataFrame
        ``cloud``, ``region``, ``instance``, ``precision``, ``purchase``, ``machines``; ``hours`` of
        one run with all it loses, ``busy_hours`` without interruptions; ``mfu``,
        ``interval_hours`` between checkpoints (NaN where none is written) and ``overhead_share``;
        ``usd_month``; ``need_gib`` and ``has_gib`` of a chip; ``short`` of what a run is where it
        cannot be done, blank where it can; ``allowed`` by the organisation; ``as_deployed``: as
        many machines of the same kind as today.
    """
    if job not in setting.runs:
        setting.runs[job] = _table(setting, job)
    return setting.runs[job]


def _table(setting: Setting, job: TrainingJob) -> pd.DataFrame:
    todo, own = work(setting, job), _machines(setting)
    now = float(job.current.instances or 1)
    parts = []
    # A commitment is an option only where the job's machine is under one today.
    purchases = dict.fromkeys(("on_demand", "spot", "capacity_block", job.current.purchase))
    for precision in PEAKS:
        for purchase in purchases:
            priced = own.offers[RATE.get(purchase, purchase)].notna().to_numpy(bool)
            able = own.only(priced & (own.peaks[precision] > 0))
            same = able.only((able.offers["instance"] == job.current.instance).to_numpy(bool))
            today = _tried(setting, job, todo, same, precision, purchase, now)
            parts.append(today.assign(as_deployed=True))
            for found in _fewest(setting, job, todo, able, precision, purchase):
                parts.append(found.assign(as_deployed=False))
    return pd.concat([p for p in parts if len(p)], ignore_index=True)


def _machines(setting: Setting) -> Machines:
    """All offers with whole GPUs; owned ones are those that somebody has."""
    offers = setting.offers
    gpus = offers[(offers["chip_kind"] == "gpu") & (offers["accelerator_count"] >= 1)]
    place = ["cloud", "region", "instance"]
    allowed = setting.allowed[setting.allowed["cloud_kind"] != "owned"].set_index(place).index
    owned = gpus["cloud_kind"] == "owned"
    gpus = gpus.assign(
        allowed=gpus.set_index(place).index.isin(allowed),
        on_demand=gpus["on_demand"].where(~owned, gpus["commit"]),
        # A block is bought for the months to come: its price floats until then.
        capacity_block=gpus["capacity_block"] * (1.0 + _drift(setting)),
    ).reset_index(drop=True)
    most = np.full(len(gpus), np.inf)
    for q in setting.portfolio.organisation.quotas:
        here = (gpus["cloud"] == q.cloud) & (gpus["instance"] == q.instance)
        if q.region is not None:
            here &= gpus["region"] == q.region
        most[here.to_numpy()] = np.minimum(most[here.to_numpy()], float(q.instances))
    lookup = Lookup(setting.catalog, "accelerators", gpus["accelerator"])
    chips = gpus["accelerator_count"].to_numpy(float)
    return Machines(
        offers=gpus,
        peaks={name: lookup.numbers(column, 0.0) for name, column in PEAKS.items()},
        chips=chips,
        memory=lookup.numbers("memory_visible_gib", 0.0),
        most=most,
        capped=lookup.flags("power_capped"),
        joined=(chips > 1) & np.isin(lookup.values("link"), ("pcie", "none")),
    )


def _drift(setting: Setting) -> float:
    option = setting.catalog.lookup("purchase_options", "capacity_block")
    return float(option["sigma_per_90_days"])


def _fewest(
    setting: Setting, job: TrainingJob, todo: Work, own: Machines, precision: str, purchase: str
) -> Iterator[pd.DataFrame]:
    """Each offer with the fewest machines on which the run can be done, else the most tried."""
    for n in COUNTS:
        if not len(own.chips):
            return
        tried = _tried(setting, job, todo, own, precision, purchase, n)
        settled = (tried["short"] == "").to_numpy(bool) | (n == COUNTS[-1]) | (own.chips < LARGE)
        yield tried[settled]
        own = own.only(~settled)


def _tried(
    setting: Setting,
    job: TrainingJob,
    todo: Work,
    own: Machines,
    precision: str,
    purchase: str,
    machines: float,
) -> pd.DataFrame:
    """Each offer with so many machines."""
    assumption, offers = setting.catalog.assumption, own.offers
    share = training.share_of_peak(
        assumption, precision, capped=own.capped, joined=own.joined, method=job.method
    )
    scaling = assumption("training_scaling_share")
    kept = scaling ** np.log2(machines)
    count = np.full(len(offers), machines)
    busy = training.run_hours(
        todo.flop,
        chips=own.chips,
        peak_tflops=own.peaks[precision],
        share=share,
        machines=count,
        scaling=scaling,
        data_stall_share=job.data_stall_share,
    )
    need = training.memory_gib(
        todo.network,
        method=job.method,
        precision=precision,
        sequence_tokens=todo.sequence_tokens,
        batch=float(job.batch_per_chip),
        checkpointing=job.gradient_checkpointing,
        chips=own.chips * machines,
        assumption=assumption,
    )
    interval, lost = _lost(setting, job, todo, own, purchase, machines, busy)
    hours = busy * (1.0 + lost)
    paid = 24.0 * checkpointing.block_days(hours) if purchase == "capacity_block" else hours
    rate = offers[RATE.get(purchase, purchase)].to_numpy(float)
    short = np.select(
        [need > own.memory, hours > limit_hours(job), ~np.isfinite(paid), machines > own.most],
        [MEMORY, TIME, BLOCK, QUOTA],
        "",
    )
    finite = np.isfinite(paid)
    return offers[["cloud", "region", "instance", "allowed"]].assign(
        precision=precision,
        purchase=purchase,
        machines=count,
        hours=hours,
        busy_hours=busy,
        mfu=share * kept * (1.0 - job.data_stall_share) * todo.model_flop / todo.flop,
        interval_hours=interval,
        overhead_share=lost,
        usd_month=rate * np.where(finite, paid, hours) * machines * job.runs_per_month,
        need_gib=need,
        has_gib=own.memory,
        short=short.astype(object),
    )


def _lost(
    setting: Setting,
    job: TrainingJob,
    todo: Work,
    own: Machines,
    purchase: str,
    machines: float,
    busy: Array,
) -> tuple[Array, Array]:
    """Hours between checkpoints (NaN for none) and the share of time lost on spot machines."""
    nothing = np.full(len(busy), np.nan), np.zeros(len(busy))
    if purchase != "spot":
        return nothing
    assumption = setting.catalog.assumption
    held = training.checkpoint_gb(todo.network, job.method, assumption)
    # Each machine writes its part.
    write = np.full(len(busy), held / (assumption("checkpoint_write_gb_s") * machines) / 3600.0)
    taken = np.asarray(own.offers["interruptions"].astype(float), float)
    taken = np.where(np.isnan(taken), UNKNOWN_INTERRUPTIONS, taken)
    mtbf = checkpointing.mtbf_hours(taken, np.full(len(busy), machines))
    interval = checkpointing.interval_hours(write, mtbf)
    lost = checkpointing.overhead_share(
        interval,
        write_hours=write,
        mtbf=mtbf,
        restart_hours=np.full(len(busy), assumption("spot_restart_minutes") / 60.0),
        run_hours=busy,
    )
    return np.where(2.0 * interval < busy, interval, np.nan), np.asarray(lost)
