"""How long requests are under way between a workload's users and the machines that serve them."""

from __future__ import annotations

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

    The typical round trip between geographies, by the ``network`` catalog: between data centres, so
    users' own lines come on top.

    Parameters
    ----------
    geographies : Series, shape (n,)
        Where the machines stand; ``any`` where nobody says.

    Returns
    -------
    array, shape (n,)
        Seconds; 0 where the workload does not say where its users are, NaN where it does and the
        way is not known.
    """
    if not workload.users:
        return np.zeros(len(geographies))

    def farthest(place: str) -> float:
        return float(np.max([round_trip_s(catalog, place, user) for user in workload.users]))

    return mapped(geographies, farthest)


def round_trip_s(catalog: Catalog, one: str, other: str) -> float:
    """Typical round trip between two geographies, s, the same both ways; NaN where unknown."""
    for key in ((one, other), (other, one)):
        try:
            return float(catalog.lookup("network", *key)["rtt_s"])
        except NotFoundError:
            continue
    return float("nan")
