"""The widgets on a real page: drawn, operated and answered."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 60

CELL = """
import sys
sys.path.insert(0, {root!r})
import json
import altair as alt
from advisor.report import assets, theme

# A chart of the test's own, beside those the package prepares.
chart = (
    alt.Chart(alt.NamedData("t"))
    .mark_bar(color=theme.var("s1"))
    .encode(x=alt.X("usd:Q", title=None), y=alt.Y("name:N", title=None))
    .properties(width="container", height={{"step": 30}})
)
folder = assets.build()
(folder / "test-bars.json").write_text(json.dumps(assets.compiled(assets._vega_lite(chart))))

from advisor.app.widgets import html as h
from advisor.app.widgets.chart import Chart
from advisor.app.widgets.fields import Choice, Field, Toggle
from advisor.app.widgets.files import Download, Upload
from advisor.app.widgets.layout import button, card, shell
from advisor.app.widgets.rail import Rail
from advisor.app.widgets.table import Table

BARS = [{{"name": "today", "usd": 90}}, {{"name": "plan", "usd": 40}}]
bars = Chart("test-bars", BARS, "Today costs 90, the plan 40.")
later = Chart("test-bars", [], "Nothing", empty="Accept an action to see this.")
columns = [
    dict(key="name", label="Workload", sub="model"),
    dict(key="usd", label="Saving", kind="money"),
    dict(key="grade", label="Evidence", kind="chip"),
    dict(key="on", label="Accept", kind="switch", disabled="why"),
]
moves = Table(
    columns,
    [
        dict(id="a", name="support-chat", model="70B", usd=34200, grade="calibrated"),
        dict(id="b", name="<img src=x onerror=alert(1)>", model="BERT", usd=1100, grade="rule"),
        dict(id="c", name="locked", model="x", usd=None, grade="rule", why="no quality floor"),
    ],
    toggles={{"a": True}},
    caption="Moves",
)
many = Table(
    columns[:2] + columns[3:],
    [dict(id=str(i), name=f"workload-{{i}}", model="m", usd=i * 10.0) for i in range(1000)],
    caption="Many",
)
rail = Rail(
    [
        dict(key="measure", label="Measure", mark="1", state="accepted"),
        dict(key="size", label="Right-size", mark="2", state="proposed", note="−$51k"),
    ]
)
told = h.show(h.paragraph("nothing yet"), cls="told")
tell = lambda *text: h.update(told, h.paragraph(*text))
moves.on_toggle(lambda row, value: tell(f"{{row}} {{value}} of {{sum(moves.toggles.values())}}"))
moves.observe(lambda change: tell("selected ", change["new"]), "selected")
many.on_toggle(lambda row, value: tell(f"{{row}} {{value}}"))
rail.observe(lambda change: tell("step ", change["new"]), "current")
target = Field("Latency target", 80, unit="ms", hint="Below 62 ms, H100 wins.", minimum=1)
target.observe(lambda change: tell("target ", change["new"]), "value")
floor = Choice("Precision", [("fp8", "FP8"), ("int4", "INT4")])
floor.observe(lambda change: tell("floor ", change["new"]), "value")
spot = Toggle("Allow spot")
spot.observe(lambda change: tell("spot ", change["new"]), "value")


def take(name, data):
    if b"bad" in data:
        raise ValueError("row 2, column model: no model <lama>")
    return f"{{name}}: {{len(data):,}} bytes"


upload = Upload("Portfolio", take, accept=[".csv"], max_bytes=3 * 1024 * 1024)
download = Download("Save plan", lambda: bytes(range(256)) * 20_000, "plan.bin")


def cheaper():
    bars.update([BARS[0], {{"name": "new", "usd": 10}}, {{"name": "newer", "usd": 5}}])
    later.update(BARS)


