"""Expressions of a source that decide what is imported, as tuples: a kind and its parts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from inspector.imports.syntax import Call, Value

MAX_ITEMS = 1000
"""Items of one tuple, list or dictionary that are kept."""
MAX_TEXT = 4096
"""Characters of one text that is kept."""
MAX_BITS = 128
"""Bits of one number that is kept."""
MAX_DEPTH = 40
"""Levels of one expression."""

IMPORTERS = frozenset({"importlib.import_module", "import_module", "__import__"})
_OPERATORS = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_MAYBE = (ast.BoolOp, ast.IfExp, ast.ListComp, ast.SetComp, ast.DictComp)
_LATER = (ast.Lambda, ast.GeneratorExp)


def value_of(node: ast.expr | None, depth: int = 0) -> Value | None:  # noqa: C901, PLR0911, PLR0912 - a case a form
    """Return the expression as a value; None where it can't be worked out."""
    if node is None or depth > MAX_DEPTH:
        return None
    match node:
        case ast.Constant(value=constant):
            kept = not isinstance(constant, complex | int | str | bytes) or _is_small(constant)
            return ("constant", constant) if kept else None
        case ast.Name(id=name):
            return ("name", name)
        case ast.Attribute(value=base, attr=name):
            of = value_of(base, depth + 1)
            return None if of is None else ("attribute", of, name)
        case ast.Compare():
            return _comparison(node, depth)
        case ast.BoolOp(op=operator, values=values):
            kind = "and" if isinstance(operator, ast.And) else "or"
            return (kind, *(value_of(each, depth + 1) for each in values[:MAX_ITEMS]))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ("not", value_of(operand, depth + 1))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ("if", *(value_of(each, depth + 1) for each in (test, body, orelse)))
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return _items(items, depth)
        case ast.Subscript(value=base, slice=index):
            return _part(base, index, depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return ("+", value_of(left, depth + 1), value_of(right, depth + 1))
        case ast.Dict(keys=keys, values=values):
            return _table(keys, values, depth)
        case ast.JoinedStr(values=values):
            return ("text", *(value_of(each, depth + 1) for each in values[:MAX_ITEMS]))
        case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
            return value_of(inner, depth + 1)
        case ast.NamedExpr(value=inner):
            return value_of(inner, depth + 1)
        case ast.Call(func=function, args=args) if len(args) <= 3:
            called = value_of(function, depth + 1)
            return None if called is None else ("call", called, *(value_of(each, depth + 1) for each in args))
    return None


def _is_small(constant: complex | str | bytes) -> bool:
    match constant:
        case str() | bytes():
            return len(constant) <= MAX_TEXT
        case int():
            return constant.bit_length() <= MAX_BITS
        case _:
            return False


def _comparison(node: ast.Compare, depth: int) -> Value | None:
    if len(node.ops) != 1:
        return None
    operator = _OPERATORS[type(node.ops[0])]
    return ("compare", operator, value_of(node.left, depth + 1), value_of(node.comparators[0], depth + 1))


def _items(items: list[ast.expr], depth: int) -> Value | None:
    if len(items) > MAX_ITEMS:
        return None
    return ("items", *(value_of(each, depth + 1) for each in items))


def _table(keys: list[ast.expr | None], values: list[ast.expr], depth: int) -> Value | None:
    if len(keys) > MAX_ITEMS:
        return None
    pairs = zip(keys, values, strict=True)
    return ("table", *((value_of(key, depth + 1), value_of(value, depth + 1)) for key, value in pairs))


def _part(base: ast.expr, index: ast.expr, depth: int) -> Value | None:
    of = value_of(base, depth + 1)
    if isinstance(index, ast.Slice):
        ends = [
            value_of(each, depth + 1) if each is not None else ("constant", None) for each in (index.lower, index.upper)
        ]
        return None if of is None or index.step is not None else ("slice", of, *ends)
    at = value_of(index, depth + 1)
    return None if of is None or at is None else ("part", of, at)


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` as text; empty for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def calls_in(node: ast.AST, *, maybe: bool = False) -> Iterator[Call]:
    """Yield the calls of an expression that matter: of functions by their names, and of what imports.

    Inner ones first.
    """
    todo: list[tuple[ast.AST, bool, bool]] = [(node, maybe, False)]
    while todo:
        at, doubtful, opened = todo.pop()
        if isinstance(at, _LATER):
            continue
        if opened:
            yield from _call(at, doubtful)
            continue
        if isinstance(at, ast.Call):
            todo.append((at, doubtful, True))
        inner = doubtful or isinstance(at, _MAYBE)
        todo += [(child, inner, False) for child in reversed(children(at))]


def _call(node: ast.AST, maybe: bool) -> Iterator[Call]:  # noqa: FBT001 - one of two values that go together
    assert isinstance(node, ast.Call)
    name = dotted(node.func)
    if name in IMPORTERS:
        args = (*node.args, *(each.value for each in node.keywords if each.arg in ("name", "package")))
        if name == "__import__":
            args = args[:1]
        yield Call(node.lineno, name, tuple(value_of(each) for each in args[:2]), imports=True, maybe=maybe)
    elif name:
        args = tuple(node.args[:8])
        named = tuple((each.arg, value_of(each.value)) for each in node.keywords[:8] if each.arg)
        yield Call(node.lineno, name, tuple(value_of(each) for each in args), maybe=maybe, named=named)


def children(node: ast.AST) -> list[ast.AST]:
    """Return what `ast.iter_child_nodes` yields but operators and contexts, in a third of its time."""
    found: list[ast.AST] = []
    for field in _CHILDREN[type(node)]:
        value = getattr(node, field, None)
        if type(value) is list:
            found += [each for each in value if isinstance(each, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def nodes_in(top: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, in no order."""
    todo = [top]
    while todo:
        node = todo.pop()
        yield node
        todo += children(node)


class _Fields(dict[type, tuple[str, ...]]):
    """The fields of each class of nodes that hold nodes."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        leaf = kind in (ast.Constant, ast.Name, ast.alias)
        fields = () if leaf else tuple(name for name in getattr(kind, "_fields", ()) if name not in _NO_NODES)
        self[kind] = fields
        return fields


_NO_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "name", "level", "kind", "type_comment", "module"})
_CHILDREN = _Fields()
