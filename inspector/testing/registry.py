"""A fake registry: an HTTP server in a thread that holds images, misbehaves where asked to, and records requests."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from inspector.testing.blobs import OCI, Blobs, Packing, Types, gzipped
from inspector.testing.image import Image, sha256, to_json

NOT_FOUND = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}


@dataclass(frozen=True)
class Asked:
    """One request; the names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def query(self) -> dict[str, list[str]]:
        """The query, taken apart."""
        return parse_qs(urlsplit(self.path).query)

    @property
    def form(self) -> dict[str, list[str]]:
        """The form that was posted."""
        return parse_qs(self.body.decode())


@dataclass(frozen=True)
class Answer:
    """What to send: `length` False leaves Content-Length out, `cut` ends the body there, `pause` precedes each byte."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | bool = True
    cut: int | None = None
    pause: float = 0.0


Handler = Callable[[Asked], Answer]


def answer_json(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with a JSON document."""
    return Answer(status, to_json(document), {"Content-Type": "application/json", **(headers or {})})


class FakeRegistry:
    """A registry named `host`, in a `with` block; over TLS where a `context` is given.

    It holds what `push` puts in, and `route` replaces any of its answers. `asked` are all requests so far.

    >>> import inspector
    >>> from inspector.testing import FakeRegistry, Image, Step
    >>> image = Image(steps=[Step("COPY app", {"app/main.py": b"print(1)"})])
    >>> with FakeRegistry() as registry:
    ...     digest = registry.push("team/api", "1", image)
    ...     facts = inspector.inspect(f"registry:{registry.host}/team/api:1")
    >>> facts.torch.installed
    False
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), _Requests)
        self._server.fake = self
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"{'http' if context is None else 'https'}://{self.host}"
        self.asked: list[Asked] = []
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.blobs: dict[str, bytes] = {}
        self._routes: list[tuple[str, re.Pattern[str], list[Answer | Handler]]] = []
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def route(self, method: str, pattern: str, *answers: Answer | Handler) -> None:
        """Answer requests whose whole path fits with each answer in turn, then by the last; later routes win.

        >>> from inspector.testing import Answer, FakeRegistry
        >>> with FakeRegistry() as registry:
        ...     registry.route("GET", "/v2/.*/blobs/.*", Answer(503), registry.good)
        """
        self._routes.insert(0, (method, re.compile(pattern), list(answers)))

    def paths(self, method: str = "") -> list[str]:
        """Return the requests so far, in order, as `GET /v2/…`; or those of one method."""
        return [f"{one.method} {one.path}" for one in self.asked if method in ("", one.method)]

    def push(self, repository: str, tag: str, image: Image, packing: Packing = gzipped, types: Types = OCI) -> str:
        """Put an image in; return the digest of its manifest."""
        blobs = Blobs(types)
        descriptor = blobs.manifest(image, [packing])
        self.take(repository, blobs, [(tag, descriptor)])
        return str(descriptor["digest"])

    def take(self, repository: str, blobs: Blobs, tagged: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Put in what was built; what looks like a manifest becomes one, and `tagged` gives them tags."""
        for digest, content in blobs.content.items():
            self.blobs[f"sha256:{digest}"] = content
            if b'"mediaType":"application/vnd.' in content[:120]:
                media_type = content[:120].partition(b'"mediaType":"')[2].partition(b'"')[0].decode()
                self.manifests[repository, f"sha256:{digest}"] = content, media_type
        for tag, descriptor in tagged:
            self.manifests[repository, tag] = self.manifests[repository, descriptor["digest"]]

    def answer(self, asked: Asked) -> Answer:
        """Answer by the route that fits, else as a good registry would."""
        for method, pattern, answers in self._routes:
            if method == asked.method and pattern.fullmatch(asked.path):
                chosen = answers.pop(0) if len(answers) > 1 else answers[0]
                return chosen if isinstance(chosen, Answer) else chosen(asked)
        return self.good(asked)

    def good(self, asked: Asked) -> Answer:
        """Answer as the distribution specification says."""
        path = asked.path.partition("?")[0]
        if path == "/v2/":
            return answer_json({})
        if found := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path):
            return self._manifest(found[1], found[2])
        if found := re.fullmatch(r"/v2/(.+)/blobs/([^/]+)", path):
            return self._blob(found[2], asked)
        if found := re.fullmatch(r"/v2/(.+)/tags/list", path):
            tags = [tag for name, tag in self.manifests if name == found[1] and ":" not in tag]
            known = any(name == found[1] for name, _ in self.manifests)
            unknown = {"errors": [{"code": "NAME_UNKNOWN"}]}
            return answer_json({"name": found[1], "tags": tags}) if known else answer_json(unknown, 404)
        if path == "/v2/_catalog":
            return answer_json({"repositories": sorted({name for name, _ in self.manifests})})
        return answer_json({"errors": []}, 404)

    def _manifest(self, repository: str, target: str) -> Answer:
        if (repository, target) not in self.manifests:
            return answer_json(NOT_FOUND, 404)
        content, media_type = self.manifests[repository, target]
        headers = {"Content-Type": media_type, "Docker-Content-Digest": f"sha256:{sha256(content)}"}
        return Answer(200, content, headers)

    def _blob(self, digest: str, asked: Asked) -> Answer:
        if digest not in self.blobs:
            return answer_json({"errors": [{"code": "BLOB_UNKNOWN"}]}, 404)
        content = self.blobs[digest]
        asked_range = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if asked_range is None:
            return Answer(200, content)
        start, last = int(asked_range[1]), min(int(asked_range[2] or len(content)), len(content) - 1)
        header = {"Content-Range": f"bytes {start}-{last}/{len(content)}"}
        return Answer(206, content[start : last + 1], header)


class _Requests(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 10
    disable_nagle_algorithm = True  # else head and body, sent apart, come 40 ms apart

    def handle_one_request(self) -> None:
        if not isinstance(self.connection, ssl.SSLSocket) and self.rfile.peek(1)[:1] == b"\x16":  # type: ignore[attr-defined]
            self.close_connection = True  # the client begins with TLS, and this server has none
            return
        super().handle_one_request()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body, self.client_address[1])
        self.server.fake.asked.append(asked)
        try:
            self._send(self.server.fake.answer(asked))
        except (OSError, ssl.SSLError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = _any  # noqa: N815

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        whole = isinstance(answer.body, bytes)
        if answer.length is not False:
            length = len(answer.body) if isinstance(answer.body, bytes) and answer.length is True else answer.length
            self.send_header("Content-Length", str(int(length)))
        else:
            self.close_connection = True
        for name, value in answer.headers.items():
            for one in value.split("\n"):
                self.send_header(name, one)
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in (answer.body,) if whole else answer.body:
            self._piece(piece[: answer.cut], answer)  # type: ignore[index]
        if answer.cut is not None:
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(SHUT_RDWR)

    def _piece(self, piece: bytes, answer: Answer) -> None:
        if not answer.pause:
            self.wfile.write(piece)
        for at in range(len(piece) if answer.pause else 0):
            time.sleep(answer.pause)
            self.wfile.write(piece[at : at + 1])
            self.wfile.flush()


class _Server(ThreadingHTTPServer):
    fake: FakeRegistry
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what tests are about."""
