"""containerd's snapshotter `native`: each snapshot a whole file system, the layers below it copied in.

Nothing in it tells which layer a file is of, so that an image whose blobs are not kept is one layer of all its files.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from inspector.errors import Unsupported
from inspector.layers.blob import Meter, Scanned
from inspector.sources.assemble import Config, single_image
from inspector.sources.engine.snapshots import Snapshot, find_some
from inspector.sources.image import Image, Layer
from inspector.sources.rootfs.blob import RootDirectory

FOLDER = "io.containerd.snapshotter.v1.native"

_WARNING = (
    "the blobs of its layers are not kept, and the snapshotter native keeps all files together: which layer they are "
    "of can't be told"
)


class Whole(msgspec.Struct, frozen=True):
    """The snapshot of an image's top layer, which holds all its files, and the image's config."""

    snapshot: Snapshot
    config: Config

    def image(self) -> Image:
        """Return the image of one layer."""
        document = self.config.document
        layer = Layer(blob=_Snapshotted(self.snapshot), walked=True)
        return single_image("", "containerd", layer, document, document.platform, warnings=(_WARNING,))


class OnlyWhole(Unsupported):
    """Raised where layers are asked for and only the file system that they come to is there."""

    def __init__(self, whole: Whole) -> None:
        super().__init__(_WARNING)
        self.whole = whole


def find_whole(root: Path, namespace: str, top: str, config: Config) -> Whole | None:
    """Return the snapshot of the chain id `top`; None where there is none. Raises `AccessUnusable`, `Malformed`."""
    own = f"{namespace}/".encode()
    found = find_some(root / FOLDER / "metadata.db", [top], lambda key: key.startswith(own))
    return Whole(found[top], config) if top in found else None


class _Snapshotted(RootDirectory):
    """The directory of a snapshot, whose record containerd takes away before the files."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot.files.parent)
        self._snapshot = snapshot

    def read(self, meter: Meter) -> Scanned:
        """See `RootDirectory.read`. Raises `AccessUnusable` where containerd removed the snapshot meanwhile."""
        found = super().read(meter)
        _ = self._snapshot.stamp
        return found
