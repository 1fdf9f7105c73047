"""What `test`, `[` and `[[` answer, over the image's files: yes, no, or unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from inspector.python.files import find, join
from inspector.python.shell.patterns import fits
from inspector.python.shell.state import HOLE, MOUNTED, State
from inspector.rootfs import Kind, Rootfs
from inspector.unknown import Tri

_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda one, other: one == other,
    "-ne": lambda one, other: one != other,
    "-lt": lambda one, other: one < other,
    "-le": lambda one, other: one <= other,
    "-gt": lambda one, other: one > other,
    "-ge": lambda one, other: one >= other,
}
_FILES = frozenset({"-e", "-f", "-d", "-x", "-r", "-s", "-L", "-h"})
_NOT: dict[Tri, Tri] = {"yes": "no", "no": "yes", "unknown": "unknown"}
_PLAIN_EXPRESSION = re.compile(r"[\w^$./|:-]{1,256}", re.ASCII)
"""Regular expressions that mean the same to Python as to POSIX, and take no time."""
MAX_MATCHED = 4096
_COMPARED = re.compile(r"\s*([$\w{}#\[\]@]+)\s*(==|!=|<=|>=|<|>)\s*([$\w{}#\[\]@]+)\s*", re.ASCII)
_OPERAND = re.compile(
    r"(\d{1,15})|\$?([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)\}|\$(#)|\$\{#([A-Za-z_]\w*)\[[@*]\]\}", re.ASCII
)
_CALCULATED = re.compile(r"\s*([$\w{}#\[\]@]+)\s*(?:([-+*])\s*([$\w{}#\[\]@]+)\s*)?", re.ASCII)
_SIGNS = {"==": "-eq", "!=": "-ne", "<": "-lt", "<=": "-le", ">": "-gt", ">=": "-ge"}
_INTEGER = re.compile(r" *[+-]?[0-9]{1,18} *", re.ASCII)


def negated(value: Tri) -> Tri:
    """Return the other answer."""
    return _NOT[value]


def decide(  # noqa: PLR0911 - one answer a form
    fs: Rootfs, words: Sequence[str], state: State, *, patterns: bool = False
) -> Tri:
    """Return the answer for the words.

    With `patterns` as `[[` has it: `&&`, `||`, and patterns on the right of `==`.
    """
    for operator, ends in (("||", "yes"), ("-o", "yes"), ("&&", "no"), ("-a", "no")):
        if operator in words[1:-1]:
            at = words.index(operator)
            parts = (
                decide(fs, words[:at], state, patterns=patterns),
                decide(fs, words[at + 1 :], state, patterns=patterns),
            )
            other: Tri = "no" if ends == "yes" else "yes"
            decided: Tri = "yes" if ends == "yes" else "no"
            return decided if decided in parts else "unknown" if "unknown" in parts else other
    if words[:1] == ["!"]:
        return negated(decide(fs, words[1:], state, patterns=patterns))
    if "(" in words or ")" in words:
        return "unknown"
    match words:
        case []:
            return "no"
        case [only]:
            return "unknown" if HOLE in only else _tri(bool(only))
        case [operator, operand]:
            return _unary(fs, operator, operand, state)
        case [left, operator, right]:
            if operator == "==" and state.dialect == "dash":
                return "no"  # an error, which is no match
            return _binary(left, operator, right, patterns=patterns)
        case _:
            return "unknown"


def _unary(fs: Rootfs, operator: str, operand: str, state: State) -> Tri:
    if operator == "-v":
        return _tri(state.get(operand) is not None)
    if operator == "-t":
        return "no"  # `docker run IMAGE` gives a terminal only where it is asked for one
    if operator in ("-n", "-z"):
        known = operand.replace(HOLE, "")
        if HOLE in operand and not known:
            return "unknown"
        return _tri(bool(known) == (operator == "-n"))
    if operator not in _FILES or HOLE in join(state.cwd, operand):
        return "unknown"
    return _file(fs, operator, operand, state)


def _file(fs: Rootfs, operator: str, operand: str, state: State) -> Tri:  # noqa: PLR0911 - one answer a test
    """Tell whether a file is there."""
    if not operand:
        return "no"
    path = join(state.cwd, operand)
    if path in state.changed or (path.startswith(MOUNTED) and path not in state.laid):
        return "unknown"
    if operator in ("-L", "-h"):
        node = fs.lstat(path)
        return _tri(node is not None and node.kind is Kind.SYMLINK)
    found = find(fs, path)
    if found is None:
        return "no"
    node = found[1]
    match operator:
        case "-f":
            return _tri(node.kind is Kind.FILE)
        case "-d":
            return _tri(node.kind is Kind.DIRECTORY)
        case "-x":
            return _tri(node.kind is Kind.DIRECTORY or bool(node.mode & 0o111))
        case "-s":
            return _tri(node.kind is not Kind.FILE or node.size > 0)
        case _:
            return "yes"


def _binary(left: str, operator: str, right: str, *, patterns: bool) -> Tri:
    if operator in ("=", "==", "!="):
        answer = _equal(left, right, patterns=patterns)
        return negated(answer) if operator == "!=" else answer
    if operator == "=~" and patterns:
        known = HOLE not in left + right and _PLAIN_EXPRESSION.fullmatch(right) and len(left) <= MAX_MATCHED
        return _tri(re.search(right, left) is not None) if known else "unknown"
    compare = _NUMBERS.get(operator)
    if compare is None or not _INTEGER.fullmatch(left) or not _INTEGER.fullmatch(right):
        return "unknown"
    return _tri(compare(int(left), int(right)))


def arithmetic(text: str, state: State) -> Tri:
    """Return the answer of `(( … ))` where two numbers are compared."""
    found = _COMPARED.fullmatch(text)
    if found is None:
        return "unknown"
    left, right = (_number(operand, state) for operand in (found[1], found[3]))
    return _binary(left, _SIGNS[found[2]], right, patterns=False)


def calculated(text: str, state: State) -> str:
    """Return the value of `$(( … ))`: of a number, or of two with one of the signs `+`, `-` and `*` between them."""
    found = _CALCULATED.fullmatch(text)
    if found is None:
        return HOLE
    left, right = (_number(operand, state) if operand else "0" for operand in (found[1], found[3]))
    if not (_INTEGER.fullmatch(left) and _INTEGER.fullmatch(right)):
        return HOLE
    one, other = int(left), int(right)
    return str({"*": one * other, "-": one - other}.get(found[2], one + other))


def _number(text: str, state: State) -> str:
    """Return an operand's value; a variable that is unset counts as 0."""
    found = _OPERAND.fullmatch(text)
    if found is None:
        return HOLE
    if found[4]:
        return str(len(state.arguments)) if HOLE not in state.arguments else HOLE
    if found[5]:
        return str(len(state.items(found[5]))) if HOLE not in state.items(found[5]) else HOLE
    return found[1] or state.get(found[2] or found[3]) or "0"


def _equal(left: str, right: str, *, patterns: bool) -> Tri:
    if HOLE in left or HOLE in right:
        return "unknown"
    return fits(left, right) if patterns else _tri(left == right)


def _tri(value: bool) -> Tri:  # noqa: FBT001 - a conversion
    return "yes" if value else "no"
