"""Better choices by moving one workload at a time, every pool bought anew at its optimum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.economics.purchase import Steps, buy

from .bill import cost, demand, prices_of, row_demand, steps_of
from .hosts import packed
from .problem import Array, Ints, Problem

ROUNDS = 40
TOLERANCE = 1e-9
"""Relative saving below which a move is not worth making."""
BATCH = 20_000


class Search:
    """Single moves among a few columns of each workload.

    Parameters
    ----------
    problem : Problem
    able : sequence of array of int
        Columns of each workload to move among.
    """

    def __init__(self, problem: Problem, able: Sequence[Ints]) -> None:
        self.problem, self._steps = problem, steps_of(problem)
        self.columns = np.concatenate(able)
        self.workload = np.repeat(np.arange(len(able)), [len(a) for a in able])
        self._parts = row_demand(problem, problem.row[self.columns])

    def improve(self, chosen: Ints, usd: float, most: int = ROUNDS) -> tuple[Ints, float]:
        """Move until no single move helps; never dearer, and within the hours if it was."""
        state = _State(self.problem, chosen, self._steps)
        for _ in range(most):
            gain = usd - self._after(state)
            least = TOLERANCE * abs(usd)
            moved = False
            for i in np.argsort(-gain, kind="stable").tolist():
                if gain[i] <= least:
                    break
                moved |= state.move(int(self.workload[i]), int(self.columns[i]), least)
            usd = state.usd
            if not moved:
                break
        return state.chosen, cost(self.problem, state.chosen).usd

    def _after(self, state: _State) -> Array:
        """Total after each move alone, ``inf`` where it takes too many hours, shape (k,)."""
        p, c, w = self.problem, self.columns, self.workload
        old = state.chosen[w]
        hours = state.hours - p.hours[old] + p.hours[c]
        out = state.own - p.own_usd[old] + p.own_usd[c] + state.platforms_after(old, c)
        out = out + self._pools(state)
        hosted = np.flatnonzero((p.host[old] >= 0) | (p.host[c] >= 0))
        out[hosted] += self._hosts(state, old, hosted)
        return np.where(hours <= p.hours_limit * (1.0 + 1e-9) + 1e-9, out, np.inf)

    def _pools(self, state: _State) -> Array:
        """What all pools cost after each move."""
        p, c, w = self.problem, self.columns, self.workload
        chosen = state.chosen
        # What each workload's pool costs without it.
        without = np.zeros(p.workloads)
        mine = np.flatnonzero(p.pool[chosen] >= 0)
        parts = row_demand(p, p.row[chosen])
        without[mine] = state.bought(p.pool[chosen[mine]], [-n[mine] for n in parts])
        old = p.pool[chosen[w]]
        new = p.pool[c]
        out = np.full(len(c), state.pools_usd.sum())
        left = (old >= 0) & (old != new)
        out[left] += without[w[left]] - state.pools_usd[old[left]]
        more = np.flatnonzero(new >= 0)
        same = (old == new)[more, None]
        change = [n[more] - same * m[w[more]] for n, m in zip(self._parts, parts, strict=True)]
        out[more] += state.bought(new[more], change) - state.pools_usd[new[more]]
        return out

    def _hosts(self, state: _State, old: Ints, hosted: Ints) -> Array:
        """What moves to or from hosts cost beyond what `_pools` knows of."""
        p, out = self.problem, np.zeros(len(hosted))
        of: list[int] = []
        pools: list[int] = []
        before: list[list[Array]] = [[], [], []]
        after: list[list[Array]] = [[], [], []]
        parts = row_demand(p, p.row[old[hosted]])
        for k, i in enumerate(hosted.tolist()):
            more: dict[int, float] = {}
            for kind, machines in state.repacked(int(old[i]), int(self.columns[i])).items():
                pool = int(p.hosts.pool[kind])
                more[pool] = more.get(pool, 0.0) + machines
            for pool, machines in more.items():
                of.append(k)
                pools.append(pool)
                leaves, comes = p.pool[old[i]] == pool, p.pool[self.columns[i]] == pool
                for f, (gone, new) in enumerate(zip(parts, self._parts, strict=True)):
                    change = comes * new[i] - leaves * gone[k]
                    before[f].append(change)
                    after[f].append(change + machines if f == 0 else change)
        if pools:
            at = np.array(pools, np.int64)
            now, then = (state.bought(at, [np.array(x) for x in n]) for n in (before, after))
            known = np.isfinite(now)
            np.add.at(out, of, np.where(known, then, 0.0) - np.where(known, now, 0.0))
        return out


class _State:
    """A choice with what it needs of each pool, kept up to date move by move."""

    def __init__(self, problem: Problem, chosen: Ints, steps: Steps) -> None:
        p = self.problem = problem
        self._steps, self.chosen = steps, chosen.copy()
        bill = cost(p, chosen)
        drawing = chosen[p.pool[chosen] >= 0]
        found = demand(p, drawing, p.pool[drawing], len(p.pools))
        self.need = [found.need, found.spot, found.volume]
        self.opened = dict(
            zip(bill.packing.kinds.tolist(), bill.packing.opened.tolist(), strict=True)
        )
        for kind, opened in self.opened.items():
            self.need[0][p.hosts.pool[kind]] += p.hosts.machines[kind] * opened
        self.pools_usd = np.zeros(len(p.pools))
        self.pools_usd[bill.pools] = bill.purchase.usd
        self.own, self.hours = float(p.own_usd[chosen].sum()), float(p.hours[chosen].sum())
        bits = p.platforms[chosen]
        self.users = np.array([((bits >> f) & 1).sum() for f in range(len(p.platform_usd))])

    @property
    def usd(self) -> float:
        """The total."""
        open_usd = float(self.problem.platform_usd[self.users > 0].sum())
        return self.own + open_usd + float(self.pools_usd.sum())

    def platforms_after(self, old: Ints, new: Ints) -> Array:
        """What platforms cost after each move from `old` to `new`."""
        p = self.problem
        out = np.zeros(len(new))
        for f, usd in enumerate(p.platform_usd):
            left = self.users[f] - ((p.platforms[old] >> f) & 1) + ((p.platforms[new] >> f) & 1)
            out += np.where(left > 0, usd, 0.0)
        return out

    def repacked(self, old: int, new: int) -> dict[int, float]:
        """Machines that each kind of host needs more after a move from `old` to `new`."""
        p, out = self.problem, {}
        for kind in {int(p.host[old]), int(p.host[new])} - {-1}:
            living = self.chosen[(p.host[self.chosen] == kind) & (self.chosen != old)]
            if p.host[new] == kind:
                living = np.r_[living, new]
            bins = packed(p.host_load[living].tolist(), p.host_memory[living].tolist())
            opened = max(bins, default=-1) + 1
            out[kind] = float(p.hosts.machines[kind] * (opened - self.opened.get(kind, 0)))
        return out

    def bought(self, pools: Ints, change: list[Array]) -> Array:
        """What pools cost with each change of their demand."""
        out = np.empty(len(pools))
        for at in range(0, len(pools), BATCH):
            part = slice(at, at + BATCH)
            need, spot, volume = (
                np.maximum(n[pools[part]] + c[part], 0.0)
                for n, c in zip(self.need, change, strict=True)
            )
            terms = prices_of(self.problem.pools, self._steps, pools[part])
            out[part] = buy(need, spot, volume, terms, self._steps).usd
        return out

    def after(self, workload: int, column: int) -> float:
        """The total after a move, everything worked out anew."""
        trial = self.chosen.copy()
        trial[workload] = column
        return cost(self.problem, trial).usd

    def move(self, workload: int, column: int, least: float) -> bool:
        """Make a move if it still saves more than `least` within the hours."""
        p, old = self.problem, int(self.chosen[workload])
        hours = self.hours - p.hours[old] + p.hours[column]
        if column == old or hours > p.hours_limit * (1.0 + 1e-9) + 1e-9:
            return False
        if p.host[old] >= 0 or p.host[column] >= 0:
            return self._repacked(workload, column, least)
        pools = np.unique([q for q in (p.pool[old], p.pool[column]) if q >= 0]).astype(np.int64)
        change = [np.zeros((len(pools), n.shape[1])) for n in self.need]
        for c, sign in ((old, -1.0), (column, 1.0)):
            if p.pool[c] >= 0:
                at = np.searchsorted(pools, p.pool[c])
                parts = row_demand(p, p.row[c : c + 1])
                for total, part in zip(change, parts, strict=True):
                    total[at] += sign * part[0]
        now = self.bought(pools, change)
        both = np.array([old]), np.array([column])
        shared = float(self.platforms_after(*both)[0])
        gain = self.own + float(p.platform_usd[self.users > 0].sum()) + self.pools_usd[pools].sum()
        own = self.own - p.own_usd[old] + p.own_usd[column]
        if gain - own - shared - now.sum() <= least:
            return False
        self.chosen[workload], self.own, self.hours = column, own, hours
        self.pools_usd[pools] = now
        for total, more in zip(self.need, change, strict=True):
            total[pools] += more
        for f in range(len(self.users)):
            self.users[f] += (p.platforms[column] >> f & 1) - (p.platforms[old] >> f & 1)
        return True

    def _repacked(self, workload: int, column: int, least: float) -> bool:
        if self.usd - self.after(workload, column) <= least:
            return False
        self.chosen[workload] = column
        self.__init__(self.problem, self.chosen, self._steps)  # type: ignore[misc]
        return True


def within_hours(problem: Problem, chosen: Ints, frugal: Ints, reduced: Array) -> Ints:
    """A choice within the hours there are: moves given up, the least worth for their hours first.

    Parameters
    ----------
    frugal : array of int, shape (W,)
        The column of each workload that takes the fewest hours.
    reduced : array, shape (n,)
        Cost of each column at the prices of what is shared.
    """
    out = chosen.copy()
    saved = problem.hours[chosen] - problem.hours[frugal]
    known = np.isfinite(reduced[frugal]) & np.isfinite(reduced[chosen])
    lost = np.where(known, reduced[frugal], np.inf) - np.where(known, reduced[chosen], 0.0)
    worth = np.where(saved > 0, lost / np.maximum(saved, 1e-12), np.inf)
    for w in np.argsort(worth, kind="stable").tolist():
        if problem.hours[out].sum() <= problem.hours_limit * (1.0 + 1e-9) or saved[w] <= 0:
            break
        out[w] = frugal[w]
    return out
