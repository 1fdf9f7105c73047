"""Archives and layouts at a path: what lies there, and who reads it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from inspector.errors import NoImage, NotFound, UsageError
from inspector.layers.blob import Meter
from inspector.layers.compression import sniff
from inspector.layers.tar import BLOCK
from inspector.reference import STDIN, Place, Scheme
from inspector.sources import docker_archive, layout
from inspector.sources.image import Image
from inspector.sources.kinds import advice
from inspector.sources.pipe import Pipe, opened
from inspector.sources.platforms import Wanted
from inspector.sources.recognise import named
from inspector.sources.seekable import SeekableArchive
from inspector.sources.sniffing import compared, open_sniffed
from inspector.sources.store import BlobStore


class Telling(NamedTuple):
    """Whom to tell of bytes that are read, and of how many there are; and the stream that `-` names."""

    meter: Meter
    expect: Meter
    stdin: BinaryIO | None


def no_image(path: str) -> str:
    """Say what is at `path` that can be no image, so that an engine's may be meant; empty for what may be one."""
    there = Path(path)
    try:
        if there.is_dir():
            documents = (layout.INDEX, docker_archive.MANIFEST)
            holds = any((there / name).exists() for name in documents)
            told = advice(path)
            more = f"; {told}" if told else ""
            return "" if holds else f"a directory without an image (no {' or '.join(documents)}){more}"
        if there.is_file():
            with opened(there) as file:
                head = file.read(BLOCK)
            return "" if sniff(head) or _is_apptainer(head) else named(there) or "a file that is no archive"
    except OSError:  # reading it as an image says what is wrong
        return ""
    return ""


def open_place(scheme: Scheme, place: Place, wanted: Wanted, telling: Telling) -> list[Image]:
    """Open the images at a place. Raises what `open_images` raises, and `OSError`."""
    path = Path(place.path)
    is_dir = place.path != STDIN and path.is_dir()
    _refuse_mismatch(scheme, place, is_dir=is_dir)
    if place.path != STDIN and not is_dir and (what := named(path)):
        if scheme is Scheme.BARE and place.selector is None and what.endswith(f"write sif:{path}"):
            from inspector.sources.sif.open import open_sif

            return list(open_sif(place.path, place.path, wanted, telling.meter))
        raise NoImage(f"{path}: no image but {what}")
    store = _directory(path) if is_dir else _archive(place, telling)
    if scheme not in (Scheme.DIR, Scheme.OCI, Scheme.OCI_ARCHIVE, Scheme.DOCKER_ARCHIVE):
        return open_sniffed(store, Scheme.OCI if is_dir else Scheme.OCI_ARCHIVE, place.selector, wanted)
    if scheme is not Scheme.DIR:  # which says more itself
        _refuse_other_form(scheme, store, place.path)
    return compared(_as_said(scheme, store, place.selector, wanted), store, place.selector)


def _as_said(scheme: Scheme, store: BlobStore, selector: str | None, wanted: Wanted) -> list[Image]:
    match scheme:
        case Scheme.DIR:
            from inspector.sources import skopeo_dir

            return skopeo_dir.open_skopeo_dir(store, selector, wanted)
        case Scheme.DOCKER_ARCHIVE:
            return docker_archive.open_docker_archive(store, selector, wanted)
        case _:
            return layout.open_layout(store, scheme.value, selector, wanted)


def _refuse_mismatch(scheme: Scheme, place: Place, *, is_dir: bool) -> None:
    """Refuse a directory where an archive is named, or the reverse; an unpacked docker-archive is as good as packed."""
    if scheme is Scheme.OCI_ARCHIVE and is_dir:
        raise NotFound(f"{place.path} is a directory; write oci:{place.path}")
    if scheme in (Scheme.OCI, Scheme.DIR) and not is_dir:
        raise NotFound(f"{place.path} is no directory; write {place.path} alone, or oci-archive:{place.path}")


def _refuse_other_form(scheme: Scheme, store: BlobStore, path: str) -> None:
    """Raise `NotFound` where the document is missing with which reading the format of the scheme begins."""
    own, other = docker_archive.MANIFEST, layout.INDEX
    if scheme in (Scheme.OCI, Scheme.OCI_ARCHIVE):
        own, other = other, own
    if store.size(own) is None:
        detected = f"; write {path} alone: its format is detected" if store.size(other) is not None else ""
        raise NotFound(f"{store.where}: not in the format {scheme.value}: it holds no {own!r}{detected}")


def _archive(place: Place, telling: Telling) -> BlobStore:
    """Return the archive, its members at random where it lies plain on disk; else read through."""
    meter, expect, stdin = telling
    if place.path == STDIN:
        stream = standard_input(stdin, "docker save NAME | inspector check -")
        return _streamed(Pipe(stream), "standard input", meter)
    path = Path(place.path)
    with opened(path) as file:
        if not path.is_file():  # a named pipe, or the shell's <(command)
            return _streamed(Pipe(file), str(path), meter)
        if sniff(head := file.read(BLOCK)) == "tar" and head:
            return SeekableArchive(path)
        expect(path.stat().st_size)
        file.seek(0)
        return _streamed(file, str(path), meter)


# what most runs don't meet is imported where it is met


def _directory(path: Path) -> BlobStore:
    from inspector.sources.directory import Directory

    return Directory(path)


def _streamed(file: BinaryIO | Pipe, label: str, meter: Meter) -> BlobStore:
    from inspector.sources.streamed import StreamedArchive

    return StreamedArchive(cast("BinaryIO", file), label, meter=meter)


def _is_apptainer(head: bytes) -> bool:
    from inspector.sources.sif.header import is_apptainer

    return is_apptainer(head)


def standard_input(given: BinaryIO | None, example: str) -> BinaryIO:
    """Return the stream that `-` names, standard input unless another one is given. Raises `UsageError`."""
    if given is None and sys.stdin is None:
        raise UsageError(f"standard input is closed; pipe an archive in: {example}")
    stream = given or sys.stdin.buffer
    if stream.isatty():
        raise UsageError(f"standard input is a terminal; pipe an archive in: {example}")
    return stream
