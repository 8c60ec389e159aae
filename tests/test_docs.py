"""The documents name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
CAPABILITIES = ROW.findall((ROOT / "docs/capabilities.md").read_text("utf-8"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_every_capability_is_listed_once_and_in_order():
    assert [int(number) for number, *_ in CAPABILITIES] == list(range(1, 151))


@pytest.mark.parametrize("row", CAPABILITIES, ids=lambda row: row[0])
def test_what_is_there_says_where(row):
    _, _, state, where = row
    assert state in ("yes", "partly", "not yet")
    paths = PATH.findall(where)
    assert state == "not yet" or paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document):
    targets = LINK.findall(document.read_text("utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text("utf-8")
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert decisions
    assert re.findall(r"\]\(([0-9][^)]+)\)", index) == decisions
    for name in decisions:
        text = (folder / name).read_text("utf-8")
        assert all(f"\n**{part}**" in text for part in ("Context.", "Decision.", "Consequence."))


def test_examples_of_the_optimizer_run():
    text = (ROOT / "docs/optimizer.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert "assert " in block
        exec(compile(block, "docs/optimizer.md", "exec"), {})  # noqa: S102  our own document
