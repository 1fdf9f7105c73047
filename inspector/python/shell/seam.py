"""What a shell's own commands may ask of the code that follows the script."""

from __future__ import annotations

from typing import Protocol

from inspector.python.shell.expand import Expander
from inspector.python.shell.state import Run, State
from inspector.python.shell.syntax import Assignment, Body, Command
from inspector.rootfs import Rootfs


class Shell(Protocol):
    """A script being followed: see `inspector.python.shell.run`."""

    expander: Expander
    ends: list[Run]
    runs: list[Run]

    def seen(self, state: State) -> Rootfs:
        """Return the files as they are at this point, as the user sees them."""

    def parsed(self, text: str, state: State) -> Body:
        """Return the commands of a text. Raises `Malformed`."""

    def command(self, command: Command, states: list[State]) -> list[State]:
        """Return the states behind one command. Raises `LimitExceeded`."""

    def body(self, chains: Body, states: list[State]) -> list[State]:
        """Return the states behind the commands."""

    def asked(self, condition: Body, states: list[State]) -> list[State]:
        """Return the states behind a condition, in which `set -e` ends nothing."""

    def distinct(self, states: list[State]) -> list[State]:
        """Return those that go on differently. Raises `LimitExceeded`."""

    def set_array(self, assignment: Assignment, state: State) -> None:
        """Set an array, or add to it."""

    def source(self, path: str, words: list[str], state: State) -> list[State]:
        """Run a script in this very shell."""

    def program(self, words: list[str], given: dict[str, str], state: State) -> list[State]:
        """Run a program, and wait for it."""

    def stop(self, state: State, why: str = "", *, certain: bool = True) -> list[State]:
        """End the shell without a program in its place; `why` says that it fails."""

    def finish(self, state: State) -> None:
        """End the shell as what it ran last ends."""
