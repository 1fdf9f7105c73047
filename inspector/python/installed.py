"""An installed distribution as this floor knows it: more than reports show."""

from __future__ import annotations

import re

import msgspec

from inspector.python.metadata import canonical
from inspector.python.model import Distribution
from inspector.python.record import Owned, Rows

MAX_SHOWN, MAX_CHARACTERS = 200, 300
"""Requirements of one distribution that reports show, and characters of each."""
_FOR_EXTRA = re.compile(r";.*\bextra\s*==")


class Notes(msgspec.Struct, frozen=True):
    """Where warnings go, and the paths of metadata that can't be read."""

    warnings: list[str]
    unread: list[str]


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution and what it owns.

    `path` is its metadata directory or file, `site` the directory that this lies in, both with links
    followed. `owned` is None where no list of files exists. `rivals` are others of its name in the same
    directory: which of them tools see depends on the order of the directory's entries. `cut` says that it has more
    requirements than are read. `rows` are those of its RECORD, of torch's metadata alone: its files are compared.
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
    rows: Rows | None = None
    license: str = ""
    license_expression: str = ""

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
            license=self.license or None,
            license_expression=self.license_expression or None,
            requires=tuple(text for text in self.requires if _is_shown(text))[:MAX_SHOWN],
        )


def _is_shown(requirement: str) -> bool:
    return len(requirement) <= MAX_CHARACTERS and not _FOR_EXTRA.search(requirement)
