"""A container of the store of Podman and Buildah that no service tells of: one that `buildah from` made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inspector.errors import InspectorError, Malformed, Unreachable
from inspector.oci import ImageConfig, parse, parse_config
from inspector.sources.access import AccessUnusable, StoredAccess
from inspector.sources.container.access import ContainerView, own_layer, with_layers
from inspector.sources.container.own_files import OwnFiles
from inspector.sources.container.storage import kept_in_store
from inspector.sources.engine.containers_files import DRIVER
from inspector.sources.engine.disk import refuse_hidden_marks
from inspector.sources.engine.open import own_store
from inspector.sources.image import Image
from inspector.sources.platforms import foreign

if TYPE_CHECKING:
    from inspector.sources.engine.containers_storage import ContainersStore

_DOCUMENT = "userdata/buildah.json"


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
        refuse_hidden_marks(self._store.root / DRIVER)
        kept = kept_in_store(self._store, self._id)
        own = OwnFiles(kept.files)
        return with_layers(self._image, (*kept.layers, own_layer(own, walked=True)), ContainerView((), own.changed))


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
