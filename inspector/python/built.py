"""What a Python was built as, told by the strings in its program: its version, and the prefix compiled into it.

Seen in what gcc and clang make of CPython 3.11 to 3.13, as distributions, pyenv and python-build-standalone ship it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from inspector.elf import Skeleton
from inspector.errors import InspectorError
from inspector.python.environment import Environment
from inspector.python.version import Minor
from inspector.rootfs import Rootfs
from inspector.unknown import Unknown

_PREFIX = re.compile(
    rb"\0os_name\0WITH_NEXT_FRAMEWORK\0(/[^\0]{0,4000}+)\0++EXEC_PREFIX\0(?=VPATH\0|PYDEBUGEXT\0)",
)
"""Names that Modules/getpath.c hands to getpath.py, in their order, and the prefix among them.

An exec prefix of its own would stand behind its name. Installers that write another prefix in fill up with zeros.
"""
_TAG = re.compile(rb"\0\.cpython-3(\d{1,2})(t?)-[\w-]{1,60}\.so\0", re.ASCII)
_LIBRARY = r"libpython3\.(\d{1,2})(t?)d?\.so(?:\.\d+)*"


class Built(msgspec.Struct, frozen=True):
    """Its version and prefix; None for what its strings don't tell, or tell in more than one way."""

    minor: Minor | None = None
    prefix: str | None = None


ReadBuilt = Callable[[str, Environment], Built | Unknown]
"""What tells it of the program at a path; `Absent` where the loader doesn't start that."""


def read_built(objects: Sequence[bytes]) -> Built:
    """Return what the contents of a program and its libraries tell, of which one holds the interpreter."""
    prefixes = {found[1] for content in objects for found in _PREFIX.finditer(content)}
    tags = {found.groups() for content in objects for found in _TAG.finditer(content)}
    minors = [Minor("cpython", 3, int(number), threads.decode()) for number, threads in tags]
    prefix = prefixes.pop().decode("utf-8", "surrogateescape") if len(prefixes) == 1 else None
    return Built(minors[0] if len(minors) == 1 else None, prefix)


def linked_minor(fs: Rootfs, program: str) -> Minor | None:
    """Return the version of the libpython that a program is linked to; None for one that is linked to none."""
    try:
        skeleton = fs.skeleton(program)
    except InspectorError:
        return None
    needed = skeleton.needed if isinstance(skeleton, Skeleton) else ()
    found = next((match for name in needed if (match := re.fullmatch(_LIBRARY, name, re.ASCII))), None)
    return Minor("cpython", 3, int(found[1]), found[2]) if found else None
