"""The accuracy card: how good the predictions are, where they are not, and what they rest on."""

from __future__ import annotations

import asyncio
from typing import Any

from advisor.app.benchmark import BenchmarkCard
from advisor.app.scenario import Scenario
from advisor.app.widgets import html
from advisor.app.widgets.chart import Chart
from advisor.app.widgets.layout import card, stack
from advisor.app.widgets.table import Table
from advisor.catalog.records import records
from advisor.format import count, percent
from advisor.report.accuracy import RESTS_ON, UNITS, Card, accuracy_card, unseen

FIGURES = ["n", "groups", "median", "P90", "bias", "coverage"]
STRATA: list[Any] = [
    {"key": "what", "label": "Stack", "kind": "two_line", "sub": "metric", "strong": True},
    {"key": "accelerator", "label": "Chip"},
    {"key": "n", "label": "n", "kind": "number", "align": "right"},
    {"key": "groups", "label": "Groups", "kind": "number", "align": "right", "hide_small": True},
    {"key": "median_ape", "label": "Median", "kind": "percent", "align": "right", "strong": True},
    {"key": "p90_ape", "label": "P90", "kind": "percent", "align": "right"},
    {"key": "bias", "label": "Bias", "kind": "percent", "align": "right", "hide_small": True},
    {"key": "coverage80", "label": "In 80%", "kind": "percent", "align": "right"},
]
REFUSALS = (
    ("Number formats ", "that the chip has no arithmetic for, such as BF16 on a T4."),
    ("Models that do not fit ", "into the memory that is visible, with what is missing."),
    ("Targets below the floor: ", "a time per token under that of reading the weights once."),
    ("Models sold as an API only: ", "their shape is not published."),
    ("Not refused but widened ", "to ±50% or more: stacks, chips and shapes never measured."),
)


