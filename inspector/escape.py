"""The escaping of everything that an image chose itself; imports nothing, so that errors can use it at no cost."""

from __future__ import annotations

LONGEST = 2000
"""Characters of one text that a person is shown: a name or a message may have megabytes. JSON has them whole."""


def escape(text: str) -> str:
    r"""Return `text` with all that has no ink of its own as `\x1b`, `\u202e`, `\udcff` and the like.

    That takes in control and format characters (bidirectional overrides, zero widths), line ends, every
    space but U+0020, private use and lone surrogates (PEP 383). Escaping again changes nothing.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def in_ascii(text: str, most: int = 300) -> str:
    """Return the first `most` characters in ASCII, all others escaped: for a clause of an error."""
    return ascii(text[:most])[1:-1]


def cut(text: str) -> str:
    """Return at most `LONGEST` characters of `text`, and a mark that there were more."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _escaped(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
