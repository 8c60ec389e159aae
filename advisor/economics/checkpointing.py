r"""Runs on machines that may be taken away, and on machines paid by the day.

A run that writes a checkpoint of :math:`C` hours every :math:`\tau` hours and is interrupted every
:math:`M` hours loses, as a share of its useful time, the writing, half an interval of work for each
interruption, and :math:`R` hours until it runs again:

.. math:: \omega(\tau) = \frac{C}{\tau} + \frac{\tau}{2 M} + \frac{R}{M}, \qquad
    \tau^* = \sqrt{2 C M}

(Young, CACM 17(9), 1974; Daly, FGCS 22(3), 2006: first order, for :math:`\tau \ll M`). With
:math:`n` machines, :math:`M = 730 / (n \lambda)` for :math:`\lambda` interruptions of a machine in
a month: the run stops when any of them goes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

HOURS_PER_MONTH = 730.0
BLOCK_DAYS = (1.0, 182.0)
"""Whole days for which a capacity block can be had (AWS, EC2 Capacity Blocks for ML)."""


def mtbf_hours(interruptions_per_month: Array, machines: Array) -> Array:
    """Mean hours between interruptions of a run; infinite where nothing is interrupted."""
    with np.errstate(divide="ignore"):
        return np.asarray(HOURS_PER_MONTH / (interruptions_per_month * machines))


def interval_hours(write_hours: Array, mtbf: Array) -> Array:
    """Hours of work between checkpoints that lose the least."""
    return np.asarray(np.sqrt(2.0 * write_hours * mtbf))


def overhead_share(
    interval: Array, *, write_hours: Array, mtbf: Array, restart_hours: Array, run_hours: Array
) -> Array:
    """Time lost to writing and to interruptions, as a share of the useful time.

    A short run that loses less by beginning anew where it is interrupted writes no checkpoint; at
    the best interval that is one of up to two intervals.
    """
    with np.errstate(invalid="ignore"):
        saved = write_hours / interval + interval / (2.0 * mtbf)
    # Where nothing is interrupted the interval is infinite, and there is nothing to save.
    return np.asarray(np.fmin(saved, run_hours / (2.0 * mtbf)) + restart_hours / mtbf)


def block_days(hours: Array) -> Array:
    """Whole days to prepay for a run of so many hours; infinite where no block is that long."""
    days = np.maximum(np.ceil(hours / 24.0), BLOCK_DAYS[0])
    return np.where(days <= BLOCK_DAYS[1], days, np.inf)
