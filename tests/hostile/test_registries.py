"""Registries that never come to an end, and registries that send their callers somewhere inside."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from inspector.errors import InspectorError, Malformed, Refused
from inspector.testing.registry import Answer, FakeRegistry, answer_json
from tests.registry import conftest as registries
from tests.sources.samples import API

fake, settings, repository = registries.fake, registries.settings, registries.repository
Send = Callable[[bytes], object]
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


def _for_ever(piece: bytes, pause: float = 0.0) -> Callable[[Send], None]:
    def send(write: Send) -> None:
        while True:
            write(piece)
            time.sleep(pause)

    return send


def _after(first: bytes, then: Callable[[Send], None]) -> Callable[[Send], None]:
    def send(write: Send) -> None:
        write(first)
        then(write)

    return send


ENDLESS: dict[str, Callable[[Send], None]] = {
    "100 Continue": _for_ever(CONTINUE),
    "100 Continue, slowly": _for_ever(CONTINUE, 0.1),
    "103 Early Hints": _for_ever(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0.01),
    "102 Processing, with a body": _for_ever(b"HTTP/1.1 102 Processing\r\nContent-Length: 2\r\n\r\n{}", 0.01),
    "header lines": _after(OK, _for_ever(b"X: y\r\n", 0.001)),
    "one header line": _after(OK + b"X: ", _for_ever(b"y" * 1000, 0.001)),
    "a header in drips": _after(OK, _for_ever(b"X", 0.1)),
    "a status line in drips": _after(b"HTTP/1.1 200 ", _for_ever(b"O", 0.1)),
    "silence": _after(b"", lambda _: time.sleep(30)),
    "a body in drips": _after(OK + b"Content-Length: 1000000\r\n\r\n", _for_ever(b" ", 0.1)),
    "a body of tiny chunks": _after(OK + b"Transfer-Encoding: chunked\r\n\r\n", _for_ever(b"1\r\n \r\n", 0.05)),
    "a chunk's size in drips": _after(OK + b"Transfer-Encoding: chunked\r\n\r\n", _for_ever(b"0", 0.1)),
    "trailers": _after(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", _for_ever(b"X: y\r\n", 0.01)),
    "a refusal in drips": _after(b"HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n", _for_ever(b"x", 0.1)),
}


@contextmanager
def _sending(send: Callable[[Send], None]) -> Iterator[str]:
    """The host of a server that answers `/v2/` as it should, and then sends."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                if self.rfile.peek(1)[:1] == b"\x16":  # type: ignore[attr-defined]
                    return
                words = self.rfile.readline().split()
                while self.rfile.readline().strip():
                    pass
                if words[1] == b"/v2/":
                    self.wfile.write(OK + b"Content-Length: 2\r\n\r\n{}")
                else:
                    send(self.wfile.write)
            except (OSError, IndexError):
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.mark.thorough
@pytest.mark.parametrize("send", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_an_end_is_given_up(send: Callable[[Send], None], repository: registries.Opener) -> None:
    with _sending(send) as host, pytest.raises(InspectorError):
        repository(host=host).manifest("1")


INSIDE = (
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254.:80/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fe80::1]/",
    "http://0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://localhost.:1/",
    "http://127.1:1/",
    "http://127.0.0.1:1/",
    "http://[::1]:1/",
    "http://[::ffff:7f00:1]:1/",
    "http://017700000001:1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "//169.254.169.254/x",
    "http://127.0.0.1:1@169.254.169.254/",
    "http://169.254.169.254#@127.0.0.1/",
    "http://169.254.169.254\\@127.0.0.1/",
)


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("asked", ["manifests", "blobs"])
def test_nobody_is_sent_inside(address: str, asked: str, fake: FakeRegistry, repository: registries.Opener) -> None:
    fake.push("a/b", "1", API)
    fake.route("GET", f".*/{asked}/.*", Answer(307, headers={"Location": address}))
    fake.route("HEAD", f".*/{asked}/.*", Answer(307, headers={"Location": address}))
    opened = repository()
    with pytest.raises((Refused, Malformed)):
        opened.manifest("1") if asked == "manifests" else opened.document(API.image_id)


@pytest.mark.parametrize("asked", ["manifests", "blobs"])
def test_another_port_of_this_machine_is_not_asked(
    asked: str, fake: FakeRegistry, repository: registries.Opener
) -> None:
    fake.push("a/b", "1", API)
    with FakeRegistry() as inner:
        for method in ("GET", "HEAD"):
            fake.route(method, f".*/{asked}/.*", Answer(307, headers={"Location": f"{inner.url}/internal"}))
        with pytest.raises(InspectorError):
            repository().manifest("1") if asked == "manifests" else repository().document(API.image_id)
        assert not inner.asked


def test_no_token_is_asked_for_at_another_port(fake: FakeRegistry, repository: registries.Opener) -> None:
    with FakeRegistry() as inner:
        challenge = f'Bearer realm="{inner.url}/token",service="x"'
        fake.route("GET", ".*/manifests/.*", Answer(401, headers={"WWW-Authenticate": challenge}))
        fake.route("HEAD", ".*/manifests/.*", Answer(401, headers={"WWW-Authenticate": challenge}))
        with pytest.raises(InspectorError):
            repository().manifest("1")
        assert not [one for one in inner.asked if "authorization" in one.headers]


@pytest.mark.parametrize(
    "link",
    [
        "/v2/c/d/tags/list?n=1&last=1",
        "/v2/a/b/manifests/1",
        "/v2/a/b/../../c/d/tags/list",
        "/v2/a/b/tags/list/../../../../c/d/tags/list",
        "/v2/a/b/%2e%2e/%2e%2e/c/d/tags/list",
        "/v2/_catalog",
        "/admin",
    ],
)
def test_the_next_page_lies_in_the_same_repository(
    link: str, fake: FakeRegistry, repository: registries.Opener
) -> None:
    fake.push("a/b", "1", API)
    fake.route("GET", ".*/a/b/tags/list.*", answer_json({"tags": ["1"]}, headers={"Link": f'<{link}>; rel="next"'}))
    with pytest.raises(Malformed):
        list(repository().tags())
    assert all(path.startswith("GET /v2/a/b/tags/list?") for path in fake.paths("GET") if path != "GET /v2/")
