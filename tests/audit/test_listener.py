"""The address that takes notifications: what it refuses, and that it can't be held up."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from inspector.audit import listener
from inspector.audit.listener import Address, Listener, parse_listen
from inspector.errors import UsageError
from inspector.policy.audited import Notice
from tests.audit.test_watching import event

TYPE = "application/vnd.docker.distribution.events.v1+json"
BODY = json.dumps({"events": [event()]}).encode()
TOKEN = "Geheim-4711-Geheim"
HERE = Address("127.0.0.1", 0)


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


def test_whoever_says_nothing_is_hung_up_on(taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever says little, byte by byte, as well: the whole has its time."""
    monkeypatch.setattr(listener, "_WHOLE", 0.2)
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 2)
    with Listener(HERE, taker, None) as running:
        silent = [socket.create_connection(("127.0.0.1", running.address.port)) for _ in range(2)]
        silent[1].sendall(b"POST /events HTTP/1.1\r\n")
        for each in silent:
            each.settimeout(5)
            assert each.recv(100) == b""
            each.close()
        assert post(running.address) == 202


def test_more_at_once_than_there_is_room_for(taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 1)
    with Listener(HERE, taker, None) as running:
        where = ("127.0.0.1", running.address.port)
        with socket.create_connection(where) as first, socket.create_connection(where, timeout=5) as second:
            first.sendall(b"POST /events HTTP/1.1\r\n")
            assert second.recv(100) == b""


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
    with pytest.raises(UsageError, match="no HOST:PORT to listen at"):
        parse_listen(text)
