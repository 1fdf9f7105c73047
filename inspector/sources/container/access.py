"""The access methods to a container: its engine's storage, or the engine's export; neither changes anything.

Of a container that no service tells of, as `buildah from` makes them, the store of Podman and Buildah is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector.engine.model import MountPoint
from inspector.errors import InspectorError, Malformed, Unreachable
from inspector.oci import ImageConfig, parse, parse_config
from inspector.sources.access import AccessUnusable, Known, Unread
from inspector.sources.engine.containers_files import DRIVER
from inspector.sources.engine.disk import refuse_hidden_marks
from inspector.sources.engine.open import own_store
from inspector.sources.image import Image, Layer, StoredAccess
from inspector.sources.platforms import foreign
from inspector.sources.shown import shown
from inspector.words import first_few

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.engine.model import ContainerDocument
    from inspector.layers.blob import LayerBlob, Meter
    from inspector.sources.container.storage import Kept
    from inspector.sources.engine.containers_storage import ContainersStore

CHANGED = "changed in the container"
"""What stands for the build step of the topmost layer."""
OF_IMAGE = "the image's files, as the container has them"
"""The same of what an export has besides."""
MAX_TOLD = 5
"""Mounts that a warning names."""

_DOCUMENT = "userdata/buildah.json"


class ContainerAccess(StoredAccess):
    """The access methods to the container that `document` describes; `image` is what was known of it at once.

    It has no `engine` that could run it, since only images are run.
    """

    def __init__(self, engine: Engine, document: ContainerDocument, image: Image) -> None:
        super().__init__(image, "asking for single files would make mount points in the container")
        self._engine = engine
        self._document = document

    def at_hand(self) -> None:
        """See `Access.at_hand`: of a container nothing is kept."""
        return

    def storage(self) -> Image:
        """See `Access.storage`."""
        from inspector.sources.container.storage import find_kept

        return _from_files(self._image, find_kept(self._engine, self._document), self._document.mounts)

    def saved(self, *, known: Known, meter: Meter) -> Image:  # noqa: ARG002 - no layer is known by its digest
        """See `Access.saved`. Raises `AccessUnusable` too."""
        from inspector.sources.container.exported import read_export

        export = read_export(self._engine, self._document, meter)
        base = msgspec.structs.replace(own_layer(export.base), created_by=OF_IMAGE)
        view = ContainerView(self._document.mounts, lambda: self._changed_since(export.digest))
        return with_layers(self._image, (base, own_layer(export.own)), view)

    def _changed_since(self, digest: str) -> Iterator[str]:
        """Yield nothing. Raises `AccessUnusable` where the container is not what it was: a stopped one by its state."""
        from inspector.sources.container.exported import changed_while_read, digest_of_export

        if self._engine.describe(self._document.id).state != self._document.state:
            raise AccessUnusable("the container was started or stopped while it was read")
        if self._document.running and digest_of_export(self._engine, self._document) != digest:
            raise changed_while_read(self._engine, self._document)
        yield from ()


def own_layer(blob: LayerBlob | None = None, *, walked: bool = False) -> Layer:
    """Return the topmost layer, of no digest, by its blob."""
    return Layer(blob=blob or Unread(), created_by=CHANGED, walked=walked)


def with_layers(image: Image, layers: Sequence[Layer], view: ContainerView) -> Image:
    """Return the container with its layers, of which those with a digest are its image's."""
    rootfs = msgspec.structs.replace(image.config.rootfs, diff_ids=[layer.diff_id for layer in layers if layer.diff_id])
    config = msgspec.structs.replace(image.config, rootfs=rootfs)
    return msgspec.structs.replace(image, config=config, layers=tuple(layers), view=view)


def _from_files(image: Image, kept: Kept, mounts: Sequence[MountPoint] = ()) -> Image:
    """Return the container by the files that are kept of it on this machine."""
    from inspector.sources.container.own_files import OwnFiles

    own = OwnFiles(kept.files)
    return with_layers(image, (*kept.layers, own_layer(own, walked=True)), ContainerView(mounts, own.changed))


class ContainerView(msgspec.Struct, frozen=True):
    """See `View`. `changes` tells what was changed since."""

    mounts: Sequence[MountPoint]
    changes: Callable[[], Iterable[str]]

    @property
    def hidden(self) -> Mapping[str, str]:
        """See `View.hidden`."""
        return {mount.path: f"what is mounted at {told(mount)} is not read" for mount in self.mounts}

    def changed(self) -> Iterable[str]:
        """See `View.changed`."""
        return self.changes()


def told(mount: MountPoint) -> str:
    """Return the mount as messages name it."""
    return f"{shown(mount.path)} ({shown(mount.kind[:20])[1:-1]}{f' {shown(mount.name)}' if mount.name else ''})"


def mount_warnings(mounts: Sequence[MountPoint]) -> list[str]:
    """Return the warning that mounts hide what lies below them; none where there is none."""
    if not mounts:
        return []
    named = first_few([*map(told, mounts)], MAX_TOLD)
    return [f"what is mounted in the container is not read, and hides what lies below: {named}"]


class _Buildah(msgspec.Struct):
    """What Buildah keeps of a working container: its settings, as an image's config."""

    ociv1: msgspec.Raw = msgspec.Raw()


class StoredContainer(StoredAccess):
    """The only access method to a container of a store that no service stands before."""

    def __init__(self, store: ContainersStore, container_id: str, image: Image) -> None:
        super().__init__(image, "no service has the container")
        self._store = store
        self._id = container_id

    def at_hand(self) -> None:
        """See `Access.at_hand`."""
        return

    def storage(self) -> Image:
        """See `Access.storage`."""
        from inspector.sources.container.storage import kept_in_store

        refuse_hidden_marks(self._store.root / DRIVER)
        return _from_files(self._image, kept_in_store(self._store, self._id))


def open_stored(name: str, why: InspectorError) -> Image | None:
    """Return Buildah's container of this name or id; None where there is no store that can be read.

    Raises `NotFound`, and `Unreachable` for one of Podman's, whose settings its service alone knows: `why` that does
    not tell them.
    """
    store = own_store()
    if store is None:
        return None
    try:
        folder, record = store.container(name)
        content = folder.of_container(record.id, _DOCUMENT)
    except AccessUnusable:
        return None
    if content is None:
        raise Unreachable(f"{store} has the container, but its settings are known to Podman's service alone: {why}")
    config = _config(content, f"{store}: {_DOCUMENT} of {record.id[:12]}")
    image = Image(
        source="container",
        config=config,
        platform=config.platform,
        layers=(own_layer(),),
        warnings=tuple(foreign(config.platform)),
    )
    return msgspec.structs.replace(image, access=StoredContainer(store, record.id, image))


def _config(content: bytes, where: str) -> ImageConfig:
    said = parse(content, _Buildah, where)
    if not bytes(said.ociv1):
        raise Malformed(f"{where}: holds no settings of the container")
    return msgspec.structs.replace(parse_config(bytes(said.ociv1), where), history=None)
