"""How much of a chip a stack reaches: fitted factors for LLMs, measured anchors for the rest."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.catalog.records import record

from . import anchors
from .lookup import Lookup, column
from .server import server_share

Objects = npt.NDArray[np.object_]
Factors = dict[str, npt.NDArray[Any]]


def _spread_out(keys: list[Objects]) -> tuple[npt.NDArray[np.intp], list[tuple[Any, ...]]]:
    """Codes of the distinct combinations of several columns, and those combinations."""
    joint = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        mine, names = pd.factorize(key, use_na_sentinel=False)
        # Numbered anew each time, so that many columns do not overflow.
        joint = pd.factorize(joint * len(names) + mine)[0]
    first = np.unique(joint, return_index=True)[1]
    return joint, list(zip(*(key[first] for key in keys), strict=True))


def version_key(version: str) -> tuple[int, ...]:
    """A version's numbers, for comparing: ``0.6.3.post1`` is (0, 6, 3); no number, no key."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", str(version).strip())
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


@lru_cache(maxsize=1024)
def _stack(catalog: Catalog, framework: str, version: str) -> dict[str, Any]:
    """The calibration row for one stack.

    A row's version says from when on it holds; the newest that is not newer than the one asked for
    counts, else the oldest. Where no version is known, a row for any version does, else the one
    that most measurements stand behind.
    """
    table = catalog["calibration"].reset_index(drop=True)
    name = framework if (table["framework"] == framework).any() else "*"
    places = np.flatnonzero((table["framework"] == name).to_numpy())
    keys = [version_key(table["version"].iloc[i]) for i in places]
    asked = version_key(version)
    if asked:
        able = [k for k in keys if k <= asked] or [min(keys)]
    else:
        counts = table["n"].to_numpy()[places]
        able = [()] if () in keys else [keys[int(counts.argmax())]]
    return record(table.iloc[places[keys.index(max(able))]])


UNSEEN_SPREAD = 0.5
"""What the design asks for outside the range that was measured."""


def calibration_factors(
    catalog: Catalog,
    framework: Objects,
    version: Objects,
    family: Objects,
    peak: Objects,
    pcie: npt.NDArray[np.bool_],
    moe: npt.NDArray[np.bool_],
) -> Factors:
    """Factors of the roofline for each configuration, as columns of shape (n,).

    Parameters
    ----------
    framework, version, family : array of str
    peak : array of str
        The arithmetic, or ``weight_only``.
    pcie : array of bool
        Chips whose links run over PCIe.
    moe : array of bool
        Mixtures of experts.
    """
    codes, unique = _spread_out([framework, version, family, peak])
    found = pd.DataFrame([_factors(catalog, *key) for key in unique])
    out: Factors = {str(name): found[name].to_numpy()[codes] for name in found}
    share = np.where(moe, out["moe_efficiency"], 1.0)
    for name in ("decode_efficiency", "prefill_efficiency"):
        out[name] = np.minimum(out[name] * (out["compute"] * share), 0.95)
    for name in ("link_efficiency", "link_latency_s"):
        out[name] = np.where(pcie, out[f"pcie_{name}"], out[name])
    return out


def _factors(
    catalog: Catalog, framework: str, version: str, family: str, peak: str
) -> dict[str, Any]:
    """Factors of a stack on a chip family in an arithmetic; ``compute`` is still to be applied."""
    out = _stack(catalog, framework, version)
    scale = _scale(catalog, family, peak, out["kernels"])
    wide = scale["spread"] if scale["seen"] else UNSEEN_SPREAD
    widths = {
        name: max(out["spread"] if pd.isna(out[name]) else out[name], wide)
        for name in ("spread", "tpot_spread", "ttft_spread")
    }
    return {
        **out,
        **widths,
        "compute": scale["compute"],
        "bandwidth_efficiency": min(out["bandwidth_efficiency"] * scale["bandwidth"], 1.0),
        "cache_repeats": scale["repeats"],
        "latent_split": float(out["latent_split"]),
        "evidence": weakest(out["evidence"], scale["evidence"]) if scale["seen"] else "rule",
    }


STRENGTH = ("measured", "published", "calibrated", "rule")
"""Kinds of evidence, strongest first."""


def weakest(*evidence: str) -> str:
    """The weakest of several kinds of evidence: what rests on all of them."""
    return max(evidence, key=STRENGTH.index)


@lru_cache(maxsize=1024)
def _scale(catalog: Catalog, family: str, peak: str, kernels: str) -> dict[str, Any]:
    """All matching scales multiplied; ``seen`` where the family has a row."""
    table = catalog["calibration_scales"]
    mine = table[table["family"].isin((family, "*")) & table["peak"].isin((peak, "*"))]
    mine = mine[mine["kernels"].isin((kernels, "*"))]
    return {
        "compute": float(mine["compute"].to_numpy(float).prod()),
        "bandwidth": float(mine["bandwidth"].to_numpy(float).prod()),
        "repeats": float(mine["cache_repeats"].max()) if len(mine) else 0.0,
        "spread": float(mine["spread"].max()) if len(mine) else UNSEEN_SPREAD,
        "evidence": weakest("calibrated", *mine["evidence"]),
        "seen": bool((mine["family"] == family).any()),
    }


def pass_factors(
    catalog: Catalog, configs: pd.DataFrame, models: Lookup, chips: Lookup, precisions: Lookup
) -> Factors:
    """Share of peak and fixed time per pass for one-pass models, as columns of shape (n,).

    The rule of thumb for (kind, chip kind, framework), moved by what measured anchors say.
    ``speed_sd``, ``fixed_sd`` and ``both`` are how far the logarithms of share and fixed time may
    be off, ``server_sd`` that of the share left by a latency limit, and ``repeat_sd`` what repeats
    of a measurement differ by.
    """
    tokens, batch = column(configs, "isl_tokens"), column(configs, "batch")
    every = anchors.features(models, chips, precisions, configs["framework"], tokens, batch)
    codes, unique = _spread_out([every[name].to_numpy(object) for name in every])
    asked = pd.DataFrame(unique, columns=list(every))
    told = anchors.estimate(catalog, asked)
    rules = anchors.rules(catalog, asked)
    server, server_sd = server_share(catalog, asked, rules["server_share"].to_numpy(float))
    spread = np.exp(anchors.Z80 * np.hypot(told["speed_sd"], rules["repeat_sd"])) - 1.0
    widest = np.maximum(rules["spread"], UNSEEN_SPREAD)
    out = {
        "mfu": np.minimum(rules["mfu"] * np.exp(told["speed"]), 0.95),
        "batch_overhead_s": rules["batch_overhead_s"] * np.exp(told["fixed"]),
        # Beyond the anchors' kind and family the rule's own spread stands, and bounds theirs.
        "spread": np.where(told["near"], np.minimum(spread, widest), rules["spread"]),
        "server_share": server,
        "server_sd": server_sd,
        "repeat_sd": rules["repeat_sd"],
        **{name: told[name] for name in ("speed_sd", "fixed_sd", "both")},
        "evidence": np.where(
            told["exact"], "published", np.where(told["near"], "calibrated", "rule")
        ),
    }
    return {name: np.asarray(v)[codes] for name, v in out.items()}
