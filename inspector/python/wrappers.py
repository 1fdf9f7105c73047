"""Programs that run the command that follows their own options: which words that are, and what they change before."""

from __future__ import annotations

import posixpath
import re

import msgspec

from inspector.errors import InspectorError
from inspector.python.env_text import split_string, with_envdir
from inspector.python.environment import run_as
from inspector.python.files import join
from inspector.python.passing import Asked, Passed, Wrapper, skip_options
from inspector.python.project_tools import conda, pixi, poetry, uv
from inspector.python.sudo import sudo
from inspector.python.switching import reset, runuser, su
from inspector.python.version import is_python
from inspector.python.which import Found, find_command
from inspector.unknown import Absent, Unknown


class _Options(msgspec.Struct, frozen=True):
    """Options that take a value in the next word, and how many words stand before the command."""

    valued: frozenset[str] = frozenset()
    operands: int = 0


def _plain(options: _Options) -> Wrapper:
    def passes(asked: Asked) -> Passed | None:
        _, rest = skip_options(asked.words, options.valued)
        rest = rest[options.operands :]
        return Passed(argv=tuple(rest), environment=asked.environment) if rest else None

    return passes


_ONLY_ROOT = "only root may run a program as another user"


def _may_not_switch(asked: Asked) -> bool:
    """Tell whether the kernel refuses another user and other groups: to all but root, and programs with its rights."""
    node = asked.fs.lstat(asked.found.resolved)
    return asked.environment.uid not in (0, None) and node is not None and not node.mode & 0o4000


def _as_user(asked: Asked) -> Passed | Unknown | None:
    """Gosu and su-exec: `USER COMMAND…`, with that user's HOME."""
    user, *rest = asked.words or ("",)
    if not rest:
        return None
    environment = run_as(asked.fs, asked.environment, user, sets_home=True)
    if environment.trouble or _may_not_switch(asked):
        return Absent(environment.trouble or _ONLY_ROOT)
    return Passed(argv=tuple(rest), environment=environment)


def _tini(asked: Asked) -> Passed | Unknown | None:
    """Tini takes its options wherever they stand before `--`, as getopt(3) of glibc does; it fails at all others."""
    words, operands = list(asked.words), []
    while words:
        word = words.pop(0)
        if word == "--":
            operands += words
            break
        if not word.startswith("-") or word == "-":
            operands.append(word)
            continue
        if word == "--version":
            return None
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "pe":
                letters = "" if letters or not words else words.pop(0)[:0]
            elif letter not in "svwgl":
                return None if letter == "h" else Absent(f"tini has no option {word[:100]!r}")
    return Passed(argv=tuple(operands), environment=asked.environment) if operands else None


def _user_tool(*valued: str, named: str = "", home: bool = False) -> Wrapper:
    """Return what daemontools' kin and runuser do: a user first, or behind the option `named`, then the command."""

    def passes(asked: Asked) -> Passed | Unknown | None:
        options, rest = skip_options(asked.words, frozenset((*valued, *([named] if named else ()))))
        user = options.pop(named, "") if named else (rest.pop(0) if rest else "")
        if not rest or options.keys() - set(valued):
            return Unknown(f"{posixpath.basename(asked.found.path)!r} has options that are not followed")
        if not user:
            return Passed(argv=tuple(rest), environment=asked.environment)
        own = run_as(asked.fs, asked.environment, user, sets_home=home)
        if own.trouble or _may_not_switch(asked):
            return Absent(own.trouble or _ONLY_ROOT)
        return Passed(argv=tuple(rest), environment=own)

    return passes


def _chroot(asked: Asked) -> Passed | Unknown | None:
    """Follow `chroot / COMMAND…`, which some images use to change the user or nothing at all."""
    options, rest = skip_options(asked.words)
    user = options.pop("--userspec", "")
    if options or rest[:1] != ["/"]:
        return Unknown("'chroot' starts a program in another root")
    environment = run_as(asked.fs, asked.environment, user) if user else asked.environment
    environment = msgspec.structs.replace(environment, cwd="/")
    return Passed(argv=tuple(rest[1:]), environment=environment) if rest[1:] and not environment.trouble else None


def _envdir(asked: Asked) -> Passed | Unknown | None:
    """Follow `envdir FOLDER COMMAND…` of daemontools: a variable for each file."""
    folder, *rest = asked.words or ("",)
    if not rest or folder.startswith("-"):
        return None
    environment = with_envdir(asked.fs, asked.environment, folder)
    return Passed(argv=tuple(rest), environment=environment)


def _chpst(asked: Asked) -> Passed | Unknown | None:
    """Follow runit's chpst: a user behind `-u`, a folder of variables behind `-e`."""
    options, _ = skip_options(asked.words, _CHPST | {"-e"})
    passed = _user_tool(*_CHPST, "-e", named="-u")(asked)
    if not isinstance(passed, Passed) or "-e" not in options:
        return passed
    return msgspec.structs.replace(passed, environment=with_envdir(asked.fs, passed.environment, options["-e"]))


_CHPST = frozenset({"-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c"})
_SETPRIV = (
    "--reuid --regid --ruid --euid --rgid --egid --groups --inh-caps"
    " --ambient-caps --bounding-set --securebits --pdeathsig --selinux-label --apparmor-profile"
)


_CHANGES_USER = {"--reuid", "--regid", "--clear-groups", "--init-groups", "--groups"}


