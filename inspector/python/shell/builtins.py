"""The shell's own commands, as far as they change what programs find."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from inspector.errors import InspectorError
from inspector.python.files import find, join
from inspector.python.shell import activate, conditions, folders, minor, options, programs, strict
from inspector.python.shell.getopts import getopts
from inspector.python.shell.parser import as_assignment
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, MOUNTED, State, shared_name
from inspector.python.shell.syntax import Array, Assignment, Simple
from inspector.python.which import Found, find_command
from inspector.rootfs import Kind, is_file
from inspector.unknown import Tri

Builtin = Callable[[Shell, list[str], Simple, State], list[State]]

SPECIAL = frozenset({":", ".", "source", "eval", "export", "readonly", "set", "unset", "exit", "return", "shift"})
"""Builtins before which an assignment stays, and whose failure ends the shell (POSIX; bash only in its POSIX mode)."""
_BASH_ONLY = frozenset({"declare", "typeset", "shopt", "mapfile", "readarray", "pushd", "popd", "builtin", "enable"})
_NOT_ASH = _BASH_ONLY | {"disown", "logout", "dirs"}
_NOT_DASH = _NOT_ASH | {"source", "let"}


def _nothing(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Change nothing that matters here."""
    del shell, command
    state.status = "no" if words[0] == "false" else "yes"
    return [state]


