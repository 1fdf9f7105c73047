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
from inspector.python.which import Missing, find_command
from inspector.rootfs import Rootfs


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
