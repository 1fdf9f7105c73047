"""From an index to the images in it: nested indexes flattened, attestations and other artifacts set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from inspector.errors import LimitExceeded, Unsupported
from inspector.oci import (
    CONFIG_TYPES,
    INDEX_TYPES,
    MANIFEST_TYPES,
    SCHEMA1_TYPES,
    Descriptor,
    Index,
    Manifest,
    Platform,
)
from inspector.sources.assemble import MAX_IMAGES
from inspector.sources.contents import Described

MAX_DEPTH = 8
"""Indexes within indexes; engines write three at most."""
MAX_FOLLOWED = 2 * MAX_IMAGES
"""Entries of all these that are looked at for one name: each may be a request, and an index lists thousands."""


class Found(msgspec.Struct, frozen=True):
    """An image manifest that an index leads to. `within` are the digests of the indexes on the way."""

    descriptor: Descriptor
    platform: Platform
    within: tuple[str, ...]
    present: bool


def flatten(contents: Described, descriptors: Iterable[Descriptor]) -> list[Found]:
    """The images that `descriptors` lead to, in order, each once.

    In a nested index the first of a platform counts (image-index.md); a manifest that is absent is
    listed too if its platform is known. Raises `LimitExceeded`, `NotFound`, `Malformed`.
    """
    walk = _Walk(contents)
    found = [one for descriptor in descriptors for one in walk.follow(descriptor, ())]
    if len(found) > MAX_IMAGES:
        raise LimitExceeded(f"{contents.where}: lists {len(found)} images; {MAX_IMAGES} are allowed")
    return found


def may_be_image(descriptor: Descriptor) -> bool:
    """Whether this is, by its descriptor, an image or an index of images; unknown types are passed over."""
    known = INDEX_TYPES | MANIFEST_TYPES | SCHEMA1_TYPES | {""}
    if descriptor.media_type not in known or "vnd.docker.reference.type" in (descriptor.annotations or {}):
        return False
    if descriptor.artifact_type and descriptor.artifact_type not in CONFIG_TYPES:
        return False
    platform = descriptor.platform
    return platform is None or "unknown" not in (platform.os, platform.architecture)


class _Walk:
    def __init__(self, contents: Described) -> None:
        self._contents = contents
        self._seen: set[str] = set()

    def follow(self, descriptor: Descriptor, within: tuple[str, ...]) -> Iterator[Found]:
        if not may_be_image(descriptor) or descriptor.digest in self._seen:
            return
        self._seen.add(descriptor.digest)
        if len(self._seen) > MAX_FOLLOWED:
            raise LimitExceeded(f"{self._contents.where}: indexes of more than {MAX_FOLLOWED} entries")
        platform = descriptor.platform
        if descriptor.media_type in MANIFEST_TYPES and platform is not None and platform.os and platform.architecture:
            yield Found(descriptor, platform.normal(), within, self._contents.has_manifest(descriptor))
            return
        document = self._contents.manifest(descriptor)
        if isinstance(document, Manifest):
            yield Found(descriptor, self._contents.config(document).document.platform, within, present=True)
            return
        yield from self._nested(document, (*within, descriptor.digest))

    def _nested(self, index: Index, within: tuple[str, ...]) -> Iterator[Found]:
        if len(within) > MAX_DEPTH:
            raise LimitExceeded(f"{self._contents.where}: indexes nested more than {MAX_DEPTH} deep")
        platforms: set[str] = set()
        for descriptor in index.manifests:
            for one in self._images(descriptor, within):
                if str(one.platform) not in platforms:
                    platforms.add(str(one.platform))
                    yield one

    def _images(self, descriptor: Descriptor, within: tuple[str, ...]) -> list[Found]:
        """What one entry of an index leads to: nothing if it turns out to be an artifact beside the images."""
        try:
            return list(self.follow(descriptor, within))
        except Unsupported:
            if descriptor.media_type in SCHEMA1_TYPES:
                raise
            return []
