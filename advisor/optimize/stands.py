"""Who stands on which machines: workloads that share hosts, packed as few as hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .choices import Array, Candidate
from .joint.hosts import FULL, packed


@dataclass(frozen=True, eq=False)
class Stand:
    """One host and who lives on it.

    Attributes
    ----------
    members : tuple of int
        Among the candidates asked about.
    machines : float
        Running at all hours. Work beyond what one host may be asked for takes further machines,
        each with everybody on it.
    share : array
        Of the host that each member accounts for: its larger share, of work or memory, among all.
    """

    members: tuple[int, ...]
    machines: float
    share: Array


def machines_for(machines: float, load: Array | float) -> Array:
    """Machines of a host that is asked for a multiple `load` of what one may be asked for."""
    return np.asarray(machines - 1.0 + np.maximum(np.ceil(np.asarray(load) / FULL), 1.0))


def stands(members: Sequence[Candidate]) -> list[Stand]:
    """Hosts of the candidates that live on one, all of one pool."""
    kinds: dict[tuple[str, int], list[int]] = {}
    order = sorted(range(len(members)), key=lambda i: members[i].workload)
    for i in order:
        host = members[i].host
        if host is not None:
            kinds.setdefault(host.kind, []).append(i)
    out = []
    for (_, machines), living in kinds.items():
        hosts = [h for h in (members[i].host for i in living) if h is not None]
        load, memory = [h.load for h in hosts], [h.memory for h in hosts]
        bins = np.array(packed(load, memory))
        most = np.maximum(load, memory)
        for b in range(int(bins.max()) + 1):
            here = np.flatnonzero(bins == b)
            whole = most[here].sum()
            out.append(
                Stand(
                    members=tuple(living[i] for i in here),
                    machines=float(machines_for(machines, float(np.array(load)[here].sum()))),
                    share=most[here] / whole if whole > 0 else np.full(len(here), 1.0 / len(here)),
                )
            )
    return out


def use(members: Sequence[Candidate]) -> Array:
    """Machines that each member of a pool accounts for in each step, shape (k, T)."""
    out: Array = np.array([m.machines for m in members], float)
    for stand in stands(members):
        out[list(stand.members)] = stand.machines * stand.share[:, None]
    return out
