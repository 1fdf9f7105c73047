"""Requests as they are written, and answers as they are read: what breaks off is never taken for whole."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from inspector.http.exchange import Head, request_in_bytes
from inspector.http.failures import IncompleteRead, LineTooLong, NotHttp, StillToCome, TooManyLines

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def answered(content: bytes, method: str = "GET") -> Iterator[Head]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(2)
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        head = Head(ours, method)
        try:
            yield head
        finally:
            head.close()


def whole(content: bytes, method: str = "GET", most: int = 3) -> tuple[bytes, bool]:
    """Read an answer to its end; its body, and whether the connection stays."""
    with answered(content, method) as head:
        head.begin()
        return b"".join(iter(lambda: head.read1(most), b"")), not head.will_close


@pytest.mark.parametrize(
    ("content", "body", "stays"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
        (OK + b"Content-Length: 5\r\n\r\nhello, and more", b"hello", True),
        (OK + b"\r\nuntil the end", b"until the end", False),
        (OK + b"Connection: Close\r\nContent-Length: 1\r\n\r\nx", b"x", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", b"x", True),
        (b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 204 None\r\n\r\n", b"", True),
        (CHUNKED + b"5\r\nhello\r\nA; of=ours\r\n, chunked!\r\n0\r\nA: x\r\n\r\n", b"hello, chunked!", True),
        (CHUNKED + b"0\r\n\r\n", b"", True),
    ],
)
def test_a_body_ends_where_its_head_says(content: bytes, body: bytes, stays: bool) -> None:  # noqa: FBT001
    assert whole(content) == (body, stays)


def test_an_answer_to_head_has_no_body() -> None:
    assert whole(OK + b"Content-Length: 5\r\n\r\n", "HEAD") == (b"", True)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ConnectionResetError),
        (b"SSH-2.0-OpenSSH\r\n", NotHttp),
        (b"HTTP/2 200\r\n\r\n", NotHttp),
        (b"HTTP/1.1 20x\r\n\r\n", NotHttp),
        (b"HTTP/1.1 103 Early\r\n\r\n" * 6, StillToCome),
        (OK + b"a: b\r\n" * 101 + b"\r\n", TooManyLines),
        (b"HTTP/1.1 200 " + b"x" * 70_000, LineTooLong),
        (OK + b"Content-Length: 5\r\n\r\nhell", IncompleteRead),
        (CHUNKED + b"5\r\nhell", IncompleteRead),
        (CHUNKED + b"5\r\nhello", IncompleteRead),
        (CHUNKED + b"5\r\nhelloXX0\r\n\r\n", IncompleteRead),
        (CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", IncompleteRead),
        (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", IncompleteRead),
        (CHUNKED + b"\r\n", IncompleteRead),
        (CHUNKED + b"0\r\n" + b"a: b\r\n" * 101, TooManyLines),
    ],
)
def test_what_breaks_off_or_has_no_end_is_an_error(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as met:
        whole(content)
    assert met.type is error


def test_a_request_states_host_and_length_once() -> None:
    assert request_in_bytes("GET", "/v2/?a=b", "[::1]:5000", {"Accept": "x"}, None) == (
        b"GET /v2/?a=b HTTP/1.1\r\nHost: [::1]:5000\r\nAccept-Encoding: identity\r\nAccept: x\r\n\r\n"
    )
    posted = request_in_bytes("POST", "/", "h", {"content-type": "a", "host": "other"}, b"body")
    assert posted.split(b"\r\n") == [
        *(b"POST / HTTP/1.1", b"Accept-Encoding: identity", b"Content-Length: 4", b"content-type: a", b"host: other"),
        *(b"", b"body"),
    ]
    assert b"Content-Length: 0\r\n" in request_in_bytes("POST", "/", "h", {}, None)
    assert b"Host: xn--bcher-kva.example\r\n" in request_in_bytes("GET", "/", "b\u00fccher.example", {}, None)


@pytest.mark.parametrize("target", ["/a b", "/\r\nA: b", "/\u00fc", ""])
def test_nothing_can_be_slipped_into_a_request_by_its_path(target: str) -> None:
    with pytest.raises(ValueError, match="a path with"):
        request_in_bytes("GET", target, "h", {}, None)


@pytest.mark.parametrize(("name", "value"), [("A", "b\r\nC: d"), ("A b", "c"), ("", "c"), ("A:", "c")])
def test_nothing_can_be_slipped_into_a_request_by_a_header(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="invalid header"):
        request_in_bytes("GET", "/", "h", {name: value}, None)
