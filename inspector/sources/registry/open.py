"""From a name to the images that a registry has by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import msgspec

from inspector.errors import InspectorError, NoImage, Unsupported
from inspector.names import ImageName, parse_name
from inspector.oci import Manifest, parse_manifest
from inspector.reference import Reference
from inspector.registry.client import Client
from inspector.registry.repository import Document, Repository
from inspector.registry.settings import Settings, user_settings
from inspector.sources.image import Image
from inspector.sources.indexes import flatten
from inspector.sources.layout import open_found, open_manifest
from inspector.sources.platforms import Wanted, choose
from inspector.sources.registry.contents import Documents, Kept, RegistryContents, RegistryStore

SOURCE = "registry"
MAX_OPENED, MAX_OPENED_BYTES = 64, 32 << 10
"""Manifests whose images are remembered for the next tag that points at them, and the bytes of the largest."""
MAX_AHEAD_BYTES = 128 << 10
"""Bytes of an image's manifest and config up to which it is opened before its turn: many wait for theirs."""


class Registries:
    """The registries of one run: connections, tokens and documents, each had once; from any thread.

    `settings` are the user's where none are given; `kept` holds manifests and configs between runs; `gate` is called
    before each request.
    """

    is_remembered = False
    """Whether none is asked, and all is as it was when they were."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        kept: Kept | None = None,
        offline: bool = False,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        self._offline = offline
        self.gate = gate
        self.client = Client(user_settings() if settings is None else settings, gate=gate)
        self.documents = Documents(kept)
        self.opened: dict[object, list[Image]] = {}

    def stores(self, name: ImageName, *, waits: bool = True) -> Iterator[RegistryStore]:
        """Say where the image may be had, best first; for `waits` see `open_named`.

        Raises `Unsupported` when offline, `Refused` where it is blocked.
        """
        if self._offline:
            raise Unsupported(f"{name}: lies in a registry, and nothing leaves the machine when offline")
        for repository in self.client.repositories(name):
            yield RegistryStore(repository, self.documents, waits=waits)

    def told(self, name: ImageName) -> tuple[str, ...]:  # noqa: ARG002 - for those that are remembered
        """Say what is to be known of any answer on this image."""
        return ()

    def close(self) -> None:
        """Give all connections back; what waits for a registry gives up."""
        self.client.close()


def open_registry_images(reference: Reference, wanted: Wanted, registries: Registries) -> tuple[Image, ...]:
    """Open the images that `reference` names in a registry, of the platforms wanted; no layer is read yet.

    Raises `InvalidReference`, `NotFound`, `PlatformMissing`, `Denied`, `RateLimited`, `Refused`, `Unreachable`,
    `Malformed`, `Unsupported`.
    """
    images, _ = open_named(parse_name(reference.name), wanted, registries)
    return tuple(_with(image, reference=reference.text) for image in images)


def open_named(
    name: ImageName, wanted: Wanted, registries: Registries, *, waits: bool = True
) -> tuple[list[Image], str]:
    """Return the images from the first place that has them, and their manifest's digest.

    Else the registry's own refusal. Unless it `waits`, raises `PutOff` where another thread fetches a document of
    them, or theirs are large; asked again, it goes on from there.
    """
    errors: list[InspectorError] = []
    for store in registries.stores(name, waits=waits):
        try:
            with store.opening:
                images, digest = _open(store, name, wanted, registries.opened, waits=waits)
        except InspectorError as error:
            errors.append(error)
        else:
            passed = [f"not had from a mirror: {error}" for error in errors]
            warned = (*registries.client.warnings, *registries.told(name), *passed)
            return [_with(image, warnings=(*warned, *image.warnings)) for image in images], digest
    raise errors[-1]


def _open(
    store: RegistryStore, name: ImageName, wanted: Wanted, opened: dict[object, list[Image]], *, waits: bool
) -> tuple[list[Image], str]:
    document = store.top(name.target)
    key = (store.where, document.digest, document.media_type, wanted)
    images = opened.get(key)
    if images is None:
        contents = RegistryContents(store, sparse=wanted == "all")
        images = [_packed(image) for image in _chosen(contents, document, name.target, wanted)]
        size = len(document.content) + contents.bytes_read
        if size > MAX_AHEAD_BYTES and not waits:
            raise store.put_off()
        if size <= MAX_OPENED_BYTES:
            opened[key] = images
            while len(opened) > MAX_OPENED:
                opened.pop(next(iter(opened)), None)
    tags = () if name.digest else (str(name.tagged(name.target)),)
    return [_with(image, tags=tags) for image in images], document.digest


def _chosen(contents: RegistryContents, document: Document, target: str, wanted: Wanted) -> list[Image]:
    top = parse_manifest(document.content, document.media_type, f"{contents.where}: {target}")
    if isinstance(top, Manifest):
        image = _with(open_manifest(contents, SOURCE, top), manifest_digest=document.digest)
        return choose([(image.platform, image)], wanted, f"{contents.where}: {target}")
    found = flatten(contents, top.manifests)
    if not found:
        raise NoImage(f"{contents.where}: {target}: its index lists no image")
    return open_found(contents, SOURCE, found, wanted)


def tags_of(name: ImageName, registries: Registries, stack: ExitStack | None = None) -> Iterator[str]:
    """Return all tags by the registry itself: a mirror may have but some.

    Of long lists one is held until `stack` is left.
    """
    repository: Repository = list(registries.stores(name))[-1].repository
    return repository.tags(stack)


def _packed(image: Image) -> Image:
    """Return the image with it said of each layer whether it is packed: a plain one has one digest on both sides."""
    replace = msgspec.structs.replace
    return _with(image, layers=tuple(replace(each, compressed=each.digest != each.diff_id) for each in image.layers))


def _with(image: Image, **changes: object) -> Image:
    return msgspec.structs.replace(image, **changes)
