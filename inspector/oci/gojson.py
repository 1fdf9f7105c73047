"""JSON read as Go's `encoding/json` reads it, so that the document seen here is the one that engines see.

Most documents are plain: no key twice, none in another case, nothing that Go would mend. These are checked in C and
taken as they stand. All others are stored value by value as Go would, in each way that engines and their versions of
Go differ in, and refused where that gives two documents.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
from typing import Any

import msgspec

from inspector.errors import LimitExceeded, Malformed
from inspector.oci.gotypes import GoType, How, Number, Pairs, Slice, Struct, WrongType, fold, plain
from inspector.oci.gotypes import Map as GoMap
from inspector.oci.model import MAX_DOCUMENT

MAX_VALUES = 250_000
"""Commas and brackets of one document; as values they take some 60 MB. An index of 1,000 images has 30,000."""
MAX_DEPTH = 500
"""Objects and lists within each other; Go ends at 10,000, and documents of images at 6."""
_SMALL = 20_000
"""Characters that are too few for either bound, or for Go's; they need not be counted."""

_WAYS = [How(empties, reuses) for empties in (True, False) for reuses in (True, False)]
_MARK = r'(?s)"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|([\[{])|([\]}])|,'
_SURROGATE = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_OTHERS = rf"(?:(?!{_SURROGATE})\\.[^\\]*+)++"
_ESCAPE = rf"(?s){_PAIR}|({_SURROGATE})|{_OTHERS}"
_UNPAIRED = re.compile(_SURROGATE)
_ALWAYS_WRONG = re.compile(rb"[\x80-\xc1\xf5-\xff]*+")
"""Bytes that begin no character of UTF-8."""


class _Unusual(Exception):
    """A document that is not plain."""


class Reader:
    """Reads documents whose root is of the Go type `kind`; from any thread.

    With `first`, only the first value counts, and what follows it is passed over, as `json.Decoder` does.
    """

    def __init__(self, kind: GoType, *, first: bool = False) -> None:
        self._kind = kind
        self._first = first
        self._known = frozenset(_names(kind))
        self._folded = {fold(name) for name in self._known}
        if len(self._folded) != len(self._known):
            raise ValueError("names that differ in case alone need a reader of their own")
        self._check: Any = kind.check
        msgspec.json.Decoder(self._check)  # builds the type now: two threads that meet it first crash msgspec 0.22
        self._quick = _decoder(self._object)
        self._exact = _decoder(Pairs)

    def read(self, content: bytes, where: str) -> Any:
        """Return the document as dicts and lists, with keys as Go writes them; what Go leaves empty is absent or null.

        Raises `Malformed`, `LimitExceeded`; `where` names the document in their messages.
        """
        text = _text(content, where)
        if not _UNPAIRED.search(text):
            with contextlib.suppress(_Unusual, msgspec.ValidationError):
                tree = self._decode(self._quick, text, where)
                msgspec.convert(tree, self._check)
                return tree
        return self.reread(content, where)

    def reread(self, content: bytes, where: str) -> Any:
        """Return the same by the longer way; what is empty is absent."""
        pairs = self._pairs(content, where)
        found: Any = None
        for at, how in enumerate(_WAYS):
            try:
                one = plain(self._kind.store(None, pairs, how))
            except WrongType as error:
                raise Malformed(f"{where}: {error}") from error
            if at and one != found:
                raise Malformed(
                    f"{where}: gives a field twice, and engines differ in what they make of that; write each once"
                )
            found = one
        return found

    def _pairs(self, content: bytes, where: str) -> Any:
        text = _text(content, where)
        if _UNPAIRED.search(text):
            text = re.sub(_ESCAPE, lambda match: r"\ufffd" if match[1] else match[0], text)
        return self._decode(self._exact, text, where)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _Unusual
        if not self._known.issuperset(found) and any(fold(key) in self._folded for key in found.keys() - self._known):
            raise _Unusual
        return found

    def _decode(self, decoder: json.JSONDecoder, text: str, where: str) -> Any:
        try:
            if not self._first:
                return decoder.decode(text)
            return decoder.raw_decode(text.lstrip(" \t\r\n"))[0]
        except json.JSONDecodeError as error:
            raise Malformed(f"{where}: JSON is malformed: {error}") from error
        except (ValueError, RecursionError) as error:
            raise Malformed(f"{where}: invalid JSON: {error}") from error


def _names(kind: GoType) -> set[str]:
    if isinstance(kind, Slice | GoMap):
        return _names(kind.of)
    if isinstance(kind, Struct):
        return set(kind.fields).union(*(_names(field) for field in kind.fields.values()))
    return set()


def _decoder(hook: Any) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=hook, parse_float=Number, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _text(content: bytes, where: str) -> str:
    """Return the document as text, bounded before anything is made of it.

    Bytes that are no UTF-8 are replaced as in Go.
    """
    if len(content) > MAX_DOCUMENT:
        raise LimitExceeded(f"{where}: {len(content)} bytes; documents past {MAX_DOCUMENT} are refused")
    text = content.decode("utf-8", _EACH_BYTE)
    if len(text) > _SMALL:
        openings = text.count("{") + text.count("[")
        if openings > MAX_DEPTH or openings + text.count(",") > MAX_VALUES:
            _refuse_large(text, where)
    return text


def _refuse_large(text: str, where: str) -> None:
    depth = values = 0
    for mark in re.finditer(_MARK, text):
        opened, closed = mark[1] is not None, mark[2] is not None
        depth += opened - closed
        values += opened or mark[0] == ","
        if depth > MAX_DEPTH:
            raise Malformed(f"{where}: JSON is nested deeper than {MAX_DEPTH}, as no document of an image is")
        if values > MAX_VALUES:
            raise LimitExceeded(f"{where}: JSON of more than {MAX_VALUES} values")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Return one replacement character for each byte, as Go has it, and not for each sequence, as Python has it."""
    assert isinstance(error, UnicodeDecodeError)
    end = _ALWAYS_WRONG.match(error.object, error.end).end()  # type: ignore[union-attr]  # which may be empty
    return "\ufffd" * (end - error.start), end


_EACH_BYTE = "inspector-each-byte"
codecs.register_error(_EACH_BYTE, _replaced)
