"""Documents and layers by digest, wherever they are named by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import msgspec

from inspector.errors import LimitExceeded, Malformed, NoImage, Unsupported
from inspector.oci import LAYER_PREFIXES, Descriptor, Index, Manifest, check_digest, parse_manifest
from inspector.sources.assemble import MAX_LAYERS, Config, read_config
from inspector.sources.image import Layer
from inspector.sources.shown import shown
from inspector.sources.store import BlobStore, DocumentStore, missing

MAX_DOCUMENTS = 64 << 20
"""Bytes of documents that are read in following one index."""

Naming = Callable[[str, str], str]
"""From a digest's algorithm and hex to the name in the store."""


class Described(ABC):
    """What descriptors point at, verified. `manifest_name` and `blob_name` say where a store keeps each document."""

    def __init__(self, store: DocumentStore, manifest_name: Naming, blob_name: Naming) -> None:
        self.store = store
        self._manifest_name = manifest_name
        self._blob_name = blob_name
        self._left = MAX_DOCUMENTS

    @property
    def where(self) -> str:
        """The path or medium, as messages name it."""
        return self.store.where

    @property
    def bytes_read(self) -> int:
        """Return the bytes of the documents that were read so far."""
        return MAX_DOCUMENTS - self._left

    @abstractmethod
    def has_manifest(self, descriptor: Descriptor) -> bool:
        """Tell whether the index or manifest is there at all."""

    @abstractmethod
    def stored(self, descriptor: Descriptor) -> Layer:
        """Return a layer as it is stored. Raises `NotFound`, `Unsupported`, `Malformed`."""

    def manifest(self, descriptor: Descriptor) -> Index | Manifest:
        """Return the index or manifest, its size and digest checked. Raises `NotFound`, `Unsupported`, `Malformed`."""
        content = self._document(descriptor, _name(self._manifest_name, descriptor), "manifest")
        return parse_manifest(content, descriptor.media_type, f"{self.where}: manifest {descriptor.digest}")

    def config(self, manifest: Manifest) -> Config:
        """Return the config of an image manifest, its size and digest checked."""
        descriptor = manifest.config
        content = self._document(descriptor, _name(self._blob_name, descriptor), "config")
        return read_config(content, f"{self.where}: config {descriptor.digest}", None)

    def layers(self, manifest: Manifest) -> list[Layer]:
        """Return the layers from the base up.

        Raises `Unsupported` for what is no readable layer, `NotFound`, `Malformed`.
        """
        if len(manifest.layers) > MAX_LAYERS:
            raise LimitExceeded(f"{self.where}: an image of {len(manifest.layers)} layers; {MAX_LAYERS} are allowed")
        return [self._layer(descriptor) for descriptor in manifest.layers]

    def _layer(self, descriptor: Descriptor) -> Layer:
        self._refuse_unreadable(descriptor)
        return msgspec.structs.replace(self.stored(descriptor), digest=descriptor.digest)

    def _refuse_unreadable(self, descriptor: Descriptor) -> None:
        media_type = descriptor.media_type
        if media_type.endswith("+encrypted"):
            raise Unsupported(
                f"{self.where}: layer {descriptor.digest} is encrypted; decrypt the image to have it read"
            )
        if media_type and not media_type.startswith(LAYER_PREFIXES):
            raise NoImage(
                f"{self.where}: no image but an artifact: {descriptor.digest} is of type {media_type[:100]!a}, no layer"
            )

    def _document(self, descriptor: Descriptor, name: str, what: str) -> bytes:
        content = descriptor.embedded()
        if content is None:
            content = self.store.document(name)
            self.check_size(len(content), descriptor, what)
            check_digest(content, descriptor.digest, f"{self.where}: {what}")
        self._left -= len(content)
        if self._left < 0:
            raise LimitExceeded(f"{self.where}: its manifests have more than {MAX_DOCUMENTS} bytes together")
        return content

    def check_size(self, size: int, descriptor: Descriptor, what: str) -> None:
        """Refuse a blob of another size: it is cut or altered, which a layer that is not read through would hide."""
        if size != descriptor.size:
            raise Malformed(
                f"{self.where}: {what} {descriptor.digest} has {size} bytes where {descriptor.size} are stated; "
                "the copy is damaged or incomplete"
            )


class Contents(Described):
    """What descriptors point at in a store that holds everything by name."""

    def __init__(self, store: BlobStore, manifest_name: Naming, blob_name: Naming) -> None:
        super().__init__(store, manifest_name, blob_name)
        self._blobs = store

    def has_manifest(self, descriptor: Descriptor) -> bool:
        """See `Described.has_manifest`."""
        return bool(descriptor.data) or self._blobs.size(_name(self._manifest_name, descriptor)) is not None

    def stored(self, descriptor: Descriptor) -> Layer:
        """See `Described.stored`."""
        name = _name(self._blob_name, descriptor)
        size = self._blobs.size(name)
        if size is None:
            raise kept_elsewhere(self.where, descriptor) if descriptor.urls else missing(self.where, name)
        self.check_size(size, descriptor, "layer")
        return self._blobs.layer(name)


def kept_elsewhere(where: str, descriptor: Descriptor) -> Unsupported:
    """Return the error for a layer that only addresses in its descriptor lead to."""
    return Unsupported(
        f"{where}: layer {descriptor.digest} is kept at {shown((descriptor.urls or [''])[0])}, not here; "
        "addresses in images are not followed"
    )


def _name(naming: Naming, descriptor: Descriptor) -> str:
    algorithm, _, digits = descriptor.digest.partition(":")
    return naming(algorithm, digits)