shell(
    header=[
        h.show(h.brand("Test", "three moves")),
        h.show(h.kpis([("Today", h.where_from("$90", formula="counted by hand"), "/mo")])),
    ],
    rail=rail,
    main=[
        h.show(h.eyebrow("Step 1"), h.lead("A headline.")),
        told,
        card("Moves", moves),
        card("Bars", bars),
        card("Later", later),
        card("Many", many),
        card("Files", upload, download),
    ],
    aside=[card("Assumptions", target, floor, spot)],
    footer=[button("Cheaper", cheaper, "go")],
)
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with one of each widget, under the app's template."""
    folder = tmp_path_factory.mktemp("widgets")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(CELL).format(root=str(ROOT)))],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    nbformat.write(notebook, folder / "widgets.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "voila.log"
    command = [
        *(sys.executable, "-m", "voila", "widgets.ipynb", "--no-browser", "--template=mlcost"),
        *(f"--port={port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=True"),
        *("--MappingKernelManager.cull_idle_timeout=30", "--MappingKernelManager.cull_interval=5"),
    ]
    environment = {
        **os.environ,
        "JUPYTER_PATH": str(ROOT / "share/jupyter"),
        "ADVISOR_ASSETS": str(folder / "assets"),
    }
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while "is running at" not in log.read_text("utf-8"):
            assert server.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, "Voilà did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(20)


class Watched:
    """A page with what it asked for and complained about."""

    def __init__(self, context, address):
        self.page = context.new_page()
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        self.received: list[bytes] = []
        self.page.on("request", lambda request: self._asked(request.url, address))
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._got))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type == "error" else None,
        )
        self.page.goto(address)
        self.page.locator(".mlc-chart[data-drawn]").first.wait_for()

    def _got(self, frame):
        self.received.append(frame if isinstance(frame, bytes) else frame.encode())

    def _asked(self, url, address):
        if not url.startswith((address, "data:", "blob:")):
            self.elsewhere.append(url)


@pytest.fixture(scope="module")
def watched(browser, address):
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    yield Watched(context, address)
    context.close()


@pytest.fixture
def page(watched):
    return watched.page


def says(page, text):
    page.locator(".told", has_text=text).wait_for(timeout=5000)


def moves(page):
    return page.locator(".mlc-table").first


def bars_drawn(page, chart=0):
    return page.locator(".mlc-chart").nth(chart).locator("svg .mark-rect path").count()


def test_a_chart_draws_and_then_takes_rows_only(watched, page):
    chart = page.locator(".mlc-chart").first
    assert bars_drawn(page) == 2
    assert chart.locator(".mlc-plot").get_attribute("aria-label") == "Today costs 90, the plan 40."
    later = page.locator(".mlc-chart").nth(1)
    assert "Accept an action" in later.locator(".mlc-empty").inner_text()
    page.evaluate("window.__svg = document.querySelector('.mlc-chart svg')")
    chart.locator("summary").click()
    chart.locator("tbody tr").first.wait_for()
    assert chart.locator("tbody tr").count() == 2
    watched.received.clear()
    page.get_by_role("button", name="Cheaper").click()
    page.wait_for_function(
        "document.querySelectorAll('.mlc-chart svg')[0].textContent.includes('new')"
    )
    assert bars_drawn(page) == 3
    assert page.evaluate("window.__svg.isConnected"), "the drawing is updated, not made anew"
    assert chart.locator("tbody tr").count() == 3
    later.locator("svg").wait_for()
    assert bars_drawn(page, 1) == 2
    assert any(b"newer" in frame for frame in watched.received)
    assert not any(b"signals" in frame for frame in watched.received), "rows travel, charts do not"


def test_a_chart_follows_the_dark_scheme(page):
    first = page.locator(".mlc-chart").first.locator("svg .mark-rect path").first
    assert first.get_attribute("fill") == "rgb(11, 110, 105)"
    page.emulate_media(color_scheme="dark")
    dark = page.locator(".mlc-chart").first.locator("svg path[fill='rgb(84, 194, 187)']")
    dark.first.wait_for(state="attached", timeout=5000)
    page.emulate_media(color_scheme="light")
    page.locator(".mlc-chart svg path[fill='rgb(11, 110, 105)']").first.wait_for(state="attached")


def test_switches_and_rows_go_to_python_and_back(page):
    switches = moves(page).get_by_role("switch")
    assert [switches.nth(i).get_attribute("aria-checked") for i in range(3)] == [
        "true",
        "false",
        "false",
    ]
    switches.nth(1).focus()
    page.keyboard.press("Space")
    says(page, "b True of 2")
    assert switches.nth(1).get_attribute("aria-checked") == "true"
    switches.nth(1).click()
    says(page, "b False of 1")
    assert switches.nth(2).is_disabled()
    page.locator(".mlc-pick", has_text="support-chat").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    says(page, "selected b")
    assert moves(page).locator("tr.mlc-sel").get_attribute("data-id") == "b"


def test_names_are_text_not_markup(page):
    assert page.locator(".mlc-page img").count() == 0
    assert page.get_by_text("<img src=x onerror=alert(1)>").count() == 1


