"""What is found out of the import of one module."""

from __future__ import annotations

import msgspec

from inspector.unknown import Importable

MAX_NAME = 300
"""Characters of a name that is asked for."""
MAX_NAMES = 50
"""Names that are asked of one image."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What `import NAME` would do.

    `reasons` are the exception that it ends with, or why that isn't known, each with the way that leads there. `path`
    is the file or folder that the name stands for, `followed` the modules that are loaded on the way, in order, without
    those of the standard library; `modules` and `extensions` count all, and the compiled ones among them.
    """

    importable: Importable
    reasons: tuple[str, ...] = ()
    path: str | None = None
    followed: tuple[str, ...] = ()
    modules: int = 0
    extensions: int = 0
    layer: int | None = None

    def __post_init__(self) -> None:
        """Take the answer for the enumeration, where a text was given."""
        msgspec.structs.force_setattr(self, "importable", Importable(self.importable))


def module_name(text: str) -> str:
    """Check the name of a module. Raises `ValueError`.

    >>> module_name("app.main")
    'app.main'
    """
    name = text.strip()
    if len(name) > MAX_NAME or not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"{text[:100]!r} is not a module's name; write one as in 'torchvision' or 'app.main'")
    return name
