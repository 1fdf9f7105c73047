"""What is kept of a Python source: the statements that matter to imports, in order, as small values.

The tree that CPython's parser makes is dropped as soon as these are made of it: it takes thirty times as much memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Value = tuple[Any, ...]
"""An expression that can be worked out: its kind and parts (`inspector.imports.expressions`)."""


class Import(NamedTuple):
    """`import name as bound`; without `as`, `bound` is the first part of the name, and empty."""

    line: int
    name: str
    bound: str = ""


class From(NamedTuple):
    """`from module import names`, each with the name that it is bound to; `level` counts the dots."""

    line: int
    level: int
    module: str
    names: tuple[tuple[str, str], ...]


class Bind(NamedTuple):
    """Names that get a value; None where it can't be worked out."""

    line: int
    names: tuple[str, ...]
    value: Value | None = None


class Append(NamedTuple):
    """A list to which something is added."""

    line: int
    name: str


class Call(NamedTuple):
    """A call of a function by its name, or where `imports`, of one that imports the module that `args` name."""

    line: int
    name: str
    args: tuple[Value | None, ...] = ()
    imports: bool = False
    maybe: bool = False
    named: tuple[tuple[str, Value | None], ...] = ()


class Define(NamedTuple):
    """A function; its body is kept where the module calls it. `globals` are the names that it binds in the module."""

    line: int
    name: str
    body: Block = ()
    parameters: tuple[str, ...] = ()
    globals: frozenset[str] = frozenset()
    defaults: tuple[tuple[str, Value | None], ...] = ()


class Class(NamedTuple):
    """A class, whose body runs as it is defined."""

    line: int
    name: str
    body: Block = ()


class If(NamedTuple):
    """A condition; `test` is None where it can't be worked out."""

    line: int
    test: Value | None
    body: Block
    orelse: Block = ()


class Loop(NamedTuple):
    """A loop over `items`, where these can be worked out."""

    line: int
    target: str
    items: Value | None
    body: Block
    orelse: Block = ()


class Handler(NamedTuple):
    """An `except`: the names of classes, None for all."""

    classes: tuple[str, ...] | None
    name: str
    body: Block


class Try(NamedTuple):
    """A `try` with all its parts."""

    line: int
    body: Block
    handlers: tuple[Handler, ...]
    orelse: Block
    final: Block


class With(NamedTuple):
    """A `with`: the classes of exceptions that it takes, None where that isn't known."""

    line: int
    takes: tuple[str, ...] | None
    body: Block


class Raise(NamedTuple):
    """A `raise`; the class is empty where the exception at hand is raised again, and `?` where it isn't known."""

    line: int
    error: str
    text: str = ""


class Leave(NamedTuple):
    """`return`, `break` or `continue`."""

    line: int
    how: str
    value: Value | None = None


class Use(NamedTuple):
    """A name that stands alone, or with an attribute, to see whether there is such a one."""

    line: int
    name: str
    attribute: str = ""


class Delete(NamedTuple):
    """Names that are deleted."""

    line: int
    names: tuple[str, ...]


Statement = (
    Import | From | Bind | Append | Call | Define | Class | If | Loop | Try | With | Raise | Leave | Delete | Use
)
Block = tuple[Statement, ...]


class Source(NamedTuple):
    """A module's statements.

    `dynamic` says that it may bind names which it doesn't show, `words` are then the words in its texts; `paths` that
    it changes where its submodules are found, `registers` that it may put other modules in place. `defined` are its
    functions and methods, `attributes` the names that it looks up in others as it is imported.
    `imports` are all that it imports anywhere: level, module and name.
    """

    body: Block
    dynamic: bool = False
    words: frozenset[str] = frozenset()
    paths: bool = False
    registers: bool = False
    defined: frozenset[str] = frozenset()
    attributes: frozenset[tuple[str, str]] = frozenset()
    imports: tuple[tuple[int, str, str], ...] = ()


def bound_by(block: Block) -> set[str]:
    """Return all names that statements may bind."""
    found: set[str] = set()
    todo = [block]
    while todo:
        for each in todo.pop():
            match each:
                case Bind(names=names):
                    found.update(names)
                case Define(name=name) | Class(name=name) | Append(name=name):
                    found.add(name)
                case Import(name=name, bound=bound):
                    found.add(bound or name.partition(".")[0])
                case From(names=names):
                    found.update(bound for _, bound in names)
                case If(body=body, orelse=orelse) | Loop(body=body, orelse=orelse):
                    todo += [body, orelse]
                case Try():
                    todo += [each.body, each.orelse, each.final, *(handler.body for handler in each.handlers)]
                case With(body=body):
                    todo.append(body)
                case _:
                    pass
    return found


def returns(block: Block) -> bool:
    """Tell whether a `return` stands among statements, those within others too."""
    for each in block:
        match each:
            case Leave(how="return"):
                return True
            case If(body=body, orelse=orelse) | Loop(body=body, orelse=orelse):
                found = returns(body) or returns(orelse)
            case Try():
                parts = (each.body, each.orelse, each.final, *(handler.body for handler in each.handlers))
                found = any(map(returns, parts))
            case With(body=body):
                found = returns(body)
            case _:
                found = False
        if found:
            return True
    return False
