"""An image, whatever medium holds it: config, layers and where their bytes are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NoReturn, Protocol

import msgspec

from inspector.sources.access import AccessUnusable

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.layers.blob import LayerBlob, Meter
    from inspector.oci import ImageConfig, Platform
    from inspector.sources.access import ContainerFiles, Known
    from inspector.sources.venv.machine import Machine


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer. `digest` and `stored_size` (bytes) are those of the blob as stored, as far as they are known.

    `diff_id` is empty as long as no config states it, `created_by` the build step, where the config's history tells.
    `compressed` says whether the blob is packed; `walked` that it is read from a directory of files, whose entries are
    not quite those of the tar, and quickly however it is packed. One that is `literal` is a whole root file system and
    no change to one: none of its names is a whiteout.
    """

    blob: LayerBlob
    diff_id: str = ""
    digest: str | None = None
    stored_size: int = 0
    compressed: bool = False
    created_by: str | None = None
    walked: bool = False
    literal: bool = False


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image of one platform. `image_id` is the digest of the config; `reference`
    is set by who knows what was asked, `tags` are the medium's names for it.

    An engine's image has `access`: as it stands, it holds what the engine tells of it, and its layers are `Unread`;
    `image_id` is None where the engine doesn't tell the config's digest. `size` is what the engine states, in bytes
    of all files unpacked. `manifest_digest` is the digest of the manifest that was read, where there is one. With
    `unstated`, nobody stated the `config`: it holds what a container gets by default. `machine` has the files of what
    is no image but a part of this machine; its layer can't be read then. A container has a `view`.
    """

    source: str
    config: ImageConfig
    platform: Platform
    layers: tuple[Layer, ...]
    reference: str = ""
    image_id: str | None = None
    tags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    access: Access | None = None
    size: int | None = None
    manifest_digest: str | None = None
    unstated: bool = False
    machine: Machine | None = None
    view: View | None = None


class View(Protocol):
    """What stands between the layers of a container and what a program in it sees."""

    @property
    def hidden(self) -> Mapping[str, str]:
        """Why what lies at and below a path is not known, by path: something is mounted there."""

    def changed(self) -> Iterable[str]:
        """Return the paths that were changed since the layers were read, or while they were.

        One that ends with a slash is a directory that came, and may have been there in a lower layer. Raises
        `AccessUnusable` where it can't be told which.
        """


class Access(Protocol):
    """The access methods to an engine's image. Each raises `AccessUnusable` where it can't be taken."""

    @property
    def engine(self) -> Engine | None:
        """The engine that has the image; None where only its store was found."""

    def told(self) -> Image:
        """Return the image as its engine tells it, with build steps as far as these are certain.

        Its layers are `Unread`.
        """

    def at_hand(self) -> Image | None:
        """Return the image as told, with its layers where the engine keeps them, where that is quickly found.

        No more than their identity may be asked of them.
        """

    def storage(self) -> Image:
        """Return the image with its layers where the engine itself keeps them."""

    def container(self) -> AbstractContextManager[ContainerFiles]:
        """Return the files of a container that is created, never started, and removed on leaving."""

    def saved(self, *, known: Known, meter: Meter) -> Image:
        """Return the image with its layers read from the archive that the engine streams.

        Those `known` are passed over.
        """


class StoredAccess:
    """See `Access`. The only access method to an image, which was opened by it: no service has it, which `why` says."""

    engine = None

    def __init__(self, image: Image, why: str) -> None:
        self._image = image
        self._why = why

    def told(self) -> Image:
        """See `Access.told`."""
        return self._image

    def at_hand(self) -> Image | None:
        """See `Access.at_hand`."""
        return self._image

    def storage(self) -> Image:
        """See `Access.storage`."""
        return self._image

    def container(self) -> NoReturn:
        """See `Access.container`. Raises `AccessUnusable`, always."""
        raise AccessUnusable(self._why)

    def saved(self, *, known: Known, meter: Meter) -> Image:  # noqa: ARG002 - the signature of all access methods
        """See `Access.saved`. Raises `AccessUnusable`, always."""
        raise AccessUnusable(self._why)