def _test(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del command
    operands = words[1:-1] if words[0] == "[" else words[1:]
    state.status = conditions.decide(shell.seen(state), operands, state)
    return [state]


def _export(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `export`, `readonly`, `declare` and `local`: what they assign isn't split into words."""
    exports = words[0] == "export" or any(word[:1] == "-" and "x" in word for word in words[1:])
    hides = any(word[:1] == "-" and "n" in word for word in words[1:]) and words[0] == "export"
    own = words[0] in ("local", "declare", "typeset") and not any(re.match(r"-\w*g", word) for word in words[1:])
    fixed = words[0] == "readonly"
    state.status = "yes"
    if _names_others(words, state, own=own, exports=exports):
        return [state]
    if words[0] == "local" and not state.local:
        state.status = "no"
        return [state] if state.dialect != "dash" else shell.stop(state, "`local` stands outside of a function")
    assignments = [as_assignment(word) for word in command.words[1:]]
    if any(each is not None and each.appends for each in assignments) and state.dialect in ("dash", "ash"):
        return shell.stop(state, f"`{words[0]}` knows no `+=`")
    values = [  # before any of them is set
        shell.expander.single(each.value, state) if each is not None and not _is_array(each) else ""
        for each in assignments
    ]
    for word, assignment, value in zip(command.words[1:], assignments, values, strict=True):
        if assignment is not None and own:
            state.keep(assignment.name)
        if assignment is not None and _is_array(assignment):
            shell.set_array(assignment, state)
            continue
        if assignment is not None:
            before = (state.get(assignment.name) or "") if assignment.appends else ""
            state.set(assignment.name, before + value, export=exports and not hides)
            state.fixed |= {assignment.name} if fixed else set()
            continue
        for name in shell.expander.fields((word,), state):
            if own and not name.startswith("-"):
                state.keep(name.partition("=")[0])
            _export_name(name, state, exports=exports, hides=hides)
    return [state]


def _is_array(assignment: Assignment) -> bool:
    return bool(assignment.value) and isinstance(assignment.value[0], Array)


def _names_others(words: list[str], state: State, *, own: bool, exports: bool) -> bool:
    """Note a reference to another variable (`-n`), and functions that programs find (`-f`); True for the latter."""
    letters = {letter for word in words[1:] if word[:1] == "-" for letter in word}
    if own and "n" in letters:
        state.doubt(f"`{words[0]} -n` is not followed")
    if "f" not in letters or not exports or state.dialect != "bash":
        return False
    for name in [name for name in words[2:] if name in state.functions]:
        state.shared = {**state.shared, name: state.functions[name]}
        state.set(shared_name(name), HOLE, export=True)
    return True


def _export_name(text: str, state: State, *, exports: bool, hides: bool) -> None:
    name, equals, value = text.partition("=")
    if HOLE in name:
        state.doubt("a variable whose name isn't known is set")
    elif equals:
        state.set(name, value, export=exports)
    elif exports and hides:
        state.exported.discard(name)
    elif exports:
        state.exported.add(name)


def _unset(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del shell, command
    for name in words[1:]:
        if "-f" not in words:
            state.unset(name)
        if "-v" not in words:
            state.functions.pop(name, None)
    state.status = "yes"
    return [state]


def _set(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Take the options that count, and the arguments behind them."""
    del command
    state.status = "yes"
    if any("\r" in word for word in words[1:2]) and words[1][:1] in ("-", "+"):  # a script with Windows' line ends
        state.status = "no"
        return shell.stop(state, f"it has no option {words[1]!r}") if state.posix else [state]
    for option, name in pairwise(words):
        refused = (
            option[:1] in ("-", "+") and option.endswith("o") and strict.refuses_option(shell.seen(state), name, state)
        )
        if refused is not False:
            shell.stop(state.copy(), f"dash has no option {name!r}", certain=bool(refused))
            if refused:
                return []
    state.options, rest = options.take_options(words[1:], state.options)
    if any(option.endswith("o") and "\r" in name for option, name in pairwise(words[1:])):
        state.status = "no"
    if rest is not None:
        state.arguments = rest
    return [state]


def _shift(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del command
    count = words[1] if len(words) > 1 else "1"
    state.status = "yes"
    if not count.isdigit() or HOLE in state.arguments:
        state.arguments = [HOLE]
    elif int(count) <= len(state.arguments):
        state.arguments = state.arguments[int(count) :]
    elif state.dialect == "dash":
        return shell.stop(state, "it shifts more arguments than there are")
    else:
        state.status = "no"
    return [state]


def _exec(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    rest = words[1:]
    given = _given(shell, command, state)
    while rest and rest[0][:1] == "-" and len(rest[0]) > 1 and state.dialect != "dash":
        option = rest.pop(0)
        if "c" in option:
            state.doubt("`exec -c` drops the environment")
        if option.endswith("a"):
            state.doubt("`exec -a` gives it another name, by which a Python finds itself")
            rest = rest[1:]
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if not rest:
        state.status = "yes"
        return [state]
    run = state.run(rest, given, ends=True)
    shell.ends.append(run)
    return []


def _exit(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `exit` after a program that was waited for ends as that does; else nothing was run."""
    del command
    passes_on = words[1:] in ([], ["0"], [HOLE])
    if state.last is not None and passes_on:
        shell.finish(state)
        return []
    code = words[1] if len(words) > 1 else "0"
    return shell.stop(state, f"it ends with the exit code {code}" if code.isdigit() and int(code) else "")


def _return(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del shell, command
    if words[0] == "return" and not state.local and state.file == state.zero and state.dialect == "bash":
        state.status = "no"  # an error, and the script goes on
        return [state]
    if words[0] != "return" and words[1:] not in ([], ["1"]):
        state.doubt(f"{words[0]!r} leaves several loops")
    state.flow = words[0]
    if words[0] == "return":
        state.status = {"0": "yes", "": state.status}.get("".join(words[1:2]), "no")
    return [state]


def _eval(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Run a text in this shell."""
    del command
    text = " ".join(words[1:])
    if HOLE in text:
        state.doubt("`eval` runs a text that isn't known")
        return [state]
    try:
        body = shell.parsed(text, state)
    except InspectorError as error:
        state.doubt(f"`eval` runs what can't be followed: {error}")
        return [state]
    return shell.body(body, [state])


def _source(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del command
    name = words[1] if len(words) > 1 else HOLE
    if HOLE in name or HOLE in state.cwd:
        state.doubt("a script whose name isn't known is run in the shell")
        return [state]
    path = join(state.cwd, name)
    if "/" not in name:
        folders = (state.get("PATH") or "").partition(HOLE)[0].split(":")
        paths = (join(state.cwd, folder, name) for folder in folders)  # which need not be executable
        found = next((each for each in paths if is_file(shell.seen(state), each)), None)
        path = found or ("" if state.posix else path)
    if path in state.changed:
        state.doubt(f"{path!r}, which is written before, is run in the shell")
        state.status = "unknown"
        return [state]
    reached = find(shell.seen(state), path)
    if reached is None or reached[1].kind is not Kind.FILE:
        if state.posix:
            why = f"it sources {path or name!r}, which is not there"
            return shell.stop(state, why, certain=not path.startswith(MOUNTED))
        state.status = "no"
        return [state]
    if activate.source(shell, path, words[2:], state):
        return [state]
    return shell.source(path, words[2:], state)


def _command(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `command -v NAME` asks whether there is one; `command NAME …` runs it."""
    rest = words[1:]
    if rest[:1] in (["-v"], ["-V"]):
        operands = [word for word in rest[1:] if word != "--"]
        name = operands[0] if operands else HOLE
        state.status = is_there(shell, name, state)
        return [state]
    by_default = rest[:1] == ["-p"]
    rest = rest[1:] if rest[:1] in (["-p"], ["--"]) else rest
    if not rest:
        return [state]
    builtin = of(rest[0], state)
    if builtin:
        return builtin(shell, rest, command, state)
    given = _given(shell, command, state)
    if by_default:
        given = programs.by_default_path(shell.seen(state), rest[0], given, state)
    return shell.program(rest, given, state)


def _given(shell: Shell, command: Simple, state: State) -> dict[str, str]:
    """Return the assignments for one command alone. Raises `Stop`."""
    return {each.name: shell.expander.single(each.value, state) for each in command.assignments}


def is_there(shell: Shell, name: str, state: State) -> Tri:
    """Tell whether the shell finds a command of the name."""
    environment = state.environment()
    if HOLE in name or HOLE in environment.variables["PATH"]:
        return "unknown"
    known = name in state.functions or name in state.hooks or of(name, state) is not None or name in _KEYWORDS
    return "yes" if known or isinstance(find_command(shell.seen(state), name, environment), Found) else "no"


def _type(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Answer `type` and `hash`: whether all names are found."""
    del command
    found = {is_there(shell, name, state) for name in words[1:] if not name.startswith("-")}
    state.status = "no" if "no" in found else "unknown" if "unknown" in found else "yes"
    return [state]


_IDLE = ": true false echo wait trap umask jobs kill times bg fg disown pwd logout"
_KEYWORDS = frozenset(
    ["if", "then", "else", "elif", "fi", "case", "esac", "for", "while", "until", "do", "done", "{", "}", "!"]
)
BUILTINS: dict[str, Builtin] = {
    **dict.fromkeys(_IDLE.split(), _nothing),
    **dict.fromkeys(("[", "test"), _test),
    **dict.fromkeys(("export", "readonly", "declare", "typeset", "local"), _export),
    **dict.fromkeys(("return", "break", "continue"), _return),
    **dict.fromkeys((".", "source"), _source),
    **dict.fromkeys(("read", "mapfile", "readarray"), minor.read),
    "getopts": getopts,
    "enable": minor.not_followed,
    **dict.fromkeys(("pushd", "popd"), folders.pushd),
    "alias": minor.alias,
    "shopt": minor.shopt,
    **dict.fromkeys(("command", "builtin"), _command),
    **dict.fromkeys(("type", "hash"), _type),
    "printf": minor.printf,
    "let": minor.let,
    "cd": folders.cd,
    "ulimit": minor.ulimit,
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "exec": _exec,
    activate.HOOK: activate.known,
    "exit": _exit,
    "eval": _eval,
    **dict.fromkeys(("conda", "micromamba", "mamba"), activate.conda),
}


def of(name: str, state: State) -> Builtin | None:
    """Return the builtin of a name, if this shell has it."""
    lacking = {"dash": _NOT_DASH, "ash": _NOT_ASH}.get(state.dialect, frozenset())
    if not state.dialect and name in _NOT_DASH:
        state.doubt(f"not every shell has {name!r}, and which one this is can't be told")
    return None if name in lacking else BUILTINS.get(name)
