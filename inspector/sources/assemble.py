"""The last step of every form: a config and its layers, checked against each other, as an `Image`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from inspector.errors import DigestMismatch, LimitExceeded, Malformed
from inspector.oci import ImageConfig, Platform, RootfsIds, check_digest, digest_of, parse_config
from inspector.sources.image import Image, Layer
from inspector.sources.platforms import foreign
from inspector.sources.shown import shown

MAX_LAYERS = 1000
"""Layers of one image past which it is refused; engines end at 125."""
MAX_IMAGES = 1000
"""Images of one archive or layout past which it is refused."""
MAX_PLACED = 50_000
"""Layers of all these together: a name of four bytes in a manifest.json makes one."""

_HEX = re.compile(r"[0-9a-f]+")


class Located(Protocol):
    """What holds an image."""

    @property
    def where(self) -> str:
        """The path or medium, as messages name it."""


class Config(msgspec.Struct, frozen=True):
    """An image's config, and the digest of its bytes: the image id."""

    image_id: str
    document: ImageConfig


def read_config(content: bytes, where: str, digest: str | None) -> Config:
    """Return the config in `content`, checked against its digest if that is known.

    Raises `DigestMismatch`, `Malformed`.
    """
    if digest is not None:
        check_digest(content, digest, where)
    return Config(digest_of(content), parse_config(content, where))


def digest_in_name(name: str) -> str | None:
    """Read the digest in the name of a config: `<hex>.json`, `sha256:<hex>`, `blobs/sha256/<hex>`."""
    folder, _, last = name.rpartition("/")
    stem = last.removesuffix(".json").lower()
    algorithm, colon, digits = stem.rpartition(":")
    algorithm = algorithm if colon else "sha512" if folder.endswith("blobs/sha512") else "sha256"
    lengths = {"sha256": 64, "sha512": 128}
    return f"{algorithm}:{digits}" if len(digits) == lengths.get(algorithm) and _HEX.fullmatch(digits) else None


def all_within(images: Iterable[Image], where: str) -> list[Image]:
    """Return the images. Raises `LimitExceeded` once they are more, or have more layers together, than are allowed."""
    found: list[Image] = []
    left = MAX_PLACED
    for image in images:
        found.append(image)
        left -= len(image.layers)
        if left < 0 or len(found) > MAX_IMAGES:
            what = f"{MAX_IMAGES} images" if left >= 0 else f"{MAX_PLACED} layers of images"
            raise LimitExceeded(f"{where}: more than {what} together; name one of them, as in {where}:NAME:TAG")
    return found


def check_counts(count: int, config: Config, where: str) -> None:
    """Raise `Malformed` unless there are as many layers as diff_ids, `LimitExceeded` if too many."""
    diff_ids = len(config.document.rootfs.diff_ids)
    if count != diff_ids:
        raise Malformed(f"{where}: {count} layers, but the config {config.image_id} lists {diff_ids} diff_ids")
    if count > MAX_LAYERS:
        raise LimitExceeded(f"{where}: an image of {count} layers; {MAX_LAYERS} are allowed")


def make_image(
    store: Located, source: str, config: Config, layers: Sequence[Layer], *, tags: Sequence[str] = ()
) -> Image:
    """Return the image of layers as they are stored; its `reference` is set by the caller, who knows what was asked."""
    check_counts(len(layers), config, f"{store.where}: {shown(tags[0]) if tags else 'an image'}")
    document = config.document
    for diff_id, layer in zip(document.rootfs.diff_ids, layers, strict=True):
        _check_plain(diff_id, layer, store.where)
    triples = zip(document.rootfs.diff_ids, layers, document.build_steps(), strict=True)
    return Image(
        source=source,
        image_id=config.image_id,
        config=document,
        platform=document.platform,
        layers=tuple(
            msgspec.structs.replace(layer, diff_id=diff_id, created_by=step) for diff_id, layer, step in triples
        ),
        tags=tuple(dict.fromkeys(tags)),
        warnings=tuple(foreign(document.platform)),
    )


def _check_plain(diff_id: str, layer: Layer, where: str) -> None:
    """Check a plain layer, whose digests are one: a layer in the wrong place shows without being read."""
    digest = layer.digest
    if digest is None or layer.compressed or digest.partition(":")[0] != diff_id.partition(":")[0]:
        return
    if digest != diff_id:
        raise DigestMismatch(
            f"{where}: layer {digest} is stored unpacked, but the config expects {diff_id} in its place; "
            "manifest and config don't belong together"
        )


class Listed(msgspec.Struct, frozen=True):
    """The images that go by some names, each by its config's digest and its platform.

    `incomplete` says that a part is missing, so that what leads there leads to no image; `other` that there is
    something that is not read as an image here, which an engine might still run.
    """

    tags: tuple[str, ...]
    images: tuple[tuple[str, Platform], ...]
    incomplete: bool = False
    other: bool = False


def single_image(
    reference: str,
    source: str,
    layer: Layer,
    config: ImageConfig,
    platform: Platform,
    *,
    diff_id: str = "",
    warnings: Iterable[str] = (),
) -> Image:
    """Make the image of one root file system: its layer's names are literal, `.wh.x` is a file, no device a whiteout.

    Of `config`, what a container gets (environment, user, command) is kept; its layers and its history are of other
    bytes. `layer` is as it is stored. It is no image of a registry, and nothing is put in the place of what such have:
    `image_id` is None, as no config has a digest; `diff_id` is that of the uncompressed tar where that was read whole,
    else empty. An empty one names nothing: no layer is taken for another by it, and neither facts nor indexes are kept
    in the cache, so that a directory which changes is never answered from what it was.
    """
    rootfs = RootfsIds([diff_id] if diff_id else [])
    return Image(
        reference=reference,
        source=source,
        config=msgspec.structs.replace(config.on(platform), rootfs=rootfs, history=None),
        platform=platform,
        layers=(msgspec.structs.replace(layer, diff_id=diff_id, literal=True),),
        warnings=tuple(warnings),
    )
