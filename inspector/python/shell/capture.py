"""What `$(…)` prints, for the few commands that scripts find themselves and their user with."""

from __future__ import annotations

import getopt
import posixpath
import re
from collections.abc import Callable

from inspector.errors import InspectorError
from inspector.python.files import find, join, read_text
from inspector.python.shell import activate
from inspector.python.shell.expand import Stop
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import BOUND, HOLE, MOUNTED, State
from inspector.python.shell.syntax import Simple
from inspector.python.shell.writes import formatted
from inspector.python.which import Found, find_command
from inspector.rootfs import Kind, is_dir


def capture(shell: Shell, text: str, state: State) -> str:
    """Return the output of commands joined by `&&`, `||` and `;`, its last line ends dropped; a hole if unknown.

    Whether they succeeded is left in `state.printed`, if nothing but the image tells it.
    """
    state.printed = "unknown"
    try:
        body = shell.parsed(text, state)
    except InspectorError:
        return HOLE
    inner = state.copy()
    inner.status = "yes"
    printed = []
    for chain in body:
        for operator, pipeline in chain.links:
            if operator and inner.status == ("no" if operator == "&&" else "yes"):
                continue
            inner.printed = "unknown"
            output: str | None = None
            for at, command in enumerate(pipeline.commands):
                if pipeline.negated or not isinstance(command, Simple):
                    return HOLE
                output = _filtered(shell, command, inner, output or "") if at else _output(shell, command, inner)
                if output is None:
                    return HOLE
                output = "" if command.silent else output
            printed.append(output or "")
    state.printed = inner.printed
    return "\n".join(line for line in printed if line)


def _output(  # noqa: C901, PLR0911 - one answer a kind of command
    shell: Shell, command: Simple, state: State
) -> str | None:
    """Return what one command prints; None where that isn't known."""
    try:
        words = shell.expander.fields(command.words, state)
    except Stop:
        return None
    if not words or words[0] in state.functions or HOLE in words[0]:
        return None if words else ""
    name, *rest = words
    options = [word for word in rest if word.startswith("-") and word != "--"]
    operands = [word for word in rest if not word.startswith("-")]
    if any(HOLE in word for word in rest):
        return None
    state.status = "no" if name == "false" else "yes"
    if name in ("true", ":", "false"):
        return ""
    if name == "printf":
        return formatted(rest)
    if posixpath.basename(name) in activate.TOOLS:
        printed = activate.hook(shell, words, state)
        state.printed = state.status
        return printed
    if name == "getopt" and _refuses(rest):
        state.status = state.printed = "no"
        return ""
    known = _KNOWN.get(posixpath.basename(name))
    if known is not None and name not in _BUILTINS:
        environment = state.environment()
        if HOLE in environment.variables["PATH"]:
            return None
        if not isinstance(find_command(shell.seen(state), name, environment), Found):
            state.status = "no"
            return ""
    return known(shell, options, operands, state) if known else None


def _refuses(words: list[str]) -> bool:
    """Tell whether util-linux's getopt fails: the command has an option that it does not know."""
    long = ["options=", "longoptions=", "long=", "name=", "shell=", "alternative", "quiet", "unquoted"]
    try:
        own, rest = getopt.getopt(words, "o:l:n:s:aqQu", long)
        stated = dict(own)
        letters = stated.get("-o", stated.get("--options"))
        letters, *rest = [letters, *rest] if letters is not None else rest
        names = ",".join(value for name, value in own if name in ("-l", "--long", "--longoptions"))
        if "::" not in f"{letters}{names}":
            asked = [each.replace(":", "=") for each in names.replace(" ", ",").split(",") if each]
            getopt.gnu_getopt(rest, letters or "", asked)
    except (getopt.GetoptError, ValueError):
        return True
    return False


def _filtered(shell: Shell, command: Simple, state: State, text: str) -> str | None:
    """Return what `sed` makes of a text: one plain text replaced by another; None for other programs."""
    words = [word for word in shell.expander.fields(command.words, state) if word != "-e"]
    environment = state.environment()
    if len(words) != 2 or words[0] != "sed" or HOLE in text + words[1] + environment.variables["PATH"]:
        return None
    found = _SUBSTITUTES.fullmatch(words[1])
    if found is None or not isinstance(find_command(shell.seen(state), "sed", environment), Found):
        return None
    lines = (re.sub(found[2], found[3], line, count=0 if found[4] else 1) for line in text.split("\n"))
    return "\n".join(lines)


