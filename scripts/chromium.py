"""Find a Chromium for the browser tests, or fetch one: ``python scripts/chromium.py``.

Prints its path; exits with status 1 where no way works. The ways, in order: the environment
variable CHROMIUM, a browser already installed, Playwright's own, Debian's package where this user
may install it, and where not, Debian's package unpacked into the virtual environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = ("Chromium", "Google Chrome")
# What Playwright's driver needs is not on every machine either.
PACKAGES = ("chromium", "libatomic1")
UNPACKED = Path(sys.prefix) / "chromium"
UNPACKED_BROWSER = UNPACKED / "run"
UNPACKED_NODE = UNPACKED / "node"
FETCH_LIMIT_S = 600

# As root there is no sandbox; the rest keeps the browser from calling home.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _installed() -> Iterator[Path]:
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    for name in MAC:
        yield Path(f"/Applications/{name}.app/Contents/MacOS/{name}")
    if driver_runs():
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = Path(playwright.chromium.executable_path)
        yield path
    yield UNPACKED_BROWSER


def _runs(path: Path) -> bool:
    """Whether the file is a browser that starts: stubs and missing libraries show here."""
    if not path.is_file():
        return False
    try:
        asked = subprocess.run(
            [path, "--version"], capture_output=True, timeout=60, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and "Chrom" in asked.stdout


def driver_runs() -> bool:
    """Whether Playwright's own program starts here, which drives whatever browser there is."""
    if UNPACKED_NODE.is_file():
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(UNPACKED_NODE)
    asked = subprocess.run(
        [sys.executable, "-m", "playwright", "--version"], capture_output=True, check=False
    )
    return asked.returncode == 0


def find() -> Path | None:
    """Return a Chromium that this machine has, or None.

    Raises
    ------
    FileNotFoundError
        If CHROMIUM names something that does not run.
    """
    if given := os.environ.get("CHROMIUM"):
        if _runs(Path(given)):
            return Path(given)
        raise FileNotFoundError(f"CHROMIUM={given} is not a browser that runs here")
    return next(filter(_runs, _installed()), None)


def _succeeds(*command: str | Path) -> bool:
    print("trying:", *command, file=sys.stderr, flush=True)
    try:
        subprocess.run(
            command,
            check=True,
            timeout=FETCH_LIMIT_S,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"  {error}", file=sys.stderr)
        return False
    return True


def _by_playwright() -> None:
    _succeeds(sys.executable, "-m", "playwright", "install", "chromium")


def _by_apt() -> None:
    if not shutil.which("apt-get"):
        return
    root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if root and not (shutil.which("sudo") and _succeeds(*root, "true")):
        return
    apt = (*root, "apt-get", "-o", "DPkg::Lock::Timeout=120")
    if _succeeds(*apt, "update"):
        _succeeds(*apt, "install", "--yes", "--no-install-recommends", *PACKAGES)


def _by_unpacking() -> None:
    """Unpack Debian's package and what it needs: apt-get and dpkg -x can do that as any user."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return
    state, cache, tree = UNPACKED / "state", UNPACKED / "cache", UNPACKED / "tree"
    for folder in (state / "lists/partial", cache / "archives/partial", tree):
        folder.mkdir(parents=True, exist_ok=True)
    own = {
        "Dir::State": state,
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": cache,
        "Debug::NoLocking": "true",
    }
    apt = ["apt-get", *(word for key, value in own.items() for word in ("-o", f"{key}={value}"))]
    install = ["install", "--yes", "--no-install-recommends", "--download-only", *PACKAGES]
    if not (_succeeds(*apt, "update") and _succeeds(*apt, *install)):
        return
    unpack = 'for package in "$0"/*.deb; do dpkg -x "$package" "$1" || exit 1; done'
    if _succeeds("sh", "-c", unpack, cache / "archives", tree):
        _write_launchers(tree)
    shutil.rmtree(cache)
    shutil.rmtree(state)


def _write_launchers(tree: Path) -> None:
    """Write the scripts that start browser and driver with the unpacked libraries and fonts."""
    from playwright._impl._driver import compute_driver_executable

    fonts = UNPACKED / "fonts.conf"
    fonts.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>'
        f"<dir>/usr/share/fonts</dir><dir>{tree}/usr/share/fonts</dir>"
        f"<cachedir>{UNPACKED}/fonts</cachedir></fontconfig>\n",
        encoding="utf-8",
    )
    libraries = ":".join(sorted({str(path.parent) for path in tree.glob("**/*.so*")}))
    for launcher, program in (
        (UNPACKED_BROWSER, tree / "usr/lib/chromium/chromium"),
        (UNPACKED_NODE, compute_driver_executable()[0]),
    ):
        launcher.write_text(
            "#!/bin/sh\n"
            f"export LD_LIBRARY_PATH='{libraries}' FONTCONFIG_FILE='{fonts}'\n"
            f"exec '{program}' \"$@\"\n",
            encoding="utf-8",
        )
        launcher.chmod(0o755)


def main() -> int:
    """Print the path of a Chromium, fetching one if there is none."""
    ways = iter((_by_playwright, _by_apt, _by_unpacking))
    while not ((path := find()) and driver_runs()):
        way = next(ways, None)
        if way is None:
            print("no Chromium here that can be driven, and none to be had", file=sys.stderr)
            return 1
        way()
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
