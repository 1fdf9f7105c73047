"""A container by its engine's export: one tar of all its files, parted by the engine's list of what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec

from inspector import work
from inspector.errors import CorruptLayer
from inspector.layers import overlay
from inspector.layers.blob import Meter, Scanned
from inspector.layers.entries import Entries
from inspector.layers.entry import Entry, LayerIndex
from inspector.layers.memory import reading
from inspector.layers.objects import OF_CONTENT, Objects
from inspector.layers.scan import make_index, scan_stream
from inspector.layers.tree import WHITEOUT
from inspector.rootfs import Kind
from inspector.sources.access import AccessUnusable
from inspector.sources.container.own_files import NO_DIGEST
from inspector.sources.engine.answers import MADE_BY_ENGINES
from inspector.sources.streamed import MAX_HELD, chunks_of

if TYPE_CHECKING:
    from inspector.engine.client import Engine
    from inspector.engine.model import ContainerDocument

REMOVED = 2
"""The kind of a change by which a file was removed."""


class Held(msgspec.Struct, frozen=True):
    """A part of what went by, as a blob; nothing names bytes that are gone."""

    found: Scanned
    identity: ClassVar[None] = None

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - all was read, and told the meter
        """See `LayerBlob.scan`. Raises `AccessUnusable` where a digest is to be checked."""
        if verify:
            raise AccessUnusable(NO_DIGEST)
        return self.found


class Export(msgspec.Struct, frozen=True):
    """What is the image's, what was changed since, and the digest of the tar that had both."""

    base: Held
    own: Held
    digest: str


def read_export(engine: Engine, document: ContainerDocument, meter: Meter) -> Export:
    """Read all files of the container. Raises `AccessUnusable`, and what reading a layer raises."""
    changes = engine.changes(document.id)
    with reading(most=MAX_HELD, parked=True):
        try:
            with engine.export(document.id) as stream:
                scanned = scan_stream(chunks_of(stream, meter), None, None)
        except CorruptLayer as error:
            # An engine ends its tar early where a file shrinks after its header was written.
            if document.running:
                raise changed_while_read(engine, document, f" ({error})") from error
            raise
        if engine.changes(document.id) != changes:
            raise changed_while_read(engine, document)
        base, own = part(scanned.index, changes)
    return Export(
        Held(Scanned(base, scanned.bytes_read, scanned.how)),
        Held(Scanned(own, 0, scanned.how)),
        scanned.index.diff_id,
    )


def changed_while_read(engine: Engine, document: ContainerDocument, why: str = "") -> AccessUnusable:
    """Return the error that the container changed, and what helps."""
    pause = f"`{engine.kind} pause {document.id[:12]}`"
    helps = f"read it as root, or pause it first, as in {pause}"
    return AccessUnusable(f"the container changed while it was read{why}: {helps}")


def digest_of_export(engine: Engine, document: ContainerDocument) -> str:
    """Return the digest of the same tar as it is now."""
    from inspector.layers.hashing import HashedChunks

    with engine.export(document.id) as stream:
        hashed = HashedChunks(chunks_of(stream, lambda _: None), None)
        for _ in hashed:
            work.check()
    return hashed.digest


def part(whole: LayerIndex, changes: Mapping[str, int]) -> tuple[LayerIndex, LayerIndex]:
    """Part an index of all files into those of the image, and those that are changed; names of one file stay together.

    Raises `AccessUnusable` for what an overlay would take for a mark.
    """
    changed = {path for path, kind in changes.items() if kind != REMOVED}
    moved = {
        entry.link
        for entry in whole.entries
        if entry.kind is Kind.HARDLINK and (entry.path in changed or entry.link in changed)
    }
    base, own = _Part(whole.objects, whole.warnings), _Part(whole.objects)
    for position, entry in enumerate(whole.entries):
        if not position & 0xFFF:
            work.check()
        _refuse_mark(entry)
        if entry.kind is Kind.DIRECTORY:
            base.take(position, entry)
            if entry.path in changed:
                own.take(position, entry)
        elif entry.path in changed or entry.path in moved or (entry.kind is Kind.HARDLINK and entry.link in moved):
            own.take(position, entry)
        elif f"/{entry.path}" not in MADE_BY_ENGINES:
            base.take(position, entry)
    return make_index("", base, verified=False), make_index("", own, verified=False)


class _Part:
    """Some of the entries of an index, with their objects."""

    def __init__(self, objects: Objects, warnings: Sequence[str] = ()) -> None:
        self._all = objects
        self.entries = Entries()
        self.objects = Objects(all_seen=objects.all_seen, lost=objects.lost)
        self.warnings = list(warnings)

    def take(self, position: int, entry: Entry) -> None:
        """Take an entry in, of which `position` is the place in the whole."""
        place = len(self.entries)
        self.entries.append(entry)
        for name in OF_CONTENT:
            known = getattr(self._all, name)
            if position in known:
                getattr(self.objects, name)[place] = known[position]


def _refuse_mark(entry: Entry) -> None:
    """Raise `AccessUnusable` for what means something else in a layer than in a container."""
    name = entry.path.rpartition("/")[2]
    is_device = entry.kind is Kind.CHAR and entry.device is not None and not any(entry.device)
    if name.startswith(WHITEOUT) or overlay.is_overlay(entry.attributes) or is_device:
        raise AccessUnusable(f"{entry.path[:200]!a} in the container would be a mark in a layer")