def _cd(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    del options
    where = join(state.cwd, operands[0]) if operands else state.get("HOME") or "/"
    if not is_dir(shell.seen(state), where):
        return None
    state.cwd = where
    return ""


def _real(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    del options
    found = find(shell.seen(state), join(state.cwd, operands[0])) if len(operands) == 1 else None
    return found[0] if found else None


def _pwd(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    return _real(shell, options, ["."], state) if "-P" in options and not operands else state.cwd


def _dirname(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    del shell, options, state
    return posixpath.dirname(operands[0].rstrip("/")) or "." if len(operands) == 1 else None


def _basename(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    del shell, state
    return posixpath.basename(operands[0].rstrip("/")) if len(operands) == 1 and not options else None


def _echo(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    del shell, state
    return " ".join(operands) if not options else None


def _type(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    """Return `type -P python`, which finds programs alone."""
    return _which(shell, [], operands, state) if options == ["-P"] and state.dialect == "bash" else None


def _id(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    del shell
    if operands or state.base.uid is None:
        return None
    if options == ["-u"]:
        return str(state.base.uid)
    return "root" if options in (["-un"], ["-u", "-n"]) and state.base.uid == 0 else None


def _whoami(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    return _id(shell, ["-un"], [], state) if not options and not operands else None


def _which(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    del options
    environment = state.environment()
    if len(operands) != 1 or HOLE in environment.variables["PATH"]:
        return None
    found = find_command(shell.seen(state), operands[0], environment)
    state.status = state.printed = "yes" if isinstance(found, Found) else "no"
    return found.path if isinstance(found, Found) else ""


def _uname(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    """Return the kernel's name or its machine: of the common architectures, which have but one name."""
    del shell
    if operands or options in ([], ["-s"]):
        return None if operands else "Linux"
    return _MACHINES.get(state.base.architecture) if options in (["-m"], ["-p"], ["-i"]) else None


def _arch(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    return _uname(shell, ["-m"], [], state) if not options and not operands else None


def _cat(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    """Return the text of a file of the image that nothing has changed."""
    if options or len(operands) != 1:
        return None
    path = join(state.cwd, operands[0])
    if (
        (path.startswith(MOUNTED) and path not in state.laid)
        or path in (*BOUND, *state.changed)
        or find(shell.seen(state), path) is None
    ):
        return None
    try:
        text = read_text(shell.seen(state), path)
    except InspectorError:
        return None
    return None if text is None or len(text) > MAX_TEXT else text.rstrip("\n")


def _ls(shell: Shell, options: list[str], operands: list[str], state: State) -> str | None:
    """Return the name of a file that is there, or nothing; what a folder holds isn't told."""
    if set(options) - {"-1", "-d"} or len(operands) != 1 or join(state.cwd, operands[0]).startswith(MOUNTED):
        return None
    found = find(shell.seen(state), join(state.cwd, operands[0]))
    if found is None:
        state.status = "no"
        return ""
    return operands[0] if found[1].kind is Kind.FILE else None


_SUBSTITUTES = re.compile(r"s([|/#,:])(\^?(?:(?!\1)[\w/: -])+\$?)\1((?:(?!\1)[\w/:. -])*)\1(g?)", re.ASCII)
"""Of `sed`: an expression that means the same to Python, and takes no time."""
_BUILTINS = frozenset({"cd", "pwd", "echo", "command", "type"})
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
MAX_TEXT = 4096
"""Characters of a file that are taken into a value."""
_KNOWN: dict[str, Callable[[Shell, list[str], list[str], State], str | None]] = {
    "cd": _cd,
    "pwd": _pwd,
    "dirname": _dirname,
    "basename": _basename,
    "readlink": _real,
    "realpath": _real,
    "echo": _echo,
    "id": _id,
    "whoami": _whoami,
    "which": _which,
    "type": _type,
    "command": _which,
    "uname": _uname,
    "arch": _arch,
    "cat": _cat,
    "ls": _ls,
}
