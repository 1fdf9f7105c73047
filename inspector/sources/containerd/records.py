"""What containerd's own database tells of images and snapshots (containerd, `core/metadata/buckets.go`).

v1/NAMESPACE/images/NAME/target            digest, mediatype, size of a manifest or index
v1/NAMESPACE/snapshots/SNAPSHOTTER/KEY     name: the key in that snapshotter's own database

The part of containerd that serves Kubernetes gives one image several names there: `HOST/NAME:TAG`, `HOST/NAME@DIGEST`
of the manifest or index, and the digest of the config alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from inspector.engine.model import ListedImage
from inspector.errors import LimitExceeded
from inspector.sources.engine.bolt import Bucket, read_bolt
from inspector.sources.names import digest_in

DATABASE = Path("io.containerd.metadata.v1.bolt", "meta.db")
MAX_NAMES = 20_000
"""Names of images in all namespaces together; a node has some hundreds."""
MAX_TEXT = 4096
"""Characters of a name that is taken in."""
FIRST = ("k8s.io", "default")
"""The namespaces that are searched first, those of Kubernetes, and of `ctr` and `nerdctl`."""


class Record(msgspec.Struct, frozen=True):
    """One name of an image, and the digest of the manifest or index that it stands for."""

    namespace: str
    name: str
    target: str

    @property
    def is_id(self) -> bool:
        """Whether the name is the digest of a config, as Kubernetes calls images."""
        return digest_in(self.name) == self.name

    @property
    def tag(self) -> str | None:
        """The name where it is one with a tag; None where it is by digest."""
        return None if "@" in self.name or self.is_id else self.name


class Records(msgspec.Struct, frozen=True):
    """All names of images, and the namespaces in the order in which they are searched."""

    spaces: dict[str, list[Record]]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The names of the namespaces."""
        return tuple(self.spaces)

    def of(self, namespace: str) -> list[Record]:
        """List the names in one namespace."""
        return self.spaces[namespace]

    def listed(self, namespace: str) -> tuple[ListedImage, ...]:
        """List the images of one namespace; one that has no tag goes by its names with a digest."""
        named: dict[str, list[Record]] = {}
        for record in self.of(namespace):
            named.setdefault(record.target, []).append(record)
        return tuple(_listed(target, own) for target, own in named.items())


def _listed(target: str, records: Sequence[Record]) -> ListedImage:
    tags = tuple(record.tag for record in records if record.tag is not None)
    digests = tuple(record.name for record in records if "@" in record.name)
    return ListedImage(target, tags or digests, digests)


def read_records(root: Path) -> Records:
    """Read the names from the database below `root`, all of one moment.

    Raises `AccessUnusable` where it can't be read, `Malformed`, `LimitExceeded`.
    """
    path = root / DATABASE
    spaces = read_bolt(path, lambda top: _taken(top, path))
    known = [name for name in FIRST if name in spaces]
    return Records({name: spaces[name] for name in (*known, *sorted(spaces.keys() - set(known)))})


def read_snapshotters(root: Path, namespace: str, chain_id: str) -> list[str]:
    """List the snapshotters that have unpacked the layers with this chain id for a namespace."""

    def read(top: Bucket) -> list[str]:
        found = top.within(b"v1", namespace.encode(), b"snapshots")
        each = found.buckets() if found else ()
        return [_text(name) for name, bucket in each if bucket.within(chain_id.encode()) is not None]

    return read_bolt(root / DATABASE, read)


def _taken(top: Bucket, path: Path) -> dict[str, list[Record]]:
    spaces: dict[str, list[Record]] = {}
    versions, left = top.within(b"v1"), MAX_NAMES
    for key, namespace in versions.buckets() if versions else ():
        own = spaces.setdefault(_text(key), [])
        for record in _each(_text(key), namespace):
            own.append(record)
            left -= 1
            if left < 0:
                raise LimitExceeded(f"{str(path)!a} holds more than {MAX_NAMES} names of images")
    return spaces


def _each(own: str, namespace: Bucket) -> Iterator[Record]:
    """Yield the names of one namespace; what is no name of a digest is none."""
    images = namespace.within(b"images")
    for name, image in images.buckets() if images else ():
        target = image.within(b"target")
        digest = _text(dict(target.values()).get(b"digest", b"")) if target else ""
        if digest_in(digest) == digest and len(name) <= MAX_TEXT:
            yield Record(own, _text(name), digest)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
