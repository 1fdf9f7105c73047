"""Where keys and values stand in the text of a policy, which the decoders of TOML and JSON do not say.

The text must be valid: its decoder took it. Only for the sake of errors, so imported once there is one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import NamedTuple

from inspector.errors import Fault

Path = tuple[str | int, ...]
MAX_DEPTH = 8
"""Parts of a path that are kept: no key of a policy lies deeper."""

_BLANK = re.compile(r"(?:[\s]|#[^\n]*)*+")
_SPACE = re.compile(r"[ \t]*+")
_BARE = re.compile(r"[A-Za-z0-9_-]++")
_STRING = re.compile(
    r'"""(?:[^\\"]|\\[\s\S]|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'"
)
_SCALAR = re.compile(r"[^,\]}\n#]*+")


class Span(NamedTuple):
    """The places of a key and its value in the text; an item of a list has no key of its own."""

    key: tuple[int, int]
    value: tuple[int, int]


def placed(text: str, faults: Iterable[Fault], prefix: Path = (), *, is_json: bool = False) -> tuple[Fault, ...]:
    """Return the faults with line, column and source, where these can be told, in their order.

    `prefix` leads to the table of the policy.
    """
    scan = _Json(text) if is_json else _Toml(text)
    try:
        spans = scan.spans()
    except (IndexError, ValueError, RecursionError):  # deeper than here, or no such text at all
        spans = {}
    found = (_placed(text, each, spans, prefix + each.path) for each in faults)
    return tuple(sorted(found, key=lambda each: (each.line or 0, each.column or 0)))


def _placed(text: str, fault: Fault, spans: dict[Path, Span], path: Path) -> Fault:
    on_key = fault.on_key
    while path and path not in spans:
        path, on_key = path[:-1], True
    if not path:
        return fault
    begin, end = spans[path].key if on_key else spans[path].value
    return at(text, fault, begin, end)


def at(text: str, fault: Fault, begin: int, end: int) -> Fault:
    """Return the fault with the place of the characters from `begin` to `end`, as far as their first line goes."""
    line = text.count("\n", 0, begin) + 1
    first = text.rfind("\n", 0, begin) + 1
    last = text.find("\n", begin)
    source = text[first : len(text) if last == -1 else last].rstrip("\r")
    width = max(1, min(end, first + len(source)) - begin)
    return fault._replace(line=line, column=begin - first + 1, source=source, width=width)


class _Toml:
    """One pass over a valid TOML document."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[Path, Span] = {}
        self._items: dict[Path, int] = {}

    def spans(self) -> dict[Path, Span]:
        """Return the place of each key and item."""
        table: Path = ()
        while self._skip(_BLANK) < len(self._text):
            begin = self._at
            if self._text[begin] != "[":
                self._pair(table)
                continue
            is_array = self._text.startswith("[[", begin)
            self._at += 1 + is_array
            table = self._header(self._key(), is_array=is_array)
            self._skip(_SPACE)
            self._at += 1 + is_array
            self._keep(table, (begin, self._at), (begin, self._at))
            self._keep_above(table, 0, (begin, self._at))
        return self._found

    def _header(self, key: Path, *, is_array: bool) -> Path:
        """Return where the table of a header lies: within the last item of each array of tables on the way."""
        path: Path = ()
        for part in key[:-1]:
            path = self._last((*path, part))
        path = (*path, key[-1])
        if not is_array:
            return self._last(path)
        self._items[path] = self._items.get(path, -1) + 1
        return (*path, self._items[path])

    def _last(self, path: Path) -> Path:
        return (*path, self._items[path]) if path in self._items else path

    def _pair(self, table: Path) -> None:
        begin = self._at
        path = table + self._key()
        key = (begin, self._at)
        self._skip(_SPACE)
        self._at += 1  # =
        self._skip(_SPACE)
        self._keep_above(path, len(table), key)
        self._keep(path, key, self._value(path))

    def _key(self) -> Path:
        """Read a key, perhaps dotted; stop behind it."""
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            found = _BARE.match(self._text, self._at) or _STRING.match(self._text, self._at)
            if found is None:
                raise IndexError
            parts.append(_unquoted(found[0]))
            end = self._at = found.end()
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                self._at = end
                return tuple(parts)
            self._at += 1

    def _value(self, path: Path) -> tuple[int, int]:
        begin = self._at
        match self._text[begin]:
            case '"' | "'":
                self._skip(_STRING)
            case "[":
                self._list(path)
            case "{":
                self._table(path)
            case _:
                self._skip(_SCALAR)
                return begin, begin + len(self._text[begin : self._at].rstrip())
        return begin, self._at

    def _list(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._text[self._skip(_BLANK)] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            item = (*path, number)
            span = self._value(item)
            self._keep(item, span, span)
            number += 1
        self._at += 1

    def _table(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip(_BLANK)] != "}":
            if self._text[self._at] == ",":
                self._at += 1
            else:
                self._pair(path)
        self._at += 1

    def _keep(self, path: Path, key: tuple[int, int], value: tuple[int, int]) -> None:
        if len(path) <= MAX_DEPTH:
            self._found[path] = Span(key, value)

    def _keep_above(self, path: Path, begin: int, span: tuple[int, int]) -> None:
        """Keep the place of the tables that a dotted key makes on its way, unless one was there before."""
        for end in range(begin + 1, min(len(path), MAX_DEPTH + 1)):
            self._found.setdefault(path[:end], Span(span, span))

    def _skip(self, pattern: re.Pattern[str]) -> int:
        """Pass over what the pattern fits; return where that ends."""
        found = pattern.match(self._text, self._at)
        if found is None:
            raise IndexError
        self._at = found.end()
        return self._at


class _Json:
    """One pass over a valid JSON document."""

    _BLANK = re.compile(r"[ \t\r\n]*+")
    _OTHER = re.compile(r"[^,\]} \t\r\n]++")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[Path, Span] = {}

    def spans(self) -> dict[Path, Span]:
        """Return the place of each key and item."""
        self._blank()
        self._value(())
        return self._found

    def _value(self, path: Path) -> tuple[int, int]:
        begin = self._at
        match self._text[begin]:
            case '"':
                self._string()
            case "[" | "{" as opened:
                self._items(path, is_object=opened == "{")
            case _:
                found = self._OTHER.match(self._text, begin)
                self._at = found.end() if found else len(self._text)
        return begin, self._at

    def _items(self, path: Path, *, is_object: bool) -> None:
        self._at += 1
        number = 0
        while self._text[self._blank()] not in "]}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            begin = self._at
            part: str | int = number
            if is_object:
                part = self._string()
                key = (begin, self._at)
                self._blank()
                self._at += 1  # :
                self._blank()
                value = self._value((*path, part))
            else:
                key = value = self._value((*path, part))
            if len(path) < MAX_DEPTH:
                self._found[(*path, part)] = Span(key, value)
            number += 1
        self._at += 1

    def _string(self) -> str:
        found: str
        found, self._at = scanstring(self._text, self._at + 1)
        return found

    def _blank(self) -> int:
        found = self._BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    found: str = tomllib.loads(f"key = {part}")["key"] if "\\" in part else part[1:-1]
    return found
