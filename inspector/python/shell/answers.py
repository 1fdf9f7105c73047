"""Programs that answer by their exit code, where the image's files decide it: `grep`, `getent`, `id`, `ls`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence

from inspector.errors import InspectorError
from inspector.python.environment import account_of, accounts
from inspector.python.files import find, join, read_text
from inspector.python.shell.state import BOUND, HOLE, MOUNTED, State
from inspector.python.which import Found, find_command
from inspector.rootfs import Rootfs
from inspector.unknown import Tri

MAX_SEARCHED = 1 << 20
"""Characters of a file that is searched."""
_PATTERN = re.compile(r"\^?[\w./:=,@ -]{1,256}\$?", re.ASCII)
"""Expressions that mean the same to all kinds of `grep` and to Python, and take no time."""


def answered(fs: Rootfs, words: Sequence[str], state: State) -> Tri:
    """Tell whether a program succeeds; unknown for most."""
    answer = _ANSWERS.get(posixpath.basename(words[0]))
    if answer is None or HOLE in "".join(words) + state.cwd:
        return "unknown"
    options = [word for word in words[1:] if word.startswith("-") and word != "-"]
    operands = [word for word in words[1:] if word not in options]
    try:
        return answer(fs, options, operands, state)
    except InspectorError:
        return "unknown"


def _grep(fs: Rootfs, options: list[str], operands: list[str], state: State) -> Tri:
    letters = {letter for option in options for letter in option.lstrip("-")}
    quiet = {"--quiet", "--silent", "--fixed-strings"} & set(options)
    if (letters - set("qsFEci") and not quiet) or len(operands) != 2 or not _PATTERN.fullmatch(operands[0]):
        return "unknown"
    path = join(state.cwd, operands[1])
    if path.startswith(MOUNTED) or path in (*BOUND, *state.changed):
        return "unknown"
    text = read_text(fs, path)
    if text is None or len(text) > MAX_SEARCHED:
        return "unknown"
    fixed = "F" in letters or "--fixed-strings" in options
    flags = re.MULTILINE | (re.IGNORECASE if "i" in letters else re.NOFLAG)
    return "yes" if re.search(re.escape(operands[0]) if fixed else operands[0], text, flags) else "no"


def _getent(fs: Rootfs, options: list[str], operands: list[str], state: State) -> Tri:
    if options or len(operands) != 2 or operands[0] != "passwd":
        return "unknown"
    return _id(fs, [], operands[1:], state)


def _id(fs: Rootfs, options: list[str], operands: list[str], state: State) -> Tri:
    if set(options) - {"-u", "-g", "-un", "-gn"} or not state.changed.isdisjoint({"/etc/passwd"}):
        return "unknown"
    if not operands:
        named = any(each.uid == state.base.uid for each in accounts(fs))
        return "yes" if "-un" not in options or named else "unknown"  # some engines add an account for the user
    return "unknown" if len(operands) > 1 else "yes" if account_of(fs, operands[0]) else "no"


def _which(fs: Rootfs, options: list[str], operands: list[str], state: State) -> Tri:
    if options or not operands:
        return "unknown"
    found = [isinstance(find_command(fs, name, state.environment()), Found) for name in operands]
    return "yes" if all(found) else "no"


def _ls(fs: Rootfs, options: list[str], operands: list[str], state: State) -> Tri:
    """Answer where all is there; what is missing may lie on a volume."""
    del options
    return "yes" if all(find(fs, posixpath.join(state.cwd, each)) for each in operands) else "unknown"


def _true(fs: Rootfs, options: list[str], operands: list[str], state: State) -> Tri:
    del fs, options, operands, state
    return "yes"


def _false(fs: Rootfs, options: list[str], operands: list[str], state: State) -> Tri:
    del fs, options, operands, state
    return "no"


_ANSWERS: dict[str, Callable[[Rootfs, list[str], list[str], State], Tri]] = {
    **dict.fromkeys(("grep", "egrep", "fgrep"), _grep),
    **dict.fromkeys(("ls", "stat"), _ls),
    "getent": _getent,
    "id": _id,
    "which": _which,
    "true": _true,
    "false": _false,
}
