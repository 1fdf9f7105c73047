"""Hostile images, each read by a process of its own: its peak of memory and its CPU seconds.

`python -m bench.hostile_memory [NAME …]` builds them in a temporary folder, and prints a row for each, read without a
cache, with an empty one and with a full one.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from inspector.layers.compression import zstd_module

SITE = "usr/local/lib/python3.11/site-packages"
END = bytes(1024)
SECONDS = 300
"""After which a process is ended."""
MOST_MB = 150
MIB = 1 << 20
EMPTY_FRAME = bytes.fromhex("28b52ffd2000010000")
SKIPPABLE = bytes.fromhex("502a4d1800000000")

Stored = tuple[bytes, str]
"""A layer's bytes as stored, and its diff_id."""


class Row(msgspec.Struct, frozen=True):
    """What one run took."""

    name: str
    size: int
    exit_code: int | None
    peak_mb: int
    cpu_seconds: float


def header(name: str, size: int = 0, flag: bytes = b"0", mode: int = 0o644) -> bytes:
    """A ustar header."""
    block = bytearray(512)
    fields = {0: name.encode()[:100], 100: b"%07o" % mode, 108: b"0000000", 116: b"0000000", 124: b"%011o" % size}
    for at, text in (fields | {136: b"00000000000", 156: flag, 257: b"ustar\00000"}).items():
        block[at : at + len(text)] = text
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def file(name: str, data: bytes = b"", flag: bytes = b"0") -> bytes:
    """A member with its data."""
    return header(name, len(data), flag) + data + bytes(-len(data) % 512)


def gzipped(parts: Iterable[bytes], level: int = 1) -> Stored:
    """A layer packed with gzip."""
    packer, digest, out = zlib.compressobj(level, wbits=31), hashlib.sha256(), []
    for part in parts:
        digest.update(part)
        out.append(packer.compress(part))
    return b"".join(out) + packer.flush(), f"sha256:{digest.hexdigest()}"


def plain(*parts: bytes) -> Stored:
    """A layer that is not packed."""
    content = b"".join(parts)
    return content, f"sha256:{hashlib.sha256(content).hexdigest()}"


def long_zstd(content: bytes, *options: str) -> bytes:
    """The content packed with a window of 128 MiB."""
    words = ["zstd", "-q", "-1", "--long=27", *options, "-c"]
    return subprocess.run(words, input=content, capture_output=True, check=True).stdout


def config(diff_ids: Sequence[str], **more: object) -> bytes:
    """An image's config."""
    rootfs = {"type": "layers", "diff_ids": list(diff_ids)}
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs, **more}).encode()


def archive(layers: Sequence[Stored], conf: bytes | None = None, images: int = 1) -> bytes:
    """A docker-archive; with several `images`, each names every layer."""
    names = [f"l{at}" for at in range(len(layers))]
    conf = conf or config([diff_id for _, diff_id in layers])
    items = [{"Config": f"c{at}.json", "RepoTags": [f"t:{at}"], "Layers": names} for at in range(images)]
    configs = b"".join(file(f"c{at}.json", conf + b" " * at) for at in range(images))
    stored = b"".join(file(name, content) for name, (content, _) in zip(names, layers, strict=True))
    return configs + stored + file("manifest.json", json.dumps(items).encode()) + END


def layout(layers: Sequence[Stored], media_type: str) -> bytes:
    """An OCI layout as an archive."""
    blobs: dict[str, bytes] = {}

    def add(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "config": add(config([diff_id for _, diff_id in layers]), "config.v1+json"),
        "layers": [add(content, media_type) for content, _ in layers],
    }
    top = {"schemaVersion": 2, "manifests": [add(json.dumps(manifest).encode(), "manifest.v1+json")]}
    members = b"".join(file(f"blobs/sha256/{digest}", content) for digest, content in blobs.items())
    mark = file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    return members + mark + file("index.json", json.dumps(top).encode()) + END


def _slow() -> Iterator[bytes]:
    yield header("zero", (4 << 30) - 512)
    for _ in range(4 << 10):
        yield bytes(MIB)
    yield END


def _metadata(of: int, count: int = 60) -> Iterator[bytes]:
    for each in range(count):
        yield file(f"{SITE}/p{of}_{each}-1.dist-info/METADATA", b"Name: p\n" + bytes(MIB - 8))
    yield END


def _headers(of: int, count: int, flag: bytes = b"0", stem: str = "") -> Iterator[bytes]:
    for at in range(0, count, 1000):
        yield b"".join(header(f"{of}{stem}/{at // 1000}/{each}", flag=flag) for each in range(min(1000, count - at)))
    yield END


def _base() -> bytes:
    return file("etc/hostname", b"x") + END


def _behind(first: bytes, more: bytes) -> bytes:
    return archive([(first + more, plain(_base())[1])])


def _windows(count: int) -> list[Stored]:
    contents = [file(f"f{at}", os.urandom(1 << 16) * 3100) + END for at in range(count)]
    return [(long_zstd(content), plain(content)[1]) for content in contents]


