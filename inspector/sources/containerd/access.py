"""The access methods to an image of containerd that is unpacked: its snapshots, or the blobs that it was made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector.sources.engine.access import StoredAccess

if TYPE_CHECKING:
    from inspector.layers.blob import Meter
    from inspector.sources.access import Known
    from inspector.sources.image import Image


class NodeAccess(StoredAccess):
    """The access methods to an image that was opened already; `packed` opens it from its blobs alone."""

    def __init__(self, image: Image, packed: Callable[[], Image]) -> None:
        super().__init__(image, "containerd is not asked for single files")
        self._packed = packed

    def saved(self, *, known: Known, meter: Meter) -> Image:  # noqa: ARG002 - the signature of all access methods
        """See `Access.saved`: what would be saved is read where it lies. Raises `AccessUnusable` where blobs lack."""
        return self._packed()
