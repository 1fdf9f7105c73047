"""The keys of a role that rules declare: how each is written, parsed and told when it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar, get_origin

import msgspec

from inspector.policy.location import Location

T = TypeVar("T")
MAX_PATTERNS = 1000
"""Patterns or requirements of one key: each is compared with each distribution of an image."""


class Key(msgspec.Struct, frozen=True):
    """A key of a policy's table: its name as written, its type in TOML, and a hint of what is allowed there.

    For the reference and the schema, `about` says what the key states, and `unset` what leaving it out means; `form`
    describes its texts in JSON Schema, and `words` are all that is allowed, where that is a few.
    """

    name: str
    kind: Any
    hint: str
    default: Any = None
    about: str = ""
    unset: str = ""
    form: Mapping[str, Any] = {}
    words: Callable[[], Sequence[str | bool]] | None = None

    def __hash__(self) -> int:
        """Hash by the name: `form` has no hash."""
        return hash(self.name)


class Written(msgspec.Struct, frozen=True):
    """A role's table as written, its types checked; `location` makes the errors that name it.

    `asked` are the keys that were looked up: where one of them is at fault, what follows from it is no fault.
    `fleets` are those of the policy by name, None for each that has faults of its own.
    """

    location: Location
    table: Any
    fleets: Mapping[str, Any] = {}
    asked: set[str] = msgspec.field(default_factory=set)

    def __getitem__(self, key: str) -> Any:
        """Look up a key of any rule; one that isn't there has its default."""
        self.asked.add(key)
        return getattr(self.table, attribute(key))


class Setting(msgspec.Struct, Generic[T], frozen=True):
    """A value that a role holds for a rule: its `name` in `Role(…)`, and how it follows from the keys.

    `read` parses and checks it, against other keys too, and raises `PolicyError`.
    """

    name: str
    keys: tuple[Key, ...]
    read: Callable[[Written], T]
    default: T


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What a `Rule` declares beside its function.

    `facts` says where the answer lies: in manifest and config alone, in files, or in a run of the image. `layers` is
    the clause that says why a role which states one of the settings needs every layer; empty where single files do.
    `packages` is the same for a role that needs every package: single files tell these once all folders are listed.
    `sizes` says that it asks where the bytes are, which is found out only then.
    """

    check: str
    settings: tuple[Setting[Any], ...] = ()
    facts: Literal["manifest", "files", "run"] = "files"
    layers: str = ""
    packages: str = ""
    sizes: bool = False


def text(
    key: str,
    parse: Callable[[str], T],
    hint: str,
    also: Callable[[Written, T | None], None] | None = None,
    **told: Any,
) -> Setting[T | None]:
    """Declare a key that holds a text; `parse` raises `ValueError` with a sentence, `also` what `Setting` says.

    `told` is what `Key` has for the reference.
    """

    def read(written: Written) -> T | None:
        value = written.location.optional(key, parse, written[key])
        if also is not None:
            also(written, value)
        return value

    return Setting(attribute(key), (Key(key, str | None, hint, **told),), read, None)


def texts(
    key: str,
    parse: Callable[[str], T],
    hint: str,
    also: Callable[[Written, tuple[T, ...]], None] | None = None,
    **told: Any,
) -> Setting[tuple[T, ...]]:
    """Declare a key that holds a list of texts, at most `MAX_PATTERNS` of them; the rest as in `text`."""

    def read(written: Written) -> tuple[T, ...]:
        if len(written[key]) > MAX_PATTERNS:
            raise written.location.error(f"more than {MAX_PATTERNS} of them", key)
        values = written.location.each(key, parse, written[key])
        if also is not None:
            also(written, values)
        return values

    return Setting(attribute(key), (Key(key, list[str], hint, (), **told),), read, ())


def choice(key: str, allowed: Callable[[], Sequence[str]], default: T, **told: Any) -> Setting[T]:
    """Declare a key that holds one of some words; `told` as in `text`."""

    def parse(word: Any) -> T:
        if word not in allowed():
            raise ValueError(f"unknown value {word!r}; {_one_of(allowed())}")
        chosen: T = word
        return chosen

    def read(written: Written) -> T:
        word = written[key]
        return default if word is None else written.location.check(key, parse, word)

    own = Key(key, str | None, _one_of(allowed()), words=allowed, **told)
    return Setting(attribute(key), (own,), read, default)


def table_of(keys: Iterable[Key], required: Collection[Key] = ()) -> tuple[type[Any], dict[str, str]]:
    """Return the struct that a table of these keys fits, and no other, and their hints, as `Location` takes both.

    What is left out has its key's default; a table of tables is empty then.
    """
    fields: list[Any] = []
    hints = {}
    for key in keys:
        default = {} if get_origin(key.kind) is dict else key.default
        fields.append((attribute(key.name), key.kind, *([] if key in required else [default])))
        hints[key.name] = key.hint
    return msgspec.defstruct("Table", fields, forbid_unknown_fields=True, rename="kebab", kw_only=True), hints


def attribute(key: str) -> str:
    """Name the field for a key: `torch-version` becomes `torch_version`."""
    return key.replace("-", "_")


def _one_of(words: Sequence[str]) -> str:
    return f"allowed are {', '.join(words[:-1])} and {words[-1]}"
