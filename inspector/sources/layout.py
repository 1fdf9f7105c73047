"""The OCI image layout (image-layout.md), in a directory or an archive."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec

from inspector.errors import Malformed, NoImage, NotFound, Unsupported
from inspector.oci import Descriptor, Index, Manifest, layout_version, parse_manifest
from inspector.sources.assemble import Listed, all_within, make_image
from inspector.sources.contents import Contents, Described
from inspector.sources.image import Image
from inspector.sources.indexes import Found, flatten, may_be_image
from inspector.sources.names import digest_in, is_id, may_be_id, pick, pick_any
from inspector.sources.platforms import Wanted, choose, refuse_several, same
from inspector.sources.shown import shown
from inspector.sources.store import BlobStore

INDEX = "index.json"
MARK = "oci-layout"
_TAG = "org.opencontainers.image.ref.name"
UNPACKED = "docker-archive"
"""The source whose manifests are of layers unpacked by `docker save`: no registry has them by that digest."""
_FULL_NAME = "io.containerd.image.name"


class _Group(msgspec.Struct):
    """The images of one name, or of none: they stand for one another, and differ by platform."""

    tags: list[str]
    found: list[Found]


class _Chosen(msgspec.Struct):
    """One image manifest, and all names that lead to it."""

    found: Found
    tags: list[str]


def open_layout(store: BlobStore, source: str, selector: str | None, wanted: Wanted) -> list[Image]:
    """Return all images, or those that go by `selector`, for the platform wanted."""
    contents, entries = _read(store)
    if not entries:
        raise Unsupported(f"{store.where}: its {INDEX} lists no image")
    warnings: list[str] = []
    groups = _by_id(contents, entries, selector) if selector is not None and may_be_id(selector) else []
    if not groups:
        named = entries if selector is None else pick_any(store.where, selector, entries, _names)
        groups = _by_name(contents, named, warnings)
    return _open_groups(contents, source, groups, wanted, warnings)


def listed(store: BlobStore, selector: str | None) -> list[Listed]:
    """List the images by their configs, for comparison: those of each name, or of `selector` alone."""
    contents, entries = _read(store)
    if selector is not None and not may_be_id(selector):
        entries = pick(selector, entries, _names)
    return [_listed(contents, descriptor) for descriptor in entries]


def _listed(contents: Described, descriptor: Descriptor) -> Listed:
    images, incomplete, other = [], False, False
    try:
        for one in flatten(contents, [descriptor]):
            if one.present:
                images.append((_image_id(contents, one), one.platform))
            else:
                incomplete = True
    except NotFound:
        incomplete = True
    except Unsupported:
        other = True
    return Listed(tuple(_names(descriptor)), tuple(images), incomplete, other)


def open_found(contents: Described, source: str, found: list[Found], wanted: Wanted) -> list[Image]:
    """Return the images of one index without names, for the platform wanted."""
    return _open_groups(contents, source, [_Group([], found)], wanted, [])


def open_manifest(contents: Described, source: str, manifest: Manifest, tags: Sequence[str] = ()) -> Image:
    """Return the image of one manifest."""
    return make_image(contents.store, source, contents.config(manifest), contents.layers(manifest), tags=tags)


def _read(store: BlobStore) -> tuple[Contents, list[Descriptor]]:
    """Return what the layout holds, and the entries of index.json, which need not state its type, that may be images.

    Raises `Unsupported` for a layout of another version.
    """
    if store.size(MARK) is not None:
        version = layout_version(store.document(MARK), f"{store.where}: {MARK}")
        if not version:
            raise Malformed(f"{store.where}: {MARK} states no imageLayoutVersion, so engines see no layout here")
        if not version.startswith("1."):
            raise Unsupported(f"{store.where}: an OCI layout of version {shown(version)}; 1.0.0 is read")
    top = parse_manifest(store.document(INDEX), "", f"{store.where}: {INDEX}")
    if isinstance(top, Manifest):
        raise Malformed(f"{store.where}: {INDEX} is a manifest, no index")
    name = "blobs/{}/{}".format
    return Contents(store, name, name), list(filter(may_be_image, top.manifests))


def _names(descriptor: Descriptor) -> list[str]:
    """List the names of an entry of index.json, the fullest first: containerd's, then the specification's."""
    annotations = descriptor.annotations or {}
    return [annotations[key] for key in (_FULL_NAME, _TAG) if annotations.get(key)]


def _by_name(contents: Described, entries: list[Descriptor], warnings: list[str]) -> list[_Group]:
    """Return the images of each name. A name of an artifact is left out with a warning, if there are others."""
    named: dict[str, list[Descriptor]] = {}
    for descriptor in entries:
        named.setdefault("".join(_names(descriptor)[:1]), []).append(descriptor)
    groups = []
    for name, descriptors in named.items():
        try:
            groups.append(_Group([name] if name else [], flatten(contents, descriptors)))
        except Unsupported as error:
            if len(named) == 1:
                raise
            warnings.append(f"left out: {error}")
    return groups


def _by_id(contents: Described, entries: list[Descriptor], selector: str) -> list[_Group]:
    """Return the images whose manifest, config or enclosing index has the digest asked for."""
    digest = digest_in(selector)
    groups = []
    for descriptor in entries:
        with contextlib.suppress(Unsupported):  # an artifact beside what is looked for
            found = flatten(contents, [descriptor])
            fitting = [one for one in found if digest in (one.descriptor.digest, *one.within)]
            fitting = fitting or [one for one in found if one.present and is_id(selector, _image_id(contents, one))]
            groups += [_Group(_names(descriptor)[:1], fitting)] if fitting else []
    return groups


def _image_id(contents: Described, found: Found) -> str:
    return contents.config(_manifest(contents, found)).image_id


def _open_groups(
    contents: Described, source: str, groups: list[_Group], wanted: Wanted, warnings: list[str]
) -> list[Image]:
    """Return of each group what the platform wanted takes; an image that goes by several names is one."""
    chosen: dict[str, _Chosen] = {}
    for group in groups:
        for one in _choose(contents, group, wanted, warnings):
            chosen.setdefault(one.descriptor.digest, _Chosen(one, [])).tags += group.tags
    if not chosen:
        raise NoImage(f"{contents.where}: holds no image, only attestations or other artifacts")
    return all_within((_open(contents, source, one, warnings) for one in chosen.values()), contents.where)


def _choose(contents: Described, group: _Group, wanted: Wanted, warnings: list[str]) -> list[Found]:
    """Return those of the platform wanted; of all platforms, those that are there."""
    if not group.found:
        return []
    where = f"{contents.where}: {shown(group.tags[0])}" if group.tags else contents.where
    choices = [(one.platform, one) for one in group.found]
    if group.tags and len({(*one.within, one.descriptor.digest)[0] for one in group.found}) > 1:
        refuse_several(choices, wanted, where)
    chosen = choose(choices, wanted, where)
    present = [one for one in chosen if one.present]
    absent = [f"{one.platform} (manifest {one.descriptor.digest})" for one in chosen if not one.present]
    if absent and (wanted != "all" or not present):
        here = ", ".join(sorted({str(one.platform) for one in group.found if one.present})) or "none"
        raise NotFound(f"{where}: lists {absent[0]}, but was saved without it; platforms that are there: {here}")
    warnings += [f"listed, but not there and so not read: {one}" for one in absent]
    return present


def _open(contents: Described, source: str, chosen: _Chosen, warnings: list[str]) -> Image:
    found = chosen.found
    image = open_manifest(contents, source, _manifest(contents, found), chosen.tags)
    own = list(warnings)
    if not same(found.platform, image.platform):
        own.append(f"the index lists the image as {found.platform}, its config says {image.platform}")
    digest = None if source == UNPACKED else found.descriptor.digest
    return msgspec.structs.replace(image, warnings=(*own, *image.warnings), manifest_digest=digest)


def _manifest(contents: Described, found: Found) -> Manifest:
    document = contents.manifest(found.descriptor)
    if isinstance(document, Index):
        raise Malformed(f"{contents.where}: {found.descriptor.digest} is an index where a manifest is stated")
    return document
