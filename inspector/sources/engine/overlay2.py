"""Docker's overlay2: layers in directories, found through the chain of their digests (moby, `layer/filestore.go`).

    image/overlay2/imagedb/content/sha256/HEX     a config, under its own digest
    image/overlay2/layerdb/sha256/CHAIN/diff      the diff_id of the layer with this chain id
                                        cache-id  its directory: overlay2/CACHE-ID/diff
                                        size      the bytes of its files
                                        parent    the chain id of the layer below, but of the lowest
                                        tar-split.json.gz   what else its tar holds
    image/overlay2/layerdb/mounts/CONTAINER/parent    the chain id of its image's layers
                                           /mount-id  the directory of its own files: overlay2/MOUNT-ID/diff

Only digests lead here, so the paths that an engine tells are not needed, and an engine elsewhere that happens to
name the same root leads to the same content or to none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inspector.oci import digest_of
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord, kept
from inspector.sources.engine.disk import hidden_marks, read_document, refuse_hidden_marks

if TYPE_CHECKING:
    from inspector.sources.image import Image

DRIVER = "overlay2"
SPLIT = "tar-split.json.gz"
_LINE = 1 << 10
_MAX_CHAIN = 1000
_CACHE_ID = r"[0-9A-Za-z]{1,128}"
_CHAIN = r"sha256:[0-9a-f]{64}"


class _Graph(msgspec.Struct, frozen=True):
    """The files of the driver below the engine's root; `blind` as `DiffDirectory` has it."""

    root: Path
    blind: str

    @property
    def where(self) -> str:
        """As messages name it."""
        return str(self.root)

    def config(self, image_id: str) -> bytes:
        return read_document(self.root / "image" / DRIVER / "imagedb" / "content" / _folders(image_id))

    @property
    def layers(self) -> Path:
        """The records of all layers."""
        return self.root / "image" / DRIVER / "layerdb"

    def diff_ids(self, chain_id: str) -> list[str]:
        """Return the diff_ids of a layer and of all below it, base first, as the records chain them."""
        found: list[str] = []
        while chain_id:
            record = self.layers / _folders(chain_id)
            if not re.fullmatch(_CHAIN, chain_id) or len(found) >= _MAX_CHAIN:
                raise AccessUnusable(f"{str(self.layers)!a} chains no layers of an image")
            found.append(_line(record / "diff"))
            chain_id = _line(record / "parent") if os.path.lexists(record / "parent") else ""
        return found[::-1]

    def layer(self, diff_id: str, chain_id: str) -> DiffDirectory:
        record = self.layers / _folders(chain_id)
        if _line(record / "diff") != diff_id:
            raise AccessUnusable(f"{str(record)!a} is of another layer than {diff_id}")
        cache_id, size = _line(record / "cache-id"), _line(record / "size")
        if not re.fullmatch(_CACHE_ID, cache_id) or not size.isdecimal():
            raise AccessUnusable(f"{str(record)!a}: invalid cache-id or size")
        files = self.root / DRIVER / cache_id / "diff"
        split = kept(record / SPLIT)
        if self.blind and split is None:
            raise AccessUnusable(self.blind)
        return DiffDirectory(files, FileRecord(record / "cache-id"), int(size), split_file=split, blind=self.blind)


def open_overlay2(root: Path, image_id: str, diff_ids: Sequence[str], *, tags: Sequence[str] = ()) -> Image:
    """Return the image whose config hashes to `image_id`, from the engine's files below `root`.

    Raises `AccessUnusable` where they can't be read or don't hold it, `DigestMismatch`, `Malformed`.
    """
    from inspector.sources.assemble import MAX_LAYERS, check_counts, make_image, read_config
    from inspector.sources.image import Layer

    graph = _Graph(root, hidden_marks(root / DRIVER))
    config = read_config(graph.config(image_id), f"{root}: config {image_id}", image_id)
    stated = config.document.rootfs.diff_ids
    if stated != list(diff_ids):
        raise AccessUnusable(f"the engine lists other layers than the config {image_id} below {str(root)!a}")
    check_counts(min(len(stated), MAX_LAYERS + 1), config, str(root))
    layers = [Layer(blob=blob, walked=True) for blob in overlay2_places(root, stated)]
    return make_image(graph, "docker", config, layers, tags=tags)


def overlay2_places(root: Path, diff_ids: Sequence[str]) -> list[DiffDirectory]:
    """Return the directories of these layers. Raises as `open_overlay2`."""
    graph = _Graph(root, hidden_marks(root / DRIVER))
    return [graph.layer(*pair) for pair in zip(diff_ids, chain_ids(diff_ids), strict=True)]


def overlay2_container(root: Path, container_id: str) -> tuple[list[str], Path]:
    """Return the diff_ids of the layers below a container, base first, and the directory of its own files.

    The image itself may be gone: its layers stay for as long as the container does. Raises `AccessUnusable`.
    """
    graph = _Graph(root, "")
    refuse_hidden_marks(root / DRIVER)
    record = graph.layers / "mounts" / container_id
    mount = _line(record / "mount-id")
    if not re.fullmatch(_CACHE_ID, container_id) or not re.fullmatch(_CACHE_ID, mount):
        raise AccessUnusable(f"{str(record)!a}: invalid mount-id")
    return graph.diff_ids(_line(record / "parent")), root / DRIVER / mount / "diff"


def chain_ids(diff_ids: Sequence[str]) -> Iterator[str]:
    """Yield the id of each layer together with all below it (OCI image specification, config.md, "Layer ChainID")."""
    chain = ""
    for diff_id in diff_ids:
        chain = digest_of(f"{chain} {diff_id}".encode()) if chain else diff_id
        yield chain


def _folders(digest: str) -> str:
    return digest.replace(":", "/", 1)


def _line(path: Path) -> str:
    return read_document(path, _LINE).decode("utf-8", "replace").strip()
