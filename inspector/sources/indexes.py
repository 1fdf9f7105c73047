"""From an index to the images in it: nested indexes flattened, attestations and other artifacts set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from inspector import oci
from inspector.errors import InspectorError, LimitExceeded, NotFound, Unsupported
from inspector.sources.assemble import MAX_IMAGES
from inspector.sources.contents import Described
from inspector.sources.platforms import same

MAX_DEPTH = 8
"""Indexes within indexes; engines write three at most."""
MAX_FOLLOWED = 2 * MAX_IMAGES
"""Entries of all these that are looked at for one name: each may be a request, and an index lists thousands."""


class Found(msgspec.Struct, frozen=True):
    """An image manifest that an index leads to. `within` are the digests of the indexes on the way."""

    descriptor: oci.Descriptor
    platform: oci.Platform
    within: tuple[str, ...]
    present: bool


def flatten(contents: Described, descriptors: Iterable[oci.Descriptor]) -> list[Found]:
    """Return the images that `descriptors` lead to, in order, each once.

    In a nested index the first of a platform counts (image-index.md); a manifest that is absent is
    listed too if its platform is known. Raises `LimitExceeded`, `NotFound`, `Malformed`.
    """
    found = list(_Walk(contents).each(descriptors, ()))
    if len(found) > MAX_IMAGES:
        raise LimitExceeded(f"{contents.where}: lists {len(found)} images; {MAX_IMAGES} are allowed")
    return found


def may_be_image(descriptor: oci.Descriptor) -> bool:
    """Tell whether this may be, by its descriptor, an image or an index of images; unknown types are passed over.

    A mark of an artifact counts for nothing: engines choose by platform, and then take what the manifest says.
    """
    known = oci.INDEX_TYPES | oci.MANIFEST_TYPES | oci.SCHEMA1_TYPES | {""}
    platform = descriptor.platform
    return descriptor.media_type in known and (
        platform is None or "unknown" not in (platform.os.lower(), platform.architecture.lower())
    )


def _is_marked(descriptor: oci.Descriptor) -> bool:
    """Tell whether this is said to be an artifact, such as an attestation of an image beside it."""
    other_type = descriptor.artifact_type and descriptor.artifact_type not in oci.CONFIG_TYPES
    return bool(other_type) or "vnd.docker.reference.type" in (descriptor.annotations or {})


def _stated(descriptor: oci.Descriptor) -> oci.Platform | None:
    """Return the platform by which engines choose this one.

    Without an architecture none does, without a system Linux does.
    """
    platform = descriptor.platform
    if platform is None or not platform.architecture:
        return None
    return msgspec.structs.replace(platform, os=platform.os or "linux").normal()


class _Walk:
    def __init__(self, contents: Described) -> None:
        self._contents = contents
        self._seen: set[str] = set()

    def follow(self, descriptor: oci.Descriptor, within: tuple[str, ...]) -> Iterator[Found]:
        if not may_be_image(descriptor) or descriptor.digest in self._seen:
            return
        self._seen.add(descriptor.digest)
        if len(self._seen) > MAX_FOLLOWED:
            raise LimitExceeded(f"{self._contents.where}: indexes of more than {MAX_FOLLOWED} entries")
        platform = _stated(descriptor)
        if platform is not None and descriptor.media_type in oci.MANIFEST_TYPES:
            yield Found(descriptor, platform, within, self._contents.has_manifest(descriptor))
            return
        document = self._contents.manifest(descriptor)
        if isinstance(document, oci.Manifest):
            own = self._contents.config(document).document.platform
            if not (_is_marked(descriptor) and "unknown" in (own.os, own.architecture)):
                yield Found(descriptor, own, within, present=True)
            return
        for one in self._nested(document, (*within, descriptor.digest)):
            if platform is None or not within or same(one.platform, platform):
                yield one

    def _nested(self, index: oci.Index, within: tuple[str, ...]) -> Iterator[Found]:
        if len(within) > MAX_DEPTH:
            raise LimitExceeded(f"{self._contents.where}: indexes nested more than {MAX_DEPTH} deep")
        platforms: set[str] = set()
        ordered = sorted(index.manifests, key=lambda one: _stated(one) is None)  # as containerd sorts them
        for one in self.each(ordered, within):
            if str(one.platform) not in platforms:
                platforms.add(str(one.platform))
                yield one

    def each(self, descriptors: Iterable[oci.Descriptor], within: tuple[str, ...]) -> Iterator[Found]:
        """Yield what each entry of an index leads to: nothing if it turns out to be an artifact beside the images.

        Raises `Unsupported` where it stands first of those without a platform, since engines take that one.
        """
        passed: Unsupported | None = None
        for descriptor in descriptors:
            try:
                found = list(self.follow(descriptor, within))
            except (Unsupported, NotFound) as error:
                if not _may_be_passed_over(descriptor, error, nested=bool(within)):
                    raise
                if passed is None and isinstance(error, Unsupported) and _stated(descriptor) is None:
                    passed = error
                continue
            if passed is not None and found and _stated(descriptor) is None:
                raise Unsupported(f"{passed}; it stands before images, and engines take the first without a platform")
            yield from found


def _may_be_passed_over(descriptor: oci.Descriptor, error: InspectorError, *, nested: bool) -> bool:
    if descriptor.media_type in oci.SCHEMA1_TYPES:
        return False
    return _is_marked(descriptor) or (nested and isinstance(error, Unsupported))