def _setpriv(asked: Asked) -> Passed | Unknown | None:
    """Follow util-linux' setpriv: HOME stays as it is."""
    options, rest = skip_options(asked.words, frozenset(_SETPRIV.split()))
    if not rest:
        return None
    if {"--ruid", "--euid"} & options.keys():
        return Unknown("setpriv sets up a user in part, which is not worked out")
    environment = asked.environment
    if _may_not_switch(asked) and options.keys() & _CHANGES_USER:
        return Absent(_ONLY_ROOT)
    if "--reuid" in options:
        group = f":{options['--regid']}" if "--regid" in options else ""
        home = environment.variables.get("HOME", "")
        environment = run_as(asked.fs, environment, options["--reuid"] + group)
        environment = msgspec.structs.replace(environment, variables={**environment.variables, "HOME": home}, home=home)
    if "--reset-env" in options:
        environment = reset(asked.fs, environment)
    return Passed(argv=tuple(rest), environment=environment)


_JOINED = re.compile(r"(-[i0v]|-[uCS](?=.))(.+)", re.DOTALL)
_LOST = "a Python that is started by name without PATH does not find itself"
_SIGNALS = re.compile(r"--(?:default|ignore|block)-signal(?:=.*)?|--list-signal-handling")


def _env(asked: Asked) -> Passed | Unknown | None:  # noqa: C901, PLR0912 - one arm an option
    """Return `env [-i] [-u NAME] [-C DIR] [-S TEXT] [NAME=VALUE]… COMMAND…`."""
    words = list(asked.words)
    variables, cwd = dict(asked.environment.variables), asked.environment.cwd
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if (apart := _JOINED.fullmatch(word)) is not None:
            words = [apart[1], apart[2] if apart[1] in ("-u", "-C", "-S") else f"-{apart[2]}", *words]
            continue
        match word:
            case "--":
                break
            case "-i" | "-" | "--ignore-environment":
                variables = {}
            case "-u" | "-C" | "-S" | "--unset" | "--chdir" | "--split-string" if words:
                value = words.pop(0)
                if word in ("-S", "--split-string"):
                    split = split_string(value, asked.environment.variables)
                    if isinstance(split, Unknown):
                        return split
                    words = [*split, *words]
                elif word in ("-u", "--unset"):
                    variables.pop(value, None)
                else:
                    cwd = join(cwd, value)
            case _ if long := re.fullmatch(r"(--(?:unset|chdir|split-string))=(.*)", word, re.DOTALL):
                words = [long[1], long[2], *words]
            case "-0" | "--null" | "-v" | "--debug":
                pass
            case _ if _SIGNALS.fullmatch(word):
                pass
            case _:
                return Unknown(f"env has the option {word[:100]!r}, which is not followed")
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if not words:
        return None
    lost = "PATH" not in variables and "/" not in words[0] and is_python(words[0])
    variables.setdefault("PATH", "/bin:/usr/bin")
    environment = msgspec.structs.replace(asked.environment, variables=variables, cwd=cwd)
    lost = lost and isinstance(find_command(asked.fs, words[0], environment), Found)
    return Passed(argv=tuple(words), environment=environment, doubt=_LOST if lost else "")


def _not_followed(asked: Asked) -> Unknown:
    name = posixpath.basename(asked.found.path)
    return Unknown(f"{name!r} starts other programs in ways that are not followed")


def _valued(*names: str) -> Wrapper:
    return _plain(_Options(frozenset(names)))


_OTHERS = (
    "circusd honcho s6-svscan runsvdir runit init monit doas"
    " unshare make just task foreman npm npx ddtrace-run opentelemetry-instrument newrelic-admin"
    " dotenv watchmedo hatch pdm pipenv rye xvfb-run numactl strace entr flock systemd"
    " parallel xargs find mise"
)
WRAPPERS: dict[str, Wrapper] = {
    **dict.fromkeys(("tini", "tini-static", "docker-init"), _tini),
    "catatonit": _valued(),
    "dumb-init": _valued("-r", "--rewrite"),
    **dict.fromkeys(("gosu", "su-exec"), _as_user),
    "setpriv": _setpriv,
    "s6-setuidgid": _user_tool(),
    "setuidgid": _user_tool(),
    "chpst": _chpst,
    "envdir": _envdir,
    "s6-envdir": _envdir,
    "softlimit": _valued("-a", "-c", "-d", "-f", "-l", "-m", "-n", "-o", "-p", "-r", "-s", "-t"),
    "su": su,
    "sudo": sudo,
    "runuser": runuser,
    "chroot": _chroot,
    "env": _env,
    **dict.fromkeys(("nohup", "setsid"), _valued()),
    "nice": _valued("-n", "--adjustment"),
    "ionice": _valued("-c", "-n", "--class", "--classdata"),
    "stdbuf": _valued("-i", "-o", "-e", "--input", "--output", "--error"),
    "timeout": _plain(_Options(frozenset({"-k", "-s", "--kill-after", "--signal"}), 1)),
    "chrt": _plain(_Options(frozenset({"-T", "-P", "-D"}), 1)),
    "taskset": _plain(_Options(frozenset(), 1)),
    "uv": uv,
    "poetry": poetry,
    "pixi": pixi,
    **dict.fromkeys(("conda", "mamba", "micromamba"), conda),
    **dict.fromkeys(_OTHERS.split(), _not_followed),
}
"""By the name that a program is run under."""


def unwrap(asked: Asked) -> Passed | Unknown | None:
    """Return the command that a wrapper runs; None where the program is none, or runs nothing else."""
    wrapper = WRAPPERS.get(posixpath.basename(asked.found.path))
    if wrapper is None:
        return None
    try:
        return wrapper(asked)
    except InspectorError as error:
        return Unknown(str(error))
