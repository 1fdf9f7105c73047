"""Registries that never come to an end: each is given up in time, after one request, with one sentence."""

from __future__ import annotations

import itertools
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from inspector.errors import Denied, InspectorError, LimitExceeded, Malformed, RateLimited, Unreachable
from inspector.http.timed import DEADLINE
from inspector.testing.image import sha256, to_json
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.registry.certificates import Authority
from tests.registry.conftest import HASTE, Opener
from tests.registry.raw import CLOSE, Raw, dripping, speaking

BRIEF = msgspec.structs.replace(HASTE, answer=0.3, whole=0.4, refusal=0.2, window=0.2)
BODY = to_json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"})
DIGEST = f"sha256:{sha256(BODY)}"
HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def endless(piece: bytes) -> Iterator[bytes]:
    """The piece as fast as it is taken, for ten seconds at most."""
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        yield piece


def refused(raw: Raw, opener: Opener, error: type[InspectorError], says: str) -> None:
    """Ask for a manifest, which ends in time, with that error, and after one request."""
    patience = BRIEF if error is Unreachable else HASTE
    began = time.monotonic()
    with pytest.raises(error, match=says):
        opener(host=raw.host, patience=patience, insecure=frozenset({raw.host})).manifest("1")
    assert time.monotonic() - began < 5
    assert len(raw.asked) == 1


@pytest.mark.parametrize(
    "informational",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n",
        b"HTTP/1.1 199 X\r\n\r\n",
        b"HTTP/1.0 100 Continue\r\n\r\n",
    ],
)
def test_answers_that_are_always_still_to_come(informational: bytes, repository: Opener) -> None:
    with speaking(lambda _: endless(informational)) as raw:
        refused(raw, repository, LimitExceeded, "that its answer is still to come")
    with speaking(lambda _: dripping(b"", 0.1, then=informational)) as raw:
        refused(raw, repository, Unreachable, "no answer in time")


def test_some_answers_before_the_one_that_counts_are_passed_over(repository: Opener) -> None:
    """And the next request on the connection gets its own answer."""
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" * 2
    with speaking(lambda _: [early + GOOD]) as raw:
        opened = repository(host=raw.host)
        assert opened.manifest("1").digest == DIGEST
        assert opened.manifest(DIGEST).content == BODY


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        (dripping(b"HTTP/1.1 200 O", then=b"K"), Unreachable, "no answer in time"),
        (dripping(HEAD, then=b"X"), Unreachable, "no answer in time"),
        (dripping(b"", then=b"\r\n"), Unreachable, "does not speak HTTP"),
        (dripping(HEAD, then=b"X-A: b\r\n"), Unreachable, "no answer in time"),
        (endless(b"X" * 65536), LimitExceeded, "a line, .* of more than 65536 bytes"),
        ([HEAD, *[b"X-A: b\r\n"] * 200], LimitExceeded, "more than 100 headers"),
        ([HEAD, b"X: ", *[b"y" * 65536] * 20], LimitExceeded, "a line, .* of more than 65536 bytes"),
        ([b"HTTP/1.1 307 Go\r\nLocation: ", *[b"/y" * 50_000] * 20], LimitExceeded, "more than 65536 bytes"),
        ([b"SSH-2.0-OpenSSH_9\r\n", CLOSE], Unreachable, "does not speak HTTP"),
        ([b"HTTP/1.1 9 X\r\n\r\n"], Unreachable, "does not speak HTTP"),
    ],
)
def test_heads_without_end(script: Iterable[bytes], error: type[InspectorError], says: str, repository: Opener) -> None:
    with speaking(lambda _: script) as raw:
        refused(raw, repository, error, says)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ([CHUNKED], "no answer in time"),
        ((piece for part in ([CHUNKED], dripping(b"", then=b"0")) for piece in part), "no answer in time"),
        ((piece for part in ([CHUNKED, b"5;a="], dripping(b"", then=b"b")) for piece in part), "no answer in time"),
        ((piece for part in ([CHUNKED, b"0\r\n"], dripping(b"", then=b"A: b\r\n")) for piece in part), "in time"),
        ((piece for part in ([CHUNKED], dripping(b"", then=b"1\r\n{\r\n")) for piece in part), "bytes a second"),
        ((piece for part in ([HEAD + b"\r\n"], dripping(b"", then=b" ")) for piece in part), "bytes a second"),
        ([HEAD + b"Content-Length: 99\r\n\r\n{}", CLOSE], "breaks off"),
        ([CHUNKED + b"zz\r\n{}", CLOSE], "breaks off"),
    ],
)
def test_bodies_without_end(script: Iterable[bytes], says: str, repository: Opener) -> None:
    def said(_: str) -> Iterator[bytes]:
        yield from script
        time.sleep(1)

    with speaking(said) as raw:
        refused(raw, repository, Unreachable, says)


