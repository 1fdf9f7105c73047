"""containerd's content store: every blob a file under its digest (containerd, `docs/content-flow.md`).

What Docker calls an image's id there is the digest of its manifest, or of the index above it: from that one name
all else follows. Layers that are unpacked beside the store are walked there, which is much faster than unpacking them
again; the blobs themselves do for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from inspector.errors import Malformed, NotFound, Unsupported
from inspector.oci import Descriptor, Manifest
from inspector.sources.access import AccessUnusable
from inspector.sources.assemble import MAX_LAYERS
from inspector.sources.contents import Contents
from inspector.sources.directory import Directory
from inspector.sources.engine.diff_directory import DiffDirectory
from inspector.sources.engine.disk import read_toml, refuse_hidden_marks, unusable
from inspector.sources.engine.overlay2 import chain_ids
from inspector.sources.engine.snapshots import FOLDER, Snapshot, find
from inspector.sources.image import Image, Layer
from inspector.sources.indexes import flatten
from inspector.sources.layout import open_found
from inspector.sources.platforms import Wanted
from inspector.sources.store import BlobStore

CONTENT = Path("io.containerd.content.v1.content", "blobs")
_CONFIG = Path("/etc/containerd/config.toml")
_DEFAULT = Path("/var/lib/containerd")

Found = TypeVar("Found")


def open_content_store(root: Path, target: str, wanted: Wanted = None) -> Image:
    """Open the image that `target`, a manifest or index, leads to in the store of the containerd at `root`.

    Raises `AccessUnusable` where the store can't be read or lacks a part, `PlatformMissing`, `DigestMismatch`.
    """
    contents = _Unpacked(root)
    size = contents.size(target)
    if size is None:
        raise AccessUnusable(f"{contents.where} does not hold {target}")
    try:
        found = flatten(contents, [Descriptor(target, size)])
        image, *others = open_found(contents, "docker", found, wanted)
    except (NotFound, Unsupported) as error:
        raise AccessUnusable(str(error)) from error
    if others:
        raise AccessUnusable(f"{target} leads to {1 + len(others)} images")
    return image


class ContentStore(Contents):
    """The content store of the containerd at `root`."""

    def __init__(self, root: Path) -> None:
        try:
            store = Directory(root / CONTENT)
        except OSError as error:
            raise unusable(root / CONTENT, error) from error
        super().__init__(store, blob_name, blob_name)
        self._root = root

    def size(self, digest: str) -> int | None:
        """Return the bytes of what has this digest; None where it is not there."""
        return self._blobs.size(blob_name(*digest.split(":", 1)))


class _Unpacked(ContentStore):
    """The content store, and its layers as they are unpacked for containers, where all of an image's are."""

    def layers(self, manifest: Manifest) -> list[Layer]:
        """See `Contents.layers`. Layers that are unpacked need not be in the store."""
        diff_ids = self.config(manifest).document.rootfs.diff_ids
        if not 0 < len(diff_ids) == len(manifest.layers) <= MAX_LAYERS:
            return super().layers(manifest)
        try:
            refuse_hidden_marks(self._root)
            found = find(self._root / FOLDER / "metadata.db", list(chain_ids(diff_ids)))
        except (AccessUnusable, Malformed):
            return super().layers(manifest)
        triples = zip(manifest.layers, diff_ids, found, strict=True)
        return [unpacked(self._blobs, *triple) for triple in triples]


def unpacked(store: BlobStore, descriptor: Descriptor, diff_id: str, snapshot: Snapshot) -> Layer:
    """Return a layer where it lies unpacked, with its blob, if the store has that too."""
    name = blob_name(*descriptor.digest.split(":", 1))
    kept = store.size(name) == descriptor.size
    packed = store.layer(name).blob if kept else None
    blob = DiffDirectory(snapshot.files, snapshot, inodes=snapshot.inodes, packed=packed)
    digest = descriptor.digest
    return Layer(blob=blob, digest=digest, stored_size=descriptor.size, compressed=digest != diff_id, walked=True)


def first_usable(engine_root: Path, read: Callable[[Path], Found]) -> Found:
    """Return what `read` makes of the first root that will do. Raises `AccessUnusable` with the reasons of all."""
    reasons = []
    for candidate in candidate_roots(engine_root):
        try:
            return read(candidate)
        except AccessUnusable as error:
            reasons.append(str(error))
    raise AccessUnusable("; ".join(reasons))


def candidate_roots(engine_root: Path, config: Path = _CONFIG) -> Sequence[Path]:
    """Say where an engine's containerd may keep its files: below the engine's own root, or where the system's does."""
    own = engine_root / "containerd" / "daemon"
    root = (read_toml(config) or {}).get("root")
    return (own, Path(root) if isinstance(root, str) and Path(root).is_absolute() else _DEFAULT)


def blob_name(algorithm: str, digits: str) -> str:
    """Return where the store keeps what has this digest."""
    return f"{algorithm}/{digits}"
