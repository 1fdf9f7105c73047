"""What a shell knows at one point of a script: variables, arguments, folder, functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from inspector.python.changes import MAX_CHANGES
from inspector.python.environment import Environment
from inspector.python.overlay import REMOVED, Laid
from inspector.python.shell.syntax import Command, Simple
from inspector.unknown import Tri

HOLE = "\0"
"""Stands in a value for text that isn't known; no variable of a process can hold this character."""
Dialect = Literal["bash", "dash", "ash", ""]
"""What a shell understands beyond POSIX: bash's words, none (dash), BusyBox's; empty where it can't be told."""
MAX_STEPS = 20_000
"""Commands that are gone through for one image."""
MOUNTED = ("/proc/", "/sys/", "/dev/", "/run/", "/tmp/", "/var/run/")  # noqa: S108 - names of folders alone
"""Folders that engines fill at start."""
BOUND = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab")
"""Files that engines put in the place of the image's."""
MAX_VALUE = 256 << 10
"""Characters of one value; longer ones are not known."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A program that a script starts: `ends` where it takes the shell's place or comes last.

    No words mean that the script ends without one, where `fails` says why it ends in failure, `certain` or not.
    `doubts` say what may have changed the environment before. `sure` is one whose effect on files is known.
    """

    argv: tuple[str, ...]
    environment: Environment
    doubts: tuple[str, ...] = ()
    ends: bool = False
    fails: str = ""
    certain: bool = True
    sure: bool = False


class _Before(NamedTuple):
    """What a variable was before a function made one of its own."""

    value: str | None
    exported: bool
    items: tuple[str, ...] | None


def shared_name(function: str) -> str:
    """Return the variable by which bash hands a function on."""
    return f"BASH_FUNC_{function}%%"


