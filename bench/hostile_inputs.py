"""Inputs that are made to exhaust their reader, each at its true size; written by a process of their own.

Sizes are those that took gigabytes or minutes once, or that a bound stands just above.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fixtures.packing import zstd
from inspector.testing.tree import tar_of
from tests.hostile.raw import BASE, END, SITE, Raw, docker_archive, file, header, pax, record

MIB = 1 << 20
SKIPPABLE = b"\x50\x2a\x4d\x18" + bytes(4)
Packed = tuple[bytes, str]
"""A layer as stored, and its diff_id."""


def _gzipped(parts: Iterable[bytes]) -> Packed:
    squeeze, digest, out = zlib.compressobj(1, wbits=31), hashlib.sha256(), []
    for part in parts:
        digest.update(part)
        out.append(squeeze.compress(part))
    return b"".join([*out, squeeze.flush()]), f"sha256:{digest.hexdigest()}"


def _image(path: Path, layers: Iterable[Packed]) -> None:
    pairs = list(layers)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/bin"], "Cmd": ["python"]},
    }
    config["rootfs"] = {"type": "layers", "diff_ids": [diff_id for _, diff_id in pairs]}
    docker_archive(path, Raw([stored for stored, _ in pairs], document=json.dumps(config).encode()))


def _plain(layer: bytes) -> Packed:
    return layer, f"sha256:{hashlib.sha256(layer).hexdigest()}"


def read_ahead(path: Path) -> None:
    """One layer of 4 GiB that takes its time, and 16 behind it with 60 MiB of metadata each."""

    def wanted(at: int) -> Iterator[bytes]:
        for each in range(60):
            yield file(f"{SITE}/p{at}_{each}-1.dist-info/METADATA", b"Name: p\n" + bytes(MIB - 8))
        yield END

    block, digest = bytes(64 * MIB), hashlib.sha256(header("zero", 4 << 30))
    for _ in range(64):
        digest.update(block)
    digest.update(END)
    slow = gzip.compress(header("zero", 4 << 30), 1) + gzip.compress(block, 1) * 64 + gzip.compress(END)
    base = gzip.compress(BASE), f"sha256:{hashlib.sha256(BASE).hexdigest()}"
    _image(path, [base, (slow, f"sha256:{digest.hexdigest()}"), *(_gzipped(wanted(at)) for at in range(16))])


def zstd_windows(path: Path) -> None:
    """Six layers of 200 MB, each packed with a window of 128 MiB."""
    if sys.version_info >= (3, 14):
        from compression import zstd as real
    else:
        from backports import zstd as real
    options: dict[int, int] = {
        real.CompressionParameter.compression_level: 1,
        real.CompressionParameter.window_log: 27,
        real.CompressionParameter.enable_long_distance_matching: 1,
    }

    def layer(at: int) -> Packed:
        noise = hashlib.shake_128(b"%d" % at).digest(1 << 16)
        squeeze, digest, out = real.ZstdCompressor(options=options), hashlib.sha256(), []
        for part in (header(f"f{at}", 3100 << 16), *([noise] * 3100), END):
            digest.update(part)
            out.append(squeeze.compress(part))
        return b"".join([*out, squeeze.flush()]), f"sha256:{digest.hexdigest()}"

    _image(path, (layer(at) for at in range(6)))


def _followed(path: Path, first: bytes, empty: bytes) -> None:
    """The base layer, then 12 MB of what unpacks to nothing."""
    _image(path, [(first + empty * (12 * MIB // len(empty)), f"sha256:{hashlib.sha256(BASE).hexdigest()}")])


def one_metadata(path: Path) -> None:
    """A METADATA of 500 kB under 9,000 names."""
    first = f"{SITE}/p0-1.dist-info/METADATA"
    parts = [BASE[: -len(END)].rstrip(b"\0"), file(first, b"Name: x\nVersion: 1\n" + b"X: y\n" * 100_000)]
    parts[0] += bytes(-len(parts[0]) % 512)
    parts += [header(f"{SITE}/p{at}-1.dist-info/METADATA", 0, b"1", linkname=first.encode()) for at in range(1, 9000)]
    _image(path, [_plain(b"".join([*parts, END]))])


def one_record(path: Path) -> None:
    """A RECORD that names 4,000 directories that are not there, under 2,000 names."""
    first = f"{SITE}/p0-1.dist-info/RECORD"
    parts = [file(first, b"".join(b"gone%d/x,,\n" % at for at in range(4000)))]
    for at in range(2000):
        parts.append(file(f"{SITE}/p{at}-1.dist-info/METADATA", b"Name: p%d\nVersion: 1\n" % at))
        parts += [header(f"{SITE}/p{at}-1.dist-info/RECORD", 0, b"1", linkname=first.encode())] if at else []
    _image(path, [_plain(BASE), _plain(b"".join([*parts, END]))])


def _entries(start: int, count: int) -> Iterator[bytes]:
    for at in range(start, start + count):
        yield header(f"usr/share/some/folder{at >> 10}/file{at:07}.txt")
    yield END


def million_in_one(path: Path) -> None:
    """A layer of 990,000 entries."""
    _image(path, [_plain(BASE), _gzipped(_entries(0, 990_000))])


def million_in_many(path: Path) -> None:
    """A hundred layers of 10,000 entries each."""
    _image(path, (_gzipped(_entries(at * 10_000, 10_000)) for at in range(100)))


def images_and_layers(path: Path) -> None:
    """A thousand images of 127 layers each, all in one archive."""
    layers = [tar_of({f"f{at}": b"x"}) for at in range(127)]
    names = [f"l{at}" for at in range(127)]
    configs, items = {}, []
    for at in range(1000):
        configs[f"c{at}.json"] = Raw(layers, env=[f"A={at}"]).config
        items.append({"Config": f"c{at}.json", "RepoTags": [f"t:{at}"], "Layers": names})
    docker_archive(path, Raw(layers), manifest=json.dumps(items).encode(), more=configs)


def deep(path: Path) -> None:
    """Twenty thousand files at the end of 2,000 directories each, none of them shared."""

    def members() -> Iterator[bytes]:
        for at in range(20_000):
            yield pax(("path", f"{at}/" + "d/" * 2000 + "f")) + header("f")
        yield END

    _image(path, [_plain(BASE), _gzipped(members())])


def links(path: Path) -> None:
    """A search path through forty links at every step."""
    parts = [header(f"l{at}", 0, b"2", linkname=f"/l{at + 1}/l{at + 1}".encode()) for at in range(40)]
    parts += [file(f"{SITE}/a.pth", b"".join(b"/l%d/x%d\n" % (at % 40, at) for at in range(9000))), END]
    _image(path, [_plain(BASE), _plain(b"".join(parts))])


def many_records(path: Path) -> None:
    """Headers of a megabyte of PAX records each, before each of 120 files."""
    records = b"".join(record(f"k{at}", "v") for at in range(60_000))
    one = file("extended", records[:1_000_000].rpartition(b"\n")[0] + b"\n", b"x")

    def members() -> Iterator[bytes]:
        for at in range(120):
            yield one + header(f"f{at}")
        yield END

    _image(path, [_plain(BASE), _gzipped(members())])


def zeros_in_records(path: Path) -> None:
    """Bytes behind the last PAX record, by which a reader may never get on."""
    layer = file("extended", record("path", "aaaaaa") + bytes(4), b"x") + file("plain", b"x") + END
    _image(path, [_plain(BASE), _plain(layer)])


INPUTS: dict[str, Callable[[Path], None]] = {
    "packed layers read ahead": read_ahead,
    "zstd windows side by side": zstd_windows,
    "empty skippable frames": lambda path: _followed(path, zstd(BASE), SKIPPABLE),
    "empty zstd frames": lambda path: _followed(path, zstd(BASE), zstd(b"")),
    "empty gzip members": lambda path: _followed(path, gzip.compress(BASE), gzip.compress(b"")),
    "one METADATA, 9,000 names": one_metadata,
    "one RECORD, 2,000 names": one_record,
    "a million entries in one layer": million_in_one,
    "a million entries in 100 layers": million_in_many,
    "1,000 images of 127 layers": images_and_layers,
    "20,000 paths, 2,000 deep": deep,
    "links through links": links,
    "seven million PAX records": many_records,
    "zeros behind PAX records": zeros_in_records,
}


if __name__ == "__main__":
    INPUTS[sys.argv[1]](Path(sys.argv[2]))
