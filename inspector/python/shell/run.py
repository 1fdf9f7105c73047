"""What a script does: the programs that it starts, each with the environment that it would find.

Nothing is executed. Where a condition isn't known both ways are followed; a value that isn't known is a `HOLE`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inspector.errors import InspectorError, LimitExceeded, Malformed
from inspector.python.access import as_user
from inspector.python.overlay import Laid, laid_over
from inspector.python.shell import aliases, apart, builtins, conditions, loops, programs, strict, writes
from inspector.python.shell.capture import capture
from inspector.python.shell.expand import Expander, Stop
from inspector.python.shell.parser import parse
from inspector.python.shell.state import HOLE, MAX_STEPS, Run, State, shared_name
from inspector.python.shell.syntax import (
    Array,
    Assignment,
    Body,
    Case,
    Chain,
    Command,
    Function,
    Group,
    If,
    Loop,
    Output,
    Pipeline,
    Simple,
    Test,
)
from inspector.rootfs import Rootfs
from inspector.unknown import Tri

MAX_STATES = 64
"""Ways through a script that are followed side by side."""
_STEP = 64
"""Characters that take as long to parse as a command to follow: `eval` in a loop parses its text each time."""
MAX_CALLS = 20
"""Functions and scripts that call each other."""


MAX_FIRST_LINES = 60
"""Lines of a script that end it before something else than a shell's commands."""


