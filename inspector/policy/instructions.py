"""The instructions of a Dockerfile with their lines, as BuildKit's parser takes them apart."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

_DIRECTIVE = r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*"
_COMMENT = r"\s*#"
_WORD = r"""(?:"(?:[^"\\]|\\.)*+"|'[^']*+'|\\.|[^\s"'\\])++"""
_HERE = r"[0-9]*<<(-?)([^<]+)"
_FLAGS = r"(?:--[a-z-]+(?:=\S+)? )+"
_WITH_HERE = ("RUN", "COPY", "ADD")
MAX_HERE = 100
"""Here-documents of one instruction."""


class Instruction(NamedTuple):
    """One instruction: its word in capitals, and its lines from 1; `end_column` is behind the last character.

    `texts` are the ways in which builders write what follows the word, white space folded and without flags.
    """

    word: str
    texts: tuple[str, ...]
    line: int
    end_line: int
    end_column: int


def instructions_of(text: str) -> list[Instruction]:
    """List the instructions of a Dockerfile in their order."""
    lines = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
    return list(_Scan(lines, _escape(lines)).instructions())


def without_flags(text: str) -> str:
    """Return what follows the flags of an instruction, as in `--chown=app:app a b`."""
    return re.sub(_FLAGS, "", text, count=1) if text.startswith("--") else text


def _escape(lines: Sequence[str]) -> str:
    """Return the character that continues a line, which a directive before all else may state."""
    for line in lines:
        found = re.fullmatch(_DIRECTIVE, line.strip())
        if found is None:
            break
        if found[1].lower() == "escape" and found[2] in ("\\", "`"):
            return found[2]
    return "\\"


class _Scan:
    """One pass over the lines, `at` the next of which it is; the work is linear, whatever they hold."""

    def __init__(self, lines: Sequence[str], escape: str) -> None:
        self._lines = lines
        self._at = 0
        mark = re.escape(escape)
        self._continued = re.compile(rf"(?:(?<!{mark})|^){mark}[ \t]*$")
        self._whole = _places(lines)
        self._behind_tabs = _places([line.lstrip("\t") for line in lines])

    def instructions(self) -> Iterator[Instruction]:
        """Yield each instruction; comments and empty lines between them are passed over."""
        while self._at < len(self._lines):
            begun = self._at
            joined = self._joined()
            word, _, rest = " ".join(joined.split()).partition(" ")
            if not word:
                continue
            rest = without_flags(rest)
            is_list = rest.startswith("[")
            texts = (of_json(rest),) if is_list else tuple(self._with_documents(word.upper(), joined))
            last = self._lines[self._at - 1]
            yield Instruction(word.upper(), texts or (rest,), begun + 1, self._at, len(last) + 1)

    def _joined(self) -> str:
        """Read an instruction's lines; comments and empty lines within it are left out, and so are trailing ones."""
        parts: list[str] = []
        end = self._at
        for at in range(self._at, len(self._lines)):
            line = self._lines[at]
            if not line.strip() or re.match(_COMMENT, line):
                if parts:
                    continue
                end = at + 1
                break
            end = at + 1
            continued = self._continued.search(line)
            parts.append(line[: continued.start()] if continued else line)
            if not continued:
                break
        self._at = end
        return "".join(parts)

    def _with_documents(self, word: str, joined: str) -> Iterator[str]:
        """Yield the texts of an instruction, the here-documents that it begins read as well."""
        rest = without_flags(" ".join(joined.split()).partition(" ")[2])
        marks = list(_marks(rest)) if word in _WITH_HERE and "<<" in rest else []
        bodies: list[str] = []
        for tabs, name in marks[:MAX_HERE]:
            end = self._end(name, tabs=tabs)
            if end is None:
                break
            bodies.append("\n".join(self._lines[self._at : end]))
            bodies.append(name)
            self._at = end + 1
        if word == "RUN" and bodies:
            if re.fullmatch(_HERE, rest):
                yield " ".join(bodies[0].split())
            yield " ".join(" ".join([rest, *bodies]).split())
        yield rest

    def _end(self, name: str, *, tabs: bool) -> int | None:
        """Find the line that ends a here-document; leading tabs count as none where its mark says so."""
        ends = (self._behind_tabs if tabs else self._whole).get(name, [])
        at = bisect_left(ends, self._at)
        return ends[at] if at < len(ends) else None


def _places(lines: Iterable[str]) -> dict[str, list[int]]:
    """Map each line to where it stands, in order."""
    found: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        found.setdefault(line, []).append(at)
    return found


def _marks(rest: str) -> Iterator[tuple[bool, str]]:
    """Yield the here-documents that a line begins: whether tabs are stripped, and the name that ends each."""
    for word in re.finditer(_WORD, rest):
        found = re.fullmatch(_HERE, word[0])
        name = found[2].strip("\"'") if found else ""
        if found and name:
            yield found[1] == "-", name


def of_json(rest: str) -> str:
    """Return the words of a JSON list in one text; other text as it is."""
    if not rest.startswith("["):
        return rest
    with suppress(msgspec.MsgspecError, RecursionError):
        return " ".join(msgspec.json.decode(rest, type=list[str]))
    return rest
