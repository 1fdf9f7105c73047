"""From tokens to commands (POSIX.1-2017, Shell Command Language, 2.9 and 2.10)."""

from __future__ import annotations

import re

from inspector.errors import Malformed
from inspector.python.shell.lexer import tokens
from inspector.python.shell.syntax import (
    Assignment,
    Body,
    Case,
    Chain,
    Command,
    Function,
    Group,
    If,
    Loop,
    Opaque,
    Pipeline,
    Simple,
    Test,
    Text,
    Word,
    Written,
)
from inspector.python.shell.tokens import Token

MAX_TEXT = 64 << 10
"""Characters of a script that are read."""
MAX_DEPTH = 40
"""Commands within commands."""

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][\w:.-]*", re.ASCII)
_ENDS_BODY = frozenset({"then", "fi", "else", "elif", "do", "done", "esac", "}"})


def parse(text: str, *, posix: bool = False) -> Body:
    """Return the commands of a script; with `posix` as dash reads it. Raises `Malformed` for what is not understood."""
    if len(text) > MAX_TEXT:
        raise Malformed(f"it has more than {MAX_TEXT} characters")
    parser = _Parser(tokens(text, posix=posix), posix=posix)
    body = parser.body()
    if parser.here != Token():
        raise Malformed(f"a {parser.here.operator or parser.here.plain!r} stands where none is expected")
    return body


