"""A container by the files that its engine keeps on this machine: its image's layers, and on top its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import InspectorError
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.containers_storage import ContainersStore
from inspector.sources.engine.content_store import first_usable, open_content_store
from inspector.sources.engine.disk import refuse_hidden_marks
from inspector.sources.engine.overlay2 import chain_ids, open_overlay2, overlay2_container, overlay2_places
from inspector.sources.engine.podman_conf import roots
from inspector.sources.engine.snapshots import FOLDER, find_active
from inspector.sources.engine.storage import refuse_other_driver, storage_root
from inspector.sources.image import Layer

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.engine.model import ContainerDocument
    from inspector.sources.engine.diff_directory import DiffDirectory

_INIT = "-init"


class Kept(msgspec.Struct, frozen=True):
    """The layers that a container stands on, base first, and the directory of its own files."""

    layers: tuple[Layer, ...]
    files: Path


def find_kept(engine: Engine, document: ContainerDocument) -> Kept:
    """Return where the engine keeps the container. Raises `AccessUnusable`, saying what is missing.

    Of what the engine says, its root alone is taken for a path.
    """
    root = storage_root(engine)
    if engine.kind == "podman":
        return kept_in_store(ContainersStore(root, roots()[1:]), document.id)
    if engine.info.store == "containerd":
        return first_usable(root, lambda candidate: _from_containerd(candidate, document))
    refuse_other_driver(engine.info.driver)
    diff_ids, files = overlay2_container(root, document.id)
    layers = layers_of(list(zip(diff_ids, overlay2_places(root, diff_ids), strict=True)))
    try:
        image = open_overlay2(root, document.image, diff_ids)
    except InspectorError:  # it was removed, and only its layers are left
        return Kept(layers, files)
    return Kept(with_steps(layers, image.layers), files)


def kept_in_store(store: ContainersStore, container_id: str) -> Kept:
    """Return where the store of Podman and Buildah keeps the container. Raises `AccessUnusable`, `NotFound`."""
    folder, record = store.container(container_id)
    layers = layers_of(store.below(folder, record))
    try:
        image = store.open_id(record.image)
    except InspectorError:
        return Kept(layers, folder.files(record.layer))
    return Kept(with_steps(layers, image.layers), folder.files(record.layer))


def layers_of(placed: Sequence[tuple[str, DiffDirectory]]) -> tuple[Layer, ...]:
    """Return layers by diff_id and directory, without their build steps."""
    return tuple(Layer(blob=blob, diff_id=diff_id, walked=True) for diff_id, blob in placed)


def with_steps(layers: tuple[Layer, ...], known: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the layers with the build steps of the image, if its layers are these."""
    if [layer.diff_id for layer in layers] != [layer.diff_id for layer in known]:
        return layers
    pairs = zip(layers, known, strict=True)
    return tuple(msgspec.structs.replace(layer, created_by=other.created_by) for layer, other in pairs)


def _from_containerd(root: Path, document: ContainerDocument) -> Kept:
    """Return from the store of the containerd at `root`. Raises `AccessUnusable` where it has no snapshot of it."""
    refuse_hidden_marks(root)
    files, below = find_active(root / FOLDER / "metadata.db", document.id)
    image = open_content_store(root, document.image, document.platform)
    chain = list(chain_ids(image.config.rootfs.diff_ids))
    if [each for each in below if not each.endswith(_INIT)] != chain[::-1]:
        raise AccessUnusable("the container stands on other layers than its image has")
    return Kept(image.layers, files)
