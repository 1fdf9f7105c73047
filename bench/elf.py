"""What the loader's facts, skeletons and symbols of ELF files, add to a read of all layers and to the cache's bytes.

`python -m bench.elf IMAGE.tar` reads every layer of an uncompressed docker-archive by seeking, and again packed with
gzip as a stream, without these facts and with them by turns; of each layer the quickest of some rounds counts. The
cache holds then what it holds after the image was judged. The row `adds` has both shares, which may be 10 % each.
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
from inspector.layers import retention, runs, taking
from inspector.layers.cache import IndexCache
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexer
from inspector.sources.docker_archive import open_docker_archive
from inspector.sources.image import Image, Layer
from inspector.sources.seekable import SeekableArchive

ROUNDS = 5


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
    pairs = [_times(layer) for layer in image.layers]
    plain, full = (sum(column) for column in zip(*pairs, strict=True))
    with _plain():
        plain_size = _held(image, folder / f"{way}-without", judged=False)
    _row(way, "without", plain, plain_size)
    full_size = _held(image, folder / f"{way}-with", judged=True)
    _row(way, "with", full, full_size)
    shares = full / plain - 1, full_size / plain_size - 1
    sys.stdout.write(f"{way:8}{'adds':9}{shares[0]:12.1%} of time{shares[1]:12.1%} of bytes\n")


def _row(way: str, kind: str, seconds: float, size: int) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(f"{way:8}{kind:9}{seconds:10.3f} s CPU{size:14,} bytes in the cache{peak:6} MB peak\n")


def _times(layer: Layer) -> tuple[float, float]:
    """Return the seconds that reading a layer takes without these facts and with them."""
    plain: list[float] = []
    full: list[float] = []
    for _ in range(ROUNDS):
        with _plain():
            plain.append(_read(layer))
        full.append(_read(layer))
    return min(plain), min(full)


def _read(layer: Layer) -> float:
    begun = time.process_time()
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
    """No file is taken for an ELF file, nor looked at whether it is one."""
    with (
        mock.patch.object(runs, "MAGIC", None),
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
