"""One image of an engine, and the access methods to its bytes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import DigestMismatch, Malformed, NotFound
from inspector.oci import History, ImageConfig
from inspector.reference import Scheme
from inspector.sources.access import AccessUnusable, ContainerFiles, Known, Unread
from inspector.sources.image import Image, Layer
from inspector.sources.platforms import foreign

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.engine.model import ImageDocument, Step
    from inspector.layers.blob import Meter


class EngineAccess:
    """The access methods to the image that `document` describes; from any thread."""

    def __init__(self, engine: Engine, document: ImageDocument) -> None:
        self.engine = engine
        self._document = document

    def told(self) -> Image:
        """See `Access.told`."""
        return as_told(self.engine, self._document, self.engine.history(self._document.id))

    def at_hand(self) -> Image | None:
        """See `Access.at_hand`."""
        from inspector.sources.engine.storage import places

        blobs = places(self.engine, self._document)
        if not blobs:
            return None
        image = as_told(self.engine, self._document)
        layers = tuple(
            msgspec.structs.replace(layer, blob=blob) for layer, blob in zip(image.layers, blobs, strict=True)
        )
        return msgspec.structs.replace(image, layers=layers)

    def storage(self) -> Image:
        """See `Access.storage`."""
        from inspector.sources.engine.storage import open_storage

        return open_storage(self.engine, self._document)

    def container(self) -> AbstractContextManager[ContainerFiles]:
        """See `Access.container`."""
        from inspector.sources.engine.container import container_files

        return container_files(self.engine, self._document.id, self._document.config)

    def saved(self, *, known: Known, meter: Meter) -> Image:
        """See `Access.saved`. What is saved must be the image that was asked for, layer by layer."""
        from inspector.sources.sniffing import open_sniffed
        from inspector.sources.streamed import StreamedArchive

        where = f"{self.engine.kind} save"
        with self.engine.save(self._document.id) as stream:
            archive = StreamedArchive(stream, where, meter=meter, known=known)
        try:
            images = open_sniffed(archive, Scheme.OCI_ARCHIVE, None, self._document.config.platform)
        except (NotFound, Malformed) as error:
            if isinstance(error, DigestMismatch):
                raise
            raise AccessUnusable(f"the engine's archive is not whole ({error})") from error
        wanted = self._document.config.rootfs.diff_ids
        for image in images:
            if image.config.rootfs.diff_ids == wanted:
                return image
        raise AccessUnusable("the engine's archive holds another image than the one asked for")


def as_told(engine: Engine, document: ImageDocument, history: tuple[Step, ...] = ()) -> Image:
    """Return the image as inspect describes it, nothing of its layers read.

    With build steps where `history` tells them.
    """
    config = with_steps(document.config, history)
    steps = config.build_steps()
    return Image(
        source=engine.kind,
        image_id=document.config_digest,
        config=config,
        platform=config.platform,
        layers=tuple(
            Layer(blob=Unread(), diff_id=diff_id, created_by=step)
            for diff_id, step in zip(config.rootfs.diff_ids, steps, strict=True)
        ),
        tags=document.tags,
        warnings=tuple(foreign(config.platform)),
        size=document.unpacked_size,
        access=EngineAccess(engine, document),
    )


def with_steps(config: ImageConfig, history: tuple[Step, ...]) -> ImageConfig:
    """Return the config with its history, the empty steps marked; without, where it can't be told which these are.

    An engine tells sizes alone, and a step of no bytes may have a layer all the same: only where there are as
    many steps with bytes as layers is it certain which is which.
    """
    if sum(step.size > 0 for step in history) != len(config.rootfs.diff_ids):
        return config
    steps: list[History | None] = [History(step.created_by, empty_layer=step.size == 0) for step in history]
    return msgspec.structs.replace(config, history=steps)
