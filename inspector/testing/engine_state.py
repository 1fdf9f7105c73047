"""What a fake engine holds and has been asked."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspector.testing.blobs import Packing, gzipped
from inspector.testing.container_files import Files
from inspector.testing.faults import Fault
from inspector.testing.image import Image
from inspector.testing.store import Kind, Store
from inspector.testing.tree import Tree


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
    changes: dict[str, int] = field(default_factory=dict)
    mounts: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> str:
        """The state, in the word that engines use."""
        return "running" if self.running else "exited" if self.started else "created"


class EngineState:
    """The images, containers and requests of a fake engine, and how it is to misbehave."""

    def __init__(  # noqa: PLR0913 - what a test may set, all by name
        self,
        store: Kind = "graph",
        images: Sequence[Image] = (),
        *,
        api: tuple[str, str] = ("1.40", "1.55"),
        packing: Packing = gzipped,
        graph: Mapping[str, Mapping[str, str]] | None = None,
        info: Mapping[str, Any] | None = None,
        files: Mapping[str, Tree] | None = None,
        output: tuple[bytes, bytes] = (b"", b""),
        exit_code: int = 0,
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
        self.numbers = itertools.count(1)  # of containers: two that are made at once must not share an id
        self.volumes = 0
        self.faults: list[tuple[str, re.Pattern[str], Fault, list[int]]] = []

    def misbehave(self, method: str, path: str, fault: Fault, *, times: int = -1, after: int = 0) -> None:
        """Answer by `fault` where the whole path, without its version, matches: `times` times, `after` so many.

        >>> from inspector.testing import FakeEngine, faults
        >>> with FakeEngine() as engine:
        ...     engine.misbehave("GET", "/images/.*/get", faults.status(500, "disk full"))
        """
        self.faults.append((method, re.compile(path), fault, [times, after]))

    def contain(
        self,
        image: str,
        name: str,
        tree: Tree | None = None,
        *,
        running: bool = False,
        mounts: Sequence[Mapping[str, str]] = (),
        **config: Any,
    ) -> Container:
        """Hold a container of an image as others made it: `tree`, as a layer, is what was changed in it.

        `config` are fields of its settings in which it differs from its image, and `mounts` as engines list them.

        >>> from inspector.testing import FakeEngine, Image
        >>> with FakeEngine(images=[Image(tags=["api:1"])]) as engine:
        ...     engine.contain("api:1", "web", {"srv/new": b""}, Env=["A=1"]).state
        'created'
        """
        made = self.store.find(image)
        assert made is not None, image
        body = {**json.loads(made.config)["config"], "Image": image, **config}
        container = self.make(made, name, body, tree or {}, started=running, running=running)
        container.changes = {f"/{path.replace('.wh.', '')}": 2 if ".wh." in path else 1 for path in tree or {}}
        container.mounts = [dict(mount) for mount in mounts]
        return container

    def make(self, image: Image, name: str, body: dict[str, Any], *trees: Tree, **state: Any) -> Container:
        """Hold a new container of an image, with further trees over its layers; without a name, its id is its name."""
        number = next(self.numbers)
        replaced = self.files.get(image.tags[0] if image.tags else "")
        layers = [step.tree for step in image.steps if step.tree] if replaced is None else [replaced]
        files = Files([*layers, *trees], podman=self.store.kind == "podman")
        key = f"{number:064x}"
        self.containers[key] = Container(key, name or key, body, image, files, number, **state)
        return self.containers[key]

    def delete(self, name: str) -> None:
        """Remove an image, as another client might between two requests."""
        image = self.store.find(name)
        assert image is not None, name
        self.store.images.remove(image)

    def asked(self, method: str, path: str) -> list[Request]:
        """Return the requests so far whose whole path matches."""
        return [r for r in list(self.requests) if r.method == method and re.fullmatch(path, r.path)]

    def fault_for(self, method: str, path: str) -> Fault | None:
        """Return the first fault that is due, and count it down."""
        for wanted, pattern, fault, counts in self.faults:
            if wanted != method or not pattern.fullmatch(path):
                continue
            if counts[1]:
                counts[1] -= 1
            elif counts[0]:
                counts[0] -= 1
                return fault
        return None
