"""What an image's architectures for GPUs cost: read where one can seek, and in a stream that goes by.

Run it as `python -m bench.gpu ARCHIVE` with an archive of a torch for CUDA, as an engine saves it, which prints the
processor's seconds for its lists; with `--stream FOLDER`, where `FOLDER` is `torch/lib` unpacked, it prints what
the lists add to a packed layer of these libraries.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from bench.images import Subject
from bench.measure import Failed, measure
from bench.table import Missing, Row, Target
from bench.tools import Tools
from inspector.elf.listed import WITH_KERNELS, WITH_TEXT
from inspector.layers import taking
from inspector.layers.indexer import Indexer
from inspector.layers.merge import merge
from inspector.layers.scan import scan_stream
from inspector.reference import parse_reference
from inspector.rootfs import Kind
from inspector.sources import open_images

SOUGHT = 0.02
"""Seconds that the lists may take where one can seek."""

_TIMES = 7
_PIECE = 128 << 10
_NONE = "no torch for CUDA in it"


def gpu_row(tools: Tools, subject: Subject) -> Row | Missing:
    """The seconds of the processor that the lists of an archive take, in a process that reads them alone."""
    job = f"{subject.image.name} {subject.scheme}: lists of architectures, processor"
    command = [sys.executable, "-m", "bench.gpu", str(subject.path)]
    try:
        return Row(job, measure(command, times=tools.times, env={}, seconds_of=_told), target=Target(SOUGHT))
    except Failed as error:
        if _NONE in str(error):
            return Missing(job, _NONE)
        raise


def _told(errors: bytes) -> float:
    try:
        return float(errors)
    except ValueError as error:
        raise Failed(errors[-200:].decode("utf-8", "replace")) from error


def sought(archive: str) -> None:
    """Print the lists of an archive's libraries; their seconds go to standard error, for the bench."""
    taken, found = [], ""
    for _ in range(_TIMES):
        (image,) = open_images(parse_reference(f"docker-archive:{archive}"))
        indexer = Indexer(None, verify=False, meter=lambda _: None)
        layers = [indexer.index(layer.diff_id, layer.digest, layer.blob) for layer in image.layers]
        fs = merge([layer.index for layer in layers], [layer.binaries for layer in layers if layer.binaries])
        paths = [
            f"/{path}"
            for layer in layers
            for path in (layer.index.entries.path(at) for at in range(len(layer.index.entries)))
            if path.endswith(tuple(f"torch/lib/{name}" for name in (WITH_TEXT, *WITH_KERNELS[:1])))
        ]
        files = [path for path in paths if (node := fs.lstat(path)) is not None and node.kind is Kind.FILE]
        begun = time.process_time()
        lists = [" ".join(fs.listed(path).architectures) for path in files]
        taken.append(time.process_time() - begun)
        found = "; ".join(filter(None, lists))
    sys.stdout.write(f"{found}\n")
    sys.stderr.write(f"{statistics.median(taken):.6f}\n" if found else f"{_NONE}\n")


def streamed(folder: Path) -> None:
    """Print the processor's seconds of a packed layer of the libraries, with the lists and without; the best counts."""
    libraries = [path for name in (WITH_TEXT, *WITH_KERNELS) if (path := folder / name).exists()]
    with tempfile.TemporaryDirectory() as made:
        packed = Path(made, "layer.tar.gz")
        with tarfile.open(packed, "w:gz", compresslevel=1) as layer:
            for path in libraries:
                layer.add(path, f"torch/lib/{path.name}")
        for kind, ignoring in (("without", _ignoring()), ("with", contextlib.nullcontext())):
            with ignoring:
                sys.stdout.write(f"stream, {kind}: {min(_scan(packed) for _ in range(_TIMES)):.4f} s\n")


def _scan(packed: Path) -> float:
    begun = time.process_time()
    scan_stream(_pieces(packed), None, None)
    return time.process_time() - begun


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


@contextlib.contextmanager
def _ignoring() -> Iterator[None]:
    """Take no file for a library of torch."""
    with mock.patch.object(taking, "holds_list", return_value=False):
        yield


if __name__ == "__main__":
    if sys.argv[1] == "--stream":
        streamed(Path(sys.argv[2]))
    else:
        sought(sys.argv[1])
