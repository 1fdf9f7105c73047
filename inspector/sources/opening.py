"""From a reference to images: which path is meant, what lies there, and who reads it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from inspector import log
from inspector.errors import InspectorError, NotFound, Unreachable, UsageError
from inspector.names import states_host
from inspector.reference import STDIN, Place, Reference, Scheme
from inspector.sources.media import Media

if TYPE_CHECKING:
    from inspector.layers.blob import Meter
    from inspector.sources.files import Telling
    from inspector.sources.image import Image
    from inspector.sources.platforms import Wanted


def open_images(
    reference: Reference,
    platform: Wanted = None,
    *,
    meter: Meter = lambda _: None,
    stdin: BinaryIO | None = None,
    media: Media | None = None,
    every_tag: bool = False,
    expect: Meter = lambda _: None,
) -> tuple[Image, ...]:
    """Open the images that `reference` names, at least one, each of one platform; no layer is read yet.

    Only what can be read just once, a packed archive or a pipe, is read through here; `meter` is told of it, and
    `expect` of the bytes of a packed archive before.
    Without a platform, an image for several is taken for this machine's. With `every_tag`, the name is an engine's
    repository. Raises `NotFound`, `PlatformMissing`, `Malformed`, `Unsupported`, `LimitExceeded`, `Unreachable`,
    `Refused`, `UsageError`.
    """
    media = media or Media()
    if media.namespace is not None and reference.scheme is not Scheme.CONTAINERD:
        raise UsageError(f"{reference}: a namespace is containerd's alone; write containerd:NAME, or no --namespace")
    if reference.scheme is Scheme.REGISTRY:
        if every_tag:
            raise UsageError(f"{reference}: --all-tags is for engines' repositories; {_audited(reference)}")
        return _from_registry(reference, platform, media)
    if reference.scheme in _OWN_ROOMS:
        if every_tag and reference.scheme is not Scheme.CONTAINERD:
            raise UsageError(f"{reference}: --all-tags is for engines' repositories, and this names one place")
        from inspector.sources.files import Telling

        try:
            return _from_own_room(reference, platform, media, Telling(meter, expect, stdin), every_tag=every_tag)
        except OSError as error:
            raise NotFound(f"{reference}: can't be read: {error.strerror or error}") from error
    place = None if every_tag else _place(reference)
    if place is None:
        return _from_engine(reference, platform, media, every_tag=every_tag)
    from inspector.sources.files import Telling, open_place  # an engine's image is opened without

    try:
        images = open_place(reference.scheme, place, platform, Telling(meter, expect, stdin))
    except OSError as error:
        raise NotFound(f"{place.path}: can't be read: {error.strerror or error}") from error
    log.info("sources", "%s: read as %s at %s", reference, images[0].source, place.path)
    return tuple(msgspec.structs.replace(image, reference=_name(reference, place, image, images)) for image in images)


_OWN_ROOMS = frozenset({Scheme.ROOTFS, Scheme.SIF, Scheme.VENV, Scheme.CONTAINER, Scheme.CONTAINERD})


def _from_own_room(
    reference: Reference, platform: Wanted, media: Media, telling: Telling, *, every_tag: bool
) -> tuple[Image, ...]:
    """Open what is no stored image, or lies where no engine tells of it; each kind has a package of its own."""
    match reference.scheme:
        case Scheme.ROOTFS:
            from inspector.sources.rootfs.open import open_rootfs

            return open_rootfs(reference, platform, media, telling)
        case Scheme.SIF:
            from inspector.sources.sif.open import open_sif

            return open_sif(reference.text, reference.name, platform, telling.meter)
        case Scheme.VENV:
            from inspector.sources.venv.open import open_venv

            return open_venv(reference, platform)
        case Scheme.CONTAINER:
            from inspector.sources.container.open import open_container

            return open_container(reference, platform, media)
        case _:
            from inspector.sources.containerd.open import open_containerd

            return open_containerd(reference, platform, media, every_tag=every_tag)


def _from_engine(reference: Reference, platform: Wanted, media: Media, *, every_tag: bool) -> tuple[Image, ...]:
    """Give what an engine has by that name; else what a registry has, where the name says which, or any will do."""
    from inspector.sources.engine.open import open_engine_images
    from inspector.sources.names import is_pattern  # archives are read without it

    try:
        return open_engine_images(reference, platform, media.engines(), every_tag=every_tag)
    except (NotFound, Unreachable) as error:
        missing = error
    bare = reference.scheme is Scheme.BARE and not reference.local
    asks_registry = bare and not media.offline and not is_pattern(reference.name)
    named = media.guess_registry or states_host(reference.name)
    further: InspectorError | None = None
    if asks_registry and named and not every_tag:
        try:
            return _from_registry(reference, platform, media)
        except InspectorError as error:
            further = error
    raise _nowhere(reference, missing, further, media, every_tag=every_tag, asks_registry=asks_registry)


def _nowhere(
    reference: Reference,
    missing: InspectorError,
    further: InspectorError | None,
    media: Media,
    *,
    every_tag: bool,
    asks_registry: bool,
) -> InspectorError:
    """Return what to say of an image that no engine has: where it was looked for, then what to write instead."""
    from inspector.sources.engine.nearby import with_nearby

    bare = reference.scheme is Scheme.BARE and not reference.local
    error, hint = missing, reference.hint()
    if bare and isinstance(error, NotFound) and (ignored := _ignored(reference)):
        error = error.extended(ignored)
    if further is not None and not hint:
        error = error.extended(f"and no registry has it: {further}")
    error = with_nearby(error, reference, media.engines())
    if hint:
        return error.extended(hint)
    if further is not None:
        if isinstance(error, NotFound) and isinstance(further, NotFound) and further.near:
            return NotFound(str(error), near=further.near)
        return error
    if not asks_registry or (isinstance(error, NotFound) and error.near):
        return error
    if every_tag:
        return error.extended(_audited(reference))
    return error.extended(
        f"no registry was asked, since the name states none: for a registry's image write docker://{reference}"
    )


def _audited(reference: Reference) -> str:
    """Return what to do for all tags of a registry's repository."""
    return f"for a registry's, use `inspector audit {reference.name}`, with --no-policy for facts alone"


