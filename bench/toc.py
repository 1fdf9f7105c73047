"""`python -m bench.toc` reads layers of zstd:chunked from a registry by their tables of contents, and whole.

The images are the lab's, pushed once and then left in its registry.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.images import Named, named
from bench.table import MB, Missing, Row
from bench.tools import Tools
from inspector.errors import NotFound
from inspector.layers.blob import Scanned
from inspector.oci import Platform
from inspector.reference import parse_reference
from inspector.sources.image import Layer
from inspector.sources.registry.blob import RegistryBlob
from inspector.sources.registry.open import Registries, open_registry_images

REGISTRY = "127.0.0.1:5000"
TARGET = 0.02
"""What DESIGN.md asks: the share of a layer's bytes that is fetched."""
_FROM = 1 << 20
"""Bytes from which on a layer is worth a line."""


def toc_rows(tools: Tools, image: Named) -> Iterator[Row | Missing]:
    """A check by tables of contents alone, and with the loader's facts; what it fetched is the column `read`."""
    title = f"{image.name} zstd:chunked"
    if shutil.which("skopeo") is None:
        yield Missing(title, "there is no skopeo to push with")
        return
    name = _pushed(image.name)
    size = sum(layer.stored_size for layer in _layers(name))
    asked = (f"docker://{name}", image.role, "--no-cache", "--trust-toc")
    yield tools.check(f"{title} {size / MB:,.0f} MB: check --trust-toc", *asked)


def toc_lines(names: list[str] | None = None, *, whole: bool = True) -> Iterator[str]:
    """A line for each large layer of the lab's images, and for all of an image: bytes fetched and stored, seconds."""
    for name in names or [image.name for image in named()]:
        layers = _layers(_pushed(name))
        fetched = 0
        for layer in layers:
            scanned, seconds = _timed(layer, verify=False)
            fetched += scanned.bytes_read
            if layer.stored_size >= _FROM:
                line = _line(f"{name} layer ({scanned.how})", scanned.bytes_read, layer.stored_size)
                beside = f"; whole {_timed(layer, verify=True)[1]:.2f} s" if whole and scanned.how == "toc" else ""
                yield f"{line} in {seconds:.2f} s{beside}"
        yield _line(f"{name} all layers", fetched, sum(layer.stored_size for layer in layers))


def _line(title: str, fetched: int, size: int) -> str:
    share = fetched / size
    met = "met" if share <= TARGET else "NOT met"
    return f"{title}: {fetched / 1e6:.2f} MB of {size / 1e6:.1f} MB, {share:.2%} ({met}: at most {TARGET:.0%})"


def _timed(layer: Layer, *, verify: bool) -> tuple[Scanned, float]:
    begun = time.perf_counter()
    diff_id = "" if verify else layer.diff_id  # skopeo 1.9 drops padding at the end of a tar: then no diff_id fits
    scanned = layer.blob.scan(diff_id, layer.digest, verify=verify, meter=lambda _: None)
    return scanned, time.perf_counter() - begun


def _layers(name: str) -> tuple[Layer, ...]:
    (image,) = open_registry_images(parse_reference(f"registry:{name}"), Platform("linux", "amd64"), Registries())
    return tuple(layer for layer in image.layers if isinstance(layer.blob, RegistryBlob))


def _pushed(name: str) -> str:
    """The image in the registry as zstd:chunked, by way of a layout: skopeo pushes blobs that it knows as they are."""
    target = f"{REGISTRY}/bench-toc/{name.replace(':', '-')}:1"
    try:
        _layers(target)
    except NotFound:
        with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
            layout = f"oci:{Path(folder) / 'image'}:1"
            _skopeo("--dest-compress-format", "zstd:chunked", f"docker-daemon:{name}", layout)
            _skopeo("--dest-tls-verify=false", "--preserve-digests", layout, f"docker://{target}")
    return target


def _skopeo(*words: str) -> None:
    command = ("skopeo", "copy", "-q", "--insecure-policy", *words)
    subprocess.run(command, check=True, capture_output=True)


def main() -> int:
    """The command line: names of images, by default all that the lab has."""
    if shutil.which("skopeo") is None:
        sys.stderr.write("bench: there is no skopeo command\n")
        return 1
    for line in toc_lines(sys.argv[1:]):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
