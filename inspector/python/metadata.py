"""The few headers of a distribution's metadata that matter (core metadata specification), without its description."""

from __future__ import annotations

import re

import msgspec

MAX_HEADERS = 512 << 10
"""Bytes of a METADATA or PKG-INFO in which headers are sought."""
MAX_REQUIREMENTS = 2000
MAX_REQUIREMENT = 4096
"""Characters of one requirement; longer ones are left out."""

_HEADER = re.compile(r"([!-9;-~]*):[ \t]*(.*)", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")
_SEPARATORS = re.compile(r"[-_.]+")


class Headers(msgspec.Struct, frozen=True):
    """What the headers say; the first of a name wins, as it does for importlib.metadata."""

    name: str = ""
    version: str = ""
    requires: tuple[str, ...] = ()


def canonical(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def is_name(text: str) -> bool:
    """Whether `text` may name a distribution; pip ignores all others."""
    return _NAME.fullmatch(text) is not None


def parse_headers(content: bytes) -> Headers:
    """The headers that METADATA or PKG-INFO begins with; they end at the first line that is none."""
    found: dict[str, list[str]] = {"name": [], "version": [], "requires-dist": []}
    values: list[str] | None = None
    size = 0
    for number, text in enumerate(_LINE_END.split(_head(content))):
        if text[:1] in (" ", "\t"):
            size += len(text) + 1
            if values and size <= MAX_REQUIREMENT:  # each line more copies those before it
                values[-1] = f"{values[-1]}\n{text}"
            continue
        size = 0
        header = _HEADER.match(text)
        if header is None:
            if number == 0 and text.startswith("From "):
                continue
            break
        values = found.get(header[1].lower())
        if values is not None:
            values.append(header[2])
    name, version = (next(iter(found[key]), "").strip() for key in ("name", "version"))
    return Headers(name, version, _bounded(found["requires-dist"]))


def parse_requires_txt(content: bytes) -> tuple[str, ...]:
    """The requirements in an egg-info's `requires.txt`, as Requires-Dist has them; extras become markers."""
    extra = marker = ""
    found = []
    for line in content[:MAX_HEADERS].decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            extra, _, marker = text[1:-1].partition(":")
        elif text and not text.startswith("#"):
            conditions = [f"({marker})"] if marker else []
            conditions += [f'extra == "{extra}"'] if is_name(extra) else []
            found.append(f"{text}; {' and '.join(conditions)}" if conditions else text)
    return _bounded(found)


def _head(content: bytes) -> str:
    """The text up to the first blank line at most."""
    end = content.find(b"\n\n", 0, MAX_HEADERS)
    return content[: end if end >= 0 else MAX_HEADERS].decode("utf-8", "replace")


def _bounded(requirements: list[str]) -> tuple[str, ...]:
    return tuple(text.strip() for text in requirements[:MAX_REQUIREMENTS] if len(text) <= MAX_REQUIREMENT)
