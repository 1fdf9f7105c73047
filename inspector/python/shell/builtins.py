"""The shell's own commands, as far as they change what programs find."""

from __future__ import annotations

from collections.abc import Callable

from inspector.errors import InspectorError
from inspector.python.files import find, join
from inspector.python.shell import activate, conditions, dialect, strict
from inspector.python.shell.parser import as_assignment, parse
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Output, Simple
from inspector.python.which import Found, find_command
from inspector.rootfs import Kind, is_dir

Builtin = Callable[[Shell, list[str], Simple, State], list[State]]

KEEPS_ASSIGNMENTS = frozenset({":", ".", "source", "eval", "export", "readonly", "set", "unset", "exit", "return"})
"""Builtins before which an assignment stays (POSIX's special ones; in bash only in its POSIX mode)."""


def _nothing(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Change nothing that matters here."""
    del shell, command
    state.status = "no" if words[0] == "false" else "yes"
    return [state]


def _test(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del command
    operands = words[1:-1] if words[0] == "[" else words[1:]
    state.status = conditions.decide(shell.fs, operands, state)
    return [state]


def _cd(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del command
    operands = [word for word in words[1:] if not word.startswith("-")]
    target = operands[0] if operands else state.get("HOME") or HOLE
    if HOLE in target or HOLE in state.cwd or "-" in words[1:]:
        state.cwd, state.status = HOLE, "unknown"
        return [state]
    target = join(state.cwd, target)
    there = is_dir(shell.fs, target) or strict.is_made(target, shell.runs)
    state.status = "yes" if there else "no"
    state.cwd = target if there else state.cwd
    return [state]


def _export(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `export`, `readonly`, `declare` and `local`: what they assign isn't split into words."""
    exports = words[0] == "export" or any(word[:1] == "-" and "x" in word for word in words[1:])
    hides = any(word[:1] == "-" and "n" in word for word in words[1:]) and words[0] == "export"
    for word in command.words[1:]:
        assignment = as_assignment(word)
        if assignment is not None:
            value = shell.expander.single(assignment.value, state)
            before = (state.get(assignment.name) or "") if assignment.appends else ""
            state.set(assignment.name, before + value, export=exports and not hides)
            continue
        for name in shell.expander.fields((word,), state):
            _export_name(name, state, exports=exports, hides=hides)
    state.status = "yes"
    return [state]


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
        state.variables.pop(name, None)
        state.exported.discard(name)
        if "-v" not in words:
            state.functions.pop(name, None)
    state.status = "yes"
    return [state]


def _set(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `set -a` exports all, `set -- …` sets the arguments."""
    del command
    state.status = "yes"
    for at, word in enumerate(words[1:], 1):
        if word in ("--", "-") or word[:1] not in "+-":
            state.arguments = words[at + (word in ("--", "-")) :]
            break
        if "a" in word[1:] and word != "-o" and words[at - 1] not in ("-o", "+o"):
            state.exports_all = word[0] == "-"
        if words[at - 1] not in ("-o", "+o"):
            strict.set_options(state, word[1:], on=word[0] == "-")
        if words[at - 1] in ("-o", "+o") or "o" in word:
            following = words[at + 1 : at + 2]
            strict.set_named(state, "".join(following), on=word[0] == "-")
            refused = state.dash and dialect.refuses_option(shell.fs, "".join(following))
            if refused is not False:
                shell.stop(state.copy(), f"dash has no option {''.join(following)!r}", certain=bool(refused))
                if refused:
                    return []
            if following == ["allexport"]:
                state.exports_all = word[0] == "-"
            if following and following[0][:1] not in "+-":
                words = [*words[: at + 1], "-", *words[at + 2 :]] if len(words) > at + 2 else words[: at + 1]
                return _set_rest(words, at + 2, state)
    return [state]


def _set_rest(words: list[str], at: int, state: State) -> list[State]:
    """Return what follows the name of an option."""
    rest = words[at:]
    if rest[:1] in (["--"], ["-"]):
        state.arguments = rest[1:]
    elif rest and rest[0][:1] not in "+-":
        state.arguments = rest
    return [state]


def _shift(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del shell, command
    count = words[1] if len(words) > 1 else "1"
    if not count.isdigit() or HOLE in state.arguments:
        state.arguments = [HOLE]
    else:
        state.arguments = state.arguments[int(count) :] if int(count) <= len(state.arguments) else state.arguments
    state.status = "yes"
    return [state]


def _exec(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    rest = words[1:]
    given = [(each.name, shell.expander.single(each.value, state)) for each in command.assignments]
    if rest[:1] == ["-c"]:
        state.doubt("`exec -c` drops the environment")
        rest = rest[1:]
    if rest[:1] == ["-a"]:
        rest = rest[2:]
    if rest[:1] in (["-l"], ["--"]):
        rest = rest[1:]
    if not rest:
        state.status = "yes"
        return [state]
    run = state.run(rest, dict(given), ends=True)
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
    state.flow = {"return": "return", "break": "break", "continue": "continue"}[words[0]]
    if words[0] == "return":
        text = "".join(words[1:2])
        state.status = {"0": "yes", "": state.status}.get(text, "unknown" if HOLE in text else "no")
    return [state]


def _eval(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Run a text in this shell; the hooks of known tools are known without one."""
    only = command.words[1] if len(command.words) == 2 else ()
    outputs = [part for part in only if isinstance(part, Output)]
    if len(outputs) == 1 and activate.take_hook(shell, outputs[0].text, state):
        return [state]
    text = " ".join(words[1:])
    if HOLE in text:
        state.doubt("`eval` runs a text that isn't known")
        return [state]
    try:
        body = parse(text)
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
        path = "" if state.dash else path
        found = find_command(shell.fs, name, state.environment()) if HOLE not in (state.get("PATH") or "") else None
        path = found.path if isinstance(found, Found) else path
    reached = find(shell.fs, path) if path else None
    if reached is None or reached[1].kind is not Kind.FILE:
        if not state.bash:
            why = f"it sources {path or name!r}, which is not there"
            return shell.stop(state, why, certain=not path.startswith(conditions.MOUNTED))
        state.status = "no"
        return [state]
    if activate.source(shell, path, words[2:], state):
        return [state]
    return shell.source(path, words[2:], state)


def _command(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `command -v NAME` asks whether there is one; `command NAME …` runs it."""
    rest = words[1:]
    if rest[:1] in (["-v"], ["-V"]):
        name = rest[1] if len(rest) > 1 else HOLE
        environment = state.environment()
        if HOLE in name or HOLE in environment.variables["PATH"]:
            state.status = "unknown"
        elif name in state.functions or name in state.hooks or name in BUILTINS:
            state.status = "yes"
        else:
            state.status = "yes" if isinstance(find_command(shell.fs, name, environment), Found) else "no"
        return [state]
    rest = rest[1:] if rest[:1] in (["-p"], ["--"]) else rest
    if not rest:
        return [state]
    builtin = BUILTINS.get(rest[0])
    return builtin(shell, rest, command, state) if builtin else shell.program(rest, {}, state)


def _ulimit(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `ulimit -v 1000`: too little memory keeps libraries from being loaded."""
    del command
    if set("".join(words[1:-1])) & set("vdm") and words[-1].isdigit():
        shell.stop(state.copy(), f"{' '.join(words)!r} may leave too little memory", certain=False)
    state.status = "yes"
    return [state]


def _read(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del shell, command
    for name in words[1:]:
        if not name.startswith("-"):
            state.set(name, HOLE)
    state.status = "unknown"
    return [state]


def _not_followed(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    del shell, command
    state.doubt(f"the shell's own {words[0]!r} is not followed")
    return [state]


_IDLE = ": true false echo printf wait trap umask jobs kill hash type shopt times bg fg disown pwd logout let test_"
BUILTINS: dict[str, Builtin] = {
    **dict.fromkeys(_IDLE.split(), _nothing),
    **dict.fromkeys(("[", "test"), _test),
    **dict.fromkeys(("export", "readonly", "declare", "typeset", "local"), _export),
    **dict.fromkeys(("return", "break", "continue"), _return),
    **dict.fromkeys((".", "source"), _source),
    **dict.fromkeys(("read", "getopts", "mapfile", "readarray"), _read),
    **dict.fromkeys(("alias", "enable", "pushd", "popd"), _not_followed),
    **dict.fromkeys(("command", "builtin"), _command),
    "cd": _cd,
    "ulimit": _ulimit,
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "exec": _exec,
    "exit": _exit,
    "eval": _eval,
    **dict.fromkeys(("conda", "micromamba", "mamba"), activate.conda),
}