@pytest.mark.parametrize(
    ("begin", "piece", "says"),
    [
        (b"0\r\n", b"A: b\r\n" * 1000, "100 headers, or lines behind its body"),
        (b"", b"1\r\n \r\n" * 1000, "next to nothing"),
    ],
    ids=["trailers", "chunks"],
)
def test_small_pieces_without_end_cost_little_work(begin: bytes, piece: bytes, says: str, repository: Opener) -> None:
    with speaking(lambda _: itertools.chain([CHUNKED + begin], endless(piece))) as raw:
        refused(raw, repository, LimitExceeded, says)


def test_a_line_between_chunks_without_end(repository: Opener) -> None:
    with speaking(lambda _: [CHUNKED, b"5;", *[b"x" * 65536] * 20]) as raw:
        refused(raw, repository, LimitExceeded, "more than 65536 bytes")


def test_a_document_that_is_fast_enough_but_never_whole(repository: Opener) -> None:
    """A bound on the rate alone would leave it hours."""

    def said(_: str) -> Iterator[bytes]:
        yield CHUNKED
        yield from dripping(b"", 0.01, then=b"400\r\n" + b" " * 0x400 + b"\r\n")

    with speaking(said) as raw:
        refused(raw, repository, Unreachable, "no answer in time")


@pytest.mark.parametrize("chunked", [True, False])
def test_a_document_past_the_bound_is_not_said_to_be_cut(chunked: bool, repository: Opener) -> None:  # noqa: FBT001
    """Nor corrupt: it is our bound that ends it, and the message names that."""
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n" if chunked else b" " * 0x10000
    with speaking(lambda _: [CHUNKED if chunked else HEAD + b"\r\n", *[piece] * 100]) as raw:
        refused(raw, repository, LimitExceeded, "more than 4194304 bytes")
    with speaking(lambda _: [HEAD + b"Content-Length: 4194305\r\n\r\n"]) as raw:
        refused(raw, repository, LimitExceeded, "more than 4194304 bytes")


def test_an_error_whose_body_never_ends(repository: Opener) -> None:
    """The error is told without its words."""

    def said(_: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 418 No\r\nContent-Length: 100000\r\n\r\n"
        yield from dripping(b"", then=b" ")

    with speaking(said) as raw:
        refused(raw, repository, InspectorError, "answers 418")


def test_what_follows_an_answer_is_not_taken_for_the_next(repository: Opener) -> None:
    """A registry, or a proxy before it, that says more than was asked, answers nothing that way."""
    smuggled = HEAD + b"Content-Length: 2\r\n\r\n{}"
    with speaking(lambda _: [GOOD + smuggled]) as raw:
        opened = repository(host=raw.host)
        assert [opened.manifest(DIGEST).content for _ in range(3)] == [BODY] * 3


def test_after_an_error_with_a_large_body_all_is_well(fake: FakeRegistry, repository: Opener) -> None:
    fake.manifests["a/b", "1"] = BODY, "application/vnd.oci.image.manifest.v1+json"
    fake.route("GET", ".*/manifests/.*", Answer(400, b"x" * 1_000_000), fake.good)
    opened = repository()
    with pytest.raises(InspectorError, match="answers 400"):
        opened.manifest("1")
    assert opened.manifest("1").content == BODY


def test_a_connection_that_is_lost_slowly_again_and_again(repository: Opener) -> None:
    """All attempts together have the time of one."""

    def said(_: str) -> Iterator[bytes]:
        time.sleep(0.2)
        yield CLOSE

    patience = msgspec.structs.replace(BRIEF, retries=20, answer=0.5)
    with speaking(said) as raw:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"asked \d times|no answer in time"):
            repository(host=raw.host, patience=patience).manifest("1")
        assert time.monotonic() - began < 2
        assert 2 <= len(raw.asked) <= 4


def test_a_blob_whose_connection_is_lost_slowly_again_and_again(repository: Opener) -> None:
    def said(_: str) -> Iterator[bytes]:
        yield HEAD + b"Content-Length: 100\r\n\r\n"
        time.sleep(0.15)
        yield CLOSE

    patience = msgspec.structs.replace(BRIEF, retries=20)
    with speaking(said) as raw:
        with pytest.raises(Unreachable, match=r"0 of 100 bytes came, and \d attempts"):
            b"".join(repository(host=raw.host, patience=patience).chunks(DIGEST, 100))
        assert len(raw.asked) <= 3


