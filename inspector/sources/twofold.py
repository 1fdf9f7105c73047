"""Archives and directories that hold images in two forms: index.json, and manifest.json beside it.

Docker with its own storage and Podman read manifest.json; containerd, and Docker on top of it, read index.json where
there is an oci-layout. So both must lead to the same configs, by which the layers are fixed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.errors import InspectorError, Malformed
from inspector.names import split_name, without_local
from inspector.sources import docker_archive, layout, skopeo_dir
from inspector.sources.image import Image
from inspector.sources.listed import Listed
from inspector.sources.platforms import same
from inspector.sources.store import BlobStore, shown


def compared(images: list[Image], store: BlobStore, selector: str | None) -> list[Image]:
    """Return the images, read as the user said that they are, with a warning where the other form can't be compared.

    Raises `Malformed` where it can, and has others.
    """
    if store.size(layout.INDEX) is None or store.size(docker_archive.MANIFEST) is None:
        return images
    try:
        difference = find_difference(store, selector)
    except InspectorError as error:
        warning = f"read as its reference says, and not compared with the other form that is there: {error}"
        return [msgspec.structs.replace(image, warnings=(*image.warnings, warning)) for image in images]
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
