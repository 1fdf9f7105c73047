"""What a script does: the programs that it starts, each with the environment that it would find.

Nothing is executed. Where a condition isn't known both ways are followed; a value that isn't known is a `HOLE`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inspector.errors import InspectorError, LimitExceeded
from inspector.python.shell import builtins, conditions, loops, strict
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
from inspector.python.version import is_python
from inspector.python.which import Missing, find_command
from inspector.rootfs import Rootfs, is_file
from inspector.unknown import Tri

MAX_STATES = 64
"""Ways through a script that are followed side by side."""
MAX_STEPS = 20_000
"""Commands that are gone through for one image."""
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
        self.tested = 0

    def script(self, text: str, state: State) -> list[Run]:
        """Return the programs that end the script, each way through it. Raises `Malformed`, `LimitExceeded`."""
        self.expander.texts.append(text)
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
            states = self.distinct([*resting, *self._chain(chain, going)])
        return states

    def distinct(self, states: list[State]) -> list[State]:
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
        for at, (operator, pipeline) in enumerate(chain.links, 1):
            wanted: Tri = "yes" if operator == "&&" else "no"
            going = [state for state in states if not state.flow and operator in ("", *self._leads_on(state, wanted))]
            passing = [state.copy() for state in states if state.flow or (operator and state.status != wanted)]
            for state in passing:
                if not state.flow:
                    state.status = conditions.negated(wanted)
            tested = at < len(chain.links) or pipeline.negated
            self.tested += tested
            ran = self._pipeline(pipeline, [state.copy() for state in going])
            self.tested -= tested
            if not tested and not self.tested:
                ran = [after for state in ran for after in self._strictly(pipeline, state)]
            states = [*passing, *ran]
        return states

    def _strictly(self, pipeline: Pipeline, state: State) -> list[State]:
        """Return what `set -e` leaves of a state behind a pipeline that nothing tests."""
        ran = [run.argv[0] for run in self.runs if run.argv and run is not state.last]
        failure = None if state.flow else strict.failure_of(pipeline, state, ran)
        if failure is None:
            return [state]
        self.stop(state.copy(), failure.why, certain=failure.certain)
        return [] if failure.certain else [state]

    @staticmethod
    def _leads_on(state: State, wanted: Tri) -> tuple[str, ...]:
        return ("&&", "||") if state.status in (wanted, "unknown") else ()

    def _pipeline(self, pipeline: Pipeline, states: list[State]) -> list[State]:
        if len(pipeline.commands) == 1:
            states = self.command(pipeline.commands[0], states)
        else:
            states = [self._joined(pipeline, state) for state in states]
        if pipeline.negated:
            for state in states:
                state.status = conditions.negated(state.status)
        return states

    def _joined(self, pipeline: Pipeline, state: State) -> State:
        """Run commands joined by `|`: the first is what a script is about, others filter, but for a Python that reads."""
        last, ran = state.last, []
        for command in pipeline.commands:
            state.last = last
            (state,) = self.apart(lambda inner, each=command: self.command(each, inner), [state])  # type: ignore[misc]
            if state.last is not last:
                ran.append(state.last)
        pythons = [run for run in ran if run is not None and run.argv and is_python(run.argv[0])]
        state.last = [*pythons, *ran, last][0]
        return state

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
                return [after for state in states for after in loops.follow(self, command, state)]
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

    def asked(self, condition: Body, states: list[State]) -> list[State]:
        """Return the states behind a condition, in which `set -e` ends nothing."""
        self.tested += 1
        asked = self.body(condition, states)
        self.tested -= 1
        return asked

    def _if(self, command: If, states: list[State]) -> list[State]:
        found: list[State] = []
        for condition, body in command.branches:
            if not condition:
                return [*found, *self.body(body, states)]
            asked = self.asked(condition, states)
            found += [state for state in asked if state.flow]
            asked = [state for state in asked if not state.flow]
            found += self.body(body, [state.copy() for state in asked if state.status != "no"])
            states = self.distinct([state for state in asked if state.status != "yes"])
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

    def _simple(self, command: Simple, state: State) -> list[State]:
        try:
            words = self.expander.fields(command.words, state)
            given = []
            for each in command.assignments:
                value = self.expander.single(each.value, state)
                given.append((each.name, (state.get(each.name) or "") + value if each.appends else value))
                if not words:
                    state.set(*given[-1])
        except Stop as stop:
            return self.stop(state, str(stop), certain=not self.tested)
        if not words:
            state.status = strict.assigned_status(command, state)
            return [state]
        return self.call(words, dict(given), command, state)

    def stop(self, state: State, why: str = "", *, certain: bool = True) -> list[State]:
        """Return the shell exits without a program in its place; `why` says that it fails."""
        state.flow, state.last = "exit", None
        self.ends.append(msgspec.structs.replace(state.run([], ends=True), fails=why, certain=certain))
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
            text = self.read(path)
            body = parse(text)
            self.expander.texts.append(text)
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
