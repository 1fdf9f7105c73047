"""Where a registry's notifications are taken: one address, in a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Self

import msgspec

from inspector.errors import UsageError
from inspector.policy.audited import Notice
from inspector.watch.clients import Bounds, Clients

PORT = 8077
_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PATIENCE = 0.1
"""Seconds to wait where the system has no room for another connection."""


class Address(msgspec.Struct, frozen=True):
    """Where to listen; port 0 takes any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_listen(text: str) -> Address:
    """Return `[HOST]:PORT`, `HOST` or `PORT`; this machine alone where no host is named. Raises `UsageError`."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = ("", text) if text.isdecimal() else (text, str(PORT))
    host = host.strip("[]") or "127.0.0.1"
    usable = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 0xFFFF
    if not usable or not all(char.isalnum() or char in ".-:" for char in host) or not host.isascii():
        raise UsageError(
            f"--watch {text[:200]!a}: not HOST:PORT to listen on; put names of repositories before --watch"
        )
    return Address(host, int(port))


class Listener:
    """Listens from its start to its stop, in a thread of its own.

    What comes is given to `offer`, which returns False where it has no room.
    With a `token`, every request must show it as `Authorization: Bearer TOKEN`.
    """

    def __init__(
        self,
        address: Address,
        offer: Callable[[list[Notice]], bool],
        token: str | None,
        bounds: Bounds = Bounds(),  # noqa: B008 - a value
    ) -> None:
        if token is None and not address.is_loopback():
            raise UsageError(
                f"--watch {address}: other machines could send to it; give a token with "
                "--watch-token-file or INSPECTOR_WATCH_TOKEN, and have the registry send `Authorization: Bearer TOKEN`"
            )
        try:
            self._socket = _bound(address)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "no such address"
            raise UsageError(f"--watch {address}: can't listen there: {why}") from None
        self.address = Address(address.host, int(self._socket.getsockname()[1]))
        self._clients = Clients(offer, token, bounds)
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="inspector-listener")

    def __enter__(self) -> Self:
        self._loop = asyncio.SelectorEventLoop()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        self._go_on()
        await self._stop.wait()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        await self._clients.leave()

    def _go_on(self) -> None:
        if not self._stop.is_set():
            self._loop.add_reader(self._socket, self._take)

    def _take(self) -> None:
        """Let one in. asyncio's own server loses connections that come while it closes."""
        try:
            connection, peer = self._socket.accept()
        except OSError as error:
            if error.errno in _SCARCE:
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_PATIENCE, self._go_on)
            return
        self._clients.let_in(connection, peer[0])


def _bound(address: Address) -> socket.socket:
    """Bind a socket to the address. Raises `OSError`, `UnicodeError`."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made = socket.socket(*found[0][:3])
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(found[0][4])
        made.listen(128)
        made.settimeout(0)
    except OSError:
        made.close()
        raise
    return made