def test_pauses_are_summed_up(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(429, headers={"Retry-After": "1"}))
    with pytest.raises(RateLimited, match="a pause of 1 seconds more, after 1 that it had"):
        repository().manifest("1")
    assert len([one for one in fake.paths() if "manifests" in one]) == 2


def test_a_pause_of_years_by_date(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(503, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}))
    with pytest.raises(InspectorError, match="it asks for a pause of"):
        repository().manifest("1")
    assert len([one for one in fake.paths() if "manifests" in one]) == 1


def test_challenges_without_end(fake: FakeRegistry, repository: Opener) -> None:
    """Each token is new, and none is enough."""

    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            return answer_json({"token": f"t-{len(fake.asked)}"})
        return Answer(401, headers={"WWW-Authenticate": f'Bearer realm="{fake.url}/token",service="{len(fake.asked)}"'})

    fake.route("GET", "/(token|v2/a).*", answer)
    with pytest.raises(Denied):
        repository().manifest("1")
    asked = [one.split("?")[0] for one in fake.paths()]
    assert asked.count("GET /v2/a/b/manifests/1") == 3
    assert asked.count("GET /token") == 2


@pytest.mark.parametrize("challenge", ["Bearer " + "a=b," * 10_000, 'Bearer a="' + "\\" * 60_000, "a" * 60_000])
def test_challenges_of_great_length(challenge: str, fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(401, headers={"WWW-Authenticate": challenge}))
    began = time.process_time()
    with pytest.raises(InspectorError):
        repository().manifest("1")
    assert time.process_time() - began < 2


def test_a_token_server_that_drips(fake: FakeRegistry, repository: Opener) -> None:
    challenge = Answer(401, headers={"WWW-Authenticate": f'Bearer realm="{fake.url}/token"'})
    fake.route("GET", ".*/manifests/.*", challenge)
    fake.route("GET", "/token.*", Answer(200, b'{"token":"' + b"x" * 1000, pause=0.05))
    with pytest.raises(Unreachable, match="the token server"):
        repository(patience=BRIEF).manifest("1")
    fake.route("GET", "/token.*", Answer(200, b'{"x":' + b"[" * 100_000))
    with pytest.raises(LimitExceeded, match="nested deeper"):
        repository(patience=BRIEF).manifest("1")


def test_a_gzip_body_with_more_behind_it(fake: FakeRegistry, repository: Opener) -> None:
    """Readers differ about what that is."""
    import gzip

    fake.route("GET", ".*/manifests/.*", Answer(200, gzip.compress(BODY) + b"x", {"Content-Encoding": "gzip"}))
    with pytest.raises(Malformed, match="followed by something else"):
        repository().manifest("1")


def test_by_tls_it_is_the_same(repository: Opener, tmp_path: Path) -> None:
    """Each byte in a record of its own, and a handshake that is never answered."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command")
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("127.0.0.1"))
    with speaking(lambda _: dripping(HEAD, then=b"X"), context) as raw:
        refused(raw, repository, Unreachable, "no answer in time")


def test_a_handshake_that_is_never_answered(repository: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"r.test:{server.getsockname()[1]}"
        held: list[socket.socket] = []
        threading.Thread(target=lambda: held.append(server.accept()[0]), daemon=True).start()
        with pytest.MonkeyPatch.context() as patch:
            real = socket.getaddrinfo
            patch.setattr(socket, "getaddrinfo", lambda _, *more, **named: real("127.0.0.1", *more, **named))
            began = time.monotonic()
            with pytest.raises(Unreachable, match="no answer in time"):
                repository(host=host, patience=BRIEF).manifest("1")
        assert time.monotonic() - began < 1.5
        for each in held:
            each.close()


def test_names_of_many_addresses_have_the_time_of_one(repository: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of which takes our packets."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", 1)) for number in range(1, 200)]
    tried: list[object] = []

    def late(_: object, address: object) -> None:
        tried.append(address)
        time.sleep(0.1)
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr("socket.socket.connect", late)
    with pytest.raises(Unreachable, match="no answer in time"):
        repository(host="r.test").manifest("1")
    assert len(tried) == 8


def test_the_deadline_of_a_document_ends_with_it(fake: FakeRegistry, repository: Opener) -> None:
    fake.manifests["a/b", "1"] = BODY, "application/vnd.oci.image.manifest.v1+json"
    repository().manifest("1")
    assert DEADLINE.until is None
