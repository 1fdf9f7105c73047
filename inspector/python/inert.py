"""Start-up code that is simple enough to be worked out: what it adds to `sys.path` in a given environment.

Read as syntax and never run. What is not in the few forms here is not worked out.
"""

from __future__ import annotations

import ast
import posixpath
import warnings
from collections.abc import Callable, Mapping, Sequence

import msgspec

from inspector.errors import LimitExceeded, Malformed
from inspector.work.parsing import parse_python

MAX_SOURCE = 16 << 10
"""Characters of a module that are looked at."""
MAX_STEPS = 2000
"""Statements and expressions of one line of a .pth file."""

_MODULES = frozenset({"os", "os.path", "site", "sys", "json"})
_TORCH = frozenset({"torch", "torchgen", "functorch", "nvidia", "triton"})
_REDIRECTOR = "editables.redirector"


class Added(msgspec.Struct, frozen=True):
    """An entry of the search path; `first` says that it goes before all others, `site` that its .pth files are read."""

    path: str
    first: bool = False
    site: bool = False


class NotSimple(Exception):
    """The code has a form that isn't worked out."""


class _Returned(Exception):
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class _Module:
    """A module, or a name in one, by its dotted path."""

    def __init__(self, path: str) -> None:
        self.path = path


def added_paths(text: str, variables: Mapping[str, str], read: Callable[[str], str | None]) -> list[Added] | None:
    """Return what a line of code adds to `sys.path`, in order; None where it isn't worked out.

    `read` gives the source of a module on the search path.
    """
    try:
        worker = _Worker(dict(variables), read)
        worker.body(parse_small(text).body, worker.names)
    except (NotSimple, _Returned, RecursionError, Malformed, LimitExceeded):
        return None
    return worker.added


def parse_small(text: str) -> ast.Module:
    """Parse a source that is no larger than start-up code is. Raises `NotSimple`."""
    if len(text) > MAX_SOURCE:
        raise NotSimple
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse_python(text)
    except (SyntaxError, ValueError, MemoryError) as error:
        raise NotSimple from error


