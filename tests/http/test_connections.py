"""Connections that are kept, and those that are not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from email.parser import HeaderParser
from email.policy import compat32

import pytest

from inspector.http import connections, exchange
from inspector.http.bodies import read_document
from inspector.http.connections import Pool
from inspector.http.routes import Tcp
from inspector.http.timed import Patience
from inspector.testing.registry import Answer, FakeRegistry

PATIENCE = Patience(connect=2.0, silence=2.0, whole=5.0)


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


def ask(pool: Pool, fake: FakeRegistry, path: str = "/v2/") -> bytes:
    response = pool.request(_way(fake), "GET", path, headers={}, patience=PATIENCE)
    return read_document(response, 1 << 20, "there")


def _way(fake: FakeRegistry) -> Tcp:
    return Tcp("127.0.0.1", int(fake.host.rpartition(":")[2]))


def connections_of(fake: FakeRegistry) -> int:
    return len({one.connection for one in fake.asked})


def test_a_connection_serves_for_the_next_request_to_the_same_server(pool: Pool) -> None:
    with FakeRegistry() as one, FakeRegistry() as other:
        for fake in (one, other, one, other):
            ask(pool, fake)
        assert connections_of(one) == connections_of(other) == 1


def test_so_many_are_kept_whoever_is_asked(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry may send us to a new host for each blob."""
    monkeypatch.setattr(connections, "MAX_IDLE", 2)
    with ExitStack() as stack:
        fakes = [stack.enter_context(FakeRegistry()) for _ in range(4)]
        for fake in fakes:
            ask(pool, fake)
        assert len(pool._idle) == 2
        for fake in (fakes[3], fakes[2], fakes[0]):
            ask(pool, fake)
        assert [connections_of(fake) for fake in fakes] == [2, 1, 1, 1]


@pytest.mark.parametrize(
    "answer",
    [Answer(200, b"x", {"Connection": "close"}), Answer(200, b"x", length=False), Answer(200, b"x" * 100_000)],
    ids=["closed", "endless", "unread"],
)
def test_one_that_is_not_at_its_answer_s_end_is_not_kept(answer: Answer, pool: Pool) -> None:
    with FakeRegistry() as fake:
        fake.route("GET", "/x", answer)
        response = pool.request(_way(fake), "GET", "/x", headers={}, patience=PATIENCE)
        assert response.read1(1) == b"x"
        response.close()
        response.close()
        assert pool._idle == []
        ask(pool, fake)
        assert connections_of(fake) == 2


def test_one_that_the_server_closed_meanwhile_is_not_used(pool: Pool) -> None:
    with FakeRegistry() as fake:
        ask(pool, fake)
        (kept,) = pool._idle
        kept.sock.shutdown(2)
        ask(pool, fake)
        assert connections_of(fake) == 2


def test_the_host_is_named_with_its_port_where_that_says_something(pool: Pool) -> None:
    with FakeRegistry() as fake:
        ask(pool, fake)
        assert fake.asked[0].headers["host"] == fake.host
        assert fake.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("A: 1\r\nb:2\r\na:\t3 \r\n", {"a": ["1", "3 "], "b": ["2"]}),
        ("A: 1\r\n 2\r\n\t3\r\n", {"a": ["1\r\n 2\r\n\t3"]}),
        ("A: 1\nno header\nb: 2\n", {"a": ["1"]}),
        ("A: 1\r\n: 2\r\nb: 2\r\n", {"a": ["1"], "b": ["2"]}),
        (" A: 1\r\n", {}),
        ("A: b: c\rB: d\r\n", {"a": ["b: c"], "b": ["d"]}),
    ],
)
def test_headers_as_http_client_reads_them(head: str, found: dict[str, list[str]]) -> None:
    theirs = HeaderParser(policy=compat32).parsestr(head)
    ours = exchange.Headers(head)
    names = {name.lower() for name, _ in ours.items()} | {name.lower() for name in theirs}
    assert {name: ours.get_all(name) for name in names} == found
    assert {name: theirs.get_all(name) for name in names} == found
    assert all(ours.get(name.upper()) == theirs.get(name) for name in names)
