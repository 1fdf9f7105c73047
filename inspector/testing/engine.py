"""A fake engine: an HTTP server in a thread that answers as engines of today do, and misbehaves where asked to.

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
        self._server = _Tcp(self) if tcp or not hasattr(socket, "AF_UNIX") else _Unix(f"{self._folder}/s", self)
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


class _Server(socketserver.ThreadingMixIn):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    fake: EngineState

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.open: set[socket.socket] = set()

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Tcp(_Server, socketserver.TCPServer):
    allow_reuse_address = True

    def __init__(self, fake: EngineState) -> None:
        _Server.__init__(self)
        self.fake = fake
        socketserver.TCPServer.__init__(self, ("127.0.0.1", 0), Handler)
        self.address = f"tcp://127.0.0.1:{self.server_address[1]}"


class _Unix(_Server, socketserver.TCPServer):
    address_family = getattr(socket, "AF_UNIX", 0)

    def __init__(self, path: str, fake: EngineState) -> None:
        _Server.__init__(self)
        self.fake = fake
        socketserver.TCPServer.__init__(self, path, Handler)  # type: ignore[arg-type]
        self.address = f"unix://{path}"
