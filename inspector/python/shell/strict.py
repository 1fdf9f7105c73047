"""`set -e` and `set -u`: where a shell ends because a command fails, or because a variable has no value."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

import msgspec

from inspector.errors import InspectorError
from inspector.python.files import read_text
from inspector.python.passing import Asked
from inspector.python.shell.parser import parse
from inspector.python.shell.state import HOLE, Run, State
from inspector.python.shell.syntax import Output, Pipeline, Simple, Test, Word
from inspector.python.which import Found, find_command
from inspector.python.wrappers import unwrap
from inspector.rootfs import Rootfs
from inspector.unknown import Absent, Unknown

_ASKS = frozenset(
    {"[", "[[", "test", "grep", "egrep", "fgrep", "zgrep", "cmp", "diff", "expr", "pgrep", "pidof", "nc", "ncat",
     "curl", "wget", "ping", "getent", "ls", "stat", "which", "nslookup", "dig", "nvidia-smi", "nvcc", "pg_isready",
     "redis-cli", "mysqladmin", "mountpoint"}
)  # fmt: skip
"""Programs that answer by their exit code, or need what only a running container has; others are taken to succeed."""
_SWITCH = frozenset({"su", "sudo", "gosu", "su-exec", "runuser"})
_CHANGES_NOTHING = frozenset(
    {"mkdir", "chown", "chmod", "sleep", "date", "id", "touch", "cat", "ls", "echo", "hostname", "uname", "env", "grep",
     "stat", "whoami", "nvidia-smi"}
)  # fmt: skip
"""Programs that bring no other program."""
_AUTOMATIC = re.compile(
    r"BASH\w*|IFS|OPT\w+|SHLVL|OLDPWD|_|DIRSTACK|FUNCNAME|GROUPS|SHELLOPTS|(?:OS|MACH|HOST)TYPE|PS[0-4]|PIPESTATUS"
    r"|EPOCH\w+|COLUMNS|LINES|TERM|SHELL|ZSH\w*|REPLY|SRANDOM"
)


_OPTIONS = frozenset(
    {"allexport", "errexit", "ignoreeof", "interactive", "monitor", "noglob", "noexec", "stdin", "xtrace", "verbose",
     "vi", "emacs", "noclobber", "notify", "nounset", "nolog", "debug"}
)  # fmt: skip
_DPKG = "/var/lib/dpkg/status"
_VERSION = re.compile(r"(?m)^Version: (\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")
_FIRST_WITH_PIPEFAIL = (0, 5, 13)


_ARRAY = re.compile(r"(?m)^[ \t]*+(?:(?:export|local|readonly)[ \t]++)?[A-Za-z_]\w*+\+?=\(", re.ASCII)
_FUNCTION = re.compile(r"(?m)^[ \t]*+function[ \t]++[\w-]++[ \t]*+(\([ \t]*+\))?[ \t]*+\{", re.ASCII)
_BRACKET = re.compile(r"(?m)(?:^|;)[ \t]*+\}")


class Failure(msgspec.Struct, frozen=True):
    """Why a shell ends in failure; not `certain` where it may go on as well."""

    why: str
    certain: bool


def refuses_option(fs: Rootfs, name: str, state: State) -> bool | None:
    """Tell whether dash ends at an option of `set -o`; None where that depends on its release."""
    if state.dialect != "dash" or name in _OPTIONS:
        return False
    if name != "pipefail":
        return True
    try:
        _, _, behind = f"\n{read_text(fs, _DPKG) or ''}".partition("\nPackage: dash\n")
    except InspectorError:
        return None
    found = _VERSION.search(behind.partition("\n\n")[0])
    return True if found and tuple(int(part or 0) for part in found.groups()) < _FIRST_WITH_PIPEFAIL else None


def failure_of(fs: Rootfs, pipeline: Pipeline, state: State, ran: list[str]) -> Failure | None:
    """Return why `set -e` ends the shell after a pipeline that nothing tests; None where it goes on.

    `ran` are the programs that were started before, which may have made what isn't in the image.
    """
    command = pipeline.commands[-1]
    if "e" not in state.options or not isinstance(command, Simple | Test) or state.status == "yes":
        return None
    name = "[[" if isinstance(command, Test) else _name(command)
    if state.status == "no":
        return Failure(f"`set -e` ends it where {name!r} fails", certain=not ran and len(pipeline.commands) == 1)
    last = state.last
    if last is not None and last.argv[:1] == (name,) and (refused := _refusal(fs, last)) is not None:
        certain = isinstance(refused, Absent) and not ran
        return Failure(f"`set -e` ends it where {name!r} fails: {refused.unknown}", certain=certain)
    if posixpath.basename(name) in _ASKS or (isinstance(command, Simple) and not command.words and _asks(command)):
        return Failure(f"`set -e` ends it where {name or 'a command'!r} fails, which is not known", certain=False)
    return None


def unreadable(text: str) -> tuple[str, str]:
    """Return what stands before the first line that is a syntax error to dash, and this line; empty if none surely is.

    dash reads command by command, so what stands before is run. Where a function begins with the word `function`, its
    commands are run too: the error is the bracket at its end.
    """
    found = _ARRAY.search(text)
    other = _FUNCTION.search(text)
    if other is not None and (found is None or other.start() < found.start()):
        found = other if other[1] else _BRACKET.search(text, other.end())
    if found is None:
        return "", ""
    begin = text.rfind("\n", 0, found.end()) + 1  # a line is read whole before any of it runs
    before, line = text[:begin], text[begin : found.end()].strip()
    try:
        parse(before, posix=True)
    except InspectorError:
        return "", ""  # the line is within a text or a compound command
    return before, line


def windows_lines(text: str, state: State) -> bool:
    """Tell whether a text can't be read since its lines end as those of Windows, so that `then` is no keyword."""
    if "\r\n" not in text:
        return False
    try:
        parse(text.replace("\r\n", "\n"), posix=state.dialect == "dash")
    except InspectorError:
        return False
    return True


