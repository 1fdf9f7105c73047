"""From a name to the container that an engine, or the store of Podman and Buildah, has by it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from inspector import log
from inspector.engine.endpoint import Kind
from inspector.errors import InspectorError, NotFound, PlatformMissing, Unreachable, UsageError
from inspector.oci import ImageConfig, Platform
from inspector.reference import Reference
from inspector.sources.container.access import ContainerAccess, ContainerView, mount_warnings, own_layer
from inspector.sources.engine.access import as_told
from inspector.sources.engine.nearby import with_containers
from inspector.sources.engine.open import EITHER, none_has
from inspector.sources.image import Image
from inspector.sources.media import Media
from inspector.sources.names import is_pattern
from inspector.sources.platforms import Wanted, choose, foreign

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.engine.model import ContainerDocument
    from inspector.sources.engine.open import Engines

SOURCE = "container"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def open_container(reference: Reference, wanted: Wanted, media: Media) -> tuple[Image, ...]:
    """Return the container that `reference` names, nothing of its layers read.

    Docker is asked, then Podman, then the store of Podman and Buildah. Raises `NotFound`, `Unreachable`,
    `PlatformMissing`, and `UsageError` for a glob.
    """
    name = reference.name.removeprefix("/")  # with which `docker inspect` prints it
    if is_pattern(name):
        raise UsageError(f"{reference}: names one container, and is no glob; `docker ps --all` lists them")
    if not _NAME.fullmatch(name):
        raise NotFound(f"{reference}: no container has such a name: letters, digits and _.- are allowed")
    engines = media.engines()
    errors: list[InspectorError] = []
    for kind in EITHER:
        try:
            image = _found(kind, name, engines)
        except (NotFound, Unreachable) as error:
            log.info("sources", "%s: not in %s: %s", reference, kind, error)
            errors.append(error)
            continue
        (image,) = choose([(image.platform, image)], wanted, str(reference))
        return (msgspec.structs.replace(image, reference=reference.text),)
    raise with_containers(none_has(f"{reference}: ", errors), name, engines)


def _found(kind: Kind, name: str, engines: Engines) -> Image:
    """Return the container of an engine; where Podman has none, or no service, that of its store."""
    try:
        engine = engines.get(kind)
        return _opened(engine, engine.describe(name))
    except (NotFound, Unreachable) as error:
        missing = NotFound(f"{kind} has no such container") if isinstance(error, NotFound) else error
        if kind != "podman":
            raise missing from error
        from inspector.sources.container.access import open_stored  # most containers are an engine's

        image = open_stored(name, missing)
        if image is None:
            raise missing from error
        return image


def _opened(engine: Engine, document: ContainerDocument) -> Image:
    """Return the container as it is told: with its own settings, and its image's layers where that is still there."""
    try:
        below = as_told(engine, engine.inspect(document.image))
        config, layers = below.config, below.layers
    except NotFound:
        config, layers = ImageConfig(), ()
    platform = config.platform if config.architecture else document.platform or _platform(engine)
    config = msgspec.structs.replace(config.on(platform), config=document.config, history=None)
    gone = [] if layers else [f"the image that the container was made of ({document.image}) was removed"]
    image = Image(
        source=SOURCE,
        config=config,
        platform=platform,
        layers=(*layers, own_layer()),
        warnings=(*foreign(platform), *gone, *mount_warnings(document.mounts)),
        view=ContainerView(document.mounts, tuple),
    )
    return msgspec.structs.replace(image, access=ContainerAccess(engine, document, image))


def _platform(engine: Engine) -> Platform:
    """Return the engine's own platform, where nothing tells the container's. Raises `PlatformMissing`."""
    info = engine.info
    if not info.os or not info.architecture:
        raise PlatformMissing(f"{engine.kind} does not tell for which platform the container is")
    return Platform(info.os, info.architecture).normal()
