"""Programs that a script starts and waits for: what is known of their success, and of what they do to files."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inspector.python.changes import changed_by
from inspector.python.elf import MAGIC
from inspector.python.overlay import Laid
from inspector.python.shell import laying
from inspector.python.shell.answers import answered
from inspector.python.shell.state import HOLE, Run, State
from inspector.python.which import Found, Missing, find_command
from inspector.rootfs import Rootfs

_DEFAULT_PATHS = {"bash": "/bin:/usr/bin", "dash": "/usr/sbin:/usr/bin:/sbin:/bin"}
"""Where `command -p` looks: bash asks confstr(3) for it, dash has it compiled in (seen with 5.2 and 0.5.12)."""


def started(fs: Rootfs, words: list[str], given: dict[str, str], state: State, view: Callable[[Laid], Rootfs]) -> Run:
    """Return the run of a program, and take its status and the files that it leaves; `view` is that of other files."""
    run = state.run(words, given)
    state.status = "unknown"
    done = None
    if HOLE not in words[0] + state.cwd + run.environment.variables["PATH"]:
        found = find_command(fs, words[0], run.environment)
        if isinstance(found, Missing):
            state.status = "no"
        elif fs.head(found.resolved).startswith(MAGIC):  # a script of the name may do anything
            done = laying.done_by(words, run.environment, state.laid, view)
            state.status = done.succeeds if done else answered(fs, words, state)
    if done is None:
        state.change(changed_by(fs, words, state.cwd))
    else:
        state.lay(done.laid)
        state.change(done.changed)
        run = msgspec.structs.replace(run, sure=True)
    state.last = run
    return run


def by_default_path(fs: Rootfs, word: str, given: dict[str, str], state: State) -> dict[str, str]:
    """Return the assignments by which PATH finds what `command -p` runs.

    Where PATH finds another program, that is a doubt: a Python looks for itself in PATH, whoever found it.
    """
    default, environment = _DEFAULT_PATHS.get(state.dialect), state.environment(given)
    if default and not word.startswith("-") and not state.changed and HOLE not in word + environment.variables["PATH"]:
        own = {**given, "PATH": default}
        there = find_command(fs, word, state.environment(own))
        if isinstance(there, Missing):
            return own
        found = find_command(fs, word, environment)
        if isinstance(found, Found) and found.resolved == there.resolved:
            return given
    state.doubt("`command -p` looks for programs elsewhere than in PATH")
    return given
