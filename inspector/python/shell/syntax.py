"""The syntax of shell scripts, as values: what POSIX calls a program, with the few words of bash that scripts use."""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True):
    """Characters that stand for themselves; in plain ones `*`, `?` and `[` make patterns."""

    value: str
    quoted: bool = False


class Parameter(msgspec.Struct, frozen=True):
    """`$name` or `${name operator word}`; `name` is `@`, a digit or a variable.

    Of an array it is `name[@]`, `name[*]` or `name[0]`, and `#name[@]` for how many items it has.
    """

    name: str
    operator: str = ""
    word: tuple[Part, ...] = ()
    quoted: bool = False


class Output(msgspec.Struct, frozen=True):
    """`$(text)`: what commands print."""

    text: str
    quoted: bool = False


class Opaque(msgspec.Struct, frozen=True):
    """What is not worked out: arithmetic, arrays, rare expansions. `assigns` are the variables that it may set.

    `extends` tells that POSIX has no such expansion: dash stops there. `text` is that of arithmetic.
    """

    quoted: bool = False
    assigns: tuple[str, ...] = ()
    extends: bool = False
    text: str = ""


class Array(msgspec.Struct, frozen=True):
    """`(words)` behind `name=`: the items of an array."""

    words: tuple[Word, ...]
    quoted: bool = False


Part = Text | Parameter | Output | Opaque | Array
Word = tuple[Part, ...]


class Assignment(msgspec.Struct, frozen=True):
    """`name=value`, or `name+=value`."""

    name: str
    value: Word
    appends: bool = False


class Written(msgspec.Struct, frozen=True):
    """A file that a redirection opens for writing: `printed` where it takes what the command prints."""

    target: Word
    appends: bool = False
    printed: bool = True


class Simple(msgspec.Struct, frozen=True):
    """Assignments and words. Of redirections these are kept: `silent` is one whose output goes elsewhere.

    `writes` are the files that are opened for writing, `given` the text of a here-document.
    """

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    silent: bool = False
    writes: tuple[Written, ...] = ()
    given: Word | None = None


class Pipeline(msgspec.Struct, frozen=True):
    """Commands joined by `|`; `negated` by `!`."""

    commands: tuple[Command, ...]
    negated: bool = False


class Chain(msgspec.Struct, frozen=True):
    """Pipelines joined by `&&` and `||`: the operator before each, empty for the first."""

    links: tuple[tuple[str, Pipeline], ...]
    background: bool = False


Body = tuple[Chain, ...]


class If(msgspec.Struct, frozen=True):
    """Conditions with what is done, in order; the last condition is empty for `else`."""

    branches: tuple[tuple[Body, Body], ...]


class Case(msgspec.Struct, frozen=True):
    """`case subject in`: patterns with what is done. `falls` says that an arm ends in `;&` or `;;&`."""

    subject: Word
    arms: tuple[tuple[tuple[Word, ...], Body], ...]
    falls: bool = False


class Loop(msgspec.Struct, frozen=True):
    """`for name in words` (None: the arguments), or `while condition`; `until` turns the condition around."""

    body: Body
    name: str = ""
    words: tuple[Word, ...] | None = None
    condition: Body = ()
    until: bool = False


class Function(msgspec.Struct, frozen=True):
    """A function's definition."""

    name: str
    body: Command


class Group(msgspec.Struct, frozen=True):
    """`{ body; }`, or `( body )` in a process of its own."""

    body: Body
    own_process: bool = False


class Test(msgspec.Struct, frozen=True):
    """`[[ words ]]`; without words it is `(( arithmetic ))`, which `assigns` variables."""

    words: tuple[Word, ...] = ()
    assigns: tuple[str, ...] = ()
    arithmetic: str = ""


Command = Simple | If | Case | Loop | Function | Group | Test
