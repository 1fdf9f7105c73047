"""The few headers of a distribution's metadata that matter (core metadata specification), without its description."""

from __future__ import annotations

import re

import msgspec

MAX_HEADERS = 512 << 10
"""Bytes of headers of a METADATA or PKG-INFO that are read; packages of a thousand requirements have 60,000."""
MAX_REQUIREMENTS = 2000
MAX_REQUIREMENT = 4096
"""Characters of one requirement; longer ones are left out."""
MAX_LICENSE = 200
"""Characters of a licence; the older header often holds its whole text."""

_NO_HEADER = rb"\n(?!From |[!-9;-~]*+:|[ \t])"  # as `email.feedparser` has it
_WANTED = rb"(?im)^(name|version|requires-dist|license|license-expression):[ \t]*+([^\n]*+(?:\n[ \t][^\n]*+)*+)"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?"
_SEPARATORS = r"[-_.]+"


class Headers(msgspec.Struct, frozen=True):
    """What the headers say; the first of a name wins, as it does for importlib.metadata.

    `cut` says that there are more requirements, or longer ones, than are read. `license` is the older header, of
    free text.
    """

    name: str = ""
    version: str = ""
    requires: tuple[str, ...] = ()
    cut: bool = False
    license: str = ""
    license_expression: str = ""


def canonical(name: str) -> str:
    """Return the one spelling of a distribution's name (PEP 503)."""
    return re.sub(_SEPARATORS, "-", name).lower()


def is_name(text: str) -> bool:
    """Tell whether `text` may name a distribution; pip ignores all others."""
    return re.fullmatch(_NAME, text) is not None


def headers_of(content: bytes) -> bytes | None:
    """Give the headers that METADATA or PKG-INFO begins with, in lines that newlines end; up to the first that is none.

    None where they are longer than any real ones.
    """
    if b"\r" in content[: 2 * MAX_HEADERS]:
        content = content[: 2 * MAX_HEADERS].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found = re.search(_NO_HEADER, b"\n" + content[: MAX_HEADERS + 2])
    end = found.start() if found else len(content)
    if end > MAX_HEADERS:
        return None
    return content[: max(0, end - 1)] if found else content


def parse_headers(head: bytes) -> Headers:
    """Return what headers say, as `headers_of` returns them."""
    found: dict[bytes, list[str]] = {
        key: [] for key in (b"name", b"version", b"requires-dist", b"license", b"license-expression")
    }
    for header in re.finditer(_WANTED, head):
        values = found[header[1].lower()]
        if len(values) <= MAX_REQUIREMENTS:
            values.append(header[2][: 4 * MAX_REQUIREMENT + 1].decode("utf-8", "replace"))
    name, version = (next(iter(found[key]), "").strip() for key in (b"name", b"version"))
    licenses = (_first_line(found[key]) for key in (b"license", b"license-expression"))
    return Headers(name, version, *_bounded(found[b"requires-dist"]), *licenses)


def parse_requires_txt(content: bytes) -> tuple[tuple[str, ...], bool]:
    """Return the requirements in an egg-info's `requires.txt`, as Requires-Dist has them; and whether there are more.

    Extras become markers.
    """
    extra = marker = ""
    found: list[str] = []
    for line in content[:MAX_HEADERS].decode("utf-8", "replace").splitlines():
        text = line.strip()
        if len(found) > MAX_REQUIREMENTS:
            break
        if text.startswith("[") and text.endswith("]"):
            extra, _, marker = text[1:-1].partition(":")
        elif text and not text.startswith("#"):
            conditions = [f"({marker})"] if marker else []
            conditions += [f'extra == "{extra}"'] if is_name(extra) else []
            found.append(f"{text}; {' and '.join(conditions)}" if conditions else text)
    kept, cut = _bounded(found)
    return kept, cut or len(content) > MAX_HEADERS


def _first_line(values: list[str]) -> str:
    first = next(iter(values), "").strip()
    return first.partition("\n")[0].strip()[:MAX_LICENSE]


def _bounded(requirements: list[str]) -> tuple[tuple[str, ...], bool]:
    """Return the requirements that are kept, and whether others are not."""
    kept = [text.strip() for text in requirements[:MAX_REQUIREMENTS] if len(text) <= MAX_REQUIREMENT]
    return tuple(kept), len(kept) < len(requirements)
