"""Compressed streams of much work for few bytes, and of windows that nobody has the memory for."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.packing import zstd
from inspector.testing.image import to_json
from inspector.testing.tree import Tree, tar_of
from tests.cli.program import ROOT, clean_environment
from tests.hostile.raw import END, SITE, Raw, docker_archive, file, header, judged

pytestmark = pytest.mark.thorough

SMALL = tar_of({"a": b"b"})
SKIPPABLE = b"\x50\x2a\x4d\x18" + bytes(4)
MEMORY = 150 << 20
"""What the whole program may take at most."""

NOTHING: dict[str, tuple[bytes, bytes]] = {
    "zstd frames": (zstd(SMALL), zstd(b"")),
    "skippable frames": (zstd(SMALL), SKIPPABLE),
    "skippable frames before": (b"", SKIPPABLE),
    "gzip members": (gzip.compress(SMALL), gzip.compress(b"")),
    "bzip2 streams": (bz2.compress(SMALL), bz2.compress(b"")),
    "xz streams": (lzma.compress(SMALL), lzma.compress(b"", check=lzma.CHECK_NONE)),
}
"""A layer, and what unpacks to nothing."""


@pytest.mark.parametrize(("layer", "empty"), NOTHING.values(), ids=NOTHING)
def test_parts_that_hold_nothing_end(layer: bytes, empty: bytes, tmp_path: Path) -> None:
    """Read or refused, in one pass."""
    stored = layer + empty * 20_000 + (b"" if layer else zstd(SMALL))
    image = Raw([SMALL], stored=[stored])
    assert judged(docker_archive(tmp_path / "t.tar", image), folder=tmp_path) in (0, 3)


@pytest.mark.parametrize("exponent", [17, 18, 21])
def test_a_window_of_gigabytes(exponent: int, tmp_path: Path) -> None:
    """A frame of raw blocks may state any window (RFC 8878, 3.1.1.1.2); engines refuse what is too large."""
    window = bytes((exponent << 3,))  # 2 ** (10 + exponent) bytes
    block = (1 | len(SMALL) << 3).to_bytes(3, "little") + SMALL
    stored = b"\x28\xb5\x2f\xfd\x00" + window + block
    path = docker_archive(tmp_path / "t.tar", Raw([SMALL], stored=[stored]))
    code, peak = _apart("show", "--no-cache", path)
    assert code in (0, 3)
    assert peak < MEMORY


def _packed(parts: Iterator[bytes]) -> tuple[bytes, str]:
    """The stream packed by gzip, and its diff_id, in little memory."""
    from hashlib import sha256 as hasher

    squeeze, digest, out = zlib.compressobj(1, wbits=31), hasher(), []
    for part in parts:
        digest.update(part)
        out.append(squeeze.compress(part))
    return b"".join(out) + squeeze.flush(), f"sha256:{digest.hexdigest()}"


def _slow(size: int) -> Iterator[bytes]:
    yield header("zero", size)
    for _ in range(size >> 20):
        yield bytes(1 << 20)
    yield END


def _metadata(at: int, count: int) -> Iterator[bytes]:
    for each in range(count):
        yield file(f"{SITE}/p{at}_{each}-1.dist-info/METADATA", b"Name: p\n" + bytes((1 << 20) - 8))
    yield END


def test_layers_are_not_read_ahead_without_bound(tmp_path: Path) -> None:
    """While one layer takes its time, the others behind it hold no more than one image may."""
    pairs = [_packed(_slow(320 << 20)), *(_packed(_metadata(at, 50)) for at in range(4))]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [one for _, one in pairs]},
    }
    image = Raw([packed for packed, _ in pairs], document=to_json(config))
    code, peak = _apart("show", "--no-cache", docker_archive(tmp_path / "t.tar", image))
    assert code in (0, 3)
    assert peak < MEMORY


@pytest.mark.parametrize("piped", [False, True])
def test_many_small_files_of_many_layers(piped: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of pytest's
    """Entries of all layers are counted together, as they are read."""
    tree: Tree = {f"d/{at:06}": b"" for at in range(1000)}
    layers = [tar_of({**tree, "n": b"%d" % at}) for at in range(10)]
    path = docker_archive(tmp_path / "t.tar", Raw(layers))
    code, peak = _apart("show", "--no-cache", "-" if piped else path, stdin=path.read_bytes() if piped else b"")
    assert code == 0
    assert peak < MEMORY


def _apart(*words: str | Path, stdin: bytes = b"") -> tuple[int, int]:
    """Exit code and peak bytes of the program as a process of its own."""
    script = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=2); "
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-S", "-c", script, sys.executable, "-m", "inspector", *map(str, words)]
    done = subprocess.run(
        command, input=stdin, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, check=True, timeout=120
    )
    code, peak = map(int, done.stdout.split())
    return code, peak * (1 if sys.platform == "darwin" else 1024)
