"""Today's deployment as a candidate: always feasible, since it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from advisor.catalog.records import record, records
from advisor.errors import PortfolioError
from advisor.portfolio import HOURS_PER_MONTH, Workload, requests_per_month

from . import hosted
from .choices import Candidate
from .fleet import machines, static, working_rates
from .levers import rate_unit
from .network import network_s
from .offers import weakest
from .setting import Setting
from .stacks import NODE, STACK, choice_today
from .variants import loaded, predictions, quality

Choice = dict[str, Any]


def candidate_today(setting: Setting, workload: Workload) -> Candidate:
    """Today's deployment with its machines and cost; worked out once.

    The number of machines is what the portfolio states, else what the model says the busiest
    hour needs; where even that cannot be said the portfolio has to state it.

    Raises
    ------
    PortfolioError
        When the machine has no price, or its number is neither stated nor computable.
    """
    if workload not in setting.today:
        setting.today[workload] = _candidate_today(setting, workload)
    return setting.today[workload]


def _candidate_today(setting: Setting, workload: Workload) -> Candidate:
    choice = choice_today(setting.catalog, workload)
    volume = requests_per_month(setting.rates(workload)) * rate_unit(workload)
    if choice["sourcing"] == "managed_api":
        usd, details = hosted.today_usd_month(setting, workload)
        usd, details = as_billed(workload, usd, details)
        return Candidate(
            workload.name,
            choice,
            np.zeros(168),
            usd,
            0.0,
            {},
            predictions_per_month=volume,
            details=details,
            around_usd_month=_around(setting, workload, choice, usd, 0.0, 0.0),
        )
    row = _offer_row(setting, workload)
    found = _prediction(setting, workload)
    count = np.full(168, float(workload.current.instances or 0))
    if not workload.current.instances:
        count = static(_modelled(setting, workload, found, row))[0]
        if count.max() <= 0:
            raise PortfolioError(
                f"workload '{workload.name}': the model cannot tell how many machines run today",
                column="current.instances",
                fix=f"state it ({found['reason']})",
            )
    owned = choice["sourcing"] == "owned"
    price = row["commit" if owned else workload.current.purchase]
    if pd.isna(price):
        raise PortfolioError(
            f"workload '{workload.name}': no {workload.current.purchase} price is known for "
            f"{row['instance']} in {row['region']}",
            column="current.purchase",
            fix="choose another purchase option or add the price as a catalog row",
        )
    details = {
        **details_of(found, row),
        "machine_usd_hour": float(price),
        "doubt": found["reason"] or _short_of(setting, workload, found, row, count),
        "evidence": weakest(found["evidence"], row["standing"], workload.demand.evidence),
    }
    usd = float(count.mean()) * float(price) * HOURS_PER_MONTH * _premium(setting, choice)
    usd, details = as_billed(workload, usd, details)
    weights = float(np.nan_to_num(details["weights_gib"]))
    return Candidate(
        workload.name,
        choice,
        count,
        usd,
        0.0,
        {},
        predictions_per_month=volume,
        details=details,
        around_usd_month=_around(setting, workload, choice, usd, float(count.mean()), weights),
    )


def _around(
    setting: Setting,
    workload: Workload,
    choice: Choice,
    usd: float,
    machines: float,
    weights_gib: float,
) -> float:
    """What stands around today's deployment, never more than a bill leaves for it."""
    total = setting.around(workload, choice["sourcing"]).total(machines, weights_gib)
    bill = workload.bill_usd_month
    return total if bill is None else min(total, max(bill - usd, 0.0))


def as_billed(workload: Workload, usd: float, details: Choice) -> tuple[float, Choice]:
    """Today's cost, never above what is billed.

    A bill below the modelled cost means better prices than the catalog's; counting the difference
    as a negative constant would hand it to every plan, also one that no longer buys there.
    """
    bill = workload.bill_usd_month
    if bill is None or bill >= usd:
        return usd, details
    share = 1.0 - bill / usd
    less = f"the bill is {share:.0%} below list: give the discount to compare like with like"
    return bill, {**details, "doubt": details["doubt"] or less}


