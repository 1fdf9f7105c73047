"""Where in a policy file something stands, for errors that name it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec

from inspector.errors import PolicyError
from inspector.policy.steps import shorten
from inspector.policy.values import did_you_mean

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
V = TypeVar("V")
MAX_SENTENCE = 2000
"""Characters of a sentence, which may quote a value of a million."""
_KEY = re.compile(r" - at `\$\.?([^`]*)`$")


class Location(msgspec.Struct, frozen=True):
    """A table of a policy file: `inspector.toml`, then such as `role 'api'`."""

    origin: str
    table: str = ""

    def error(self, sentence: str, key: str | None = None) -> PolicyError:
        """Return the error that names file, table and key before the sentence."""
        sentence = shorten(sentence, MAX_SENTENCE)
        where = ", ".join(part for part in (self.table, f"key {key!r}" if key else "") if part)
        return PolicyError(f"{self.origin}: {where}: {sentence}" if where else f"{self.origin}: {sentence}")

    def convert(self, raw: Any, kind: type[S], hints: dict[str, str]) -> S:
        """Return `raw` as the struct `kind`; `hints` say by key what is allowed there. Raises `PolicyError`."""
        if not isinstance(raw, dict):
            raise self.error(f"expected a table of keys, got {type(raw).__name__}")
        known = _keys(kind)
        for key in raw:
            if key not in known:
                raise self.error(f"unknown key {str(key)[:100]!r}; {did_you_mean(str(key), known)}")
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            sentence, key = _split(str(error))
            hint = hints.get(key.split("[", 1)[0])
            raise self.error(f"{sentence}; {hint}" if hint else sentence, key or None) from None

    def check(self, key: str | None, parse: Callable[[V], T], value: V) -> T:
        """Return what `parse` makes of `value`, its `ValueError` told as a `PolicyError` of this location."""
        try:
            return parse(value)
        except ValueError as error:
            raise self.error(str(error), key) from None

    def optional(self, key: str, parse: Callable[[V], T], value: V | None) -> T | None:
        """Return as `check`; a key that isn't there stays None."""
        return None if value is None else self.check(key, parse, value)

    def each(self, key: str, parse: Callable[[V], T], values: Iterable[V]) -> tuple[T, ...]:
        """Return as `check`, for every one of a list."""
        return tuple(self.check(key, parse, value) for value in values)


@cache
def _keys(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the keys that a struct takes; asked for once, as msgspec works them out each time."""
    return tuple(field.encode_name for field in msgspec.structs.fields(kind))


def _split(message: str) -> tuple[str, str]:
    """Return a validation message without its position, and the key that it is about."""
    found = _KEY.search(message)
    return (message[: found.start()], found[1]) if found else (message, "")
