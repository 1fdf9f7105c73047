"""Click and msgspec as the program imports them: without modules that they ask for and that it never needs.

Those cost more than the libraries themselves, in each run. Who imports `inspector` as a library gets all as usual.
"""

from __future__ import annotations

import os
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


class _Platform(Later):
    """`platform`, of which `uuid` asks the system alone, up to Python 3.11: ten regular expressions are put off."""

    def system(self) -> str:
        """Return the system's name, where it is neither Windows nor macOS."""
        return os.uname().sysname


def import_click() -> None:
    """Import click and urllib.parse, and put off what help that is folded and addresses of IPv6 in URLs need: 8 ms."""
    _import("uuid", _Platform("platform"))  # click imports it
    if "click" not in sys.modules:
        _import("click", Later("inspect"))
        vars(import_module("click.types"))["_"] = str  # `gettext` looks for translations, which it lacks: 1 ms
    _import("urllib.parse", Later("ipaddress"))  # which pathlib imports, or what reads names of images


def import_msgspec() -> None:
    """Import msgspec without `typing_extensions`, which has nothing for it that `typing` lacks since Python 3.11."""
    if "msgspec" in sys.modules:
        return
    extensions = sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type]  # import's mark of none
    try:
        _import("msgspec", Later("textwrap"), Later("msgspec.inspect"))  # of schemas
    finally:
        if extensions is None:
            del sys.modules["typing_extensions"]


def _import(library: str, *put_off: Later) -> None:
    """Import a library, and what it imports in turn, with stand-ins for modules that are not imported yet.

    What is put off is the library's own name of it: others that import the module get the real one, from any thread.
    """
    stand_ins = {each.__name__: each for each in put_off if each.__name__ not in sys.modules}
    if library in sys.modules:
        return
    sys.modules.update(stand_ins)
    try:
        import_module(library)
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
