"""A fake engine: an HTTP server in a thread that answers as engines of today do, and misbehaves where asked to.

As a test uses it:

    with FakeEngine("containerd", [image]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        engine.misbehave("GET", "/images/.*/get", faults.cut(b"half"))
        …
        assert engine.asked("POST", "/containers/create")[0].body["NetworkDisabled"]
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import tempfile
import threading
from collections.abc import Sequence
from typing import Any, Self

from inspector.testing.engine_api import Handler
from inspector.testing.engine_state import EngineState
from inspector.testing.image import Image
from inspector.testing.store import Kind


class FakeEngine(EngineState):
    """An engine at `address`, in a `with` block.

    Stores: `containerd` and `graph` are Docker 29's two, `podman` is Podman's compatible API. `api` are the oldest
    and newest versions that it speaks, `info` changes fields of `/info`, and `files` replaces what containers of
    an image show, by the image's first tag. `requests` are all that came, `containers` those there now, `volumes`
    counts those left behind.

    >>> import os, unittest.mock, inspector
    >>> from inspector.testing import FakeEngine, Image, Step
    >>> image = Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})], tags=["api:1"])
    >>> with FakeEngine(images=[image]) as engine, unittest.mock.patch.dict(os.environ, DOCKER_HOST=engine.address):
    ...     facts = inspector.inspect("docker:api:1")
    >>> facts.torch.installed
    False
    """

    def __init__(self, store: Kind = "graph", images: Sequence[Image] = (), *, tcp: bool = False, **more: Any) -> None:
        super().__init__(store, images, **more)
        self._folder = tempfile.mkdtemp(prefix="fake-engine-")
        self._server = _Server(self, None if tcp or not hasattr(socket, "AF_UNIX") else f"{self._folder}/s")
        self.address = self._server.address

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Stop listening, and end open connections."""
        self._server.closed.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Listens on a Unix socket, or without its path on a port of this machine."""

    allow_reuse_address = True
    block_on_close = False
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, fake: EngineState, path: str | None) -> None:
        self.fake = fake
        self.closed = threading.Event()
        self.open: set[socket.socket] = set()
        self.address_family = socket.AF_INET if path is None else socket.AF_UNIX
        super().__init__(path or ("127.0.0.1", 0), Handler)  # type: ignore[arg-type]  # typed for ports alone
        self.address = f"unix://{path}" if path else f"tcp://127.0.0.1:{self.server_address[1]}"

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