class AccuracyPanel:
    """Predicted against measured; worked out on the first visit, beside the page."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._head = html.show(
            html.eyebrow("Accuracy card"),
            html.lead("How far are the predictions from what others have measured?"),
            html.progress(None, "Predicting every published measurement…"),
        )
        self._body, self._side = stack(), stack()
        # Between the two, so that it can be used at once and stays where it is.
        self._benchmark = BenchmarkCard(scenario)
        self.main: list[Any] = [self._head, self._benchmark.widget, self._body]
        self.aside: list[Any] = [self._side]
        self._task: asyncio.Task[None] | None = None
        self.refresh()

    def refresh(self) -> None:
        """Show which benchmarks are attached; the card is of no plan and worked out once."""
        self._benchmark.refresh()
        if self._task is not None or self._body.children:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._show(accuracy_card(self.scenario.catalog))
            return
        self._task = loop.create_task(self._later())

    async def _later(self) -> None:
        try:
            self._show(await asyncio.to_thread(accuracy_card, self.scenario.catalog))
        except Exception as error:
            text = f"The card could not be made: {error}"
            html.update(self._head, html.eyebrow("Accuracy card"), html.banner(text, "bad"))
            raise

    async def settled(self) -> None:
        """Wait until the card is shown."""
        if self._task is not None:
            await self._task

    def mark_stale(self, stale: bool) -> None:
        """Keep the figures: a newer plan does not change them."""

    # What is shown -----------------------------------------------------------------------

    def _show(self, found: Card) -> None:
        o = found.result.overall
        html.update(
            self._head,
            html.eyebrow("Accuracy card"),
            html.lead(
                f"Half of {count(o['n'])} published measurements are predicted within "
                f"{percent(o['median_ape'])}, nine in ten within {percent(o['p90_ape'])}."
            ),
            html.sub(
                f"They come from {count(o['groups'])} combinations of model, chip and framework. "
                f"The 80% interval holds {percent(o['coverage80'])} of them. Factors were fitted "
                "to many of these same rows: on a combination nobody has measured, expect the "
                "spread of its stack below, which comes from fits that had not seen it, or is "
                "assumed where the evidence is a rule."
            ),
        )
        self._body.children = [
            _scatter(found),
            _unseen(self.scenario),
            _summary_card("By kind", "kind", records(found.kinds)),
            _strata(found),
            _calibrated(self.scenario),
        ]
        self._side.children = [_refused(found), _rests_on(found), _reading()]


def _scatter(found: Card) -> Any:
    o = found.result.overall
    alt = (
        f"Predicted against measured for {count(o['n'])} measurements on logarithmic scales, with "
        f"80% intervals; half lie within {percent(o['median_ape'])} of the line on which both are "
        f"equal, and {percent(o['coverage80'])} of the intervals cross it."
    )
    return card(
        "Predicted against measured",
        Chart("accuracy", found.chart(), alt),
        hint="bars are 80% intervals; on the dashed line both agree",
    )


def _unseen(scenario: Scenario) -> Any:
    """What to expect of a language model, chip or stack that nobody has measured."""
    cells = [[r["what"], *_figures(r)] for r in records(unseen(scenario.catalog))]
    table = html.plain_table(
        ["Not seen by the fit", *FIGURES],
        cells,
        numeric=range(1, 1 + len(FIGURES)),
        caption="Error on what the fit had not seen",
    )
    return card(
        "Error on what the fit had not seen",
        html.show(table),
        hint="language models; every published table under benchmarks/ counts, MLPerf included",
    )


def _summary_card(title: str, column: str, rows: list[dict[str, Any]]) -> Any:
    cells = [[r[column], *_figures(r)] for r in rows]
    table = html.plain_table(
        [title, *FIGURES], cells, numeric=range(1, 1 + len(FIGURES)), caption=f"Error {title}"
    )
    return card(f"Error {title[0].lower()}{title[1:]}", html.show(table))


def _figures(r: dict[str, Any]) -> list[str]:
    shares = (percent(r[k]) for k in ("median_ape", "p90_ape", "bias", "coverage80"))
    return [count(r["n"]), count(r["groups"]), *shares]


def _strata(found: Card) -> Any:
    rows = [
        {
            **r,
            "id": f"{r['workload']} {r['framework']} {r['accelerator']} {r['metric']}",
            "what": f"{r['framework']}, {r['workload']}",
            "metric": UNITS[r["metric"]],
        }
        for r in records(found.result.strata)
    ]
    table = Table(
        STRATA,
        rows,
        caption="Error by stratum",
        selectable=False,
        sort_key="median_ape",
        sort_down=True,
    )
    return card("Error by stratum", table, hint="the worst first; few rows or groups prove little")


def _calibrated(scenario: Scenario) -> Any:
    """When the factors of each stack were fitted, to how much, and how far they carry."""
    rows = [
        [
            f"{r['framework']} {r['version']}" if r["framework"] != "*" else "any other stack",
            count(r["n"]),
            count(r["groups"]),
            f"±{percent(r['spread'])}",
            html.chip(r["evidence"], "measured" if r["n"] else "rule"),
            r["as_of"].isoformat(),
        ]
        for r in records(scenario.catalog["calibration"])
    ]
    table = html.plain_table(
        ["Stack, from version", "n", "Groups", "Spread", "Evidence", "Date"],
        rows,
        numeric=(1, 2, 3),
        caption="What was calibrated when",
    )
    return card(
        "What was calibrated when",
        html.show(table),
        hint="language models; spread is the half-width of the 80% interval of throughput",
    )


def _refused(found: Card) -> Any:
    total = int(found.result.overall["n"]) + len(found.result.unpredicted)
    blocks: list[Any] = []
    if len(found.refused):
        n = len(found.result.unpredicted)
        blocks.append(f"{count(n)} of {count(total)} measurements are not predicted:")
        blocks += [[html.tag("b", f"{r['n']} × "), r["reason"]] for r in records(found.refused)]
    else:
        blocks.append(f"None of the {count(total)} measurements is refused.")
    blocks.append(f"{count(found.wide)} are answered with an interval of ±50% or wider.")
    blocks += [[html.tag("b", strong), rest] for strong, rest in REFUSALS]
    return card("Where it refuses", html.show(html.explained(*blocks)))


def _rests_on(found: Card) -> Any:
    rows: list[Any] = [
        (
            [r["evidence"], ": ", RESTS_ON.get(r["evidence"], "")],
            f"{count(r['n'])}, median {percent(r['median_ape'])}",
        )
        for r in records(found.evidence)
    ]
    note = html.explained(
        "A published figure that anchors a prediction may be the very one it is compared with: "
        "its small error says little about another chip or model."
    )
    return card("What an answer rests on", html.show(html.definitions(rows)), html.show(note))


def _reading() -> Any:
    text = (
        "Errors are shares of the measured value. The bias is the median signed error: above "
        "zero, the model promises too much speed, or too long a wait. Rows of one group are "
        "neighbours in a sweep, so groups count as evidence, not rows.",
        "Score a file of your own with python -m advisor accuracy FILE.csv; lay measurements of "
        "your own over the catalog to see them here.",
    )
    return card("How to read this", html.show(html.explained(*text)))
