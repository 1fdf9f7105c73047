"""`sudo`: whether the image's sudoers let a command run without a password, and what it then finds."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

import msgspec

from inspector.python.environment import Environment, account_of, group_names, run_as
from inspector.python.files import list_dir, read_text
from inspector.python.passing import Asked, Passed
from inspector.python.switching import of_user
from inspector.python.version import is_python
from inspector.python.which import Found, find_command
from inspector.rootfs import Rootfs, is_dir
from inspector.unknown import Absent, Unknown

_SUDOERS = "/etc/sudoers"
MAX_LINES = 10_000
"""Lines of all of them, and the files that they include."""
MAX_DEPTH = 8
"""Files that include one another."""
_VALUED = {"u": "user", "g": "group", "p": "prompt", "C": "close-from"}
_FLAGS = {
    "E": "preserve-env",
    "H": "set-home",
    "n": "non-interactive",
    "S": "stdin",
    "i": "login",
    "s": "shell",
    "P": "preserve-groups",
    "k": "reset-timestamp",
    "B": "bell",
    "N": "no-update",
}
_KEPT = (
    "COLORS DISPLAY HOSTNAME KRB5CCNAME LS_COLORS PATH PS1 PS2 XAUTHORITY XAUTHORIZATION XDG_CURRENT_DESKTOP"
    " COLORTERM LANG LANGUAGE LC_* LINGUAS TERM TZ"
)
_DROPPED = (
    "IFS CDPATH LOCALDOMAIN RES_OPTIONS HOSTALIASES NLSPATH PATH_LOCALE LD_* _RLD* TERMINFO TERMINFO_DIRS TERMPATH"
    " TERMCAP ENV BASH_ENV PS4 GLOBIGNORE BASHOPTS SHELLOPTS JAVA_TOOL_OPTIONS PERLIO_DEBUG PERLLIB PERL5LIB PERL5OPT"
    " PERL5DB FPATH NULLCMD READNULLCMD ZDOTDIR TMPPREFIX PYTHONHOME PYTHONPATH PYTHONINSPECT PYTHONUSERBASE RUBYLIB"
    " RUBYOPT"
)
"""What `sudo -E` leaves out."""
_RULE = re.compile(r"(\S{1,200})[ \t]+(\S{1,200}?)[ \t]*=[ \t]*(?:\(([^)]{0,200})\))?[ \t]*((?:[A-Z_]+:[ \t]*)*)(.*)")
_DEFAULT = re.compile(r"(!?)([a-z_]+)[ \t]*(\+=|-=|=)?[ \t]*(\"[^\"]*\"|[^,\s]*)")
_INCLUDE = re.compile(r"[@#](include|includedir)[ \t]+(\S+)")


class _Rules(msgspec.Struct):
    """What sudoers say: settings by name, and rules as they follow each other."""

    settings: dict[str, str]
    kept: list[str]
    rules: list[tuple[str, str, str, str, str]]
    scoped: bool = False


def sudo(asked: Asked) -> Passed | Unknown | None:
    """Follow `sudo [OPTIONS] [NAME=VALUE]… COMMAND…`."""
    read = _read_options(asked.words)
    if isinstance(read, Unknown):
        return read
    options, words = read
    given: dict[str, str] = {}
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, given[name] = words.pop(0).partition("=")
    account = account_of(asked.fs, options.get("user", "root"))
    environment = run_as(asked.fs, asked.environment, options.get("user", "root"))
    if account is None or environment.trouble:
        return Absent(f"sudo knows no user {options.get('user', 'root')!r}")
    rules = _rules(asked.fs)
    refused = _refused(asked, rules, account.name)
    if refused is not None or not words:
        return refused or Unknown("`sudo` starts a shell that is asked nothing")
    login = "login" in options
    variables = _variables(asked.environment, rules, options, of_user(asked.environment, account), given)
    path = rules.settings.get("secure_path") or asked.environment.get("PATH")
    environment = msgspec.structs.replace(environment, variables=variables, home=variables["HOME"])
    if login or "shell" in options:
        shell = account.shell if login else asked.environment.get("SHELL") or "/bin/sh"
        text = " ".join(re.sub(r"([^\w$-])", r"\\\1", word, flags=re.ASCII) for word in words)
        if login and is_dir(asked.fs, account.home):
            environment = msgspec.structs.replace(environment, cwd=account.home)
        return Passed(argv=(shell or "/bin/sh", *(["-l"] if login else []), "-c", text), environment=environment)
    searched = msgspec.structs.replace(asked.environment, variables={**asked.environment.variables, "PATH": path})
    found = find_command(asked.fs, words[0], searched)
    if not isinstance(found, Found):
        return Absent(f"sudo finds no {words[0]!r} in {path}")
    by_name = is_python(words[0]) and isinstance(find_command(asked.fs, words[0], environment), Found)
    return Passed(argv=(words[0] if by_name else found.path, *words[1:]), environment=environment)


def _read_options(words: tuple[str, ...]) -> tuple[dict[str, str], list[str]] | Unknown:
    options: dict[str, str] = {}
    rest = list(words)
    long = {**dict.fromkeys(_VALUED.values(), True), **dict.fromkeys(_FLAGS.values(), False)}
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in long:
                return Unknown(f"sudo has the option {word[:100]!r}, which is not followed")
            options[name] = value if equals or not long[name] or not rest else rest.pop(0)
            continue
        for at, letter in enumerate(word[1:], 2):
            if letter in _VALUED:
                options[_VALUED[letter]] = word[at:] or (rest.pop(0) if rest else "")
                break
            if letter in _FLAGS:
                options[_FLAGS[letter]] = ""
            else:
                return Unknown(f"sudo has the option '-{letter}', which is not followed")
    return options, rest


def _lines(fs: Rootfs, path: str, depth: int = 0) -> Iterator[str]:
    """Yield the lines of sudoers, those of included files in their place, with an empty one for each of these."""
    text = re.sub(r"\\\n", " ", read_text(fs, path) or "")
    for line in text.split("\n"):
        included = _INCLUDE.match(line)
        if included is None or depth > MAX_DEPTH:
            if not line.startswith("#") or re.match(r"#\d", line):
                yield line.partition(" #")[0].strip()
            continue
        paths = [posixpath.join("/etc", included[2])]
        if included[1] == "includedir":
            names = sorted(name for name in list_dir(fs, included[2]) if "." not in name and not name.endswith("~"))
            paths = [f"{included[2]}/{name}" for name in names]
        for each in paths:
            yield ""  # which counts: files may include each other without holding a line
            yield from _lines(fs, each, depth + 1)


def _rules(fs: Rootfs) -> _Rules:
    found = _Rules({}, _KEPT.split(), [])
    for _, line in zip(range(MAX_LINES), _lines(fs, _SUDOERS), strict=False):
        if line.startswith("Defaults"):
            _default(found, line.removeprefix("Defaults"))
            continue
        rule = _RULE.fullmatch(line)
        if rule is not None and not re.match(r"(?:User|Runas|Host|Cmnd|Cmd)_Alias\b", line):
            found.rules.append((rule[1], rule[2], rule[3] or "", rule[4], rule[5].strip()))
    return found


def _default(found: _Rules, text: str) -> None:
    if text[:1] not in (" ", "\t"):
        found.scoped = found.scoped or "env_" in text or "secure_path" in text
        return
    for negated, name, operator, quoted in _DEFAULT.findall(text):
        value = quoted.strip('"')
        if name == "env_keep":
            others = set(value.split())
            kept = found.kept if operator in ("+=", "-=") and not negated else []
            found.kept = [each for each in kept if each not in others] + ([] if operator == "-=" else sorted(others))
        else:
            found.settings[name] = "" if negated else value or "yes"


def _refused(asked: Asked, rules: _Rules, target: str) -> Unknown | None:
    """Say why it is not known that the command may run, or that it may not."""
    environment = asked.environment
    node = asked.fs.lstat(asked.found.resolved)
    if environment.uid is None or node is None or (environment.uid and not node.mode & 0o4000):
        return Unknown("sudo is run by a user for whom it can't become another")
    if rules.scoped or rules.settings.get("requiretty"):
        return Unknown("sudoers hold settings that are not followed")
    own = account_of(asked.fs, str(environment.uid))
    names = {"ALL", f"#{environment.uid}", *([own.name] if own else [])}
    names |= {f"%{name}" for name in group_names(asked.fs, environment.groups)}
    matching = [rule for rule in rules.rules if rule[0] in names]
    if not matching:
        return Absent(f"sudoers let user {environment.user!r} run nothing")
    _, host, runas, tags, commands = matching[-1]
    if host != "ALL" or commands != "ALL" or not {"ALL", target} & set(re.split(r"[:,\s]+", runas or "root")):
        return Unknown("sudoers name commands, users or hosts, which is not followed")
    if environment.uid and "NOPASSWD:" not in tags and rules.settings.get("authenticate") != "":
        return Unknown(f"sudo asks user {environment.user!r} for a password")
    return None


def _variables(
    environment: Environment, rules: _Rules, options: dict[str, str], own: dict[str, str], given: dict[str, str]
) -> dict[str, str]:
    """Return what the command finds."""
    before = environment.variables
    login, named = "login" in options, options.get("preserve-env", "")
    resets = rules.settings.get("env_reset", "yes") != ""
    whole = not login and (not resets or ("preserve-env" in options and not named))
    patterns = _DROPPED.split() if whole else [*rules.kept, *named.split(",")]
    variables = {name: value for name, value in before.items() if _any(name, patterns) != whole}
    sets_home = "set-home" in options or bool(rules.settings.get("always_set_home") or rules.settings.get("set_home"))
    keeps_home = not sets_home and not login and "HOME" in before and (whole or "HOME" in rules.kept)
    variables |= {**own, **({"HOME": before["HOME"]} if keeps_home else {})}
    if rules.settings.get("secure_path"):
        variables["PATH"] = rules.settings["secure_path"]
    variables.setdefault("PATH", environment.get("PATH"))
    return {**variables, **given}


def _any(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
