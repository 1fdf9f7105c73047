"""The answers of a fake engine, one method a route of the engine's API."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from inspector.testing.container_files import Broken, Missing
from inspector.testing.engine_state import Container, EngineState, Request
from inspector.testing.image import Image


class Server(Protocol):
    """What a connection knows of its server: `closed` is set when it stops."""

    fake: EngineState
    closed: threading.Event
    open: set[socket.socket]


class Handler(BaseHTTPRequestHandler):
    """One connection. What follows `do` names the routes; the rest helps to answer."""

    protocol_version = "HTTP/1.1"
    server: Server  # type: ignore[assignment]
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
        told = f"client version {version} is too {word}. {bound} supported API version is {limit}"
        self.answer(400, {"message": told})
        return False

    def _route(self, path: str) -> None:
        for pattern, method, name in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method.split():
                of_image, named = pattern.startswith("/images/"), match.groups()
                found = [self._image(each) if of_image else self._container(each) for each in named]
                if None not in found:  # else the answer is that there is none
                    getattr(self, name)(*found)
                return
        self.answer(404, {"message": "page not found"})

    def answer(self, code: int, document: Any = None, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer: JSON, or bytes as they are."""
        kind, content = "application/octet-stream", document
        if not isinstance(document, bytes):
            kind, content = "application/json", b"" if document is None else json.dumps(document).encode()
        self._head(code, {"Content-Type": kind, **(headers or {}), "Content-Length": str(len(content))})
        if self.command != "HEAD":
            self.wfile.write(content)

    def begin(self, code: int, headers: Mapping[str, str]) -> None:
        """Begin an answer in chunks."""
        self._head(code, {**headers, "Transfer-Encoding": "chunked"})

    def chunk(self, content: bytes) -> None:
        """Send a chunk; an empty one ends the answer."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def _head(self, code: int, headers: Mapping[str, str]) -> None:
        self.send_response_only(code)
        podman = {"Libpod-Api-Version": "4.3.1"} if self.fake.store.kind == "podman" else {}
        docker = {} if podman else {"Server": f"Docker/{_VERSION} (linux)"}
        for name, value in {"Api-Version": self.fake.api[1], **docker, **podman, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _ping(self) -> None:
        self.answer(200, b"OK")

    def _version(self) -> None:
        oldest, newest = self.fake.api
        name = "Podman Engine" if self.fake.store.kind == "podman" else "Engine"
        said = {
            "Components": [{"Name": name, "Version": _VERSION}],
            "Version": _VERSION,
            "Os": "linux",
            "Arch": "amd64",
        }
        self.answer(200, {**said, "ApiVersion": newest, "MinAPIVersion": oldest})

    def _info(self) -> None:
        kind = self.fake.store.kind
        containerd = ["driver-type", "io.containerd.snapshotter.v1"]
        said = {
            "Driver": {"containerd": "overlayfs", "podman": "overlay"}.get(kind, "overlay2"),
            "DriverStatus": [containerd if kind == "containerd" else ["Backing Filesystem", "extfs"]],
            "DockerRootDir": "/var/lib/docker",
            "Containerd": {"Address": "/run/containerd/containerd.sock"},
            "Runtimes": {"runc": {"path": "runc"}},
            "DefaultRuntime": "runc",
            "OSType": "linux",
            "Architecture": "x86_64",
            "ServerVersion": _VERSION,
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

    def _inspect(self, image: Image) -> None:
        self.answer(200, self.fake.store.inspect(image, self.version))  # type: ignore[arg-type]

    def _history(self, image: Image) -> None:
        self.answer(200, self.fake.store.history(image))

    def _save(self, image: Image) -> None:
        if self.fake.store.is_foreign(image):
            self.answer(404, {"message": "the image was found but does not match the specified platform"})
        else:
            self._send_tar(self.fake.store.archive(image, hollow=self.fake.hollow))

    def _create(self) -> None:
        body = self.body or {}
        if not body.get("Cmd") and not body.get("Entrypoint"):
            self.answer(400, {"message": "no command specified"})
            return
        if image := self._image(str(body.get("Image"))):
            volumes = len(json.loads(image.config)["config"].get("Volumes") or {})
            ran = {"output": self.fake.output, "exit_code": self.fake.exit_code}
            made = self.fake.make(image, self.query.get("name", ""), body, volumes=volumes, **ran)
            self.answer(201, {"Id": made.id, "Warnings": []})

    def _container(self, name: str) -> Container | None:
        for container in list(self.fake.containers.values()):
            if name in (container.id, container.name) or (len(name) >= _PREFIX and container.id.startswith(name)):
                return container
        self.answer(404, {"message": f"No such container: {name}"})
        return None

    def _containers(self) -> None:
        wanted = json.loads(self.query.get("filters", "{}")).get("status", [])
        self.answer(200, [_listed(c) for c in list(self.fake.containers.values()) if not wanted or c.state in wanted])

    def _show(self, c: Container) -> None:
        begun = "2026-01-01T00:00:00Z" if c.started else "0001-01-01T00:00:00Z"
        state = {"Status": c.state, "Running": c.running, "ExitCode": c.exit_code, "StartedAt": begun}
        words = (*(c.body.get("Entrypoint") or ()), *(c.body.get("Cmd") or ()))
        run = {"Path": words[0] if words else "", "Args": words[1:], "Config": c.body, "State": state}
        made_of = {"Image": self.fake.store.listed(c.image)["Id"], "Mounts": c.mounts, "HostConfig": {}}
        self.answer(200, {"Id": c.id, "Name": f"/{c.name}", **run, **made_of})

    def _changes(self, container: Container) -> None:
        self.answer(200, [{"Path": path, "Kind": kind} for path, kind in container.changes.items()] or None)

    def _export(self, container: Container) -> None:
        self._send_tar(container.files.tar("/"))

    def _start(self, container: Container) -> None:
        container.started = container.running = True
        self.answer(204)

    def _wait(self, container: Container) -> None:
        container.running = False
        self.answer(200, {"StatusCode": container.exit_code, "Error": None})

    def _kill(self, container: Container) -> None:
        running, container.running = container.running, False
        self.answer(204 if running else 409, None if running else {"message": "is not running"})

    def _logs(self, container: Container) -> None:
        self.begin(200, {"Content-Type": "application/vnd.docker.multiplexed-stream"})
        for number, which in ((1, "stdout"), (2, "stderr")):
            content = container.output[number - 1]
            if content and self.query.get(which) == "1":
                self.chunk(bytes([number, 0, 0, 0]) + len(content).to_bytes(4, "big") + content)
        self.chunk(b"")

    def _remove(self, container: Container) -> None:
        if container.running and self.query.get("force") != "1":
            self.answer(409, {"message": f"You cannot remove a running container {container.name}"})
            return
        del self.fake.containers[container.id]
        self.fake.volumes += 0 if self.query.get("v") == "1" else container.volumes
        self.answer(204)

    def _archive(self, container: Container) -> None:
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
                self.answer(404, {"message": f"Could not find the file {path} in container {container.name}"}, more)
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


_VERSION = "29.7.2"
_PREFIX = 64 - 6
"""Digits of an id, which are mostly zeros here, that tell a container."""
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
    ("/containers/([^/]+)/changes", "GET", "_changes"),
    ("/containers/([^/]+)/export", "GET", "_export"),
    ("/containers/([^/]+)/start", "POST", "_start"),
    ("/containers/([^/]+)/wait", "POST", "_wait"),
    ("/containers/([^/]+)/kill", "POST", "_kill"),
    ("/containers/([^/]+)/logs", "GET", "_logs"),
    ("/containers/([^/]+)/archive", "GET HEAD", "_archive"),
    ("/containers/([^/]+)", "DELETE", "_remove"),
)


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
