"""Types of Go, and how its `encoding/json` stores one JSON value after another in a variable of each.

A key that a document gives twice stores twice: objects and maps are merged, null empties what can be nil and leaves
all else as it was, and an element of a list may keep what an earlier list left in its place. Where that depends on
the engine or on its version of Go, `How` says which; callers try all and refuse a document that they differ on.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal

import msgspec

MAX_INT = 2**63 - 1

_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_DAY = (
    r"[0-9]{4}-(?:(?:0[13-9]|1[0-2])-(?:0[1-9]|[12][0-9]|30)|(?:0[13578]|1[02])-31|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|[0-9]{2}(?:0[48]|[2468][048]|[13579][26])-02-29|(?:[02468][048]|[13579][26])00-02-29"
)
TIME_PATTERN = (
    rf"^(?:{_DAY})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])(?![\s\S])"
)
"""RFC 3339 as every version of Go since 1.1 reads it; some also read hours of one digit, or a comma."""
_TIME = re.compile(TIME_PATTERN)


class Number:
    """A number with a point or an exponent. No field takes one, so that its digits don't matter."""

    __slots__ = ()

    def __init__(self, digits: str = "") -> None:
        """Take the digits, as the decoder hands them over, and keep none."""


class Pairs(list[tuple[str, Any]]):
    """An object of a document: its keys and values in order, also of keys that it gives twice."""

    __slots__ = ()


class How(msgspec.Struct, frozen=True):
    """What readers differ in: whether null empties a struct, and whether elements of lists are used again."""

    empties: bool
    reuses: bool


class WrongType(Exception):
    """A value that Go can't store; `path` grows on the way out."""

    def __init__(self, expected: str, token: object) -> None:
        super().__init__(expected)
        self.expected = expected
        self.token = token
        self.path = ""

    def __str__(self) -> str:
        return f"Expected {self.expected}, got `{_named(self.token)}` - at `${self.path}`"


class GoType(ABC):
    """A type. `check` is the same for msgspec, for values that need no second look: it takes less than Go does."""

    zero: object = None
    check: Any

    @abstractmethod
    def store(self, old: Any, token: object, how: How) -> Any:
        """Return what the variable holds after `token`, having held `old` (None where nothing). Raises `WrongType`."""


class Text(GoType):
    """`string`."""

    zero = ""
    check = str

    def store(self, old: str | None, token: object, how: How) -> str | None:  # noqa: ARG002 - see `GoType`
        """See `GoType.store`."""
        return old if token is None else _expect(token, str, "`str`")


class Whole(GoType):
    """`int64`, and `int` on the machines that engines run on."""

    zero = 0
    check = Annotated[int, msgspec.Meta(ge=-MAX_INT - 1, le=MAX_INT)]

    def store(self, old: int | None, token: object, how: How) -> int | None:  # noqa: ARG002 - see `GoType`
        """See `GoType.store`."""
        if token is None:
            return old
        number: int = _expect(token, int, "`int`")
        if not -MAX_INT - 1 <= number <= MAX_INT:
            raise WrongType("`int` of 64 bits", token)
        return number


class Flag(GoType):
    """`bool`."""

    zero = False
    check = bool

    def store(self, old: bool | None, token: object, how: How) -> bool | None:  # noqa: ARG002, FBT001 - see `GoType`
        """See `GoType.store`."""
        return old if token is None else _expect(token, bool, "`bool`")


class Time(GoType):
    """`*time.Time`, kept as its text."""

    check = Annotated[str, msgspec.Meta(pattern=TIME_PATTERN)] | None

    def store(self, old: str | None, token: object, how: How) -> str | None:  # noqa: ARG002 - see `GoType`
        """See `GoType.store`."""
        if token is not None and not _TIME.match(_expect(token, str, "`str`")):
            raise WrongType("a time of RFC 3339", token)
        return token  # type: ignore[return-value]  # a str or None by now


class Base64(GoType):
    """`[]byte`, kept as base64 without line ends, which Go passes over."""

    check = None

    def store(self, old: str | None, token: object, how: How) -> str | None:  # noqa: ARG002 - see `GoType`
        """See `GoType.store`."""
        if token is None:
            return None
        digits: str = _expect(token, str, "`str`").replace("\r", "").replace("\n", "")
        if not re.fullmatch(_BASE64, digits):
            raise WrongType("base64", token)
        return digits


class Nothing(GoType):
    """`struct{}`: any object, nothing of which is kept."""

    zero: object = {}
    check = dict[str, Any]

    def store(self, old: object, token: object, how: How) -> object:  # noqa: ARG002 - see `GoType`
        """See `GoType.store`."""
        if token is not None:
            _expect(token, Pairs, "`object`")
        return {}


