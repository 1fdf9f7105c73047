"""What a store holds that nobody named: a layout, a docker-archive, or a copy of skopeo's."""

from __future__ import annotations

from pathlib import Path

import msgspec

from inspector.errors import DigestMismatch, InspectorError, Malformed, NoImage, NotFound, Unsupported
from inspector.reference import Scheme
from inspector.sources import docker_archive, layout, skopeo_dir, twofold
from inspector.sources.image import Image
from inspector.sources.kinds import advice, advice_on_tar
from inspector.sources.platforms import Wanted
from inspector.sources.recognise import named_archive
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
    if has_index and (difference := twofold.find_difference(store, selector)) is not None:
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
        return _instead(images, error) if store.size(layout.MARK) is not None else images


def _instead(images: list[Image], error: InspectorError) -> list[Image]:
    """Return the images of manifest.json, saying why index.json was not read."""
    warning = f"manifest.json was read in place of index.json, which is incomplete: {error}"
    return [msgspec.structs.replace(image, warnings=(*image.warnings, warning)) for image in images]
