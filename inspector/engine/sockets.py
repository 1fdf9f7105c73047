"""The SDK's connections with what it lacks: a bound on the whole of an answer, and SSH by the `ssh` program."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import tempfile
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from docker.transport.basehttpadapter import BaseHTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from inspector.engine.endpoint import Endpoint
from inspector.http.timed import TimedSocket

_SSH_SECONDS = 10
_LAST_SECONDS = 0.2


class _SshConnection(HTTPConnection):
    """To another machine's engine, by its own command line at the other end of an SSH session."""

    words: tuple[str, ...] = ()
    _program: subprocess.Popen[bytes] | None = None
    _last_words = ""

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs, tempfile.TemporaryFile() as errors:
            self._program = self._started(theirs, errors)
            self._errors = os.fdopen(os.dup(errors.fileno()), "rb")
            self.sock = TimedSocket(fileno=ours.detach())
        self.sock.settimeout(self.timeout)

    def _started(self, socket_of_its: socket.socket, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        """The program, in a session of its own: what is typed here, Ctrl-C included, is not for it."""
        ends = {"stdin": socket_of_its, "stdout": socket_of_its, "stderr": errors}
        try:
            return subprocess.Popen(self.words, **ends, start_new_session=True)  # type: ignore[call-overload,no-any-return] # noqa: S603 - words of ours, the address checked
        except FileNotFoundError as error:
            raise OSError(errno.EIO, "there is no ssh program") from error

    def getresponse(self) -> Any:
        try:
            return super().getresponse()
        except ConnectionError as error:
            self.close()
            raise OSError(errno.EIO, f"ssh ends: {self._last_words or 'without a word'}") from error

    def close(self) -> None:
        super().close()
        program, self._program = self._program, None
        if program is None:
            return
        try:
            program.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            program.terminate()
            program.wait()
        with self._errors as errors:
            errors.seek(0)
            self._last_words = " ".join(errors.read(2000).decode("utf-8", "replace").split())[-300:]


class _TcpConnection(HTTPConnection):
    """To an address without TLS."""

    def _new_conn(self) -> socket.socket:
        return TimedSocket(fileno=super()._new_conn().detach())


class _TcpPool(HTTPConnectionPool):
    ConnectionCls = _TcpConnection


class OnePool(BaseHTTPAdapter):  # type: ignore[misc]
    """An adapter that keeps one pool for all paths: the SDK's has one for each, and so a connection a question."""

    def __init__(self, connection: type[HTTPConnection], **attributes: Any) -> None:
        super().__init__()
        kind = type(connection.__name__, (connection,), attributes)
        self._pool = HTTPConnectionPool("localhost", maxsize=16)
        self._pool.ConnectionCls = kind

    def get_connection(self, url: str, proxies: Any = None) -> HTTPConnectionPool:
        """The one pool."""
        del url, proxies
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """A path alone: a socket knows neither hosts nor proxies."""
        del proxies
        return str(request.path_url)

    def close(self) -> None:
        """Give the connections back."""
        super().close()
        self._pool.close()


def ssh_adapter(endpoint: Endpoint) -> OnePool:
    """For an address as `ssh://USER@HOST:PORT/SOCKET`, all but the host optional. Raises `ValueError`."""
    return OnePool(_SshConnection, words=ssh_words(endpoint))


def time_tcp(session: Any) -> None:
    """Have the session's connections without TLS keep the deadline too."""
    manager = session.get_adapter("http://x").poolmanager
    manager.pool_classes_by_scheme = {"http": _TcpPool, "https": HTTPSConnectionPool}


def ssh_words(endpoint: Endpoint) -> tuple[str, ...]:
    """The command that joins its standard input and output to the engine's socket. Raises `ValueError`."""
    if os.name == "nt":
        raise ValueError("ssh:// is not spoken on Windows: forward the engine's socket to a local port")
    url = urlsplit(endpoint.address)
    if url.password is not None:
        raise ValueError("a password in the address is not used: use keys or an agent")
    host = url.hostname or ""
    if not host or host.startswith("-") or (url.username or "").startswith("-"):
        raise ValueError("there is no host in the address")
    user = ("-l", unquote(url.username)) if url.username else ()
    port = ("-p", str(url.port)) if url.port else ()
    option = "--url" if endpoint.kind == "podman" else "--host"
    where = f" {option} unix://{_plain(unquote(url.path))}" if url.path.strip("/") else ""
    remote = f"{endpoint.kind}{where} system dial-stdio"
    return ("ssh", "-o", f"ConnectTimeout={_SSH_SECONDS}", "-T", *user, *port, "--", host, remote)


def _plain(path: str) -> str:
    """The path, which another machine's shell will read. Raises `ValueError`."""
    if not all(c.isalnum() or c in "/._-" for c in path):
        raise ValueError("the path in the address has other characters than letters, digits and /._-")
    return path
