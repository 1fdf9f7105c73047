"""The root folder of a containerd: its two databases, its blobs and its unpacked layers, as it writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector.sources.containerd import native
from inspector.sources.containerd.records import DATABASE
from inspector.sources.engine.overlay2 import chain_ids
from inspector.sources.engine.snapshots import FOLDER
from inspector.testing.image import Image
from tests.sources.engine.boltfile import Content, database
from tests.sources.engine.test_content_store import BLOBS, put_image
from tests.sources.engine.unpacked import unpack

NAME = "docker.io/library/api:prod"


class Node:
    """What a test has put below `root` so far; `write` makes the databases of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._images: dict[str, dict[str, str]] = {}
        self._unpacked: dict[str, dict[str, list[str]]] = {}
        self._entries: dict[bytes, Content] = {}

    def name(self, name: str, target: str, namespace: str = "k8s.io") -> Node:
        """Give an image a name."""
        self._images.setdefault(namespace, {})[name] = target
        return self

    def put(self, image: Image, *names: str, namespace: str = "k8s.io") -> str:
        """Keep the blobs of an image, and give it names; its manifest's digest."""
        target = put_image(self.root, image)
        for name in names or (NAME,):
            self.name(name, target, namespace)
        return target

    def record(self, image: Image, snapshotter: str, namespace: str = "k8s.io") -> list[str]:
        """Note that a snapshotter has unpacked all layers; their chain ids."""
        chains = list(chain_ids([f"sha256:{digits}" for digits in image.diff_ids]))
        known = self._unpacked.setdefault(namespace, {}).setdefault(snapshotter, [])
        known += [chain for chain in chains if chain not in known]
        return chains

    def unpack(self, image: Image, namespace: str = "k8s.io") -> Node:
        """Unpack all layers, by overlayfs."""
        trees = [step.tree for step in image.steps if step.tree is not None]
        for chain, tree in zip(self.record(image, "overlayfs", namespace), trees, strict=True):
            number = len(self._entries) + 1
            files = unpack(tree, self.root / FOLDER / "snapshots" / str(number) / "fs")
            inodes = _varint(2 * (1 + sum(1 for _ in files.rglob("*"))))
            entry = {b"id": _varint(number), b"kind": b"\x03", b"createdat": b"t", b"inodes": inodes}
            self._entries[f"{namespace}/{number}/{chain}".encode()] = entry
        return self

    def copy_whole(self, image: Image, files: Mapping[str, bytes], namespace: str = "k8s.io") -> Node:
        """Unpack all layers by the snapshotter `native`: the topmost has all `files`."""
        top = self.record(image, "native", namespace)[-1]
        folder = self.root / native.FOLDER
        for path, content in files.items():
            (folder / "snapshots" / "7" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "snapshots" / "7" / path).write_bytes(content)
        entry = {b"id": b"\x07", b"kind": b"\x03", b"createdat": b"t"}
        database(folder / "metadata.db", {b"v1": {b"snapshots": {f"{namespace}/9/{top}".encode(): entry}}})
        return self

    def discard(self, image: Image) -> Node:
        """Remove the blobs of its layers."""
        for digits in image.diff_ids:
            (self.root / BLOBS / digits).unlink()
        return self

    def write(self) -> Path:
        """Write the databases; the root."""
        spaces = sorted({*self._images, *self._unpacked})
        content: Content = {b"v1": {b"version": b"\x06", **{each.encode(): self._space(each) for each in spaces}}}
        database(self.root / DATABASE, content)
        database(self.root / FOLDER / "metadata.db", {b"v1": {b"snapshots": self._entries, b"parents": {}}})
        return self.root

    def _space(self, namespace: str) -> Content:
        images = {name.encode(): _image(target) for name, target in self._images.get(namespace, {}).items()}
        unpacked = {name.encode(): _keys(chains) for name, chains in self._unpacked.get(namespace, {}).items()}
        return {b"labels": {}, b"images": images, b"snapshots": unpacked, b"leases": {}}


def _varint(number: int) -> bytes:
    """A number in base 128, lowest digits first."""
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def _image(target: str) -> Content:
    described: Content = {
        b"digest": target.encode(),
        b"mediatype": b"application/vnd.oci.image.manifest.v1+json",
        b"size": b"\x02",
    }
    return {b"createdat": b"t", b"labels": {}, b"target": described, b"updatedat": b"t"}


def _keys(chains: Sequence[str]) -> Mapping[bytes, Content]:
    return {chain.encode(): {b"name": f"k8s.io/1/{chain}".encode(), b"children": {}} for chain in chains}
