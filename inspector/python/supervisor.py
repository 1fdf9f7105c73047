"""The programs that `supervisord` starts, by its configuration in the image."""

from __future__ import annotations

import configparser
import fnmatch
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping

import msgspec

from inspector.errors import InspectorError
from inspector.python.environment import run_as
from inspector.python.files import is_listed, join, list_dir, read_text
from inspector.python.passing import Asked, Passed, skip_options
from inspector.rootfs import Rootfs, is_file
from inspector.unknown import Absent, Unknown

MAX_FILES = 64
"""Files of one configuration."""
MAX_TEXT = 256 << 10
"""Characters of them all."""
MAX_PROGRAMS = 32

_VALUED = frozenset(
    {"-c", "-d", "-e", "-i", "-j", "-l", "-m", "-q", "-s", "-u", "-y", "-z"}
    | {"--configuration", "--directory", "--loglevel", "--identifier", "--pidfile", "--logfile", "--umask"}
    | {"--childlogdir", "--user", "--logfile_maxbytes", "--logfile_backups"}
)
_PROGRAM = re.compile(r"(?:program|fcgi-program|eventlistener):(.+)")
_EXPANDED = re.compile(r"%(?:\((\w+)\)([sd]|0\d+d)|(%))", re.ASCII)
_NEVER = ("false", "no", "off", "0")


class Supervised(msgspec.Struct, frozen=True):
    """The programs that are started, and the texts that say so."""

    programs: tuple[Passed, ...]
    texts: Mapping[str, str]


class _NotTold(Exception):
    """The configuration has what isn't worked out."""


def supervised(asked: Asked) -> Supervised | Unknown:
    """Return what `supervisord` starts."""
    options, rest = skip_options(asked.words, _VALUED)
    if rest:
        return Absent(f"supervisord takes no word such as {rest[0][:100]!r}")
    path = options.get("-c") or options.get("--configuration") or _default(asked)
    if not path:
        return Absent("supervisord finds no configuration")
    path = join(asked.environment.cwd, path)
    texts: dict[str, str] = {}
    try:
        parser = _read(asked.fs, path, texts)
        programs = tuple(_programs(asked, parser, posixpath.dirname(path)))
    except (_NotTold, InspectorError, configparser.Error, ValueError) as error:
        return Unknown(f"the configuration {path!r} of supervisord can't be followed: {str(error)[:200]}")
    if len(programs) > MAX_PROGRAMS:
        return Unknown(f"supervisord starts more than {MAX_PROGRAMS} programs")
    return Supervised(programs, texts)


def _default(asked: Asked) -> str:
    above = posixpath.dirname(posixpath.dirname(asked.found.path))
    cwd = asked.environment.cwd
    folders = (f"{above}/etc", above, cwd, f"{cwd}/etc", "/etc", "/etc/supervisor")
    paths = (join(folder, "supervisord.conf") for folder in folders)
    return next((path for path in paths if is_file(asked.fs, path)), "")


def _parser() -> configparser.RawConfigParser:
    return configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)


def _read(fs: Rootfs, path: str, texts: dict[str, str]) -> configparser.RawConfigParser:
    """Return the file's sections, with those of the files that it includes. Raises as `read_text`, and `_NotTold`."""
    parser = _parser()
    here = posixpath.dirname(path)
    _take(fs, parser, path, texts)
    if parser.has_option("include", "files"):
        patterns = parser.get("include", "files").replace("%(here)s", here).split()
        for pattern in patterns:
            for included in _matching(fs, join(here, pattern)):
                _take(fs, parser, included, texts)
    return parser


def _take(fs: Rootfs, parser: configparser.RawConfigParser, path: str, texts: dict[str, str]) -> None:
    text = read_text(fs, path)
    if text is None:
        raise _NotTold(f"there is no file {path!r}")
    texts[path] = text
    if len(texts) > MAX_FILES or sum(map(len, texts.values())) > MAX_TEXT:
        raise _NotTold("it is too large")
    parser.read_string(text.replace("%(here)s", posixpath.dirname(path)))


def _matching(fs: Rootfs, pattern: str) -> list[str]:
    folder, name = posixpath.split(pattern)
    if any(mark in folder for mark in "*?[%") or "%" in name:
        raise _NotTold(f"it includes {pattern!r}")
    children = list_dir(fs, folder)
    if not is_listed(children):
        raise _NotTold(f"{folder!r} is not listed")
    return [join(folder, child) for child in sorted(children) if fnmatch.fnmatchcase(child, name)]


def _programs(asked: Asked, parser: configparser.RawConfigParser, here: str) -> Iterator[Passed]:
    """Yield each program with what it finds. Raises `_NotTold`, `ValueError`."""
    known = {f"ENV_{name}": value for name, value in asked.environment.variables.items()}
    known |= {"here": here, "process_num": "0", "numprocs": "1"}
    common = _environment(parser, "supervisord", known)
    for section in parser.sections():
        found = _PROGRAM.fullmatch(section)
        if found is None or parser.get(section, "autostart", fallback="true").lower() in _NEVER:
            continue
        names = {"program_name": found[1].strip(), "group_name": found[1].strip()}
        yield _program(asked, parser, section, {**known, **names}, common)


def _program(
    asked: Asked, parser: configparser.RawConfigParser, section: str, known: dict[str, str], common: dict[str, str]
) -> Passed:
    environment = asked.environment
    words = shlex.split(_expanded(parser.get(section, "command"), known))
    if not words:
        raise _NotTold(f"[{section}] runs nothing")
    user = parser.get(section, "user", fallback="")
    if user:
        home = environment.get("HOME")
        environment = run_as(asked.fs, environment, _expanded(user, known))
        if environment.trouble:
            raise _NotTold(environment.trouble)
        kept = {**environment.variables, "HOME": home}
        environment = msgspec.structs.replace(environment, variables=kept, home=home)
    folder = parser.get(section, "directory", fallback="")
    cwd = join(environment.cwd, _expanded(folder, known)) if folder else environment.cwd
    variables = {**environment.variables, **common, **_environment(parser, section, known)}
    return Passed(argv=tuple(words), environment=msgspec.structs.replace(environment, variables=variables, cwd=cwd))


def _environment(parser: configparser.RawConfigParser, section: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `environment=KEY="value",…`. Raises `ValueError`."""
    text = _expanded(parser.get(section, "environment", fallback=""), known)
    lexer = shlex.shlex(text, posix=True)
    lexer.wordchars += "/.+-():"
    words = list(lexer)
    found = {}
    for at in range(0, len(words), len("K=V,")):  # each is a word, and it takes anything for the comma
        name, equals, value = [*words[at : at + 3], "", ""][:3]
        if equals != "=":
            raise _NotTold(f"[{section}] has an environment that it can't read")
        found[name] = value
    return found


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """Return the text with `%(NAME)s` replaced. Raises `_NotTold`."""
    room = MAX_TEXT

    def value(found: re.Match[str]) -> str:
        nonlocal room
        if found[3]:
            return "%"
        if found[1] not in known:
            raise _NotTold(f"%({found[1]})s is not known")
        room -= len(known[found[1]])
        if room < 0:
            raise _NotTold("its values are too long")
        return known[found[1]]

    return _EXPANDED.sub(value, text)
