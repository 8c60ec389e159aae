r"""What stands around the machines: a way in, answers that leave, logs, and weights on disk.

A month of :math:`n` requests with answers of :math:`r` bytes costs

.. math:: \text{balancer} + n\,r\,(\text{egress} + \text{zones}) + n\,l\,\text{objects}
    + \bar m\,w\,\text{block}

with :math:`l` bytes logged per request and kept for a month, and :math:`w` bytes of weights on each
of :math:`\bar m` machines. What is not known (the size of an answer that is no text) is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

GB = 1e9
GIB = 2.0**30


@dataclass(frozen=True)
class Around:
    """Costs of one way of sourcing; USD.

    Attributes
    ----------
    usd_month : float
        Whatever the number of machines.
    usd_machine_gib_month : float
        For each GiB of weights on each machine.
    """

    usd_month: float
    usd_machine_gib_month: float

    def total(self, machines: float, weights_gib: float) -> float:
        """USD a month with a mean number of machines."""
        return self.usd_month + machines * weights_gib * self.usd_machine_gib_month


def around(
    assumption: Callable[[str], float], sourcing: str, *, requests_month: float, osl_tokens: float
) -> Around:
    """What stands around a workload's machines, or a hosted model.

    Parameters
    ----------
    assumption : callable
        Planning figures by name (``egress_usd_gb``, ...).
    sourcing : str
        A hosted model brings all of it, a managed endpoint its balancer; one's own machines need
        logs alone, since what a network of one's own costs is not known.
    requests_month : float
    osl_tokens : float
        Tokens of an answer; 0 where it is no text.
    """
    if sourcing == "managed_api":
        return Around(0.0, 0.0)
    logs = requests_month * assumption("log_bytes_per_request") / GB
    usd = logs * assumption("storage_usd_gb_month")
    if sourcing == "owned":
        return Around(usd, 0.0)
    leaves = requests_month * osl_tokens * assumption("response_bytes_per_token") / GB
    usd += leaves * (assumption("egress_usd_gb") + assumption("cross_zone_usd_gb"))
    if sourcing == "self_hosted":
        usd += assumption("load_balancer_usd_month")
    return Around(usd, assumption("block_storage_usd_gb_month") * GIB / GB)
