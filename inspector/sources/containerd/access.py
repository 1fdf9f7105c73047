"""The access methods to an image of containerd that is unpacked: its snapshots, or the blobs that it was made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inspector.sources.access import AccessUnusable, Known

if TYPE_CHECKING:
    from inspector.layers.blob import Meter
    from inspector.sources.image import Image


class NodeAccess:
    """The access methods to an image that was opened already; `packed` opens it from its blobs alone."""

    def __init__(self, image: Image, packed: Callable[[], Image]) -> None:
        self._image = image
        self._packed = packed

    @property
    def engine(self) -> None:
        """See `Access.engine`."""
        return

    def told(self) -> Image:
        """See `Access.told`."""
        return self._image

    def at_hand(self) -> Image:
        """See `Access.at_hand`."""
        return self._image

    def storage(self) -> Image:
        """See `Access.storage`."""
        return self._image

    def container(self) -> None:
        """See `Access.container`. Raises `AccessUnusable`, always."""
        raise AccessUnusable("containerd is not asked for single files")

    def saved(self, *, known: Known, meter: Meter) -> Image:  # noqa: ARG002 - the signature of all access methods
        """See `Access.saved`: what would be saved is read where it lies. Raises `AccessUnusable` where blobs lack."""
        return self._packed()
