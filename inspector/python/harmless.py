"""Start-up modules that change nothing of what is imported: read as syntax and never run.

What fails in one does not matter either: site.py shows the error of a customizing module, and goes on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from inspector.errors import LimitExceeded, Malformed
from inspector.python.inert import NotSimple, parse_small

_MODULES = frozenset(
    {
        *("__future__", "abc", "builtins", "codecs", "functools", "io", "json", "logging", "os", "platform", "re"),
        *("signal", "site", "stat", "sys", "time", "typing", "warnings"),
    }
)
"""Modules of the standard library that Python has loaded before, or that `import torch` is known to load."""
_READS = frozenset({"os.environ.get", "os.getenv", "os.path.join", "os.path.dirname", "os.path.exists", "sys.intern"})
_SHOWS = frozenset({"print", "sys.stdout.flush", "sys.stderr.flush"})
_IGNORES = frozenset({"warnings.filterwarnings", "warnings.simplefilter"})
_RESERVED = frozenset({"os", "print", "sys", "warnings"})
"""Names whose functions are known, so that nothing else may bind them."""
MAX_DEPTH = 30


def is_harmless(text: str) -> bool:
    """Test whether running a source changes nothing that an import depends on."""
    try:
        return _all(parse_small(text).body, MAX_DEPTH)
    except (NotSimple, RecursionError, Malformed, LimitExceeded):
        return False


def _all(body: Iterable[ast.stmt], depth: int) -> bool:
    return depth > 0 and all(_statement(each, depth - 1) for each in body)


def _statement(node: ast.stmt, depth: int) -> bool:  # noqa: PLR0911 - one for each form
    match node:
        case ast.Pass():
            return True
        case ast.FunctionDef(name=name, decorator_list=[], returns=None, args=arguments):
            return name not in _RESERVED and not _runs_at_once(arguments)
        case ast.Import(names=names):
            return all(each.name in _MODULES and each.asname not in _RESERVED for each in names)
        case ast.ImportFrom(module=module, names=names, level=0):
            bound = {each.asname or each.name for each in names}
            return module in _MODULES and not bound & {"*", *_RESERVED}
        case ast.Expr(value=value):
            return _value(value, depth)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name not in _RESERVED and _value(value, depth)
        case ast.If(test=test, body=body, orelse=orelse):
            return _value(test, depth) and _all([*body, *orelse], depth)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            plain = all(isinstance(each.type, ast.Name | None) and each.name not in _RESERVED for each in handlers)
            blocks = [*body, *orelse, *final, *(each for handler in handlers for each in handler.body)]
            return plain and _all(blocks, depth)
        case _:
            return False


def _runs_at_once(arguments: ast.arguments) -> bool:
    """Test whether a function has defaults or annotations, which are worked out where it is defined."""
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    annotated = any(each is not None and each.annotation is not None for each in every)
    return annotated or bool(arguments.defaults or arguments.kw_defaults)


def _value(node: ast.expr, depth: int) -> bool:  # noqa: PLR0911 - one for each form
    """Test whether working out an expression does nothing: no operator that takes long, and no call but a few."""
    if depth <= 0:
        return False
    match node:
        case ast.Constant() | ast.Name(ctx=ast.Load()):
            return True
        case ast.Attribute(value=owner, ctx=ast.Load()) | ast.UnaryOp(op=ast.Not(), operand=owner):
            return _value(owner, depth - 1)
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            return all(_value(each, depth - 1) for each in values)
        case ast.Compare(left=left, comparators=others):
            return all(_value(each, depth - 1) for each in (left, *others))
        case ast.Subscript(value=owner, slice=index, ctx=ast.Load()):
            return _value(owner, depth - 1) and _value(index, depth - 1)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _value(left, depth - 1) and _value(right, depth - 1)
        case ast.Call(func=function, args=given, keywords=named):
            values = [*given, *(each.value for each in named)]
            return _is_known(ast.unparse(function), given) and all(_value(each, depth - 1) for each in values)
        case _:
            return False


def _is_known(name: str, given: list[ast.expr]) -> bool:
    """Test for a function that reads or shows; a filter of warnings only where it has them left out."""
    ignores = bool(given) and isinstance(given[0], ast.Constant) and given[0].value == "ignore"
    return name in _READS or name in _SHOWS or (name in _IGNORES and ignores)
