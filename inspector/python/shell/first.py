"""The files that a shell runs before its text: those of a login, those for people, and what variables name."""

from __future__ import annotations

from inspector.errors import InspectorError
from inspector.python.files import join
from inspector.python.shell.call import Call
from inspector.python.shell.expand import Stop
from inspector.python.shell.lexer import parse_word
from inspector.python.shell.run import Shell
from inspector.python.shell.state import HOLE, State
from inspector.rootfs import is_file

_PROFILES = (".bash_profile", ".bash_login", ".profile")
_SYSTEM_RC = ("/etc/bash.bashrc", "/etc/bash/bashrc")
"""What bash is built to run before ~/.bashrc: that of Debian and others, and that of Alpine."""


def started(shell: Shell, state: State, call: Call, name: str) -> list[State]:
    """Return the ways that a shell whose program has this name goes on behind its first files."""
    states = [state]
    if name == "zsh":
        return _run(shell, _of_zsh(state, call), states)
    if call.login and "--noprofile" not in call.skips:
        states = _run(shell, ["/etc/profile", _own_profile(shell, state)], states)
    return [after for each in states for after in _run(shell, _behind_login(shell, each, call), [each])]


def _run(shell: Shell, files: list[str], states: list[State]) -> list[State]:
    """Run those of the files that are there, one behind another."""
    for file in filter(None, files):
        states = [
            after
            for each in states
            for after in (shell.source(file, [], each) if is_file(shell.seen(each), file) else [each])
        ]
    return states


def _own_profile(shell: Shell, state: State) -> str:
    names = _PROFILES[-1:] if state.posix or state.dialect != "bash" else _PROFILES
    files = [join(_home(state), name) for name in names]
    return next((file for file in files if is_file(shell.seen(state), file)), "")


def _behind_login(shell: Shell, state: State, call: Call) -> list[str]:
    """List what follows the profiles: a file for people where the shell is interactive, else what BASH_ENV names."""
    if state.posix or state.dialect != "bash":
        return _named(shell, "ENV", state) if state.interactive else []
    if not state.interactive:
        return [] if "p" in state.options else _named(shell, "BASH_ENV", state)
    if call.login or "--norc" in call.skips:
        return []
    return [*_SYSTEM_RC, join(state.cwd, call.rc) if call.rc else join(_home(state), ".bashrc")]


def _of_zsh(state: State, call: Call) -> list[str]:
    kinds = ["zshenv", *(["zprofile"] if call.login else []), *(["zshrc"] if state.interactive else [])]
    kinds += ["zlogin"] if call.login else []
    own = state.get("ZDOTDIR") or _home(state)
    return [file for kind in kinds for file in (f"/etc/zsh/{kind}", f"/etc/{kind}", join(own, f".{kind}"))]


def _named(shell: Shell, variable: str, state: State) -> list[str]:
    """Return the file that a variable names: its text is expanded as that of a word in quotes."""
    value = state.get(variable) or ""
    try:
        path = shell.expander.single(parse_word(value), state)
    except (InspectorError, Stop):
        path = HOLE
    if HOLE in path:
        state.doubt(f"{variable} names a file that isn't known")
        return []
    return [join(state.cwd, path)] if path else []


def _home(state: State) -> str:
    return state.get("HOME") or "/"
