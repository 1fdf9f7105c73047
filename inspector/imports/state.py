"""What an importing process holds: its modules, their names, and what is open about them."""

from __future__ import annotations

import builtins
import re
from collections import ChainMap
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, NamedTuple

from inspector.imports.evaluate import UNSURE
from inspector.imports.syntax import Define
from inspector.python.modules import Found

Openness = Literal["", "compiled", "unknown"]

ALWAYS = (
    "__doc__",
    "__file__",
    "__loader__",
    "__package__",
    "__spec__",
    "__builtins__",
    "__dict__",
    "__path__",
    "__class__",
)


_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Raised(Exception):
    """An exception that the image's Python would raise; `at` tells where, `subject` is the module that is missing."""

    def __init__(self, error: str, text: str, at: str = "", subject: str = "") -> None:
        super().__init__(text)
        self.subject = subject
        self.error = error
        self.text = text
        self.at = at

    def __str__(self) -> str:
        told = f"{self.error}: {self.text}" if self.text else self.error
        return f"{told}, {self.at}" if self.at else told


class Ends(Exception):
    """The process ends without an exception."""


class Doubt(NamedTuple):
    """What may go wrong with the import of a module; the class of its exception, `?` where that isn't known."""

    module: str
    error: str
    text: str


class Function(NamedTuple):
    """A function, and the module that it is of."""

    module: str
    define: Define


class Loaded:
    """A module of the process: `names` are what it bound, `paths` where its submodules are.

    `maybe` says that it is loaded only on a way that may not be taken. `opened` says why it may have names that no file
    shows, `words` which these may be; `registers` and `moves` that it may put modules in place, or change `paths`;
    `binds` are all names that its statements may bind, None where others may be bound too.
    """

    __slots__ = (
        "binds",
        "dynamic",
        "found",
        "loading",
        "maybe",
        "moves",
        "name",
        "names",
        "opened",
        "paths",
        "registers",
        "words",
    )

    def __init__(self, name: str, found: Found | None, paths: tuple[str, ...] = (), opened: Openness = "") -> None:
        self.name = name
        self.found = found
        self.paths = paths
        self.opened: Openness = opened
        self.names: dict[str, Any] = {"__name__": name, **dict.fromkeys(ALWAYS, UNSURE)}
        self.loading = False
        self.maybe = False
        self.dynamic = self.registers = self.moves = False
        self.words: frozenset[str] = frozenset()
        self.binds: frozenset[str] | None = None

    @property
    def is_package(self) -> bool:
        """Whether it has submodules."""
        return bool(self.paths)

    @property
    def package(self) -> str:
        """What relative imports begin at."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def origin(self) -> str:
        """The file."""
        return (self.found.origin or self.found.path) if self.found else self.name


class Frame:
    """Where statements run: a module, or in it a function or a class with names of its own."""

    __slots__ = ("caught", "globals", "module", "names", "returned")

    def __init__(
        self, module: Loaded, local: dict[str, Any] | None = None, shared: frozenset[str] = frozenset()
    ) -> None:
        self.module = module
        self.names: MutableMapping[str, Any] = module.names if local is None else ChainMap(local, module.names)
        self.globals = shared
        self.caught: list[tuple[str, Raised]] = []
        self.returned: dict[str, Any] = {}

    def bind(self, name: str, value: Any) -> None:
        """Give a name a value."""
        if name in self.globals:
            self.module.names[name] = value
        else:
            self.names[name] = value


def matches(error: str, classes: tuple[str, ...] | None) -> bool:
    """Tell whether an `except` of these classes takes an exception."""
    if classes is None:
        return True
    raised = getattr(builtins, error, Exception)
    if not (isinstance(raised, type) and issubclass(raised, BaseException)):
        raised = Exception
    for name in classes:
        caught = getattr(builtins, name, None)
        if name == error or (isinstance(caught, type) and issubclass(raised, caught)):
            return True
    return False


def about_imports(error: str) -> bool:
    """Tell whether an exception tells of a module that can't be imported."""
    return error in ("ImportError", "ModuleNotFoundError")


def place(module: Loaded, line: int) -> str:
    """Return the clause that says where a statement stands."""
    return f"in line {line} of {module.origin}"


def origin_of(where: str) -> str:
    """Return the source that such a clause names."""
    return where.partition(" of ")[2]


def version_of(text: str) -> tuple[int, int, int]:
    """Return a Python's version as numbers."""
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (3, 0, 0)


def absolute(package: str, level: int, name: str, where: str) -> str:
    """Return the whole name of what a relative import means. Raises `Raised`."""
    if not level:
        return name
    parts = package.split(".") if package else []
    if len(parts) < level:
        raise Raised("ImportError", "attempted relative import beyond top-level package", where)
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def doubts_left(doubts: list[Doubt], loaded: dict[str, Loaded]) -> list[Doubt]:
    """Return the doubts about modules that were not loaded for certain after all."""
    return [each for each in doubts if each.error == "?" or each.module not in loaded or loaded[each.module].maybe]


def may_make(parent: Loaded, name: str) -> bool:
    """Tell whether the code of a module is known to make modules below it, such as one of this name."""
    if parent.opened == "unknown":
        return False
    return name.rpartition(".")[2] in parent.words or (parent.opened == "compiled" and not parent.words)


def is_closed(module: Loaded) -> bool:
    """Tell whether a module has no names but those that its statements show."""
    return not (module.opened or module.loading or module.dynamic or module.registers or module.found is None)


def mentions(module: Loaded, imports: Iterable[tuple[int, str, str]]) -> set[str]:
    """Return what a module imports anywhere, be it reached or not: level, module and name of each."""
    found: set[str] = set()
    for level, base, member in imports:
        try:
            whole = absolute(module.package, level, base, "")
        except Raised:
            continue
        found |= {whole, f"{whole}.{member}"}
    return found
