"""The files that a container has of its own, in the directory to which its engine's overlay writes them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.layers.blob import Meter, Scanned
from inspector.layers.scan import make_index
from inspector.sources.access import AccessUnusable
from inspector.sources.below import readers_below
from inspector.sources.engine.compared import names_below
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord
from inspector.sources.engine.disk import unusable
from inspector.sources.engine.walk import Walk

if TYPE_CHECKING:
    from inspector.elf import Source
    from inspector.layers.entry import LayerIndex

MAX_WATCHED = 300_000
"""Files of a container's own that are compared with what they were."""
NO_DIGEST = "what was changed in a container has no digest, and every one is to be checked"
_TRIES = 3
_TICK = 20_000_000
"""Nanoseconds that surely cover what the kernel's clock of files goes on by."""
_OPAQUE, _TRANSPARENT = 1, 0

Stamp = tuple[int, int, int, int]


class OwnFiles:
    """The topmost layer of a container, as a blob. It may change at any time, so nothing of it is kept in the cache."""

    identity = None  # no name lasts for what a container may write to

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before: dict[str, Stamp] = {}

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - the signature of all blobs
        """See `LayerBlob.scan`. Raises `AccessUnusable` too."""
        if verify:
            raise AccessUnusable(NO_DIGEST)
        self._before = self._stamps_at_rest()
        walk = self._walked(meter, _TRIES)
        return Scanned(make_index(diff_id, walk, verified=False), walk.bytes_read, "walk")

    def _walked(self, meter: Meter, tries: int) -> Walk:
        """Return a walk that met nothing which changed under it; a program may write at any time."""
        walk = Walk(self.path, meter)
        try:
            walk.run()
        except (OSError, AccessUnusable) as error:
            if tries > 1 and isinstance(error, FileNotFoundError | AccessUnusable):
                return self._walked(meter, tries - 1)
            if isinstance(error, OSError):
                raise unusable(self.path / os.fsdecode(error.filename or ""), error) from error
            raise
        return walk

    def open_file(self, index: LayerIndex, position: int) -> AbstractContextManager[Source]:
        """See `Reopenable`."""
        return DiffDirectory(self.path, FileRecord(self.path)).open_file(index, position)

    def readers(self, index: LayerIndex, positions: list[int]) -> Iterator[tuple[int, Callable[[int], bytes]]]:
        """See `Unpacked`."""
        return readers_below(self.path, index.entries, positions)

    def changed(self) -> Iterator[str]:
        """Yield the paths, from the root on, that were added, changed or removed since the files were scanned.

        A directory that came, as one does for each file written below it, ends with a slash.
        """
        after = self._stamps()
        for path in self._before.keys() | after.keys():
            before, now = self._before.get(path), after.get(path)
            if before != now:
                came = before is None and now is not None and now[-1] == _TRANSPARENT
                yield f"/{path}/" if came else f"/{path}"

    def _stamps_at_rest(self) -> dict[str, Stamp]:
        """Return stamps that a further change would alter: a clock's tick, in which nothing is told apart, is over."""
        found = self._stamps()
        for _ in range(_TRIES):
            latest = max((stamp[-1] for stamp in found.values()), default=0)
            if latest < time.time_ns() - _TICK:
                break
            time.sleep(_TICK / 1e9)
            found = self._stamps()
        return found

    def _stamps(self) -> dict[str, Stamp]:
        """Return what changes with each file; of a directory, whether it hides what is below: its names follow."""
        found: dict[str, Stamp] = {}
        with closing(names_below(self.path)) as names:
            for path, status in names:
                found[path] = self._stamp(path, status)
                if len(found) > MAX_WATCHED:
                    raise AccessUnusable(f"{str(self.path)!a} holds more than {MAX_WATCHED} files")
        return found

    def _stamp(self, path: str, status: os.stat_result) -> Stamp:
        changed = status.st_ctime_ns
        if stat.S_ISDIR(status.st_mode):
            try:
                marks = os.listxattr(self.path / path, follow_symlinks=False)
            except OSError as error:
                raise unusable(self.path / path, error) from error
            changed = _OPAQUE if any(mark.endswith(".opaque") for mark in marks) else _TRANSPARENT
        return (status.st_ino, status.st_mode, status.st_uid, changed)
