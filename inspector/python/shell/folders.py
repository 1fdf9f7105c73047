"""`cd`, `pushd` and `popd`."""

from __future__ import annotations

from inspector.python.files import join
from inspector.python.shell import minor, strict
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Simple
from inspector.rootfs import is_dir


def cd(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Enter a folder: that of the words, the one before (`-`), or HOME."""
    del command
    operands = [word for word in words[1:] if not word.startswith("-")]
    target = operands[0] if operands else state.get("OLDPWD" if "-" in words[1:] else "HOME") or HOLE
    if HOLE in target or HOLE in state.cwd:
        state.cwd, state.status = HOLE, "unknown"
        return [state]
    target = join(state.cwd, target)
    there = is_dir(shell.seen(state), target) or strict.is_made(target, shell.runs)
    state.status = "yes" if there else "no"
    if there:
        state.set("OLDPWD", state.cwd)
        state.cwd = target
    return [state]


def pushd(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Enter a folder, or the one before it again."""
    left = [*state.folders[-1:]] if words[0] == "popd" else words[1:]
    if len(words) > (1 if words[0] == "popd" else 2) or left[:1] in ([], ["-n"]) or left[0][:1] in "+-":
        return minor.not_followed(shell, words, command, state)
    folders = state.folders[:-1] if words[0] == "popd" else (*state.folders, state.cwd)
    (after,) = cd(shell, ["cd", left[0]], command, state)
    after.folders = folders if after.status == "yes" else after.folders
    return [after]
