"""An image of containerd on disk: documents from its content store, layers from its snapshots or that store.

A node that discards the blobs of layers once they are unpacked has the snapshots alone; an image that was imported but
never unpacked has the blobs alone.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from inspector.errors import Malformed, NotFound, Unsupported
from inspector.oci import Descriptor, Manifest
from inspector.sources.access import AccessUnusable
from inspector.sources.assemble import MAX_LAYERS, Config
from inspector.sources.containerd.native import OnlyWhole, find_whole
from inspector.sources.containerd.records import Record, read_snapshotters
from inspector.sources.engine.content_store import ContentStore, unpacked
from inspector.sources.engine.disk import hidden_marks
from inspector.sources.engine.overlay2 import chain_ids
from inspector.sources.engine.snapshots import FOLDER, Snapshot, find_some
from inspector.sources.image import Layer

_READ = "overlayfs"


class NodeContents(ContentStore):
    """The content of one root folder of containerd, as the namespace of `record` sees it.

    Layers are taken where they are unpacked, if `walk`, each for itself; else from their blobs alone.
    """

    def __init__(self, root: Path, overlayfs: Path | None, record: Record, *, walk: bool = True) -> None:
        super().__init__(root)
        self._database = (overlayfs or root / FOLDER) / "metadata.db"
        self._record = record
        self._walk = walk

    @property
    def where(self) -> str:
        """See `Described.where`."""
        return f"containerd at {self._root}, namespace {self._record.namespace}: {self._record.name}"

    def layers(self, manifest: Manifest) -> list[Layer]:
        """See `Contents.layers`."""
        config = self.config(manifest)
        diff_ids = config.document.rootfs.diff_ids
        if not 0 < len(diff_ids) == len(manifest.layers) <= MAX_LAYERS:
            return super().layers(manifest)
        chains = list(chain_ids(diff_ids))
        found, why_not = self._snapshots(chains)
        layers = []
        for descriptor, diff_id, chain in zip(manifest.layers, diff_ids, chains, strict=True):
            if chain in found:
                layers.append(unpacked(self._blobs, descriptor, diff_id, found[chain]))
            elif self.size(descriptor.digest) is None and not descriptor.urls:
                self._refuse_if_whole(chains[-1], config)
                raise self._lost(descriptor, chain, why_not)
            else:
                layers.append(self._layer(descriptor))
        return layers

    def _snapshots(self, chains: list[str]) -> tuple[dict[str, Snapshot], str]:
        """Return the namespace's own snapshots, or none and why none can be read."""
        if not self._walk:
            return {}, ""
        own = f"{self._record.namespace}/".encode()
        try:
            if hidden := hidden_marks(self._database.parent):
                return {}, hidden
            return find_some(self._database, chains, lambda key: key.startswith(own)), ""
        except (AccessUnusable, Malformed) as error:
            return {}, str(error)

    def _refuse_if_whole(self, top: str, config: Config) -> None:
        """Raise `OnlyWhole` where the file system that all layers come to is kept."""
        with suppress(AccessUnusable, Malformed):
            whole = find_whole(self._root, self._record.namespace, top, config) if self._walk else None
            if whole is not None:
                raise OnlyWhole(whole)

    def _lost(self, descriptor: Descriptor, chain: str, why_not: str) -> Exception:
        """Return the error for a layer that is neither kept packed nor unpacked where it can be read."""
        missing = f"{self.where}: the blob of the layer {descriptor.digest} is not kept"
        if not self._walk:
            return AccessUnusable(missing)
        try:
            by = read_snapshotters(self._root, self._record.namespace, chain)
        except (AccessUnusable, Malformed):
            by = []
        others = [name for name in by if name != _READ]
        if others:
            return Unsupported(
                f"{missing}, and it is unpacked, or fetched file by file, by the snapshotter {others[0]}, of which "
                f"nothing is read; fetch the blob again, as in `ctr -n {self._record.namespace} content fetch "
                f"{self._record.name}`"
            )
        if by:
            return NotFound(f"{missing}, and where it is unpacked can't be read: {why_not or 'its snapshot is gone'}")
        return NotFound(f"{missing}, nor is it unpacked: pull the image again")
