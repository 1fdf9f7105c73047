"""Tokens in search paths and names: `$ORIGIN`, `$LIB`, `$PLATFORM` (ld.so(8), "Dynamic string tokens")."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))")
MAX_EXPANDED = 64 << 10


def expand(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with its tokens replaced; one that is unknown stays.

    >>> expand("$ORIGIN/../${LIB}/$OTHER", {"ORIGIN": "/opt/a", "LIB": "lib64", "PLATFORM": "x86_64"})
    '/opt/a/../lib64/$OTHER'
    """
    if "$" not in text:
        return text
    expanded = _TOKEN.sub(lambda match: values[match[1] or match[2]], text)
    return expanded[:MAX_EXPANDED]  # past PATH_MAX: the kernel refuses it


def has_token(text: str) -> bool:
    """Tell whether a text uses any."""
    return _TOKEN.search(text) is not None


def has_origin(text: str) -> bool:
    """Tell whether a text uses `$ORIGIN`."""
    return any("ORIGIN" in match[0] for match in _TOKEN.finditer(text))
