"""Read YAML (and JSON, its subset) as plain text leaves that remember their line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from advisor.errors import PortfolioError

from .place import FieldPath, Locate, Place, dotted, located

MAX_DEPTH = 20
MAX_VALUES = 500_000
"""Values after repeats (`*alias`) are written out."""

_ESCAPE = re.compile(r"\\(?:(?P<pair>u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w)|.)")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


Value: TypeAlias = "str | dict[str, Node] | list[Node] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """A value with the line it starts on (for a field, the line of its name)."""

    value: Value
    line: int
    size: int

    def plain(self) -> Any:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {k: n.plain() for k, n in self.value.items()}
        if isinstance(self.value, list):
            return [n.plain() for n in self.value]
        return self.value


def read_yaml(text: str, file: str) -> tuple[Any, Locate]:
    """Plain data and a function that finds the line of any path in it.

    Every scalar stays the text it was written as: what it means is decided by the field it is
    for, so ``no`` is not silently false and ``1:30`` not ninety. Unquoted ``null``, ``~`` and
    nothing at all are None.

    Raises
    ------
    PortfolioError
        For bad syntax, a field given twice, a tag, a merge key, or repeats without end.
    """
    try:
        root = _Builder(text, file).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1 if mark else None)
        raise located(f"not valid YAML: {error.problem or error.context}", place) from None
    except yaml.YAMLError as error:  # a control character, which has no line
        first = str(error).splitlines()[0]
        raise located(f"not valid YAML: {first}", Place(file)) from None
    data = root.plain()

    def locate(path: FieldPath) -> Place:
        node = root
        for step in path:
            inner: Any = node.value
            try:
                node = inner[step]
            except (LookupError, TypeError):
                break
        return Place(file, node.line, dotted(path, data))

    return data, locate


class _Builder:
    """Builds nodes from the parser's events, which neither recurse nor expand repeats."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.anchors: dict[str, Node] = {}
        self.values = 0
        self.events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)

    def build(self) -> Node:
        root = Node(None, 1, 1)
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.error("a second document starts here", event, "keep one per file")
                root = self.node(next(self.events), 0)
        return root

    def error(self, problem: str, event: Any, fix: str, value: object = None) -> PortfolioError:
        return located(problem, Place(self.file, _line(event)), value=value, fix=fix)

    def node(self, event: Any, depth: int) -> Node:
        before = self.values
        if isinstance(event, yaml.AliasEvent):
            known = self.anchors.get(str(event.anchor))
            if known is None:
                raise self.error("this repeats what is not complete yet", event, "define it above")
            self.values += known.size
            value = known.value
        else:
            self.values += 1
            value = self.value(event, depth)
        if self.values > MAX_VALUES:
            raise self.error("too many values", event, f"stay within {MAX_VALUES:,} in all")
        node = Node(value, _line(event), self.values - before)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def value(self, event: Any, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise self.error("nested too deeply", event, f"stay within {MAX_DEPTH} levels")
        if event.tag and event.tag.startswith("!") and event.tag != "!":
            raise self.error("tags are not read", event, "leave it out", event.tag)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(depth)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := next(self.events), yaml.SequenceEndEvent):
                items.append(self.node(inner, depth + 1))
            return items
        plain = event.implicit[0] and event.value in {"", "~", "null", "Null", "NULL"}
        return None if plain else str(event.value)

    def mapping(self, depth: int) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise self.error("a field needs a plain name", key, "write it as text")
            name = str(key.value)
            if name == "<<":
                raise self.error("merge keys are not read", key, "write the fields out", name)
            if name in fields:
                place = Place(self.file, _line(key), name)
                other = f"keep one; the other is on row {fields[name].line}"
                raise located("this field is given twice", place, fix=other)
            inner = self.node(next(self.events), depth + 1)
            fields[name] = Node(inner.value, _line(key), inner.size)
        return fields


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def json_as_yaml(text: str) -> str:
    r"""JSON text with the two things that YAML has no place for taken out of it, lines unchanged.

    Those are tabs between tokens, and characters written in two halves (``\ud83d\ude00``).
    """
    return _ESCAPE.sub(_joined, text.replace("\t", " "))


def _joined(escape: re.Match[str]) -> str:
    return str(json.loads(f'"{escape[0]}"')) if escape["pair"] else escape[0]
