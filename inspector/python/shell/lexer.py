"""The words and operators of a shell script (POSIX.1-2017, Shell Command Language, 2.3), with bash's `[[` and `((`."""

from __future__ import annotations

import re

import msgspec

from inspector.errors import Malformed
from inspector.python.shell.syntax import Array, Opaque, Output, Parameter, Part, Text, Word, Written
from inspector.python.shell.tokens import Token, opened

MAX_NESTING = 30
"""Expansions within expansions."""

_OPERATORS = (";;&", ";;", ";&", "&&", "||", "|&", "\n", ";", "&", "|", "(", ")")
_REDIRECTION = re.compile(r"\d*(?:<<<|<<-?|<>|<&|<|>>|>&|>\||>|&>>|&>)")
_POSIX_REDIRECTION = re.compile(r"\d*(?:<<-?|<>|<&|<|>>|>&|>\||>)")
_ASSIGNS = re.compile(
    r"\b([A-Za-z_]\w*+)\s*+(?:\+\+|--|(?:<<|>>|[-+*/%&^|])?=(?!=))|(?:\+\+|--)\s*+([A-Za-z_]\w*+)", re.ASCII
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_]\w*|[0-9]|[@*#?$!-]", re.ASCII)
_BRACED = re.compile(
    r"([A-Za-z_]\w*(?:\[(?:[@*]|\d{1,4})\])?|[0-9]+|[@*#?$!-])(:[-=?+]|##|%%|//|,,|\^\^|[-=?+#%:/,^])?", re.ASCII
)
_OF_BASH = ("/", "//", ",", ",,", "^", "^^")
"""Operators in `${name…}` of bash, which are a bad substitution to dash."""
_INDIRECT = re.compile(r"![A-Za-z_]\w*(?![\w@*\[])", re.ASCII)
_COUNTED = re.compile(r"#[A-Za-z_]\w*\[[@*]\]", re.ASCII)
_ENDS_WORD = frozenset(" \t\n;&|()<>")


def tokens(text: str, *, posix: bool = False) -> list[Token]:
    """Return all tokens of a script; with `posix` as dash reads it. Raises `Malformed`."""
    return _Lexer(text, 0, posix=posix).run()


def parse_word(text: str, depth: int = 0, *, posix: bool = False) -> Word:
    """Return the parts of a text that is one word, spaces among it."""
    lexer = _Lexer(text, depth, posix=posix)
    return lexer.word(ends=frozenset())


def assigned(arithmetic: str) -> tuple[str, ...]:
    """Return the variables that an arithmetic expression sets."""
    return tuple(match[1] or match[2] for match in _ASSIGNS.finditer(arithmetic))


_BEFORE_COMMANDS = frozenset({"for", "if", "while", "until", "then", "do", "else", "elif", "!", "{"})


class _Lexer:
    """A position in the text, and the here-documents that the next line begins."""

    def __init__(self, text: str, depth: int, *, posix: bool) -> None:
        if depth > MAX_NESTING:
            raise Malformed("its expansions are nested too deep")
        self.text, self.at, self.depth, self.posix = text, 0, depth, posix
        self.pending: list[tuple[int, Word, bool]] = []
        self.found: list[Token] = []
        self.in_test = self.silent = False
        self.writes: tuple[Written, ...] = ()

    def run(self) -> list[Token]:
        while self._skip_blanks():
            if self._redirection():
                continue
            operator = next((each for each in _OPERATORS if self.text.startswith(each, self.at)), "")
            if operator == "(" and self.text.startswith("((", self.at) and self._begins_command():
                self._arithmetic()
            elif operator:
                self._operator(operator)
            else:
                self._plain_word()
        self.found.append(Token())
        return self.found

    def _skip_blanks(self) -> bool:
        """Go to the next token; False at the end."""
        text = self.text
        while self.at < len(text):
            if text.startswith("\\\n", self.at):
                self.at += 2
            elif text[self.at] in " \t":
                self.at += 1
            elif text[self.at] == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            else:
                return True
        return False

    def _begins_command(self) -> bool:
        if self.posix:
            return False
        last = self.found[-1] if self.found else Token(operator="\n")
        return bool(last.operator) or last.plain in _BEFORE_COMMANDS

    def _arithmetic(self) -> None:
        end = self.text.find("))", self.at)
        if end < 0:
            raise Malformed("an arithmetic command has no end")
        inner = self.text[self.at + 2 : end]
        self.at = end + 2
        self.found.append(Token((Opaque(assigns=assigned(inner), text=inner),), "(("))

    def _operator(self, operator: str) -> None:
        self.at += len(operator)
        if self.in_test and operator != "\n":
            self.found.append(Token((Text(operator),)))
            return
        self.found.append(Token(operator=operator))
        if operator == "\n":
            self._here_documents()

    def _here_documents(self) -> None:
        for at, target, strips in self.pending:
            delimiter = "".join(part.value for part in target if isinstance(part, Text))
            lines: list[str] = []
            while True:
                line, newline, _ = self.text[self.at :].partition("\n")
                self.at += len(line) + len(newline)
                line = line.lstrip("\t") if strips else line
                if line == delimiter or not newline:
                    break
                lines.append(f"{line}\n")
            plain = any(part.quoted for part in target)
            given = (Text("".join(lines), quoted=True),) if plain else self._expanding("".join(lines))
            if at < len(self.found):
                self.found[at] = msgspec.structs.replace(self.found[at], given=given)
        self.pending = []

    def _expanding(self, text: str) -> Word:
        """Return a here-document's parts: quotes stand for themselves in it."""
        if '\\"' in text:
            return (Opaque(),)
        inner = _Lexer(text, self.depth + 1, posix=self.posix)
        parts: list[Part] = []
        while inner.at < len(text):
            part = inner._part(quoted=True)
            parts += [Text(part, quoted=True)] if isinstance(part, str) else part
        return tuple(_joined(parts)) or (Text("", quoted=True),)

    def _plain_word(self) -> None:
        if self.text[self.at] in "<>":  # in `[[`, where it compares
            self.at += 1
            self.found.append(Token((Text(self.text[self.at - 1]),)))
            return
        token = Token(self.word(_ENDS_WORD))
        if token.plain in ("[[", "]]") and not self.posix:
            self.in_test = token.plain == "[["
        silent, writes = self.silent, self.writes
        self.found.append(msgspec.structs.replace(token, silent=silent, writes=writes) if silent or writes else token)
        self.silent, self.writes = False, ()

    def _skip_brackets(self) -> None:
        """Leave out a process that a redirection leads to."""
        depth = 0
        for at in range(self.at, len(self.text)):
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            if not depth and self.text[at] == ")":
                self.at = at + 1
                return
        raise Malformed("a bracket has no end")

    def _redirection(self) -> bool:
        """Leave out a redirection with its target; False where none stands here."""
        pattern = _POSIX_REDIRECTION if self.posix else _REDIRECTION
        match = None if self.in_test else pattern.match(self.text, self.at)
        if match is None or self.text.startswith(("<(", ">("), match.end() - 1):
            if match is None:
                return False
            raise Malformed("it substitutes a process for a file")
        self.at = match.end()
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        if self.text.startswith((">(", "<("), self.at) and not self.posix:
            self._skip_brackets()
            return True
        target = self.word(_ENDS_WORD)
        last = self.found[-1] if self.found else Token()
        writes, silent = opened(match[0], target)
        if last.word:
            silent, writes = last.silent or silent, (*last.writes, *writes)
            self.found[-1] = msgspec.structs.replace(last, silent=silent, writes=writes)
        else:
            self.silent, self.writes = self.silent or silent, (*self.writes, *writes)
        if match[0].lstrip("0123456789") in ("<<", "<<-"):
            self.pending.append((len(self.found) - bool(last.word), target, match[0].endswith("-")))
        return True

    def word(self, ends: frozenset[str]) -> Word:
        """Return the parts up to a character that ends words."""
        parts: list[Part] = []
        plain: list[str] = []
        text = self.text
        while self.at < len(text) and text[self.at] not in ends:
            part = self._part(quoted=False)
            if isinstance(part, str):
                plain.append(part)
                continue
            if plain:
                parts.append(Text("".join(plain)))
                plain = []
            parts += part
        if plain:
            parts.append(Text("".join(plain)))
        array = ends and not self.posix and text.startswith("(", self.at) and plain[-1:] == ["="]
        if array and _NAME.match(plain[0]):
            parts.append(self._array(self._closing("(", ")")))
        return tuple(parts) or (Text("", quoted=True),)

    def _array(self, inner: str) -> Part:
        """Return the items in the brackets of `name=(…)`; those with keys of their own are not worked out."""
        found = _Lexer(inner, self.depth + 1, posix=False).run()
        words = tuple(each.word for each in found if each.word)
        others = any(each.operator not in ("", "\n") for each in found)
        keyed = any(isinstance(word[0], Text) and word[0].value.startswith("[") for word in words)
        return Opaque() if others or keyed else Array(words)

    def _part(self, *, quoted: bool) -> str | list[Part]:  # noqa: PLR0911 - one answer a character
        """Return what stands here: a character that stands for itself, or parts."""
        character = self.text[self.at]
        if not quoted and not self.posix and character in "@?" and self.text.startswith("(", self.at + 1):
            self.at += 1
            return [Text(f"{character}({self._closing('(', ')')})")]
        if character == "$":
            return self._dollar(quoted=quoted)
        if character == "`":
            end = self._find("`")
            inner = self.text[self.at + 1 : end].replace("\\`", "`")
            self.at = end + 1
            return [Output(inner, quoted)]
        if character == "\\":
            return self._escaped(quoted=quoted)
        if not quoted and character == "'":
            end = self._find("'")
            inner = self.text[self.at + 1 : end]
            self.at = end + 1
            return [Text(inner, quoted=True)]
        if not quoted and character == '"':
            return self._double()
        self.at += 1
        return character

    def _escaped(self, *, quoted: bool) -> str | list[Part]:
        following = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if following == "\n":
            return []
        if quoted and following not in '$`"\\':
            return "\\" + following
        return [Text(following, quoted=True)]

    def _double(self) -> list[Part]:
        self.at += 1
        parts: list[Part] = [Text("", quoted=True)]
        while not self.text.startswith('"', self.at):
            if self.at >= len(self.text):
                raise Malformed("a quoted text has no end")
            part = self._part(quoted=True)
            parts += [Text(part, quoted=True)] if isinstance(part, str) else part
        self.at += 1
        return _joined(parts)

    def _dollar(self, *, quoted: bool) -> str | list[Part]:
        text, at = self.text, self.at
        if text.startswith("$((", at):
            self.at += 1
            inner = self._closing("(", ")").strip()
            return [Opaque(quoted, assigned(inner), text=inner.removeprefix("(").removesuffix(")"))]
        if text.startswith("$(", at):
            self.at += 1
            return [Output(self._closing("(", ")"), quoted)]
        if text.startswith("${", at):
            self.at += 1
            return [self._braced(self._closing("{", "}"), quoted=quoted)]
        if not quoted and not self.posix and text.startswith(("$'", '$"'), at):
            self.at += 1
            end = self._find(text[at + 1])
            inner = text[at + 2 : end]
            self.at = end + 1
            return [Opaque()] if "\\" in inner or text[at + 1] == '"' else [Text(inner, quoted=True)]
        match = _PARAMETER.match(text, at + 1)
        if match is None:
            self.at += 1
            return "$"
        self.at = match.end()
        return [Parameter(match[0], quoted=quoted)]

    def _braced(self, inner: str, *, quoted: bool) -> Part:
        if _COUNTED.fullmatch(inner):
            return Parameter(inner, quoted=quoted)
        indirect = not self.posix and _INDIRECT.match(inner) is not None
        match = _BRACED.match(inner, int(indirect))
        if match is None or (inner.startswith("#") and len(inner) > 1):
            length = inner.startswith("#") and _NAME.fullmatch(inner[1:]) is not None
            return Opaque(quoted, extends=not length)
        name, operator = f"{'!' * indirect}{match[1]}", match[2] or ""
        rest = inner[match.end() :]
        if match[1] == "BASH_SOURCE[0]":
            name = "BASH_SOURCE"
        if (rest and not operator) or (self.posix and ("[" in name or operator in _OF_BASH)):
            return Opaque(quoted, extends=True)
        return Parameter(name, operator, parse_word(rest, self.depth + 1, posix=self.posix) if rest else (), quoted)

    def _find(self, quote: str) -> int:
        """Say where the text that begins here with `quote` ends."""
        end = self.text.find(quote, self.at + 1)
        while quote == "`" and end > 0 and self.text[end - 1] == "\\":
            end = self.text.find(quote, end + 1)
        if end < 0:
            raise Malformed("a quoted text has no end")
        return end

    def _closing(self, opening: str, closing: str) -> str:
        """Return what stands between the bracket here and its other end, which is passed; quotes are respected."""
        start, level, text = self.at + 1, 0, self.text
        quote = ""
        while self.at < len(text):
            character = text[self.at]
            if character == "\\" and quote != "'":
                self.at += 1
            elif quote:
                quote = "" if character == quote else quote
            elif character in "'\"":
                quote = character
            elif character == opening:
                level += 1
            elif character == closing:
                level -= 1
                if not level:
                    self.at += 1
                    return text[start : self.at - 1]
            self.at += 1
        raise Malformed("a bracket has no end")


def _joined(parts: list[Part]) -> list[Part]:
    """Neighbouring quoted texts as one."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Text) and isinstance(last, Text):
            found[-1] = Text(last.value + part.value, quoted=True)
        else:
            found.append(part)
    return found