def details_of(found: dict[str, Any] | pd.Series, row: dict[str, Any] | pd.Series) -> Choice:
    """Descriptive figures carried along with a choice."""
    return {
        "accelerator": row["accelerator"],
        "accelerator_count": float(row["accelerator_count"]),
        "chip_kind": row["chip_kind"],
        "rps": float(found["rps"]),
        "rps_low": float(found["rps_low"]),
        "alone_low": float(found["alone_low"]),
        "concurrency": float(found["concurrency"]),
        "latency_s": float(found["latency_s"]),
        "first_s": float(found["first_s"]),
        "token_s": float(found["token_s"]),
        "weights_gib": float(found["weights_gib"]),
        "spread": float(found["spread"]),
        "speed_evidence": found["evidence"],
        "bound": found["bound"],
        "quality": float(found["quality"]),
        "price_source": row["price_source"],
        "price_as_of": str(row["price_as_of"]),
        "price_standing": row["standing"],
    }


def _premium(setting: Setting, choice: Choice) -> float:
    premium = setting.catalog.lookup("sourcing", choice["sourcing"])["premium"]
    return 1.0 + float(premium or 0.0)


def _offer_row(setting: Setting, workload: Workload) -> dict[str, Any]:
    c, table = workload.current, setting.offers
    place = setting.offered.get((c.cloud, c.region, c.instance))
    if place is None:
        raise PortfolioError(
            f"workload '{workload.name}': no price is known for {c.instance} in {c.region}",
            column="current.instance",
            fix="add the price as a catalog row, or correct the instance or region",
        )
    return record(table.iloc[place])


def _prediction(setting: Setting, workload: Workload) -> dict[str, Any]:
    """What today's deployment can do; worked out for all workloads of the setting at once."""
    if workload not in setting.deployed:
        able = [workload]
        for other in setting.portfolio.workloads:
            c = other.current
            known = (c.cloud, c.region, c.instance) in setting.offered
            # What has been measured may be refused: that is for its own turn.
            if known and not other.measured and other != workload:
                able.append(other)
        setting.deployed.update(zip(able, _predicted(setting, able), strict=True))
    return setting.deployed[workload]


def _predicted(setting: Setting, workloads: list[Workload]) -> list[dict[str, Any]]:
    of, catalog = np.arange(len(workloads)), setting.catalog
    places = [
        setting.offered[w.current.cloud, w.current.region, w.current.instance] for w in workloads
    ]
    choices = pd.DataFrame([choice_today(catalog, w) for w in workloads])
    fields = [f for f in (*STACK, "tensor_parallel") if f != "params_factor"]
    offers = setting.offers.iloc[places].reset_index(drop=True)
    ways = [network_s(catalog, w, offers["geography"].iloc[[i]]) for i, w in enumerate(workloads)]
    nodes = offers.assign(network_s=np.concatenate(ways))[list(NODE)]
    table = pd.concat([choices[fields].assign(params_factor=1.0), nodes], axis=1)
    kept = [quality(catalog, w, table.iloc[[i]]) for i, w in enumerate(workloads)]
    found = predictions(catalog, workloads, of, table, np.concatenate(kept))
    return records(loaded(catalog, workloads, of, found))


def _modelled(
    setting: Setting, workload: Workload, found: dict[str, Any], row: dict[str, Any]
) -> np.ndarray:
    capacity = ("rps_low", "alone_low", "concurrency", "latency_s", "spread")
    one = {k: np.array([float(found[k])]) for k in capacity}
    if found["rps"] <= 0:
        return np.zeros((1, 168))
    per = max(1.0, row["devices"] // workload.current.tensor_parallel)
    return machines(
        workload,
        working_rates(workload, setting.rates(workload)),
        **one,
        per_machine=np.array([per]),
        spare=setting.portfolio.organisation.spare_instances,
        ca2=setting.catalog.assumption("burstiness_ca2"),
    )


def _short_of(
    setting: Setting,
    workload: Workload,
    found: dict[str, Any],
    row: dict[str, Any],
    count: np.ndarray,
) -> str:
    """A remark where the model would want more machines than run today."""
    if workload.deferrable_hours is not None:
        return ""
    need = _modelled(setting, workload, found, row).max()
    spare = setting.portfolio.organisation.spare_instances
    if need - spare <= count.max():
        return ""
    wanted, run = need - spare, count.max()
    return f"the model would want {wanted:.0f} machines at the busiest hour, {run:.0f} run"
