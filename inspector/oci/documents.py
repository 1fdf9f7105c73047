"""From a document's bytes to its values, read as engines read it, and refused where readers would differ."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from inspector.errors import LimitExceeded, Malformed, NoImage, Unsupported
from inspector.oci.model import (
    CONFIG_TYPES,
    DIGEST_PATTERN,
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_DOCUMENT,
    OLD_CONFIG_TYPE,
    SCHEMA1_TYPES,
    ArchiveItem,
    ImageConfig,
    Index,
    Manifest,
)

if TYPE_CHECKING:
    from inspector.oci.gojson import Reader

Document = TypeVar("Document")

_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


def decoder(kind: type[Document]) -> msgspec.json.Decoder[Document]:
    """Make a decoder of `kind`, one thread at a time: where two meet a type first, msgspec 0.22 may crash."""
    found = _decoders.get(kind)
    if found is None:
        with _making:
            found = _decoders[kind] = msgspec.json.Decoder(kind)
    return found


def converted(value: object, kind: type[Document]) -> Document:
    """Return a value of plain types as `kind`, which is prepared as in `decoder`. Raises `msgspec.ValidationError`."""
    decoder(kind)
    return msgspec.convert(value, kind)


def parse(content: bytes, kind: type[Document], where: str, most: int = MAX_DOCUMENT) -> Document:
    """Decode JSON that no image brings, such as an engine's answer, as `kind`; `where` names it in errors.

    Raises `Malformed`, `LimitExceeded`.
    """
    if len(content) > most:
        raise LimitExceeded(f"{where}: {len(content)} bytes; documents past {most} are refused")
    try:
        return decoder(kind).decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error, where) from error


def parse_manifest(content: bytes, stated: str, where: str) -> Index | Manifest:
    """Return an index or an image manifest; `stated` is the media type that points here, if any.

    A document that could be read as both, or that contradicts its types, is refused, since readers would
    differ (CVE-2021-41190). Raises `Unsupported` for artifacts and schema 1, `Malformed`, `LimitExceeded`.
    """
    from inspector.oci import gofields  # what an engine tells is parsed without

    tree = gofields.MANIFEST.read(content, where) or {}
    types = {stated, tree.get("mediaType", "")} - {""}
    is_index, is_manifest = "manifests" in tree, "layers" in tree or "config" in tree
    if types & SCHEMA1_TYPES or "fsLayers" in tree:
        raise Unsupported(
            f"{where}: an image manifest of schema 1, given up in 2019; copy the image with a recent tool"
        )
    if is_index and is_manifest:
        raise Malformed(f"{where}: both an index and a manifest")
    if not is_index and not is_manifest:
        raise Malformed(f"{where}: neither an image index nor an image manifest")
    wrong = types & (MANIFEST_TYPES if is_index else INDEX_TYPES)
    if wrong:
        what = "an index" if is_index else "a manifest"
        raise Malformed(f"{where}: its media type is {', '.join(sorted(wrong))}, but it is {what} of an image")
    if is_index:
        return _values(gofields.MANIFEST, content, tree, Index, where)
    _refuse_artifact(tree, where)
    return _values(gofields.MANIFEST, content, tree, Manifest, where)


def media_type(content: bytes, where: str) -> str:
    """Return the type that a manifest or index gives itself, empty where it gives none. Raises `Malformed`."""
    from inspector.oci import gofields

    tree = gofields.MANIFEST.read(content, where) or {}
    return str(tree.get("mediaType") or "")


def parse_config(content: bytes, where: str) -> ImageConfig:
    """Return an image's configuration. Raises `Malformed` also where there is no `rootfs`, without which it is none."""
    from inspector.oci import gofields

    tree = gofields.CONFIG.read(content, where) or {}
    if tree.get("rootfs") is None:
        raise Malformed(f"{where}: not an image's configuration: it has no `rootfs`")
    config = _values(gofields.CONFIG, content, tree, ImageConfig, where)
    if config.rootfs.type != "layers":
        raise Malformed(f"{where}: a root file system of type {config.rootfs.type[:100]!a}; only `layers` is defined")
    return config


def parse_items(content: bytes, where: str) -> list[ArchiveItem]:
    """Return the images that the manifest.json of `docker save` lists. Raises `Malformed`, `LimitExceeded`."""
    from inspector.oci import gofields

    tree = gofields.ITEMS.read(content, where)
    if tree is None:
        raise Malformed(f"{where}: null where a list of images is expected")
    return _values(gofields.ITEMS, content, tree, list[ArchiveItem], where)


def layout_version(content: bytes, where: str) -> str:
    """Return the version that an oci-layout file states, empty where it states none. Raises `Malformed`."""
    from inspector.oci import gofields

    tree = gofields.LAYOUT.read(content, where) or {}
    return str(tree.get("imageLayoutVersion") or "")


def _values(reader: Reader, content: bytes, tree: Any, kind: type[Document], where: str) -> Document:
    """Return the tree as `kind`; what it has as null, and `kind` has not, is left to its default on the second try."""
    try:
        try:
            return converted(tree, kind)
        except msgspec.ValidationError:
            again = reader.reread(content, where)
            if isinstance(again, dict):
                again = {key: value for key, value in again.items() if value is not None}
            return converted(again, kind)
    except msgspec.ValidationError as error:
        raise _malformed(error, where) from error


def _malformed(error: Exception, where: str) -> Malformed:
    if isinstance(error, UnicodeDecodeError | RecursionError):
        return Malformed(f"{where}: invalid JSON: {error}")
    sentence = str(error).replace(f"`str` matching regex {DIGEST_PATTERN!r}", "a SHA-256 or SHA-512 digest")
    return Malformed(f"{where}: {sentence}")


def _refuse_artifact(tree: dict[str, Any], where: str) -> None:
    kind = (tree.get("config") or {}).get("mediaType") or ""
    if kind not in {"", *CONFIG_TYPES, OLD_CONFIG_TYPE}:
        raise NoImage(f"{where}: no image but an artifact, its config of type {kind[:100]!a}")