class _Parser:
    """A position in the tokens."""

    def __init__(self, found: list[Token], *, posix: bool) -> None:
        self.tokens, self.at, self.depth, self.posix = found, 0, 0, posix
        self.writes: tuple[Written, ...] = ()

    @property
    def here(self) -> Token:
        """The token at hand."""
        return self.tokens[self.at]

    def _take(self, *operators: str) -> bool:
        """Pass one of the operators, if it is here."""
        found = self.here.operator in operators
        self.at += found
        return found

    def _keyword(self, word: str) -> bool:
        """Pass a keyword, if it is here."""
        found = self.here.plain == word
        if found:
            self.writes += self.here.writes
        self.at += found
        return found

    def _expect(self, word: str) -> None:
        if not self._keyword(word):
            raise Malformed(f"no {word!r} where one is expected")

    def _newlines(self) -> None:
        while self._take("\n"):
            pass

    def body(self) -> Body:
        """Parse commands up to a keyword or bracket that ends them."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Malformed("its commands are nested too deep")
        found: list[Chain] = []
        while True:
            while self._take("\n", ";"):
                pass
            here = self.here
            if here == Token() or here.operator in (")", ";;", ";&", ";;&") or here.plain in _ENDS_BODY:
                break
            found.append(self._chain())
        self.depth -= 1
        return tuple(found)

    def _chain(self) -> Chain:
        links = [("", self._pipeline())]
        while self.here.operator in ("&&", "||"):
            operator = self.here.operator
            self.at += 1
            self._newlines()
            links.append((operator, self._pipeline()))
        background = self._take("&")
        if not background and self.here.operator not in ("\n", ";", ")", ";;", ";&", ";;&", ""):
            raise Malformed(f"{self.here.operator!r} stands where none is expected")
        return Chain(tuple(links), background)

    def _pipeline(self) -> Pipeline:
        negated = False
        while self._keyword("!"):
            negated = not negated
        if self._keyword("time"):
            self._keyword("-p")
        commands = [self._command()]
        while self._take("|", "|&"):
            self._newlines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command:
        """Parse a command, and what its last word writes to as a command of its own before it."""
        outer, self.writes = self.writes, ()
        command = self._any_command()
        writes, self.writes = self.writes, outer
        if not writes:
            return command
        first = Simple((), (), silent=True, writes=writes)
        return Group(tuple(Chain((("", Pipeline((each,))),)) for each in (first, command)))

    def _any_command(self) -> Command:  # noqa: C901, PLR0911 - one arm a keyword
        if self._take("("):
            body = self.body()
            if not self._take(")"):
                raise Malformed("a bracket has no end")
            return Group(body, own_process=True)
        if self.here.operator == "((":
            return self._arithmetic()
        match self.here.plain:
            case "{":
                return self._group()
            case "if":
                return self._if()
            case "case":
                return self._case()
            case "for" | "select":
                return self._for()
            case "while" | "until":
                return self._while()
            case "function" if not self.posix:
                self.at += 1
                return self._function()
            case "[[" if not self.posix:
                return self._test()
            case _:
                pass
        following = self.tokens[self.at + 1 : self.at + 3]
        if _NAME.fullmatch(self.here.plain) and [each.operator for each in following] == ["(", ")"]:
            return self._function()
        return self._simple()

    def _arithmetic(self) -> Test:
        (only,) = self._word()
        return Test(assigns=only.assigns, arithmetic=only.text) if isinstance(only, Opaque) else Test()

    def _group(self) -> Group:
        self.at += 1
        body = self.body()
        self._expect("}")
        return Group(body)

    def _if(self) -> If:
        branches = []
        self.at += 1
        while True:
            condition = self.body()
            self._expect("then")
            branches.append((condition, self.body()))
            if not self._keyword("elif"):
                break
        if self._keyword("else"):
            branches.append(((), self.body()))
        self._expect("fi")
        return If(tuple(branches))

    def _case(self) -> Case:
        self.at += 1
        subject = self._word()
        self._newlines()
        self._expect("in")
        self._newlines()
        arms, falls = [], False
        while not self._keyword("esac"):
            self._take("(")
            patterns = [self._word()]
            while self._take("|"):
                patterns.append(self._word())
            if not self._take(")"):
                raise Malformed("a pattern has no end")
            arms.append((tuple(patterns), self.body()))
            falls = falls or self.here.operator in (";&", ";;&")
            if not self._take(";;", ";&", ";;&") and self.here.plain != "esac":
                raise Malformed("an arm of a case has no end")
            self._newlines()
        return Case(subject, tuple(arms), falls)

    def _for(self) -> Loop:
        self.at += 1
        if self.here.operator == "((":
            assigns = self._arithmetic().assigns
            while self._take(";", "\n"):
                pass
            return Loop(self._do(), condition=(Chain((("", Pipeline((Test(assigns=assigns),))),)),))
        name = self.here.plain
        self._word()
        self._newlines()
        words: list[Word] | None = None
        if self._keyword("in"):
            words = []
            while self.here.word:
                words.append(self._word())
        while self._take(";", "\n"):
            pass
        body = self._do()
        return Loop(body, name=name, words=None if words is None else tuple(words))

    def _while(self) -> Loop:
        until = self.here.plain == "until"
        self.at += 1
        condition = self.body()
        return Loop(self._do(), condition=condition, until=until)

    def _do(self) -> Body:
        self._expect("do")
        body = self.body()
        self._expect("done")
        return body

    def _function(self) -> Function:
        name = self.here.plain
        self._word()
        if self._take("("):
            self._take(")")
        self._newlines()
        return Function(name, self._command())

    def _test(self) -> Test:
        self.at += 1
        words = []
        while not self._keyword("]]"):
            if self._take("\n"):
                continue
            words.append(self._word())
        return Test(tuple(words))

    def _word(self) -> Word:
        word = self.here.word
        if not word:
            raise Malformed("a word is missing")
        self.at += 1
        return word

    def _simple(self) -> Simple:
        assignments: list[Assignment] = []
        words: list[Word] = []
        silent, given = False, None
        writes: list[Written] = []
        while self.here.word:
            silent = silent or self.here.silent
            writes += self.here.writes
            given = self.here.given or given
            word = self._word()
            assignment = None if words else as_assignment(word)
            if assignment is None or (assignment.appends and self.posix):
                words.append(word)
            else:
                assignments.append(assignment)
        if not words and not assignments and self.here.operator not in ("\n", ";", "&&", "||", "|", "&", ")"):
            raise Malformed(f"{self.here.operator or 'the end'!r} stands where a command is expected")
        return Simple(tuple(assignments), tuple(words), silent, tuple(writes), given)


def as_assignment(word: Word) -> Assignment | None:
    """Return what a word assigns, as `export` takes it too; None where it is no assignment."""
    first = word[0]
    match = _ASSIGNMENT.match(first.value) if isinstance(first, Text) and not first.quoted else None
    if match is None or not isinstance(first, Text):
        return None
    rest = first.value[match.end() :]
    value = (*((Text(rest),) if rest else ()), *word[1:])
    return Assignment(match[1], value, bool(match[2]))
