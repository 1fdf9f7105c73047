"""What the skeletons and symbols of ELF files add to reading an image's layers: time and bytes, with and without.

`python -m bench.elf IMAGE.tar` reads every layer of an uncompressed docker-archive by seeking, and again packed with
gzip as a stream; the quickest of some rounds counts.
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

from inspector.layers import codec, retention, taking
from inspector.layers.blob import Scanned
from inspector.layers.file import FileRange
from inspector.layers.objects import pack_row
from inspector.sources.docker_archive import open_docker_archive
from inspector.sources.seekable import SeekableArchive

ROUNDS = 3
Layers = list[tuple[str, FileRange]]


def main(path: Path) -> None:
    """Print a row for each way, with and without ELF files."""
    (image,) = open_docker_archive(SeekableArchive(path), None, None)
    plain = [(layer.diff_id, layer.blob) for layer in image.layers if isinstance(layer.blob, FileRange)]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        packed = [(diff_id, _packed(blob, Path(folder, f"{at}.gz"))) for at, (diff_id, blob) in enumerate(plain)]
        for way, layers in (("seek", plain), ("stream", packed)):
            for kind in ("without", "with"):
                _row(way, kind, layers)


def _row(way: str, kind: str, layers: Layers) -> None:
    with _plain() if kind == "without" else contextlib.nullcontext():
        seconds, scanned = min((_timed(layers) for _ in range(ROUNDS)), key=lambda pair: pair[0])
    index = sum(len(codec.encode(one.index)) for one in scanned)
    symbols = sum(len(pack_row(one.index.objects.symbols)) for one in scanned)
    count = sum(len(one.index.objects.skeletons) for one in scanned)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(
        f"{way:8}{kind:9}{seconds:8.3f} s CPU{index:12,} bytes of indexes{symbols:12,} of symbols"
        f"{count:7,} ELF files{peak:6} MB peak\n"
    )


@contextlib.contextmanager
def _plain() -> Iterator[None]:
    """No file is taken for an ELF file."""
    with (
        mock.patch.object(taking, "MAGIC", b"no file begins so"),
        mock.patch.object(taking, "may_be_object", retention.may_be_program),
    ):
        yield


def _timed(layers: Layers) -> tuple[float, list[Scanned]]:
    begun = time.process_time()
    scanned = [blob.scan(diff_id, None, verify=False, meter=lambda _: None) for diff_id, blob in layers]
    return time.process_time() - begun, scanned


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
