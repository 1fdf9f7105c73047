"""`su` and `runuser` of util-linux: the shell that they start for another user, and what it finds."""

from __future__ import annotations

import posixpath
import re

import msgspec

from inspector.errors import InspectorError, NotFound
from inspector.python.environment import Account, Environment, account_of, run_as
from inspector.python.files import apk_database, read_text
from inspector.python.passing import Asked, Passed
from inspector.rootfs import Rootfs, is_dir
from inspector.unknown import Absent, Unknown

_VALUED = {
    "c": "command",
    "g": "group",
    "G": "supp-group",
    "s": "shell",
    "w": "whitelist-environment",
    "u": "user",
}
_FLAGS = {"l": "login", "m": "preserve-environment", "p": "preserve-environment", "f": "fast", "P": "pty"}
_OTHER_NAMES = {"session-command": "command"}
_DEFAULT_PATH = "/usr/local/bin:/bin:/usr/bin"
_ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin"
_CLOSED = frozenset({"nologin", "false"})
_VERSION = re.compile(r"(?m)^Version: (?:\d+:)?(\d{1,4})\.(\d{1,4})")
_DPKG = "/var/lib/dpkg/status"
_FIRST_WITH_SU = (2, 32)
"""The util-linux from which on Debian and Ubuntu have its `su`, and not that of shadow."""
_LINE = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=(.*)$", re.ASCII)


def read_options(words: tuple[str, ...]) -> tuple[dict[str, str], list[str]] | None:
    """Return the options, wherever they stand before `--`, by their long names, and the other words.

    None for an option that is not known.
    """
    options: dict[str, str] = {}
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, others + rest
        if word == "-" or not word.startswith("-"):
            others.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = _OTHER_NAMES.get(name, name)
            if name in _VALUED.values():
                options[name] = value if equals or not rest else rest.pop(0)
            elif name in _FLAGS.values():
                options[name] = ""
            else:
                return None
            continue
        for at, letter in enumerate(word[1:], 2):
            if letter in _VALUED:
                options[_VALUED[letter]] = word[at:] or (rest.pop(0) if rest else "")
                break
            if letter not in _FLAGS:
                return None
            options[_FLAGS[letter]] = ""
    return options, others


def su(asked: Asked) -> Passed | Unknown | None:
    """Follow `su [-] [USER [ARGUMENT…]]`: a shell of the user, of a login or with what is set."""
    if not _of_util_linux(asked):
        return Unknown("'su' is another than that of util-linux, which is not followed")
    if asked.environment.uid != 0:
        return Unknown("'su' asks a user who is not root for a password")
    return _shell(asked, "su")


def runuser(asked: Asked) -> Passed | Unknown | None:
    """Follow `runuser -u USER [--] COMMAND…`, and without `-u` a shell as that of `su`."""
    if asked.environment.uid != 0:
        return Absent("'runuser' may be run by root only")
    found = read_options(asked.words)
    if found is not None and "user" not in found[0]:
        return _shell(asked, "runuser")
    words = asked.words
    at = next((at for at, word in enumerate(words) if word.startswith(("-u", "--user"))), None)
    if at != 0:
        return Unknown("'runuser' has options that are not followed")
    user = words[0].partition("=")[2] if "=" in words[0] else words[0][2:] if words[0][:2] == "-u" else ""
    rest = list(words[1:]) if user and words[0] != "--user" else list(words[2:])
    user = user if user and words[0] != "--user" else (words[1] if len(words) > 1 else "")
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if not rest or rest[0].startswith("-"):
        return Unknown("'runuser' has options that are not followed")
    environment = run_as(asked.fs, asked.environment, user)
    return Absent(environment.trouble) if environment.trouble else Passed(argv=tuple(rest), environment=environment)


def _of_util_linux(asked: Asked) -> bool:
    name = posixpath.basename(asked.found.resolved)
    if name != "su" or apk_database(asked.fs):
        return False
    _, _, behind = f"\n{read_text(asked.fs, _DPKG) or ''}".partition("\nPackage: util-linux\n")
    version = _VERSION.search(behind.partition("\n\n")[0])
    return version is None or (int(version[1]), int(version[2])) >= _FIRST_WITH_SU


