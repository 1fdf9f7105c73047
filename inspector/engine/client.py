"""One engine, asked through its HTTP API."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Self

import msgspec

from inspector.engine import archive, documents, model
from inspector.engine.documents import negotiated, pinged
from inspector.engine.endpoint import Endpoint, Kind, endpoints
from inspector.engine.failures import ABSENT, DENIED, refusal
from inspector.engine.transport import READ_SECONDS, Answer, Transport, path_segment
from inspector.errors import LimitExceeded, Malformed, NotFound, Unreachable
from inspector.escape import in_ascii
from inspector.http.failures import is_timeout
from inspector.oci import parse

_CREATE_SECONDS = 600.0
"""An engine copies what an image has below its volumes, and on a first use unpacks the image."""
_SAVE_SECONDS = 1800.0
"""Until its first byte, an engine with a graph driver writes the whole archive to its own disk."""


class Engine:
    """One engine. Methods may be called from several threads; each raises `Unreachable` and `Refused`.

    `seconds` are for one answer, where what is asked takes the engine no time.
    """

    def __init__(self, endpoint: Endpoint, *, seconds: float = READ_SECONDS) -> None:
        self.endpoint = endpoint
        self._transport = Transport(endpoint, seconds)
        self._lock = threading.Lock()
        self._info: model.Info | None = None
        told = pinged(self._transport.ask("GET", "/_ping"))
        self.api, podman = told or negotiated(endpoint, self._transport.ask("GET", "/version"))
        self.kind: Kind = "podman" if podman else "docker"
        self._transport.prefix = f"/v{self.api[0]}.{self.api[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    @property
    def info(self) -> model.Info:
        """The engine itself; asked for once."""
        with self._lock:
            if self._info is None:
                answer = self._ask("GET", "/info", "the engine's information")
                self._info = documents.info(answer.body, self._where("/info"), podman=self.kind == "podman")
            return self._info

    def inspect(self, name: str) -> model.ImageDocument:
        """Return what the engine tells of an image, by name, id or digest. Raises `NotFound`, `Malformed`."""
        answer = self._ask("GET", f"/images/{_image(name)}/json", in_ascii(name))
        document = documents.image_document(answer.body, self._where(name), self._store)
        if self.kind == "podman":  # which adds up the layers' tars, not their files
            return msgspec.structs.replace(document, unpacked_size=None)
        return document

    def history(self, name: str) -> tuple[model.Step, ...]:
        """Return the build steps of an image, oldest first. Raises `NotFound`, `Malformed`."""
        answer = self._ask("GET", f"/images/{_image(name)}/history", in_ascii(name))
        return documents.history(answer.body, self._where(name))

    def images(self) -> tuple[model.ListedImage, ...]:
        """Return all images that have a name, and those that have none. Raises `Malformed`."""
        answer = self._ask("GET", "/images/json", "the list of images", limit=documents.MAX_LIST)
        return documents.images(answer.body, self._where("/images/json"))

    def save(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Return the archive of an image as it comes; it may lack blobs that it names (moby#49473).

        Raises `NotFound`.
        """
        return self._transport.stream(f"/images/{_image(name)}/get", in_ascii(name), seconds=_SAVE_SECONDS)

    def create(self, body: Mapping[str, Any], *, name: str = "") -> str:
        """Create a container; its id. Raises `NotFound` where there is no such image."""
        query = {"name": name} if name else {}
        answer = self._ask("POST", "/containers/create", "a container", query=query, body=body, seconds=_CREATE_SECONDS)
        return parse(answer.body, _Created, self._where("create")).id

    def start(self, container: str) -> None:
        """Start a container."""
        self._ask("POST", f"/containers/{_segment(container)}/start", "the container", seconds=_CREATE_SECONDS)

    def wait(self, container: str, seconds: float) -> int:
        """Return the exit code of a container once it has ended.

        Raises `LimitExceeded` if it hasn't within `seconds`.
        """
        path = f"/containers/{_segment(container)}/wait"
        try:
            answer = self._ask("POST", path, "the container", seconds=seconds)
        except Unreachable as error:
            if is_timeout(error):
                raise LimitExceeded(f"the container still runs after {seconds:g} s") from error
            raise
        return parse(answer.body, _Waited, self._where("wait")).status_code

    def output(self, container: str, limit: int, *, errors: bool = False) -> bytes:
        """Return the first `limit` bytes of what a container without a terminal wrote to standard output, or error."""
        query = {"stdout": "0" if errors else "1", "stderr": "1" if errors else "0"}
        path = f"/containers/{_segment(container)}/logs"
        with self._transport.stream(path, "the container's output", query=query) as stream:
            return demultiplexed(stream, limit)

    def kill(self, container: str) -> None:
        """End a container at once; one that has ended stays so."""
        answer = self._transport.ask("POST", f"/containers/{_segment(container)}/kill")
        if answer.status not in _ENDED and b"can only kill running" not in answer.body:
            raise refusal(self.endpoint, "the container", answer.status, answer.body)

    def container(self, container: str) -> dict[str, Any]:
        """Return a container's whole document. Raises `NotFound`."""
        answer = self._ask("GET", f"/containers/{_segment(container)}/json", "the container")
        return parse(answer.body, dict[str, Any], self._where("the container"))

    def describe(self, container: str) -> model.ContainerDocument:
        """Return what the engine tells of a container, by name, id or how an id begins. Raises `NotFound`."""
        from inspector.engine import describing  # images are read without it

        answer = self._ask("GET", f"/containers/{_segment(container)}/json", f"the container {in_ascii(container)}")
        return describing.container_document(answer.body, self._where(container))

    def changes(self, container: str) -> Mapping[str, int]:
        """Return what was changed in a container since its image, see `changed_paths`. Raises `NotFound`."""
        from inspector.engine import describing

        path, what = f"/containers/{_segment(container)}/changes", "what was changed in the container"
        answer = self._ask("GET", path, what, seconds=_CREATE_SECONDS, limit=describing.MAX_CHANGES)
        return describing.changed_paths(answer.body, self._where(what))

    def export(self, container: str) -> AbstractContextManager[BinaryIO]:
        """Return the tar of a container's own files, streamed; of mounts, the directories below them.

        Unlike `archive`, it makes no mount points in one that was never started. Raises `NotFound`.
        """
        path = f"/containers/{_segment(container)}/export"
        return self._transport.stream(path, "the container's files", seconds=_SAVE_SECONDS)

    def containers(self, state: str = "") -> tuple[model.ListedContainer, ...]:
        """List the containers in a state, as `created` or `running`; all without one. Raises `Malformed`."""
        filters = {"status": [state]} if state else {}
        query = {"all": "1", "filters": msgspec.json.encode(filters).decode()}
        what = "the list of containers"
        answer = self._ask("GET", "/containers/json", what, query=query, limit=documents.MAX_LIST)
        return documents.containers(answer.body, self._where("/containers/json"), answer.time)

    def remove(self, container: str, *, volumes: bool = True) -> bool:
        """Remove a container that does not run, with the `volumes` that it was given without a name.

        False where there was none. Raises `Refused` for one that runs.
        """
        path, query = f"/containers/{_segment(container)}", {"v": "1" if volumes else "0", "force": "0"}
        answer = self._transport.ask("DELETE", path, query=query, seconds=_CREATE_SECONDS)
        going = answer.status == 409 and _GOING in answer.body
        if answer.status not in _GONE and not going:
            raise refusal(self.endpoint, "removing a container", answer.status, answer.body)
        return answer.status != 404

    def stat(self, container: str, path: str) -> model.Stat | None:
        """Return the file at `path`, its parents' links followed, its own not; None where there is none.

        None also where the container is gone, which `containers.created` tells on leaving.
        """
        return archive.stat(self._transport, container, path)

    def archive(self, container: str, path: str) -> AbstractContextManager[BinaryIO]:
        """Return a tar of `path` and all below it, streamed; its container answers nothing else meanwhile.

        Raises `NotFound`.
        """
        return archive.opened(self._transport, container, path)

    def _ask(self, method: str, path: str, what: str, **more: Any) -> Answer:
        answer = self._transport.ask(method, path, **more)
        if not 200 <= answer.status < 300:
            raise refusal(self.endpoint, what, answer.status, answer.body)
        return answer

    def _where(self, what: str) -> str:
        return f"the engine {self.endpoint} on {in_ascii(what)}"

    def _store(self) -> model.Store:
        if self.kind == "podman":
            return "other"
        return "graph" if self.api >= (1, 48) else self.info.store  # from 1.48, containerd's store gives descriptors


