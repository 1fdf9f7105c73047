"""From a reference to images: which path is meant, what lies there, and who reads it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from inspector.errors import DigestMismatch, InspectorError, Malformed, NotFound, Unsupported, UsageError
from inspector.layers.blob import Meter
from inspector.layers.compression import sniff
from inspector.layers.tar import BLOCK
from inspector.reference import STDIN, Place, Reference, Scheme
from inspector.sources import docker_archive, layout, skopeo_dir
from inspector.sources.directory import Directory
from inspector.sources.image import Image
from inspector.sources.platforms import Wanted
from inspector.sources.seekable import SeekableArchive
from inspector.sources.store import BlobStore
from inspector.sources.streamed import StreamedArchive

_LATER = {
    Scheme.DOCKER: "docker save {name} | inspector check -",
    Scheme.PODMAN: "podman save {name} | inspector check -",
    Scheme.REGISTRY: "skopeo copy docker://{name} oci-archive:image.tar",
}


def open_images(
    reference: Reference,
    platform: Wanted = None,
    *,
    meter: Meter = lambda _: None,
    stdin: BinaryIO | None = None,
) -> tuple[Image, ...]:
    """The images that `reference` names, at least one, each of one platform, with nothing of their layers read yet.

    Only what can be read just once, a packed archive or a pipe, is read through here; `meter` is told of it.
    Without a platform, an image for several is taken for this machine's. Raises `NotFound`,
    `PlatformMissing`, `Malformed`, `Unsupported`, `LimitExceeded`.
    """
    if reference.scheme in _LATER:
        command = _LATER[reference.scheme].format(name=reference.name)
        raise Unsupported(
            f"{reference}: this version reads archives and layouts, no engine or registry; try: {command}"
        )
    place = _place(reference)
    try:
        images = _open(reference.scheme, place, platform, meter, stdin)
    except OSError as error:
        raise NotFound(f"{place.path}: can't be read: {error.strerror or error}") from error
    return tuple(msgspec.structs.replace(image, reference=_name(reference, place, image, images)) for image in images)


def _place(reference: Reference) -> Place:
    """The first reading of the reference whose path exists."""
    places = reference.places()
    for place in places:
        if place.path == STDIN or os.path.lexists(place.path):
            return place
    if reference.scheme is not Scheme.BARE:
        raise NotFound(f"{reference}: no such file or directory: {reference.name}")
    if nearest := reference.nearest_scheme():
        raise NotFound(f"{reference}: no such file or directory; did you mean {nearest}:?")
    if reference.is_path_like():
        raise NotFound(f"{reference}: no such file or directory")
    raise NotFound(
        f"{reference}: no such file or directory; engines and registries are not asked by this version: "
        f"for an image that an engine has, docker save {reference} | inspector check -"
    )


def _name(reference: Reference, place: Place, image: Image, images: list[Image]) -> str:
    """What was typed; where that gave several images, what asks for this one alone."""
    if place.selector is not None or len({one.image_id for one in images}) == 1:
        return reference.text
    return f"{reference}:{image.tags[0]}" if image.tags else f"{reference}@{image.image_id}"


def _open(scheme: Scheme, place: Place, wanted: Wanted, meter: Meter, stdin: BinaryIO | None) -> list[Image]:
    path = Path(place.path)
    is_dir = place.path != STDIN and path.is_dir()
    _refuse_mismatch(scheme, place, is_dir=is_dir)
    store = Directory(path) if is_dir else _archive(place, meter, stdin)
    match scheme:
        case Scheme.DIR:
            return skopeo_dir.open_skopeo_dir(store, place.selector, wanted)
        case Scheme.OCI | Scheme.OCI_ARCHIVE:
            return layout.open_layout(store, scheme.value, place.selector, wanted)
        case Scheme.DOCKER_ARCHIVE:
            return docker_archive.open_docker_archive(store, place.selector, wanted)
        case _:
            return _sniffed(store, Scheme.OCI if is_dir else Scheme.OCI_ARCHIVE, place.selector, wanted)


def _refuse_mismatch(scheme: Scheme, place: Place, *, is_dir: bool) -> None:
    """A directory where an archive is named, or the reverse; an unpacked docker-archive is as good as packed."""
    if scheme is Scheme.OCI_ARCHIVE and is_dir:
        raise NotFound(f"{place.path} is a directory; write oci:{place.path}")
    if scheme in (Scheme.OCI, Scheme.DIR) and not is_dir:
        raise NotFound(f"{place.path} is no directory; write {place.path} alone, or oci-archive:{place.path}")


def _archive(place: Place, meter: Meter, stdin: BinaryIO | None) -> BlobStore:
    """The archive, its members at random where it lies plain on disk; else read through."""
    if place.path == STDIN:
        if stdin is None and sys.stdin is None:
            raise UsageError("standard input is closed; pipe an archive in: docker save NAME | inspector check -")
        stream = stdin or sys.stdin.buffer
        if stream.isatty():
            raise UsageError("standard input is a terminal; pipe an archive in: docker save NAME | inspector check -")
        return StreamedArchive(stream, "standard input", meter=meter)
    path = Path(place.path)
    with path.open("rb", buffering=0) as file:
        if not path.is_file():  # a named pipe, or the shell's <(command)
            return StreamedArchive(file, str(path), meter=meter)
        if sniff(head := file.read(BLOCK)) == "tar" and head:
            return SeekableArchive(path)
        file.seek(0)
        return StreamedArchive(file, str(path), meter=meter)


def _sniffed(store: BlobStore, layout_scheme: Scheme, selector: str | None, wanted: Wanted) -> list[Image]:
    """What a bare path holds. Where it is both a layout and a docker-archive, the layout counts if it is complete."""
    has_index = store.size(layout.INDEX) is not None
    if store.size(docker_archive.MANIFEST) is None:
        if has_index:
            return layout.open_layout(store, layout_scheme.value, selector, wanted)
        folder = f"; name archives in it one by one: {store.where}/*.tar" if layout_scheme is Scheme.OCI else ""
        raise NotFound(
            f"{store.where}: no image: neither manifest.json nor index.json in it; expected is what docker save, "
            f"podman save, skopeo or buildx write{folder}"
        )
    if not docker_archive.lists_images(store):
        return skopeo_dir.open_skopeo_dir(store, selector, wanted)
    if not has_index:
        return docker_archive.open_docker_archive(store, selector, wanted)
    try:
        return layout.open_layout(store, layout_scheme.value, selector, wanted)
    except DigestMismatch:
        raise
    except (NotFound, Malformed, Unsupported) as error:
        return _instead(docker_archive.open_docker_archive(store, selector, wanted), error)


def _instead(images: list[Image], error: InspectorError) -> list[Image]:
    """The images of manifest.json, saying why index.json was not read."""
    warning = f"manifest.json was read in place of index.json, which is incomplete: {error}"
    return [msgspec.structs.replace(image, warnings=(*image.warnings, warning)) for image in images]
