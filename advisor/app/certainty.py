"""How sure the plan is: scenarios at once, regret and fair shares beside the page."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from advisor.app.cards import ChartCards, table_card
from advisor.app.scenario import Scenario
from advisor.app.why import Why
from advisor.app.widgets import html
from advisor.app.widgets.layout import button, card, stack
from advisor.optimize.alternatives import alternatives
from advisor.optimize.attribution import Attribution, attribute
from advisor.optimize.plan import Plan
from advisor.optimize.uncertainty import Uncertainty, uncertainty
from advisor.playbook import certainty as words

REGRET_SCENARIOS = 256


class CertaintyPanel:
    """Uncertainty, near-tied plans and what levers are worth, of the plan that is shown."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._head, self._status = html.show(), html.show()
        self._cards = ChartCards()
        self._body, self._later, self._side = stack(), stack(), stack()
        self._why = Why(scenario)
        self._stop = button("Stop", self.cancel, "quiet")
        self._running = stack(self._status, self._stop)
        self.main: list[Any] = [self._head, self._body, self._running, self._later]
        self.aside: list[Any] = [self._side]
        self._plan: Plan | None = None
        self._cancelled = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self.refresh()

    def refresh(self) -> None:
        """Show the scenario's current view; what takes long follows."""
        plan = self.scenario.view.final
        if plan is self._plan:
            return
        self.cancel()
        self._plan = plan
        found = uncertainty(plan)
        self._why.refresh()
        self._show(plan, found)
        self._later.children = []
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._running.children = []
            self._show_later(*_slow(plan, threading.Event(), lambda _text, _share: None))
            return
        self._cancelled = threading.Event()
        self._running.children = [self._status, self._stop]
        self._task = loop.create_task(self._work(plan, self._cancelled, loop))

    def cancel(self) -> None:
        """Stop what runs beside the page."""
        self._cancelled.set()

    def mark_stale(self, stale: bool) -> None:
        """Dim figures, and stop working on them, while a newer plan is on its way."""
        self._cards.mark_stale(stale)
        if stale:
            self.cancel()

    async def settled(self) -> None:
        """Wait until nothing runs beside the page."""
        if self._task is not None:
            await self._task

    async def _work(
        self, plan: Plan, cancelled: threading.Event, loop: asyncio.AbstractEventLoop
    ) -> None:
        def progress(text: str, share: float) -> None:
            if not cancelled.is_set():
                loop.call_soon_threadsafe(self._say, text, share)

        found = await asyncio.to_thread(_slow, plan, cancelled, progress)
        if plan is not self._plan:
            return
        if cancelled.is_set():
            again = button("Work them out", self._again, "quiet")
            html.update(self._status, html.paragraph("Regret and fair shares were stopped."))
            self._running.children = [self._status, again]
            return
        self._running.children = []
        self._show_later(*found)

    def _again(self) -> None:
        self._plan = None
        self.refresh()

    def _say(self, text: str, share: float) -> None:
        html.update(self._status, html.progress(share, f"{text[:1].upper()}{text[1:]}…"))

    # What is shown -----------------------------------------------------------------------

    def _show(self, plan: Plan, found: Uncertainty) -> None:
        html.update(
            self._head,
            html.eyebrow("Certainty"),
            html.lead(words.headline(found)),
            html.sub(
                "Demand, speeds, prices and effort are drawn within their ranges; what was chosen "
                "and committed stays as planned. Prices grow uncertain with their age."
            ),
        )
        near = words.alternatives_table(alternatives(plan))
        self._body.children = [
            self._cards.card(words.savings_chart(found)),
            self._cards.card(words.drivers_chart(found)),
            self._why.widget,
            table_card(near),
        ]
        proof = html.show(html.explained(words.certificate_text(plan)))
        self._side.children = [card("How near the optimum", proof), _reading()]

    def _show_later(self, found: Uncertainty | None, shares: Attribution | None) -> None:
        cards = []
        if shares is not None:
            cards.append(self._cards.card(words.levers_chart(shares)))
        worn = words.stability_table(self.scenario.view.final, found) if found else None
        if worn is not None:
            cards.append(table_card(worn))
        self._later.children = cards


def _slow(
    plan: Plan, cancelled: threading.Event, progress: Any
) -> tuple[Uncertainty | None, Attribution | None]:
    """What takes seconds: every set of levers, and scenarios solved anew."""
    shares = attribute(plan, progress=progress, cancelled=cancelled.is_set)
    if shares is None:
        return None, None
    found = uncertainty(
        plan, resolve=REGRET_SCENARIOS, progress=progress, cancelled=cancelled.is_set
    )
    return found, shares


def _reading() -> Any:
    lines = [
        ("Fair share: ", "a step's saving on average over every order of the steps; they add up."),
        ("In playbook order: ", "as in the waterfall, where late steps find less left to save."),
        ("Last to alone: ", "from what undoing the step costs to what it saves by itself."),
        ("Regret: ", "what knowing better would have saved, commitments included."),
    ]
    text = html.explained(*([html.tag("b", name), rest] for name, rest in lines))
    return card("How to read it", html.show(text))
