"""What several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def catalog_option(parser: argparse.ArgumentParser) -> None:
    """``--catalog FOLDER``, as often as there are folders."""
    parser.add_argument("--catalog", type=Path, action="append", default=[], help="overlay folder")


def print_json(value: Any) -> None:
    """One JSON value on standard output and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def write(path: Path, content: bytes) -> None:
    """Write a file the user named."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(
            "cannot be written", file=str(path), fix=(error.strerror or str(error)).lower()
        ) from None


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows in columns: the first `left` columns to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"
