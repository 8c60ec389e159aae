"""How long requests are under way between a workload's users and the machines that serve them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from advisor.catalog import Catalog
from advisor.errors import NotFoundError
from advisor.portfolio import Workload

from .effort import mapped

UNPLACED = "nobody says where the machine stands, so the way to its users is not known"


def network_s(
    catalog: Catalog, workload: Workload, geographies: pd.Series[str]
) -> npt.NDArray[np.float64]:
    """Round trip from machines to the farthest of a workload's users.

    Where machines may stand in several places, they stand in the one that is nearest, among those
    that the workload must stay in.

    The typical round trip between geographies, by the ``network`` catalog: between data centres, so
    users' own lines come on top.

    Parameters
    ----------
    geographies : Series, shape (n,)
        Where the machines stand, or may stand, by `anywhere`; ``any`` where nobody says.

    Returns
    -------
    array, shape (n,)
        Seconds; 0 where the workload does not say where its users are, NaN where it does and the
        way is not known.
    """
    if not workload.users:
        return np.zeros(len(geographies))

    def farthest(place: str) -> float:
        ways = [
            np.max([round_trip_s(catalog, one, user) for user in workload.users])
            for one in admitted(workload, place)
        ]
        return float(np.min(ways))

    return mapped(geographies, farthest)


def anywhere(geographies: Iterable[str]) -> str:
    """A place yet to be chosen among several geographies, as one name."""
    return "|".join(geographies)


def admitted(workload: Workload, place: str) -> list[str]:
    """Geographies of a place that the workload may stay in; all of them where none is."""
    each = place.split("|")
    return [one for one in each if one in workload.residency] or each


def hosted_s(catalog: Catalog, workload: Workload, geographies: Iterable[str]) -> float:
    """Round trip from a host to the farthest of a workload's users, s; 0 where those are unknown.

    Every user reaches the nearest of the host's geographies. A host that names none is taken to
    have a front end near users: the ``hosted_network_s`` assumption.
    """
    served = tuple(geographies)
    if not workload.users:
        return 0.0
    if not served:
        return catalog.assumption("hosted_network_s")
    ways = [min(round_trip_s(catalog, one, user) for one in served) for user in workload.users]
    return float(np.max(ways))


def round_trip_s(catalog: Catalog, one: str, other: str) -> float:
    """Typical round trip between two geographies, s, the same both ways; NaN where unknown."""
    for key in ((one, other), (other, one)):
        try:
            return float(catalog.lookup("network", *key)["rtt_s"])
        except NotFoundError:
            continue
    return float("nan")
