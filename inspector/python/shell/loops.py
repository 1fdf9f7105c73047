"""Loops of a shell, turn by turn as long as the turns are known."""

from __future__ import annotations

from inspector.python.shell.apart import take_files
from inspector.python.shell.patterns import fits
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Case, If, Loop
from inspector.unknown import Tri

MAX_TURNS = 64
"""Turns of one loop."""


def follow(shell: Shell, loop: Loop, state: State) -> list[State]:
    """Return the states behind a loop. Raises `LimitExceeded`, `Stop`."""
    if loop.condition:
        return _while(shell, loop, state)
    items = state.arguments if loop.words is None else shell.expander.fields(loop.words, state)
    states, done = [state], []
    for item in items[:MAX_TURNS]:
        for each in states:
            each.set(loop.name, item)
        behind = shell.body(loop.body, states)
        states, over = _turn(behind)
        done += over
    if len(items) > MAX_TURNS or HOLE in items:
        _any_number([*states, *done], state)
    return shell.distinct([*states, *done])


def _while(shell: Shell, loop: Loop, state: State) -> list[State]:
    """Return as long as the condition is known, turn by turn; else once, and what that changes isn't known."""
    goes_on: Tri = "no" if loop.until else "yes"
    before = state.copy()
    states, done = [state], []
    for turn in range(MAX_TURNS):
        asked = shell.asked(loop.condition, states)
        done += [each.copy() for each in asked if each.flow or each.status != goes_on]
        certain = all(each.status in ("yes", "no") for each in asked)
        going = [each.copy() for each in asked if not each.flow and each.status in (goes_on, "unknown")]
        states, over = _turn(shell.body(loop.body, shell.distinct(going)))
        done += over
        if not states:
            return _left(shell, loop, done)
        if not certain or turn == MAX_TURNS - 1:
            break
    _any_number([*states, *done], before)
    return _left(shell, loop, [*states, *done])


def _left(shell: Shell, loop: Loop, states: list[State]) -> list[State]:
    """Return the states behind a loop: the condition that ends it is no failure."""
    for state in states:
        if loop.condition and not state.flow:
            state.status = "yes"
    return shell.distinct(states)


def _any_number(states: list[State], before: State) -> None:
    """Forget what turns of a loop have changed: there may be more of them."""
    for state in states:
        changed = [name for name, value in state.variables.items() if before.variables.get(name) != value]
        for name in changed:
            state.variables[name] = HOLE
        for name in [name for name, items in state.arrays.items() if before.arrays.get(name) != items]:
            state.set_array(name, (HOLE,))
        laid, state.laid = state.laid, before.laid
        take_files(state, [laid], sure=False)
        if state.cwd != before.cwd:
            state.cwd = HOLE
        if state.arguments != before.arguments:
            state.arguments = [HOLE]


def _turn(states: list[State]) -> tuple[list[State], list[State]]:
    """Behind one turn of a loop: those that take another, and those that are done with it."""
    going, done = [], []
    for state in states:
        if state.flow == "break":
            state.flow = ""
            done.append(state)
        elif state.flow and state.flow != "continue":
            done.append(state)
        else:
            state.flow = ""
            going.append(state)
    return going, done


def if_(shell: Shell, command: If, states: list[State]) -> list[State]:
    """Return the states behind a choice."""
    found: list[State] = []
    for condition, body in command.branches:
        if not condition:
            return [*found, *shell.body(body, states)]
        asked = shell.asked(condition, states)
        found += [state for state in asked if state.flow]
        asked = [state for state in asked if not state.flow]
        found += shell.body(body, [state.copy() for state in asked if state.status != "no"])
        states = shell.distinct([state for state in asked if state.status != "yes"])
        if not states:
            return found
    for state in states:
        state.status = "yes"
    return [*found, *states]


def case(shell: Shell, command: Case, state: State) -> list[State]:
    """Return the states behind a choice by pattern. Raises `Stop`."""
    if command.falls:
        state.doubt("a `case` falls through")
    subject = shell.expander.single(command.subject, state)
    found: list[State] = []
    for patterns, body in command.arms:
        answers = {fits(subject, shell.expander.pattern(each, state)) for each in patterns}
        if answers == {"no"}:
            continue
        found += shell.body(body, [state.copy()])
        if "yes" in answers:
            return found
    state.status = "yes"
    return [*found, state]
