"""The access method storage: an engine's image straight from the files that the engine keeps on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import InspectorError
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.disk import in_container
from inspector.sources.engine.overlay2 import DRIVER, open_overlay2, overlay2_places

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.engine.model import ImageDocument
    from inspector.sources.engine.diff_directory import DiffDirectory
    from inspector.sources.image import Image

MAX_PLACES = 1000
"""Layers that are looked for before the image is opened; engines end at 125."""


def open_storage(engine: Engine, document: ImageDocument) -> Image:
    """Return the image that `document` describes, its layers where the engine itself keeps them.

    Nothing that the engine says is taken for a path but its root: images and layers are found by digest. Raises
    `AccessUnusable`, saying what is missing.
    """
    if document.root and document.diff_ids:  # else the engine is asked for more, which takes it some 10 ms
        root = storage_root(engine, document.root)
        return open_overlay2(root, document.id, document.diff_ids, tags=document.tags)
    root, info = storage_root(engine), engine.info
    if not document.diff_ids and info.store != "containerd":
        raise AccessUnusable("the engine does not say which layers the image has")
    if engine.kind == "podman":
        from inspector.sources.engine.containers_storage import ContainersStore
        from inspector.sources.engine.podman_conf import roots

        return _same(ContainersStore(root, roots()[1:]).open_id(document.id), document)
    if info.store == "containerd":
        return _same(_from_containerd(root, document), document)
    refuse_other_driver(info.driver)
    return open_overlay2(root, document.id, document.diff_ids, tags=document.tags)


def storage_root(engine: Engine, told: str = "") -> Path:
    """Return where the engine keeps its files on this machine, if it has not `told` that. Raises `AccessUnusable`."""
    if not engine.endpoint.is_local:
        raise AccessUnusable("the engine is on another machine")
    root = Path(told or engine.info.root_dir)
    if not root.is_absolute():
        raise AccessUnusable("the engine does not say where it keeps its files")
    if in_container() and not os.path.lexists(root):
        raise AccessUnusable(
            f"there is no {str(root)!a} on this machine; in a container, give it that folder: "
            + ascii(f"-v {root}:{root}:ro")[1:-1]
        )
    return root


def refuse_other_driver(driver: str) -> None:
    """Raise `AccessUnusable` where another graph driver than overlay2 keeps the files."""
    if driver != DRIVER:
        raise AccessUnusable(f"the engine keeps its files by the driver {driver[:50]!a}; {DRIVER} is read")


def places(engine: Engine, document: ImageDocument) -> list[DiffDirectory]:
    """Return where Docker's overlay2 keeps the layers; none where it doesn't, or that can't be read."""
    if engine.kind != "docker" or document.config_digest is None or not 0 < len(document.diff_ids) <= MAX_PLACES:
        return []
    root = Path(document.root or (engine.info.root_dir if engine.info.driver == DRIVER else ""))
    if not engine.endpoint.is_local or not root.is_absolute():
        return []
    try:
        return overlay2_places(root, document.diff_ids)
    except InspectorError:  # the storage tells why, or another access method is taken
        return []


def _from_containerd(root: Path, document: ImageDocument) -> Image:
    """Return from whichever store holds the image's target; the reasons of all where none does.

    Of an image whose layers it has unpacked alone (moby#49473) the engine tells nothing else.
    """
    from inspector.sources.engine.content_store import first_usable, open_content_store

    wanted = document.config.platform if document.diff_ids else None
    return first_usable(root, lambda candidate: open_content_store(candidate, document.id, wanted))


def _same(image: Image, document: ImageDocument) -> Image:
    """Raise `AccessUnusable` unless the image is the one that the engine described."""
    if document.diff_ids and tuple(image.config.rootfs.diff_ids) != tuple(document.diff_ids):
        raise AccessUnusable("the files hold other layers than the engine lists")
    return image
