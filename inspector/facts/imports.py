"""The modules whose import is asked for by name: what they need is read of the layers once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import NotFound
from inspector.layers.contents import Contents
from inspector.layers.indexer import Indexed
from inspector.layers.merge import MergedRootfs
from inspector.python.model import Interpreter
from inspector.python.question import Question
from inspector.rootfs import NotKept, Rootfs, resolve
from inspector.sources.image import Image, Layer
from inspector.unknown import Importable, Unknown

if TYPE_CHECKING:
    from inspector.imports.model import Imported

ReadContent = Callable[[str], bytes]
NOT_FILES = "only single files were looked at: `--access save` reads those that an import needs"


class Modules(msgspec.Struct, frozen=True):
    """The names that are asked for; with `verify`, only bytes that are hashed will do.

    `missed` collects why files could not be read.
    """

    names: tuple[str, ...] = ()
    verify: bool = False
    missed: list[str] = msgspec.field(default_factory=list)

    def find(
        self, fs: Rootfs, question: Question, interpreter: Interpreter | Unknown, content: ReadContent
    ) -> dict[str, Imported]:
        """Return the answer for each name."""
        if not self.names:
            return {}
        from inspector.imports import find_imports  # most images are asked for none

        own = question.reads(fs, content)
        return find_imports(question.seen(fs), question.config, interpreter, self.names, own, question.doubts)

    def reader(self, image: Image, indexed: Sequence[Indexed], fs: MergedRootfs) -> ReadContent:
        """Return what reads any file of the image, which reads nothing before it is asked."""
        return _Reader(fs, [self._contents(*pair) for pair in zip(image.layers, indexed, strict=True)], self.missed)

    def _contents(self, layer: Layer, indexed: Indexed) -> Contents:
        digest = layer.digest if layer.compressed else None
        return Contents(indexed.index, layer.blob, layer.blob.identity, digest, verify=self.verify)


def unseen_imports(names: Sequence[str]) -> dict[str, Imported]:
    """Return the answer where only single files were looked at."""
    return unknown_imports(names, NOT_FILES)


def unknown_imports(names: Iterable[str], why: str) -> dict[str, Imported]:
    """Return the answer that is not known of any name."""
    asked = list(names)
    if not asked:
        return {}
    from inspector.imports.model import Imported

    return dict.fromkeys(asked, Imported(importable=Importable.UNKNOWN, reasons=(why,)))


class _Reader:
    """Reads any file of an image from its layers; `missed` collects why one can't be read."""

    def __init__(self, fs: MergedRootfs, contents: Sequence[Contents], missed: list[str]) -> None:
        self._fs = fs
        self._contents = contents
        self._missed = missed

    def __call__(self, path: str) -> bytes:
        """Return a file's bytes. Raises `NotKept`, `NotFound`."""
        try:
            return self._fs.content(self._real(path), self._contents)
        except NotKept as error:
            self._missed.append(str(error))
            raise

    def modified(self, path: str) -> int | None:
        """Return when a file was last written, in seconds; None where that isn't known. Raises `NotFound`."""
        return self._fs.modified(self._real(path), self._contents)

    def _real(self, path: str) -> str:
        real = resolve(self._fs, path)
        if real is None:
            raise NotFound(f"{path!r} leads to no file of the image")
        return real
