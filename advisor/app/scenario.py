"""The only state of the app: a portfolio, what was rejected, and the plans that follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import traitlets

from advisor.catalog import Catalog
from advisor.errors import AdvisorError, InputError
from advisor.optimize import playbook_plans
from advisor.optimize.alternatives import Choices, choices
from advisor.optimize.levers import LEVER_FIELDS
from advisor.optimize.pins import pin_of
from advisor.optimize.recalibrate import speeds
from advisor.optimize.setting import Setting
from advisor.optimize.solve import as_setting
from advisor.performance.attach import with_measured
from advisor.playbook import View
from advisor.portfolio import LEVERS, Lever, Measured, Portfolio
from advisor.portfolio.load import load_portfolio, parse, sample_path
from advisor.report.planfile import plan_json, read_plan_file, write_plan_file

Rejected = dict[str, frozenset[Lever]]
Kept = Mapping[str, Choices]
"""Choices that are kept to where it costs next to nothing, by step."""
UNDOS = 50
"""Changes that can be taken back."""


class Scenario(traitlets.HasTraits):
    """A portfolio being planned. Panels observe `view` and never each other.

    Changes re-solve in the background where an event loop runs (the app) and at once where none
    does (scripts, tests); an outdated result is dropped.

    Attributes
    ----------
    view : View
        The solved playbook; replaced whole after each solve.
    busy : bool
        Whether a newer view is on its way, so that what is shown is stale.
    error : str
        Why the last change could not be solved; empty otherwise.
    progress : str
        What is being solved, while `busy`.
    """

    view = traitlets.Any()
    busy = traitlets.Bool(False)
    error = traitlets.Unicode("")
    progress = traitlets.Unicode("")

    def __init__(self, portfolio: Portfolio | None = None, catalog: Catalog | None = None) -> None:
        super().__init__()
        self.catalog = catalog or Catalog.load()
        self.portfolio = portfolio or load_portfolio(sample_path(), self.catalog)
        self.rejected: Rejected = {}
        self.pins: dict[str, dict[str, Any]] = {}
        self.kept: Kept = {}
        self._setting = Setting(self.portfolio, self.catalog)
        self._run = 0
        self._task: asyncio.Task[None] | None = None
        self._past: list[_State] = []
        self._future: list[_State] = []
        self.view = _solved(self._state)

    # What a planner does -----------------------------------------------------------------

    def decide(self, workload: str, lever: Lever, *, accept: bool) -> None:
        """Accept or reject what a lever does for one workload."""
        held = self.rejected.get(workload, frozenset())
        now = held - {lever} if accept else held | {lever}
        self._replace(rejected={**self.rejected, workload: now})

    def decide_all(self, lever: Lever, *, accept: bool) -> None:
        """Accept or reject a lever for every workload and training job."""
        p = self.portfolio
        names = [w.name for w in p.workloads] + [j.name for j in p.training]
        rejected = dict(self.rejected)
        for name in names:
            held = rejected.get(name, frozenset())
            rejected[name] = held - {lever} if accept else held | {lever}
        self._replace(rejected=rejected)

    def pin(self, workload: str, lever: Lever) -> None:
        """Settle what a lever decides for a workload as it is in the plan."""
        choice = self.view.final.candidate(workload).choice
        pins = {**self.pins.get(workload, {}), **pin_of(choice, lever)}
        self._replace(pins={**self.pins, workload: pins})

    def unpin(self, workload: str, lever: Lever) -> None:
        """Let a lever decide for a workload again."""
        held = self.pins.get(workload, {})
        left = {name: v for name, v in held.items() if name not in LEVER_FIELDS[lever]}
        pins = {k: v for k, v in self.pins.items() if k != workload}
        self._replace(pins=pins | ({workload: left} if left else {}))

    def is_pinned(self, workload: str, lever: Lever) -> bool:
        """Whether what a lever decides for a workload is settled."""
        return LEVER_FIELDS[lever][0] in self.pins.get(workload, {})

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return bool(self._future)

    def undo(self) -> None:
        """Take the last change back."""
        if self._past:
            self._future.append(self._state)
            self._go_to(self._past.pop())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._future:
            self._past.append(self._state)
            self._go_to(self._future.pop())

    def cancel(self) -> None:
        """Stop solving the last change and go back to what is shown."""
        if self.busy:
            self._run += 1
            self._restore(self._shown)
            if self._past:
                self._past.pop()
            self.busy, self.progress = False, ""

    def assume(self, target: str, value: float | str | None) -> None:
        """Change one figure of the portfolio.

        Parameters
        ----------
        target : str
            ``organisation.<field>`` or ``workload.<name>.<field>[.<field>]``.

        Raises
        ------
        InputError
            When the value is not allowed; the scenario stays as it was.
        """
        data = self.portfolio.to_dict()
        _put(data, self.portfolio, target, value)
        self._replace(portfolio=parse(data, self.catalog), kept=self._chosen())

    def measure(self, workload: str, measured: Sequence[Measured]) -> None:
        """Put `measured` in place of all of a workload's own benchmarks.

        Raises
        ------
        InputError
            For a run that cannot have been; the scenario stays as it was.
        """
        changed = with_measured(self.portfolio, self.catalog, workload, measured)
        target = changed.workload(workload)
        if target.measured:
            # Found out here, it is an answer to who gave the run, not a failed solve later.
            speeds(self.catalog, target)
        self._replace(portfolio=changed, kept=self._chosen())

    def open_portfolio(
        self,
        portfolio: Portfolio,
        rejected: Mapping[str, Collection[Lever]] | None = None,
        pins: Mapping[str, Mapping[str, Any]] | None = None,
        kept: Kept | None = None,
    ) -> None:
        """Plan another portfolio, with nothing rejected, pinned or kept to unless said."""
        closed = {name: frozenset(levers) for name, levers in (rejected or {}).items()}
        settled = {name: dict(pin) for name, pin in (pins or {}).items()}
        self._replace(portfolio=portfolio, rejected=closed, pins=settled, kept=kept or {})

    def open_file(self, name: str, content: bytes) -> str:
        """Open an uploaded portfolio or plan file.

        Returns
        -------
        str
            What was opened, in a sentence.

        Raises
        ------
        InputError
            When the file cannot be used; the scenario stays as it was.
        """
        if name.lower().endswith(".json") and b'"format"' in content[:400]:
            found = read_plan_file(content, self.catalog, name)
            closed = frozenset(LEVERS) - frozenset(found["levers"])
            p = found["portfolio"]
            names = [w.name for w in p.workloads] + [j.name for j in p.training]
            rejected = {n: closed | frozenset(found["rejected"].get(n, ())) for n in names}
            self.open_portfolio(p, rejected, found["pins"], found["kept"])
            return f"Opened the plan for {found['portfolio'].name}."
        portfolio = load_portfolio(content, self.catalog, name=name)
        self.open_portfolio(portfolio)
        n = len(portfolio.workloads)
        return f"Opened {portfolio.name}: {n} workload{'s' if n != 1 else ''}."

    def open_sample(self) -> None:
        """Go back to the sample portfolio."""
        self.open_portfolio(load_portfolio(sample_path(), self.catalog))

    def plan_file(self) -> bytes:
        """The plan file of what is shown."""
        inputs = {
            "portfolio": self.portfolio.to_dict(),
            "levers": list(LEVERS),
            "rejected": {k: sorted(v) for k, v in self.rejected.items() if v},
            "pins": self.pins,
            "kept": {s: choices(p, p.kept) for s, p in self.view.plans.items() if p.kept},
        }
        return write_plan_file(self.view.plans, inputs)

    def summary(self) -> dict[str, Any]:
        """The stable JSON of what is shown."""
        return plan_json(self.view.plans)

    # How it is solved --------------------------------------------------------------------

    @property
    def _state(self) -> _State:
        return _State(self.portfolio, self.rejected, self.pins, self.kept, self._setting)

    def _chosen(self) -> Kept:
        """What the plans that are shown chose."""
        names = [w.name for w in self.view.portfolio.workloads]
        return {step: choices(plan, names) for step, plan in self.view.plans.items()}

    def _restore(self, state: _State) -> None:
        self.portfolio, self.rejected = state.portfolio, state.rejected
        self.pins, self.kept, self._setting = state.pins, state.kept, state.setting

    def _replace(
        self,
        portfolio: Portfolio | None = None,
        rejected: Rejected | None = None,
        pins: dict[str, dict[str, Any]] | None = None,
        kept: Kept | None = None,
    ) -> None:
        before = self._state
        after = replace(
            before,
            portfolio=portfolio or before.portfolio,
            rejected=before.rejected if rejected is None else rejected,
            pins=before.pins if pins is None else pins,
            kept=before.kept if kept is None else kept,
            setting=before.setting.updated(portfolio) if portfolio else before.setting,
        )
        self._past = [*self._past[-(UNDOS - 1) :], before]
        self._future = []
        self._go_to(after)

    def _go_to(self, state: _State) -> None:
        before = self._state
        if not self.busy:
            self._shown = before
        self._restore(state)
        self._run += 1
        self.error = ""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._solve_now(before)
            return
        self.busy = True
        self._task = loop.create_task(self._solve_later(self._run, loop))

    def _solve_now(self, before: _State) -> None:
        try:
            self.view = _solved(self._state)
        except AdvisorError:
            self._restore(before)
            if self._past:
                self._past.pop()
            raise

    async def _solve_later(self, run: int, loop: asyncio.AbstractEventLoop) -> None:
        def say(step: str) -> None:
            if run == self._run:
                loop.call_soon_threadsafe(self._say, run, step)

        state = self._state
        try:
            view = await asyncio.to_thread(_solved, state, say, lambda: run != self._run)
        except AdvisorError as error:
            if run == self._run:
                self._restore(self._shown)
                if self._past:
                    self._past.pop()
                self.error, self.busy, self.progress = str(error), False, ""
            return
        if run == self._run:
            self.view, self.busy, self.progress = view, False, ""

    def _say(self, run: int, step: str) -> None:
        if run == self._run:
            self.progress = step

    async def settled(self) -> None:
        """Wait until no solve is under way."""
        while self._task is not None and not self._task.done():
            await self._task


@dataclass(frozen=True)
class _State:
    """What a planner has decided, and what it is solved with."""

    portfolio: Portfolio
    rejected: Rejected
    pins: dict[str, dict[str, Any]]
    kept: Kept
    setting: Setting


def _solved(
    state: _State,
    progress: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> View:
    portfolio = as_setting(state.setting).portfolio
    names = [w.name for w in portfolio.workloads] + [j.name for j in portfolio.training]
    levers = {n: frozenset(LEVERS) - state.rejected.get(n, frozenset()) for n in names}
    plans = playbook_plans(
        state.setting,
        levers=levers,
        pins={n: p for n, p in state.pins.items() if n in names},
        kept=state.kept,
        progress=progress,
        cancelled=cancelled,
    )
    return View(plans, state.rejected, state.pins)


def _put(data: dict[str, Any], portfolio: Portfolio, target: str, value: object) -> None:
    """Set one figure in a portfolio's plain data."""
    root, _, rest = target.partition(".")
    if root == "organisation":
        record, path = data.setdefault("organisation", {}), rest.split(".")
    else:
        # Names may hold dots themselves, so the longest that fits is meant.
        names = sorted((w.name for w in portfolio.workloads), key=len, reverse=True)
        name = next((n for n in names if rest.startswith(f"{n}.")), None)
        if root != "workload" or name is None:
            raise InputError("no such figure", value=target)
        record = next(w for w in data["workloads"] if w["name"] == name)
        path = rest[len(name) + 1 :].split(".")
    for part in path[:-1]:
        record = record.setdefault(part, {})
    if value is None:
        record.pop(path[-1], None)
    else:
        record[path[-1]] = value
