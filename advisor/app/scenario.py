"""The only state of the app: a portfolio, what was rejected, and the plans that follow."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import traitlets

from advisor.catalog import Catalog
from advisor.errors import AdvisorError, InputError
from advisor.optimize import playbook_plans
from advisor.optimize.recalibrate import speeds
from advisor.optimize.setting import Setting
from advisor.optimize.solve import as_setting
from advisor.performance.attach import with_measured
from advisor.playbook import View
from advisor.portfolio import LEVERS, Lever, Measured, Portfolio
from advisor.portfolio.load import load_portfolio, parse, sample_path
from advisor.report.planfile import plan_json, read_plan_file, write_plan_file

Rejected = dict[str, frozenset[Lever]]


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
    """

    view = traitlets.Any()
    busy = traitlets.Bool(False)
    error = traitlets.Unicode("")

    def __init__(self, portfolio: Portfolio | None = None, catalog: Catalog | None = None) -> None:
        super().__init__()
        self.catalog = catalog or Catalog.load()
        self.portfolio = portfolio or load_portfolio(sample_path(), self.catalog)
        self.rejected: Rejected = {}
        self._setting = Setting(self.portfolio, self.catalog)
        self._run = 0
        self._task: asyncio.Task[None] | None = None
        self.view = _solved(self._setting, self.rejected)

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
        self._replace(portfolio=parse(data, self.catalog))

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
        self._replace(portfolio=changed)

    def open_portfolio(
        self, portfolio: Portfolio, rejected: Mapping[str, Collection[Lever]] | None = None
    ) -> None:
        """Plan another portfolio, with nothing rejected unless said."""
        kept = {name: frozenset(levers) for name, levers in (rejected or {}).items()}
        self._replace(portfolio=portfolio, rejected=kept)

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
            self.open_portfolio(p, rejected)
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
        }
        return write_plan_file(self.view.plans, inputs)

    def summary(self) -> dict[str, Any]:
        """The stable JSON of what is shown."""
        return plan_json(self.view.plans)

    # How it is solved --------------------------------------------------------------------

    def _replace(
        self, portfolio: Portfolio | None = None, rejected: Rejected | None = None
    ) -> None:
        before = (self.portfolio, self.rejected, self._setting)
        if portfolio is not None:
            self.portfolio = portfolio
            self._setting = self._setting.updated(portfolio)
        if rejected is not None:
            self.rejected = rejected
        self._run += 1
        self.error = ""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._solve_now(before)
            return
        self.busy = True
        self._task = loop.create_task(self._solve_later(self._run, before))

    def _solve_now(self, before: tuple[Portfolio, Rejected, Setting]) -> None:
        try:
            self.view = _solved(self._setting, self.rejected)
        except AdvisorError:
            self.portfolio, self.rejected, self._setting = before
            raise

    async def _solve_later(self, run: int, before: tuple[Portfolio, Rejected, Setting]) -> None:
        setting, rejected = self._setting, dict(self.rejected)
        try:
            view = await asyncio.to_thread(_solved, setting, rejected)
        except AdvisorError as error:
            if run == self._run:
                self.portfolio, self.rejected, self._setting = before
                self.error, self.busy = str(error), False
            return
        if run == self._run:
            self.view, self.busy = view, False

    async def settled(self) -> None:
        """Wait until no solve is under way."""
        while self._task is not None and not self._task.done():
            await self._task


def _solved(setting: Setting, rejected: Rejected) -> View:
    portfolio = as_setting(setting).portfolio
    names = [w.name for w in portfolio.workloads] + [j.name for j in portfolio.training]
    levers = {n: frozenset(LEVERS) - rejected.get(n, frozenset()) for n in names}
    return View(playbook_plans(setting, levers=levers), rejected)


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
