"""What the widgets do without a browser: escaping, numbers, messages."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import subprocess
import sys
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

from advisor.app.widgets import _wire, html, numbers
from advisor.app.widgets.fields import Choice, Field
from advisor.app.widgets.files import MIB, Download, Upload
from advisor.app.widgets.layout import card, page, shell
from advisor.app.widgets.rail import Rail
from advisor.app.widgets.style import stylesheet
from advisor.app.widgets.table import Table
from advisor.report import theme
from advisor.report.markup import escape, link, tag

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def sent(monkeypatch):
    """The messages a widget sends, instead of sending them."""
    messages: list[dict] = []
    for kind in (Table, Field, Upload, Download):
        monkeypatch.setattr(
            kind,
            "send",
            lambda _self, content, buffers=None: messages.append({**content, "buffers": buffers}),
        )
    return messages


# --- safe HTML ------------------------------------------------------------------------


@given(st.text())
def test_text_never_becomes_markup(text):
    shown = tag("p", text, title=text)
    assert shown.count("<") == 2
    assert shown.count(">") == 2
    assert shown.count('"') == 2


def test_every_block_escapes_what_it_is_given():
    blocks = [
        html.lead(HOSTILE),
        html.card_header(HOSTILE, HOSTILE),
        html.claims([("holds", HOSTILE)]),
        html.definitions([(HOSTILE, HOSTILE)]),
        html.kpis([(HOSTILE, HOSTILE, HOSTILE, "save")]),
        html.explained(HOSTILE, [HOSTILE]),
        html.blocked(HOSTILE, HOSTILE),
        html.plain_table([HOSTILE], [[HOSTILE]], caption=HOSTILE),
        html.where_from(
            HOSTILE,
            formula=HOSTILE,
            inputs=[(HOSTILE, HOSTILE)],
            sources=[(HOSTILE, f"https://x/{HOSTILE}", HOSTILE)],
        ),
        html.progress(0.5, HOSTILE),
    ]
    for block in blocks:
        assert "<script" not in block
        assert "&lt;script&gt;" in block
    assert "<script" not in card(HOSTILE, hint=HOSTILE).children[0].value


def test_markup_nests_and_unusual_links_are_text():
    assert escape([tag("b", "a"), " & ", 3, None]) == "<b>a</b> &amp; 3"
    assert link("a", "javascript:alert(1)") == "a"
    assert link("a", " JAVASCRIPT:x") == "a"
    assert 'rel="noopener noreferrer"' in link("a", "https://example.org/?a=1&b=2")


# --- numbers a person typed -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80),
        (" 80 ms ", 80),
        ("80MS", 80),
        ("1,250.5", 1250.5),
        ("-3", -3),
        ("−3", -3),
        (".5", 0.5),
        ("2e3", 2000),
        ("10k", 10_000),
        ("1.5M", 1_500_000),
    ],
)
def test_numbers_are_read_as_meant(text, value):
    assert numbers.parse(text, unit="ms") == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1,2",
        "12,34",
        "0,5",
        "nan",
        "inf",
        "1e999",
        "--1",
        "1 2",
        "e",
        ".",
        "3 s",
        "1_000",
    ],
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match=r"number|too large"):
        numbers.parse(text, unit="ms")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_shown_reads_back_the_same(value):
    assert numbers.parse(numbers.shown(value)) == value


def test_a_field_keeps_its_value_and_says_why():
    field = Field("Target", 80, unit="ms", minimum=1, maximum=1000)
    for text, reason in [
        ("soon", "not a number"),
        ("0", "at least 1 ms"),
        ("2k", "at most 1,000 ms"),
    ]:
        assert not field.commit(text)
        assert reason in field.error
        assert "Still using 80 ms" in field.error
        assert field.value == 80
    assert field.commit("62.5")
    assert (field.value, field.shown, field.error) == (62.5, "62.5", "")
    assert not Field("Replicas", 1, integer=True).commit("1.5")
    empty = Field("Contract", 5, optional=True)
    assert empty.commit("")
    assert empty.value is None


def test_a_field_answers_the_browser(sent):
    field = Field("Target", 80)
    field._receive(field, {"kind": "commit", "text": "90"}, [])
    assert sent[-1]["kind"] == "accepted"
    field._receive(field, {"kind": "commit", "text": "x"}, [])
    assert len(sent) == 1
    assert field.value == 90


def test_a_choice_knows_its_options():
    choice = Choice("Precision", [("fp8", "FP8"), ("int4", "INT4")])
    assert choice.value == "fp8"
    with pytest.raises(traitlets.TraitError, match="must be one of"):
        choice.value = "fp3"


# --- rows -----------------------------------------------------------------------------


def test_rows_become_plain_json_in_columns():
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "x": [np.nan, 2.5],
            "t": [pd.NaT, pd.Timestamp("2026-07-20")],
            "s": ["a", None],
        }
    )
    rows = _wire.records(frame)
    wire = _wire.as_columns([*rows, {"id": 3, "more": np.int64(7), "far": math.inf}])
    json.dumps(wire, allow_nan=False)
    assert wire["n"] == 3
    assert wire["columns"]["x"] == [None, 2.5, None]
    assert wire["columns"]["t"] == [None, "2026-07-20T00:00:00", None]
    assert wire["columns"]["more"] == [None, None, 7]
    assert wire["columns"]["far"][2] is None
    assert _wire.from_columns(_wire.as_columns(rows)) == rows


def test_a_switch_reaches_python_once_and_unknown_rows_do_not(sent):
    table = Table(
        [{"key": "name", "label": "Workload"}, {"key": "on", "label": "Accept", "kind": "switch"}],
        [{"id": 7, "name": "chat"}],
    )
    heard: list[tuple[str, bool]] = []
    table.on_toggle(lambda row, value: heard.append((row, value)))
    table._receive(table, {"kind": "toggle", "id": "7", "value": True}, [])
    table._receive(table, {"kind": "toggle", "id": "gone", "value": True}, [])
    assert table.toggles == {"7": True}
    assert heard == [("7", True)]
    assert [m["id"] for m in sent] == ["7", "gone"]


def test_table_rows_need_ids_that_differ():
    columns = [{"key": "name", "label": "Workload"}]
    with pytest.raises(ValueError, match="needs an 'id'"):
        Table(columns, [{"name": "a"}])
    with pytest.raises(ValueError, match="must differ"):
        Table(columns, [{"id": 1}, {"id": "1"}])


def test_a_rail_starts_at_its_first_step():
    rail = Rail([{"key": "measure", "label": "Measure", "mark": "1", "state": "todo"}])
    assert rail.current == "measure"
    assert rail.steps[0]["note"] == ""


# --- files ----------------------------------------------------------------------------


def pieces(name, data, upload="u", size=MIB):
    parts = [data[i : i + size] for i in range(0, len(data), size)] or [b""]
    for index, part in enumerate(parts):
        content = {
            "kind": "piece",
            "upload": upload,
            "name": name,
            "index": index,
            "pieces": len(parts),
        }
        yield content, [memoryview(part)]


def test_an_upload_is_put_together_and_answered(sent):
    got: list[tuple[str, bytes]] = []

    def take(name, data):
        got.append((name, data))
        return "9 workloads read."

    upload = Upload("Portfolio", take)
    data = bytes(range(256)) * 10_000
    for content, buffers in pieces("a.csv", data):
        upload._receive(upload, content, buffers)
    assert got == [("a.csv", data)]
    assert (upload.message, upload.message_kind) == ("9 workloads read.", "info")
    assert [m["kind"] for m in sent] == ["piece"] * 3 + ["handled"]


def test_an_upload_says_what_is_wrong_with_a_file(sent):
    def refuse(_name, _data):
        raise ValueError("row 3, column model: no model 'lama'")

    upload = Upload("Portfolio", refuse, max_bytes=10)
    upload._receive(upload, *next(pieces("a.csv", b"")))
    assert (upload.message, upload.message_kind) == (
        "row 3, column model: no model 'lama'",
        "error",
    )
    upload._receive(upload, *next(pieces("a.csv", b"x" * 11)))
    assert "limit" in upload.message
    assert sent[-1]["kind"] == "handled"


@pytest.mark.usefixtures("sent")
def test_a_new_upload_replaces_one_under_way():
    got: list[str] = []
    upload = Upload("Portfolio", lambda name, _data: got.append(name))
    old = list(pieces("old.csv", b"abcd", "1", 2))
    new = list(pieces("new.csv", b"efgh", "2", 2))
    for content, buffers in (old[0], new[0], old[1], new[1]):
        upload._receive(upload, content, buffers)
    assert got == ["new.csv"]


@pytest.mark.usefixtures("sent")
def test_handlers_may_be_asynchronous():
    async def take(_name, _data):
        await asyncio.sleep(0)
        return "done"

    async def run():
        upload = Upload("Portfolio", take)
        upload._receive(upload, *next(pieces("a", b"x")))
        await upload._task
        return upload.message

    assert asyncio.run(run()) == "done"


def test_a_download_is_made_when_asked_for(sent):
    made = itertools.count()
    download = Download("Plan", lambda: (f"plan-{next(made)}.json", b"{}"), "plan.json")
    assert next(made) == 0
    download._receive(download, {"kind": "want"}, [])
    assert (sent[-1]["name"], sent[-1]["buffers"]) == ("plan-1.json", [b"{}"])

    def fail():
        raise ValueError("nothing is planned yet")

    failing = Download("Plan", fail, "plan.json")
    failing._receive(failing, {"kind": "want"}, [])
    assert "nothing is planned yet" in sent[-1]["text"]


# --- colours and looks ----------------------------------------------------------------


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_text_and_marks_can_be_told_from_what_is_behind_them(side):
    colour = {name: pair[side] for name, pair in theme.COLOURS.items()}
    pairs = [(text, on, 4.5) for text in theme.TEXT for on in theme.SURFACES]
    pairs += [(tone, f"{tone}-soft", 4.5) for tone in ("good", "warn", "bad")]
    pairs += [("on-accent", "accent", 4.5), ("edge", "card", 3), ("edge", "bg", 2.8)]
    pairs += [(series, "card", 3) for series in theme.SERIES]
    weak = {
        (front, back): round(contrast(colour[front], colour[back]), 2)
        for front, back, least in pairs
        if contrast(colour[front], colour[back]) < least
    }
    assert not weak


def test_a_painted_specification_has_no_tokens_left():
    painted = theme.painted(
        {"mark": {"color": theme.var("s1")}, "range": [theme.var("s2"), 3]}, "dark"
    )
    assert painted == {"mark": {"color": "#54c2bb"}, "range": ["#84abf7", 3]}
    assert "var(" not in json.dumps(theme.painted(theme.config()))
    with pytest.raises(KeyError, match="must be one of"):
        theme.var("s9")


def test_stylesheets_use_only_known_tokens_and_no_other_host():
    template = ROOT / "share/jupyter/voila/templates/mlcost"
    sheets = [stylesheet(), *(p.read_text("utf-8") for p in sorted(template.rglob("*.css")))]
    local = {"font", "mono", "r", "xs", "s", "m", "l", "xl", "xxl"}
    for sheet in sheets:
        used = {name.split(")")[0] for name in sheet.split("var(--mlc-")[1:]}
        assert used <= set(theme.COLOURS) | local
        assert "http" not in sheet
        assert "@import" not in sheet


def test_the_page_template_has_the_current_tokens():
    kept = (ROOT / "share/jupyter/voila/templates/mlcost/static/tokens.css").read_text("utf-8")
    assert kept.split("\n", 1)[1] == theme.css_variables() + theme.jupyter_variables()


@pytest.mark.parametrize(("name", "code"), [("404.html", 404), ("error.html", 500)])
def test_error_pages_say_what_to_do_and_need_nothing(name, code):
    folder = ROOT / "share/jupyter/voila/templates/mlcost"
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=True)
    shown = pages.get_template(name).render(status_code=code, status_message="Oh", base_url="/x/")
    assert f"{code} · Oh" in shown
    assert shown.count("<h1>") == 1
    assert "<a href=" in shown
    assert "://" not in shown.replace("http://www.w3.org/2000/svg", "")


def test_boxes_carry_the_stylesheet_and_their_classes():
    frame = shell(main=[html.show("x")])
    assert "mlc-page" in frame._dom_classes
    assert frame.children[0] is page().children[0]
    frame.main.children = [html.show("y")]


def test_a_kernel_starts_without_the_chart_compiler():
    program = (
        "import sys, importlib\n"
        "for name in 'chart fields files html layout lib rail style table'.split():\n"
        "    importlib.import_module('advisor.app.widgets.' + name)\n"
        "heavy = ('altair', 'vl_convert', 'scipy', 'pandas', 'numpy')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout.strip() == "[]"
