"""A server that batches continuously, iteration by iteration, and a fleet of them.

Each iteration yields one token for every request that decodes and reads a slice of waiting prompts
(chunked prefill): it takes ``alpha + beta * decoding + gamma * prompt tokens`` seconds. Decodes go
first; the token budget left is for prompts, in order of arrival. At most ``limit`` requests hold
a place; the rest wait outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Machine:
    """What an iteration costs, s, and what the server holds."""

    alpha: float
    beta: float
    gamma: float
    limit: int
    budget: int = 2048
    """Tokens an iteration may take: one for each decode, the rest for prompts."""


class Server:
    """One replica; `done` collects (arrival, first token, last token, output tokens)."""

    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._now = 0.0
        self._iteration = 0
        self._outside: deque[tuple[float, int, int]] = deque()
        self._reading: deque[list[float]] = deque()
        self._decoding = 0
        self._ends: dict[int, list[tuple[float, float, int]]] = {}
        self.held = 0
        self.done: list[tuple[float, float, float, int]] = []

    def offer(self, at: float, prompt: int, output: int) -> None:
        """Take in a request; the server must have been run up to `at`."""
        if self.held == 0:
            self._now = max(self._now, at)
        self.held += 1
        self._outside.append((at, prompt, output))

    def run(self, until: float) -> None:
        """Begin every iteration that begins before `until`."""
        while self.held and self._now < until:
            self._admit()
            if self._reading:
                self._mixed()
            else:
                self._decode(until)

    def _admit(self) -> None:
        while self._outside and self._decoding + len(self._reading) < self._m.limit:
            at, prompt, output = self._outside.popleft()
            self._reading.append([prompt, at, output])

    def _mixed(self) -> None:
        m = self._m
        room = max(m.budget - self._decoding, 1)
        read, first = 0.0, []
        while self._reading and read < room:
            head = self._reading[0]
            part = min(head[0], room - read)
            read += part
            head[0] -= part
            if head[0] <= 0:
                self._reading.popleft()
                first.append(head)
        self._now += m.alpha + m.beta * self._decoding + m.gamma * read
        self._iteration += 1
        self._finish()
        for _, at, output in first:
            if output <= 1:
                self.done.append((at, self._now, self._now, 1))
                self.held -= 1
            else:
                end = self._iteration + int(output) - 1
                self._ends.setdefault(end, []).append((at, self._now, int(output)))
                self._decoding += 1

    def _decode(self, until: float) -> None:
        """Run iterations that only decode, in one go, up to the next end or arrival."""
        step = self._m.alpha + self._m.beta * self._decoding
        most = max(ceil((until - self._now) / step), 1) if until < np.inf else 1 << 30
        count = min(most, self._next_end(most) - self._iteration)
        self._now += count * step
        self._iteration += count
        self._finish()

    def _next_end(self, most: int) -> int:
        """Iteration of the next end; looked for among the next ones before among all."""
        for i in range(self._iteration + 1, self._iteration + min(most, 16) + 1):
            if i in self._ends:
                return i
        return min(self._ends)

    def _finish(self) -> None:
        for at, first, output in self._ends.pop(self._iteration, ()):
            self.done.append((at, first, self._now, output))
            self._decoding -= 1
            self.held -= 1


@dataclass(frozen=True)
class Served:
    """What requests saw, after the warm-up, in order of arrival; s."""

    ttft_s: Array
    tpot_s: Array
    """Of requests of more than one token."""
    e2e_s: Array


def simulate(
    machine: Machine,
    gaps: Array,
    prompts: Sequence[int],
    outputs: Sequence[int],
    replicas: int = 1,
    warm_share: float = 0.15,
) -> Served:
    """Serve all requests; each goes to the replica that holds the fewest.

    Parameters
    ----------
    gaps : array, shape (n,)
        Time since the arrival before, s.
    prompts, outputs : sequence of int, shape (n,)
        Tokens of each request.
    replicas : int
        Servers behind the router.
    warm_share : float
        Share of requests at either end that only fill or empty the servers.
    """
    servers = [Server(machine) for _ in range(replicas)]
    for at, prompt, output in zip(np.cumsum(gaps).tolist(), prompts, outputs, strict=True):
        for server in servers:
            server.run(at)
        min(servers, key=lambda s: s.held).offer(at, int(prompt), int(output))
    for server in servers:
        server.run(np.inf)
    rows = np.array(sorted(row for s in servers for row in s.done))
    skip = int(warm_share * len(rows))
    at, first, last, output = rows[skip : len(rows) - skip].T
    several = output > 1
    return Served(
        ttft_s=first - at,
        tpot_s=((last - first)[several] / (output[several] - 1.0)),
        e2e_s=last - at,
    )
