"""What `docker run IMAGE python -c …` and `docker run IMAGE` come to: the environment and the interpreter of each."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from inspector.errors import InspectorError
from inspector.oci import ImageConfig
from inspector.python.ends import End
from inspector.python.environment import Environment, environment_of
from inspector.python.files import find
from inspector.python.follow import Follower
from inspector.python.launch import Script, read_program
from inspector.python.options import WITHOUT_SITE, read_options
from inspector.python.overlay import Laid, LaidReader, laid_over
from inspector.python.shell.state import HOLE, Run
from inspector.python.version import is_python
from inspector.python.which import Found, find_command
from inspector.python.whole import ReadContent
from inspector.rootfs import Kind, Rootfs
from inspector.unknown import Absent, Unknown

Passes = Literal["direct", "argument", "unknown"]

PROGRAM = "import torch"
"""What the procedure asks `python -c` to do."""

_CONSOLE = r"(?m)^from [\w.]+ import \w+"
_EXITS = r"\bsys\.exit\(|\braise SystemExit\("


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """The command to look for, and the configuration that it meets once the entrypoint has done its part.

    `asked` is its name as it was asked for, `command` that or the path of the Python that a script runs for it.
    `doubts` say what the entrypoint may have changed in ways that can't be told; `fails` why it ends in failure before
    it runs a command, `may_fail` why it may. `laid` are the files that it surely changes before, if they matter.
    `site` tells whether the Python runs site.py.
    """

    config: ImageConfig
    asked: str
    command: str
    passes: Passes = "direct"
    doubts: tuple[str, ...] = ()
    fails: str = ""
    may_fail: tuple[str, ...] = ()
    laid: Laid = msgspec.field(default_factory=dict)
    site: bool = True

    def seen(self, fs: Rootfs) -> Rootfs:
        """Return the image's files as they are when the command runs."""
        return laid_over(fs, self.laid)

    def reads(self, fs: Rootfs, content: ReadContent) -> ReadContent:
        """Return what reads any file as it is when the command runs; `content` reads those of the image."""
        return LaidReader(fs, self.laid, content) if self.laid else content


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What the image's own command runs in the end.

    `question` asks for its Python; without one it runs none, or `unknown` says why that isn't known. `first` is where
    it searches for imports first, in place of the working directory. `texts` are its words and its scripts, `beside`
    the questions for what they start on the way.
    """

    question: Question | None = None
    unknown: Unknown | None = None
    first: str | None = None
    texts: tuple[str, ...] = ()
    beside: tuple[Question, ...] = ()


def ask(fs: Rootfs, config: ImageConfig, command: str, content: ReadContent | None = None) -> Question:
    """Return what becomes of `command -c …` behind the image's entrypoint. Raises as `environment_of`.

    `content` reads any file of the image.
    """
    plain = Question(config=config, asked=command, command=command)
    words = (*config.entrypoint, command, "-c", PROGRAM)
    environment = environment_of(fs, config)
    if environment.trouble:
        return plain
    follower = Follower(fs, content)
    ends = [_plain(end) for end in follower.follow(words, environment)]
    if not any(map(_is_asked, ends)):
        ran = [run for run in follower.beside if _is_asked(run)]
        ends = [end for end in ends if not ran or end.kind == "unknown"]
        ends += [_plain(end) for each in ran[:4] for end in follower.follow(each.argv, each.environment, each.doubts)]
    ends = [_whole(end) for end in ends]
    reached = _distinct(end for end in ends if len(end.argv) == 3 and _is_asked(end))
    if not config.entrypoint:
        only = reached[0] if len(reached) == 1 and reached[0].kind == "python" else None
        if only is None and not reached and ends and all(end.fails and end.certain for end in ends):
            return msgspec.structs.replace(plain, fails=ends[0].fails)
        return plain if only is None else _of_end(config, only, command)
    others = [end for end in ends if len(end.argv) != 3 or not _is_asked(end)]
    doubts = [doubt for end in ends for doubt in end.doubts]
    doubts += [end.why for end in ends if end.kind == "unknown" and not (end in reached and _lacks(end))]
    if not reached:
        if ends and not any(end.doubts for end in ends) and all(end.fails and end.certain for end in ends):
            fails = f"the image's entrypoint ({_shown(config)}) fails: {ends[0].fails}"
            return msgspec.structs.replace(plain, passes="unknown", fails=fails)
        return _not_reached(fs, plain, others, environment, doubts)
    may_fail = _told(config, [end.fails for end in others if not end.certain], "may fail")
    may_fail += _told(config, [each for end in reached for each in end.changes], "may change what is imported")
    doubts += [f"it may run {end.argv[0]!r} instead" for end in others if end.kind in ("python", "program")]
    if len(reached) > 1:
        doubts.append("it goes more than one way, to different environments")
    unseen = reached[0].kind == "unknown" and not _lacks(reached[0])  # its PATH may hold what isn't known
    question = plain if unseen else _of_end(config, reached[0], command)
    passes: Passes = "unknown" if doubts else "direct"
    return msgspec.structs.replace(question, passes=passes, doubts=_told(config, doubts), may_fail=may_fail)


def _is_asked(end: End | Run) -> bool:
    """Tell whether the asked command is what runs, its program whole or split into words.

    A script with the line ends of Windows puts one behind it, which is nothing to Python.
    """
    return " ".join(end.argv[1:]).rstrip("\r") == f"-c {PROGRAM}"


def _plain(end: End) -> End:
    """Return the end of a Python without the options that a script gives it before `-c`, or why they can't be."""
    options = read_options(end.argv[1:]) if end.kind == "python" and len(end.argv) > 3 else None
    if options is None or (not options.refused and end.argv[1 + options.before :][:1] != ("-c",)):
        return end
    if options.refused:
        return msgspec.structs.replace(end, kind="unknown", why=options.refused, fails=options.refused)
    words = (end.argv[0], *end.argv[1 + options.before :])
    return msgspec.structs.replace(end, argv=words, environment=options.applied(end.environment))