def test_a_table_sorts_and_says_so(page):
    head = moves(page).get_by_role("columnheader", name="Saving")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    ids = "rows => rows.map(r => r.dataset.id)"
    rows = moves(page).locator("tbody tr")
    assert rows.evaluate_all(ids) == ["a", "b", "c"]
    head.get_by_role("button").click()
    assert rows.evaluate_all(ids) == ["b", "a", "c"], "what is unknown stays last"


def test_a_thousand_rows_are_searched_and_scrolled(page):
    many = page.locator(".mlc-table").nth(1)
    assert many.locator("tr[data-id]").count() < 60
    assert many.get_by_role("table").get_attribute("aria-rowcount") == "1001"
    many.locator(".mlc-frame").evaluate("frame => (frame.scrollTop = frame.scrollHeight)")
    many.locator("tr[data-id='999']").get_by_role("switch").click()
    says(page, "999 True")
    many.get_by_role("searchbox").fill("workload-77")
    many.get_by_text("11 of 1,000").wait_for()
    assert many.locator("tr[data-id]").count() == 11
    many.get_by_role("searchbox").fill("none such")
    assert many.get_by_text("Nothing matches “none such”.").is_visible()


def test_the_rail_moves_on(page):
    page.get_by_role("navigation", name="Playbook").get_by_role("button", name="Right-size").click()
    says(page, "step size")
    assert page.locator("[aria-current=step]").inner_text().startswith("2")


def test_a_field_refuses_what_is_no_number(page):
    field = page.get_by_label("Latency target")
    field.fill("soon")
    field.press("Enter")
    error = page.locator(".mlc-field .mlc-error").first
    error.wait_for()
    assert error.inner_text().endswith("“soon” is not a number. Still using 80 ms.")
    assert field.get_attribute("aria-invalid") == "true"
    assert error.get_attribute("id") in field.get_attribute("aria-describedby")
    field.fill("62.50 ms")
    field.press("Tab")
    says(page, "target 62.5")
    error.wait_for(state="hidden")
    assert field.input_value() == "62.5"


def test_choices_and_toggles_go_to_python(page):
    page.get_by_label("Precision").select_option("int4")
    says(page, "floor int4")
    page.get_by_role("switch", name="Allow spot").click()
    says(page, "spot True")


def choose(page, name, content):
    page.get_by_label("Portfolio").set_input_files(
        [{"name": name, "mimeType": "text/csv", "buffer": content}]
    )


def test_uploads_arrive_or_say_why_not(page):
    box = page.locator(".mlc-upload")
    choose(page, "big.csv", b"x" * (3 * 1024 * 1024 + 1))
    box.get_by_role("alert").get_by_text("the limit is 3 MB").wait_for()
    choose(page, "notes.pdf", b"x")
    box.get_by_role("alert").get_by_text("not one of .csv").wait_for()
    choose(page, "fits.csv", b"x" * 3 * 1024 * 1024)
    box.get_by_role("status").get_by_text("fits.csv: 3,145,728 bytes").wait_for()
    for _ in range(2):  # the same words twice are an answer twice
        choose(page, "wrong.csv", b"bad")
        box.get_by_role("alert").get_by_text("no model <lama>").wait_for()
        assert box.get_attribute("aria-busy") is None


def test_a_download_gives_the_bytes(page):
    with page.expect_download() as caught:
        page.get_by_role("button", name="Save plan").click()
    assert caught.value.suggested_filename == "plan.bin"
    assert Path(caught.value.path()).read_bytes() == bytes(range(256)) * 20_000


def test_a_figure_tells_where_it_comes_from(page):
    page.get_by_role("button", name=re.compile(r"^\$90")).focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    assert "counted by hand" in panel.inner_text()
    page.keyboard.press("Escape")
    assert not panel.is_visible()


def test_boxes_are_landmarks(page):
    for role in ("banner", "main", "complementary", "navigation"):
        assert page.get_by_role(role).count() == 1, role
    assert page.title() == "ML cost advisor"


@pytest.mark.parametrize("width", [420, 820, 1440])
def test_nothing_is_wider_than_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for switch in moves(page).get_by_role("switch").all():
        box = switch.bounding_box()
        assert box["x"] + box["width"] <= width
    page.set_viewport_size({"width": 1440, "height": 1000})


# Last: all of the above happened on the same page.
def test_nothing_was_fetched_from_elsewhere_and_nothing_failed(watched):
    assert watched.elsewhere == []
    assert watched.errors == []