def _tiny_frames() -> bytes:
    tar = file("f", bytes(4 * MIB)) + END
    frame = zstd_module().compress
    return archive([(b"".join(frame(tar[at : at + 16]) for at in range(0, len(tar), 16)), plain(tar)[1])])


def _records() -> Iterator[bytes]:
    for each in range(5):
        yield file(f"{SITE}/p{each}-1.dist-info/RECORD", b"a,,\n" * (3 * MIB))
    yield END


BUILDERS: dict[str, Callable[[], bytes]] = {
    "wanted files while one layer is slow": lambda: archive(
        [gzipped([_base()]), gzipped(_slow()), *(gzipped(_metadata(at)) for at in range(40))]
    ),
    "wanted files in 12 plain layers": lambda: archive([plain(*_metadata(at, 12)) for at in range(12)]),
    "wanted files in one layer": lambda: archive([gzipped(_metadata(0, 200))]),
    "kept bytes of RECORD": lambda: archive([gzipped(_records())]),
    "4 layers of a million files": lambda: archive([gzipped(_headers(at, 1_000_000)) for at in range(4)]),
    "a million files": lambda: archive([gzipped(_headers(0, 1_000_000))]),
    "170,000 files": lambda: archive([gzipped(_headers(0, 170_000))]),
    "a million directories": lambda: archive([gzipped(_headers(0, 1_000_000, b"5"))]),
    "8 layers of 20,000 directories": lambda: archive([gzipped(_headers(at, 20_000, b"5")) for at in range(8)]),
    "zstd windows side by side": lambda: archive(_windows(6)),
    "zstd windows in a layout": lambda: layout(_windows(6), "layer.v1.tar+zstd"),
    "zstd windows within a zstd window": lambda: long_zstd(archive(_windows(2))),
    "zstd window of 1 GiB": lambda: archive([(b"\x28\xb5\x2f\xfd\x00\xa0" + bytes(600), plain(_base())[1])]),
    "empty gzip members": lambda: _behind(gzip.compress(_base()), gzip.compress(b"") * 600_000),
    "empty zstd frames": lambda: _behind(zstd_module().compress(_base()), EMPTY_FRAME * 1_300_000),
    "skippable zstd frames": lambda: _behind(zstd_module().compress(_base()), SKIPPABLE * 1_500_000),
    "empty xz streams": lambda: _behind(lzma.compress(_base()), lzma.compress(b"") * 400_000),
    "padding behind xz": lambda: _behind(lzma.compress(_base()), bytes(12 * MIB)),
    "empty bzip2 streams": lambda: _behind(bz2.compress(_base()), bz2.compress(b"") * 900_000),
    "zstd frames of 16 bytes": _tiny_frames,
    "1000 images of 1000 layers": lambda: archive([plain(_base())] * 1000, images=1000),
    "a config of empty values": lambda: archive(
        [plain(_base())], config([plain(_base())[1]], history=[{}] * 1_000_000)
    ),
    "names of outer members": lambda: (
        b"".join(
            header("././@LongLink", 4000, b"L") + (b"%04000d" % at) + bytes(96) + header("x") for at in range(40_000)
        )
        + END
    ),
    "documents of a stream": lambda: gzipped(
        [*(file(f"d{at}.json", b"[" + b"{}," * MIB + b"{}]") for at in range(30)), archive([plain(_base())])]
    )[0],
}


def measure(name: str, path: Path, *options: str, cache: Path) -> Row:
    """One run of the program on the image at `path`."""
    words = ["timeout", str(SECONDS), sys.executable, "-m", "inspector", "show", *options, str(path)]
    environment = {**os.environ, "INSPECTOR_CACHE_DIR": str(cache)}
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=nowhere, stderr=nowhere, env=environment) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    late = child.returncode in (124, 137)
    cpu = used.ru_utime + used.ru_stime
    return Row(name, path.stat().st_size, None if late else child.returncode, used.ru_maxrss >> 10, round(cpu, 1))


def say(line: str) -> None:
    """Print a line at once, since the next may take minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(names: Sequence[str]) -> int:
    """Print a row for each; 1 where any took too much memory."""
    chosen = [name for name in BUILDERS if not names or any(part in name for part in names)]
    worst = 0
    say(f"{'input':40} {'cache':6} {'bytes':>12} {'exit':>5} {'MB':>5} {'CPU s':>6}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.tar")
        for number, name in enumerate(chosen):
            cache = Path(folder, str(number))
            build = [sys.executable, "-m", "bench.hostile_memory", "--build", name, str(path)]
            subprocess.run(build, check=True)
            for options, state in ((("--no-cache",), "none"), ((), "empty"), ((), "full")):
                row = measure(name, path, *options, cache=cache)
                worst = max(worst, row.peak_mb)
                say(f"{name:40} {state:6} {row.size:12,} {row.exit_code!s:>5} {row.peak_mb:5} {row.cpu_seconds:6}")
    return int(worst > MOST_MB)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--build"]:
        Path(sys.argv[3]).write_bytes(BUILDERS[sys.argv[2]]())
    else:
        sys.exit(main(sys.argv[1:]))
