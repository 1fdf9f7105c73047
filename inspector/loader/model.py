"""What the loader's model takes in and gives out: rights, objects that are mapped, failures in the loader's words."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.elf import Skeleton
from inspector.rootfs import Kind, Node

READ = 4
SEARCH = EXECUTE = 1

Certainty = Literal["fails", "dies", "unknown"]
FailureKind = Literal[
    "missing",
    "denied",
    "format",
    "version",
    "symbol",
    "crash",
    "assertion",
    "stack",
    "tls",
    "processor",
    "program",
    "unknown",
]


class Rights(msgspec.Struct, frozen=True):
    """The user that a container runs as. Root in a container passes every test of a mode (CAP_DAC_OVERRIDE)."""

    uid: int = 0
    gids: frozenset[int] = frozenset()

    def allow(self, node: Node, bit: int) -> bool:
        """Tell whether the user may do what `bit` says: 4 to read, 1 to search a directory."""
        if self.uid == 0:
            return True
        if node.uid == self.uid:
            return bool(node.mode & bit << 6)
        return bool(node.mode & (bit << 3 if node.gid in self.gids else bit))


class LoadFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a program does not start or a library is not opened.

    `text` is what ld.so prints or dlerror returns; where certainty is "dies", what a shell would show. `object` is
    the file or name that it is about, `needed_by` the path of the object that asked, empty for a direct request;
    `library` and `symbol` are what is missing, `status` the exit status of a program that ends by it.
    """

    kind: FailureKind
    certainty: Certainty = "fails"
    object: str
    text: str
    needed_by: str = ""
    library: str = ""
    symbol: str = ""
    status: int | None = None


Library = tuple[str, str]


class Preloads(msgspec.Struct, frozen=True):
    """What is preloaded, each library as the folder below `nvidia` and the pattern of its name, in order.

    `triggers` are the names one of which an OSError must hold for `libraries` to be preloaded. `mapped` is the text
    that must stand in the list of what is mapped for `afterwards` to be preloaded after success, empty where
    nothing is. `by_release` is whether `nvidia/cuNN/lib` is looked in too, `plain` whether `FOLDER/lib` is; `together`
    whether the libraries are looked for before any is opened.
    """

    libraries: tuple[Library, ...] = ()
    optional: tuple[Library, ...] = ()
    triggers: tuple[str, ...] = ()
    mapped: str = ""
    afterwards: tuple[Library, ...] = ()
    optional_afterwards: tuple[Library, ...] = ()
    by_release: bool = False
    plain: bool = False
    together: bool = False


class Loaded:
    """An object that the process mapped; equal only to itself.

    `path` is the name as opened, empty for the program, `shown` what messages call it, `file` the path without links.
    `names` are those that it was asked for by, `number` its place in the order of mapping. `loader` is the object that
    first needed it, None where dlopen was called for it; `origin` its `$ORIGIN`, `how` the source that it was found by.
    `closure` is the list that its symbols are looked up in, once it was opened itself; `shared` whether its symbols
    serve all later objects.
    """

    __slots__ = (
        "checked",
        "closure",
        "file",
        "how",
        "identity",
        "loader",
        "names",
        "needed",
        "number",
        "origin",
        "path",
        "relocated",
        "searched",
        "shared",
        "shown",
        "skeleton",
    )

    def __init__(self, path: str, file: str, skeleton: Skeleton, identity: int | str) -> None:
        self.path = path
        self.shown = path
        self.number = 0
        self.file = file
        self.skeleton = skeleton
        self.identity = identity
        self.names: set[str] = {path}
        self.loader: Loaded | None = None
        self.origin = "/"
        self.how = ""
        self.needed: list[Loaded] = []
        self.closure: list[Loaded] | None = None
        self.searched: dict[str, tuple[str, ...]] = {}
        self.shared = False
        self.checked = False
        self.relocated = False

    def __repr__(self) -> str:
        return f"<Loaded {self.shown}>"

    @property
    def top(self) -> Loaded:
        """The object that dlopen was called for when this one was loaded; the program for what it started with."""
        found = self
        while found.loader is not None:
            found = found.loader
        return found


Outcome = Loaded | LoadFailure


def identity_of(path: str, node: Node) -> int | str:
    """Return what tells one file from another: names of one content have one identity."""
    return node.inode if node.inode and node.kind is Kind.FILE else path
