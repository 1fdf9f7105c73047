"""What `skopeo copy … dir:PATH` writes: a registry's manifest as manifest.json, and blobs named by bare hex."""

from __future__ import annotations

from inspector.errors import NotFound, Unsupported
from inspector.oci import Manifest, parse_manifest
from inspector.sources.assemble import Listed
from inspector.sources.contents import Contents
from inspector.sources.image import Image
from inspector.sources.indexes import flatten
from inspector.sources.layout import open_found, open_manifest
from inspector.sources.names import is_id, no_such
from inspector.sources.platforms import Wanted, choose
from inspector.sources.store import BlobStore

MANIFEST = "manifest.json"
SOURCE = "dir"


def open_skopeo_dir(store: BlobStore, selector: str | None, wanted: Wanted) -> list[Image]:
    """Return the image, or those of the platforms wanted where `skopeo copy --all` brought several.

    Nothing in the directory names them, so `selector` can only be an id.
    """
    images = _images(store, wanted)
    chosen = [image for image in images if selector is None or is_id(selector, image.image_id or "")]
    if not chosen and selector is not None:
        raise no_such(store.where, selector, [])
    return chosen


def listed(store: BlobStore, selector: str | None) -> list[Listed]:  # noqa: ARG001 - nothing here has a name
    """Return the images by their configs, for comparison."""
    images = _images(store, "all")
    return [Listed((), tuple((image.image_id or "", image.platform) for image in images))]


def _images(store: BlobStore, wanted: Wanted) -> list[Image]:
    # `--all` keeps the manifests that a list points at by names of their own
    contents = Contents(store, lambda _, digits: f"{digits}.manifest.json", lambda _, digits: digits)
    if store.size(MANIFEST) is None:
        raise NotFound(
            f"{store.where}: holds no '{MANIFEST}', and dir: is a directory that `skopeo copy` filled; for a root file "
            f"system, which is dir: to syft, write rootfs:{store.where}, and for a Python environment "
            f"venv:{store.where}"
        )
    top = parse_manifest(store.document(MANIFEST), "", f"{store.where}: {MANIFEST}")
    if isinstance(top, Manifest):
        image = open_manifest(contents, SOURCE, top)
        return choose([(image.platform, image)], wanted, store.where)
    found = flatten(contents, top.manifests)
    if not found:
        raise Unsupported(f"{store.where}: its {MANIFEST} lists no image")
    return open_found(contents, SOURCE, found, wanted)
