"""An image put by between plan and judgement: all that its manifest and its config say, in few bytes."""

from __future__ import annotations

import hashlib
import zlib

import msgspec

from inspector.errors import Unsupported
from inspector.oci import ImageConfig, Platform
from inspector.pipeline.executor import Unit, blob_of
from inspector.sources.image import Image, Layer
from inspector.sources.registry.blob import RegistryBlob
from inspector.sources.registry.open import SOURCE, Registries

_LEVEL = 1


class PendingLayer(msgspec.Struct, frozen=True):
    """A layer without its bytes."""

    unit: Unit
    compressed: bool
    created_by: str | None


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An image of `repository` (with its host) as the registry describes it; `digest` is what its tags point at."""

    repository: str
    digest: str
    image_id: str | None
    config: ImageConfig
    platform: Platform
    layers: tuple[PendingLayer, ...]
    warnings: tuple[str, ...]

    @property
    def key(self) -> bytes:
        """What makes it the same image in the same repository: its config, and its layers as stored."""
        parts = [self.repository, self.image_id or "", *(layer.unit.digest for layer in self.layers)]
        return hashlib.sha256("\n".join(parts).encode()).digest()

    def image(self, name: str, registries: Registries) -> Image:
        """The image again, called `name`, its layers to be had where they were found."""
        return Image(
            reference=f"{SOURCE}:{name}",
            source=SOURCE,
            image_id=self.image_id,
            config=self.config,
            platform=self.platform,
            layers=tuple(_layer(layer, registries) for layer in self.layers),
            warnings=self.warnings,
        )


_DECODER = msgspec.msgpack.Decoder(Pending)


def pending_of(image: Image, repository: str, digest: str) -> Pending:
    """What is to be remembered of an image that was opened."""
    return Pending(
        repository=repository,
        digest=digest,
        image_id=image.image_id,
        config=image.config,
        platform=image.platform,
        layers=tuple(map(_pending_layer, image.layers)),
        warnings=image.warnings,
    )


def pack(pending: Pending) -> bytes:
    """The pending image in bytes."""
    return zlib.compress(msgspec.msgpack.encode(pending), _LEVEL)


def unpack(content: bytes) -> Pending:
    """The pending image that `pack` made bytes of."""
    return _DECODER.decode(zlib.decompress(content))


def _pending_layer(layer: Layer) -> PendingLayer:
    blob = layer.blob
    if not isinstance(blob, RegistryBlob):
        raise Unsupported(f"layer {layer.digest}: lies in no registry")
    place = blob.repository.name
    unit = Unit(host=place.host, repository=place.repository, descriptor=blob.descriptor, diff_id=layer.diff_id)
    return PendingLayer(unit, layer.compressed, layer.created_by)


def _layer(layer: PendingLayer, registries: Registries) -> Layer:
    return Layer(
        diff_id=layer.unit.diff_id,
        blob=blob_of(layer.unit, registries),
        digest=layer.unit.digest,
        stored_size=layer.unit.size,
        compressed=layer.compressed,
        created_by=layer.created_by,
    )
