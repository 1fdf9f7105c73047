"""An engine that isn't: an HTTP server in a thread which answers as engines of today do, and misbehaves when told to.

    with FakeEngine("containerd", [image]) as fake:
        monkeypatch.setenv("DOCKER_HOST", fake.address)
        fake.misbehave("GET", "/images/.*/get", faults.cut(b"half"))
        …
        assert fake.asked("POST", "/containers/create")[0].body["NetworkDisabled"]

Stores: `containerd` and `graph` are Docker 29's two, `podman` is Podman's compatible API. `api` are the oldest and
newest versions that it speaks. `files` replaces what containers of an image show, by the image's first tag.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import shutil
import socket
import socketserver
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from fixtures.image import Image
from fixtures.packing import Packing
from fixtures.packing import gzip as packed
from fixtures.tree import Tree
from tests.engine.fakefiles import Broken, Files, Missing
from tests.engine.fakestore import Kind, Store
from tests.engine.faults import Fault

HOST_ID = "f" * 64


@dataclass(frozen=True)
class Request:
    """One request as it came, its path without the version."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    connection: int


@dataclass
class Container:
    """One container. `lock` is held while a GET of its archive is unread."""

    id: str
    name: str
    body: dict[str, Any]
    image: Image
    files: Files
    created: int
    started: bool = False
    running: bool = False
    volumes: int = 0
    output: tuple[bytes, bytes] = (b"", b"")
    exit_code: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> str:
        """As engines name it."""
        return "running" if self.running else "exited" if self.started else "created"


