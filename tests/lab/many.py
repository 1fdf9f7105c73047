"""Many small images, pushed by the distribution API itself, and what the registry that has them was asked for."""

from __future__ import annotations

import gzip
import http.client
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from fixtures.roles import right_images
from inspector.testing.blobs import OCI
from inspector.testing.image import sha256, to_json
from inspector.testing.tree import Tree, tar_of
from tests.lab.registries import registry

REPOSITORIES = ("fleet/api", "fleet/worker")
BASES, MIDDLES = 10, 40
T = TypeVar("T")
_GET = re.compile(r'"GET /v2/([a-z/]+)/(blobs|manifests)/([^ ]+) HTTP')


@dataclass(frozen=True)
class Layer:
    """A layer as stored, and what it is unpacked."""

    packed: bytes
    diff_id: str

    @property
    def digest(self) -> str:
        """That of the blob."""
        return f"sha256:{sha256(self.packed)}"

    @property
    def descriptor(self) -> dict[str, object]:
        """What manifests say of it."""
        return {"mediaType": f"{OCI.layer}+gzip", "digest": self.digest, "size": len(self.packed)}


@dataclass(frozen=True)
class Fleet:
    """Images over shared layers: `tags` name each its layers and what tells its image from others."""

    layers: tuple[Layer, ...]
    tags: dict[tuple[str, str], tuple[tuple[int, ...], str]] = field(default_factory=dict)

    @property
    def digests(self) -> set[str]:
        """Those of all layers."""
        return {layer.digest for layer in self.layers}


def fleet(tags: int, layers: int = 200) -> Fleet:
    """So many tags in two repositories over so many layers; each image has two of the tags."""
    bases = [step.tree for step in right_images()["backend-prod"].steps if step.tree]
    trees: list[Tree] = [{**(bases[0] or {}), "etc/base": b"%d" % number} for number in range(BASES)]
    trees += [{f"srv/{number}": b"%d" % number * 100} for number in range(BASES, layers)]
    found = Fleet(tuple(Layer(gzip.compress(tar, 1, mtime=0), f"sha256:{sha256(tar)}") for tar in map(tar_of, trees)))
    tops = layers - BASES - MIDDLES
    for number in range(tags):
        of = number // 2
        chosen = (of % BASES, BASES + of % MIDDLES, BASES + MIDDLES + of % tops)
        found.tags[REPOSITORIES[number * 2 // tags], f"1.{number}"] = chosen, f"NUMBER={of}"
    return found


class Stocked(NamedTuple):
    """A registry of one's own with all these images, and its log."""

    host: str
    fleet: Fleet
    log: Path


@contextmanager
def stock(tags: int, layers: int) -> Iterator[Stocked]:
    """Run a registry with a fleet; where there is such a place in memory, as it is told to write for each request."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="inspector-fleet-", dir=memory if memory.is_dir() else None) as folder:
        images = fleet(tags, layers)
        with registry(Path(folder)) as host:
            push_all(host, images)
            yield Stocked(host, images, Path(folder) / "registry.log")


def push_all(host: str, fleet: Fleet, *, threads: int = 4) -> None:
    """All of it, each blob once in each repository."""
    with ThreadPoolExecutor(threads) as pool:
        documents = [(name, *_documents(fleet, *image)) for name, image in fleet.tags.items()]
        blobs = [(repository, config) for (repository, _), config, _ in documents]
        blobs += [(name[0], fleet.layers[at].packed) for name, (chosen, _) in fleet.tags.items() for at in chosen]
        list(pool.map(lambda share: _push_blobs(host, share), _shares(list(dict.fromkeys(blobs)), threads)))
        manifests = [(repository, tag, manifest) for (repository, tag), _, manifest in documents]
        list(pool.map(lambda share: _push_manifests(host, share), _shares(manifests, threads)))


def asked(log: Path, since: int = 0) -> Iterator[tuple[str, str, str]]:
    """Repository, kind and digest or tag of each GET that the registry noted from that byte of its log on."""
    with log.open("rb") as file:
        file.seek(since)
        for found in _GET.finditer(file.read().decode(errors="replace")):
            yield found[1], found[2], found[3]


def layers_asked(log: Path, fleet: Fleet, since: int = 0) -> Counter[str]:
    """How often each layer was asked for."""
    return Counter(target for _, kind, target in asked(log, since) if kind == "blobs" and target in fleet.digests)


def _documents(fleet: Fleet, chosen: tuple[int, ...], mark: str) -> tuple[bytes, bytes]:
    layers = [fleet.layers[at] for at in chosen]
    config = to_json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", mark], "Cmd": ["python3"]},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    )
    descriptor = {"mediaType": OCI.config, "digest": f"sha256:{sha256(config)}", "size": len(config)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "config": descriptor,
        "layers": [layer.descriptor for layer in layers],
    }
    return config, to_json(manifest)


def _shares(items: list[T], number: int) -> list[list[T]]:
    return [items[at::number] for at in range(number)]


def _push_blobs(host: str, blobs: Iterable[tuple[str, bytes]]) -> None:
    connection = http.client.HTTPConnection(host)
    for repository, content in blobs:
        location = _ask(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", 202)
        path = location.removeprefix(f"http://{host}")
        mark = "&" if "?" in path else "?"
        _ask(connection, "PUT", f"{path}{mark}digest=sha256:{sha256(content)}", content, 201)
    connection.close()


def _push_manifests(host: str, manifests: Iterable[tuple[str, str, bytes]]) -> None:
    connection = http.client.HTTPConnection(host)
    for repository, tag, content in manifests:
        _ask(connection, "PUT", f"/v2/{repository}/manifests/{tag}", content, 201)
    connection.close()


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes, status: int) -> str:
    kind = OCI.manifest if "/manifests/" in path else "application/octet-stream"
    connection.request(method, path, body, {"Content-Type": kind, "Content-Length": str(len(body))})
    response = connection.getresponse()
    said = response.read()
    assert response.status == status, (method, path, response.status, said[:200])
    return response.headers.get("Location", "")