class _Created(msgspec.Struct, rename="pascal"):
    id: str


class _Waited(msgspec.Struct, rename="pascal"):
    status_code: int


def connect(kind: Kind, *, offline: bool = False) -> Engine:
    """Return the first engine that answers, in the order of `endpoints`; `offline`, only on this machine.

    Raises `Unreachable` with each address tried and what to start, `NotFound` and `Malformed` for a context.
    """
    tried: list[str] = []
    absent: list[str] = []
    advice = _ADVICE[kind]
    for endpoint in endpoints(kind, os.environ):
        if offline and not endpoint.is_local:
            raise Unreachable(f"{endpoint} ({endpoint.origin}) is not on this machine, and --offline stays on it")
        if endpoint.chosen:
            advice = f"start the engine there, or correct {endpoint.origin}"
        try:
            return Engine(endpoint)
        except Unreachable as error:
            nowhere = not endpoint.chosen and str(error).endswith(ABSENT)
            (absent if nowhere else tried).append(str(endpoint) if nowhere else str(error))
    if absent:
        tried.append(f"there is no {', nor '.join(absent)}")
    denied = [why for why in tried if DENIED in why]  # which is no matter of starting anything
    said = "; ".join(denied or [*tried, advice])
    raise Unreachable(f"no {kind.title()} engine answers: {said}")


_ENDED = (200, 204, 404, 409)
"""Killed, or not running; Podman gives 500 for that."""
_GONE = (200, 204, 404)
"""Removed, or never there."""
_GOING = b"already in progress"
"""An engine's words for a removal that it is at already."""
_ADVICE: dict[Kind, str] = {
    "docker": "start Docker Desktop or `dockerd`, or set DOCKER_HOST",
    "podman": "run `systemctl --user start podman.socket` or `podman machine start`, or set CONTAINER_HOST",
}


def demultiplexed(stream: BinaryIO, limit: int) -> bytes:
    """Return a container's output, at most `limit` bytes; what is cut short ends there.

    Engines frame it by 8 bytes before each piece, the last four its length.
    """
    found = bytearray()
    while len(found) < limit and len(head := stream.read(8)) == 8:
        left = int.from_bytes(head[4:], "big")
        piece = stream.read(min(left, limit - len(found)))
        found += piece
        if len(piece) < left:
            break
    return bytes(found)


def _image(name: str) -> str:
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise NotFound(f"{in_ascii(name)}: no image has such a name")
    return path_segment(name)


def _segment(container: str) -> str:
    if "/" in container or container in ("", ".", ".."):
        raise Malformed(f"{in_ascii(container)} is not a container id")
    return path_segment(container)
