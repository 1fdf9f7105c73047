"""What is to be audited: repositories, registries and single images as they are named, and which of their tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from inspector.errors import InspectorError, InvalidReference, UsageError
from inspector.names import ImageName, parse_host, parse_name
from inspector.policy.tags import is_within, parse_range
from inspector.policy.values import glob
from inspector.reference import Scheme, parse_reference

_WORD = re.compile(r"docker://|registry:(//)?")
MAX_LINE = 1024
"""Bytes of a line of a file of references; names have 255 characters, and tags and digests some more."""


class Scope(msgspec.Struct, frozen=True):
    """A repository or one image of it; or, without a name, the repositories of `host` that `pattern` fits.

    One that is `listed` was not typed by itself: what the policy's `ignore` fits is left out of it.
    """

    name: ImageName | None
    host: str = ""
    pattern: str = "*"
    listed: bool = False

    def __str__(self) -> str:
        return str(self.name) if self.name else self.host


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which tags of a repository: those that fit an `include`, and no `exclude`, and state a version in `versions`.

    Of these, the `newest` so many by version, or, where most tags state none, by when their config says that the
    image was made. A tag that is named itself is always taken.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    versions: str | None = None
    newest: int | None = None

    def check(self) -> None:
        """Raise `UsageError` for an invalid pattern or range."""
        try:
            for pattern in (*self.include, *self.exclude):
                glob(pattern)
        except ValueError as error:
            raise UsageError(str(error)) from None
        if self.versions is not None:
            parse_range(self.versions)

    def fits(self, tag: str) -> bool:
        """Tell whether the tag is asked for, as far as that hangs on it alone."""
        if self.include and not any(fnmatchcase(tag, pattern) for pattern in self.include):
            return False
        if any(fnmatchcase(tag, pattern) for pattern in self.exclude):
            return False
        return self.versions is None or is_within(tag, self.versions)

    def __str__(self) -> str:
        """Return the selection as its options are written."""
        parts = [f"--include {pattern!r}" for pattern in self.include]
        parts += [f"--exclude {pattern!r}" for pattern in self.exclude]
        parts += [f"--semver {self.versions!r}"] if self.versions is not None else []
        return " ".join(parts)


def parse_scope(text: str) -> Scope:
    """Return `[registry:|docker://][HOST/]NAME[:TAG][@DIGEST]`.

    Raises `InvalidReference`, also for what is in no registry.
    """
    reference = parse_reference(text)
    if reference.scheme not in (Scheme.BARE, Scheme.REGISTRY) or reference.is_path_like():
        raise InvalidReference(f"{text!a}: only repositories of registries are audited; `inspector check` reads this")
    head = reference.name.partition(":")[0]
    if "/" not in reference.name and ("." in head or head == "localhost"):
        raise InvalidReference(
            f"{text!a}: names a registry, not a repository; --catalog {reference.name} audits all of them"
        )
    return Scope(parse_name(reference.name))


def parse_catalog(text: str) -> Scope:
    """Read a whole registry as `HOST`, or `HOST/PATTERN` for some of its repositories. Raises `UsageError`."""
    word = _WORD.match(text)
    host, slash, pattern = text[word.end() if word else 0 :].rstrip("/").partition("/")
    try:
        return Scope(None, parse_host(host), glob(pattern) if slash else "*")
    except ValueError as error:
        raise UsageError(f"--catalog {text}: {error}") from None


def read_scopes(lines: BinaryIO, name: str) -> Iterator[Scope]:
    """Read a name from each line that is neither empty nor a comment (`#`). Raises `UsageError`, naming the line."""
    number = 0
    while line := lines.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise UsageError(f"{name}, line {number}: more than {MAX_LINE} bytes, so hardly a name of an image")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").partition("#")[0].strip()
            if text:
                yield replace(parse_scope(text), listed=True)
        except (UnicodeDecodeError, InspectorError) as error:
            raise UsageError(f"{name}, line {number}: {error}") from None


def once(scopes: Iterable[Scope]) -> list[Scope]:
    """Leave out what was named before; single images of a repository that is named whole stay."""
    found = dict.fromkeys(scopes)
    return [each for each in found if not each.listed or replace(each, listed=False) not in found]
