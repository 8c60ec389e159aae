r"""Hit ratios replayed from a request log: what a cache of each size would have answered.

A cache that drops the least recently used entry holds, of any size, the entries last used. So one
pass tells all sizes (Mattson and others, 1970): a request hits a cache of :math:`N` entries when
fewer than :math:`N` other keys were asked for since its own key last was, its *stack distance*

.. math:: d_i = \#\{j < i : p_j < p_i\} - (p_i + 1)

with :math:`p_i` the place of the last request for the same key (:math:`-1`: none). The hit ratio
of :math:`N` entries is the share of requests with :math:`d_i < N`.

A prefix cache stores blocks of tokens, and a block is of use only where all before it in the
prompt are held: its distance is the largest up to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from advisor.errors import InputError

from .configs import Array

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
"""Distance of a key not asked for before: no cache holds it."""


@dataclass(frozen=True, eq=False)
class HitCurve:
    """Share of the requests (or tokens) a cache answers, by its size.

    Attributes
    ----------
    entries : array, shape (n,)
        Sizes, ascending: entries of a result cache, blocks of a prefix cache.
    hit_ratio : array, shape (n,)
        Share answered at each size; it holds up to the next.
    """

    entries: Ints
    hit_ratio: Array

    @property
    def unlimited(self) -> float:
        """Hit ratio of a cache that holds everything."""
        return float(self.hit_ratio[-1]) if len(self.hit_ratio) else 0.0

    def at(self, entries: npt.ArrayLike) -> Array:
        """Hit ratio of caches of these sizes; 0 below the first."""
        place = np.searchsorted(self.entries, np.asarray(entries), side="right")
        return np.concatenate([[0.0], self.hit_ratio])[place]

    def thinned(self, most: int) -> HitCurve:
        """The curve at no more than `most` sizes, evenly spread in hit ratio, ends included."""
        if len(self.entries) <= most:
            return self
        wanted = np.linspace(self.hit_ratio[0], self.hit_ratio[-1], most)
        keep = np.unique(np.searchsorted(self.hit_ratio, wanted - 1e-12))
        return HitCurve(self.entries[keep], self.hit_ratio[keep])


def stack_distances(keys: npt.ArrayLike) -> Ints:
    """Other keys asked for since each request's key last was.

    Parameters
    ----------
    keys : array, shape (n,)
        What identifies a request, in order of arrival: hashes, ids or texts.

    Returns
    -------
    array, shape (n,)
        `NEVER` for a key's first request.
    """
    last = _last(_codes(keys))
    out = np.full(len(last), NEVER, np.int64)
    again = last >= 0
    out[again] = _earlier_smaller(last)[again] - (last[again] + 1)
    return out


def distance_curve(distances: Ints, weights: npt.ArrayLike | None = None) -> HitCurve:
    """The hit ratio at every size from the distances of all requests.

    Parameters
    ----------
    distances : array, shape (n,)
        As of `stack_distances`.
    weights : array, shape (n,), optional
        What each counts for, such as its tokens; 1 if left out.
    """
    weight = np.ones(len(distances)) if weights is None else np.asarray(weights, float)
    total = float(weight.sum())
    again = distances < NEVER
    if total <= 0 or not again.any():
        return HitCurve(np.zeros(0, np.int64), np.zeros(0))
    sizes, code = np.unique(distances[again], return_inverse=True)
    hits = np.bincount(code, weights=weight[again])
    return HitCurve(sizes + 1, np.minimum(np.cumsum(hits) / total, 1.0))


def exact_curve(keys: npt.ArrayLike) -> HitCurve:
    """Share of requests that repeat an earlier one exactly, by entries of the cache.

    Answers never expire here; `expiring_curve` has a time to live.
    """
    return distance_curve(stack_distances(keys))


def expiring_curve(
    keys: npt.ArrayLike, times_s: npt.ArrayLike, ttl_s: float, entries: npt.ArrayLike
) -> HitCurve:
    """The same where an answer expires `ttl_s` after it was stored, whether asked for or not.

    Parameters
    ----------
    keys, times_s : array, shape (n,)
        Requests in order of arrival, and when they came, s.
    ttl_s : float
        Time to live, s.
    entries : array, shape (m,)
        Sizes to replay.

    Raises
    ------
    InputError
        When times run backwards or the time to live is not positive.
    """
    codes, times = _codes(keys), np.asarray(times_s, float)
    if not ttl_s > 0:
        raise InputError(f"a time to live must be positive (got {ttl_s})", fix="give it in seconds")
    if len(times) != len(codes) or (np.diff(times) < 0).any():
        raise InputError(
            "requests must be in order of arrival, one time each", fix="sort the log by time first"
        )
    distances = stack_distances(codes)
    order = np.argsort(codes, kind="stable")
    code, time, distance = codes[order], times[order], distances[order]
    # The first request for the same key that comes after the answer stored now has expired.
    first = np.searchsorted(code, code, side="left")
    span = (times[-1] - times[0] + ttl_s + 1.0) if len(times) else 1.0
    line = code * span + (time - (times[0] if len(times) else 0.0))
    after = np.searchsorted(line, line + ttl_s, side="right")
    sizes = np.unique(np.asarray(entries, np.int64))
    ratio = [
        1.0 - _stored(first, after, distance < size).mean() if len(code) else 0.0 for size in sizes
    ]
    return HitCurve(sizes, np.asarray(ratio, float))


def prefix_curve(
    blocks: npt.ArrayLike, blocks_of: npt.ArrayLike, tokens: npt.ArrayLike, block_tokens: int
) -> HitCurve:
    """Share of input tokens that need no prefill, by blocks the prefix cache holds.

    Parameters
    ----------
    blocks : array, shape (b,)
        Hashes of all blocks, request after request, each naming its prefix.
    blocks_of : array, shape (n,)
        Blocks of each request.
    tokens : array, shape (n,)
        Input tokens of each request; its last block may be part full.
    block_tokens : int
        Tokens of a full block.

    Raises
    ------
    InputError
        When the blocks of all requests are not those given.
    """
    count = np.asarray(blocks_of, np.int64)
    length = np.asarray(tokens, float)
    codes = _codes(blocks)
    if count.sum() != len(codes) or len(count) != len(length):
        raise InputError(
            f"{len(codes)} blocks are given, the requests have {int(count.sum())}",
            fix="give every request's number of blocks and tokens",
        )
    request = np.repeat(np.arange(len(count)), count)
    start = np.repeat(np.cumsum(count) - count, count)
    place = np.arange(len(codes)) - start
    held = np.clip(length[request] - place * block_tokens, 0.0, block_tokens)
    missing = max(float(length.sum() - held.sum()), 0.0)
    distance = _running_most(stack_distances(codes), request)
    # Tokens in no block can never be found again.
    return distance_curve(np.append(distance, NEVER), np.append(held, missing))


def _codes(keys: npt.ArrayLike) -> Ints:
    values = np.asarray(keys)
    if values.ndim != 1:
        raise InputError(f"keys must be one column (got {values.ndim} dimensions)")
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _last(codes: Ints) -> Ints:
    """Place of the request before with the same key; -1 for none."""
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    out = np.full(len(codes), -1, np.int64)
    out[order[1:][same]] = order[:-1][same]
    return out


def _earlier_smaller(values: Ints) -> Ints:
    """For each entry, how many before it are smaller; of equals, the earlier counts as smaller.

    Ranks are split bit by bit from the highest. Those that agree in all higher bits stand together
    in order of arrival, so a set bit exceeds just the unset ones before it in its group.
    """
    n = len(values)
    out = np.zeros(n, np.int64)
    rank = np.empty(n, np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(n)
    owner = np.arange(n)
    place = np.arange(n)
    for bit in range(max(n - 1, 1).bit_length() - 1, -1, -1):
        high = (rank >> bit) & 1 == 1
        start = (rank >> (bit + 1)) << (bit + 1)
        low_before = np.concatenate([[0], np.cumsum(~high)])
        lower = low_before[:-1] - low_before[start]
        out[owner[high]] += lower[high]
        to = start + np.where(high, (1 << bit) + (place - start - lower), lower)
        moved, whose = np.empty(n, np.int64), np.empty(n, np.int64)
        moved[to], whose[to] = rank, owner
        rank, owner = moved, whose
    return out


def _running_most(distance: Ints, group: Ints) -> Ints:
    """The largest distance so far within each request."""
    levels, level = np.unique(distance, return_inverse=True)
    step = len(levels)
    most = np.maximum.accumulate(level + group * step) - group * step
    return levels[most] if len(distance) else distance


def _stored(first: Ints, after: Ints, held: Bools) -> Bools:
    """Requests whose answer is stored anew: not held, or held and expired.

    Requests stand key by key. From each one not held the answer lives until the first request
    after its time to live, which stores it anew, and so on while the key stays held.
    """
    segment = np.cumsum(~held)
    n = len(held)
    stored = ~held
    front = np.flatnonzero(stored)
    while len(front):
        then = after[front]
        inside = then < n
        front, then = front[inside], then[inside]
        same = (segment[then] == segment[front]) & (first[then] == first[front])
        front = then[same]
        stored[front] = True
    return stored
