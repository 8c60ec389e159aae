r"""One choice per workload, bought together: the whole problem as arrays.

.. math::

    \min_{x,z,N}\; \sum_c F_c x_c + \sum_f \Phi_f z_f
        + \sum_p G_p\Big(\sum_{c \in p} u_c x_c + \sum_{j \in p} v_j N_j,\;
                         \sum_{c \in p} e_c x_c,\; \sum_{c \in p} d_c x_c\Big)

.. math::

    \sum_{c \in w} x_c = 1 \;\forall w, \qquad \sum_c \eta_c x_c \le B, \qquad
    x_c \le z_f \;\forall f \in c, \qquad
    \{(\ell_c, m_c)\}_{c \in j,\, x_c = 1} \text{ packs into } N_j \text{ unit bins}

over columns :math:`c` (one way to run one workload) with :math:`x, z` binary and :math:`N` whole.
:math:`F` is a column's own cost, :math:`u` the machines it needs in each step, :math:`e` those of
them that may be spot, :math:`d` a volume that may wait until the end of its day. A host :math:`j`
is a set of :math:`v_j` like machines on which several small workloads live together; each takes a
share of its load :math:`\ell` and memory :math:`m`.

What a pool's machines cost is itself a linear program,

.. math::

    G(D, E, V) = \min \sum_m b_m \sum_t h_t k_{mt}
        + \sum_t h_t (a\,y_t + s\,q_t)

.. math::

    \text{held}_t + \sum_m k_{mt} + y_t + q_t \ge D_t + g_t, \quad
    \sum_{t \in \text{day}} h_t g_t = V_{\text{day}}, \quad
    q_t \le E_t + g_t, \quad
    \max(\text{held}_t, \textstyle\sum_m k_{mt} + \text{held}_t) + y_t + q_t \le \text{most}

with :math:`k_{mt}` constant over each block of term :math:`m`, and has a closed form
(`advisor.economics.purchase`). Steps are hours of a typical week, repeated for each stretch of
the horizon where demand grows; :math:`h_t` are hours a month, so all money is USD a month.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pools:
    """Prices of machines that are bought together: one instance type in one region.

    Attributes
    ----------
    on_demand, spot : array, shape (P,)
        USD per machine-hour, interruptions priced in; ``inf`` where it is not sold. Spot that is
        no cheaper than on-demand is never bought.
    commit : array, shape (P, M)
        USD per machine-hour of each commitment term over the steps, a stranded tail priced in;
        ``inf`` where it is not sold.
    held : array, shape (P, T)
        Machines already paid for: used first, at no further cost.
    most : array, shape (P,)
        Machines that can be had at all in any step, held ones included; ``inf`` for no limit.
    """

    on_demand: Array
    spot: Array
    commit: Array
    held: Array
    most: Array

    def __len__(self) -> int:
        return len(self.on_demand)


@dataclass(frozen=True, eq=False)
class Hosts:
    """Machines that several small workloads may share; J kinds.

    Attributes
    ----------
    pool : array of int, shape (J,)
        Pool its machines are bought in.
    machines : array, shape (J,)
        Machines that one host takes at all hours, spare ones included.
    """

    pool: Ints
    machines: Array

    def __len__(self) -> int:
        return len(self.pool)


@dataclass(frozen=True, eq=False)
class Problem:
    """All columns of all workloads.

    Attributes
    ----------
    start : array of int, shape (W + 1,)
        Columns of workload ``w`` are ``start[w]`` to ``start[w + 1] - 1``; each has at least one.
    own_usd : array, shape (n,)
        What a column costs by itself, USD a month.
    hours : array, shape (n,)
        Engineering hours it takes, at least 0.
    pool : array of int, shape (n,)
        Pool it draws on, -1 for none (a hosted model, a fixed fleet, a place on a host).
    row : array of int, shape (n,)
        Row of `need` with its machines; ignored where it has no pool.
    need : array of float32, shape (m, T)
        Machines in each step, whole numbers unless the row may wait.
    spot_share : array, shape (m,)
        Most of a row that may be spot; ``floor(spot_share * need)`` machines in each step.
    waits : array of bool, shape (m,)
        Rows that are a volume of each day rather than machines at given hours: the sum of
        ``hours_month * need`` over a day, all of which may be spot.
    host : array of int, shape (n,)
        Host whose machines it lives on, -1 for none.
    host_load, host_memory : array, shape (n,)
        Share of one host's work and memory that it takes, at most 1.
    platforms : array of int64, shape (n,)
        Platforms it runs on, as bits.
    platform_usd : array, shape (F,)
        What running a platform at all costs, USD a month.
    hours_limit : float
        Engineering hours that may be spent; ``inf`` for no limit.
    hours_month : array, shape (T,)
        Hours a month that each step stands for.
    day : array of int, shape (T,)
        Day of each step, numbered from 0.
    block : array of int, shape (M, T)
        For each commitment term the stretches over which its level cannot change, numbered from
        0: one for the whole horizon, or one for each year of it. Every term has one or the other.
    """

    start: Ints
    own_usd: Array
    hours: Array
    pool: Ints
    row: Ints
    need: Single
    spot_share: Array
    waits: Bools
    host: Ints
    host_load: Array
    host_memory: Array
    platforms: Ints
    platform_usd: Array
    hours_limit: float
    hours_month: Array
    day: Ints
    block: Ints
    pools: Pools
    hosts: Hosts

    @property
    def workloads(self) -> int:
        """W, the number of workloads."""
        return len(self.start) - 1

    @property
    def columns(self) -> int:
        """n, the number of columns of all workloads."""
        return len(self.own_usd)

    def only(self, keep: Bools) -> tuple[Problem, Ints]:
        """The problem with the columns `keep` alone, and their numbers in this one.

        Raises
        ------
        ValueError
            When a workload is left without a column.
        """
        index = np.flatnonzero(keep)
        start = np.searchsorted(index, self.start)
        if (np.diff(start) == 0).any():
            w = int(np.flatnonzero(np.diff(start) == 0)[0])
            raise ValueError(f"workload {w} is left without a column")
        fields = ("own_usd", "hours", "pool", "row", "host", "host_load", "host_memory")
        taken = {f: getattr(self, f)[index] for f in (*fields, "platforms")}
        return replace(self, start=start, **taken), index


@dataclass(frozen=True, eq=False)
class Answer:
    """A choice with its certificate: ``lower_usd <= optimum <= upper_usd``, USD a month.

    Attributes
    ----------
    chosen : array of int, shape (W,)
        Column of each workload.
    upper_usd : float
        What it costs, as `advisor.optimize.joint.bill.cost` says.
    lower_usd : float
        What no choice can cost less than.
    hour_usd : float
        What one more engineering hour would save, USD a month per hour; 0 without a limit.
    rent_usd : array, shape (P, T)
        What one more machine in a step of a pool costs at the margin, USD a month.
    load_usd, memory_usd : array, shape (J,)
        What the whole work and memory of a host are worth at those rents, USD a month.
    excess_usd : array, shape (n,)
        At least how much dearer than `lower_usd` any choice with this column is.
    seconds : float
        Time taken.
    stopped : str
        ``gap`` when the gap asked for was reached, ``time`` or ``cancelled`` otherwise.
    """

    chosen: Ints
    upper_usd: float
    lower_usd: float
    hour_usd: float
    rent_usd: Array
    load_usd: Array
    memory_usd: Array
    excess_usd: Array
    seconds: float
    stopped: str

    @property
    def gap(self) -> float:
        """Relative gap; ``inf`` where nothing was found."""
        if not np.isfinite(self.upper_usd):
            return float("inf")
        return (self.upper_usd - self.lower_usd) / self.upper_usd if self.upper_usd else 0.0
