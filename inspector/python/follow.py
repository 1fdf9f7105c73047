"""From a container's first words to the program that runs in the end: scripts, wrappers and shims are followed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

import msgspec

from inspector.errors import InspectorError, LimitExceeded
from inspector.python.access import READ, allowed, as_user
from inspector.python.changes import MODES, that_matter
from inspector.python.elf import ElfHeader
from inspector.python.ends import End, failed, unknown
from inspector.python.environment import Environment
from inspector.python.files import find, join, read_text, upward
from inspector.python.launch import Script, read_program
from inspector.python.overlay import laid_over
from inspector.python.passing import Asked
from inspector.python.shell.state import HOLE, MAX_STEPS, MOUNTED, Dialect, Run, State
from inspector.python.shims import is_shim, through_shim
from inspector.python.version import is_python
from inspector.python.which import Found, Missing, find_command
from inspector.python.whole import ReadContent, WholeRootfs
from inspector.python.wrappers import unwrap
from inspector.rootfs import Kind, Rootfs
from inspector.unknown import Absent, Unknown

MAX_DEPTH = 16
"""Programs that run one another."""
MAX_ENDS = 64
"""Programs that a command may end in."""
MAX_TEXTS = 512 << 10
"""Characters of all scripts that are followed."""

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"})
_CHOOSERS = frozenset({"mise", "rtx", "asdf", "proto"})
"""Programs that stand in PATH under other names, and choose what runs by files of their own."""
_MATTERS = r"(?:PYTHON|LD_|TORCH_|__PYVENV)\w*|HOME"
"""Variables that change what Python imports."""
_DIALECTS: dict[str, Dialect] = {
    **dict.fromkeys(("bash", "zsh", "ksh"), "bash"),
    "dash": "dash",
    **dict.fromkeys(("ash", "busybox"), "ash"),
}


class _Process(msgspec.Struct, frozen=True):
    """A program about to run: where its words lead, in which environment, and after how many others.

    `whole` tells that any file of the image can be read.
    """

    fs: Rootfs
    found: Found
    words: tuple[str, ...]
    environment: Environment
    doubts: tuple[str, ...]
    depth: int
    whole: bool

    @property
    def name(self) -> str:
        """Return the name of the file that runs, its links followed."""
        return posixpath.basename(self.found.resolved)

    def unknown(self, why: str) -> list[End]:
        return [unknown(self.words, self.environment, why, path=self.found.path, doubts=self.doubts)]

    def refused(self, why: str) -> list[End]:
        """Return the end of what the kernel or a shell refuses to run."""
        return [msgspec.structs.replace(self.unknown(why)[0], fails=why)]

    def program(self) -> list[End]:
        """Return the end that this is: a program that runs no other."""
        return [
            End(
                kind="program",
                argv=self.words,
                environment=self.environment,
                path=self.found.path,
                doubts=self.doubts,
            )
        ]

    def python(self) -> list[End]:
        """Return the end that this is: an interpreter, whose environment may be known in parts only."""
        environment, doubts = self.environment, self.doubts
        vague = [
            name for name, value in environment.variables.items() if HOLE in value and re.fullmatch(_MATTERS, name)
        ]
        if vague:
            doubts = (*doubts, f"{vague[0]} is set to what isn't known")
        if HOLE in environment.cwd:
            doubts = (*doubts, "the folder that it is started in isn't known")
        variables = {name: value for name, value in environment.variables.items() if HOLE not in value}
        variables["PATH"] = environment.variables.get("PATH", "").partition(HOLE)[0]
        cwd = "/" if HOLE in environment.cwd else environment.cwd
        clean = msgspec.structs.replace(environment, variables=variables, cwd=cwd)
        changes = tuple(that_matter(self.fs, self.found, environment, environment.changed))
        sure = tuple(that_matter(self.fs, self.found, environment, environment.laid))
        return [
            End(
                kind="python",
                argv=self.words,
                environment=clean,
                path=self.found.path,
                doubts=doubts,
                changes=changes if self.whole else (*changes, *sure),
                laid=environment.laid if sure and self.whole else {},
            )
        ]


class Follower:
    """One image being followed; `texts` are the scripts read on the way, `beside` what they start besides."""

    def __init__(self, fs: Rootfs, content: ReadContent | None = None) -> None:
        self.fs = fs if content is None else WholeRootfs(fs, content)
        self.steps = MAX_STEPS
        self.texts: dict[str, str] = {}
        self.beside: list[Run] = []

    def follow(
        self, argv: Sequence[str], environment: Environment, doubts: tuple[str, ...] = (), depth: int = 0
    ) -> list[End]:
        """Return every way that the words may end; more than one where a condition isn't known."""
        words = tuple(argv)
        if not words:
            return [End(kind="nothing", argv=(), environment=environment, doubts=doubts, why="no command is run")]
        if depth > MAX_DEPTH:
            return [unknown(words, environment, f"more than {MAX_DEPTH} programs run one another")]
        fs = as_user(laid_over(self.fs, environment.laid), environment)
        found = self._find(fs, words[0], environment)
        written = _written(words[0], environment)
        if written:
            why = f"{min(written)!r} is written before it runs"
            return [unknown(words, environment, why, doubts=doubts)]
        if not isinstance(found, Found):
            fails = isinstance(found, Absent) and not self._brings_programs()
            end = unknown(words, environment, found.unknown, doubts=doubts)
            return [msgspec.structs.replace(end, fails=found.unknown) if fails else end]
        process = _Process(fs, found, words, environment, doubts, depth, isinstance(self.fs, WholeRootfs))
        try:
            return self._followed(process)
        except InspectorError as error:
            return process.unknown(f"{found.path!r} can't be followed: {error}")

    def _brings_programs(self) -> bool:
        """Tell whether a program that ran before may have brought one that the image lacks."""
        started = [run for run in self.beside if run.argv and not run.sure]
        if not started:
            return False
        from inspector.python.shell.strict import brings_programs  # what scripts started alone

        return brings_programs(
            [
                run.argv[0]
                for run in started
                if not isinstance(self._find(self.fs, run.argv[0], run.environment), Absent)
            ]
        )

    def _find(self, fs: Rootfs, word: str, environment: Environment) -> Found | Unknown:
        """Return the program of a name; what PATH has behind what isn't known of it doesn't count."""
        if HOLE in word:
            return Unknown("which program is run depends on what isn't known")
        known, hole, _ = environment.variables.get("PATH", "").partition(HOLE)
        if hole:
            known = known.rpartition(":")[0]
        asked = msgspec.structs.replace(environment, variables={**environment.variables, "PATH": known})
        if "/" in word and not word.startswith("/") and HOLE in environment.cwd:
            return Unknown(f"{word!r} is run in a folder that isn't known")
        found = find_command(fs, word, asked)
        if isinstance(found, Missing):
            if hole and "/" not in word:
                return Unknown(f"{word!r} is looked for in a PATH that isn't known")
            mounted = join(environment.cwd, word).startswith(MOUNTED) if "/" in word else False
            passed = f": {found.skipped[0]}" if found.skipped else ""
            return (Unknown if mounted else Absent)(f"{word!r} is not found{passed}")
        return found

    def _followed(self, process: _Process) -> list[End]:
        """Follow a file by what the kernel sees in it: a program of its own, or a script of another."""
        program = read_program(process.fs, process.found.resolved)
        if isinstance(program, str):  # an engine refuses it, a shell may take it for a script of its own
            return process.unknown(program) if process.depth else process.refused(program)
        own = self._binary(process) if isinstance(program, ElfHeader) else self._shell_script(process, program)
        if own is not None:
            return own
        asked = Asked(fs=process.fs, found=process.found, words=process.words[1:], environment=process.environment)
        if posixpath.basename(process.found.path) == "supervisord":
            return self._supervised(process, asked)
        passed = unwrap(asked)
        if isinstance(passed, Unknown):
            certain = isinstance(passed, Absent) and not self._brings_programs()
            return process.refused(passed.unknown) if certain else process.unknown(passed.unknown)
        if passed is not None:
            doubts = (*process.doubts, passed.doubt) if passed.doubt else process.doubts
            return self.follow(passed.argv, passed.environment, doubts, process.depth + 1)
        return self._script(process, program) if isinstance(program, Script) else process.program()

    def _supervised(self, process: _Process, asked: Asked) -> list[End]:
        """Follow what `supervisord` starts: the Pythons, where there are any, beside which other programs run."""
        from inspector.python.supervisor import supervised  # few images have it, and it brings a parser

        found = supervised(asked)
        if isinstance(found, Unknown):
            return process.refused(found.unknown) if isinstance(found, Absent) else process.unknown(found.unknown)
        self.texts.update(found.texts)
        ends = [
            end
            for program in found.programs
            for end in self.follow(program.argv, program.environment, process.doubts, process.depth + 1)
        ]
        return [end for end in ends if end.kind in ("python", "unknown")] or process.program()

    def _binary(self, process: _Process) -> list[End] | None:
        """Follow a shell or an interpreter; None for any other program."""
        found = process.found
        if posixpath.basename(found.path) in SHELLS or process.name in SHELLS - {"busybox"}:
            return self._shell(process)
        if is_python(found.resolved):
            return process.python()
        if process.name in _CHOOSERS or is_python(found.path):
            return process.unknown(f"{found.path!r} is the program {found.resolved!r}, which chooses another")
        return None

    def _shell_script(self, process: _Process, script: Script) -> list[End] | None:
        """Follow a script of a shell; None for one of another program."""
        if posixpath.basename(script.interpreter) not in SHELLS and not _env_shell(script):
            return None
        found = process.found
        text = process.fs.head(found.resolved).decode("utf-8", "replace")
        if not is_shim(text):
            return self._script(process, script)
        if is_python(found.path):
            return process.python()
        chosen = through_shim(process.fs, found, text, posixpath.basename(found.path), process.environment)
        if isinstance(chosen, Unknown):
            return process.unknown(chosen.unknown)
        return self._next(process, (chosen, *process.words[1:]))

    def _script(self, process: _Process, script: Script) -> list[End]:
        """Follow the kernel's words for a `#!` line: the interpreter, its argument, the script's path, the others."""
        argument = (script.argument,) if script.argument else ()
        return self._next(process, (script.interpreter, *argument, process.found.path, *process.words[1:]))

    def _next(self, process: _Process, words: tuple[str, ...]) -> list[End]:
        return self.follow(words, process.environment, process.doubts, process.depth + 1)

    def _shell(self, process: _Process) -> list[End]:
        """Return a shell: its text or script followed, each program that it ends in further."""
        from inspector.python.shell import first  # all that reads scripts comes with these three
        from inspector.python.shell.call import read_call
        from inspector.python.shell.run import Shell

        call = read_call(process.words)
        if isinstance(call, Unknown):
            return process.unknown(call.unknown)
        if call.text is None and call.script is None:
            return process.program()
        fs, environment = process.fs, process.environment
        as_sh = posixpath.basename(process.found.path) == "sh" or "--posix" in call.skips
        state = State(
            environment, call.arguments, dialect=_DIALECTS.get(process.name, ""), posix=as_sh, options=call.options
        )
        state.doubts = process.doubts
        shell = Shell(self.fs, self._read, self.steps)
        text = call.text
        if call.script is not None:
            path = self._locate(fs, call.script, environment)
            if path in environment.changed:
                return process.unknown(f"{path!r} is written before it runs")
            reached = find(fs, path)
            if reached is not None and allowed(reached[1], environment, READ) == "no":
                return process.refused(f"{path!r} can't be read by user {environment.user!r}")
            text = self._read(fs, path)
        else:
            self.texts.setdefault(f"-c {text}", text or "")
        states = first.started(shell, state, call, posixpath.basename(process.found.path))
        for each in states:
            shell.script(text or "", each)
        ends = shell.ended()
        self.steps = shell.steps
        self.beside += shell.runs[:MAX_ENDS]
        found_ends: list[End] = []
        for run in ends[:MAX_ENDS]:
            if run.fails:
                found_ends.append(failed(run))
                continue
            found_ends += self.follow(run.argv, run.environment, run.doubts, process.depth + 1)
        if len(ends) > MAX_ENDS or len(found_ends) > MAX_ENDS:
            raise LimitExceeded(f"it may end in more than {MAX_ENDS} programs")
        return found_ends

    def _locate(self, fs: Rootfs, script: str, environment: Environment) -> str:
        """Return a script named on a shell's command line: in the working directory, else bash looks in PATH."""
        path = join(environment.cwd, script)
        reached = find(fs, path)
        if "/" in script or (reached is not None and reached[1].kind is Kind.FILE):
            return path
        found = find_command(fs, script, environment)
        return found.path if isinstance(found, Found) else path

    def _read(self, fs: Rootfs, path: str) -> str:
        """Return the text of a script. Raises `NotKept`, `LimitExceeded`."""
        text = read_text(fs, path)
        if text is None:
            raise LimitExceeded(f"there is no file {path!r}")
        self.texts[path] = text
        if sum(map(len, self.texts.values())) > MAX_TEXTS:
            raise LimitExceeded(f"its scripts have more than {MAX_TEXTS} characters")
        return text


def _written(word: str, environment: Environment) -> list[str]:
    """Return the files and folders, of those that a program of the name may lie in or be, that were changed before."""
    if not environment.changed:
        return []
    folders = [""] if "/" in word else environment.path
    places = [join(environment.cwd, folder, word) for folder in folders]
    changed = [each for place in places for each in upward(place) if each in environment.changed]
    return changed + [place for place in places if MODES + place in environment.changed]


def _env_shell(script: Script) -> bool:
    """Tell whether a `#!` line asks `env` for a shell."""
    words = script.argument.split()
    words = words[1:] if words[:1] == ["-S"] else words
    return posixpath.basename(script.interpreter) == "env" and words[:1] != [] and words[0] in SHELLS
