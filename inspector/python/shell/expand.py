"""Expansion of words (POSIX.1-2017, Shell Command Language, 2.6); what isn't known becomes a `HOLE`."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from inspector.python.files import join, list_dir
from inspector.python.shell import conditions
from inspector.python.shell.braces import expanded
from inspector.python.shell.patterns import fits, is_pattern
from inspector.python.shell.state import HOLE, MAX_VALUE, State
from inspector.python.shell.strict import may_be_set
from inspector.python.shell.syntax import Array, Opaque, Output, Parameter, Part, Text, Word
from inspector.rootfs import NotListed, Rootfs

MAX_FIELDS = 1000
"""Fields of one command that are kept apart."""
Capture = Callable[[str, State], str]
"""What a command substitution prints."""

_GUARDS = ("-", "+", "=", "?")


class Stop(Exception):
    """The shell ends here: `${name:?}` of a name without a value, or what dash calls a bad substitution."""


class Expander:
    """Expands words over the files that a shell sees."""

    def __init__(self, seen: Callable[[State], Rootfs], capture: Capture) -> None:
        self.seen, self.capture = seen, capture

    def single(self, word: Word, state: State) -> str:
        """Return the word as one text, as assignments and `case` take it. Raises `Stop`."""
        return "".join(self._values(word, state))

    def pattern(self, word: Word, state: State) -> str:
        """Return the word as a pattern of `case`: what was quoted stands for itself. Raises `Stop`."""
        pairs = zip(word, self._values(word, state), strict=False)
        return "".join(re.sub(r"([*?\[])", r"[\1]", value) if part.quoted else value for part, value in pairs)

    def _values(self, word: Word, state: State) -> Iterator[str]:
        """Yield the value of each part; a hole and nothing more once they are too long together. Raises `Stop`."""
        room = MAX_VALUE
        for at, part in enumerate(word):
            value = self._value(part, state, first=not at)
            room -= len(value)
            if room < 0:
                yield HOLE
                return
            yield value

    def fields(self, words: tuple[Word, ...], state: State) -> list[str]:
        """Return the words of a command, split and with file names for patterns. Raises `Stop`."""
        found: list[str] = []
        for word in words if state.dialect == "dash" else (each for one in words for each in expanded(one)):
            found += self._split(word, state)
            if len(found) > MAX_FIELDS:
                return [*found[:MAX_FIELDS], HOLE]
        return found

    def _split(self, word: Word, state: State) -> Iterator[str]:  # noqa: C901, PLR0912 - field by field
        if len(word) == 1 and isinstance(word[0], Text):
            only = word[0]
            if only.quoted:
                yield only.value
            else:
                yield from self._globbed(_tilde(only.value, state), only.value, state)
            return
        current, there, plain, room = "", False, "", MAX_VALUE
        for at, part in enumerate(word):
            if room < 0:
                yield HOLE
                return
            items = self._apart(part, state) if isinstance(part, Parameter) else None
            if items is not None:
                room -= sum(map(len, items))
                there = there and (bool(items) or bool(current))
                for position, item in enumerate(items):
                    if position:
                        yield current
                        current = ""
                    current, there = current + item, True
                continue
            value = self._value(part, state, first=not at)
            room -= len(value)
            if part.quoted:
                current, there = current + value, True
            elif isinstance(part, Text):
                current, there, plain = current + value, True, plain + value
            else:
                pieces = re.split(r"[ \t\n]+", value)
                for position, piece in enumerate(pieces):
                    if position and (there or current):
                        yield from self._globbed(current, plain, state)
                        current, there, plain = "", False, ""
                    current, there, plain = current + piece, there or bool(piece), plain + piece
        if there:
            yield from self._globbed(current, plain, state)

    def _apart(self, part: Parameter, state: State) -> list[str] | None:
        """Return what stays apart: `"$@"`, and `${1+"$@"}` without quotes around it; None for other parameters."""
        if part.quoted:
            return self._items(part, state)
        word = [each for each in part.word if each != Text("", quoted=True)]
        only = word[0] if len(word) == 1 and part.operator in ("+", ":+", "-", ":-") else None
        if not isinstance(only, Parameter) or not only.quoted or not only.name.endswith("@") or "!" in part.name:
            return None
        value = _lookup(part.name.replace("[@]", "[*]") if part.name != "@" else "*", state)
        if value is not None and HOLE in value:
            return None
        lacking = value is None or (part.operator[0] == ":" and not value)
        if lacking == (part.operator[-1] == "-"):
            return self._items(only, state)
        return [] if lacking else None

    def _items(self, part: Parameter, state: State) -> list[str] | None:
        """Return what becomes a field each, in quotes too: `$@` and `${name[@]}`; None for other parameters."""
        if part.name == "@":
            items = list(state.arguments)
        elif part.name.endswith("[@]") and not part.name.startswith("#"):
            items = list(state.items(part.name[:-3]))
        else:
            return None
        match part.operator:
            case "":
                return items
            case ":-" | "-":
                return items or [self.single(part.word, state)]
            case ":+" | "+":
                return [self.single(part.word, state)] if items else []
            case ":" if state.dialect != "dash":
                return _slice([state.zero, *items] if part.name == "@" else items, self.single(part.word, state))
            case _:
                return None

    def _globbed(self, value: str, plain: str, state: State) -> Iterator[str]:
        """Yield the files that a pattern in the last component stands for; the pattern itself where there are none."""
        if not is_pattern(plain) or "f" in state.options:
            yield value
            return
        folder, _, last = value.rpartition("/")
        if is_pattern(folder) or HOLE in value or (HOLE in state.cwd and not value.startswith("/")):
            yield HOLE
            return
        where = join(state.cwd, folder) if folder or not value.startswith("/") else "/"
        try:
            names = sorted(list_dir(self.seen(state), where))
        except NotListed:
            yield HOLE
            return
        matching = [name for name in names if not name.startswith(".") or last.startswith(".")]
        answers = {name: fits(name, last) for name in matching}
        if "unknown" in answers.values():
            yield HOLE
            return
        matching = [name for name in matching if answers[name] == "yes"]
        yield from (
            posixpath.join(folder or ("/" if value.startswith("/") else ""), name) for name in matching[:MAX_FIELDS]
        )
        if not matching:
            yield value

    def _value(self, part: Part, state: State, *, first: bool) -> str:
        match part:
            case Text(value=value, quoted=quoted):
                return _tilde(value, state) if first and not quoted else value
            case Output(text=text):
                return self.capture(text, state)
            case Parameter():
                return self._parameter(part, state)
            case Array():
                return HOLE
            case Opaque(text=text, assigns=()) if text:
                return conditions.calculated(text, state)
            case Opaque(assigns=assigns, extends=extends):
                if extends and state.dialect == "dash":
                    raise Stop("it is a bad substitution")
                for name in assigns:
                    state.set(name, HOLE)
                return HOLE

    def _parameter(self, part: Parameter, state: State) -> str:  # noqa: PLR0911 - one answer an operator
        items = self._items(part, state) if part.name == "@" or part.name.endswith("[@]") else None
        if items is not None:
            return " ".join(items)
        value = _lookup(part.name.replace("[@]", "[*]"), state)
        if value is None and "u" in state.options and part.name not in "@*" and part.operator[-1:] not in _GUARDS:
            if may_be_set(part.name):
                return HOLE
            raise Stop(f"`set -u` ends it where {part.name!r} has no value")
        match part.operator:
            case "":
                return value or ""
            case ":" if state.dialect == "dash":
                raise Stop("it is a bad substitution")
            case ":-" | "-" | ":=" | "=" | ":+" | "+" | ":?" | "?":
                return self._default(part, value, state)
            case ":":
                return _substring(value or "", self.single(part.word, state))
            case "," | ",," | "^" | "^^":
                return HOLE if part.word else _cased(value or "", part.operator)
            case "/" | "//":
                return _substituted(value or "", part.operator, self.pattern(part.word, state))
            case _:
                pattern = self.pattern(part.word, state)
                return _trimmed(value or "", part.operator, pattern)

    def _default(self, part: Parameter, value: str | None, state: State) -> str:
        """Return `${name:-word}` and its kin; with the colon an empty value is as none."""
        lacking = value is None or (part.operator[0] == ":" and value == "")
        if value == HOLE and part.operator[0] == ":":
            return HOLE
        match part.operator[-1]:
            case "+":
                return "" if lacking else self.single(part.word, state)
            case "?" if lacking:
                raise Stop(f"it needs a value of {part.name!r}")
            case "=" if lacking:
                state.set(part.name, self.single(part.word, state))
                return state.variables[part.name]
            case "-" if lacking:
                return self.single(part.word, state)
        return value or ""


def _lookup(name: str, state: State) -> str | None:  # noqa: C901, PLR0911 - one answer a kind
    if name.isdigit():
        at = int(name)
        if not at:
            return state.zero
        return state.arguments[at - 1] if at <= len(state.arguments) else None
    match name:
        case _ if name.startswith("!"):
            named = state.get(name[1:])
            if named is None:
                raise Stop(f"{name[1:]!r} names no variable")
            return named if HOLE in named or not named.isidentifier() else state.get(named)
        case "*":
            return _joined(state.arguments, state) if state.arguments else None
        case "#":
            return str(len(state.arguments))
        case "-":
            return "".join(sorted(state.options)) + ("hBc" if state.dialect == "bash" else "")
        case "?" | "!" | "$":
            return {"yes": "0"}.get(state.status, HOLE) if name == "?" else HOLE
        case _ if name.startswith("#"):
            return str(len(state.items(name[1:-3])))
        case _ if name.endswith("[*]"):
            return _joined(state.items(name[:-3]), state) or None
        case _ if name.endswith("]"):
            array, _, place = name[:-1].partition("[")
            return dict(enumerate(state.items(array))).get(int(place))
        case _:
            return state.get(name)


def _joined(items: Sequence[str], state: State) -> str:
    """Return the items with the first character of IFS between them."""
    return (state.get("IFS") or " ")[0].join(items) if state.get("IFS") != "" else "".join(items)


def _slice(items: list[str], offset: str) -> list[str]:
    """Return `${name[@]:first:count}` of the items."""
    match = re.fullmatch(r" *(\d{1,6})(?::(\d{1,6}))?", offset)
    if match is None:
        return [HOLE]
    start = int(match[1])
    return items[start : start + int(match[2])] if match[2] else items[start:]


def _tilde(value: str, state: State) -> str:
    if value == "~" or value.startswith("~/"):
        return (state.get("HOME") or HOLE) + value[1:]
    return HOLE if value.startswith("~") else value


def _cased(value: str, operator: str) -> str:
    """Return the value with all letters, or the first, in lower or upper case."""
    if HOLE in value or not value.isascii():
        return HOLE
    changed = value.lower() if operator[0] == "," else value.upper()
    return changed if len(operator) > 1 else changed[:1] + value[1:]


def _substituted(value: str, operator: str, words: str) -> str:
    """Return `${name/text/other}`; what is more than plain text isn't worked out."""
    text, _, other = words.partition("/")
    if HOLE in value + words or not text or is_pattern(text) or "\\" in words or "&" in other or text[0] in "#%":
        return HOLE
    if len(value) + value.count(text) * len(other) > MAX_VALUE:
        return HOLE
    return value.replace(text, other, -1 if len(operator) > 1 else 1)


def _substring(value: str, offset: str) -> str:
    from_end = re.fullmatch(r" +-(\d{1,6})", offset)
    if from_end is not None and HOLE not in value:
        count = int(from_end[1])
        return value[-count:] if 0 < count <= len(value) else ""
    match = re.fullmatch(r" *(\d{1,6})(?::(\d{1,6}))?", offset)
    if match is None or HOLE in value:
        return HOLE
    start = int(match[1])
    return value[start : start + int(match[2])] if match[2] else value[start:]


def _trimmed(value: str, operator: str, pattern: str) -> str:
    """Return `${name#pattern}` and its kin: the shortest or longest beginning or end that fits goes."""
    if HOLE in value or HOLE in pattern or len(value) > 1024:
        return HOLE
    fits = re.compile(fnmatch.translate(pattern)).match
    lengths: Iterator[int] | range = range(len(value) + 1)
    if len(operator) > 1:
        lengths = range(len(value), -1, -1)
    for length in lengths:
        piece = value[:length] if operator[0] == "#" else value[len(value) - length :]
        if fits(piece):
            return value[length:] if operator[0] == "#" else value[: len(value) - length]
    return value
