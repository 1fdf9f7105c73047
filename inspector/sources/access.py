"""The ways to an engine's image: the seam between the sources that know them and the code that chooses among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import msgspec

from inspector.errors import InspectorError
from inspector.rootfs import Rootfs

if TYPE_CHECKING:
    from inspector.layers.blob import Meter, Scanned

AccessMethod = Literal["storage", "files", "save"]
ACCESS_METHODS: tuple[AccessMethod, ...] = ("storage", "files", "save")
"""In the order of what they cost, where each can be taken at all."""

Known = Callable[[str], bool]
"""Whether the layer of this diff_id need not be read again."""


class AccessUnusable(InspectorError):
    """The access method does not lead to the image, or not to what was asked; the message is a clause that says why."""


class ContainerFiles(Rootfs, Protocol):
    """A file system that is asked file by file: `lstat`, `read` and `head` are cheap, listing is dear.

    What `scandir` returns answers single names by looking for them; iterating it, or asking for its length,
    raises `NotListed` unless the directory was streamed by `stream`. The C library has 2 MB, and is read where
    `opens_libc`: nobody asks for its version but the wheels that are there.
    """

    opens_libc: bool

    @property
    def questions(self) -> int:
        """How many requests were made of the engine."""

    @property
    def bytes_read(self) -> int:
        """How many bytes the engine sent in answer."""

    def stream(self, path: str, *, limit: int = 16 << 30) -> None:
        """Take in the directory `path` with everything below it, so that it is listed from now on.

        Raises `LimitExceeded` where it comes to more than `limit` bytes as a tar, `NotListed` where it never is.
        """


class Unread(msgspec.Struct, frozen=True):
    """The blob of a layer that is known by its digest alone: it answers from the cache or not at all."""

    identity: ClassVar[None] = None

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:  # noqa: ARG002 - the signature of all blobs
        """See `LayerBlob.scan`. Raises `AccessUnusable`, always."""
        raise AccessUnusable("a layer is not in the cache")
