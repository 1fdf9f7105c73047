"""Where a registry's notifications are taken: one address, one kind of request, and bounds on all of it."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Self

import msgspec

from inspector.audit.notices import ENVELOPE_TYPES, MAX_ENVELOPE, parse_notices
from inspector.errors import InspectorError, LimitExceeded, UsageError
from inspector.policy.audited import Notice

PATH = "/events"
PORT = 8077
PAUSE = 5
"""Seconds after which a registry may come again where there was no room."""
MAX_HEAD = 16 << 10
"""Bytes of one request's head, and of each of its lines."""
_LEFT_OVER = 2 << 20
"""Bytes that are taken in without a look after a refusal, so that the client gets to read that."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What clients may take up. `head` and `whole` are the seconds for a request's head, and for all of it.

    There may be so many `connections`, of which one client may have `each`, and so many bytes of bodies that are still
    to come, `held`. Beyond that, the connection is closed that is open for longest, of the client that has most:
    who connects gets a chance, however many others only sit there.
    """

    head: float = 10.0
    whole: float = 30.0
    connections: int = 128
    each: int = 64
    held: int = 16 << 20


class Address(msgspec.Struct, frozen=True):
    """Where to listen; port 0 takes any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_listen(text: str) -> Address:
    """`[HOST]:PORT`, `HOST` or `PORT`; this machine alone where no host is named. Raises `UsageError`."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = ("", text) if text.isdecimal() else (text, str(PORT))
    host = host.strip("[]") or "127.0.0.1"
    usable = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 0xFFFF
    if not usable or not all(char.isalnum() or char in ".-:" for char in host) or not host.isascii():
        raise UsageError(f"--watch {text[:200]!a}: no HOST:PORT to listen at; names of repositories go before --watch")
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
                f"--watch {address}: others than this machine could send there; give a token with "
                "--watch-token-file or INSPECTOR_WATCH_TOKEN, and have the registry send `Authorization: Bearer TOKEN`"
            )
        try:
            self._socket = _bound(address)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "no such address"
            raise UsageError(f"--watch {address}: can't listen there: {why}") from None
        self.address = Address(address.host, int(self._socket.getsockname()[1]))
        self._guests = _Guests(offer, token, bounds)
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="inspector-listener")

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._guests.serve, sock=self._socket, limit=MAX_HEAD, backlog=128)
        await self._stop.wait()
        server.close()


class _Guest(msgspec.Struct):
    """A connection: who it is from, and how many bytes it may still bring."""

    client: str
    held: int = 0


class _Guests:
    """The connections of one listener, the longest open first; all in the thread of its loop."""

    def __init__(self, offer: Callable[[list[Notice]], bool], token: str | None, bounds: Bounds) -> None:
        self._offer = offer
        self._expected = f"Bearer {token}".encode() if token is not None else None
        self._bounds = bounds
        self._guests: dict[asyncio.Task[None], _Guest] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and hang up."""
        task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment] # asyncio runs this as one
        guest = self._guests[task] = _Guest(_client(writer.get_extra_info("peername")))
        self._make_room(task)
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):  # it went away, or is too slow
                async with asyncio.timeout(self._bounds.whole):
                    writer.write(_answer(await self._status(reader, writer, guest)))
                    writer.write_eof()
                    await _use_up(reader)
        finally:
            self._guests.pop(task, None)
            writer.transport.abort()

    def _make_room(self, newest: asyncio.Task[None]) -> None:
        """Close other connections until the newest is within the bounds."""
        while len(self._guests) > 1:
            clients = Counter(guest.client for guest in self._guests.values())
            crowd, own = clients.most_common(1)[0][0], self._guests[newest].client
            is_full = len(self._guests) > self._bounds.connections
            if clients[own] > self._bounds.each:
                crowd = own
            elif not is_full and sum(guest.held for guest in self._guests.values()) <= self._bounds.held:
                return
            others = [task for task in self._guests if task is not newest]
            victim = next((task for task in others if self._guests[task].client == crowd), others[0])
            del self._guests[victim]
            victim.cancel()

    async def _status(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, guest: _Guest) -> int:
        """The status to answer with, after all of the request was read that is to be."""
        async with asyncio.timeout(self._bounds.head):
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                return 414
            headers = await _headers(reader)
        if isinstance(headers, int):
            return headers
        refused = self._refusal(line.split(), headers)
        if refused:
            return refused
        guest.held = int(headers["content-length"])
        self._make_room(asyncio.current_task())  # type: ignore[arg-type] # as above
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            return 202 if self._offer(parse_notices(await reader.readexactly(guest.held))) else 503
        except LimitExceeded:
            return 413
        except InspectorError:
            return 400

    def _refusal(self, words: list[bytes], headers: dict[str, str]) -> int:
        """The status for a request that is refused by its head; else 0."""
        shown = headers.get("authorization", "").encode("latin-1")
        length = headers.get("content-length", "")
        is_number = length.isascii() and length.isdecimal() and len(length) < 16
        checks = (
            (400, len(words) == 3 and words[2].startswith(b"HTTP/1.")),
            (501, words[:1] == [b"POST"]),
            (401, self._expected is None or hmac.compare_digest(shown, self._expected)),
            (404, words[1:2] == [PATH.encode()]),
            (415, headers.get("content-type", "").partition(";")[0].strip().lower() in ENVELOPE_TYPES),
            (411, is_number and "transfer-encoding" not in headers),
            (413, is_number and int(length) <= MAX_ENVELOPE),
        )
        return next((status for status, is_fine in checks if not is_fine), 0)


def _bound(address: Address) -> socket.socket:
    """A socket at the address. Raises `OSError`, `UnicodeError`."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made = socket.socket(*found[0][:3])
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(found[0][4])
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def _client(peer: tuple[str, int] | None) -> str:
    """Who connects: an address, or the network of one customer where there are enough for everybody (IPv6, /64)."""
    host = ipaddress.ip_address(peer[0] if peer else "0.0.0.0")  # noqa: S104 - nobody in particular
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    return str(host.ipv4_mapped or int(host) >> 64)


async def _headers(reader: asyncio.StreamReader) -> dict[str, str] | int:
    """Headers by lower-case names; the status that refuses them where they are too many, or unlawful."""
    found: dict[str, str] = {}
    left = MAX_HEAD
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            return 431
        left -= len(line)
        if left < 0:
            return 431
        if not line.strip():
            return found
        name, colon, text = line.decode("latin-1").partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip() or (name in found and name in _ONCE):
            return 400
        found[name] = text.strip()


_ONCE = frozenset({"authorization", "content-length", "content-type", "transfer-encoding"})


def _answer(status: int) -> bytes:
    pause = f"Retry-After: {PAUSE}\r\n" if status == 503 else ""
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nServer: inspector\r\n"
    return f"{line}{pause}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


async def _use_up(reader: asyncio.StreamReader) -> None:
    """Take in what the client still sends: a connection that is closed before loses the answer, too."""
    left = _LEFT_OVER
    async with asyncio.timeout(1):
        while left > 0 and (piece := await reader.read(MAX_HEAD)):
            left -= len(piece)