class Raw(GoType):
    """`json.RawMessage`: whatever stands there, of which nobody asks more."""

    check = Any

    def store(self, old: object, token: object, how: How) -> object:  # noqa: ARG002 - see `GoType`
        """See `GoType.store`."""
        return True


class Slice(GoType):
    """`[]T`."""

    def __init__(self, of: GoType) -> None:
        self.of = of
        self.check = list[of.check] | None  # type: ignore[name-defined]

    def store(self, old: Stored | None, token: object, how: How) -> Stored | None:
        """See `GoType.store`."""
        if token is None:
            return None
        items = _expect(token, list, "`array`")
        stored = old if old is not None and items and how.reuses else Stored([])
        stored.count = len(items)
        for at, item in enumerate(items):
            before = stored.items[at] if at < len(stored.items) else None
            stored.items[at : at + 1] = [_element(self.of, before, item, how, f"[{at}]")]
        return stored


class Words(Slice):
    """Docker's `strslice.StrSlice`: a list of words, or one word by itself."""

    def __init__(self) -> None:
        super().__init__(Text())
        self.check = list[str] | str | None

    def store(self, old: Stored | None, token: object, how: How) -> Stored | None:
        """See `GoType.store`."""
        return super().store(old, [token] if isinstance(token, str) else token, how)


class Map(GoType):
    """`map[string]T`, whose keys count as they are."""

    def __init__(self, of: GoType) -> None:
        self.of = of
        self.check = dict[str, of.check] | None  # type: ignore[name-defined]

    def store(self, old: dict[str, object] | None, token: object, how: How) -> dict[str, object] | None:
        """See `GoType.store`."""
        if token is None:
            return None
        stored = {} if old is None else old
        for key, value in _expect(token, Pairs, "`object`"):
            stored[key] = _element(self.of, None, value, how, "[...]")
        return stored


class Struct(GoType):
    """A struct, by the names of its fields; `null` says if null empties it, which it does where it is a pointer.

    Of the fields `shown`, null is kept, so that it can be seen that they are given.
    """

    zero: object = {}

    def __init__(
        self,
        fields: dict[str, GoType],
        *,
        null: Literal["empties", "keeps", "differs"] = "keeps",
        shown: frozenset[str] = frozenset(),
    ) -> None:
        self.fields = fields
        self.null = null
        self.shown = shown
        self.folded = {fold(name): name for name in reversed(fields)}
        attributes = [(f"f{at}", kind.check, msgspec.UNSET) for at, kind in enumerate(fields.values())]
        names = {f"f{at}": name for at, name in enumerate(fields)}
        self.check = msgspec.defstruct("Checked", attributes, rename=names, gc=False) | None

    def store(self, old: dict[str, Any] | None, token: object, how: How) -> dict[str, Any] | None:
        """See `GoType.store`."""
        if token is None:
            emptied = self.null == "empties" or (self.null == "differs" and how.empties)
            return None if emptied else old
        stored = {} if old is None else old
        for key, value in _expect(token, Pairs, "`object`"):
            name = key if key in self.fields else self.folded.get(fold(key))
            if name is not None:
                self._set(stored, name, value, how)
        return stored

    def _set(self, stored: dict[str, Any], name: str, value: object, how: How) -> None:
        try:
            after = self.fields[name].store(stored.get(name), value, how)
        except WrongType as error:
            error.path = f".{name}{error.path}"
            raise
        if after is not None or name in self.shown:
            stored[name] = after
        else:
            stored.pop(name, None)


class Stored:
    """A list as Go keeps one: `count` elements, and behind them what a longer list left there."""

    __slots__ = ("count", "items")

    def __init__(self, items: list[Any]) -> None:
        self.items = items
        self.count = len(items)


def fold(key: str) -> str:
    """Return the form in which keys that Go takes for one another are the same (`encoding/json`, fold.go).

    To plain letters belong two that are not ASCII: the Kelvin sign, which `lower` makes a k, and the long s.
    """
    return key.replace("\u017f", "s").lower()


def plain(value: object) -> Any:
    """Return the value with lists as such."""
    if isinstance(value, Stored):
        return [plain(item) for item in value.items[: value.count]]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _element(kind: GoType, old: Any, token: object, how: How, place: str) -> Any:
    try:
        after = kind.store(old, token, how)
    except WrongType as error:
        error.path = f"{place}{error.path}"
        raise
    return (dict(kind.zero) if isinstance(kind.zero, dict) else kind.zero) if after is None else after


def _expect(token: object, kind: type[Any], expected: str) -> Any:
    if type(token) is not kind:
        raise WrongType(expected, token)
    return token


def _named(token: object) -> str:
    names = {str: "str", int: "int", bool: "bool", Number: "float", list: "array", Pairs: "object", type(None): "null"}
    return names.get(type(token), "object")
