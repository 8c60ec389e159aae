"""A made-up catalog, small enough to know by heart."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]

TABLES: dict[str, Rows] = {
    "accelerators": [
        {
            "accelerator": "G1",
            "vendor": "acme",
            "kind": "gpu",
            "family": "g",
            "memory_label_gb": 24,
            "memory_visible_gib": 22,
            "memory_bandwidth_gb_s": 300,
            "bf16_tflops": 120,
            "fp4_tflops": 0,
            "link": "pcie",
            "confidence": "read",
        },
        {
            "accelerator": "X1",
            "vendor": "initech",
            "kind": "cpu",
            "family": "x",
            "memory_bandwidth_gb_s": 100,
            "link": "none",
            "vcpus": 8,
            "confidence": "read",
        },
    ],
    "clouds": [
        {"cloud": "aws", "label": "AWS", "kind": "hyperscaler"},
        {"cloud": "south", "label": "South", "kind": "neocloud"},
        {"cloud": "cellar", "label": "Cellar", "kind": "owned"},
    ],
    "network": [
        {
            "from_geography": "us",
            "to_geography": "us",
            "rtt_low_s": 0.01,
            "rtt_s": 0.04,
            "rtt_high_s": 0.08,
        },
    ],
    "regions": [
        {"cloud": "aws", "region": "n-east", "geography": "us", "label": "East"},
        {"cloud": "aws", "region": "n-west", "geography": "eu", "label": "West"},
        {"cloud": "south", "region": "any", "geography": "any", "label": "Anywhere"},
        {"cloud": "cellar", "region": "any", "geography": "any", "label": "Below the stairs"},
    ],
    "instances": [
        {"cloud": "aws", "instance": "g.large", "accelerator": "G1", "accelerator_count": 4},
        {"cloud": "aws", "instance": "x.small", "accelerator": "X1", "accelerator_count": 0.5},
        {"cloud": "south", "instance": "gpu-8", "accelerator": "G1", "accelerator_count": 8},
        {"cloud": "cellar", "instance": "own-8", "accelerator": "G1", "accelerator_count": 8},
    ],
    "prices": [
        {
            "cloud": cloud,
            "region": region,
            "instance": instance,
            "purchase": purchase,
            "usd_per_hour": usd,
            "standing": "published" if usd else "not_offered",
        }
        for cloud, region, instance, purchase, usd in (
            ("aws", "n-east", "g.large", "on_demand", 4.0),
            ("aws", "n-east", "g.large", "spot", None),
            ("aws", "n-east", "x.small", "on_demand", 0.2),
            ("aws", "n-west", "x.small", "on_demand", 0.25),
            ("south", "any", "gpu-8", "on_demand", 6.0),
        )
    ],
    "purchase_options": [
        {
            "purchase": "on_demand",
            "label": "On demand",
            "term_months": 0,
            "prepaid": False,
            "interruptible": False,
            "stale_after_days": 365,
            "sigma_per_90_days": 0.05,
        }
    ],
    "models": [
        {
            "model": "Talk-8B",
            "aliases": "acme/Talk-8B-Instruct|talk8",
            "kind": "llm",
            "params_b": 8,
            "max_context": 8192,
        },
        {"model": "Talk-2B", "kind": "llm", "params_b": 2, "max_context": 8192},
        {"model": "Read-base", "kind": "encoder", "params_b": 0.1, "gflops_per_sample": 10},
        {"model": "Oracle", "kind": "llm", "closed": True},
    ],
    "precisions": [
        {
            "precision": name,
            "label": name,
            "role": role,
            "peak": "bf16",
            "bits_per_weight": 16,
            "weight_only": False,
            "kinds": kinds,
            "quality_loss_low": 0,
            "quality_loss": 0,
            "quality_loss_high": 0,
            "engineering_hours": 0,
            "evidence": "published",
        }
        for name, role, kinds in (
            ("bf16", "weights", "llm|encoder"),
            ("fp32", "weights", "llm|encoder"),
            ("int4-awq", "weights", "llm"),
            ("kv-16", "kv", "llm"),
        )
    ],
    "compression": [
        {
            "technique": "graph_optimization",
            "label": "Graph optimization",
            "lever": "SERVING",
            "kinds": "encoder",
            "speedup_low": 1.1,
            "speedup": 1.2,
            "speedup_high": 1.4,
            "quality_loss_low": 0,
            "quality_loss": 0,
            "quality_loss_high": 0,
            "engineering_hours": 8,
            "evidence": "rule",
        }
    ],
    "api_prices": [
        {
            "provider": "sooth",
            "api_model": "oracle-1",
            "model": "Oracle",
            "usd_per_mtok_in": 1,
            "usd_per_mtok_out": 3,
            "standing": "published",
        }
    ],
    "frameworks": [
        {
            "framework": name,
            "label": name.upper(),
            "version": "1",
            "lifecycle": "active",
            "kinds": kinds,
            "chip_kinds": chips,
            "vendors": vendors,
            "weight_precisions": "bf16|fp32",
            "complexity": "low",
            "operate_hours_month": 4,
            "adopt_hours": 8,
            "best_for": "tests",
        }
        for name, kinds, chips, vendors in (
            ("serve", "llm", "gpu", "acme"),
            ("plain", "llm|encoder", "gpu|cpu", "acme|initech"),
        )
    ],
    "techniques": [
        {
            "technique": "prefix_caching",
            "label": "Prefix caching",
            "lever": "SERVING",
            "kinds": "llm",
            "engineering_hours": 2,
            "evidence": "rule",
        }
    ],
    "sourcing": [
        {
            "sourcing": "self_hosted",
            "label": "Self-hosted",
            "operate_hours_month": 20,
            "adopt_hours": 40,
            "guide_monthly_low_usd": 0,
            "guide_monthly_high_usd": 1,
            "best_for": "tests",
            "trade_off": "none",
        }
    ],
    "calibration": [
        {
            "framework": "serve",
            "version": "*",
            "bandwidth_efficiency": 0.8,
            "cache_efficiency": 1,
            "decode_efficiency": 0.6,
            "prefill_efficiency": 0.6,
            "moe_efficiency": 1,
            "step_overhead_s": 0.001,
            "sequence_overhead_s": 0.00001,
            "link_efficiency": 0.5,
            "link_latency_s": 0.00001,
            "pcie_link_efficiency": 0.5,
            "pcie_link_latency_s": 0.00001,
            "blend_exponent": 1.1,
            "activation_gib": 2,
            "sampler_bytes": 0,
            "batched_tokens": 8192,
            "reserve_share": 1,
            "n": 1,
            "spread": 0.2,
            "evidence": "rule",
        }
    ],
    "calibration_errors": [
        {
            "left_out": "chip",
            "framework": "serve",
            "version": "*",
            "metric": "rate",
            "n": 1,
            "groups": 1,
            "median_ape": 0.1,
            "p90_ape": 0.1,
            "bias": -0.1,
            "coverage80": 1,
        }
    ],
    "calibration_scales": [
        {
            "family": "made-up",
            "peak": "*",
            "compute": 1,
            "bandwidth": 1,
            "n": 1,
            "spread": 0.2,
            "evidence": "rule",
        }
    ],
    "anchors": [
        {
            "model": "Read-base",
            "accelerator": "G1",
            "precision": "bf16",
            "framework": "plain",
            "samples_per_s": 1000,
        }
    ],
    "pass_effects": [{"shared": "kind|family", "speed": 0.2, "fixed": 0.1, "server": 0.05}],
    "pass_efficiency": [
        {
            "kind": "encoder",
            "chip_kind": "gpu",
            "framework": "plain",
            "mfu": 0.3,
            "batch_overhead_s": 0.001,
            "spread": 0.3,
            "evidence": "rule",
        }
    ],
    "measurements": [
        {
            "id": "p1",
            "workload": "encoder",
            "model": "Read-base",
            "accelerator": "G1",
            "framework": "plain",
            "scenario": "offline",
            "metric": "samples_s",
            "value": 900,
        }
    ],
    "claims": [
        {
            "claim_id": "c1",
            "claim": "Half is saved",
            "section": "1",
            "verdict": "wrong",
            "steps": "measure|buy",
        }
    ],
    "benchmark_bands": [
        {
            "band": "b1",
            "label": "Small",
            "kind": "encoder",
            "params_b_low": 0,
            "params_b_high": 1,
            "task": "classification",
            "hardware": "any",
            "unit": "request",
            "optimized_low_usd": 1e-6,
            "optimized_high_usd": 2e-6,
            "unoptimized_low_usd": 1e-5,
            "unoptimized_high_usd": 2e-5,
        }
    ],
    "anatomy": [{"view": "spend", "category": "compute", "label": "Compute", "share_low": 0.5}],
    "assumptions": [
        {
            "name": "engineer_usd_year",
            "label": "Engineer",
            "unit": "USD/year",
            "value": 200000,
            "low": 150000,
            "high": 300000,
        }
    ],
    "demand_profiles": [
        {"profile": "office", "hour": h, "requests": 100 if h % 24 in range(8, 18) else 10}
        for h in range(168)
    ],
}


def write_table(folder: Path, table: str, rows: Rows) -> Path:
    """Write one table; every row gets a source and a date unless it has its own."""
    full = [{"source": "made up for tests", "as_of": "2026-01-01", **row} for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table}.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        columns = list(dict.fromkeys(c for row in full for c in row))
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(full)
    return path


def write_tiny(folder: Path) -> Path:
    """Write all tables into a folder."""
    for table, rows in TABLES.items():
        write_table(folder, table, rows)
    return folder
