"""What the Python floor finds out, as values: the shapes that reports print and policies judge."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.unknown import Tri
from inspector.values import Plain

UNSTATED = "no command was stated for it"
"""Why nothing is known of the command of what is no image, unless its user gives a configuration."""


class Startup(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the container's own command (entrypoint and cmd) exists and could be executed.

    `path` is the first word as found through PATH, `reasons` why it does not or may not start.
    """

    argv: tuple[str, ...]
    path: str | None
    starts: Tri
    reasons: tuple[str, ...] = ()


class Libc(msgspec.Struct, frozen=True):
    """The C library: `glibc` with the highest version that it defines, or `musl` (version if known)."""

    name: str
    version: str | None = None


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """Code that Python runs before any program: an `import` line of a .pth file, an entry point of a .start file
    (3.15 on), sitecustomize or usercustomize.

    `path` is the file, `text` the line, empty for a whole module. `effect` is what it is known to do,
    `touches_torch` whether that can change what `import torch` finds.
    """

    kind: Literal["pth", "start", "sitecustomize", "usercustomize"]
    path: str
    text: str = ""
    effect: str = ""
    touches_torch: Tri = "unknown"


class Interpreter(Plain, frozen=True, kw_only=True):
    """The program that the asked command (`python`) runs, and what it would search for imports.

    `path` is where PATH finds it, `resolved` the file behind all links and shims. `version` is X.Y.Z
    where the image tells the patch level, else X.Y. `search_path` is `sys.path` of `python -c`, in
    order, existing or not as Python lists it. `machine` is the file's own, in `uname -m`'s names.
    `runs` says whether the kernel could start it: machine, loader, execute bit. `entrypoint` says what
    `docker run IMAGE python …` does with the command: `direct`, `argument` of another program, or
    `unknown`, where a script stands before it. `prefix` and `base_prefix` are `sys.prefix` and
    `sys.base_prefix`; `abi` is the wheel tag's, such as `cp311`. `hooks` are in the order they run.
    """

    command: str
    path: str
    resolved: str
    implementation: str
    version: str
    search_path: tuple[str, ...]
    prefix: str = ""
    abi: str = ""
    machine: str | None = None
    libc: Libc | None = None
    runs: Tri = "unknown"
    reasons: tuple[str, ...] = ()
    entrypoint: Literal["direct", "argument", "unknown"] = "direct"
    base_prefix: str = ""
    hooks: tuple[Hook, ...] = ()


class Distribution(Plain, frozen=True, kw_only=True):
    """An installed distribution, as `pip list` or conda would name it.

    `name` as its metadata spells it, `path` that of its metadata directory or file, `size` in bytes on disk of the
    files it owns (None where no list of them exists), each content once. `layer` is the position, from
    the base up, of the layer that brought its metadata. `license_expression` is of SPDX, `license` the older header's
    first line; `requires` are its requirements as stated, without those of extras.
    """

    name: str
    version: str
    path: str
    size: int | None
    installer: str | None
    layer: int | None
    license: str | None = None
    license_expression: str | None = None
    requires: tuple[str, ...] = ()
