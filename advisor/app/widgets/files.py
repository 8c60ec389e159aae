"""Files in and out of the page."""

from __future__ import annotations

import inspect
from asyncio import Task, ensure_future
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import anywidget
import traitlets

from advisor.app.widgets._wire import script

MIB = 1024 * 1024

OnFile = Callable[[str, bytes], "str | Awaitable[str | None] | None"]
Content = bytes | tuple[str, bytes]
Make = Callable[[], "Content | Awaitable[Content]"]


class Upload(anywidget.AnyWidget):
    """A file control that says its limit, shows progress and answers in words.

    The file arrives in pieces of one mebibyte, each acknowledged, so no server limit
    on message size applies. Handlers get the whole.

    Parameters
    ----------
    label : str
        What to bring.
    on_file : callable, optional
        ``on_file(name, data)``, plain or async. What it returns is shown as
        information; a ``ValueError`` it raises is shown as an error.
    accept : sequence of str
        File endings with their dot, lower case; empty for any.
    max_bytes : int
        Largest file taken [bytes].
    hint : str
        A line below the control, before the limits.

    Attributes
    ----------
    message, message_kind : str
        The answer beside the control and whether it is ``info`` or ``error``.
    """

    _esm = script("upload")
    label = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    accept = traitlets.List(traitlets.Unicode()).tag(sync=True)
    max_bytes = traitlets.Int(50 * MIB).tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)
    message_kind = traitlets.Enum(["info", "error"], "info").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        label: str,
        on_file: OnFile | None = None,
        *,
        accept: Sequence[str] = (),
        max_bytes: int = 50 * MIB,
        **kwargs: Any,
    ) -> None:
        super().__init__(label=label, accept=list(accept), max_bytes=max_bytes, **kwargs)
        self._handler = on_file
        self._upload = ""
        self._pieces: list[bytes] = []
        self._task: Task[None] | None = None
        self.on_msg(self._receive)

    def say(self, text: str, kind: Literal["info", "error"] = "info") -> None:
        """Show `text` beside the control."""
        with self.hold_sync():
            self.message, self.message_kind = text, kind
        # Even the same words again must end the browser's "Sending …".
        self.send({"kind": "handled"})

    def _receive(self, _widget: object, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if content.get("kind") != "piece":
            return
        upload, index = str(content["upload"]), int(content["index"])
        if index == 0:
            self._upload, self._pieces = upload, []
        if upload != self._upload or index != len(self._pieces):
            return  # a piece of an upload that another has replaced
        self._pieces.append(bytes(buffers[0]) if buffers else b"")
        self.send({"kind": "piece", "upload": upload})
        # The browser checks too, but only this side is ours.
        if sum(map(len, self._pieces)) > self.max_bytes:
            self._upload, self._pieces = "", []
            self.say(f"The limit is {self.max_bytes / MIB:g} MB.", "error")
        elif len(self._pieces) == int(content["pieces"]):
            data = b"".join(self._pieces)
            self._upload, self._pieces = "", []
            self._handle(str(content["name"]), data)

    def _handle(self, name: str, data: bytes) -> None:
        if self._handler is None:
            self.say(f"{name} received.")
            return
        try:
            answer = self._handler(name, data)
        except ValueError as error:
            self.say(str(error), "error")
        except Exception as error:
            self.say(f"{name} could not be read ({type(error).__name__}).", "error")
            raise
        else:
            if inspect.isawaitable(answer):
                self._task = ensure_future(self._later(name, answer))
            else:
                self.say(answer or f"{name} loaded.")

    async def _later(self, name: str, answer: Awaitable[str | None]) -> None:
        try:
            self.say(await answer or f"{name} loaded.")
        except ValueError as error:
            self.say(str(error), "error")
        except Exception as error:
            self.say(f"{name} could not be read ({type(error).__name__}).", "error")
            raise


class Download(anywidget.AnyWidget):
    """A button that makes a file when pressed and saves it.

    Parameters
    ----------
    label : str
        The button's text.
    make : callable
        Returns the bytes, or ``(filename, bytes)``; plain or async.
    filename, mime : str
        Name to save under and its media type.
    primary : bool
        Whether this is the page's main button.
    """

    _esm = script("download")
    label = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    primary = traitlets.Bool(False).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        label: str,
        make: Make,
        filename: str,
        *,
        mime: str = "application/octet-stream",
        **kwargs: Any,
    ) -> None:
        super().__init__(label=label, **kwargs)
        self.make = make
        self.filename = filename
        self.mime = mime
        self._task: Task[None] | None = None
        self.on_msg(self._receive)

    def _receive(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("kind") != "want":
            return
        try:
            made = self.make()
        except Exception as error:
            self._fail(error)
        else:
            if inspect.isawaitable(made):
                self._task = ensure_future(self._later(made))
            else:
                self._deliver(made)

    async def _later(self, made: Awaitable[Content]) -> None:
        try:
            self._deliver(await made)
        except Exception as error:
            self._fail(error)

    def _deliver(self, made: Content) -> None:
        name, data = made if isinstance(made, tuple) else (self.filename, made)
        self.send({"kind": "file", "name": name, "mime": self.mime}, buffers=[data])

    def _fail(self, error: Exception) -> None:
        text = str(error) if isinstance(error, ValueError) else type(error).__name__
        self.send({"kind": "failed", "text": f"The file could not be made: {text}"})
        if not isinstance(error, ValueError):
            raise error
