"""Where in a policy file something stands, for errors that name it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from inspector.errors import Fault, PolicyError
from inspector.policy.steps import shorten
from inspector.policy.values import did_you_mean, nearest

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
V = TypeVar("V")
MAX_SENTENCE = 2000
"""Characters of a sentence, which may quote a value of a million."""
MAX_KEY = 100
"""Characters of an unknown key that a sentence quotes."""
MAX_FAULTS = 50
"""Faults of one file that are told; a file with more is something else."""
_KEY = r" - at `\$[^`]*`$"


class Faults:
    """The faults of one file as they are met: what else is wrong with it is looked for all the same."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self.found: list[Fault] = []

    def add(self, faults: Iterable[Fault]) -> None:
        """Take in more; raise them all once there are too many."""
        self.found += faults
        if len(self.found) >= MAX_FAULTS:
            raise TooMany.of(self._origin, self.found[:MAX_FAULTS])

    def raise_all(self) -> None:
        """Raise the `PolicyError` of all that were met, if any was."""
        if self.found:
            raise PolicyError.of(self._origin, self.found)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep the faults that the block raises, and go on behind it, unless there are too many."""
        try:
            yield
        except TooMany:
            raise
        except PolicyError as error:
            self.add(error.faults)


class TooMany(PolicyError):
    """A policy file with so many faults that no more are looked for."""


class Location(msgspec.Struct, frozen=True):
    """A table of a policy file: `inspector.toml`, then such as `role 'api'`; `path` leads to it."""

    origin: str
    table: str = ""
    path: tuple[str | int, ...] = ()

    def error(self, sentence: str, key: str | None = None) -> PolicyError:
        """Return the error that names file, table and key before the sentence."""
        return PolicyError.of(self.origin, [self.fault(sentence, key)])

    def fault(self, sentence: str, key: str | None = None, at: int | None = None, *, on_key: bool = False) -> Fault:
        """Return the fault for `error`; `at` counts the items of a list.

        `on_key` says that there should be no such key: it is not named, but its place is told.
        """
        named = "" if key is None or on_key else f"key {key!r}" if at is None else f"key '{key}[{at}]'"
        where = ", ".join(part for part in (self.table, named) if part)
        sentence = shorten(sentence, MAX_SENTENCE)
        path = (*self.path, *([] if key is None else [key] if at is None else [key, at]))
        return Fault(f"{where}: {sentence}" if where else sentence, path, on_key)

    def convert(self, raw: Any, kind: type[S], hints: Mapping[str, str]) -> S:
        """Return `raw` as the struct `kind`; `hints` say by key what is allowed there. Raises `PolicyError`."""
        table, faults, _ = self.partial(raw, kind, hints)
        if faults or table is None:
            raise PolicyError.of(self.origin, faults)
        return table

    def partial(self, raw: Any, kind: type[S], hints: Mapping[str, str]) -> tuple[S | None, list[Fault], set[str]]:
        """Return as `convert` what can be, with all faults of the rest and the keys at fault, or what they may mean.

        None where a key that must be there is not. Raises `PolicyError` for what is no table.
        """
        if not isinstance(raw, dict):
            raise self.error(f"expected a table of keys, got {type(raw).__name__}")
        fields = _fields(kind)
        faults: list[Fault] = []
        at_fault: set[str] = set()
        good = {}
        for key, value in raw.items():
            found = list(self._wrong(key, value, fields, hints))
            faults += found
            if not found:
                good[key] = value
            elif len(faults) >= MAX_FAULTS:
                break
            else:
                at_fault.update([key] if key in fields else nearest(str(key), fields))
        try:
            return msgspec.convert(good, kind), faults, at_fault
        except msgspec.ValidationError as error:
            return None, faults or [self.fault(_split(str(error)))], at_fault

    def _wrong(self, key: str, value: Any, fields: Mapping[str, Any], hints: Mapping[str, str]) -> Iterator[Fault]:
        """Yield what is wrong with a key: it is unknown, or its value, or items of it, are of another type."""
        if key not in fields:
            sentence = f"unknown key {str(key)[:MAX_KEY]!r}; {did_you_mean(str(key), fields)}"
            yield self.fault(sentence, key, on_key=True)
            return
        kind, hint = fields[key], f"; {hints[key]}" if key in hints else ""
        sentence = _mistyped(value, kind)
        items = get_args(kind) if isinstance(value, list) and get_origin(kind) is list else ()
        if sentence and not items:
            yield self.fault(f"{sentence}{hint}", key)
        for at, item in enumerate(value if sentence and items else ()):
            if wrong := _mistyped(item, items[0]):
                yield self.fault(f"{wrong}{hint}", key, at)

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
        """Return as `check`, for every one of a list; all that are wrong are told."""
        faults, found = Faults(self.origin), []
        for at, value in enumerate(values):
            try:
                found.append(parse(value))
            except ValueError as error:
                fault = self.fault(str(error), key)
                faults.add([fault._replace(path=(*fault.path, at))])
        faults.raise_all()
        return tuple(found)


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the keys that a struct takes, with their types; asked for once, as msgspec works them out each time."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _mistyped(value: Any, kind: Any) -> str:
    """Say why a value is not of that type; empty where it is."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return _split(str(error))
    return ""


def _split(message: str) -> str:
    """Return a validation message without its position, an enumeration being no word of users."""
    return re.sub(_KEY, "", message).replace("Invalid enum value", "unknown value")