class FakeEngine:
    """See the module. `requests` are all that came, `containers` those there now, `volumes` those left behind."""

    def __init__(  # noqa: PLR0913 - what a test may set, all by name
        self,
        store: Kind = "graph",
        images: Sequence[Image] = (),
        *,
        api: tuple[str, str] = ("1.40", "1.55"),
        packing: Packing = packed,
        graph: Mapping[str, Mapping[str, str]] | None = None,
        info: Mapping[str, Any] | None = None,
        files: Mapping[str, Tree] | None = None,
        output: tuple[bytes, bytes] = (b"", b""),
        exit_code: int = 0,
        tcp: bool = False,
    ) -> None:
        self.store = Store(store, images, packing=packing, graph=graph or {})
        self.api = api
        self.info = dict(info or {})
        self.files = dict(files or {})
        self.output = output
        self.exit_code = exit_code
        self.hollow = False
        self.requests: list[Request] = []
        self.containers: dict[str, Container] = {}
        self.volumes = 0
        self.faults: list[tuple[str, re.Pattern[str], Fault, list[int]]] = []
        self._folder = tempfile.mkdtemp(prefix="fake-engine-")
        self._server = _Tcp(self) if tcp or not hasattr(socket, "AF_UNIX") else _Unix(f"{self._folder}/s", self)
        self.address = self._server.address

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Go away: nobody listens from now on, and open connections end."""
        self._server.closed.set()
        self._server.shutdown()
        self._server.server_close()

    def misbehave(self, method: str, path: str, fault: Fault, *, times: int = -1, after: int = 0) -> None:
        """Answer requests whose path (without version) matches wholly by `fault`: so many times, after so many."""
        self.faults.append((method, re.compile(path), fault, [times, after]))

    def delete(self, name: str) -> None:
        """Remove an image, as somebody else might between two questions."""
        image = self.store.find(name)
        assert image is not None, name
        self.store.images.remove(image)

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests so far whose path matches wholly."""
        return [r for r in list(self.requests) if r.method == method and re.fullmatch(path, r.path)]

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The first fault that is due, counted down."""
        for wanted, pattern, fault, counts in self.faults:
            if wanted != method or not pattern.fullmatch(path):
                continue
            if counts[1]:
                counts[1] -= 1
            elif counts[0]:
                counts[0] -= 1
                return fault
        return None


class Handler(BaseHTTPRequestHandler):
    """One connection. What follows `do` names the routes; the rest helps to answer."""

    protocol_version = "HTTP/1.1"
    server: _Unix | _Tcp
    _connections = iter(range(10**9))

    def setup(self) -> None:
        """Number the connection, and keep it, so that it can be ended."""
        super().setup()
        self.number = next(Handler._connections)
        self.server.open.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Answer until the other side goes."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionError, OSError, ValueError):
            self.close_connection = True

    def do(self) -> None:
        """Record the request, then answer it by a fault or by its route."""
        self.fake = self.server.fake
        url = urlsplit(self.path)
        version, path = re.fullmatch(r"(?:/v(\d+\.\d+))?(/.*)", unquote(url.path)).groups()  # type: ignore[union-attr]
        self.query = dict(parse_qsl(url.query, keep_blank_values=True, errors="surrogateescape"))
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.body = json.loads(content) if content else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake.requests.append(Request(self.command, path, self.query, self.body, headers, self.number))
        fault = self.fake.fault_for(self.command, path)
        if fault is not None:
            fault(self)
        elif version and not self._speaks(version):
            return
        else:
            self.version = tuple(map(int, (version or self.fake.api[1]).split(".")))
            self._route(path)

    do_GET = do_HEAD = do_POST = do_DELETE = do  # noqa: N815 - names that the server looks for

    def _speaks(self, version: str) -> bool:
        asked, (oldest, newest) = _key(version), map(_key, self.fake.api)
        if oldest <= asked <= newest:
            return True
        word, bound = ("old", "Minimum") if asked < oldest else ("new", "Maximum")
        limit = self.fake.api[0 if asked < oldest else 1]
        self.answer(
            400, {"message": f"client version {version} is too {word}. {bound} supported API version is {limit}"}
        )
        return False

    def _route(self, path: str) -> None:
        for pattern, method, name in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method.split():
                getattr(self, name)(*match.groups())
                return
        self.answer(404, {"message": "page not found"})

    def answer(self, code: int, document: Any = None, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer: JSON, or bytes as they are."""
        content = (
            document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        )
        kind = "application/octet-stream" if isinstance(document, bytes) else "application/json"
        self._head(code, {"Content-Type": kind, **(headers or {}), "Content-Length": str(len(content))})
        if self.command != "HEAD":
            self.wfile.write(content)

    def begin(self, code: int, headers: Mapping[str, str]) -> None:
        """The beginning of an answer in chunks."""
        self._head(code, {**headers, "Transfer-Encoding": "chunked"})

    def chunk(self, content: bytes) -> None:
        """A piece of an answer; an empty one ends it."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def _head(self, code: int, headers: Mapping[str, str]) -> None:
        self.send_response_only(code)
        podman = {"Libpod-Api-Version": "4.3.1"} if self.fake.store.kind == "podman" else {}
        for name, value in {"Api-Version": self.fake.api[1], **podman, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _ping(self) -> None:
        self.answer(200, b"OK")

    def _version(self) -> None:
        oldest, newest = self.fake.api
        name = "Podman Engine" if self.fake.store.kind == "podman" else "Engine"
        said = {
            "Components": [{"Name": name, "Version": "29.7.2"}],
            "Version": "29.7.2",
            "Os": "linux",
            "Arch": "amd64",
        }
        self.answer(200, {**said, "ApiVersion": newest, "MinAPIVersion": oldest})

    def _info(self) -> None:
        kind = self.fake.store.kind
        status = (
            [["driver-type", "io.containerd.snapshotter.v1"]]
            if kind == "containerd"
            else [["Backing Filesystem", "extfs"]]
        )
        said = {
            "Driver": {"containerd": "overlayfs", "podman": "overlay"}.get(kind, "overlay2"),
            "DriverStatus": status,
            "DockerRootDir": "/var/lib/docker",
            "Containerd": {"Address": "/run/containerd/containerd.sock"},
            "Runtimes": {"runc": {"path": "runc"}},
            "DefaultRuntime": "runc",
            "OSType": "linux",
            "Architecture": "x86_64",
            "ServerVersion": "29.7.2",
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
        }
        self.answer(200, {**said, **self.fake.info})

    def _image(self, name: str) -> Image | None:
        image = self.fake.store.find(name)
        if image is None:
            self.answer(404, {"message": f"No such image: {name}"})
        return image

    def _images(self) -> None:
        self.answer(200, [self.fake.store.listed(image) for image in self.fake.store.images])

    def _inspect(self, name: str) -> None:
        if image := self._image(name):
            self.answer(200, self.fake.store.inspect(image, self.version))  # type: ignore[arg-type]

    def _history(self, name: str) -> None:
        if image := self._image(name):
            self.answer(200, self.fake.store.history(image))

    def _save(self, name: str) -> None:
        image = self._image(name)
        if image is None:
            return
        if self.fake.store.is_foreign(image):
            self.answer(404, {"message": f"image {name} was found but does not match the specified platform"})
            return
        self._send_tar(self.fake.store.archive(image, hollow=self.fake.hollow))

    def _create(self) -> None:
        body = self.body or {}
        if not body.get("Cmd") and not body.get("Entrypoint"):
            self.answer(400, {"message": "no command specified"})
            return
        if image := self._image(str(body.get("Image"))):
            number = len(self.fake.requests)
            podman = self.fake.store.kind == "podman"
            tree = self.fake.files.get(image.tags[0] if image.tags else "")
            layers = [step.tree for step in image.steps if step.tree] if tree is None else [tree]
            key = f"{number:064x}"
            files = Files(layers, podman=podman)
            volumes = len(json.loads(image.config)["config"].get("Volumes") or {})
            made = Container(key, self.query.get("name", key), body, image, files, number, volumes=volumes)
            made.output, made.exit_code = self.fake.output, self.fake.exit_code
            self.fake.containers[key] = made
            self.answer(201, {"Id": key, "Warnings": []})

    def _container(self, name: str) -> Container | None:
        for container in list(self.fake.containers.values()):
            if name in (container.id, container.name):
                return container
        self.answer(404, {"message": f"No such container: {name}"})
        return None

    def _containers(self) -> None:
        wanted = json.loads(self.query.get("filters", "{}")).get("status", [])
        self.answer(200, [_listed(c) for c in list(self.fake.containers.values()) if not wanted or c.state in wanted])

    def _show(self, name: str) -> None:
        if c := self._container(name):
            begun = "2026-01-01T00:00:00Z" if c.started else "0001-01-01T00:00:00Z"
            state = {"Status": c.state, "Running": c.running, "ExitCode": c.exit_code, "StartedAt": begun}
            words = (*(c.body.get("Entrypoint") or ()), *(c.body.get("Cmd") or ()))
            run = {"Path": words[0], "Args": words[1:], "Config": c.body, "State": state}
            self.answer(200, {"Id": c.id, "Name": f"/{c.name}", **run})

    def _start(self, name: str) -> None:
        if container := self._container(name):
            container.started = container.running = True
            self.answer(204)

    def _wait(self, name: str) -> None:
        if container := self._container(name):
            container.running = False
            self.answer(200, {"StatusCode": container.exit_code, "Error": None})

    def _kill(self, name: str) -> None:
        if container := self._container(name):
            running, container.running = container.running, False
            self.answer(204 if running else 409, None if running else {"message": "is not running"})

    def _logs(self, name: str) -> None:
        if container := self._container(name):
            self.begin(200, {"Content-Type": "application/vnd.docker.multiplexed-stream"})
            for number, which in ((1, "stdout"), (2, "stderr")):
                content = container.output[number - 1]
                if content and self.query.get(which) == "1":
                    self.chunk(bytes([number, 0, 0, 0]) + len(content).to_bytes(4, "big") + content)
            self.chunk(b"")

    def _remove(self, name: str) -> None:
        container = self._container(name)
        if container and container.running and self.query.get("force") != "1":
            self.answer(409, {"message": f"You cannot remove a running container {name}"})
        elif container:
            del self.fake.containers[container.id]
            self.fake.volumes += 0 if self.query.get("v") == "1" else container.volumes
            self.answer(204)

    def _archive(self, name: str) -> None:
        container = self._container(name)
        if container is None:
            return
        with container.lock:
            path = self.query.get("path", "")
            try:
                header = {"X-Docker-Container-Path-Stat": container.files.header(path)}
                if self.command == "HEAD":
                    self.answer(200, None, header)
                else:
                    self._send_tar(container.files.tar(path), header)
            except Missing as missing:
                more = {"X-Docker-Container-Path-Stat": missing.header} if missing.header else {}
                self.answer(404, {"message": f"Could not find the file {path} in container {name}"}, more)
            except Broken as broken:
                self.answer(500, {"message": str(broken)})

    def _send_tar(self, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        more = dict(headers or {})
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            content, more["Content-Encoding"] = gzip.compress(content), "gzip"
        self.begin(200, {"Content-Type": "application/x-tar", **more})
        for start in range(0, len(content), 1 << 15):
            self.chunk(content[start : start + (1 << 15)])
        self.chunk(b"")


_ROUTES = (
    ("/_ping", "GET HEAD", "_ping"),
    ("/version", "GET", "_version"),
    ("/info", "GET", "_info"),
    ("/images/json", "GET", "_images"),
    ("/images/(.+)/json", "GET", "_inspect"),
    ("/images/(.+)/history", "GET", "_history"),
    ("/images/(.+)/get", "GET", "_save"),
    ("/containers/create", "POST", "_create"),
    ("/containers/json", "GET", "_containers"),
    ("/containers/([^/]+)/json", "GET", "_show"),
    ("/containers/([^/]+)/start", "POST", "_start"),
    ("/containers/([^/]+)/wait", "POST", "_wait"),
    ("/containers/([^/]+)/kill", "POST", "_kill"),
    ("/containers/([^/]+)/logs", "GET", "_logs"),
    ("/containers/([^/]+)/archive", "GET HEAD", "_archive"),
    ("/containers/([^/]+)", "DELETE", "_remove"),
)


class _Server(socketserver.ThreadingMixIn):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    fake: FakeEngine

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.open: set[socket.socket] = set()

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Tcp(_Server, socketserver.TCPServer):
    allow_reuse_address = True

    def __init__(self, fake: FakeEngine) -> None:
        _Server.__init__(self)
        self.fake = fake
        socketserver.TCPServer.__init__(self, ("127.0.0.1", 0), Handler)
        self.address = f"tcp://127.0.0.1:{self.server_address[1]}"


class _Unix(_Server, socketserver.TCPServer):
    address_family = getattr(socket, "AF_UNIX", 0)

    def __init__(self, path: str, fake: FakeEngine) -> None:
        _Server.__init__(self)
        self.fake = fake
        socketserver.TCPServer.__init__(self, path, Handler)  # type: ignore[arg-type]
        self.address = f"unix://{path}"


def _key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _listed(container: Container) -> dict[str, Any]:
    labels = container.body.get("Labels") or {}
    return {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Labels": labels,
        "Created": container.created,
        "State": container.state,
    }
