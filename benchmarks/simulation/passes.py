"""Replicas that answer a batch of requests in one pass, whatever waits when one falls free."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def latencies(
    gaps: Array, fixed_s: float, sample_s: float, batch: int, replicas: int, warm_share: float = 0.1
) -> Array:
    """Time from arrival to answer of each request after the warm-up, s.

    Parameters
    ----------
    gaps : array, shape (n,)
        Time since the arrival before, s.
    fixed_s, sample_s : float
        A pass over k requests takes ``fixed_s + k * sample_s``.
    batch : int
        The most requests in a pass.
    replicas : int
        Servers of one queue.
    """
    at = np.cumsum(gaps)
    free = [0.0] * replicas
    out = np.empty(len(at))
    i = 0
    while i < len(at):
        begin = max(free[0], float(at[i]))
        count = min(int(np.searchsorted(at, begin, side="right")) - i, batch)
        end = begin + fixed_s + count * sample_s
        heapq.heapreplace(free, end)
        out[i : i + count] = end - at[i : i + count]
        i += count
    return out[int(warm_share * len(out)) :]
