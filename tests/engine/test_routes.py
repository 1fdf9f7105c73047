"""Named pipes of Windows, by a stand-in for the SDK's socket of them, over a socket that is there everywhere else."""

from __future__ import annotations

import socket
import sys
from types import ModuleType
from typing import Any

import pytest

from inspector.engine.client import Engine
from inspector.engine.endpoint import Endpoint
from inspector.errors import Unreachable
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from tests.engine.images import SMALL

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets to stand in")


class _Error(Exception):
    """As pywintypes.error."""

    winerror = 2
    strerror = "The system cannot find the file specified."


class _NpipeSocket:
    """As docker.transport.NpipeSocket: takes a timeout in seconds, and gives it in milliseconds."""

    def __init__(self) -> None:
        self._there = socket.socket(socket.AF_UNIX)
        self.close = self._there.close
        self.sendall = self._there.sendall
        self.recv_into = self._there.recv_into
        self.makefile = self._there.makefile
        self.getpeername = self._there.getpeername

    def connect(self, path: str) -> None:
        try:
            self._there.connect(path)
        except OSError as error:
            self.close()
            raise _Error from error

    def settimeout(self, seconds: float | None) -> None:
        self._there.settimeout(seconds)

    def gettimeout(self) -> float | None:
        seconds = self._there.gettimeout()
        return None if seconds is None else seconds * 1000


@pytest.fixture(autouse=True)
def sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = ModuleType("docker"), ModuleType("docker.transport")
    module.NpipeSocket = _NpipeSocket  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "docker", package)
    monkeypatch.setitem(sys.modules, "docker.transport", module)


def _pipe(fake: FakeEngine, **more: Any) -> Engine:
    return Engine(Endpoint(fake.address.replace("unix://", "npipe://"), "test"), **more)


def test_an_engine_behind_a_pipe() -> None:
    with FakeEngine("containerd", [SMALL]) as fake:
        engine = _pipe(fake, seconds=0.5)
        with engine.save("small:1") as stream:
            assert stream.read() == fake.store.archive(SMALL)
        assert engine.inspect("small:1").described
        assert len({request.connection for request in fake.requests}) == 1
        fake.misbehave("GET", "/info", faults.hang)
        with pytest.raises(Unreachable, match="no answer in time"):
            _ = engine.info
        engine.close()


def test_a_pipe_that_is_not_there() -> None:
    with pytest.raises(Unreachable, match=r"npipe:////\./pipe/x \(test\): no such socket"):
        Engine(Endpoint("npipe:////./pipe/x", "test"))
