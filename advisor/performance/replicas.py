r"""How many replicas an arrival rate needs.

Square-root staffing: requests in service are close to Poisson with mean :math:`\lambda T`, so
:math:`\lambda T + z\sqrt{\lambda T}` of them fit the fleet's concurrency at the percentile of
:math:`z`. (Halfin and Whitt, 1981.) Small fleets therefore run at low and large ones at high
utilisation, which a flat utilisation target gets wrong on both sides.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from .llm import Array


def replicas(
    arrival_rps: npt.ArrayLike,
    rps: npt.ArrayLike,
    concurrency: npt.ArrayLike,
    latency_s: npt.ArrayLike,
    percentile: float,
) -> Array:
    """Integer replicas for each arrival rate.

    Parameters
    ----------
    arrival_rps : array
        Requests/s; broadcasts against the rest.
    rps, concurrency, latency_s : array
        One replica's capacity (`Capacity`).
    percentile : float
        Share of requests, in percent, that should find room at once.

    Returns
    -------
    array
        At least 1 where requests arrive, 0 where none do.
    """
    rate = np.asarray(arrival_rps, float)
    in_service = rate * np.asarray(latency_s, float)
    spare = ndtri(percentile / 100.0) * np.sqrt(in_service) / np.asarray(concurrency, float)
    need = rate / np.maximum(np.asarray(rps, float), 1e-12) + np.maximum(spare, 0.0)
    return np.where(rate > 0, np.maximum(np.ceil(need - 1e-9), 1.0), 0.0)
