"""What a registry sends: challenges, lists in pages, and output that an engine frames."""

from __future__ import annotations

import contextlib
import io
import re
import socket
from http.client import HTTPException, HTTPResponse
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast

from inspector.engine.client import demultiplexed
from inspector.errors import InspectorError
from inspector.http.address import origin_of, parse_address
from inspector.http.exchange import Head, Headers
from inspector.http.failures import NotHttp
from inspector.http.timed import Patience
from inspector.registry.challenge import parse_challenges
from inspector.registry.lists import listed
from tests.fuzz.cursor import Cursor

CUT = b"\n--\n"
HOST = origin_of("https", "registry.example.org")


def challenge(content: bytes) -> None:
    """`WWW-Authenticate`, in one header or more."""
    found = parse_challenges(part.decode("latin-1") for part in content.split(CUT))
    for one in found:
        assert one.scheme == one.scheme.lower()
        assert all(name == name.lower() for name in one.parameters)
    assert len(found) <= len(content)


def address(content: bytes) -> None:
    """Where a redirect, a token server or a `Link` leads; it is parsed the same again."""
    try:
        found = parse_address(content.decode("latin-1"), "it")
    except InspectorError:
        return
    assert found.origin.scheme in ("http", "https")
    assert 0 <= found.origin.port < 1 << 16
    assert found.origin.host == found.origin.host.lower()
    again = parse_address(f"{found.origin}{found.path}", "it")
    assert (again.origin, again.path) == (found.origin, found.path)


class _Response(io.BytesIO):
    """As `inspector.http.connections.Response`, of one header."""

    def __init__(self, body: bytes, links: list[str]) -> None:
        super().__init__(body)
        self.status, self.patience = 200, Patience()
        self.headers = Headers("".join(f"Link: {link}\r\n" for link in links))

    def header(self, _: str) -> str:
        return ""


def pages(content: bytes) -> None:
    """A list of tags, a page for every two parts: its `Link`, and its body. Only pages of this list are asked for."""
    parts = content.split(CUT)[:16]
    asked: list[str] = []

    def ask(method: str, path: str, where: str, **_: object) -> Any:
        assert (method, path[:1]) == ("GET", "/"), where
        asked.append(path)
        link, body = (*parts[2 * len(asked) - 2 : 2 * len(asked)], b"", b"")[:2]
        return _Response(body, [link.decode("latin-1")] if link else [])

    pacing = SimpleNamespace(patience=Patience())
    session = cast("Any", SimpleNamespace(ask=ask, origin=lambda: HOST, pacing=pacing))
    try:
        names = list(islice(listed(session, "/v2/r/tags/list", "tags", str.isidentifier, "it", repository="r"), 1000))
    except InspectorError:
        return
    assert len(names) == len(set(names))
    assert len(asked) <= len(parts) // 2 + 1
    assert all(path.startswith("/v2/r/tags/list") for path in asked)


def output(content: bytes) -> None:
    """A container's output; never more than is asked for."""
    cursor = Cursor(content)
    limit = cursor.byte() * 4
    assert len(demultiplexed(io.BytesIO(cursor.rest()), limit)) <= limit


_PLAIN = re.compile(rb"HTTP/1\.[01] [0-9]{3}[ -~]*\r\n(?:[A-Za-z-]+: [!-~]+\r\n)*\r\n")


class _Bytes:
    """As much of a socket as `http.client` asks for."""

    def __init__(self, content: bytes) -> None:
        self.makefile = lambda *_: io.BytesIO(content)


def exchange(content: bytes) -> None:
    """An answer over a socket, the first byte choosing the method: with plain headers `http.client` reads the same."""
    method, sent = ("GET", "HEAD", "POST", "DELETE")[content[0] % 4] if content else "GET", content[1:]
    ours, other = socket.socketpair()
    with ours, other:
        other.sendall(sent)
        other.shutdown(socket.SHUT_WR)
        head = Head(ours, method)
        with contextlib.closing(head):
            try:
                head.begin()
                body = b"".join(iter(lambda: head.read1(512), b""))
            except (NotHttp, OSError):
                return
    theirs = HTTPResponse(cast("Any", _Bytes(sent)), method=method)
    try:
        theirs.begin()
        wanted = theirs.read()
    except (HTTPException, OSError, ValueError):
        return
    assert theirs.status != head.status or body == wanted or not _PLAIN.match(sent)
