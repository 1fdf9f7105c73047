"""What the two formats' ways of finding a table of contents come to."""

from __future__ import annotations

import msgspec

from inspector.layers.compression import Packing
from inspector.layers.entry import Entry


class Found(msgspec.Struct, frozen=True):
    """A table of contents as JSON, its digest checked. The layer's data, packed so, ends before byte `end`.

    `behind` are the entries of the tar that come after those listed.
    """

    content: bytes
    packing: Packing
    end: int
    behind: tuple[Entry, ...] = ()
