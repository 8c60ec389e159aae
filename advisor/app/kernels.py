"""Kernels that end when their page is gone, and only then.

A closed tab leaves its kernel behind (about 125 MB), so idle kernels must be culled. The stock
clock starts at the last message, which is wrong twice for an app whose kernels wait in a pool: a
pooled kernel handed to a page may be culled before the page connects (the page stays blank), and a
page that was merely idle for an hour loses its kernel at the first short break of the network. Here
the clock starts when the last websocket closes, or when a kernel is first seen outside the pool.

This module is imported by the server, never by a kernel: it must not import widgets.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from jupyter_client.manager import KernelManager
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

__all__ = ["CullManager", "PromptConnection"]


class CullManager(AsyncMappingKernelManager):
    """Kernel manager that counts idleness from the moment nobody was connected.

    Voilà's pool, built on top of this class, asks `cull_kernel_if_idle` only for kernels outside
    the pool, so a kernel's clock starts at the first poll after it was handed to a page.
    `cull_idle_timeout` therefore is the time in seconds that a page has to connect or reconnect.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._free_since: WeakKeyDictionary[KernelManager, datetime] = WeakKeyDictionary()

    def notify_disconnect(self, kernel_id: str) -> None:
        """Restart the clock of a kernel that lost a connection."""
        super().notify_disconnect(kernel_id)
        if kernel_id in self._kernels:
            self._free_since[self._kernels[kernel_id]] = datetime.now(UTC)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Cull a kernel that is dead, or that nobody has been connected to for the timeout."""
        kernel = self._kernels[kernel_id]
        now = datetime.now(UTC)
        free_for = now - self._free_since.setdefault(kernel, now)
        dead = getattr(kernel, "execution_state", None) == "dead"
        if dead or free_for >= timedelta(seconds=self.cull_idle_timeout):
            await super().cull_kernel_if_idle(kernel_id)


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Kernel websocket that sends every message at once.

    Without TCP_NODELAY small replies wait for the acknowledgement of the one before: under traffic
    a round trip took 53 ms instead of 15 ms.
    """

    def connect(self) -> Any:
        """Switch the delay off, then connect as usual."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
