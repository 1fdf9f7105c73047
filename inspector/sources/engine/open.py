"""From a name to the images that an engine has by it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector import log
from inspector.engine.client import Engine, connect
from inspector.engine.endpoint import Kind
from inspector.engine.model import ImageDocument, ListedImage
from inspector.errors import InspectorError, NotFound, PlatformMissing, Unreachable
from inspector.reference import Reference, Scheme
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.access import as_told
from inspector.sources.image import Image, StoredAccess
from inspector.sources.names import all_tags, asked_first, is_pattern, matching
from inspector.sources.platforms import Wanted, choose

if TYPE_CHECKING:
    from inspector.sources.engine import containers_storage

_KINDS: dict[Scheme, tuple[Kind, ...]] = {Scheme.DOCKER: ("docker",), Scheme.PODMAN: ("podman",)}
_NAMED = ("CONTAINER_HOST", "CONTAINER_CONNECTION")
"""Variables that name a service, which is meant then, not the store of this machine."""
EITHER: tuple[Kind, ...] = ("docker", "podman")
"""The engines, in the order in which they are asked."""


class Engines:
    """The engines of one run, each asked for once, and the answer, good or bad, kept; from any thread."""

    def __init__(self, *, offline: bool = False) -> None:
        self._offline = offline
        self._lock = threading.Lock()
        self._known: dict[Kind, Engine | InspectorError] = {}

    def get(self, kind: Kind) -> Engine:
        """Return the engine of that kind. Raises `Unreachable`, the same each time."""
        with self._lock:
            if kind not in self._known:
                self._known[kind] = self._connect(kind)
            found = self._known[kind]
        if isinstance(found, InspectorError):
            raise type(found)(str(found)) from found
        return found

    def close(self) -> None:
        """Close the connections that no question uses."""
        for engine in list(self._known.values()):
            if isinstance(engine, Engine):
                engine.close()

    def _connect(self, kind: Kind) -> Engine | InspectorError:
        try:
            return connect(kind, offline=self._offline)
        except NotFound as error:  # a context, not an image
            return Unreachable(str(error))
        except InspectorError as error:
            return error


def kinds_of(reference: Reference) -> tuple[Kind, ...]:
    """List the engines that a reference may mean, in the order in which they are asked."""
    return _KINDS.get(reference.scheme, EITHER)


def listed_by(kind: Kind, engines: Engines) -> Sequence[ListedImage]:
    """List the images of an engine, or of Podman's store where no service answers. Raises `InspectorError`."""
    try:
        return engines.get(kind).images()
    except Unreachable:
        store = own_store() if kind == "podman" else None
        if store is None:
            raise
        return store.images()


def open_engine_images(
    reference: Reference, wanted: Wanted, engines: Engines, *, every_tag: bool = False
) -> tuple[Image, ...]:
    """Return the images that `reference` names in an engine, nothing of their layers read; a glob may name several.

    A bare name is asked of Docker, then of Podman. With `every_tag` the name is a repository. Raises `NotFound`,
    `Unreachable`, `PlatformMissing`.
    """
    errors: list[InspectorError] = []
    for kind in kinds_of(reference):
        try:
            images = _open(kind, reference.name, wanted, engines, every_tag=every_tag)
        except NotFound as error:
            log.info("sources", "%s: not in %s: %s", reference, kind, error)
            errors.append(error if is_pattern(reference.name) or every_tag else NotFound(f"{kind} has no such image"))
        except Unreachable as error:
            log.info("sources", "%s: %s passed over: %s", reference, kind, error)
            errors.append(error)
        else:
            log.info("sources", "%s: found in %s", reference, kind)
            return tuple(_named(image, reference, alone=len(images) == 1) for image in images)
    if reference.scheme is not Scheme.BARE or reference.local:
        raise none_has(f"{reference}: ", errors)
    here = "not an image file" if os.path.lexists(reference.name) else "no such file or directory"
    raise none_has(f"{reference}: {here}, and ", errors)


def _open(kind: Kind, name: str, wanted: Wanted, engines: Engines, *, every_tag: bool) -> list[Image]:
    try:
        engine = engines.get(kind)
    except Unreachable as error:
        if kind == "podman" and (images := _stored(name, wanted, error, every_tag=every_tag)):
            return images
        raise
    return [_inspected(engine, one, wanted) for one in _meant(name, engine.images, engine.kind, every_tag=every_tag)]


def _meant(name: str, images: Callable[[], Sequence[ListedImage]], where: str, *, every_tag: bool) -> list[str]:
    """List the images that a name stands for: one, unless it is a glob, or a repository of which every tag is asked."""
    if every_tag:
        return all_tags(name, images(), where)
    return matching(name, images(), where) if is_pattern(name) else [name]


def _inspected(engine: Engine, name: str, wanted: Wanted) -> Image:
    document = engine.inspect(name)
    where = f"{engine.kind}: {name}"
    image = as_told(engine, document) if document.described else _undescribed(engine, document, where)
    (image,) = choose([(image.platform, image)], wanted, where)
    return msgspec.structs.replace(image, reference=name, tags=asked_first(name, image.tags))


def _undescribed(engine: Engine, document: ImageDocument, where: str) -> Image:
    """Return an image of which the engine tells nothing, for its files may tell it all the same."""
    from inspector.sources.engine.storage import open_storage

    nothing = "the engine tells neither its platform nor its layers"
    try:
        image = open_storage(engine, document)
    except AccessUnusable as error:
        raise PlatformMissing(
            f"{where}: {nothing}: it is there for another platform only, or without its content; pull it again, "
            f"for the platform wanted ({error})"
        ) from error
    return msgspec.structs.replace(image, access=StoredAccess(image, nothing))


def _stored(name: str, wanted: Wanted, why: Unreachable, *, every_tag: bool) -> list[Image]:
    """Return what Podman's or Buildah's own store holds, which needs no service; empty where there is no store.

    A service that is named is meant, not the store of this machine.
    """
    store = own_store()
    if store is None:
        return []
    images = [store.open(one) for one in _meant(name, store.images, str(store), every_tag=every_tag)]
    chosen = [choose([(image.platform, image)], wanted, f"{store}: {image.reference}")[0] for image in images]
    return [msgspec.structs.replace(image, access=StoredAccess(image, str(why))) for image in chosen]


def own_store() -> containers_storage.ContainersStore | None:
    """Return the store of Podman and Buildah on this machine; None where there is none, or a service is named."""
    from inspector.sources.engine import containers_storage  # most engines answer themselves

    return None if any(map(os.environ.get, _NAMED)) else containers_storage.find_store()


def _named(image: Image, reference: Reference, *, alone: bool) -> Image:
    """Return the image under what was typed, or, where that fits several, under what asks for it alone."""
    text = reference.text
    if not alone or is_pattern(reference.name):
        text = f"{image.source}:{image.reference}"
    return msgspec.structs.replace(image, reference=text)


def none_has(begins: str, errors: list[InspectorError]) -> InspectorError:
    """Return what to say where no engine has it: not that those are silent which come after one that answered."""
    missing = [at for at, error in enumerate(errors) if isinstance(error, NotFound)]
    telling = errors[: missing[-1] + 1] if missing else errors
    return (NotFound if missing else Unreachable)(begins + "; ".join(dict.fromkeys(map(str, telling))))
