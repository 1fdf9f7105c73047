"""Places where an image lies that no engine made: a squashfs, alone or in a SIF file."""

from __future__ import annotations

from contextlib import suppress

from fixtures.squash import Object, sif
from inspector.errors import InspectorError
from inspector.sources.sif.open import open_sif
from tests.fuzz.cursor import Cursor
from tests.fuzz.images import scratch

MOST = 1 << 20


def squash(content: bytes) -> None:
    """A squashfs is listed, and each of its files is read or refused; the first byte says whether a SIF file has it."""
    cursor = Cursor(content)
    within = cursor.byte() % 2
    inner = cursor.rest()
    _read(sif([Object(inner)]) if within else inner)


def header(content: bytes) -> None:
    """A SIF file's own header and table."""
    _read(content)


def _read(content: bytes) -> None:
    path = scratch("it.sif")
    path.write_bytes(content)
    with suppress(InspectorError):
        (image,) = open_sif(str(path), str(path), "all")
        blob = image.layers[0].blob
        found = blob.scan("", None, verify=False, meter=lambda _: None).index.entries
        for position in range(len(found)):
            with suppress(InspectorError):
                blob.content(f"/{found.path(position)}", MOST)  # type: ignore[attr-defined]
