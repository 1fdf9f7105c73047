"""An image, whatever medium holds it: config, layers and where their bytes are."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from inspector.layers.blob import LayerBlob, Meter
from inspector.oci import ImageConfig, Platform
from inspector.sources.lanes import Glimpse, Known


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer. `digest` and `stored_size` (bytes) are those of the blob as stored.

    `compressed` says whether that is packed; `created_by` is the build step, where the config's history tells.
    """

    diff_id: str
    blob: LayerBlob
    digest: str | None
    stored_size: int
    compressed: bool
    created_by: str | None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image of one platform. `image_id` is the digest of the config; `tags` are the medium's names for it.

    An engine's image has `lanes`: as it stands, it holds what the engine tells of it, and its layers are `Unread`;
    `image_id` is None where the engine doesn't tell the config's digest. `size` is what the engine states, in bytes
    of all files unpacked.
    """

    reference: str
    source: str
    image_id: str | None
    config: ImageConfig
    platform: Platform
    layers: tuple[Layer, ...]
    tags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    lanes: Lanes | None = None
    size: int | None = None


class Lanes(Protocol):
    """What an engine's image can be read by. Every method raises `LaneUnusable` where the lane can't be taken."""

    def storage(self) -> Image:
        """The image with its layers where the engine itself keeps them."""

    def container(self) -> AbstractContextManager[Glimpse]:
        """The files of a container that is created, never started, and removed on leaving."""

    def saved(self, *, known: Known, meter: Meter) -> Image:
        """The image with its layers read from the archive that the engine streams; those `known` are passed over."""
