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
from inspector.registry.repository import Repository
from inspector.registry.settings import Settings, user_settings
from inspector.sources.image import Image, Layer
from inspector.sources.indexes import flatten
from inspector.sources.layout import open_found, open_manifest
from inspector.sources.platforms import Wanted, choose
from inspector.sources.registry.contents import Documents, Kept, RegistryContents, RegistryStore

SOURCE = "registry"


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

    def stores(self, name: ImageName) -> Iterator[RegistryStore]:
        """Say where the image may be had, best first.

        Raises `Unsupported` when offline, `Refused` where it is blocked.
        """
        if self._offline:
            raise Unsupported(f"{name}: lies in a registry, and nothing leaves the machine when offline")
        for repository in self.client.repositories(name):
            yield RegistryStore(repository, self.documents)

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


def open_named(name: ImageName, wanted: Wanted, registries: Registries) -> tuple[list[Image], str]:
    """Return the images from the first place that has them, and their manifest's digest.

    Else the registry's own refusal.
    """
    errors: list[InspectorError] = []
    for store in registries.stores(name):
        try:
            images, digest = _open(store, name, wanted)
        except InspectorError as error:
            errors.append(error)
        else:
            passed = [f"not had from a mirror: {error}" for error in errors]
            warned = (*registries.client.warnings, *registries.told(name), *passed)
            return [_with(image, warnings=(*warned, *image.warnings)) for image in images], digest
    raise errors[-1]


def _open(store: RegistryStore, name: ImageName, wanted: Wanted) -> tuple[list[Image], str]:
    document = store.top(name.target)
    contents = RegistryContents(store, sparse=wanted == "all")
    top = parse_manifest(document.content, document.media_type, f"{store.where}: {name.target}")
    if isinstance(top, Manifest):
        image = _with(open_manifest(contents, SOURCE, top), manifest_digest=document.digest)
        images = choose([(image.platform, image)], wanted, f"{store.where}: {name.target}")
    else:
        found = flatten(contents, top.manifests)
        if not found:
            raise NoImage(f"{store.where}: {name.target}: its index lists no image")
        images = open_found(contents, SOURCE, found, wanted)
    tags = () if name.digest else (str(name.tagged(name.target)),)
    return [_with(_packed(image), tags=tags) for image in images], document.digest


def tags_of(name: ImageName, registries: Registries, stack: ExitStack | None = None) -> Iterator[str]:
    """Return all tags by the registry itself: a mirror may have but some.

    Of long lists one is held until `stack` is left.
    """
    repository: Repository = list(registries.stores(name))[-1].repository
    return repository.tags(stack)


def _packed(image: Image) -> Image:
    """Return the image with it said of each layer whether it is packed: a plain one has one digest on both sides."""
    return _with(image, layers=tuple(_with_packing(layer) for layer in image.layers))


def _with_packing(layer: Layer) -> Layer:
    return msgspec.structs.replace(layer, compressed=layer.digest != layer.diff_id)


def _with(image: Image, **changes: object) -> Image:
    return msgspec.structs.replace(image, **changes)
