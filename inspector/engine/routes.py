"""From an engine's address to the way there."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any
from urllib.parse import unquote, urlsplit

from inspector.engine.endpoint import Endpoint
from inspector.http.connections import Route
from inspector.http.local import Program, Unix

_SSH_SECONDS = 10


class Pipe(Route, frozen=True):
    """To a named pipe of Windows, by the Docker SDK: it is needed, and installed, there alone."""

    path: str = ""

    def open(self, seconds: float) -> Any:
        """See `Route`. Raises `OSError`."""
        from docker.transport import NpipeSocket

        class Timed(NpipeSocket):  # type: ignore[misc]
            def gettimeout(self) -> float:
                return float(super().gettimeout()) / 1000  # it takes seconds, and gives milliseconds

        pipe = Timed()
        pipe.settimeout(seconds)
        try:
            pipe.connect(self.path)
        except Exception as error:
            absent = getattr(error, "winerror", 0) == errno.ENOENT  # ERROR_FILE_NOT_FOUND
            raise OSError(errno.ENOENT if absent else errno.EIO, getattr(error, "strerror", str(error))) from error
        return pipe


def route_to(endpoint: Endpoint) -> Route:
    """Return the way to an endpoint; nothing is sent yet. Raises `ValueError`, `UsageError`."""
    scheme, _, rest = endpoint.address.partition("://")
    if scheme == "ssh":
        return Program(words=ssh_words(endpoint))
    if scheme == "npipe":
        return Pipe(path=rest)
    if scheme == "unix":
        if not hasattr(socket, "AF_UNIX"):
            raise ValueError("this Python knows no Unix sockets: write npipe:// or tcp://")
        return Unix(path=rest)
    from inspector.http.address import Origin  # 5 ms, and most engines are on this machine
    from inspector.http.proxies import proxy_for
    from inspector.http.routes import Tcp

    if endpoint.tls:
        endpoint.tls.context()  # to hear of unusable certificates now
    url = urlsplit(endpoint.address)
    origin = Origin("https" if endpoint.tls else "http", url.hostname or "", url.port or 0)
    proxy = None if endpoint.is_local else proxy_for(origin, os.environ)
    return Tcp(origin.host, origin.port, endpoint.tls, proxy)


def ssh_words(endpoint: Endpoint) -> tuple[str, ...]:
    """Build the command that joins its standard streams to the socket at `ssh://USER@HOST:PORT/SOCKET`.

    All but the host is optional. Raises `ValueError`.
    """
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
    """Return the path, which another machine's shell will read. Raises `ValueError`."""
    if not all(c.isalnum() or c in "/._-" for c in path):
        raise ValueError("the path in the address has other characters than letters, digits and /._-")
    return path
