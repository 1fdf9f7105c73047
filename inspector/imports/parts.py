"""What single forms of Python's syntax come to: what they bind, change and raise."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from inspector.imports.expressions import dotted, nodes_in, value_of
from inspector.imports.syntax import Append, Bind, Raise, Use

_HARMLESS = frozenset({"catch_warnings", "open", "simplefilter", "Lock", "RLock", "nullcontext", "redirect_stdout"})
_CHANGES = frozenset(
    [
        "append",
        "add",
        "extend",
        "insert",
        "update",
        "setdefault",
        "pop",
        "popitem",
        "remove",
        "clear",
        "discard",
        "sort",
        "reverse",
        "appendleft",
    ]
)
_ENDS = frozenset({"exit", "quit", "sys.exit", "os._exit", "os.abort"})
_ONLY_READS = frozenset(
    [
        "len",
        "tuple",
        "list",
        "sorted",
        "set",
        "frozenset",
        "dict",
        "isinstance",
        "issubclass",
        "str",
        "repr",
        "print",
        "enumerate",
        "zip",
        "range",
        "any",
        "all",
        "min",
        "max",
        "hasattr",
        "getattr",
        "bool",
        "type",
        "iter",
        "map",
        "filter",
        "super",
        "int",
        "sum",
    ]
)


class _Parts(dict[type, tuple[str, ...]]):
    """The fields of each class of nodes that hold statements, the last first."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        fields = () if issubclass(kind, ast.expr) else getattr(kind, "_fields", ())
        self[kind] = tuple(part for part in ("cases", "handlers", "finalbody", "orelse", "body") if part in fields)
        return self[kind]


_PARTS = _Parts()


def within(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield all statements, those within others too."""
    todo: list[ast.AST] = list(reversed(body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        for part in _PARTS[type(node)]:
            todo += reversed(getattr(node, part))


def changed(statement: ast.stmt) -> Iterator[Append]:
    """Yield the lists and dictionaries that a statement may change: by a method, by an item, by handing them on."""
    for node in nodes_in(statement):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in _CHANGES:
                yield Append(node.lineno, name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                yield Append(node.lineno, name)
            case _:
                pass
        if isinstance(node, ast.Call) and dotted(node.func) not in _ONLY_READS:
            yield from (Append(node.lineno, each.id) for each in node.args if isinstance(each, ast.Name))


def taken(node: ast.expr) -> tuple[str, ...] | None:
    """Return the exceptions that a context manager takes; None where that isn't known."""
    if not isinstance(node, ast.Call):
        return () if dotted(node).lower().endswith("lock") else None
    name = dotted(node.func).rpartition(".")[2]
    if name == "suppress":
        return tuple(dotted(each).rpartition(".")[2] or "?" for each in node.args)
    return () if name in _HARMLESS else None


def classes(node: ast.expr | None) -> tuple[str, ...] | None:
    """Return the last names of the classes that an `except` takes; None where it takes all."""
    if node is None:
        return None
    items = node.elts if isinstance(node, ast.Tuple) else [node]
    return tuple(dotted(each).rpartition(".")[2] or "?" for each in items)


def raised(line: int, error: ast.expr | None) -> Raise:
    """Return what a `raise` raises, with its text where that is a literal."""
    if error is None:
        return Raise(line, "")
    called = error.func if isinstance(error, ast.Call) else error
    name = dotted(called)
    text = ""
    if isinstance(error, ast.Call) and error.args:
        known = value_of(error.args[0])
        text = known[1][:200] if known and known[0] == "constant" and isinstance(known[1], str) else ""
    return Raise(line, name or "?", text)


def bindings(line: int, targets: list[ast.expr], value: ast.expr) -> Iterator[Bind]:
    """Yield what an assignment binds."""
    for target in targets:
        if isinstance(target, ast.Name):
            yield Bind(line, (target.id,), value_of(value))
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                yield Bind(line, tuple(names_in(one)), value_of(other) if isinstance(one, ast.Name) else None)
        elif isinstance(target, ast.Tuple) and all(isinstance(each, ast.Name) for each in target.elts):
            whole = value_of(value)
            for at, each in enumerate(target.elts):
                assert isinstance(each, ast.Name)
                yield Bind(line, (each.id,), None if whole is None else ("part", whole, ("constant", at)))
        else:
            yield Bind(line, tuple(names_in(target)))


ASSERTED = "builtins.AssertionError"
"""The error of an `assert`, which a Python that optimizes leaves out."""


def names_in(node: ast.AST) -> Iterator[str]:
    """Yield the names that a target binds."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            yield each.id


def failing(node: ast.stmt) -> Iterator[Raise]:
    """Yield what a statement raises by its form alone: it ends the process, divides by zero, asserts what is false."""
    match node:
        case ast.Assert(test=ast.Constant(value=value)) if not value:
            yield Raise(node.lineno, ASSERTED)
        case ast.Expr(value=ast.Call(func=called)) if dotted(called) in _ENDS:
            yield Raise(node.lineno, "SystemExit")
        case ast.Expr(value=value) | ast.Assign(value=value):
            match value:
                case ast.BinOp(
                    left=ast.Constant(value=int()),
                    op=ast.Div() | ast.FloorDiv() | ast.Mod(),
                    right=ast.Constant(value=int() as divisor),
                ) if not divisor:
                    yield Raise(node.lineno, "ZeroDivisionError", "division by zero")
                case _:
                    pass
        case _:
            pass


def used(node: ast.stmt) -> Iterator[Use]:
    """Yield the names that a statement looks up in any case, before it binds any."""
    todo: list[ast.expr] = [node.value] if isinstance(node, ast.Expr | ast.Assign) else []
    while todo:
        match todo.pop():
            case ast.Name(id=name):
                yield Use(node.lineno, name)
            case ast.Call(func=called, args=args):
                todo += [called, *args]
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                yield Use(node.lineno, name, attribute)
            case ast.Attribute(value=base) | ast.Subscript(value=base):
                todo.append(base)
            case ast.BinOp(left=left, right=right):
                todo += [left, right]
            case ast.Tuple(elts=items) | ast.List(elts=items):
                todo += items
            case _:
                pass
