"""The words and operators that a script is split into."""

from __future__ import annotations

import re

import msgspec

from inspector.python.shell.syntax import Text, Word, Written

_WRITES = re.compile(r"(\d*|&)(>>?|>\||>&)")


class Token(msgspec.Struct, frozen=True):
    """A word, or an operator; both are empty at the end. `plain` is the word's text where it has no quotes or `$`.

    `silent` words stand beside a redirection of what their command prints, `writes` are the files that redirections
    write to, `given` is a here-document.
    """

    word: Word = ()
    operator: str = ""
    silent: bool = False
    writes: tuple[Written, ...] = ()
    given: Word | None = None

    @property
    def plain(self) -> str:
        """The text of a word that may be a keyword; empty for others."""
        only = self.word[0] if len(self.word) == 1 else None
        return only.value if isinstance(only, Text) and not only.quoted else ""


def opened(operator: str, target: Word) -> tuple[tuple[Written, ...], bool]:
    """Return the file that a redirection opens for writing, if any, and whether what is printed goes elsewhere."""
    found = _WRITES.fullmatch(operator)
    if found is None:
        return (), False
    only = target[0] if len(target) == 1 else None
    if found[2] == ">&" and isinstance(only, Text) and (only.value.isdigit() or only.value == "-"):
        return (), found[1] in ("", "1")  # to another descriptor
    printed = found[1] in ("", "1", "&")
    return (Written(target, found[2] == ">>", printed),), printed
