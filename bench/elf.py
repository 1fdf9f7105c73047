"""What the loader's facts, skeletons and symbols of ELF files, add to a read of all layers and to the cache's bytes.

`python -m bench.elf IMAGE.tar` reads every layer of an uncompressed docker-archive by seeking, and again packed with
gzip as a stream, with these facts and without; the quickest of some rounds counts. The cache holds then what it holds
after the image was judged. The row `adds` has both shares, which may be 10 % each.
"""

from __future__ import annotations

import contextlib
import gzip
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import msgspec

from inspector.facts import gather
from inspector.layers import retention, taking
from inspector.layers.cache import IndexCache
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexer
from inspector.sources.docker_archive import open_docker_archive
from inspector.sources.image import Image
from inspector.sources.seekable import SeekableArchive

ROUNDS = 3


def main(path: Path) -> None:
    """Print rows for each way."""
    (image,) = open_docker_archive(SeekableArchive(path), None, None)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        _rows("seek", image, Path(folder))
        packed = [
            msgspec.structs.replace(layer, blob=_packed(layer.blob, Path(folder, f"{at}.gz")), digest=None)
            for at, layer in enumerate(image.layers)
            if isinstance(layer.blob, FileRange)
        ]
        _rows("stream", msgspec.structs.replace(image, layers=tuple(packed)), Path(folder))


def _rows(way: str, image: Image, folder: Path) -> None:
    with _plain():
        seconds, size = _time(image), _held(image, folder / f"{way}-without", judged=False)
    _row(way, "without", seconds, size)
    with_seconds, with_size = _time(image), _held(image, folder / f"{way}-with", judged=True)
    _row(way, "with", with_seconds, with_size)
    shares = with_seconds / seconds - 1, with_size / size - 1
    sys.stdout.write(f"{way:8}{'adds':9}{shares[0]:12.1%} of time{shares[1]:12.1%} of bytes\n")


def _row(way: str, kind: str, seconds: float, size: int) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(f"{way:8}{kind:9}{seconds:10.3f} s CPU{size:14,} bytes in the cache{peak:6} MB peak\n")


def _time(image: Image) -> float:
    """Return the seconds that reading all layers takes."""
    return min(_read(image) for _ in range(ROUNDS))


def _read(image: Image) -> float:
    begun = time.process_time()
    for layer in image.layers:
        layer.blob.scan(layer.diff_id, None, verify=False, meter=lambda _: None)
    return time.process_time() - begun


def _held(image: Image, folder: Path, *, judged: bool) -> int:
    """Return the bytes that the cache holds of an image whose layers were read, and that was judged."""
    with contextlib.closing(IndexCache(folder / "layers.sqlite")) as cache:
        indexer = Indexer(cache, verify=False, meter=lambda _: None)
        if judged:
            gather(image, indexer)
        else:
            for layer in image.layers:
                indexer.index(layer.diff_id, layer.digest, layer.blob)
    with contextlib.closing(IndexCache(folder / "layers.sqlite")) as cache:
        return cache.info().bytes


@contextlib.contextmanager
def _plain() -> Iterator[None]:
    """No file is taken for an ELF file."""
    with (
        mock.patch.object(taking, "MAGIC", b"no file begins so"),
        mock.patch.object(taking, "may_be_object", retention.may_be_program),
    ):
        yield


def _packed(blob: FileRange, target: Path) -> FileRange:
    with blob.path.open("rb") as source, gzip.open(target, "wb", compresslevel=1) as out:
        source.seek(blob.offset)
        left = blob.length
        while left and (chunk := source.read(min(left, 1 << 20))):
            out.write(chunk)
            left -= len(chunk)
    return FileRange(target, 0, target.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
