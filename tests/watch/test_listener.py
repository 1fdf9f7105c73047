"""The address that takes notifications: what it refuses, and that it can't be held up."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from inspector.errors import UsageError
from inspector.policy.audited import Notice
from inspector.watch.clients import Bounds, network_of
from inspector.watch.listener import Address, Listener, parse_listen
from tests.watch.test_watching import event

TYPE = "application/vnd.docker.distribution.events.v1+json"
BODY = json.dumps({"events": [event()]}).encode()
TOKEN = "Geheim-4711-Geheim"
HERE = Address("127.0.0.1", 0)
HEAD = f"POST /events HTTP/1.1\r\nContent-Type: {TYPE}\r\nContent-Length: %d\r\n\r\n".encode()
BRIEF = Bounds(head=0.3, whole=0.5)


class Taker:
    """Remembers what it was offered, and takes it or not."""

    def __init__(self) -> None:
        self.taken: list[Notice] = []
        self.has_room = True

    def __call__(self, notices: list[Notice]) -> bool:
        """See `Watcher.offer`."""
        self.taken += notices if self.has_room else []
        return self.has_room


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
def address(taker: Taker) -> Iterator[Address]:
    with Listener(HERE, taker, None) as running:
        yield running.address


def post(address: Address, body: bytes = BODY, path: str = "/events", method: str = "POST", **headers: str) -> int:
    """The status of the answer."""
    connection = http.client.HTTPConnection(str(address), timeout=10)
    sent: dict[str, Any] = {"Content-Type": TYPE, **{name.replace("_", "-"): text for name, text in headers.items()}}
    connection.request(method, path, body, sent)
    status = connection.getresponse().status
    connection.close()
    return status


def test_what_registries_send_is_taken(address: Address, taker: Taker) -> None:
    assert post(address) == 202
    assert post(address, Content_Type=TYPE.replace("v1", "v2") + "; charset=utf-8") == 202
    assert [one.repository for one in taker.taken] == ["team/api", "team/api"]


def test_without_room_the_registry_is_told_to_come_again(address: Address, taker: Taker) -> None:
    taker.has_room = False
    assert post(address) == 503


@pytest.mark.parametrize(
    ("status", "given"),
    [
        (404, {"path": "/"}),
        (404, {"path": "/events/../etc"}),
        (501, {"method": "GET"}),
        (501, {"method": "OPTIONS"}),
        (415, {"Content_Type": "application/json"}),
        (415, {"Content_Type": "text/plain"}),
        (400, {"body": b"{"}),
        (400, {"body": b""}),
        (411, {"Content_Length": "-1"}),
        (411, {"Content_Length": "1e3"}),
        (411, {"Transfer_Encoding": "chunked", "Content_Length": "2"}),
        (413, {"Content_Length": str(2 << 20)}),
        (411, {"Content_Length": "9" * 5000}),
        (413, {"body": json.dumps({"events": [{}] * 1001}).encode()}),
        (414, {"path": "/" + "e" * 70_000}),
    ],
)
def test_everything_else_is_refused(status: int, given: dict[str, Any], address: Address, taker: Taker) -> None:
    assert post(address, **given) == status
    assert taker.taken == []
    assert post(address) == 202, "and the next one is taken"


def test_a_token(taker: Taker) -> None:
    with Listener(HERE, taker, TOKEN) as running:
        assert post(running.address) == 401
        assert post(running.address, Authorization=f"Bearer {TOKEN}x") == 401
        assert post(running.address, Authorization=TOKEN) == 401
        assert post(running.address, Authorization="Bearer ü".encode().decode("latin-1")) == 401
        assert taker.taken == []
        assert post(running.address, Authorization=f"Bearer {TOKEN}") == 202


def test_others_than_this_machine_need_a_token(taker: Taker) -> None:
    with pytest.raises(UsageError, match="give a token with --watch-token-file"):
        Listener(Address("0.0.0.0", 0), taker, None)
    with Listener(Address("0.0.0.0", 0), taker, TOKEN) as running:
        assert post(Address("127.0.0.1", running.address.port), Authorization=f"Bearer {TOKEN}") == 202


def test_an_address_that_is_taken(address: Address, taker: Taker) -> None:
    with pytest.raises(UsageError, match="can't listen there"):
        Listener(address, taker, None)
    with pytest.raises(UsageError, match="can't listen there"):
        Listener(Address("192.0.2.1", 1), taker, TOKEN)


SLOW = {
    "nothing": b"",
    "half a line": b"POST /ev",
    "half a head": b"POST /events HTTP/1.1\r\nHost: x\r\n",
    "half a body": HEAD % 100 + b"{",
    "a body that is not sent": HEAD % (1 << 20),
}


def connect(running: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.address.port), timeout=5)


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side hangs up on it, without an answer."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_who_does_not_go_on_is_hung_up_on(sent: bytes, taker: Taker) -> None:
    with Listener(HERE, taker, None, BRIEF) as running, connect(running) as slow:
        slow.sendall(sent)
        assert post(running.address) == 202, "others are served meanwhile"
        began = time.monotonic()
        assert is_closed(slow)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("drip", [b"P", b"X-A: b\r\n", b" "], ids=["line", "head", "body"])
def test_who_says_little_again_and_again_is_hung_up_on(drip: bytes, taker: Taker) -> None:
    """However often a byte comes, the whole has its time."""
    begun = {b"P": b"", b"X-A: b\r\n": b"POST /events HTTP/1.1\r\n", b" ": HEAD % 1000}[drip]
    with Listener(HERE, taker, None, BRIEF) as running, connect(running) as slow:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            slow.sendall(begun)
            while time.monotonic() - began < 3:
                slow.sendall(drip)
                time.sleep(0.02)
        assert time.monotonic() - began < 2
        assert post(running.address) == 202


def test_clients_that_only_sit_there_hold_up_nobody(taker: Taker, caplog: pytest.LogCaptureFixture) -> None:
    """Not even another of the same address; and nothing is logged of them."""
    bounds = Bounds(connections=20, each=10)
    with Listener(HERE, taker, None, bounds) as running, contextlib.ExitStack() as idle:
        sent = list(SLOW.values())
        for number in range(300):
            one = idle.enter_context(connect(running)) if number % 10 == 0 else connect(running)
            one.sendall(sent[number % len(sent)])
            if number % 10:
                one.close()
            if number % 30 == 0:
                assert post(running.address) == 202
        assert len(running._clients._clients) <= 10
    assert len(taker.taken) == 10
    assert caplog.records == []


def test_the_oldest_of_the_client_with_most_goes_first(taker: Taker) -> None:
    """Other clients keep theirs."""
    with Listener(HERE, taker, None, Bounds(connections=3, each=3)) as running:
        where = ("127.0.0.1", running.address.port)
        other = socket.create_connection(where, timeout=5, source_address=("127.0.0.2", 0))
        many = [socket.create_connection(where, timeout=5) for _ in range(4)]
        with other, contextlib.ExitStack() as stack:
            for one in many:
                stack.enter_context(one)
            assert is_closed(many[0])
            assert is_closed(many[1])
            for left in (other, many[2], many[3]):
                left.sendall(HEAD % len(BODY) + BODY)
                assert left.recv(100).startswith(b"HTTP/1.1 202 ")


def test_bodies_that_are_announced_are_bounded_together(taker: Taker) -> None:
    with Listener(HERE, taker, None, Bounds(held=3 << 20)) as running, contextlib.ExitStack() as stack:
        many = [stack.enter_context(connect(running)) for _ in range(5)]
        for one in many:
            one.sendall(HEAD % (1 << 20))
            assert post(running.address) == 202
        assert is_closed(many[0])
        assert is_closed(many[1])


def test_one_connection_is_for_one_request(taker: Taker) -> None:
    """What is sent behind it is not looked at."""
    with Listener(HERE, taker, None) as running, connect(running) as piped:
        piped.sendall((HEAD % len(BODY) + BODY) * 50)
        answer = b"".join(iter(lambda: piped.recv(4096), b""))
        assert answer.count(b"HTTP/1.1 202 Accepted\r\n") == 1
        assert b"Connection: close\r\n" in answer
    assert len(taker.taken) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /events HTTP/1.1\r\n" + b"X-A: b\r\n" * 10_000, 431),
        (b"POST /events HTTP/1.1\r\nX-A: " + b"b" * 100_000 + b"\r\n\r\n", 431),
        (b"POST /" + b"e" * 300_000, 414),
        (b"POST /events HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\n X: folded\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nContent-Length : 1\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nContent-Type: %s\r\n\r\n" % TYPE.encode(), 411),
        (b"POST /events HTTP/1.1\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" % TYPE.encode(), 411),
        (b"\r\n\r\n", 400),
        (b"POST /events\r\n\r\n", 400),
        (b"POST /events HTTP/2.0\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST http://x/events HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\x01\n\r\n", 400),
    ],
)
def test_requests_that_break_the_rules(sent: bytes, status: int, address: Address, taker: Taker) -> None:
    with socket.create_connection(("127.0.0.1", address.port), timeout=5) as connection:
        with contextlib.suppress(ConnectionError):  # what is far too long is not taken in to its end
            connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 %d " % status)
    assert taker.taken == []
    assert post(address) == 202


def test_who_waits_for_leave_gets_it(taker: Taker) -> None:
    """As curl does with more than a megabyte."""
    with Listener(HERE, taker, None) as running, connect(running) as polite:
        polite.sendall((HEAD % len(BODY))[:-2] + b"Expect: 100-continue\r\n\r\n")
        assert polite.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        polite.sendall(BODY)
        assert polite.recv(100).startswith(b"HTTP/1.1 202 ")


def test_it_ends_at_once_though_clients_are_there(taker: Taker) -> None:
    with Listener(HERE, taker, None) as running:
        held = [connect(running) for _ in range(5)]
        assert post(running.address) == 202
        began = time.monotonic()
    assert time.monotonic() - began < 1
    for each in held:
        assert is_closed(each)
        each.close()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8:0:1::1", "2001:db8::1", False),
        ("fe80::1%lo", "fe80::2", True),
    ],
)
def test_who_counts_as_onenetwork_of(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001 - a column
    assert (network_of(one) == network_of(other)) is is_same


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", Address("127.0.0.1", 8077)),
        ("9000", Address("127.0.0.1", 9000)),
        (":9000", Address("127.0.0.1", 9000)),
        ("0.0.0.0:9000", Address("0.0.0.0", 9000)),
        ("[::1]:9000", Address("::1", 9000)),
        ("localhost:0", Address("localhost", 0)),
    ],
)
def test_where_to_listen(text: str, expected: Address) -> None:
    assert parse_listen(text) == expected


@pytest.mark.parametrize("text", ["registry.example.com/team/api", "a:b", "a:70000", "a b:1", "http://a:1", "ä:1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="not HOST:PORT to listen on"):
        parse_listen(text)
