"""Better choices by moving one workload at a time, every pool bought anew at its optimum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .bill import cost, platforms_usd, row_demand, terms_of, time_of
from .pools import buy
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
        self.problem = problem
        self._time = time_of(problem)
        sizes = [len(a) for a in able]
        self.columns = np.concatenate(able)
        self.workload = np.repeat(np.arange(len(able)), sizes)
        self._steps = len(problem.hours_month)

    def improve(self, chosen: Ints, usd: float) -> tuple[Ints, float]:
        """Move until no single move helps; never dearer, and within the hours if it was."""
        chosen = chosen.copy()
        for _ in range(ROUNDS):
            gain = usd - self._after(chosen)
            moved = False
            touched: set[int] = set()
            for i in np.argsort(-gain, kind="stable").tolist():
                if gain[i] <= TOLERANCE * abs(usd):
                    break
                w, column = int(self.workload[i]), int(self.columns[i])
                pools = {int(self.problem.pool[c]) for c in (column, chosen[w])} - {-1}
                pools |= {-2 - w}
                if pools & touched:
                    continue
                trial = chosen.copy()
                trial[w] = column
                now = cost(self.problem, trial).usd
                if now < usd - TOLERANCE * abs(usd):
                    chosen, usd, moved = trial, now, True
                    touched |= pools
            if not moved:
                break
        return chosen, usd

    def _after(self, chosen: Ints) -> Array:
        """Total after each move alone, ``inf`` where it takes too many hours, shape (k,)."""
        p, c, w = self.problem, self.columns, self.workload
        old = chosen[w]
        hours = p.hours[chosen].sum() - p.hours[old] + p.hours[c]
        out = p.own_usd[chosen].sum() - p.own_usd[old] + p.own_usd[c]
        out = out + self._platforms(chosen, old, c)
        out = out + self._pools(chosen)
        # Hosts are packed anew: few columns live on one.
        for i in np.flatnonzero((p.host[old] >= 0) | (p.host[c] >= 0)).tolist():
            trial = chosen.copy()
            trial[w[i]] = c[i]
            out[i] = cost(p, trial).usd
        return np.where(hours <= p.hours_limit * (1.0 + 1e-9) + 1e-9, out, np.inf)

    def _platforms(self, chosen: Ints, old: Ints, new: Ints) -> Array:
        p = self.problem
        bits = p.platforms[chosen]
        users = np.array([((bits >> f) & 1).sum() for f in range(len(p.platform_usd))])
        out = np.zeros(len(new))
        for f, usd in enumerate(p.platform_usd):
            left = users[f] - ((p.platforms[old] >> f) & 1) + ((p.platforms[new] >> f) & 1)
            out += np.where(left > 0, usd, 0.0)
        return out

    def _pools(self, chosen: Ints) -> Array:
        """What all pools cost after each move."""
        p, c, w = self.problem, self.columns, self.workload
        old = chosen[w]
        bill = cost(p, chosen)
        base = np.zeros(len(p.pools))
        base[bill.pools] = bill.purchase.usd
        drawing = chosen[p.pool[chosen] >= 0]
        need = [np.zeros((len(p.pools), n)) for n in (self._steps, self._steps, self._days())]
        for part, of in zip(need, row_demand(p, p.row[drawing]), strict=True):
            np.add.at(part, p.pool[drawing], of)
        for kind, opened in zip(bill.packing.kinds, bill.packing.opened, strict=True):
            need[0][p.hosts.pool[kind]] += p.hosts.machines[kind] * opened
        # What each workload's pool costs without it.
        without = np.zeros(p.workloads)
        mine = np.flatnonzero(p.pool[chosen] >= 0)
        without[mine] = self._bought(need, p.pool[chosen[mine]], chosen[mine], None)
        out = np.full(len(c), base.sum())
        has_old, has_new = p.pool[old] >= 0, p.pool[c] >= 0
        same = has_old & has_new & (p.pool[old] == p.pool[c])
        left = has_old & ~same
        out[left] += without[w[left]] - base[p.pool[old[left]]]
        join = np.flatnonzero(has_new & ~same)
        stay = np.flatnonzero(same)
        out[join] += self._bought(need, p.pool[c[join]], None, c[join]) - base[p.pool[c[join]]]
        out[stay] += self._bought(need, p.pool[c[stay]], old[stay], c[stay])
        out[stay] -= base[p.pool[c[stay]]]
        return out

    def _bought(
        self, need: list[Array], pools: Ints, less: Ints | None, more: Ints | None
    ) -> Array:
        """What pools cost with some columns less and some more."""
        p = self.problem
        out = np.empty(len(pools))
        for at in range(0, len(pools), BATCH):
            part = slice(at, at + BATCH)
            now = [n[pools[part]] for n in need]
            for columns, sign in ((less, -1.0), (more, 1.0)):
                if columns is not None:
                    for total, of in zip(now, row_demand(p, p.row[columns[part]]), strict=True):
                        total += sign * of
            now = [np.maximum(n, 0.0) for n in now]
            out[part] = buy(*now, terms_of(p.pools, self._time, pools[part]), self._time).usd
        return out

    def _days(self) -> int:
        return int(self.problem.day[-1]) + 1


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
    lost = reduced[frugal] - reduced[chosen]
    worth = np.where(saved > 0, lost / np.maximum(saved, 1e-12), np.inf)
    for w in np.argsort(worth, kind="stable").tolist():
        if problem.hours[out].sum() <= problem.hours_limit * (1.0 + 1e-9) or saved[w] <= 0:
            break
        out[w] = frugal[w]
    return out


def alone_usd(problem: Problem, columns: Ints) -> Array:
    """What each column would cost if nothing else ran, platforms included, USD a month."""
    time = time_of(problem)
    out = problem.own_usd[columns].copy()
    drawing = np.flatnonzero(problem.pool[columns] >= 0)
    for at in range(0, len(drawing), BATCH):
        of = columns[drawing[at : at + BATCH]]
        need = row_demand(problem, problem.row[of])
        terms = terms_of(problem.pools, time, problem.pool[of])
        out[drawing[at : at + BATCH]] += buy(*need, terms, time).usd
    bits, which = np.unique(problem.platforms[columns], return_inverse=True)
    return out + np.array([platforms_usd(problem, int(b)) for b in bits])[which]