class State:
    """A shell between two commands. `flow` is set where what follows is left out: break, return, exit.

    `last` is the last program that was run, `hooks` are the prefixes of conda, by the command that activates.
    `folders` are those that `pushd` left, `printed` is the exit code of what was last put into a value.
    `aliases` are those that count where the shell `expands` them, `shared` functions that other shells of bash find.
    `options` are the letters of `set` that count, `local` what functions must put back when they return. `posix` is
    bash that runs as sh.
    """

    def __init__(
        self,
        environment: Environment,
        words: tuple[str, ...],
        *,
        dialect: Dialect,
        posix: bool = False,
        options: frozenset[str] = frozenset(),
    ) -> None:
        self.dialect, self.posix, self.options = dialect, posix or dialect in ("dash", "ash"), options
        self.base = environment
        self.variables = dict(environment.variables)
        self.exported = set(self.variables)
        self.zero, *self.arguments = words or ("sh",)
        self.file = self.zero
        self.cwd = environment.cwd
        handed = {name: each for name, each in environment.functions.items() if shared_name(name) in self.variables}
        self.shared = handed if dialect == "bash" and "p" not in options else {}
        if dialect in ("dash", "ash"):  # which pass on no variable of such a name
            self.variables = {name: value for name, value in self.variables.items() if "%" not in name}
            self.exported = set(self.variables)
        self.functions: dict[str, Command] = dict(self.shared)
        self.arrays: dict[str, tuple[str, ...]] = {}
        self.hooks: dict[str, str] = {}
        self.folders: tuple[str, ...] = ()
        self.printed: Tri = "unknown"
        self.aliases: Mapping[str, Simple] = {}
        self.expands = dialect != "bash" or posix or self.interactive
        self.status: Tri = "yes"
        self.flow = ""
        self.doubts: tuple[str, ...] = ()
        self.last: Run | None = None
        self.fixed: frozenset[str] = frozenset()
        self.changed, self.laid = environment.changed, environment.laid
        self.local: tuple[Mapping[str, _Before], ...] = ()
        if dialect == "bash":
            self.variables["BASH_VERSION"] = "5.2.15(1)-release"
            self.variables["BASH"] = "/bin/sh" if posix else "/bin/bash"
        if self.interactive or dialect in ("dash", "ash"):
            self.variables.setdefault("PS1", "$ " if environment.uid else "# ")
        elif dialect == "bash":
            self.unset("PS1")

    @property
    def interactive(self) -> bool:
        """Whether the shell was asked to talk to somebody (`-i`), though nobody is there."""
        return "i" in self.options

    def copy(self) -> State:
        """Return the same state, to go another way from here."""
        other = State.__new__(State)
        other.__dict__.update(self.__dict__)
        other.variables, other.exported = dict(self.variables), set(self.exported)
        other.arguments, other.functions = list(self.arguments), dict(self.functions)
        other.hooks, other.arrays = dict(self.hooks), dict(self.arrays)
        return other

    def key(self) -> object:
        """Equal for states that go on alike."""
        names = tuple(sorted(self.functions))
        values = tuple(sorted(self.variables.items()))
        files = (self.changed, frozenset(self.laid.items()))
        flags = (files, self.status, self.flow, self.doubts, _known(self.last), self.options, tuple(self.hooks))
        arrays = tuple(sorted(self.arrays.items()))
        places = self.cwd, self.folders
        return values, arrays, frozenset(self.exported), tuple(self.arguments), places, names, flags

    def get(self, name: str) -> str | None:
        """Return the value of a variable; None if it is unset."""
        match name:
            case "PWD":
                return self.cwd
            case "UID" | "EUID" if self.dialect == "bash":
                return HOLE if self.base.uid is None else str(self.base.uid)
            case "RANDOM" | "SECONDS" | "HOSTNAME" | "PPID" | "LINENO":
                return HOLE
            case "BASH_SOURCE" if self.dialect != "dash":
                return self.file
            case _:
                return self.variables.get(name)

    def set(self, name: str, value: str, *, export: bool = False) -> None:
        """Set a variable; where it is fixed, shells differ in what they stop then."""
        if name in self.fixed:
            self.doubt(f"{name} is set, which is read-only")
        self.variables[name] = value if len(value) <= MAX_VALUE else HOLE
        self.arrays.pop(name, None)
        if export or "a" in self.options:
            self.exported.add(name)

    def set_array(self, name: str, items: tuple[str, ...]) -> None:
        """Set an array; its name alone stands for the first item."""
        if sum(map(len, items)) > MAX_VALUE:
            items = (HOLE,)
        self.unset(name)
        if items:
            self.set(name, items[0])
        self.arrays[name] = items

    def items(self, name: str) -> tuple[str, ...]:
        """Return the items of an array; of a plain variable its value, and none of what is unset."""
        value = self.get(name)
        return self.arrays.get(name, () if value is None else (value,))

    def unset(self, name: str) -> None:
        """Forget a variable."""
        self.variables.pop(name, None)
        self.arrays.pop(name, None)
        self.exported.discard(name)

    def keep(self, name: str) -> None:
        """Note what a function must put back of a variable that is its own."""
        if self.local and name not in self.local[-1]:
            before = _Before(self.variables.get(name), name in self.exported, self.arrays.get(name))
            self.local = (*self.local[:-1], {**self.local[-1], name: before})

    def put_back(self) -> None:
        """Give variables the values that they had before the function that ends here."""
        for name, before in self.local[-1].items():
            self.unset(name)
            if before.value is not None:
                self.variables[name] = before.value
            if before.items is not None:
                self.arrays[name] = before.items
            if before.exported:
                self.exported.add(name)
        self.local = self.local[:-1]

    def change(self, paths: Iterable[str]) -> None:
        """Note files that were written or removed."""
        self.changed |= {path for path in paths if HOLE not in path and not path.startswith("/dev/")}
        if len(self.changed) > MAX_CHANGES:
            self.changed = frozenset()
            self.doubt(f"more than {MAX_CHANGES} files are changed before")

    def lay(self, laid: Laid) -> None:
        """Take the files as a program surely left them; what may have changed of those that it removed is gone too."""
        removed = [path for path, placed in laid.items() if path not in self.laid and placed == REMOVED]
        self.laid = laid
        self.changed = frozenset(
            each for each in self.changed if not any(f"{each}/".startswith(f"{path}/") for path in removed)
        )

    def doubt(self, why: str) -> None:
        """Note what may have changed anything at all."""
        self.doubts = (*self.doubts, why) if why not in self.doubts else self.doubts

    def environment(self, more: Mapping[str, str] | None = None) -> Environment:
        """Return what a program started here finds."""
        exported = self.exported - self.arrays.keys()  # which no environment can hold
        variables = {name: value for name, value in self.variables.items() if name in exported}
        variables |= more or {}
        variables.setdefault("PATH", self.variables.get("PATH", ""))
        home = variables.get("HOME", self.base.home)
        return msgspec.structs.replace(
            self.base,
            variables=variables,
            cwd=self.cwd,
            home=home,
            changed=self.changed,
            laid=self.laid,
            functions=self.shared,
        )

    def run(self, argv: list[str], more: Mapping[str, str] | None = None, *, ends: bool = False) -> Run:
        """Return the program started here."""
        return Run(argv=tuple(argv), environment=self.environment(more), doubts=self.doubts, ends=ends)


def _known(run: Run | None) -> object:
    """Equal for runs of the same words in the same environment."""
    return None if run is None else (run.argv, tuple(sorted(run.environment.variables.items())), run.environment.cwd)
