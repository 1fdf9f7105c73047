"""Docker's overlay2: layers in directories, found through the chain of their digests (moby, `layer/filestore.go`).

    image/overlay2/imagedb/content/sha256/HEX     a config, under its own digest
    image/overlay2/layerdb/sha256/CHAIN/diff      the diff_id of the layer with this chain id
                                        cache-id  its directory: overlay2/CACHE-ID/diff
                                        size      the bytes of its files
                                        tar-split.json.gz   what else its tar holds

Only digests lead here, so the paths that an engine tells are not needed, and an engine elsewhere that happens to
name the same root leads to the same content or to none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inspector.oci import digest_of
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord, kept
from inspector.sources.engine.disk import hidden_marks, read_document

if TYPE_CHECKING:
    from inspector.sources.image import Image

DRIVER = "overlay2"
SPLIT = "tar-split.json.gz"
_LINE = 1 << 10
_CACHE_ID = re.compile(r"[0-9A-Za-z]{1,128}")


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

    def layer(self, diff_id: str, chain_id: str) -> DiffDirectory:
        record = self.root / "image" / DRIVER / "layerdb" / _folders(chain_id)
        if _line(record / "diff") != diff_id:
            raise AccessUnusable(f"{str(record)!a} is of another layer than {diff_id}")
        cache_id, size = _line(record / "cache-id"), _line(record / "size")
        if not _CACHE_ID.fullmatch(cache_id) or not size.isdecimal():
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
    from inspector.sources.assemble import MAX_LAYERS, Placed, check_counts, make_image, read_config
    from inspector.sources.store import Stored

    graph = _Graph(root, hidden_marks(root / DRIVER))
    config = read_config(graph.config(image_id), f"{root}: config {image_id}", image_id)
    stated = config.document.rootfs.diff_ids
    if stated != list(diff_ids):
        raise AccessUnusable(f"the engine lists other layers than the config {image_id} below {str(root)!a}")
    check_counts(min(len(stated), MAX_LAYERS + 1), config, str(root))
    blobs = overlay2_places(root, stated)
    placed = [Placed(Stored(blob, 0, compressed=False, walked=True), None) for blob in blobs]
    return make_image(graph, "docker", config, placed, tags=tags)


def overlay2_places(root: Path, diff_ids: Sequence[str]) -> list[DiffDirectory]:
    """Return the directories of these layers. Raises as `open_overlay2`."""
    graph = _Graph(root, hidden_marks(root / DRIVER))
    return [graph.layer(*pair) for pair in zip(diff_ids, chain_ids(diff_ids), strict=True)]


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