def _shell(asked: Asked, program: str) -> Passed | Unknown | None:
    found = read_options(asked.words)
    if found is None or {"group", "supp-group", "pty"} & found[0].keys():
        return Unknown(f"{program!r} has options that are not followed")
    options, others = found
    login = "login" in options
    if others[:1] == ["-"]:
        login, others = True, others[1:]
    user = others.pop(0) if others else "root"
    account = account_of(asked.fs, user)
    environment = run_as(asked.fs, asked.environment, user)
    if account is None or environment.trouble:
        return Absent(f"user {user!r} has no entry in /etc/passwd")
    keeps = "preserve-environment" in options and not login
    shell = options.get("shell") or (asked.environment.get("SHELL") if keeps else "") or account.shell or "/bin/sh"
    if posixpath.basename(shell) in _CLOSED:
        return Absent(f"the shell of user {user!r} is {shell!r}, which runs nothing")
    command = ["-c", options["command"]] if "command" in options else []
    if not command and not others:
        return Unknown(f"{program!r} starts a shell that is asked nothing")
    begun = _begun(asked, account, shell, options, login=login, keeps=keeps)
    variables = _of_pam(asked.fs, begun, program)
    if isinstance(variables, Unknown):
        return variables
    cwd = asked.environment.cwd
    if login and is_dir(asked.fs, account.home):
        cwd = account.home
    environment = msgspec.structs.replace(environment, variables=variables, home=variables.get("HOME", ""), cwd=cwd)
    return Passed(argv=(shell, *(["-l"] if login else []), *command, *others), environment=environment)


def _begun(
    asked: Asked, account: Account, shell: str, options: dict[str, str], *, login: bool, keeps: bool
) -> dict[str, str]:
    """Return the variables that the shell begins with."""
    before = dict(asked.environment.variables)
    own = {"HOME": account.home, "SHELL": shell}
    names = {"USER": account.name, "LOGNAME": account.name}
    if login:
        kept = ["TERM", *options.get("whitelist-environment", "").split(",")]
        path = {"PATH": _login_path(asked.fs, account.uid)}
        return {**own, **names, **path, **{name: before[name] for name in kept if name in before and name not in own}}
    if keeps:
        return before
    always = _setting(asked.fs, "ALWAYS_SET_PATH") == "yes"
    path = {"PATH": _login_path(asked.fs, account.uid)} if always else {}
    return {**before, **own, **(names if account.uid else {}), **path}


def _login_path(fs: Rootfs, uid: int) -> str:
    names = ("ENV_PATH",) if uid else ("ENV_ROOTPATH", "ENV_SUPATH")
    stated = next((value for name in names if (value := _setting(fs, name))), "")
    return stated.removeprefix("PATH=") or (_DEFAULT_PATH if uid else _ROOT_PATH)


def _setting(fs: Rootfs, name: str) -> str:
    """Return what login.defs(5) says of a name."""
    text = read_text(fs, "/etc/login.defs") or ""
    found = re.search(rf"(?m)^[ \t]*{name}[ \t]+([^\s#]+)", text)
    return found[1].strip('"') if found else ""


def _of_pam(fs: Rootfs, variables: dict[str, str], program: str) -> dict[str, str] | Unknown:
    """Return the variables with those of /etc/environment, where PAM is to read it."""
    stated = _LINE.findall(read_text(fs, "/etc/environment") or "")
    if not stated:
        return variables
    try:
        text = read_text(fs, f"/etc/pam.d/{program}") or ""
    except InspectorError:
        text = "system-auth"
    if "pam_env" not in text:
        if "system-auth" not in text:
            return variables
        return Unknown(f"whether PAM reads /etc/environment for {program!r} is not known")
    return {**variables, **{name: value.strip().strip("\"'") for name, value in stated}}


def of_user(environment: Environment, account: Account) -> dict[str, str]:
    """Return the variables that name a user."""
    return {
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell or environment.get("SHELL") or "/bin/sh",
    }


def reset(fs: Rootfs, environment: Environment) -> Environment:
    """Return the environment as `setpriv --reset-env` leaves it. Raises `NotKept`."""
    account = account_of(fs, str(environment.uid))
    if account is None:
        raise NotFound(f"user {environment.user!r} has no entry in /etc/passwd")
    kept = {name: value for name, value in environment.variables.items() if name == "TERM"}
    path = _DEFAULT_PATH if account.uid else _ROOT_PATH
    variables = {**kept, **of_user(environment, account), "PATH": path}
    return msgspec.structs.replace(environment, variables=variables, home=account.home)
