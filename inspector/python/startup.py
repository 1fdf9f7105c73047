"""Whether a container of the image could start: its own command, as far as files tell."""

from __future__ import annotations

import posixpath
import re
import shlex

from inspector.errors import InspectorError
from inspector.oci import ImageConfig
from inspector.python.environment import Environment, environment_of
from inspector.python.files import find
from inspector.python.launch import can_start
from inspector.python.model import UNSTATED, Startup
from inspector.python.running import closed_paths
from inspector.python.which import Found, Missing, find_command
from inspector.rootfs import Kind, Rootfs
from inspector.unknown import Tri

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"})
_SIMPLE = r"[^;&|<>()`\n\\{}*?\[\]~]{1,4096}"
_PLAIN_WORD = r"(?a)[\w./+-]{1,1024}"
_BUILTINS = (
    r"[.:!\[]|\[\[|alias|bg|break|case|cd|command|continue|declare|echo|eval|exit|export|false|fg|for|function|getopts|hash"
    r"|if|jobs|kill|let|local|printf|pwd|read|readonly|return|select|set|shift|source|test|times?|trap|true|type|ulimit"
    r"|umask|unset|until|wait|while"
)


def find_startup(fs: Rootfs, config: ImageConfig) -> Startup:
    """Find what `docker run IMAGE` executes, and if the kernel would: file, `#!` interpreter, machine, loader."""
    argv = config.entrypoint + config.cmd
    if config.os not in ("linux", ""):
        return Startup(argv=argv, path=None, starts="unknown", reasons=(f"the image is for {config.os!r}, not Linux",))
    if not argv:
        return Startup(argv=(), path=None, starts="no", reasons=("the image states no command",))
    try:
        environment = environment_of(fs, config)
    except InspectorError as error:
        return Startup(argv=argv, path=None, starts="unknown", reasons=(str(error),))
    refusal = environment.trouble if environment.uid is None else _bad_working_dir(fs, environment)
    found = find_command(fs, argv[0], environment)
    if isinstance(found, Missing):
        return Startup(argv=argv, path=None, starts="no", reasons=(_not_found(argv[0], found, environment),))
    starts, reasons = _starts(fs, config, found, environment)
    if refusal:
        starts, reasons = "no", (refusal, *reasons)
    if starts == "yes":
        starts, reasons = _shell_command(fs, argv, found, environment)
    return Startup(argv=argv, path=found.path, starts=starts, reasons=reasons)


def unstated_startup() -> Startup:
    """Return the startup of what has no command of its own, and of which nobody stated one."""
    return Startup(argv=(), path=None, starts="unknown", reasons=(UNSTATED,))


def _not_found(command: str, missing: Missing, environment: Environment) -> str:
    where = "in the image" if "/" in command else f"in PATH ({':'.join(environment.path)})"
    passed = f": {'; '.join(missing.skipped[:5])}" if missing.skipped else ""
    return f"the command {command!r} is not found {where}{passed}"


def _bad_working_dir(fs: Rootfs, environment: Environment) -> str | None:
    """Name a working directory that is a file: engines refuse it, and make one that isn't there."""
    found = find(fs, environment.cwd)
    if found is None or found[1].kind is Kind.DIRECTORY:
        return None
    return f"the working directory {environment.cwd!r} is a {found[1].kind.value}"


def _starts(fs: Rootfs, config: ImageConfig, found: Found, environment: Environment) -> tuple[Tri, tuple[str, ...]]:
    if found.relative:
        return "no", (f"PATH finds {found.path!r} in a relative folder, which engines refuse",)
    start = can_start(fs, found.resolved, environment, config.platform)
    if start.starts != "yes":
        return start.starts, start.reasons
    closed = closed_paths(fs, [found.path, *start.chain], environment)
    return ("unknown", closed) if closed else ("yes", ())


def _shell_command(
    fs: Rootfs, argv: tuple[str, ...], found: Found, environment: Environment
) -> tuple[Tri, tuple[str, ...]]:
    """For `sh -c "…"` the first word, where the text is one plain command; the rest is not looked at."""
    if posixpath.basename(found.path) not in _SHELLS or "-c" not in argv[1:-1]:
        return "yes", ()
    text = argv[argv.index("-c") + 1]
    word = _first_word(text)
    if word is None:
        return "yes", (f"of the shell command {text[:200]!r} only the shell was looked at",)
    if isinstance(find_command(fs, word, environment), Missing):
        return "no", (f"the shell would not find {word!r} in PATH ({':'.join(environment.path)})",)
    return "yes", ()


def _first_word(text: str) -> str | None:
    """Return the program that a shell text runs.

    None where it is more than one command, or begins with no plain name.
    """
    if not re.fullmatch(_SIMPLE, text):
        return None
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    if words[:1] == ["exec"]:
        words = words[1:]
    if not words or re.fullmatch(_BUILTINS, words[0]) or not re.fullmatch(_PLAIN_WORD, words[0]):
        return None
    return words[0]
