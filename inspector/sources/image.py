"""An image, whatever medium holds it: config, layers and where their bytes are."""

from __future__ import annotations

import msgspec

from inspector.layers.blob import LayerBlob
from inspector.oci import ImageConfig, Platform


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
    """One image of one platform. `image_id` is the digest of the config; `tags` are the medium's names for it."""

    reference: str
    source: str
    image_id: str
    config: ImageConfig
    platform: Platform
    layers: tuple[Layer, ...]
    tags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