def _from_registry(reference: Reference, platform: Wanted, media: Media) -> tuple[Image, ...]:
    from inspector.sources.registry import open as registry  # archives are read without it

    log.info("sources", "%s: asked of a registry", reference)
    return registry.open_registry_images(reference, platform, media.registries())


def _place(reference: Reference) -> Place | None:
    """Return the first reading of the reference whose path exists; None for what only an engine can have."""
    if reference.scheme in (Scheme.DOCKER, Scheme.PODMAN):
        return None
    places = [] if reference.local else reference.places()
    sure = reference.scheme is not Scheme.BARE or reference.is_path_like()
    for place in places:
        if place.path == STDIN or (os.path.lexists(place.path) and (sure or _may_be_image(place.path))):
            return place
    if reference.scheme is not Scheme.BARE:
        raise NotFound(f"{reference}: no such file or directory: {reference.name}")
    if nearest := reference.nearest_scheme():
        raise NotFound(f"{reference}: no such file or directory; did you mean {nearest}:?")
    if reference.is_path_like():
        raise NotFound(f"{reference}: no such file or directory")
    return None


def _may_be_image(path: str) -> bool:
    from inspector.sources.files import no_image

    return not no_image(path)


def _ignored(reference: Reference) -> str:
    """Say which file or directory of that name was passed over, since it holds no image; empty if none was."""
    from inspector.sources.files import no_image

    found = (place.path for place in reference.places() if os.path.lexists(place.path))
    return next((f"{path!r} here is {what}" for path in found if (what := no_image(path))), "")


def _name(reference: Reference, place: Place, image: Image, images: list[Image]) -> str:
    """Return what was typed; where that gave several images, what asks for this one alone."""
    if place.selector is not None or len({one.image_id for one in images}) == 1:
        return reference.text
    return f"{reference}:{image.tags[0]}" if image.tags else f"{reference}@{image.image_id}"
