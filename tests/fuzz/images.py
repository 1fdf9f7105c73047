"""Documents and archives that say what an image is, names of images, policies, and what engines answer."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from inspector.engine import documents as engine_documents
from inspector.errors import InspectorError, PolicyError
from inspector.oci import INDEX_TYPES, MANIFEST_TYPES, parse_config, parse_manifest
from inspector.policy.load import load_policy
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.engine.bolt import Bucket, _fnv1a, read_bolt
from inspector.testing.image import sha256
from inspector.testing.tree import tar_of
from tests.fuzz.cursor import Cursor

STATED = ("", *sorted(INDEX_TYPES | MANIFEST_TYPES), "text/plain")
CUT = b"\n--\n"
"""What parts the documents of one input."""
LAYER = tar_of({"etc/os-release": b"ID=debian\n"})


@cache
def scratch(name: str) -> Path:
    """A file that inputs are written to, one after the other."""
    return Path(tempfile.mkdtemp(prefix="inspector-fuzz-"), name)


def manifest(content: bytes) -> None:
    """An image manifest or index, for which a media type may be stated."""
    cursor = Cursor(content)
    stated = cursor.one_of(STATED)
    try:
        parse_manifest(cursor.rest(), stated, "it")
    except InspectorError as error:
        _in_one_line(error)


def config(content: bytes) -> None:
    """An image's configuration."""
    try:
        found = parse_config(content, "it")
    except InspectorError as error:
        _in_one_line(error)
        return
    assert len(found.build_steps()) == len(found.rootfs.diff_ids)
    assert all(isinstance(word, str) for word in (*found.entrypoint, *found.cmd, *found.env, *found.env.values()))
    assert found.working_dir.startswith("/")
    assert found.platform.normal() == found.platform


def archive(content: bytes) -> None:
    """An archive of images; where both are read, its file and the same bytes from a pipe hold the same images."""
    path = scratch("it.tar")
    path.write_bytes(content)
    lying, piped = _opened(str(path), None), _opened("-", content)
    if lying and piped:
        assert lying == piped


def documents(content: bytes) -> None:
    """An archive with a whole layer, its documents parted by `CUT`: a config, then files by name.

    `@CONFIG@` and `@LAYER@` stand for digests, and `@CONFIGSIZE@` and `@LAYERSIZE@` for sizes.
    """
    first, *others = content.split(CUT)[:6]
    replaced = {b"@LAYER@": sha256(LAYER).encode(), b"@LAYERSIZE@": b"%d" % len(LAYER)}
    first = _filled(first, replaced)
    replaced |= {b"@CONFIG@": sha256(first).encode(), b"@CONFIGSIZE@": b"%d" % len(first)}
    tree = {f"blobs/sha256/{sha256(LAYER)}": LAYER, f"blobs/sha256/{sha256(first)}": first, "layer.tar": LAYER}
    for name, other in zip(("@", "index.json", "manifest.json", "oci-layout"), others, strict=False):
        filled = _filled(other, replaced)
        replaced |= {b"@MANIFEST@": sha256(filled).encode(), b"@MANIFESTSIZE@": b"%d" % len(filled)}
        tree[f"blobs/sha256/{sha256(filled)}" if name == "@" else name] = filled
    archive(tar_of(tree))


def reference(content: bytes) -> None:
    """What may be typed to name an image."""
    text = content.decode("utf-8", "surrogateescape")
    try:
        found = parse_reference(text)
    except InspectorError as error:
        _in_one_line(error)
        return
    assert str(found) == text
    assert parse_reference(str(found)) == found
    assert found.places()


def policy_json(content: bytes) -> None:
    """A policy in the JSON form."""
    _policy(content, "roles.json")


def policy_toml(content: bytes) -> None:
    """A policy in the TOML form."""
    _policy(content, "inspector.toml")


def engine(content: bytes) -> None:
    """What an engine answers."""
    cursor = Cursor(content)
    readers: tuple[Callable[[bytes], object], ...] = (
        lambda said: engine_documents.image_document(said, "it", lambda: "graph"),
        lambda said: engine_documents.info(said, "it", podman=False),
        lambda said: engine_documents.history(said, "it"),
        lambda said: engine_documents.images(said, "it"),
        lambda said: engine_documents.containers(said, "it", 0.0),
    )
    read = cursor.one_of(readers)
    try:
        read(cursor.rest())
    except InspectorError as error:
        _in_one_line(error)


def bolt(content: bytes) -> None:
    """A bolt database, all buckets of which are gone through."""
    path = scratch("it.db")
    path.write_bytes(content)
    try:
        read_bolt(path, _all_of)
    except InspectorError as error:
        _in_one_line(error)


def sum_bolt(content: bytes) -> bytes:
    """A database whose two beginnings have the sums that they should."""
    fixed = bytearray(content)
    for at in (0, 1024, 4096):
        if len(fixed) >= at + 88:
            fixed[at + 80 : at + 88] = struct.pack("<Q", _fnv1a(bytes(fixed[at + 16 : at + 80])))
    return bytes(fixed)


def _all_of(bucket: Bucket, depth: int = 0) -> int:
    if depth > 20:
        return 0
    return sum(1 for _ in bucket.values()) + sum(_all_of(below, depth + 1) for _, below in bucket.buckets())


def _policy(content: bytes, name: str) -> None:
    path = scratch(name)
    path.write_bytes(content)
    try:
        found = load_policy(path)
    except PolicyError as error:
        _in_one_line(error)
        return
    assert found.roles


def _opened(text: str, content: bytes | None) -> dict[str | None, list[list[str]]]:
    """Each image's id, and the paths in its layers; nothing where any of it is refused."""
    try:
        images = open_images(parse_reference(text), stdin=None if content is None else io.BytesIO(content))
        found = {}
        for image in images[:4]:
            scans = [one.blob.scan(one.diff_id, one.digest, verify=True, meter=len_of) for one in image.layers[:4]]
            found[image.image_id] = [[entry.path for entry in scan.index.entries] for scan in scans]
    except InspectorError as error:
        _in_one_line(error)
        return {}
    return found


def len_of(_: int) -> None:
    """A meter that nobody reads."""


def _filled(text: bytes, replaced: dict[bytes, bytes]) -> bytes:
    for mark, value in replaced.items():
        text = text.replace(mark, value)
    return text


def _in_one_line(error: InspectorError) -> None:
    assert len(str(error)) < 100_000
    assert error.exit_code in (2, 3)