class Shell:
    """One script being followed. `texts` are the scripts read on the way, `runs` the programs started."""

    def __init__(self, fs: Rootfs, read: Callable[[Rootfs, str], str], steps: int = MAX_STEPS) -> None:
        self._fs, self.read, self.steps = fs, read, steps
        self._laid: Laid = {}
        self._view = fs
        self.expander = Expander(self.seen, lambda text, state: capture(self, text, state))
        self.runs: list[Run] = []
        self.ends: list[Run] = []
        self.depth = self.asking = 0

    def seen(self, state: State) -> Rootfs:
        """Return the files as they are at this point, as the user sees them."""
        if state.laid is not self._laid:
            self._laid, self._view = state.laid, self._viewed(state.laid, state)
        return self._view

    def _viewed(self, laid: Laid, state: State) -> Rootfs:
        return as_user(laid_over(self._fs, laid), state.base)

    def script(self, text: str, state: State) -> list[Run]:
        """Return the programs that end the script, each way through it. Raises `Malformed`, `LimitExceeded`."""
        try:
            body = self.parsed(text, state)
        except Malformed:
            if self._ends_before(text, state) or self._breaks(text, state):
                pass
            elif strict.windows_lines(text, state) and text.count("\n") <= MAX_FIRST_LINES:
                self.stop(state, "its lines end as those of Windows, which its shell can't read")
            else:
                raise
            body, state.flow = (), "exit"
        for left in self.body(body, [state]):
            if not state.flow:
                self.finish(left)
        return self.ended()

    def ended(self) -> list[Run]:
        """Return what has ended the shell so far, each way once."""
        return [run for at, run in enumerate(self.ends) if run not in self.ends[:at]]

    def parsed(self, text: str, state: State) -> Body:
        """Return the commands of a text, as this shell reads it. Raises `Malformed`."""
        self._spend(len(text) // _STEP)
        return parse(text, posix=state.dialect == "dash")

    def _ends_before(self, text: str, state: State) -> bool:
        """Tell whether the first lines end the shell, as in a script that goes on in another language."""
        lines = text.split("\n")
        for count in range(1, min(len(lines), MAX_FIRST_LINES)):
            try:
                body = parse("\n".join(lines[:count]), posix=state.dialect == "dash")
            except Malformed:
                continue
            runs, ends = len(self.runs), len(self.ends)
            if not self.body(body, [state.copy()]):
                return True
            del self.runs[runs:], self.ends[ends:]
        return False

    def _spend(self, steps: int) -> None:
        """Count steps. Raises `LimitExceeded`."""
        self.steps -= steps
        if self.steps < 0:
            raise LimitExceeded(f"it takes more than {MAX_STEPS} steps to follow")

    def _breaks(self, text: str, state: State) -> bool:
        """Follow the lines before a syntax error, where dash ends; return False if no line is surely such an error."""
        before, line = strict.unreadable(text) if state.dialect == "dash" else ("", "")
        if not line:
            return False
        for left in self.body(parse(before, posix=True), [state.copy()]):
            self.stop(left, f"dash can't read its line {line[:100]!r}")
        return True

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
            return apart.follow(self, lambda inner: self._links(chain, inner), states, waited=False)
        return self._links(chain, states)

    def _links(self, chain: Chain, states: list[State]) -> list[State]:
        for at, (operator, pipeline) in enumerate(chain.links, 1):
            wanted: Tri = "yes" if operator == "&&" else "no"
            going = [
                state for state in states if not state.flow and (not operator or state.status in (wanted, "unknown"))
            ]
            passing = [state.copy() for state in states if state.flow or (operator and state.status != wanted)]
            for state in passing:
                if not state.flow:
                    state.status = conditions.negated(wanted)
            only_asked = at < len(chain.links) or pipeline.negated
            self.asking += only_asked
            done = self._pipeline(pipeline, [state.copy() for state in going])
            self.asking -= only_asked
            states = [*passing, *(done if only_asked else self._failing(pipeline, done))]
        return states

    def _failing(self, pipeline: Pipeline, states: list[State]) -> list[State]:
        """End those that `set -e` ends, or may end: most programs are taken to succeed."""
        return states if self.asking else [each for state in states for each in self._strictly(pipeline, state)]

    def _strictly(self, pipeline: Pipeline, state: State) -> list[State]:
        ran = [run.argv[0] for run in self.runs if run.argv and run is not state.last and not run.sure]
        failure = None if state.flow else strict.failure_of(self.seen(state), pipeline, state, ran)
        if failure is None:
            return [state]
        self.stop(state.copy(), failure.why, certain=failure.certain)
        return [] if failure.certain else [state]

    def asked(self, condition: Body, states: list[State]) -> list[State]:
        """Return the states behind a condition, in which `set -e` ends nothing."""
        self.asking += 1
        asked = self.body(condition, states)
        self.asking -= 1
        return asked

    def _pipeline(self, pipeline: Pipeline, states: list[State]) -> list[State]:
        if len(pipeline.commands) == 1:
            states = self.command(pipeline.commands[0], states)
        else:
            states = [apart.joined(self, pipeline, state) for state in states]
        if pipeline.negated:
            for state in states:
                state.status = conditions.negated(state.status)
        return states

    def command(self, command: Command, states: list[State]) -> list[State]:  # noqa: PLR0911 - one arm a kind
        """Return the states behind one command. Raises `LimitExceeded`."""
        self._spend(len(states))
        match command:
            case Simple():
                return self._each(states, lambda state: self._simple(command, state))
            case Group(body=body, own_process=True):
                return apart.follow(self, lambda inner: self.body(body, inner), states)
            case Group(body=body):
                return self.body(body, states)
            case If():
                return loops.if_(self, command, states)
            case Case():
                return self._each(states, lambda state: loops.case(self, command, state))
            case Loop():
                return self._each(states, lambda state: loops.follow(self, command, state))
            case Function(name=name, body=function):
                for state in states:
                    state.functions[name] = function
                    state.status = "yes"
                return states
            case Test():
                return self._each(states, lambda state: self._test(command, state))

    def _each(self, states: list[State], follow: Callable[[State], list[State]]) -> list[State]:
        """Follow a command from each state; one whose expansion fails ends there."""
        found: list[State] = []
        for state in states:
            try:
                found += follow(state)
            except Stop as stop:
                found += self.stop(state, str(stop))
        return found

    def _test(self, test: Test, state: State) -> list[State]:
        state.status = "unknown"
        for name in test.assigns:
            state.set(name, HOLE)
        if not test.words:
            state.status = "unknown" if test.assigns else conditions.arithmetic(test.arithmetic, state)
            return [state]
        texts: list[str] = []
        for at, word in enumerate(test.words):
            right = at and texts[-1] in ("=", "==", "!=")
            texts.append(self.expander.pattern(word, state) if right else self.expander.single(word, state))
        state.status = conditions.decide(self.seen(state), texts, state, patterns=True)
        return [state]

    def _simple(self, command: Simple, state: State) -> list[State]:
        if state.aliases:
            command = aliases.replaced(command, state)
        words = self.expander.fields(command.words, state)
        closed = writes.opens(self, command, words, state) if command.writes else ""
        if closed:
            state.status = "no"
            ends = bool(words) and state.posix and words[0] in builtins.SPECIAL | {"exec"}
            return self.stop(state, f"{closed!r} can't be written by user {state.base.user!r}") if ends else [state]
        given = []
        for each in command.assignments:
            if each.value[:1] and isinstance(each.value[0], Array):
                self.set_array(each, state)
                continue
            value = self.expander.single(each.value, state)
            given.append((each.name, (state.get(each.name) or "") + value if each.appends else value))
            if not words:
                state.set(*given[-1])
        if not words:
            values = [part for each in command.assignments for part in each.value]
            state.status = state.printed if any(isinstance(part, Output) for part in values) else "yes"
            return [state]
        return self.call(words, dict(given), command, state)

    def set_array(self, assignment: Assignment, state: State) -> None:
        """Set an array, or add to it."""
        (array,) = assignment.value
        assert isinstance(array, Array)
        before = state.items(assignment.name) if assignment.appends else ()
        state.set_array(assignment.name, (*before, *self.expander.fields(array.words, state)))

    def stop(self, state: State, why: str = "", *, certain: bool = True) -> list[State]:
        """Return the shell exits without a program in its place; `why` says that it fails."""
        state.flow, state.last = "exit", None
        self.ends.append(msgspec.structs.replace(state.run([], ends=True), fails=why, certain=certain))
        return []

    def call(self, words: list[str], given: dict[str, str], command: Simple, state: State) -> list[State]:
        """Run words: a function, a builtin or a program. `given` are assignments for this command alone."""
        name = words[0]
        if name in state.functions:
            return self._function(words, given, state)
        if shared_name(name) in state.variables and state.dialect == "bash":
            state.doubt(f"{name!r} is a function that comes with the environment")
        builtin = builtins.of(name, state)
        if builtin is not None:
            if given and state.posix and name in builtins.SPECIAL:
                for variable, value in given.items():
                    state.set(variable, value)
            return builtin(self, words, command, state)
        return self.program(words, given, state)

    def program(self, words: list[str], given: dict[str, str], state: State) -> list[State]:
        """Run a program, and wait for it."""
        self._spend(sum(map(len, words)) // _STEP)
        run = programs.started(self.seen(state), words, given, state, lambda laid: self._viewed(laid, state))
        self.runs.append(run)
        return [state]

    def _function(self, words: list[str], given: dict[str, str], state: State) -> list[State]:
        self.depth += 1
        if self.depth > MAX_CALLS:
            raise LimitExceeded(f"more than {MAX_CALLS} functions call each other")
        outer, state.arguments = state.arguments, words[1:]
        state.local = (*state.local, {})
        for name, value in given.items():
            state.keep(name)
            state.set(name, value, export=True)
        states = self.command(state.functions[words[0]], [state])
        self.depth -= 1
        for each in states:
            each.arguments = list(outer)
            each.put_back()
            each.flow = "" if each.flow == "return" else each.flow
        return states

    def source(self, path: str, words: list[str], state: State) -> list[State]:
        """Run a script in this very shell; one that can't be read may change anything."""
        self.depth += 1
        try:
            if self.depth > MAX_CALLS:
                raise LimitExceeded(f"more than {MAX_CALLS} scripts call each other")
            body = self.parsed(self.read(self.seen(state), path), state)
        except InspectorError as error:
            state.doubt(f"{path!r} is run in the shell, and can't be followed: {error}")
            self.depth -= 1
            return [state]
        outer, file = state.arguments, state.file
        state.file = path
        words = words if state.dialect != "dash" else []  # which passes no arguments to such a script
        if words:
            state.arguments = words
        states = self.body(body, [state])
        self.depth -= 1
        for each in states:
            each.file = file
            each.arguments = list(outer) if words and each.arguments == words else each.arguments
            each.flow = "" if each.flow == "return" else each.flow
        return states
