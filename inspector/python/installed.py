"""An installed distribution as this floor knows it: more than reports show."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.python.record import Owned


class Notes(NamedTuple):
    """Where warnings go, and the paths of metadata that can't be read."""

    warnings: list[str]
    unread: list[str]


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution and what it owns.

    `path` is its metadata directory or file, `site` the directory that this lies in, both with links
    followed. `owned` is None where no list of files exists. `rivals` are others of its name in the same
    directory: which of them tools see depends on the order of the directory's entries. `cut` says that it has more
    requirements than are read.
    """

    name: str
    version: str
    path: str
    site: str
    layer: int | None
    installer: str | None = None
    requires: tuple[str, ...] = ()
    owned: Owned | None = None
    editable: bool = False
    rivals: tuple[Installed, ...] = ()
    cut: bool = False

    @property
    def key(self) -> str:
        """The name for comparison (PEP 503)."""
        return canonical(self.name)

    def facts(self) -> Distribution:
        """Return what reports show of it."""
        return Distribution(
            name=self.name,
            version=self.version,
            path=self.path,
            size=None if self.owned is None else self.owned.size,
            installer=self.installer,
            layer=self.layer,
        )
