"""The seam to the outer container: documents and blobs by name, be it a directory or an archive."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from inspector import work
from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.layers.tar import Member, normal
from inspector.oci import MAX_DOCUMENT
from inspector.rootfs import MAX_LINKS, Kind
from inspector.sources.image import Layer
from inspector.sources.shown import shown

MAX_MEMBERS = 100_000
"""Members of an outer archive past which it is refused; images of 127 layers have some 500."""
MAX_NAMES = 16 << 20
"""Characters of the names of those members, and of what their links lead to."""


class DocumentStore(Protocol):
    """Small documents by name."""

    @property
    def where(self) -> str:
        """The path or medium, as messages name it."""

    def document(self, name: str) -> bytes:
        """Return a whole small document. Raises `NotFound`, `LimitExceeded` past `MAX_DOCUMENT`, `Malformed`."""


class BlobStore(DocumentStore, Protocol):
    """Named content. Names are relative to the root; those that climb above it stop there, as in an unpacked tar."""

    def size(self, name: str) -> int | None:
        """Return the bytes stored under `name`, links followed; None where there is nothing."""

    def layer(self, name: str) -> Layer:
        """Return a layer as the store has it. Raises `NotFound`."""


Content = TypeVar("Content")


class Members(Generic[Content]):
    """The members of an outer tar by name; of one name the last counts, and links are followed inside the root.

    What had the name before is kept as `earlier`: some engines read the first, and some the last.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._contents: dict[str, Content] = {}
        self._links: dict[str, str] = {}
        self._earlier: dict[str, list[Content | None]] = {}
        self._seen = 0
        self._names = 0

    def count(self, member: Member) -> None:
        """Raise `LimitExceeded` once there are too many members to be an image, or their names are too long."""
        self._seen += 1
        self._names += len(member.path) + len(member.link)
        if self._seen > MAX_MEMBERS:
            raise LimitExceeded(
                f"{self._where}: more than {MAX_MEMBERS} members; that is no archive of images; for the tar of a root "
                "file system write rootfs:PATH"
            )
        if self._names > MAX_NAMES:
            raise LimitExceeded(f"{self._where}: the names in it have more than {MAX_NAMES} characters together")

    def put(self, path: str, content: Content) -> None:
        """Keep a file's content under `path`."""
        self._replace(path)
        self._contents[path] = content

    def put_other(self, member: Member) -> None:
        """Keep a link; anything else but a file only takes the name away from what had it before."""
        self._replace(member.path)
        if member.kind is Kind.SYMLINK:
            parent = "" if member.link.startswith("/") else member.path.rpartition("/")[0]
            self._links[member.path] = normal(f"{parent}/{member.link}")
        elif member.kind is Kind.HARDLINK:
            self._links[member.path] = member.link

    def _replace(self, path: str) -> None:
        if path in self._contents or path in self._links:
            self._links.pop(path, None)
            self._earlier.setdefault(path, []).append(self._contents.pop(path, None))

    def find(self, name: str) -> Content | None:
        """Return what `name` leads to, if anything. Raises `Malformed` for links that never end."""
        work.check()
        return self._contents.get(self._end(name))

    def earlier(self, name: str) -> list[Content | None]:
        """Return what else had the name that `name` leads to, or stands for, before; None for a link."""
        return [*self._earlier.get(normal(name), ()), *self._earlier.get(self._end(name), ())]

    def _end(self, name: str) -> str:
        path = normal(name)
        for _ in range(MAX_LINKS + 1):
            if path not in self._links:
                return path
            path = self._links[path]
        raise Malformed(f"{self._where}: the links at {shown(name)} never end")


def missing(where: str, name: str) -> NotFound:
    """Return the error for a name that a store does not hold."""
    return NotFound(f"{where}: holds no {shown(name)}; the copy is incomplete; copy the image again")


def several(where: str, name: str) -> Malformed:
    """Return the error for a document that an archive holds twice, and not twice the same."""
    return Malformed(
        f"{where}: holds {shown(name)} more than once, and not the same; engines differ in which they read: "
        "write the archive again, with each name once"
    )


def too_large(where: str, name: str, size: int) -> LimitExceeded:
    """Return the error for a document past the bound."""
    return LimitExceeded(f"{where}: {shown(name)} has {size} bytes; documents past {MAX_DOCUMENT} are refused")
