"""Archives and directories that hold images in two forms: index.json, and manifest.json beside it.

Docker with its own storage and Podman read manifest.json; containerd, and Docker on top of it, read index.json where
there is an oci-layout. So both must lead to the same configs, by which the layers are fixed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.errors import InspectorError, Malformed
from inspector.sources import docker_archive, layout, skopeo_dir
from inspector.sources.image import Image
from inspector.sources.listed import Listed
from inspector.sources.names import normal_name, tag_of
from inspector.sources.platforms import same
from inspector.sources.store import BlobStore, shown


def is_twofold(store: BlobStore) -> bool:
    """Whether there are both an index.json and a manifest.json."""
    return store.size(layout.INDEX) is not None and store.size(docker_archive.MANIFEST) is not None


def refuse_differing(store: BlobStore, selector: str | None) -> None:
    """Raises `Malformed` where one name leads to one image by index.json, and to another by manifest.json."""
    indexed = layout.listed(store, selector)
    named: dict[str, list[Listed]] = {}
    for group in indexed:
        for key in _keys(group.tags):
            named.setdefault(key, []).append(group)
    beside = docker_archive if docker_archive.lists_images(store) else skopeo_dir
    for one in beside.listed(store, selector):
        by_name = [group for key in _keys(one.tags) for group in named.get(key, ())]
        by_tag = [group for tag in {tag_of(name) for name in one.tags} for group in named.get(tag, ())]
        _refuse_other(store.where, one, by_name or by_tag or indexed)


def warned(images: list[Image], store: BlobStore, selector: str | None) -> list[Image]:
    """The images, read as the user said that they are, with a warning where the other form has others."""
    if not is_twofold(store):
        return images
    try:
        refuse_differing(store, selector)
    except InspectorError as error:
        warning = f"read as its reference says; index.json and manifest.json were compared: {error}"
        return [msgspec.structs.replace(image, warnings=(*image.warnings, warning)) for image in images]
    return images


def _refuse_other(where: str, one: Listed, groups: list[Listed]) -> None:
    """Raises `Malformed` where index.json has images instead of what manifest.json has; absent parts prove nothing."""
    known = [pair for group in groups for pair in group.images]
    incomplete = any(group.incomplete for group in groups)
    if one.images and not known and any(group.other for group in groups):
        raise _differ(where, one, f"manifest.json leads to {one.images[0][0]}, index.json to what is no image")
    for image_id, platform in one.images:
        alike = [other for other, on in known if same(on, platform)]
        others = alike or ([] if incomplete else [other for other, _ in known])
        if others and image_id not in others:
            raise _differ(where, one, f"manifest.json leads to the config {image_id}, index.json to {others[0]}")


def _differ(where: str, one: Listed, what: str) -> Malformed:
    name = f" for {shown(one.tags[0])}" if one.tags else ""
    return Malformed(
        f"{where}: two images{name}: {what}; which of them runs depends on the engine: save the image again, or say "
        "which form is meant, as in docker-archive:PATH or oci-archive:PATH"
    )


def _keys(names: Sequence[str]) -> set[str]:
    """The names as engines read them; in index.json, where there are none, what are but tags."""
    whole = {_whole(name) for name in names if "/" in name or ":" in name}
    return whole or set(names)


def _whole(name: str) -> str:
    return normal_name(name.removeprefix("localhost/"))  # which Podman puts before names without a host
