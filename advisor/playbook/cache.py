"""Step 5, cache: answer repeated requests without the model, where that truly saves."""

from __future__ import annotations

from advisor.format import count, money, percent
from advisor.optimize.marginal import Move
from advisor.portfolio import Lever

from .base import Action, Assumption, Chart, Note, Report, Risk, Table, View
from .cache_sizes import limits, size_chart
from .claims import claims_for
from .describe import machine, to_action
from .hits import OWN_FIELD, Trial, curve, pays_from, trials, what
from .proposals import by_saving, money_phrase
from .wording import label, listing, of_all, sentence

SHARP = 0.1
"""From this share of its gross saving on, what wrong answers cost makes a cache risky."""


class Cache:
    """Exact and semantic result caches in front of the models."""

    key = "cache"
    title = "Cache"
    mark = "5"
    lever: Lever | None = "CACHING"

    def report(self, view: View) -> Report:
        """Which workloads repeat themselves enough, and what a hit is worth."""
        tried = trials(view.plans[self.key])
        moves = by_saving(view.moves(self.key, "CACHING"))
        actions = [self._action(view, m) for m in moves]
        top = _top(moves, tried)
        points = _points(view, top)
        return Report(
            headline=_headline(view, actions, tried),
            sub=(
                "A cache takes requests away before they reach the model. What a hit saves is what "
                "the smaller fleet or bill saves: spare machines and minimum sizes do not shrink."
            ),
            actions=actions,
            charts=[*_chart(top, points), *size_chart(view, top)],
            tables=[*_table(view, tried, {m.workload for m in moves}), *limits(view, tried)],
            claims=claims_for(view, self.key),
            assumptions=_assumptions(tried, top, points),
            notes=_notes(view, tried),
        )

    def _action(self, view: View, move: Move) -> Action:
        after = str(move.after.choice["cache"])
        hit = float(move.after.details.get("hit_ratio") or 0.0)
        return to_action(
            view,
            "CACHING",
            move,
            today=(_cache_label(view, str(move.before.choice["cache"])), machine(move.before)),
            proposed=(_cache_label(view, after), f"{percent(hit)} hits · {machine(move.after)}"),
            risk=_risk(view, move),
            step=self.key,
        )


def _cache_label(view: View, cache: str) -> str:
    return "No cache" if cache == "none" else label(view.catalog, "techniques", cache)


def _risk(view: View, move: Move) -> tuple[Risk, str]:
    """Exact caches can only be stale; semantic ones answer some requests wrongly."""
    if move.after.choice["cache"] != "semantic_cache":
        return "low", "The same answer as before: set an expiry where answers go out of date."
    trial = next(
        (
            t
            for t in trials(view.plans["cache"])
            if t.workload.name == move.workload and t.cache == "semantic_cache"
        ),
        None,
    )
    if trial is None:
        return "medium", "Some requests will be answered with another's answer: sample the hits."
    wrong = trial.false_hits * (trial.workload.false_hit_usd or 0.0)
    note = f"About {count(trial.false_hits)} wrong answers a month, {money(wrong)}: sample them."
    return ("high" if wrong > SHARP * trial.gross_usd else "medium"), note


def _top(moves: list[Move], tried: list[Trial]) -> Trial | None:
    for move in moves:
        wanted = (move.workload, move.after.choice["cache"])
        found = [t for t in tried if (t.workload.name, t.cache) == wanted]
        if found:
            return found[0]
    return tried[0] if tried else None


def _points(view: View, top: Trial | None) -> list[tuple[float, float]]:
    return curve(view.plans["cache"], top.workload, top.cache, top.hit) if top else []


def _headline(view: View, actions: list[Action], tried: list[Trial]) -> str:
    total = len(view.portfolio.workloads)
    if actions:
        n = len(actions)
        verb = "repeats itself" if n == 1 else "repeat themselves"
        phrase = money_phrase(view, "cache", actions)
        return f"{of_all(n, total, 'workload')} {verb} enough for a cache to pay: {phrase}."
    able = [t for t in tried if not t.blocked]
    if not able:
        return "No result cache applies here: nothing is known to repeat."
    best = able[0]
    if best.net_usd > 0:
        return f"A result cache is in place where it pays; {best.workload.name} gains the most."
    return (
        f"No result cache pays for itself: the nearest, on {best.workload.name}, would cost "
        f"{money(-best.net_usd)} a month more than it saves."
    )


def _chart(top: Trial | None, points: list[tuple[float, float]]) -> list[Chart]:
    if top is None or len(points) < 2:
        return []
    here = next(usd for hit, usd in points if hit == top.hit)
    start = pays_from(points)
    pays = f"It does not pay up to {percent(points[-1][0])}"
    if start:
        pays = f"It pays from {percent(start)}"
    return [
        Chart(
            "hit_curve",
            f"{top.workload.name}: cost against hit ratio",
            f"{what(top)}, its own cost included; 0% is without it",
            [{"hit": hit, "usd": usd, "here": hit == top.hit} for hit, usd in points],
            f"{money(points[0][1])} a month without the cache, {money(here)} at the present "
            f"{percent(top.hit)}. {pays}.",
        )
    ]


