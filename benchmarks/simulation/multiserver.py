"""Several servers, one queue, first come first served, any law of arrivals and service."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def draw(rng: np.random.Generator, cv2: float, n: int) -> Array:
    """Positive numbers of mean 1 and squared coefficient of variation `cv2`, shape (n,).

    Constant at 0, gamma up to 1 (exponential at 1), a balanced mixture of two exponentials above.
    """
    if cv2 == 0:
        return np.ones(n)
    if cv2 <= 1:
        return rng.gamma(1.0 / cv2, cv2, n)
    share = 0.5 * (1.0 + np.sqrt((cv2 - 1.0) / (cv2 + 1.0)))
    first = rng.random(n) < share
    return rng.exponential(1.0, n) / np.where(first, 2.0 * share, 2.0 * (1.0 - share))


def waits(gaps: Array, services: Array, servers: int, warm_share: float = 0.1) -> Array:
    """Waiting time of each request after the warm-up, s.

    Parameters
    ----------
    gaps, services : array, shape (n,)
        Time since the arrival before, and time in service, s.
    servers : int
        Servers that share the queue.
    warm_share : float
        Share of requests that only fill the queue.
    """
    free = [0.0] * servers
    out = []
    replace = heapq.heapreplace
    for at, service in zip(np.cumsum(gaps).tolist(), services.tolist(), strict=True):
        begin = max(free[0], at)
        replace(free, begin + service)
        out.append(begin - at)
    return np.array(out[int(warm_share * len(out)) :])