def _lacks(end: End) -> bool:
    """Tell whether no program of the name is there, so that asking for the interpreter meets the same."""
    known = HOLE not in end.argv[0] + end.environment.variables.get("PATH", "") + end.environment.cwd
    return bool(end.fails) or (end.path is None and known and not end.environment.changed)


def _whole(end: End) -> End:
    """Return the end, or that it fails where a shell has split the program of `-c` into words, as `exec $@` does."""
    if end.kind != "python" or len(end.argv) < 4 or not _is_asked(end):
        return end
    why = "a shell splits the command once more, so that `-c` takes the first word of its program alone"
    return msgspec.structs.replace(end, kind="nothing", fails=why)


def _not_reached(
    fs: Rootfs, plain: Question, ends: Sequence[End], environment: Environment, doubts: list[str]
) -> Question:
    """Say that the entrypoint runs another program: it takes the command as an argument, or may run it."""
    if not doubts and all(end.kind == "nothing" for end in ends):
        doubts.append("it ends before it runs a command")
    first = plain.config.entrypoint[0]
    through = [end for end in ends if end.kind == "program" and end.argv[-3:] == (plain.asked, "-c", PROGRAM)]
    if not doubts and through and len(through[0].argv) > 3:
        doubts.append(f"{through[0].argv[0]!r} may run what its words name")
    if not doubts and any(end.kind == "python" for end in ends) and _may_pass_on(fs, first, environment):
        doubts.append("it is a program in Python, which may run the command in an environment of its own")
    passes: Passes = "unknown" if doubts else "argument"
    return msgspec.structs.replace(plain, passes=passes, doubts=_told(plain.config, doubts))


def _told(config: ImageConfig, doubts: Iterable[str], may: str = "may change what `python` is") -> tuple[str, ...]:
    return tuple(f"the image's entrypoint ({_shown(config)}) {may}: {doubt}" for doubt in dict.fromkeys(doubts))


def _shown(config: ImageConfig) -> str:
    return " ".join(config.entrypoint)[:100]


def _may_pass_on(fs: Rootfs, first: str, environment: Environment) -> bool:
    """Tell whether it is a Python script that no installer made: those call one function of a package."""
    found = find_command(fs, first, environment)
    try:
        if not isinstance(found, Found) or not isinstance(read_program(fs, found.resolved), Script):
            return False
        text = fs.head(found.resolved).decode("utf-8", "replace")
    except InspectorError:
        return True
    return not (re.search(_CONSOLE, text) and re.search(_EXITS, text) and len(text) < 1024)


def started(  # noqa: PLR0911 - one answer a kind of end
    fs: Rootfs, config: ImageConfig, content: ReadContent | None = None
) -> Started:
    """Return what `docker run IMAGE` runs. Raises as `environment_of`."""
    words = (*config.entrypoint, *config.cmd)
    environment = environment_of(fs, config)
    if environment.trouble or not words:
        return Started(texts=words)
    follower = Follower(fs, content)
    all_ends = follower.follow(words, environment)
    ends = [end for end in all_ends if end.kind != "nothing"]
    failing = [end.fails for end in all_ends if end.fails]
    texts = (" ".join(words), *follower.texts.values(), *(" ".join(run.argv) for run in follower.beside))
    beside = _beside(follower, config)
    pythons = [end for end in ends if end.kind == "python"]
    unknown = [end for end in ends if end.kind == "unknown"]
    passing = [end for end in ends if end.kind == "program" and any(map(is_python, end.argv[1:]))]
    if passing:
        why = Unknown(f"{passing[0].path!r} may run what its words name: {' '.join(passing[0].argv)[:200]}")
        return Started(unknown=why, texts=texts, beside=beside)
    if failing and len(failing) == len(all_ends) and all(end.certain and not end.doubts for end in all_ends):
        return Started(unknown=Absent(failing[0]), texts=texts, beside=beside)
    if pythons and not all(end.certain for end in all_ends):
        why = Unknown(next(end.fails for end in all_ends if not end.certain))
        return Started(unknown=why, texts=texts, beside=beside)
    if not pythons and not unknown:
        return Started(texts=texts, beside=beside)
    if unknown:
        return Started(unknown=Unknown(unknown[0].why), texts=texts, beside=beside)
    doubts = [doubt for end in ends for doubt in end.doubts]
    doubts += [each for end in ends for each in end.changes]
    if doubts:
        return Started(unknown=Unknown(doubts[0]), texts=texts, beside=beside)
    if len(pythons) < len(ends) or len(_distinct(pythons)) > 1:
        return Started(unknown=Unknown("it may run one of several programs"), texts=texts, beside=beside)
    return _of_python(fs, config, pythons[0], Started(texts=texts, beside=beside))


