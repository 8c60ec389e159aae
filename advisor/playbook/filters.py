"""What rules a way of sourcing out whatever it costs: privacy, places, latency, own weights."""

from __future__ import annotations

from collections.abc import Iterable

from advisor.optimize import hosted
from advisor.optimize.network import hosted_s, network_s
from advisor.portfolio import Workload

from .base import Note, Table, View
from .wording import listing, sentence, things

NONE = "—"


def closed_ways(view: View) -> list[Table]:
    """What closes a way and why, for the workloads where something does."""
    rows = [
        [w.name, _privacy(w), _places(view, w), _latency(view, w), _weights(view, w)]
        for w in view.portfolio.workloads
    ]
    told = [row for row in rows if any(cell != NONE for cell in row[1:])]
    if not told:
        return []
    return [
        Table(
            "What rules a way out, whatever it costs",
            "stated with each workload: private, residency, users and targets, own_weights",
            ["Workload", "Privacy", "Places", "Latency", "Weights"],
            told,
        )
    ]


def distances(view: View) -> list[Note]:
    """Where hosts and own hardware are taken to stand, where users are stated and they are not."""
    if not any(w.users for w in view.portfolio.workloads):
        return []
    organisation, lines = view.portfolio.organisation, []
    if organisation.owned_geography is None:
        where = listing(organisation.geographies)
        lines.append(
            ("Own hardware", f"in {where}, whichever is nearest to each workload's users.")
        )
    row = view.catalog.lookup("assumptions", "hosted_network_s")
    low, middle, high = (f"{1e3 * float(row[k]):.0f}" for k in ("low", "value", "high"))
    lines.append(
        ("A host that names no place", f"{middle} ms from users ({low} to {high}): an assumption.")
    )
    lines.append(("A host's own speed", "is not known: time it before you move."))
    return [Note("How far away", lines)]


def _privacy(workload: Workload) -> str:
    return "No hosted API: requests stay with you" if workload.private else NONE


def _places(view: View, workload: Workload) -> str:
    if not workload.residency:
        return NONE
    where = " or ".join(workload.residency)
    closed = _closed(view, workload, ("not known to stay", "only served outside"))
    return f"Stays in {where}" + (f": {things(closed, 'host')} out" if closed else "")


def _latency(view: View, workload: Workload) -> str:
    if not workload.users:
        return NONE
    hosts = [row["geographies"] or () for row, _ in hosted.options(view.setting, workload)]
    ways = [hosted_s(view.catalog, workload, places) for places in hosts]
    offers = view.setting.offers
    mine = offers[offers["cloud_kind"] == "owned"]["geography"].drop_duplicates()
    own = network_s(view.catalog, workload, mine).tolist()
    parts = [
        f"{_range(found)} to {what}"
        for found, what in ((ways, "hosts"), (own, "own hardware"))
        if found
    ]
    closed = _closed(view, workload, ("",), "leave nothing of the target")
    if closed:
        parts.append(f"{things(closed, 'host')} too far")
    return sentence("; ".join(parts)) or NONE


def _weights(view: View, workload: Workload) -> str:
    if view.catalog.lookup("models", workload.model)["closed"]:
        return "Sold as an API only"
    return "No hosted API: trained by you" if workload.own_weights else NONE


def _closed(view: View, workload: Workload, starts: tuple[str, ...], end: str = "") -> int:
    """Hosted prices that are closed for a reason of these words."""
    reasons = [why for _, why in hosted.options(view.setting, workload) if why]
    return sum(why.startswith(starts) and why.endswith(end) for why in reasons)


def _range(seconds: Iterable[float]) -> str:
    each = sorted({round(1e3 * s) for s in seconds})
    return f"{each[0]} ms" if len(each) == 1 else f"{each[0]} to {each[-1]} ms"
