"""Commands that run in processes of their own: of a pipeline, in brackets, or in the background."""

from __future__ import annotations

from collections.abc import Callable

from inspector.python.overlay import Laid
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import State
from inspector.python.shell.syntax import Pipeline
from inspector.python.version import is_python


def joined(shell: Shell, pipeline: Pipeline, state: State) -> State:
    """Run commands joined by `|`: the first is what a script is about, or a Python that reads what others write."""
    last, ran = state.last, []
    for command in pipeline.commands:
        state.last = last
        (state,) = follow(shell, lambda inner, each=command: shell.command(each, inner), [state])  # type: ignore[misc]
        if state.last is not last:
            ran.append(state.last)
    pythons = [run for run in ran if run is not None and run.argv and is_python(run.argv[0])]
    state.last = [*pythons, *ran, last][0]
    return state


def follow(
    shell: Shell, commands: Callable[[list[State]], list[State]], states: list[State], *, waited: bool = True
) -> list[State]:
    """Follow commands in a process of their own: nothing comes back but what ran last, and what files were changed."""
    found = []
    for state in states:
        outer, shell.ends = shell.ends, []
        inner = commands([state.copy()])
        left = [*(each.laid for each in inner), *(run.environment.laid for run in shell.ends)]
        ended = [run for run in shell.ends if run.argv] + [each.last for each in inner if each.last]
        shell.ends = outer
        shell.runs += ended
        state.last = ended[-1] if ended else state.last
        if any(each.last is not None and not each.last.argv for each in inner):
            state.last = None
        state.status = "unknown"
        state.changed = state.changed.union(*(each.changed for each in inner))
        take_files(state, left, sure=waited)
        found.append(state)
    return found


def take_files(state: State, left: list[Laid], *, sure: bool) -> None:
    """Take the files as commands left them, each way through them; where these differ, what differs isn't sure."""
    if sure and left and all(each == left[0] for each in left):
        state.lay(left[0])
        return
    state.change(path for laid in left for path, placed in laid.items() if state.laid.get(path) != placed)
