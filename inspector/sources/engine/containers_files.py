"""The files of containers-storage below one root (github.com/containers/storage, `images.go`, `layers.go`).

overlay-images/images.json            id, names, digest and top layer of every image
overlay-images/ID/NAME                its manifest and config; NAME is encoded
overlay-containers/containers.json    id, names, image and own layer of every container
overlay-containers/ID/NAME            what its maker keeps of it; Buildah, `buildah.json`
overlay-layers/layers.json            id, parent and diff_id of every layer
overlay-layers/volatile-layers.json   those that need not outlive a crash, in the same form
overlay/ID/diff                       a layer's files; `link` names its entry in overlay/l
"""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import TypeVar

import msgspec

from inspector.oci import parse
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord, kept
from inspector.sources.engine.disk import read_document, stamp
from inspector.sources.shown import shown

DRIVER = "overlay"
MAX_LIST = 64 << 20
"""Bytes of images.json or layers.json; a layer takes some 500."""

_MAX_LINK = 1 << 8
_TRIES = 5
_ID = re.compile(r"[0-9a-f]{64}")
_LINK = re.compile(r"[0-9A-Z]{1,64}")
_PLAIN = re.compile(r"[a-z0-9.]*")
_COMPOSEFS = ("composefs-data", "composefs.blob")


class ImageRecord(msgspec.Struct, frozen=True, rename="kebab"):
    """An image: its id in hex, the digest of its manifest, its names in full, and its top layer."""

    id: str
    digest: str = ""
    names: list[str] | None = None
    layer: str = ""


class LayerRecord(msgspec.Struct, frozen=True, rename="kebab"):
    """A layer: its own id, which is no digest, the layer below it, and its diff_id where that is known."""

    id: str
    parent: str = ""
    diff_digest: str = ""
    flags: dict[str, msgspec.Raw] | None = None


class ContainerRecord(msgspec.Struct, frozen=True, rename="kebab"):
    """A container: its id in hex, its names, the id of its image, and the layer of its own."""

    id: str
    names: list[str] | None = None
    image: str = ""
    layer: str = ""


class Folder:
    """The images and layers that are recorded below `root`. Raises `AccessUnusable` where they can't be read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.images: list[ImageRecord] = []
        self.layers: dict[str, LayerRecord] = {}
        self._read()

    def _read(self) -> None:
        """Read both lists as they were at one moment: writers put new files in their places, one after the other."""
        images, layers = self.root / f"{DRIVER}-images", self.root / f"{DRIVER}-layers"
        for _ in range(_TRIES):
            before = [stamp(images), stamp(layers)]
            self.images = _records(images / "images.json", ImageRecord)
            found = _records(layers / "layers.json", LayerRecord) + _records(
                layers / "volatile-layers.json", LayerRecord
            )
            if before == [stamp(images), stamp(layers)]:
                self.layers = {layer.id: layer for layer in found}
                return
        raise AccessUnusable(f"{str(self.root)!a} is being changed all the time")

    def has_layer(self, layer_id: str) -> bool:
        """Tell whether the layer is recorded here, and whole. Raises `AccessUnusable` while it is made or removed."""
        record = self.layers.get(layer_id)
        if record is not None and "incomplete" in (record.flags or {}):
            raise AccessUnusable(f"{str(self.root)!a}: the layer {shown(layer_id)} is being made or removed")
        return record is not None

    def big_data(self, image_id: str, key: str) -> bytes:
        """Return a document of an image, by its key."""
        name = key if _PLAIN.fullmatch(key) else "=" + base64.b64encode(key.encode()).decode()
        return read_document(self.root / f"{DRIVER}-images" / _checked_id(image_id) / name)

    def containers(self) -> list[ContainerRecord]:
        """Return the containers, those too that need not outlive a crash."""
        folder = self.root / f"{DRIVER}-containers"
        return [
            record
            for name in ("containers.json", "volatile-containers.json")
            for record in _records(folder / name, ContainerRecord)
        ]

    def of_container(self, container_id: str, name: str) -> bytes | None:
        """Return a document of a container; None where there is none of that name."""
        path = self.root / f"{DRIVER}-containers" / _checked_id(container_id) / name
        return read_document(path) if os.path.lexists(path) else None

    def files(self, layer_id: str) -> Path:
        """Return the directory of a layer that a container writes to."""
        return self.root / DRIVER / _checked_id(layer_id) / "diff"

    def blob(self, layer_id: str) -> DiffDirectory:
        """Return a layer's directory. Its entry in `l` goes before it, whenever it is deleted."""
        folder = self.root / DRIVER / _checked_id(layer_id)
        for name in _COMPOSEFS:
            if os.path.lexists(folder / name):
                raise AccessUnusable(f"{str(folder)!a} keeps its files in composefs")
        link = read_document(folder / "link", _MAX_LINK).decode("ascii", "replace").strip()
        if not _LINK.fullmatch(link):
            raise AccessUnusable(f"{str(folder / 'link')!a} names no layer")
        split = kept(self.root / f"{DRIVER}-layers" / f"{layer_id}.tar-split.gz")
        return DiffDirectory(folder / "diff", FileRecord(self.root / DRIVER / "l" / link), split_file=split)


Record = TypeVar("Record")


def _records(path: Path, kind: type[Record]) -> list[Record]:
    """Return a list of records; empty where there is no such file."""
    if not os.path.lexists(path):
        return []
    return parse(read_document(path, MAX_LIST), list[kind], ascii(str(path)), MAX_LIST)  # type: ignore[valid-type]


def _checked_id(text: str) -> str:
    """Return `text`, which is to name a folder."""
    if not _ID.fullmatch(text):
        raise AccessUnusable(f"the store names a folder by {shown(text)}, which is no id")
    return text
