"""Clients of the listener: one request of each, and bounds on all that they take up."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

import msgspec

from inspector.errors import InspectorError, LimitExceeded
from inspector.policy.audited import Notice
from inspector.watch.notices import ENVELOPE_TYPES, MAX_ENVELOPE, parse_notices

PATH = "/events"
PAUSE = 5
"""Seconds after which a registry may come again where there was no room."""
MAX_HEAD = 16 << 10
"""Bytes of one request's head, and of each of its lines."""
_LEFT_OVER = 2 << 20
"""Bytes that are taken in without a look after an answer, so that the client gets to read that."""
_ONCE = frozenset({"authorization", "content-length", "content-type", "transfer-encoding"})


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What clients may take up. `head` and `whole` are the seconds for a request's head, and for all of it.

    There may be so many `connections`, of which one client may have `each`, and so many bytes of bodies that are still
    to come, `held`. Beyond that, the connection is closed that is open for longest, of the client that has most:
    who connects gets a chance, however many others only sit there.
    """

    head: float = 10.0
    whole: float = 30.0
    connections: int = 512
    each: int = 256
    held: int = 16 << 20


class _Client(msgspec.Struct, eq=False):
    """A connection: who it is from, and how many bytes it may still bring."""

    network: str
    connection: socket.socket
    held: int = 0

    def hang_up(self) -> None:
        """End whatever is read of it."""
        with suppress(OSError):  # it went away itself
            self.connection.shutdown(socket.SHUT_RDWR)


class Clients:
    """The connections of one listener, the one that is open for longest first; all in the thread of its loop."""

    def __init__(self, offer: Callable[[list[Notice]], bool], token: str | None, bounds: Bounds) -> None:
        self._offer = offer
        self._expected = f"Bearer {token}".encode() if token is not None else None
        self._bounds = bounds
        self._clients: list[_Client] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def let_in(self, connection: socket.socket, host: str) -> None:
        """Serve a new connection."""
        client = _Client(network_of(host), connection)
        self._clients.append(client)
        self._make_room(client)
        task = asyncio.get_running_loop().create_task(self._serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def leave(self) -> None:
        """Hang up on everybody."""
        for client in self._clients:
            client.hang_up()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        await asyncio.sleep(0)  # what was hung up on last is closed only then

    async def _serve(self, client: _Client) -> None:
        """Answer one request, and hang up."""
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):  # it went away, or is too slow
                reader, writer = await asyncio.open_connection(sock=client.connection, limit=MAX_HEAD)
                try:
                    async with asyncio.timeout(self._bounds.whole):
                        writer.write(_answer(await self._status(reader, writer, client)))
                        writer.write_eof()
                        await _use_up(reader)
                finally:
                    writer.transport.abort()
        finally:
            client.connection.close()
            self._forget(client)

    def _make_room(self, newest: _Client) -> None:
        """Hang up on others until the newest is within the bounds."""
        while len(self._clients) > 1:
            counts = Counter(client.network for client in self._clients)
            crowd = counts.most_common(1)[0][0]
            if counts[newest.network] > self._bounds.each:
                crowd = newest.network
            elif (
                len(self._clients) <= self._bounds.connections
                and sum(client.held for client in self._clients) <= self._bounds.held
            ):
                return
            others = [client for client in self._clients if client is not newest]
            victim = next((client for client in others if client.network == crowd), others[0])
            victim.hang_up()
            self._forget(victim)

    def _forget(self, client: _Client) -> None:
        with suppress(ValueError):  # it is forgotten already
            self._clients.remove(client)

    async def _status(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: _Client) -> int:
        """Read the request, as far as needed, and return the status to answer with."""
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
        client.held = int(headers["content-length"])
        self._make_room(client)
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            return 202 if self._offer(parse_notices(await reader.readexactly(client.held))) else 503
        except LimitExceeded:
            return 413
        except InspectorError:
            return 400

    def _refusal(self, words: list[bytes], headers: dict[str, str]) -> int:
        """Return the status for a request that is refused by its head; else 0."""
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


def network_of(address: str) -> str:
    """Return who connects: an IPv4 address, or the /64 network of an IPv6 address, which one customer has."""
    host = ipaddress.ip_address(address)
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    return str(host.ipv4_mapped or int(host) >> 64)


async def _headers(reader: asyncio.StreamReader) -> dict[str, str] | int:
    """Read headers by lower-case names; the status that refuses them where they are too many, or unlawful."""
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
