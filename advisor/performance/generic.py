r"""A plain transformer for a language model that is known by its parameter count only.

Published dense models lie near a depth-to-width ratio :math:`d \approx 115\,L` and
:math:`P \approx 12 L d^2`, so :math:`L \approx (P/158{,}700)^{1/3}`; heads of 128, eight of them
for keys and values. (Shapes of the Llama, Qwen and Mistral families in the models catalog.)
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import records

from . import aliases

PER_LAYER = 158_700.0
"""12 x 115²: parameters of a model over the cube of its layers."""
VOCAB = 128_000
NOTE = "unknown architecture: a plain transformer of its size, with a wider interval"


def with_generic(catalog: Catalog, rows: pd.DataFrame) -> tuple[Catalog, dict[str, str]]:
    """The catalog with a plain transformer for each unknown language model of stated size.

    Returns
    -------
    Catalog
    dict
        What was assumed, by model.
    """
    made: dict[str, dict[str, Any]] = {}
    for row in records(rows[rows["workload"] == "llm"]):
        name = row["model"]
        if name in made or not name or aliases.model(catalog, name) is not None:
            continue
        size = row["params_b"] if row["params_b"] == row["params_b"] else _size(name)
        if size:
            made[name] = _shape(name, float(size))
    if not made:
        return catalog, {}
    models = pd.concat([catalog["models"], pd.DataFrame(made.values())], ignore_index=True)
    return Catalog({**catalog.tables, "models": models}), dict.fromkeys(made, NOTE)


def _size(name: str) -> float | None:
    """Billions of parameters that a name states: ``Qwen2.5-14B``, ``Mixtral-8x7B``."""
    many = re.search(r"(\d+)x(\d+(?:\.\d+)?)b\b", name, re.IGNORECASE)
    if many:
        return 0.85 * int(many.group(1)) * float(many.group(2))
    one = re.search(r"(?<![a-z\d.])(\d+(?:\.\d+)?)b\b", name, re.IGNORECASE)
    return float(one.group(1)) if one else None


def _shape(name: str, params_b: float) -> dict[str, Any]:
    layers = max(round((params_b * 1e9 / PER_LAYER) ** (1.0 / 3.0)), 4)
    heads = max(8 * round(115 * layers / 128 / 8), 8)
    hidden = 128 * heads
    active = re.search(r"\ba(\d+(?:\.\d+)?)b\b", name, re.IGNORECASE)
    sparse: dict[str, Any] = {}
    if active:
        # Experts hold about 95 % of a mixture's parameters; 128 of them is usual.
        held = 0.95 * params_b
        used = min(float(active.group(1)), params_b)
        share = max((used - 0.05 * params_b) / held, 1.0 / 128.0)
        sparse = {
            "active_params_b": used,
            "expert_params_b": held,
            "experts": 128,
            "experts_active": max(round(128 * share), 1),
        }
    return {
        "model": name,
        "aliases": (),
        "kind": "llm",
        "closed": False,
        "params_b": params_b,
        "active_params_b": params_b,
        "tied_embeddings": params_b < 4,
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "kv_heads": 8,
        "head_size": 128,
        "vocab": VOCAB,
        "embedding_params_b": min(VOCAB * hidden / 1e9, 0.2 * params_b),
        "distills_from": (),
        "source": "a plain transformer of this size",
        "as_of": date(2026, 11, 23),
        **sparse,
    }
