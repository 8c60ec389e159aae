"""The repository keeps its own rules."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts import notebooks

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# One pin, on a line by itself, perhaps with an environment marker.
PIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*==[0-9][a-z0-9.]*( ; [a-z_]+ .+)?")


def pins(name: str) -> list[str]:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith(("#", "-r requirements.txt"))]


def packages(name: str) -> set[str]:
    return {line.partition("==")[0] for line in pins(name)}


def normalized(requirement: str) -> str:
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[._-]+", "-", name).lower()


def test_imports_keep_to_the_rooms():
    tool = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([tool, "--no-logo"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


def test_few_direct_dependencies():
    assert len(PROJECT["dependencies"]) <= 16


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_is_pins_and_nothing_else(name):
    assert [line for line in pins(name) if not PIN.fullmatch(line)] == []


def test_the_lock_holds_every_dependency():
    assert {normalized(wanted) for wanted in PROJECT["dependencies"]} <= packages(
        "requirements.txt"
    )


def test_files_of_the_package_stay_small():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in (ROOT / "advisor").rglob("*.py")
    }
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}


def test_notebooks_are_stored_without_outputs():
    stored = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert stored
    assert notebooks.unstripped(stored) == []


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The wheel, built and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_the_wheel_finds_its_catalogs_and_notebooks(unpacked, tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
        "from advisor.app import serve\n"
        "from advisor.catalog import Catalog\n"
        "from advisor.portfolio.load import load_portfolio, sample_path\n"
        "load_portfolio(sample_path(), Catalog.load())\n"
        f"assert serve.__file__.startswith({str(unpacked)!r})\n"
        "assert serve.notebook().is_file()\n"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr


def test_the_wheel_brings_the_page_template(unpacked):
    (data,) = unpacked.glob("*.data/data")
    template = Path("share/jupyter/voila/templates/mlcost")
    assert sorted(path.name for path in (data / template).iterdir()) == sorted(
        path.name for path in (ROOT / template).iterdir()
    )