def _beside(follower: Follower, config: ImageConfig) -> tuple[Question, ...]:
    """Return what scripts start on the way, as far as it is Python."""
    found: list[Question] = []
    for run in [run for at, run in enumerate(follower.beside) if run not in follower.beside[:at]][:16]:
        ends = follower.follow(run.argv, run.environment, run.doubts)
        found += [_of_end(config, end, end.argv[0]) for end in ends if end.kind == "python"]
    return tuple(found[:16])


def _of_python(fs: Rootfs, config: ImageConfig, end: End, told: Started) -> Started:
    """Return the question for a Python with its own options and program."""
    options = read_options(end.argv[1:])
    if "S" in options.letters:
        why = f"{WITHOUT_SITE}, which its program may run itself"
        return msgspec.structs.replace(told, unknown=Unknown(why))
    end = msgspec.structs.replace(end, environment=options.applied(end.environment))
    program = options.program
    question = _of_end(config, end, end.argv[0])
    first = None
    if program and program != "-":
        reached = find(fs, posixpath.join(end.environment.cwd, program))
        if reached and reached[1].kind is Kind.FILE and _is_archive(fs, reached[0]):
            return msgspec.structs.replace(
                told, unknown=Unknown(f"{reached[0]!r} is an archive with modules of its own")
            )
        if reached and _is_wrapped(fs, reached[0]):
            why = f"{reached[0]!r} is a program of Nix, which adds to the search path itself"
            return msgspec.structs.replace(told, unknown=Unknown(why))
        first = reached[0] if reached and reached[1].kind is Kind.DIRECTORY else None
        first = posixpath.dirname(reached[0]) if reached and first is None else first
    return msgspec.structs.replace(told, question=question, first=first)


def _is_wrapped(fs: Rootfs, path: str) -> bool:
    """Tell whether a script begins with the line that Nix puts into the programs of its packages."""
    try:
        return path.startswith("/nix/store/") and b"site.addsitedir" in fs.head(path)
    except InspectorError:
        return False


def _is_archive(fs: Rootfs, path: str) -> bool:
    """Tell whether a program is a zip, as PEX, shiv and zipapp make them, behind a `#!` line or not."""
    if path.endswith((".pex", ".pyz", ".zip", ".whl", ".egg", ".par")):
        return True
    try:
        head = fs.head(path)
    except InspectorError:
        return False
    return head.startswith(b"PK") or (head.startswith(b"#!") and b"PK\3\4" in head[:1024])


def _of_end(config: ImageConfig, end: End, command: str) -> Question:
    """Return the question that an end asks: its environment as an image's configuration without an entrypoint."""
    environment = end.environment
    run = msgspec.structs.replace(
        config.run,
        env=[f"{name}={value}" for name, value in environment.variables.items()],
        entrypoint=None,
        cmd=None,
        working_dir=environment.cwd,
        user=environment.stated,
    )
    effective = msgspec.structs.replace(config, config=run)
    name = end.argv[0]
    same = posixpath.basename(end.path or name) == posixpath.basename(name)
    ran = command if same and name == command else end.path or name
    return Question(config=effective, asked=command, command=ran, laid=end.laid, site=environment.site)


def _distinct(ends: Iterable[End]) -> list[End]:
    """Return those that differ in the program or in what it finds."""
    found: list[End] = []
    for end in ends:
        if all(_identity(end) != _identity(other) for other in found):
            found.append(end)
    return found


def _identity(end: End) -> object:
    environment = end.environment
    matters = {
        name: value
        for name, value in environment.variables.items()
        if name == "HOME" or name.startswith(("PYTHON", "LD_", "TORCH_"))
    }
    path = end.path if end.kind == "python" else environment.variables.get("PATH")
    return end.kind, path, matters, environment.cwd, environment.uid, environment.groups, end.laid, environment.site
