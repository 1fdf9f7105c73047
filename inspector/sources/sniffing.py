"""What a store holds that nobody named: a layout, a docker-archive, or a copy of skopeo's; or two forms at once.

Docker with its own storage and Podman read manifest.json; containerd, and Docker on top of it, read index.json where
there is an oci-layout. Where both are there, they must lead to the same configs, by which the layers are fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from inspector.errors import DigestMismatch, InspectorError, Malformed, NoImage, NotFound, Unsupported
from inspector.names import split_name, without_local
from inspector.reference import Scheme
from inspector.sources import docker_archive, layout, skopeo_dir
from inspector.sources.assemble import Listed
from inspector.sources.image import Image
from inspector.sources.kinds import advice, advice_on_tar
from inspector.sources.platforms import Wanted, same
from inspector.sources.recognise import named_archive
from inspector.sources.shown import shown
from inspector.sources.store import BlobStore


def open_sniffed(store: BlobStore, layout_scheme: Scheme, selector: str | None, wanted: Wanted) -> list[Image]:
    """Return the images of whatever it is.

    Where it is both a layout and a docker-archive, these must lead to the same images, and the layout counts if it is
    complete.
    """
    has_index = store.size(layout.INDEX) is not None
    if store.size(docker_archive.MANIFEST) is None:
        if has_index:
            return layout.open_layout(store, layout_scheme.value, selector, wanted)
        is_folder = layout_scheme is Scheme.OCI
        where = store.where
        what = advice(where) if is_folder else advice_on_tar(where, lambda name: store.size(name) is not None)
        if what:
            raise NotFound(f"{store.where}: no image: neither manifest.json nor index.json in it; {what}")
        if not is_folder and (what := named_archive(Path(where))):
            raise NoImage(f"{store.where}: no image but {what}")
        folder = f"; name archives in it one by one: {store.where}/*.tar" if is_folder else ""
        raise NotFound(
            f"{store.where}: no image: neither manifest.json nor index.json in it; expected is what docker save, "
            f"podman save, skopeo or buildx write{folder}"
        )
    if has_index and (difference := find_difference(store, selector)) is not None:
        raise difference
    if not docker_archive.lists_images(store):
        return skopeo_dir.open_skopeo_dir(store, selector, wanted)
    if not has_index:
        return docker_archive.open_docker_archive(store, selector, wanted)
    try:
        return layout.open_layout(store, layout_scheme.value, selector, wanted)
    except DigestMismatch:
        raise
    except (NotFound, Malformed, Unsupported) as error:
        images = docker_archive.open_docker_archive(store, selector, wanted)
        # without oci-layout it was never one: apko's index.json lists manifests that lie elsewhere
        warning = f"manifest.json was read in place of index.json, which is incomplete: {error}"
        return _warned(images, warning) if store.size(layout.MARK) is not None else images


def _warned(images: list[Image], warning: str) -> list[Image]:
    return [msgspec.structs.replace(image, warnings=(*image.warnings, warning)) for image in images]


def compared(images: list[Image], store: BlobStore, selector: str | None) -> list[Image]:
    """Return the images, read as the user said that they are, with a warning where the other form can't be compared.

    Raises `Malformed` where it can, and has others.
    """
    if store.size(layout.INDEX) is None or store.size(docker_archive.MANIFEST) is None:
        return images
    try:
        difference = find_difference(store, selector)
    except InspectorError as error:
        return _warned(images, f"read as its reference says, and not compared with the other form there: {error}")
    if difference is not None:
        raise difference
    return images


def find_difference(store: BlobStore, selector: str | None) -> Malformed | None:
    """Return what is wrong where one name leads to one image by index.json, and to another by manifest.json."""
    indexed = layout.listed(store, selector)
    named: dict[str, list[Listed]] = {}
    for group in indexed:
        for key in _keys(group.tags):
            named.setdefault(key, []).append(group)
    beside = docker_archive if docker_archive.lists_images(store) else skopeo_dir
    for one in beside.listed(store, selector):
        by_name = [group for key in _keys(one.tags) for group in named.get(key, ())]
        by_tag = [group for tag in {split_name(name).target for name in one.tags} for group in named.get(tag, ())]
        found = _other(one, by_name or by_tag or indexed)
        if found is not None:
            return _differ(store.where, one, found)
    return None


def _other(one: Listed, groups: list[Listed]) -> str | None:
    """Return what index.json has instead of what manifest.json has; absent parts prove nothing."""
    known = [pair for group in groups for pair in group.images]
    incomplete = any(group.incomplete for group in groups)
    if one.images and not known and any(group.other for group in groups):
        return f"manifest.json leads to the config {one.images[0][0]}, index.json to what is no image"
    for image_id, platform in one.images:
        alike = [other for other, on in known if same(on, platform)]
        others = alike or ([] if incomplete else [other for other, _ in known])
        if others and image_id not in others:
            return f"manifest.json leads to the config {image_id}, index.json to {others[0]}"
    return None


def _differ(where: str, one: Listed, what: str) -> Malformed:
    name = f" for {shown(one.tags[0])}" if one.tags else ""
    return Malformed(
        f"{where}: two images{name}: {what}; which of them runs depends on the engine: save the image again, or remove "
        "index.json or manifest.json"
    )


def _keys(names: Sequence[str]) -> set[str]:
    """Return the names as engines read them; in index.json, where there are none, what are but tags."""
    whole = {without_local(name) for name in names if "/" in name or ":" in name}
    return whole or set(names)