def is_made(path: str, runs: Sequence[Run]) -> bool:
    """Tell whether `mkdir` ran for a folder, or for one below it, so that it is there."""
    made = (
        posixpath.join(run.environment.cwd, word) for run in runs if run.argv[:1] == ("mkdir",) for word in run.argv
    )
    return any(f"{posixpath.normpath(each)}/".startswith(f"{path}/") for each in made)


def _refusal(fs: Rootfs, run: Run) -> Unknown | None:
    """Say why a program that is to run another as somebody else may not; None where nothing is known against it."""
    if posixpath.basename(run.argv[0]) not in _SWITCH or HOLE in run.environment.variables["PATH"]:
        return None
    found = find_command(fs, run.argv[0], run.environment)
    if not isinstance(found, Found):
        return None
    passed = unwrap(Asked(fs=fs, found=found, words=run.argv[1:], environment=run.environment))
    return passed if isinstance(passed, Unknown) else None


def brings_programs(ran: list[str]) -> bool:
    """Tell whether any of the programs may have brought another one."""
    return any(posixpath.basename(name) not in _CHANGES_NOTHING for name in ran)


def may_be_set(name: str) -> bool:
    """Tell whether the shell itself may set a variable, so that `set -u` does not end it there."""
    return bool(_AUTOMATIC.fullmatch(name))


def _name(command: Simple) -> str:
    if command.assignments and not command.words:
        return f"{command.assignments[-1].name}=$(…)"
    part = command.words[0][0] if command.words and command.words[0] else None
    return getattr(part, "value", "") or getattr(part, "name", "")


def _asks(command: Simple) -> bool:
    return any(_output_asks(each.value) for each in command.assignments)


def _output_asks(word: Word) -> bool:
    texts = [part.text for part in word if isinstance(part, Output)]
    last = re.split(r"&&|;|\||\n", texts[-1])[-1].split() if texts and "||" not in texts[-1] else []
    return bool(last) and posixpath.basename(last[0]) in _ASKS
