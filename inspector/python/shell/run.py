"""What a script does: the programs that it starts, each with the environment that it would find.

Nothing is executed. Where a condition isn't known both ways are followed; a value that isn't known is a `HOLE`.
"""

from __future__ import annotations

from collections.abc import Callable

from inspector.errors import InspectorError, LimitExceeded
from inspector.python.shell import builtins, conditions
from inspector.python.shell.capture import capture
from inspector.python.shell.expand import Expander, Stop
from inspector.python.shell.parser import parse
from inspector.python.shell.state import HOLE, Run, State
from inspector.python.shell.syntax import (
    Body,
    Case,
    Chain,
    Command,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Simple,
    Test,
    Word,
)
from inspector.python.which import Missing, find_command
from inspector.rootfs import Rootfs, is_file
from inspector.unknown import Tri

MAX_STATES = 64
"""Ways through a script that are followed side by side."""
MAX_STEPS = 20_000
"""Commands that are gone through for one image."""
MAX_TURNS = 64
"""Turns of one loop."""
MAX_CALLS = 20
"""Functions and scripts that call each other."""


class Shell:
    """One script being followed. `texts` are the scripts read on the way, `runs` the programs started."""

    def __init__(self, fs: Rootfs, read: Callable[[str], str], steps: int = MAX_STEPS) -> None:
        self.fs, self.read, self.steps = fs, read, steps
        self.expander = Expander(fs, lambda text, state: capture(self, text, state))
        self.runs: list[Run] = []
        self.ends: list[Run] = []
        self.depth = 0

    def script(self, text: str, state: State) -> list[Run]:
        """Return the programs that end the script, each way through it. Raises `Malformed`, `LimitExceeded`."""
        for left in self.body(parse(text), [state]):
            self.finish(left)
        return [run for at, run in enumerate(self.ends) if run not in self.ends[:at]]

    def fs_has(self, path: str) -> bool:
        """Tell whether a file is there."""
        return is_file(self.fs, path)

    def finish(self, state: State) -> None:
        """End the shell: what it ran last stands for it."""
        last = state.last
        if last is None:
            self.ends.append(state.run([], ends=True))
        else:
            self.ends.append(Run(argv=last.argv, environment=last.environment, doubts=state.doubts, ends=True))

    def body(self, chains: Body, states: list[State]) -> list[State]:
        """Return the states behind the commands."""
        for chain in chains:
            going = [state for state in states if not state.flow]
            if not going:
                break
            resting = [state for state in states if state.flow]
            states = self._distinct([*resting, *self._chain(chain, going)])
        return states

    def _distinct(self, states: list[State]) -> list[State]:
        """Return those that go on differently. Raises `LimitExceeded`."""
        found = list({state.key(): state for state in states}.values())
        if len(found) > MAX_STATES:
            raise LimitExceeded(f"there are more than {MAX_STATES} ways through it")
        return found

    def _chain(self, chain: Chain, states: list[State]) -> list[State]:
        if chain.background:
            return self.apart(lambda inner: self._links(chain, inner), states)
        return self._links(chain, states)

    def _links(self, chain: Chain, states: list[State]) -> list[State]:
        for operator, pipeline in chain.links:
            wanted: Tri = "yes" if operator == "&&" else "no"
            going = [state for state in states if not state.flow and operator in ("", *self._leads_on(state, wanted))]
            passing = [state.copy() for state in states if state.flow or (operator and state.status != wanted)]
            for state in passing:
                if not state.flow:
                    state.status = conditions.negated(wanted)
            states = [*passing, *self._pipeline(pipeline, [state.copy() for state in going])]
        return states

    @staticmethod
    def _leads_on(state: State, wanted: Tri) -> tuple[str, ...]:
        return ("&&", "||") if state.status in (wanted, "unknown") else ()

    def _pipeline(self, pipeline: Pipeline, states: list[State]) -> list[State]:
        if len(pipeline.commands) == 1:
            states = self.command(pipeline.commands[0], states)
        else:
            for command in reversed(pipeline.commands):  # the first is what a script is about, the others filter
                states = self.apart(lambda inner, each=command: self.command(each, inner), states)  # type: ignore[misc]
        if pipeline.negated:
            for state in states:
                state.status = conditions.negated(state.status)
        return states

    def apart(self, follow: Callable[[list[State]], list[State]], states: list[State]) -> list[State]:
        """Follow commands in a process of their own: nothing comes back but what ran last."""
        found = []
        for state in states:
            outer, self.ends = self.ends, []
            inner = follow([state.copy()])
            ended = [run for run in self.ends if run.argv] + [each.last for each in inner if each.last]
            self.ends = outer
            self.runs += ended
            state.last = ended[-1] if ended else state.last
            if any(each.last is not None and not each.last.argv for each in inner):
                state.last = None
            state.status = "unknown"
            found.append(state)
        return found

    def command(self, command: Command, states: list[State]) -> list[State]:  # noqa: C901, PLR0911 - one arm a kind
        """Return the states behind one command. Raises `LimitExceeded`."""
        self.steps -= len(states)
        if self.steps < 0:
            raise LimitExceeded(f"it takes more than {MAX_STEPS} steps to follow")
        match command:
            case Simple():
                return [after for state in states for after in self._simple(command, state)]
            case Group(body=body, own_process=True):
                return self.apart(lambda inner: self.body(body, inner), states)
            case Group(body=body):
                return self.body(body, states)
            case If():
                return self._if(command, states)
            case Case():
                return [after for state in states for after in self._case(command, state)]
            case Loop():
                return [after for state in states for after in self._loop(command, state)]
            case Function(name=name, body=function):
                for state in states:
                    state.functions[name] = function
                    state.status = "yes"
                return states
            case Test(words=words):
                for state in states:
                    state.status = self._test(words, state)
                return states

    def _test(self, words: tuple[Word, ...], state: State) -> Tri:
        if not words:
            return "unknown"
        texts: list[str] = []
        for at, word in enumerate(words):
            right = at and texts[-1] in ("=", "==", "!=")
            texts.append(self.expander.pattern(word, state) if right else self.expander.single(word, state))
        return conditions.decide(self.fs, texts, state, patterns=True)

    def _if(self, command: If, states: list[State]) -> list[State]:
        found: list[State] = []
        for condition, body in command.branches:
            if not condition:
                return [*found, *self.body(body, states)]
            asked = self.body(condition, states)
            found += [state for state in asked if state.flow]
            asked = [state for state in asked if not state.flow]
            found += self.body(body, [state.copy() for state in asked if state.status != "no"])
            states = self._distinct([state for state in asked if state.status != "yes"])
            if not states:
                return found
        for state in states:
            state.status = "yes"
        return [*found, *states]

    def _case(self, command: Case, state: State) -> list[State]:
        if command.falls:
            state.doubt("a `case` falls through")
        subject = self.expander.single(command.subject, state)
        found: list[State] = []
        for patterns, body in command.arms:
            answers = {conditions.matches(subject, self.expander.pattern(each, state)) for each in patterns}
            if answers == {"no"}:
                continue
            found += self.body(body, [state.copy()])
            if "yes" in answers:
                return found
        state.status = "yes"
        return [*found, state]

    def _loop(self, loop: Loop, state: State) -> list[State]:
        if loop.condition:
            return self._while(loop, state)
        items = state.arguments if loop.words is None else self.expander.fields(loop.words, state)
        states, done = [state], []
        for item in items[:MAX_TURNS]:
            for each in states:
                each.set(loop.name, item)
            behind = self.body(loop.body, states)
            states, over = _turn(behind)
            done += over
        if len(items) > MAX_TURNS or HOLE in items:
            self._any_number(loop, [*states, *done], state)
        return self._distinct([*states, *done])

    def _while(self, loop: Loop, state: State) -> list[State]:
        """Return as long as the condition is known, turn by turn; else once, and what that changes isn't known."""
        goes_on: Tri = "no" if loop.until else "yes"
        before = state.copy()
        states, done = [state], []
        for turn in range(MAX_TURNS):
            asked = self.body(loop.condition, states)
            done += [each for each in asked if each.flow or each.status != goes_on]
            certain = all(each.status in ("yes", "no") for each in asked)
            going = [each.copy() for each in asked if not each.flow and each.status in (goes_on, "unknown")]
            states, over = _turn(self.body(loop.body, self._distinct(going)))
            done += over
            if not states:
                return self._distinct(done)
            if not certain or turn == MAX_TURNS - 1:
                break
        self._any_number(loop, [*states, *done], before)
        return self._distinct([*states, *done])

    @staticmethod
    def _any_number(loop: Loop, states: list[State], before: State) -> None:
        """Forget what turns of a loop have changed: there may be more of them."""
        del loop
        for state in states:
            changed = [name for name, value in state.variables.items() if before.variables.get(name) != value]
            for name in changed:
                state.variables[name] = HOLE
            if state.cwd != before.cwd:
                state.cwd = HOLE
            if state.arguments != before.arguments:
                state.arguments = [HOLE]

    def _simple(self, command: Simple, state: State) -> list[State]:
        try:
            words = self.expander.fields(command.words, state)
            given = []
            for each in command.assignments:
                value = self.expander.single(each.value, state)
                given.append((each.name, (state.get(each.name) or "") + value if each.appends else value))
                if not words:
                    state.set(*given[-1])
        except Stop:
            return self.stop(state)
        if not words:
            state.status = "yes"
            return [state]
        return self.call(words, dict(given), command, state)

    def stop(self, state: State) -> list[State]:
        """Return the shell exits without a program in its place."""
        state.flow, state.last = "exit", None
        self.ends.append(state.run([], ends=True))
        return []

    def call(self, words: list[str], given: dict[str, str], command: Simple, state: State) -> list[State]:
        """Run words: a function, a builtin or a program. `given` are assignments for this command alone."""
        name = words[0]
        if name in state.functions:
            return self._function(words, state)
        builtin = builtins.BUILTINS.get(name)
        if builtin is not None:
            if given and name in builtins.KEEPS_ASSIGNMENTS:
                for variable, value in given.items():
                    state.set(variable, value)
            return builtin(self, words, command, state)
        return self.program(words, given, state)

    def program(self, words: list[str], given: dict[str, str], state: State) -> list[State]:
        """Run a program, and wait for it."""
        run = state.run(words, given)
        state.last = run
        self.runs.append(run)
        state.status = "unknown"
        if HOLE not in words[0] and HOLE not in run.environment.variables["PATH"]:
            found = find_command(self.fs, words[0], run.environment)
            state.status = "no" if isinstance(found, Missing) else "unknown"
        return [state]

    def _function(self, words: list[str], state: State) -> list[State]:
        self.depth += 1
        if self.depth > MAX_CALLS:
            raise LimitExceeded(f"more than {MAX_CALLS} functions call each other")
        outer, state.arguments = state.arguments, words[1:]
        states = self.command(state.functions[words[0]], [state])
        self.depth -= 1
        for each in states:
            each.arguments = list(outer)
            each.flow = "" if each.flow == "return" else each.flow
        return states

    def source(self, path: str, words: list[str], state: State) -> list[State]:
        """Run a script in this very shell; one that can't be read may change anything."""
        self.depth += 1
        try:
            if self.depth > MAX_CALLS:
                raise LimitExceeded(f"more than {MAX_CALLS} scripts call each other")
            body = parse(self.read(path))
        except InspectorError as error:
            state.doubt(f"{path!r} is run in the shell, and can't be followed: {error}")
            self.depth -= 1
            return [state]
        outer, file = state.arguments, state.file
        state.file = path
        if words:
            state.arguments = words
        states = self.body(body, [state])
        self.depth -= 1
        for each in states:
            each.file = file
            each.arguments = list(outer) if words else each.arguments
            each.flow = "" if each.flow == "return" else each.flow
        return states


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
