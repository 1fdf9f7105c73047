"""Working out what expressions of a module come to in the image, as far as files and environment decide it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from inspector.errors import InspectorError
from inspector.imports.fields import Fields
from inspector.imports.syntax import Value

MAX_TEXT = 4096
"""Characters of a text that is put together."""

MAX_NESTED = 64
"""Items of a tuple within another value."""


class Unsure:
    """The value of what can't be worked out."""

    def __repr__(self) -> str:
        return "UNSURE"


UNSURE = Unsure()


class Module(NamedTuple):
    """A module as a value."""

    name: str


class Thing(NamedTuple):
    """A function, class or object: what it is isn't known, but it is true, and not None."""

    module: str
    name: str


class World(Protocol):
    """What an expression may ask of the process that imports."""

    version: tuple[int, int, int]
    machine: str
    variables: Mapping[str, str]

    def attribute(self, module: str, name: str) -> Any:
        """Return the value of a module's name; `UNSURE` where that isn't known."""

    def findable(self, name: str) -> bool | None:
        """Tell whether `importlib.util.find_spec` finds a module."""


_VERSIONS = frozenset({"Version", "LooseVersion", "parse_version"})
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "in": lambda one, other: one in other,
    "not in": lambda one, other: one not in other,
}


class Evaluator:
    """Works out expressions of one module, whose names are `names`; `returned` is what its calls gave."""

    def __init__(
        self, world: World, module: str, names: Mapping[str, Any], returned: Mapping[str, Any] | None = None
    ) -> None:
        self._returned = returned or {}
        self._world = world
        self._module = module
        self._names = names

    def truth(self, value: Value | None) -> bool | None:
        """Tell whether an expression is true; None where that isn't known."""
        found = self.value(value)
        return None if found is UNSURE else bool(found)

    def value(self, value: Value | None) -> Any:
        """Return what an expression comes to; `UNSURE` where that isn't known."""
        if value is None:
            return UNSURE
        try:
            return getattr(self, f"_{_METHODS.get(value[0], value[0])}")(*value[1:])
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, InspectorError):
            return UNSURE

    def dotted(self, name: str) -> Any:
        """Return what a dotted name stands for."""
        first, *others = name.split(".")
        found = self._name(first)
        for each in others:
            found = self._world.attribute(found.name, each) if isinstance(found, Module) else UNSURE
        return found

    def _constant(self, constant: Any) -> Any:
        return constant

    def _name(self, name: str) -> Any:
        if name in self._names:
            return self._names[name]
        return True if name == "__debug__" else UNSURE

    def _attribute(self, of: Value, name: str) -> Any:
        base = self.value(of)
        if not isinstance(base, Module):
            if isinstance(base, Thing):
                spec = name == "parent" and base.name == "__spec__"
                return base.module if spec else UNSURE
            return getattr(base, name) if isinstance(base, tuple) and name in _FIELDS else self._field(base, name)
        known = self._known(base.name, name)
        return self._world.attribute(base.name, name) if known is UNSURE else known

    @staticmethod
    def _field(base: Any, name: str) -> Any:
        if hasattr(base, "release") and name in ("major", "minor", "micro", "release"):
            return getattr(base, name)
        return UNSURE

    def _known(self, module: str, name: str) -> Any:  # noqa: PLR0911 - a table of what is known
        match module, name:
            case "sys", "version_info":
                return Fields(*self._world.version, "final", 0)
            case "sys", "hexversion":
                major, minor, micro = self._world.version
                return major << 24 | minor << 16 | micro << 8 | 0xF0
            case "sys", "platform":
                return "linux"
            case "sys", "byteorder":
                return "little"
            case "sys", "maxsize":
                return (1 << 63) - 1 if "64" in self._world.machine else UNSURE
            case "ssl", "OPENSSL_VERSION_INFO" if self._world.version >= (3, 10):
                return (1, 1, 1, 255, 15)  # CPython asks for no less since
            case "os", "name":
                return "posix"
            case "typing" | "typing_extensions", "TYPE_CHECKING":
                return False
            case _:
                return UNSURE

    def _compare(self, operator: str, left: Value | None, right: Value | None) -> Any:
        one, other = self.value(left), self.value(right)
        if operator in ("is", "is not"):
            same = self._same(one, other)
            return same if same is UNSURE or operator == "is" else not same
        if (
            _has_unsure(one)
            or _has_unsure(other)
            or isinstance(one, Thing | Module)
            or isinstance(other, Thing | Module)
        ):
            return UNSURE
        return _COMPARE[operator](one, other)

    @staticmethod
    def _same(one: Any, other: Any) -> Any:
        if one is UNSURE or other is UNSURE:
            return UNSURE
        if one is None or other is None or isinstance(one, bool) or isinstance(other, bool):
            return one is other
        return one == other if isinstance(one, Module) and isinstance(other, Module) else UNSURE

    def _and(self, *values: Value | None) -> Any:
        return self._first(values, wanted=False, unsure=False)

    def _or(self, *values: Value | None) -> Any:
        return self._first(values, wanted=True, unsure=Thing("", ""))

    def _first(self, values: Iterable[Value | None], *, wanted: bool, unsure: Any) -> Any:
        """Return the first value that is as `wanted`, `unsure` where one before it isn't known; else the last."""
        found: Any = not wanted
        known = True
        for each in values:
            found = self.value(each)
            if found is UNSURE:
                known = False
            elif bool(found) is wanted:
                return found if known else unsure
        return found if known else UNSURE

    def _not(self, value: Value | None) -> Any:
        found = self.truth(value)
        return UNSURE if found is None else not found

    def _if(self, test: Value | None, body: Value | None, orelse: Value | None) -> Any:
        found = self.truth(test)
        return UNSURE if found is None else self.value(body if found else orelse)

    def _items(self, *values: Value | None) -> Any:
        found = tuple(self.value(each) for each in values)
        return UNSURE if any(map(_is_deep, found)) else found

    def _table(self, *pairs: tuple[Value | None, Value | None]) -> Any:
        if any(key is None for key, _ in pairs):
            return UNSURE
        found = {self.value(key): self.value(value) for key, value in pairs}
        return UNSURE if any(map(_is_deep, found.values())) else found

    def _part(self, of: Value, index: Value) -> Any:
        base, at = self.value(of), self.value(index)
        if base == Thing("os", "environ") and isinstance(at, str):
            return self._world.variables[at]
        return base[at] if isinstance(base, tuple | dict | str) and at is not UNSURE else UNSURE

    def _slice(self, of: Value, start: Value | None, end: Value | None) -> Any:
        base, one, other = self.value(of), self.value(start), self.value(end)
        return base[one:other] if isinstance(base, tuple | str) and UNSURE not in (one, other) else UNSURE

    def _add(self, left: Value | None, right: Value | None) -> Any:
        one, other = self.value(left), self.value(right)
        if type(one) is not type(other) or not isinstance(one, str | tuple) or len(one) + len(other) > MAX_TEXT:
            return UNSURE
        return one + other

    def _text(self, *values: Value | None) -> Any:
        found = [self.value(each) for each in values]
        if not all(isinstance(each, str | int) for each in found):
            return UNSURE
        text = "".join(map(str, found))
        return text if len(text) <= MAX_TEXT else UNSURE

    def _call(self, function: Value, *args: Value | None) -> Any:
        match function:
            case ("attribute", base, name):
                return self._method(self.value(base), name, [self.value(each) for each in args])
            case ("name", name):
                called = self._names.get(name)
                return self._function(called, name, [self.value(each) for each in args])
            case _:
                return UNSURE

    def _method(self, base: Any, name: str, args: list[Any]) -> Any:  # noqa: PLR0911 - a table of what is known
        match base, name, args:
            case Thing("os", "environ"), "get", [str() as key, *rest]:
                return self._world.variables.get(key, rest[0] if rest else None)
            case Module("os"), "getenv", [str() as key, *rest]:
                return self._world.variables.get(key, rest[0] if rest else None)
            case Module("importlib.util"), "find_spec", [str() as module]:
                return self._spec(module)
            case Module("platform"), "system", []:
                return "Linux"
            case Module("platform"), "machine", []:
                return self._world.machine or UNSURE
            case Module("platform"), "python_implementation", []:
                return "CPython"
            case dict(), "get", [key, *rest]:
                return UNSURE if key is UNSURE or UNSURE in base else base.get(key, rest[0] if rest else None)
            case str(), "startswith" | "endswith" | "lower" | "upper" | "strip" | "split" | "removeprefix", _:
                return getattr(base, name)(*args)
            case Module(), _, [str() as text] if name in (*_VERSIONS, "parse"):
                return _version(text)
            case _:
                return UNSURE

    def _function(self, called: Any, name: str, args: list[Any]) -> Any:  # noqa: C901, PLR0911 - a table of what is known
        if hasattr(called, "define"):
            called = Thing(called.module, name)
        if not isinstance(called, Thing) and called is not None:
            return UNSURE
        match called, args:
            case Thing(_, "find_spec"), [str() as module]:
                return self._spec(module)
            case Thing("os", "getenv"), [str() as key, *rest]:
                return self._world.variables.get(key, rest[0] if rest else None)
            case Thing(module, "Version" | "parse" | "parse_version"), [str() as text] if "version" in module.lower():
                return _version(text)
            case _:
                pass
        match name, args if called is None else None:
            case "bool", [found]:
                return bool(found) if found is not UNSURE else UNSURE
            case (("int" | "float" | "str"), [str() | int() as found]):
                return {"int": int, "float": float, "str": str}[name](found)
            case (("tuple" | "list"), [tuple() as found]):
                return found
            case "len", [tuple() | str() | dict() as found]:
                return len(found)
            case "hasattr", [Module(module), str() as attribute]:
                return self._has(module, attribute)
            case _:
                return self._returned.get(name, UNSURE)

    def _has(self, module: str, attribute: str) -> Any:
        if self._known(module, attribute) is not UNSURE:
            return True
        return True if self._world.attribute(module, attribute) is not UNSURE else UNSURE

    def _spec(self, module: str) -> Any:
        found = self._world.findable(module)
        return UNSURE if found is None else Thing(module, "__spec__") if found else None


_METHODS = {"+": "add"}
_FIELDS = frozenset({"major", "minor", "micro", "releaselevel"})


def _is_deep(value: Any) -> bool:
    """Tell whether a value holds more than single ones: comparing what nests many times over would have no end."""
    if not isinstance(value, tuple | dict) or isinstance(value, Module | Thing):
        return False
    return isinstance(value, dict) or len(value) > MAX_NESTED or any(isinstance(each, tuple | dict) for each in value)


def _has_unsure(value: Any) -> bool:
    return value is UNSURE or (isinstance(value, tuple) and UNSURE in value)


def _version(text: str) -> Any:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text) if len(text) <= 100 else UNSURE
    except InvalidVersion:
        return UNSURE
