"""Serve the app with Voilà: ``python -m advisor.app.serve [--port=8866] [any option of voila]``.

The one place that knows the server's settings; `make app`, the browser tests and Binder use them
from here. A ``voila.json`` in the working directory or in a Jupyter configuration folder overrides
them, and so do options on the command line (``--token``, ``--base_url=…``, ``--Voila.ip=…``).

Only the standard library is imported until the server starts.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent

UPLOAD_LIMIT_BYTES = 100 * 2**20
"""Largest file that the page may send [B]. Beyond the server's limit a file vanishes in silence,
so the page must refuse it before."""

PAGE: dict[str, Any] = {
    "template": "mlcost",
    "allow_template_override": "NO",
    "allow_theme_override": "NO",
    "show_tracebacks": False,
    "strip_sources": True,
}
"""How a page is rendered (`VoilaConfiguration`), standalone and as a server extension."""

KERNELS: dict[str, Any] = {
    # Long enough for a laptop to find its network again, short enough for a small machine.
    "cull_idle_timeout": 120,
    "cull_interval": 15,
    "cull_connected": False,
    # Kernels listen on loopback TCP, where every local user could read along.
    "transport_encryption": "auto",
}
"""When the kernel of a closed page ends [s], and how it is spoken to (`MappingKernelManager`)."""

KERNEL_MANAGER = "advisor.app.kernels.CullManager"
WEBSOCKET = "advisor.app.kernels.PromptConnection"
# A message holds the file and a little more.
TORNADO: dict[str, Any] = {"websocket_max_message_size": UPLOAD_LIMIT_BYTES + 2**20}


def notebook() -> Path:
    """Return the path of the app's notebook, in a checkout or in an installed package."""
    folders = (CHECKOUT / "notebooks", PACKAGE / "_notebooks")
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    return folder / "advisor.ipynb"


def settings() -> dict[str, dict[str, Any]]:
    """Return Voilà's configuration for the standalone server, by section."""
    return {
        "Voila": {
            "ip": "127.0.0.1",
            "open_browser": False,
            # A taken port is an error to report, not a reason to serve somewhere else.
            "port_retries": 0,
            "root_dir": str(notebook().parent),
            "kernel_websocket_connection_class": WEBSOCKET,
            "tornado_settings": TORNADO,
        },
        "VoilaConfiguration": {
            **PAGE,
            "multi_kernel_manager_class": KERNEL_MANAGER,
            "preheat_kernel": True,
            "default_pool_size": 2,
        },
        # The next kernel of the pool starts when the page just served has settled.
        "VoilaKernelManager": {"fill_delay": 3},
        "MappingKernelManager": KERNELS,
    }


def _prepend(variable: str, folder: Path) -> None:
    before = os.environ.get(variable)
    os.environ[variable] = f"{folder}{os.pathsep}{before}" if before else str(folder)


def main(argv: list[str] | None = None) -> None:
    """Serve the notebook until interrupted.

    Parameters
    ----------
    argv
        Options for Voilà; those of the process by default.
    """
    if (CHECKOUT / "pyproject.toml").is_file():
        # Nothing is installed: tell Voilà, and kernels that run in another folder, where to look.
        _prepend("PYTHONPATH", CHECKOUT)
        _prepend("JUPYTER_PATH", CHECKOUT / "share" / "jupyter")

    from traitlets.config import Config
    from voila.app import Voila

    options = sys.argv[1:] if argv is None else argv
    Voila.launch_instance([*options, str(notebook())], config=Config(settings()))


if __name__ == "__main__":
    main()
