"""What a walk over a layer's directory has found and not taken in yet."""

from __future__ import annotations

import os

import msgspec

from inspector.layers.entry import Entry


class Below(msgspec.Struct):
    """A directory that was listed in its parent, and is yet to be entered."""

    path: str
    status: os.stat_result


class Named(msgspec.Struct):
    """A file of several names, by device and inode: which of them comes first is not known yet."""

    entry: Entry
    content: tuple[int, int]


class Run(msgspec.Struct):
    """Files of one directory that follow each other there, by columns, as `Entries` have them; others by position."""

    parent: str
    names: list[bytes] = msgspec.field(default_factory=list)
    modes: list[int] = msgspec.field(default_factory=list)
    sizes: list[int] = msgspec.field(default_factory=list)
    owned: list[int] = msgspec.field(default_factory=list)
    found: list[os.stat_result] = msgspec.field(default_factory=list)
    data: dict[int, bytes] = msgspec.field(default_factory=dict)
    sums: dict[int, bytes] = msgspec.field(default_factory=dict)


Item = Entry | Below | Named | Run


def count_of(item: Item) -> int:
    """Return how many files it stands for."""
    return len(item.names) if isinstance(item, Run) else 1
