r"""What a replica that batches continuously carries within its targets under random arrivals.

`llm.capacity` screens: it takes a replica at its steady batch. Here the chain of `batching_load`
gives the largest rate at which the targets hold at their percentile, twice: for a replica alone,
to which requests come as they like, and for one of a large fleet, whose router evens the arrivals
out. A fleet of :math:`n` lies between (`replicas.pooled_replicas`).

A prompt adds :math:`p` seconds to the passes that read it: its share of the machine in passes as
full as the engine makes them (`llm.prefill_share_s`), so that the chain's throughput without
targets is that of `llm.throughput`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from advisor.catalog import Catalog

from . import llm
from .batching_chain import nodes
from .batching_load import Batching, capacity_rps
from .configs import Array, LlmConfigs
from .lookup import column
from .memory import max_batch
from .predict import llm_configs

ROUTED_CA2 = 0.05
"""Squared variation of the gaps that one replica of a large fleet sees: its router sends the next
request to the replica with the most room, so gaps are nearly even. Chosen by comparison with
simulated fleets of 4 and 16 (``benchmarks/queueing.py``)."""
OUTPUT_CV2 = 0.6
"""Squared coefficient of variation of output lengths, as in the public trace of a conversation
service (Azure, 2023)."""


def chain(c: LlmConfigs) -> Batching:
    """The chain's input for each configuration, shape (n,)."""
    limit = np.maximum(np.floor(max_batch(c)), 1.0)
    batch = nodes(limit)
    prompt = llm.prefill_share_s(c, limit)
    computed = np.maximum(c.isl_tokens * (1.0 - c.prefix_hit), 1.0)
    room = np.maximum(c.batched_tokens[:, None] - batch, 1.0)
    return Batching(
        batch=batch,
        step_s=llm.step_s(c.column(), np.maximum(batch, 1.0)),
        prefill_s=prompt,
        slice_s=(prompt / computed)[:, None] * room,
        output_tokens=np.maximum(c.osl_tokens, 1.0),
    )


def under_load(
    catalog: Catalog, configs: pd.DataFrame, percentile: float, ca2: float
) -> tuple[Array, Array]:
    """Requests/s within the targets of each configuration: alone, and in a large fleet.

    Parameters
    ----------
    configs : DataFrame
        n rows with the columns of `predict.COLUMNS`.
    percentile : float
        Share of requests, in percent, that must meet both targets.
    ca2 : float
        Squared coefficient of variation of gaps between arrivals; 1 for Poisson.

    Returns
    -------
    alone, pooled : array, shape (n,)
        NaN for what does not batch continuously (the delay formula sizes it) or does not fit.
    """
    alone, pooled = np.full(len(configs), np.nan), np.full(len(configs), np.nan)
    if not len(configs):
        return alone, pooled
    c = llm_configs(catalog, configs).c
    rows = np.flatnonzero((c.continuous > 0) & (max_batch(c) >= 1.0))
    if not len(rows):
        return alone, pooled
    some = chain(c.take(rows))
    ttft, tpot = (column(configs, n)[rows] for n in ("ttft_slo_s", "tpot_slo_s"))
    each = {"percentile": percentile, "output_cv2": OUTPUT_CV2}
    alone[rows] = capacity_rps(some, ttft, tpot, ca2=ca2, **each)
    routed = capacity_rps(some, ttft, tpot, ca2=ROUTED_CA2, **each)
    pooled[rows] = np.maximum(routed, alone[rows])
    return alone, pooled