def _table(view: View, tried: list[Trial], proposed: set[str]) -> list[Table]:
    best: dict[str, Trial] = {}
    for trial in tried:
        best.setdefault(trial.workload.name, trial)
    if not best:
        return []
    rows = [
        [
            t.workload.name,
            what(t),
            f"{percent(t.hit)}, {_origin(view, t)}",
            money(t.usd_per_hit),
            percent(t.usd_per_hit / t.usd_per_request) if t.usd_per_request else "—",
            money(t.gross_usd),
            money(t.running_usd + t.one_off_usd_month),
            _verdict(view, t, proposed),
        ]
        for t in best.values()
    ]
    return [
        Table(
            "What a hit truly saves",
            "over 100% of a request where the hits spare a whole machine; costs include the work",
            ["Workload", "Cache", "Hit ratio", "A hit saves", "Of a request", "Saves a month",
             "Costs a month", "Verdict"],
            rows,
            numeric=(3, 4, 5, 6),
        )
    ]  # fmt: skip


def _origin(view: View, trial: Trial) -> str:
    if trial.stated:
        return "stated"
    row = view.catalog.lookup("techniques", trial.cache)
    return f"catalog ({percent(row['hit_ratio_low'])} – {percent(row['hit_ratio_high'])})"


def _verdict(view: View, trial: Trial, proposed: set[str]) -> str:
    plan = view.plans["cache"]
    name = trial.workload.name
    if name in proposed:
        return "proposed" if plan.candidate(name).choice["cache"] != "none" else "offered"
    if plan.candidate(name).choice["cache"] != "none":
        return "in use"
    if trial.blocked:
        return sentence(trial.blocked)
    if trial.gross_usd <= 0:
        return "The same machines are needed with it"
    return "Costs more than it saves" if trial.net_usd <= 0 else "Pays alone, not with the rest"


def _assumptions(
    tried: list[Trial], top: Trial | None, points: list[tuple[float, float]]
) -> list[Assumption]:
    out = []
    if top is not None:
        start = pays_from(points)
        hint = (
            f"Pays from {percent(start)}."
            if start
            else (f"No share up to {percent(points[-1][0])} pays at this volume.")
        )
        out.append(_share(top, hint))
    named = {top.workload.name} if top else set()
    for trial in [t for t in tried if not t.stated and t.workload.name not in named][:1]:
        out.append(_share(trial, "The catalog's figure until you state your own."))
    semantic = [t for t in tried if t.cache == "semantic_cache" and t.bearable_usd is not None]
    if semantic:
        most = max(semantic, key=lambda t: t.bearable_usd or 0.0)
        limit = most.bearable_usd or 0.0
        hint = (
            f"A semantic cache pays below {money(limit)}."
            if limit
            else ("A semantic cache would not pay even if wrong answers cost nothing.")
        )
        out.append(
            Assumption(f"workload.{most.workload.name}.false_hit_usd",
                       f"Price of a wrong answer, {most.workload.name}", "USD",
                       most.workload.false_hit_usd, hint, 0.0, 1e10)
        )  # fmt: skip
    return out


def _share(trial: Trial, hint: str) -> Assumption:
    field = OWN_FIELD[trial.cache]
    what = "Repeated requests" if trial.cache == "exact_cache" else "Similar requests"
    value: float | None = getattr(trial.workload, field)
    return Assumption(f"workload.{trial.workload.name}.{field}", f"{what}, {trial.workload.name}",
                      "share", value, hint, 0.0, 1.0, trial.hit)  # fmt: skip


def _notes(view: View, tried: list[Trial]) -> list[Note]:
    names = {t.workload.name for t in tried}
    lines = []
    for reason in dict.fromkeys(t.blocked for t in tried if t.blocked):
        barred = [t.workload.name for t in tried if t.blocked == reason]
        lines.append((listing(barred, 6), sentence(reason) + "."))
    rest = [w.name for w in view.portfolio.workloads if w.name not in names]
    if rest:
        lines.append((listing(rest), "Nothing repeats, by your own figures or the catalog's."))
    reuse = [
        c.workload
        for c in view.plans["cache"].chosen
        if "prefix_caching" in (c.choice["techniques"] or ())
    ]
    if reuse:
        lines.append(
            (
                f"Shared prefixes ({listing(reuse)})",
                "are reused by the server (step 4): a hit there saves reading the prompt, not "
                "writing the answer.",
            )
        )
    return [Note("Why not…", lines)] if lines else []


STEP = Cache()
