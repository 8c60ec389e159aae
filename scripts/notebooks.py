"""Keep notebooks free of outputs: ``python scripts/notebooks.py [--strip] [FILE…]``.

Outputs, execution counts and editors' metadata make every run a change. Without ``--strip`` the
notebooks that hold any are named and the exit status is 1; with it they are cleaned in place.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def stripped(text: str) -> str:
    """Return the notebook as it should be stored, laid out as Jupyter writes it."""
    notebook: dict[str, Any] = json.loads(text)
    notebook["metadata"] = {
        "kernelspec": notebook["metadata"].get("kernelspec", {}),
        # The language is a fact of the notebook, its patch version one of the last machine.
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def unstripped(paths: list[Path]) -> list[Path]:
    """Return those of the notebooks that are not stored as they should be."""
    return [path for path in paths if stripped(text := path.read_text("utf-8")) != text]


def main() -> int:
    """Check or clean the notebooks named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description="Keep notebooks free of outputs.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--strip", action="store_true", help="clean them in place")
    arguments = parser.parse_args()
    dirty = unstripped(arguments.files or sorted(NOTEBOOKS.glob("*.ipynb")))
    for path in dirty:
        if arguments.strip:
            path.write_text(stripped(path.read_text("utf-8")), "utf-8")
        else:
            print(f"{path}: not stripped; run: python scripts/notebooks.py --strip")
    return 1 if dirty and not arguments.strip else 0


if __name__ == "__main__":
    sys.exit(main())
