"""Naive rooflines: the product's own formula with one flat efficiency and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from calibrate import Data

NOTHING = 1e-12
SHARP = 30.0
"""Blend exponent from which on the slower of reading and computing is all that counts."""


def flat(data: Data, share: float) -> np.ndarray:
    """Predictions of all rows if a share of every peak were reached and nothing else took time.

    Parameters
    ----------
    data : calibrate.Data
    share : float
        Of peak bandwidth, arithmetic and link.
    """
    c = data.prepared.setting.c
    told = {
        "bandwidth_efficiency": share,
        "cache_efficiency": 1.0,
        "decode_efficiency": share,
        "prefill_efficiency": share,
        "link_efficiency": share,
        "link_latency_s": NOTHING,
        "step_overhead_s": NOTHING,
        "sequence_overhead_s": NOTHING,
        "blend_exponent": SHARP,
    }
    constants = {k: np.full_like(np.asarray(getattr(c, k), float), v) for k, v in told.items()}
    return data.prepared.values(replace(c, **constants))
