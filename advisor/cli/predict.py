"""``advisor predict``: what one configuration does."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError

from .common import aligned, catalog_option, print_json

if TYPE_CHECKING:
    from advisor.performance.single import Answer

    from .common import Commands

OPTIONS: dict[str, tuple[str, str]] = {
    "model": ("NAME", "model of the catalog"),
    "params-b": ("BILLIONS", "instead of a model: a language model of this size"),
    "accelerator": ("NAME", "chip of the catalog"),
    "tensor-parallel": ("N", "chips that share one copy (default 1)"),
    "weights": ("FORMAT", "number format of the weights, such as bf16"),
    "kv": ("FORMAT", "number format of the KV cache (default kv-16)"),
    "framework": ("NAME", "serving framework"),
    "framework-version": ("VERSION", "default: the catalog's current one"),
    "isl": ("TOKENS", "mean input tokens"),
    "osl": ("TOKENS", "mean output tokens"),
    "batch": ("N", "requests in flight (default: as many as pay)"),
    "rps": ("RATE", "requests per second to serve"),
    "ttft-slo": ("TIME", "target of the time to first token, such as 500ms or 0.5s"),
    "tpot-slo": ("TIME", "target of the time per output token"),
    "latency-slo": ("TIME", "target of the whole answer, for models that answer at once"),
    "prefix-hit": ("SHARE", "input tokens found in the prefix cache (default 0)"),
}


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("predict", help="predict what one configuration does")
    parser.add_argument(
        "--config", metavar="FILE", help="JSON with the same names (_ for -); - is standard input"
    )
    for name, (metavar, text) in OPTIONS.items():
        names = [f"--{name}", *(["--count"] if name == "tensor-parallel" else [])]
        parser.add_argument(*names, metavar=metavar, help=text)
    parser.add_argument("--speculative", action="store_true", help="with speculative decoding")
    catalog_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_predict)


def _predict(args: argparse.Namespace) -> int:
    from advisor.catalog import Catalog
    from advisor.performance.question import question
    from advisor.performance.single import answer

    given, source = _config(args.config) if args.config else ({}, None)
    flags = {n.replace("-", "_"): getattr(args, n.replace("-", "_")) for n in OPTIONS}
    flags = {n: v for n, v in flags.items() if v is not None}
    if args.speculative:
        flags["speculative"] = True
    asked = question({**given, **flags}, source)
    found = answer(Catalog.load(overlays=args.catalog), asked)
    if args.json:
        print_json(found.to_json())
    else:
        sys.stdout.write(text(found))
    return 0


def _config(name: str) -> tuple[dict[str, Any], str]:
    source = "standard input" if name == "-" else Path(name).name
    try:
        content = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8-sig")
        value = json.loads(content)
    except OSError as error:
        problem = f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise InputError(problem, file=source) from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"not valid JSON: {error.msg.lower()}", file=source, row=error.lineno
        ) from None
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", file=source) from None
    if not isinstance(value, dict):
        raise InputError("must be an object with the command's options", file=source, value=value)
    return value, source


def text(found: Answer) -> str:
    """An answer for people."""
    c, t, held, memory = (
        found.configuration,
        found.throughput,
        found.capacity,
        found.memory_gib,
    )
    chips = f"{c['tensor_parallel']} x {c['accelerator']}"
    head = f"{c['model']} ({c['weight_precision']}) on {chips}, {c['framework']}\n"
    rows = [
        ("throughput", f"{_n(t['requests_per_s'])} req/s", f"at {t['in_flight']:,.0f} in flight"),
        ("  80 % interval", f"{_n(t['low'])} to {_n(t['high'])} req/s", ""),
    ]
    if "tokens_per_s_out" in t:
        rows += [
            ("  output", f"{_n(t['tokens_per_s_out'])} tok/s", ""),
            ("  input and output", f"{_n(t['tokens_per_s_total'])} tok/s", ""),
            _first(t),
            ("  each further token", _time(t["tpot_s"]), ""),
        ]
    rows += [("  whole answer", _time(t["latency_s"]), "")]
    if held["reason"]:
        rows += [("within the targets", "nothing", held["reason"])]
    else:
        rows += [
            ("within the targets", f"{_n(held['requests_per_s'])} req/s", f"low {_n(held['low'])}")
        ]
        if held["ttft_p95_s"] is not None:
            rows += [_first(held)]
        if held["tpot_s"] is not None:
            rows += [("  each further token", _time(held["tpot_s"]), "")]
    if held["replicas"] is not None:
        rows += [("replicas needed", str(held["replicas"]), "at the low end of the interval")]
    rows += [("memory", f"{memory['available']:,.1f} GiB", "visible to the framework")]
    rows += [
        (f"  {name.replace('_', ' ')}", f"{value:,.1f} GiB", "")
        for name, value in memory.items()
        if name not in ("available", "most_requests", "kv_cache_per_request")
    ]
    rows += [("limited by", found.bound, ""), ("evidence", found.evidence, "")]
    return head + aligned(rows, left=3) + "".join(f"note: {note}\n" for note in found.notes)


def _first(figures: dict[str, Any]) -> tuple[str, str, str]:
    if "ttft_s" in figures:
        return "  first token", _time(figures["ttft_s"]), ""
    return "  first token, P95", _time(figures["ttft_p95_s"]), ""


def _n(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _time(value: float | None) -> str:
    if value is None:
        return "does not apply"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.3g} ms"