class _Worker:
    """The values of one line's run: names, the environment's variables, what was added so far."""

    def __init__(self, variables: dict[str, str], read: Callable[[str], str | None]) -> None:
        self.variables, self.read = variables, read
        self.added: list[Added] = []
        self.names: dict[str, object] = {}
        self.modules: dict[str, dict[str, object]] = {}
        self.steps = MAX_STEPS

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise NotSimple

    def body(self, statements: Sequence[ast.stmt], names: dict[str, object]) -> None:  # noqa: C901 - one arm a form
        """Work out statements. Raises `NotSimple`."""
        for statement in statements:
            self._step()
            match statement:
                case ast.Import(names=aliases):
                    for alias in aliases:
                        self._import(alias.name, alias.asname or alias.name, names)
                case ast.ImportFrom(module=module, names=aliases, level=0) if module == _REDIRECTOR:
                    names.update({alias.asname or alias.name: _Module(_REDIRECTOR) for alias in aliases})
                case ast.FunctionDef(name=name, decorator_list=[]):
                    names[name] = (statement, names)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    names[name] = self.value(value, names)
                case ast.Expr(value=value):
                    self.value(value, names)
                case ast.If(test=test, body=body, orelse=orelse):
                    self.body(body if self.value(test, names) else orelse, names)
                case ast.Try(body=body, finalbody=[]):
                    self.body(body, names)
                case ast.Return(value=value):
                    raise _Returned(None if value is None else self.value(value, names))
                case ast.Pass():
                    pass
                case _:
                    raise NotSimple

    def _import(self, module: str, name: str, names: dict[str, object]) -> None:
        if module in _MODULES:
            whole = name == module  # `import os.path` binds `os`
            names[name.partition(".")[0]] = _Module(module.partition(".")[0] if whole else module)
            return
        if "." in module:
            raise NotSimple
        if module not in self.modules:
            source = self.read(module)
            if source is None:
                raise NotSimple
            self.modules[module] = {}
            self.body(parse_small(source).body, self.modules[module])
        names[name] = self.modules[module]

    def value(self, node: ast.expr, names: dict[str, object]) -> object:  # noqa: PLR0911 - one arm a form
        """Return the value of an expression. Raises `NotSimple`."""
        self._step()
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.List(elts=elements):
                return [self.value(each, names) for each in elements]
            case ast.Attribute(value=owner, attr=attribute):
                return self._attribute(self.value(owner, names), attribute)
            case ast.BoolOp(op=operator, values=values):
                return self._either(isinstance(operator, ast.Or), values, names)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand, names)
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                return self._compare(operator, self.value(left, names), self.value(right, names))
            case ast.Call(func=function, args=arguments, keywords=keywords):
                given = [self.value(each, names) for each in arguments]
                named = {each.arg: self.value(each.value, names) for each in keywords}
                return self._call(function, given, named, names)
            case _:
                raise NotSimple

    def _either(self, any_: bool, values: Sequence[ast.expr], names: dict[str, object]) -> object:  # noqa: FBT001
        found: object = None
        for each in values:
            found = self.value(each, names)
            if bool(found) is any_:
                break
        return found

    def _compare(self, operator: ast.cmpop, left: object, right: object) -> bool:
        if isinstance(right, _Module) and right.path == "os.environ" and isinstance(left, str):
            there = left in self.variables
            if isinstance(operator, ast.In | ast.NotIn):
                return there == isinstance(operator, ast.In)
        plain = isinstance(left, str | None) and isinstance(right, str | None)
        if plain and isinstance(operator, ast.Eq | ast.NotEq):
            return (left == right) == isinstance(operator, ast.Eq)
        raise NotSimple

    @staticmethod
    def _attribute(owner: object, attribute: str) -> object:
        if isinstance(owner, _Module):
            return ":" if (owner.path, attribute) == ("os", "pathsep") else _Module(f"{owner.path}.{attribute}")
        if isinstance(owner, dict) and attribute in owner:
            return owner[attribute]
        raise NotSimple

    def _call(
        self, function: ast.expr, given: list[object], named: dict[str | None, object], names: dict[str, object]
    ) -> object:
        if isinstance(function, ast.Name) and function.id == "exec" and len(given) == 1 and isinstance(given[0], str):
            self.body(parse_small(given[0]).body, names)
            return None
        if isinstance(function, ast.Attribute):
            owner = self.value(function.value, names)
            if isinstance(owner, str | list):
                return _method(owner, function.attr, given)
            called = self._attribute(owner, function.attr)
        else:
            called = self.value(function, names)
        if isinstance(called, _Module):
            return self._known(called.path, given)
        if isinstance(called, tuple):
            return self._own(called[0], called[1], given, named)
        raise NotSimple

    def _known(self, path: str, given: list[object]) -> object:
        """Call a function of `os`, `sys`, or the finder that hatch and others install."""
        match path, given:
            case (("os.getenv" | "os.environ.get"), [str() as name, *rest]):
                return self.variables.get(name, rest[0] if rest else None)
            case "os.environ.pop", [str() as name, default]:
                return self.variables.pop(name, default)
            case "os.path.join", [str() as first, *rest] if all(isinstance(each, str) for each in rest):
                return posixpath.join(first, *(each for each in rest if isinstance(each, str)))
            case "sys.path.append", [str() as entry]:
                self.added.append(Added(entry))
            case "site.addsitedir", [str() as entry] if entry.startswith("/"):
                self.added.append(Added(entry, site=True))
            case "sys.path.insert", [0, str() as entry]:
                self.added.append(Added(entry, first=True))
            case "sys.path.extend", [list() as entries] if all(isinstance(each, str) for each in entries):
                self.added += [Added(each) for each in entries if isinstance(each, str)]
            case "editables.redirector.install", []:
                pass
            case "editables.redirector.map_module", [str() as name, str()] if name.partition(".")[0] not in _TORCH:
                pass
            case _:
                raise NotSimple
        return None

    def _own(
        self, function: ast.FunctionDef, scope: dict[str, object], given: list[object], named: dict[str | None, object]
    ) -> object:
        """Call a function of the module itself, by its plain parameters."""
        arguments = function.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
            raise NotSimple
        parameters = [each.arg for each in arguments.args]
        defaults = dict(zip(parameters[len(parameters) - len(arguments.defaults) :], arguments.defaults, strict=True))
        local = {name: self.value(default, scope) for name, default in defaults.items()}
        local |= dict(zip(parameters, given, strict=False))
        local |= {name: value for name, value in named.items() if name in parameters}
        try:
            self.body(function.body, {**scope, **local})
        except _Returned as returned:
            return returned.value
        return None


def _method(owner: str | list[object], name: str, given: list[object]) -> object:
    """Return a method of a text or list, of the few that change nothing else."""
    match owner, name, given:
        case str(), "split", [str() as separator] if separator:
            return owner.split(separator)
        case list(), "extend", [list() as more] if owner is not more:
            owner.extend(more)
        case list(), "append", [item]:
            owner.append(item)
        case _:
            raise NotSimple
    return None
