"""What torch's architectures add to reading its libraries: time where one can seek, and in a stream, with and without.

`python -m bench.gpu …/torch/lib` reads the libraries of a torch for CUDA that is unpacked in a folder; the quickest of
some rounds counts.
"""

from __future__ import annotations

import contextlib
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock

from inspector.elf import FilePart, read_listed
from inspector.elf.listed import WITH_KERNELS, WITH_TEXT
from inspector.layers import taking
from inspector.layers.scan import scan_stream

ROUNDS = 5
_PIECE = 128 << 10


def main(folder: Path) -> None:
    """Print a row for each library that is sought in, and two for the stream of all."""
    libraries = [path for name in (WITH_TEXT, *WITH_KERNELS) if (path := folder / name).exists()]
    for path in libraries:
        _row(f"seek, {path.name}", partial(_sought, path))
    with tempfile.TemporaryDirectory() as made:
        packed = Path(made, "layer.tar.gz")
        with tarfile.open(packed, "w:gz", compresslevel=1) as layer:
            for path in libraries:
                layer.add(path, f"torch/lib/{path.name}")
        for kind in ("without", "with"):
            with _without() if kind == "without" else contextlib.nullcontext():
                _row(f"stream, {kind}", partial(_streamed, packed))


def _row(job: str, run: Callable[[], str]) -> None:
    found, timed = "", []
    for _ in range(ROUNDS):
        begun = time.process_time()
        found = run()
        timed.append(time.process_time() - begun)
    sys.stdout.write(f"{job:36}{min(timed):8.4f} s CPU  {found}\n")


def _sought(path: Path) -> str:
    with path.open("rb") as file:
        part = FilePart(file, 0, path.stat().st_size)
        found = " ".join(read_listed(part, path.name).architectures)
        return f"{part.bytes_read:,} bytes: {found}"


def _streamed(packed: Path) -> str:
    index = scan_stream(_pieces(packed), None, None).index
    return ", ".join(" ".join(each.architectures) for each in index.objects.listed.values())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


@contextlib.contextmanager
def _without() -> Iterator[None]:
    """No file is taken for a library of torch."""
    with mock.patch.object(taking, "holds_list", return_value=False):
        yield


if __name__ == "__main__":
    main(Path(sys.argv[1]))
