"""An image put by between plan and verdict: all that its manifest and its config say, in few bytes."""

from __future__ import annotations

import hashlib

import msgspec

from inspector.errors import Unsupported
from inspector.oci import ImageConfig, Platform
from inspector.pipeline.executor import Unit, blob_of
from inspector.sources.image import Image, Layer
from inspector.sources.registry.blob import RegistryBlob
from inspector.sources.registry.open import SOURCE, Registries


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An image of `repository` (with its host) as the registry describes it; `digest` is what its tags point at.

    `steps` are the build steps of its layers, where known.
    """

    repository: str
    digest: str
    image_id: str | None
    config: ImageConfig
    platform: Platform
    units: tuple[Unit, ...]
    steps: tuple[str | None, ...]
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> bytes:
        """Identify the image within its repository: by its config, and its layers as stored."""
        parts = [self.repository, self.image_id or "", *(unit.digest for unit in self.units)]
        return hashlib.sha256("\n".join(parts).encode()).digest()

    def image(self, name: str, registries: Registries) -> Image:
        """Make the image again, called `name`, its layers to be had where they were found."""
        return Image(
            reference=f"{SOURCE}:{name}",
            source=SOURCE,
            image_id=self.image_id,
            config=self.config,
            platform=self.platform,
            layers=tuple(_layer(*pair, registries) for pair in zip(self.units, self.steps, strict=True)),
            warnings=self.warnings,
        )


def pending_of(image: Image, repository: str, digest: str) -> Pending:
    """Put by an image that was opened."""
    return Pending(
        repository=repository,
        digest=digest,
        image_id=image.image_id,
        config=image.config,
        platform=image.platform,
        units=tuple(map(_unit, image.layers)),
        steps=tuple(layer.created_by for layer in image.layers),
        warnings=image.warnings,
    )


def _unit(layer: Layer) -> Unit:
    if not isinstance(layer.blob, RegistryBlob):
        raise Unsupported(f"layer {layer.digest}: lies in no registry")
    name = layer.blob.repository.name
    return Unit(host=name.host, repository=name.repository, descriptor=layer.blob.descriptor, diff_id=layer.diff_id)


def _layer(unit: Unit, step: str | None, registries: Registries) -> Layer:
    return Layer(
        diff_id=unit.diff_id,
        blob=blob_of(unit, registries),
        digest=unit.digest,
        stored_size=unit.size,
        compressed=unit.digest != unit.diff_id,
        created_by=step,
    )
