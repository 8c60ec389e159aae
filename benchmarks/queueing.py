"""Analytic latency and capacity against simulation: ``python benchmarks/queueing.py [TRACE.csv]``.

TRACE.csv holds one request a row, with its time in the column TIMESTAMP; by default the public
conversation trace where it lies in ``../shared/data/traces``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from simulation.cases import (
    Array,
    Case,
    batching_cases,
    chain_of,
    fleet_cases,
    largest_rate,
)
from simulation.multiserver import draw, waits
from simulation.passes import latencies

from advisor.performance.batching_load import capacity_rps
from advisor.performance.queueing import mean_wait_s, servers_for, wait_quantile_s
from advisor.performance.replicas import replicas
from advisor.performance.under_load import ROUTED_CA2

WINDOW = 50
"""Gaps over which the burstiness of a trace is taken."""
SWING = 500
"""Arrivals (a minute and a half of the public trace) over which slow swings are taken out."""
TRACE = Path(__file__).parents[2] / "shared/data/traces/azure_llm_2023_conv.csv"


def trace_gaps(path: Path) -> Array | None:
    """Gaps between arrivals in their order, of mean 1, without slow swings; None without a file."""
    if not path.exists():
        return None
    at = pd.to_datetime(pd.read_csv(path)["TIMESTAMP"]).to_numpy("datetime64[ns]").astype(float)
    gaps = np.diff(np.sort(at))
    # Swings over many minutes are the demand curve's, which planning takes hour by hour.
    pace = pd.Series(gaps).rolling(SWING, center=True, min_periods=1).mean().to_numpy()
    gaps = gaps / pace
    return np.asarray(gaps / gaps.mean())


def dispersion(gaps: Array) -> float:
    """Squared variation of arrivals over many gaps: bursts last longer than single gaps show."""
    sums = gaps[: len(gaps) // WINDOW * WINDOW].reshape(-1, WINDOW).sum(axis=1)
    return float(sums.var() / WINDOW)


def report(name: str, errors: Iterable[float], optimistic: float = -0.05) -> None:
    """Print one line about relative errors; those below `optimistic` promise too much."""
    e = np.array(list(errors))
    share, worst = (e < optimistic).mean(), -e.min()
    print(
        f"{name:46s} n {len(e):3d}  median {np.median(abs(e)):6.1%}  P90 "
        f"{np.quantile(abs(e), 0.9):6.1%}  max {abs(e).max():6.1%}  "
        f"most optimistic {worst:6.1%}  beyond 5 % {share:4.0%}"
    )


def multiserver(trace: Array | None) -> None:
    """Latency of G/G/c: error of the formula relative to what was simulated."""
    found: dict[str, list[float]] = {}
    rng = np.random.default_rng(7)
    laws: list[tuple[str, float, Array]] = [
        (f"ca2={ca2:g}", ca2, draw(rng, ca2, 120_000)) for ca2 in (1.0, 2.0, 4.0)
    ]
    if trace is not None:
        laws.append(("trace", dispersion(trace), np.tile(trace, 5)))
    for name, ca2, gaps in laws:
        for servers in (1, 4, 16, 64):
            for used in (0.5, 0.7, 0.85):
                for cs2 in (0.0, 1.0, 4.0):
                    wait = waits(gaps / (servers * used), draw(rng, cs2, len(gaps)), servers)
                    rate = servers * used
                    guess = mean_wait_s(rate, 1.0, servers, cs2, ca2)
                    key = f"G/G/c {name}"
                    error = (1 + guess) / (1 + wait.mean()) - 1
                    found.setdefault(f"{key} mean latency", []).append(float(error))
                    for percentile in (95, 99):
                        seen = np.quantile(wait, percentile / 100)
                        tail = wait_quantile_s(rate, 1.0, servers, percentile, cs2, ca2)
                        error = (1 + tail) / (1 + seen) - 1
                        found.setdefault(f"{key} P{percentile} latency", []).append(float(error))
    for name, errors in found.items():
        report(name, errors)
    sized = servers_for([1, 4, 16, 64, 256], 1.0, 0.5, 99.0)
    print("M/M/c servers, P99 wait <= half a service, load 1/4/16/64/256:", sized)


def batching(trace: Array | None) -> None:
    """P95 capacity of one replica that batches continuously: chain against simulation."""
    plans: list[tuple[str, float, float, Array | None]] = [
        ("lengths fixed", 0.0, 1.0, None),
        ("output cv2 0.6", 0.6, 1.0, None),
        ("fixed, ca2=2", 0.0, 2.0, None),
    ]
    if trace is not None:
        plans.append(("fixed, trace arrivals", 0.0, dispersion(trace), trace))
    for name, output_cv2, ca2, gaps in plans:
        errors: dict[bool, list[float]] = {False: [], True: []}
        for case in batching_cases():
            guess = float(
                capacity_rps(
                    chain_of(case), case.ttft_s, case.tpot_s, ca2=ca2, output_cv2=output_cv2
                )[0]
            )
            seen = largest_rate(case, guess, gaps=gaps, ca2=ca2, output_cv2=output_cv2)
            errors[case.prompt >= 10 * case.output].append(1.0 - guess / seen)
        for heavy, values in errors.items():
            report(f"replica P95, {name}, {'prefill-heavy' if heavy else 'balanced'}", values)


def one_pass() -> None:
    """Load that replicas of one-pass models carry: staffing law against simulation."""
    unit = draw(np.random.default_rng(3), 1.0, 12_000)
    for batch in (1, 4, 32):
        errors = []
        for fixed, sample in ((0.01, 0.0), (0.005, 0.001), (0.001, 0.005)):
            once = fixed + batch * sample
            latency = (2.0 if batch > 1 else 1.5) * once
            for count in (1, 4, 16):
                guess = carried(batch / once, batch, latency, count)
                low, high = 0.5 * guess, 2.0 * guess
                for _ in range(7):
                    rate = (low * high) ** 0.5
                    seen = latencies(unit / rate, fixed, sample, batch, count)
                    ok = np.quantile(seen, 0.95) <= latency
                    low, high = (rate, high) if ok else (low, rate)
                errors.append(1.0 - guess / low)
        report(f"1-16 replicas of one-pass models P95, batch {batch}", errors)


def carried(rps: float, concurrency: float, latency_s: float, count: int) -> float:
    """Largest rate for which the staffing law asks for `count` replicas at most."""
    rates = np.linspace(0.01, 1.0, 991) * count * rps
    return float(rates[replicas(rates, rps, concurrency, latency_s, 95.0) <= count].max())


def fleets() -> None:
    """Load that a fleet carries, between one replica alone and very many: against simulation."""
    errors: dict[bool, list[float]] = {False: [], True: []}
    for case, count in fleet_cases():
        targets = (chain_of(case), case.ttft_s, case.tpot_s)
        alone, pooled = (
            float(capacity_rps(*targets, ca2=ca2, output_cv2=0.6)[0]) for ca2 in (1.0, ROUTED_CA2)
        )
        guess = count * (pooled - (pooled - alone) / count**0.5)
        seen = largest_rate(
            case, guess, replicas=count, output_cv2=0.6, requests=max(8000, 2500 * count)
        )
        errors[case.prompt >= 10 * case.output].append(1.0 - guess / seen)
    for heavy, values in errors.items():
        kind = "prefill-heavy" if heavy else "balanced"
        report(f"2-16 replicas that batch continuously P95, {kind}", values)


def speed() -> None:
    """Print capacities found per second on one core."""
    cases: list[Case] = list(batching_cases())
    many = chain_of(*[cases[i % len(cases)] for i in range(5000)])
    ttft = np.resize([c.ttft_s for c in cases], 5000)
    tpot = np.resize([c.tpot_s for c in cases], 5000)
    started = time.perf_counter()
    capacity_rps(many, ttft, tpot)
    print(f"P95 capacities per second, one core: {5000 / (time.perf_counter() - started):,.0f}")


def main() -> None:
    """Print everything."""
    started = time.perf_counter()
    trace = trace_gaps(Path(sys.argv[1]) if len(sys.argv) > 1 else TRACE)
    if trace is None:
        print("no trace")
    else:
        print(
            f"trace: {len(trace)} gaps, ca2 {trace.var():.2f} one by one, "
            f"{dispersion(trace):.2f} over {WINDOW}"
        )
    multiserver(trace)
    batching(trace)
    one_pass()
    fleets()
    speed()
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
