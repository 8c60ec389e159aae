"""The charts' JavaScript and compiled specifications, made once and cached.

Authoring charts needs Altair and compiling them needs vl-convert: two seconds and
80 MB that no visitor's kernel should pay. ``python -m advisor.report.assets`` pays
once; kernels then read plain files. Where the files are missing, a child process
makes them.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_CHARTS = "advisor.report.charts"
_SOURCES = ("assets.py", "theme.py", "charts*.py", "charts/**/*.py")
_BUNDLE = "vega.js.gz"
_SNIPPET = "export { vegaEmbed };"


class AssetError(RuntimeError):
    """Charts could not be prepared; the message says which and why."""


@cache
def key() -> str:
    """Return the name of the cached build that fits this code and these libraries."""
    digest = hashlib.sha256()
    for package in ("altair", "vl-convert-python"):
        digest.update(f"{package}=={version(package)}\n".encode())
    for pattern in _SOURCES:
        for path in sorted(_HERE.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def root() -> Path:
    """Return the folder that holds builds.

    A writable checkout keeps them beside the code; an installed package uses the
    user's cache folder. ``ADVISOR_ASSETS`` overrides both.
    """
    if given := os.environ.get("ADVISOR_ASSETS"):
        return Path(given)
    checkout = _HERE.parents[1]
    if (checkout / "pyproject.toml").is_file() and os.access(checkout, os.W_OK):
        return checkout / ".advisor" / "assets"
    from platformdirs import user_cache_path

    return user_cache_path("mlcost-advisor") / "assets"


def folder() -> Path:
    """Return the folder of the build that fits, whether made yet or not."""
    return root() / key()


@cache
def bundle() -> bytes:
    """Return the gzipped JavaScript module that exports ``vegaEmbed``."""
    return (_ready() / _BUNDLE).read_bytes()


def spec(name: str) -> dict[str, Any]:
    """Return the compiled Vega specification of one chart, colours as tokens.

    Parameters
    ----------
    name : str
        A key of ``advisor.report.charts.CHARTS``.

    Raises
    ------
    KeyError
        If there is no such chart; the nearest name is given.
    """
    path = _ready() / f"{name}.json"
    if not path.is_file():
        near = get_close_matches(name, names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"no chart is called {name!r}{hint}")
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def names() -> list[str]:
    """Return the names of all charts, sorted."""
    return sorted(path.stem for path in _ready().glob("*.json"))


def _ready() -> Path:
    done = folder()
    if not (done / _BUNDLE).is_file():
        run = subprocess.run(
            [sys.executable, "-m", "advisor.report.assets"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        if run.returncode:
            last = (run.stderr.strip() or "no output").splitlines()[-1]
            raise AssetError(f"charts could not be prepared: {last}")
        # Its word, not our key: the sources may have changed since we started.
        done = Path(run.stdout.strip().splitlines()[-1])
    return done


def compiled(chart: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Vega-Lite dictionary compiled to Vega with the house config."""
    import vl_convert

    from advisor.report import theme

    merged = {**chart, "config": _merge(theme.config(), chart.get("config") or {})}
    vega: dict[str, Any] = vl_convert.vegalite_to_vega(merged)
    return vega


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        old = merged.get(name)
        merged[name] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
        )
    return merged


def _charts() -> Mapping[str, Callable[[], Any]]:
    if importlib.util.find_spec(_CHARTS) is None:
        return {}
    charts: Mapping[str, Callable[[], Any]] = importlib.import_module(_CHARTS).CHARTS
    return charts


def _vega_lite(chart: Any) -> dict[str, Any]:
    # Altair puts its own default size and colours into the config; ours replace them.
    import altair

    with altair.theme.enable("none"):
        made: dict[str, Any] = chart.to_dict()
    return made


def build() -> Path:
    """Make bundle and specifications, and return their folder.

    Builds aside and moves into place, so a reader never sees half a build and two
    builders do not disturb each other.

    Raises
    ------
    AssetError
        If a chart fails to build; its name is in the message.
    """
    import vl_convert

    done = folder()
    done.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=done.parent))
    try:
        for name, make in _charts().items():
            try:
                made = compiled(_vega_lite(make()))
            except Exception as error:
                raise AssetError(f"chart {name!r}: {error}") from error
            (part / f"{name}.json").write_text(json.dumps(made), "utf-8")
        script = vl_convert.javascript_bundle(_SNIPPET)
        (part / _BUNDLE).write_bytes(gzip.compress(script.encode(), 9, mtime=0))
        part.chmod(0o755)
        if not (done / _BUNDLE).is_file():
            shutil.rmtree(done, ignore_errors=True)
            try:
                part.rename(done)
            except OSError:  # another builder was quicker
                if not (done / _BUNDLE).is_file():
                    raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return done


if __name__ == "__main__":
    built = folder()
    sys.stdout.write(f"{built if (built / _BUNDLE).is_file() else build()}\n")
