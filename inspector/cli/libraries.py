"""Click and msgspec as the program imports them: without modules that they ask for and that it never needs.

Both cost more than the library itself, in each run. Who imports `inspector` as a library gets all as usual.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False  # `typing` is not needed to import click, which brings it
if TYPE_CHECKING:
    from typing import Any


class Later(ModuleType):
    """A module that is imported once something of it is used."""

    def __getattr__(self, name: str) -> Any:
        """Return what the real module has."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_click() -> None:
    """Import click, its `inspect` put off until `--help` folds a text: that saves 5 ms, with parser and tokenizer.

    What is put off is click's own name of it: others that import `inspect` get the real one, from any thread.
    """
    if "click" in sys.modules or "inspect" in sys.modules:
        return
    later = sys.modules["inspect"] = Later("inspect")
    try:
        import click  # noqa: F401 - imported for all
    finally:
        if sys.modules.get("inspect") is later:
            del sys.modules["inspect"]


def import_msgspec() -> None:
    """Import msgspec without `typing_extensions`, which has nothing for it that `typing` lacks since Python 3.11."""
    if "msgspec" in sys.modules or "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # import's own mark of what can't be found
    try:
        import msgspec  # noqa: F401 - imported for all
    finally:
        del sys.modules["typing_extensions"]
