"""Scripts made at random out of what entry points are written with; the same seed makes the same script.

What the model assumes on purpose is left out: that a program which a script waits for succeeds.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

NAMES: tuple[str, ...] = ("A", "B", "P", "LD_LIBRARY_PATH")
_ARGUMENTS: tuple[list[str], ...] = (["show", "x"], ["show"], [], ["show", "-e", "x y"])
_WORDS: tuple[str, ...] = (
    "x",
    "y",
    "app/x",
    "1",
    "2",
    "a.b.c",
    "'x y'",
    '""',
    "~",
    "x*",
    "a=b",
    "[ab]",
    "\\*",
    "$2",
    "$0",
    "${#A}",
)
_WORDS += ('"$@"', "$@", '"$*"', "$*", "$#", '"${1:-q}"', '"$1"', "$(echo a b)", "$((1+1))", "@@/app/*.sh")
_WORDS += ('"x$(pwd)y"', '"x$(dirname /app/run.sh)y"', '"x$(basename "$A")y"', '"x$(echo 1)y"', "$(echo $A)")
_AROUND: tuple[str, ...] = (
    '"$%s"',
    "$%s",
    '"${%s:-$B}"',
    '"${%s:+x}"',
    '"${%s+x}"',
    '"${%s:=z}"',
    '"${%s-y}"',
    '"pre${%s}post"',
)
_AROUND += ('"${%s#*.}"', '"${%s##*.}"', '"${%s%%.*}"', '"${%s%%%%.*}"', '"${%s#[a-x]}"', '"${%s%%?}"', "q'r'\"$%s\"")
_FILES: tuple[str, ...] = (
    "@@/app/env.sh",
    "@@/app",
    "@@/none",
    "@@/bin/show",
    "@@/app/data",
    "@@/app/link",
    '"$A"',
    "@@/app/empty",
)
_ASKED: tuple[str, ...] = (
    "true",
    "false",
    ":",
    "! true",
    "yes-prog",
    "no-prog",
    "missing-prog 2>/dev/null",
    '[ "$#" -gt 1 ]',
)
_ASKED += ("command -v show >/dev/null", "command -v nope >/dev/null 2>&1", "type show >/dev/null 2>&1", "[ $# -eq 0 ]")
_ASKED += ("type nope >/dev/null 2>&1", "hash nope 2>/dev/null", "command -v f1 >/dev/null", "[ a == b ]", "[ x == x ]")
_ASKED += ('[ -n "$A" -a -z "$B" ]', '[ "$B" = x -o -d @@/none ]', '[ -z "${C:-}" ]', '[ -n "$1" ]', "[ -n $B ]")
_ASKED += ("command -v nope &>/dev/null", '[ "${A:-x}" != "x" ]')
_BASH_ASKED: tuple[str, ...] = (
    "[[ $A == x* ]]",
    '[[ -n $A && "$1" != -* ]]',
    "[[ $B < c ]]",
    "[[ $A =~ ^x ]]",
    "(( $# > 1 ))",
)
_BASH_ASKED += ("[[ $A == $B || -f @@/app/env.sh ]]", '[[ a.b.c == "$A" ]]', "[[ x == [ax] ]]")
_DONE: tuple[str, ...] = (
    "export A",
    "unset B",
    "unset -v A",
    "unset -f f1",
    "set -e",
    "set +e",
    "set -u",
    "set -a",
    "set -x",
    "set -f",
)
_DONE += (
    "set -o errexit",
    "set -o allexport",
    "cd @@/app",
    "cd @@/none || true",
    "cd ..",
    "cd sub",
    'cd "$A" || exit 0',
)
_DONE += (". @@/app/env.sh", ". @@/app/more.sh q", ". ./env.sh", ". env.sh", ". @@/none.sh", "source @@/app/env.sh")
_DONE += ("shift", "shift 2", "exit", "exit 0", "exit 1", "return 0", "f1", "f1 a b", "A=q f1 z", "f2 q", "echo hi")
_DONE += ('eval "A=ev"', "eval 'export B=ev'", 'eval "show e"', "trap 'echo bye' EXIT", "umask 022", "local Z=1")
_DONE += ("export A=1 B=2", "A=1 B=$A", "export PATH=@@/other:$PATH", 'PATH="@@/other:$PATH"', "PATH=@@/other show w")
_DONE += ("A=${B:?}", ": ${A:=dflt}", ': "${B:=d2}"', "B=$(cd @@/app && pwd)", "export P=$(pwd)", "show x & wait")
_DONE += ("(show sub)", "( cd @@/app; show s )", "{ show g; }", "( A=1; export A; show )", "command cd @@/app")
_DONE += ("command show c", "exec show y", 'exec "$@"', '"$@"', "exec missing-prog", 'read A <<X\nX\ntrue "$B"')
_BASH_DONE: tuple[str, ...] = (
    "declare -x A=dx",
    "declare A=nx",
    "A+=more",
    "printf -v A '%s' q",
    "let A=1",
    "export A+=z",
    "(( A = 2 ))",
)
_BASH_DONE += ("pushd @@/app >/dev/null", "popd >/dev/null 2>&1", "cd - >/dev/null 2>&1", "declare -gx A=g")
_BASH_DONE += ("arr=(a b)", "exec -a n show", "export -n A", "function f1 { export A=fn; }", "local -x A=2", "A=$'t'")


class Script(NamedTuple):
    """A text in which `@@` stands for the root, its arguments and its environment."""

    text: str
    arguments: list[str]
    environment: dict[str, str]


def script(seed: int, *, bash: bool) -> Script:
    """Return the script of a number, in words of bash or of POSIX (and some that dash does not have)."""
    maker = _Maker(Random(seed), bash=bash)
    text = maker.block(0) + "\n" + maker.one(('exec "$@"', 'exec show "$@"', 'show "$@"', "", "exec show $A"))
    given = {name: maker.one(("x", "x y", "", "a.b.c")) for name in NAMES[:2] if maker.random.random() < 0.5}
    return Script(text, maker.random.choice(_ARGUMENTS), given)


class _Maker:
    def __init__(self, random: Random, *, bash: bool) -> None:
        self.random = random
        self._asked = _ASKED + _BASH_ASKED * bash
        self._done = _DONE + _BASH_DONE * bash

    def one(self, choices: tuple[str, ...]) -> str:
        return self.random.choice(choices)

    def word(self) -> str:
        return self.one(_WORDS) if self.random.random() < 0.5 else self.one(_AROUND) % self.one(NAMES)

    def asked(self, depth: int = 0) -> str:
        kind = self.random.randrange(6)
        if kind == 0:
            return f"[ {self.one(('-f', '-d', '-e', '-x', '-s', '! -f', '-L'))} {self.one(_FILES)} ]"
        if kind == 1:
            return f"[ {self.word()} {self.one(('=', '!='))} {self.word()} ]"
        if kind == 2 and depth < 2:
            return f"{self.asked(depth + 1)} {self.one(('&&', '||'))} {self.asked(depth + 1)}"
        return self.one(self._asked)

    def simple(self) -> str:
        kind = self.random.randrange(12)
        name = self.one(NAMES)
        if kind < 2:
            return f"{self.one(('', 'export '))}{name}={self.word()}"
        if kind == 2:
            return f"{name}={self.word()} show {self.word()}"
        if kind == 3:
            return f"show {self.word()}"
        if kind == 4:
            return f"set -- {self.word()} {self.word()}"
        if kind == 5:
            return f"{self.asked()} {self.one(('&&', '||'))} {self.simple()}"
        return self.one(self._done)

    def block(self, depth: int) -> str:
        return "\n".join(self._statement(depth) for _ in range(self.random.randrange(1, 3 if depth else 6)))

    def _statement(self, depth: int) -> str:
        kind = self.random.randrange(8) if depth < 3 else 7
        if kind < 2:
            elses = f"else\n{self.block(depth + 1)}\n" if self.random.random() < 0.5 else ""
            return f"if {self.asked()}; then\n{self.block(depth + 1)}\n{elses}fi"
        if kind == 2:
            pattern = self.one(("x", "x|y", "-*", "*.c", "[ax]*", '"$B"', "$B", "?", "[!x]"))
            return f"case {self.word()} in\n{pattern}) {self.simple()};;\n*) {self.simple()};;\nesac"
        if kind == 3:
            leaves = self.one(("break\n", "continue\n", "", ""))
            return f"for A in {self.word()} {self.word()}; do\n{self.block(depth + 1)}\n{leaves}done"
        if kind == 4:
            return f"f{self.one(('1', '2'))}() {{ {self.simple()}; {self.one(('return 1', 'return', ':'))}; }}"
        return self.simple()
