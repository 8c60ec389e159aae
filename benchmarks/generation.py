"""Time and memory of predicting candidates: the sample, and 1,000 made-up workloads.

``python benchmarks/generation.py`` (``--workloads N`` for another number). The made-up workloads
run on a reduced catalog, on which each has some 500 configurations once joined with places to rent.
With ``--distinct`` no two of them ask the same question, so that none is answered twice.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from advisor.catalog import Catalog
from advisor.optimize import forecasts
from advisor.optimize.forecasts import question
from advisor.optimize.generate import columns
from advisor.optimize.setting import Setting
from advisor.optimize.today import candidate_today
from advisor.performance.anchors import known
from advisor.portfolio import Portfolio, parse
from advisor.portfolio.load import load_portfolio, sample_path

MACHINES = ("g4dn.xlarge", "g5.xlarge", "g5.12xlarge", "p4de.24xlarge")
REGIONS = ("us-east-1",)
FRAMEWORKS = ("vllm", "torchserve", "onnxruntime")
LANGUAGE = (
    ("Llama-3.1-8B", "g5.12xlarge", 4),
    ("Mistral-7B", "g5.xlarge", 1),
    ("Qwen2.5-14B", "p4de.24xlarge", 2),
    ("Llama-3.1-70B", "p4de.24xlarge", 8),
)
ONE_PASS = (
    ("BERT-base", "encoder", "classification", "g4dn.xlarge"),
    ("RoBERTa-base", "encoder", "classification", "g5.xlarge"),
    ("ResNet-50", "cnn", "image", "g5.xlarge"),
)
STEPS = {"predictions": "prediction", "unbeaten": "thinning", "loaded": "under load"}


def reduced(catalog: Catalog) -> Catalog:
    """The catalog with a few machines, regions and frameworks of one cloud."""
    tables = dict(catalog.tables)
    for name, column, keep in (
        ("instances", "instance", MACHINES),
        ("prices", "instance", MACHINES),
        ("prices", "region", REGIONS),
        ("frameworks", "framework", FRAMEWORKS),
    ):
        table = tables[name]
        if "cloud" in table.columns:
            table = table[table["cloud"] == "aws"]
        tables[name] = table[table[column].isin(keep)].reset_index(drop=True)
    return Catalog(tables)


def made(catalog: Catalog, workloads: int, seed: int = 0, *, distinct: bool = False) -> Portfolio:
    """Workloads with models, tokens, targets and demand drawn from lists: half language models."""
    rng = np.random.default_rng(seed)

    def one(values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    def tokens(values: tuple[int, ...]) -> int:
        return int(rng.integers(values[0], values[-1])) if distinct else one(values)

    rows = []
    for i in range(workloads):
        demand = {"profile": one(("business-hours", "evening-peak", "flat")),
                  "mean_rps": float(10 ** rng.uniform(-1.0, 1.5))}  # fmt: skip
        row: dict[str, Any] = {"name": f"workload {i}", "demand": demand}
        where = {"cloud": "aws", "region": "us-east-1", "instances": 1}
        if rng.random() < 0.5:
            model, machine, split = one(LANGUAGE)
            row |= {
                "kind": "llm", "task": "generation", "model": model,
                "isl_tokens": tokens((200, 500, 1000, 1500, 2500, 4000)),
                "osl_tokens": tokens((50, 150, 300, 600)),
                "slo": {"ttft_s": one((0.5, 1.0, 2.0)), "tpot_s": one((0.05, 0.1))},
                "current": {**where, "instance": machine, "tensor_parallel": split,
                            "framework": "vllm", "weight_precision": one(("bf16", "fp16"))},
            }  # fmt: skip
        else:
            model, kind, task, machine = one(ONE_PASS)
            row |= {
                "kind": kind, "task": task, "model": model,
                "slo": {"latency_s": round(float(rng.uniform(0.05, 0.5)), 4)
                        if distinct else one((0.05, 0.1, 0.25, 0.5))},
                "current": {**where, "instance": machine, "weight_precision": "fp32",
                            "framework": one(("torchserve", "onnxruntime"))},
            }  # fmt: skip
            if kind == "encoder":
                row["isl_tokens"] = tokens((32, 64, 128, 256, 384))
        rows.append(row)
    organisation = {"clouds": ["aws"], "geographies": ["us"]}
    return parse({"organisation": organisation, "workloads": rows}, catalog)


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Seconds spent in each step of the pass."""
    spent = dict.fromkeys(STEPS, 0.0)
    before = {name: getattr(forecasts, name) for name in STEPS}

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*args)
            finally:
                spent[name] += time.perf_counter() - began

        return call

    for name, work in before.items():
        setattr(forecasts, name, timed(name, work))
    try:
        yield spent
    finally:
        for name, work in before.items():
            setattr(forecasts, name, work)


def report(title: str, setting: Setting, *, joined: bool) -> None:
    """Print what one portfolio takes."""
    workloads = setting.portfolio.workloads
    setting.allowed  # noqa: B018
    # What the anchors say is worked out once per catalog, not per portfolio.
    known(setting.catalog)
    began = time.perf_counter()
    with watched() as spent:
        rows = sum(len(setting.variants(w)) for w in workloads[:1])
    passed = time.perf_counter() - began
    todays = {w: candidate_today(setting, w) for w in workloads}
    useful = [len(setting.useful(w, todays[w].choice)) for w in workloads]
    found = time.perf_counter() - began
    questions = {question(w): w for w in workloads}
    kept = [len(setting.variants(w)) for w in questions.values()] if len(workloads) < 50 else []
    rows = sum(kept) or rows
    parts = ", ".join(f"{label} {spent[name]:.2f}" for name, label in STEPS.items())
    sys.stdout.write(
        f"{title}: {len(workloads):,} workloads, {len(questions):,} questions\n"
        f"  one pass {passed:.2f} s ({parts}); with today's deployments {found:.2f} s\n"
        f"  variants {rows:,}{'' if kept else ' of the first'}, "
        f"useful {np.mean(useful):.0f} a workload\n"
    )
    if joined:
        sizes = [len(columns(setting, w)) for w in workloads]
        sys.stdout.write(
            f"  joined with places {time.perf_counter() - began:.2f} s in all, "
            f"{np.mean(sizes):.0f} configurations a workload\n"
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(f"  peak memory {memory:.2f} GB\n")
    sys.stdout.flush()


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", type=int, default=1000)
    parser.add_argument("--distinct", action="store_true")
    asked = parser.parse_args()
    catalog = Catalog.load()
    small = reduced(catalog)
    portfolio = made(small, asked.workloads, distinct=asked.distinct)
    report("made up", Setting(portfolio, small), joined=True)
    sample = Setting(load_portfolio(sample_path(), catalog), catalog)
    report("sample", sample, joined=True)


if __name__ == "__main__":
    main()
