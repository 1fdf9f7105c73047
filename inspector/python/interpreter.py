"""Which Python a command of the image is, and what it would search for imports."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from functools import cache

import msgspec

from inspector.errors import InspectorError
from inspector.oci import ImageConfig
from inspector.python.access import as_user
from inspector.python.ahead import displaced, of_processes
from inspector.python.built import Built, ReadBuilt, linked_minor
from inspector.python.elf import ElfHeader
from inspector.python.environment import Environment, environment_of
from inspector.python.files import find, join
from inspector.python.launch import Script, can_start, read_program
from inspector.python.libc import find_libc
from inspector.python.model import Interpreter
from inspector.python.prefix import Prefixes, find_prefixes, stated_homes
from inspector.python.question import Question, ask
from inspector.python.running import closed_paths, interpreter_runs, is_shut
from inspector.python.search_path import Python, SearchPath, search_path
from inspector.python.shims import through_shim
from inspector.python.site_rules import site_rules
from inspector.python.version import Minor, is_python, library_minors, named_minor, patch_level
from inspector.python.which import Found, Missing, find_command
from inspector.rootfs import Rootfs
from inspector.unknown import Absent, Tri, Unknown

_NIX_ENVIRONMENT = re.compile(r"/nix/store/[^/]+-env/")
_OLDEST = (3, 6)
_ENDS = {
    "env": "has no option -c",
    "busybox": "has no applet of that name",
    "toybox": "has no command of that name",
    "coreutils": "has no program of that name",
}
"""Programs that are many by the names of links, and what they end with under a Python's."""
_OTHER = {"python": "python3", "python3": "python"}


class _Program(msgspec.Struct, frozen=True, kw_only=True):
    """The command found: where PATH has it, what Python takes for itself, the file behind the links, its header."""

    found: Found
    executable: str
    resolved: str
    header: ElfHeader


def find_interpreter(
    fs: Rootfs,
    config: ImageConfig,
    command: str = "python",
    *,
    unlisted: list[str] | None = None,
    question: Question | None = None,
    built: ReadBuilt | None = None,
) -> tuple[Interpreter | Unknown, tuple[str, ...]]:
    """Find the interpreter that `command` runs in a container, behind the image's entrypoint, and warnings.

    `Absent` where there certainly is none; `Unknown` where files don't decide. Site folders that can't be listed
    are noted in `unlisted`: then what their .pth files would add or run is missing; without it, that is `Unknown`.
    `question` is what the entrypoint makes of the command, where that is known already; `built` tells what a program
    was built as, from bytes that no index keeps.
    """
    if config.os not in ("linux", ""):
        return Unknown(f"the image is for {config.os!r}; interpreters are looked for in Linux images"), ()
    try:
        asked = question or ask(fs, config, command)
        if asked.fails:
            return Absent(asked.fails), ()
        fs = asked.seen(fs)
        environment = msgspec.structs.replace(environment_of(fs, asked.config), site=asked.site)
        view = as_user(fs, environment)
        program = _find_program(view, asked.command, environment)
        if not isinstance(program, Unknown):
            compiled = _compiled(built, program, environment)
            found, warnings = _describe(view, asked, command, program, environment, compiled, unlisted)
            if isinstance(found, Interpreter):
                return found, warnings
            program = found
        if asked.passes == "direct" and not isinstance(program, Absent):
            program = _refused(view, asked, environment) or program
        doubted = bool(asked.doubts) and isinstance(program, Absent)
        return Unknown(f"{program.unknown}; {asked.doubts[0]}") if doubted else program, asked.doubts
    except InspectorError as error:
        return Unknown(f"{command!r} can't be decided about: {error}"), ()


def _find_program(fs: Rootfs, command: str, environment: Environment) -> _Program | Unknown:
    """Return from the command to the ELF file of a Python, through PATH, links and shims."""
    found = find_command(fs, command, environment)
    if isinstance(found, Missing):
        return _not_found(fs, command, found, environment)
    if found.relative:
        return Unknown(f"PATH finds {command!r} in the relative folder of {found.path!r}: engines refuse to start it")
    chosen = _through_script(fs, found, command, environment)
    if isinstance(chosen, Unknown):
        return chosen
    executable, resolved = chosen
    header = read_program(fs, resolved)
    refusal = _no_python(found, resolved, header)
    ends = _ENDS.get(posixpath.basename(resolved)) if isinstance(header, ElfHeader) else None
    if ends and executable == found.path:
        return Absent(f"{found.path!r} is the program {resolved!r}, which {ends}")
    if refusal or not isinstance(header, ElfHeader):
        return Unknown(refusal)
    return _Program(found=found, executable=executable, resolved=resolved, header=header)


def _refused(fs: Rootfs, asked: Question, environment: Environment) -> Absent | None:
    """Say why the kernel starts no program by the command; a shell might start another one then, or run it itself."""
    found = find_command(fs, asked.command, environment)
    if not isinstance(found, Found) or found.relative:
        return None
    start = can_start(fs, found.resolved, environment, asked.config.platform)
    return Absent(start.reasons[0]) if start.starts == "no" else None


def _through_script(fs: Rootfs, found: Found, command: str, environment: Environment) -> tuple[str, str] | Unknown:
    """Give what Python takes for its own path, and the file there: of what a shim chooses, where the command is one."""
    if not isinstance(read_program(fs, found.resolved), Script):
        return found.path, found.resolved
    text = fs.head(found.resolved).decode("utf-8", "replace")
    chosen = through_shim(fs, found, text, posixpath.basename(command), environment)
    if isinstance(chosen, Unknown):
        return chosen
    reached = find(fs, chosen)
    return join(chosen), reached[0] if reached else chosen


def _no_python(found: Found, resolved: str, program: ElfHeader | Script | str) -> str:
    """Say why a program is not one whose search path can be worked out; empty if it is."""
    if isinstance(program, str):
        return program
    if isinstance(program, Script):
        return f"{resolved!r}, which a shim runs, is a script itself"
    if _NIX_ENVIRONMENT.match(resolved):
        return f"{resolved!r} is a program of Nix, which sets the search path before it starts Python"
    if not is_python(resolved):
        return f"{found.path!r} is the program {resolved!r}, which is no Python by its name and may start any"
    return ""


def _not_found(fs: Rootfs, command: str, missing: Missing, environment: Environment) -> Absent:
    """Return the sentence on what isn't there, what was passed over, and what is there instead."""
    sentence = f"no {command!r} in PATH ({':'.join(environment.path)})"
    if "/" in command:
        sentence = f"no {command!r} in the image"
    if missing.skipped:
        sentence += f"; passed over: {'; '.join(missing.skipped[:5])}"
    other = _other_python(fs, command, environment)
    if other is not None:
        sentence += f"; there is {other.path!r}"
    return Absent(sentence)


def _other_python(fs: Rootfs, command: str, environment: Environment) -> Found | None:
    """Return what `python3` finds where `python` was asked for, and the reverse: they need not be the same."""
    name = _OTHER.get(command)
    found = find_command(fs, name, environment) if name else None
    return found if isinstance(found, Found) else None


_Compiled = Callable[[], Built | Unknown]


def _compiled(built: ReadBuilt | None, program: _Program, environment: Environment) -> _Compiled:
    """Return what tells once, and not before it is asked, what the program was built as."""
    return cache(lambda: Built() if built is None else built(program.resolved, environment))


def _describe(
    fs: Rootfs,
    asked: Question,
    command: str,
    program: _Program,
    environment: Environment,
    compiled: _Compiled,
    unlisted: list[str] | None,
) -> tuple[Interpreter | Unknown, tuple[str, ...]]:
    """Describe version, prefixes and search path of the program, as one answer."""
    minor = _minor(fs, program, compiled)
    if isinstance(minor, Unknown):
        return minor, ()
    if minor.implementation != "cpython" or minor.at_least < _OLDEST:
        name = "Python" if minor.implementation == "cpython" else "PyPy"
        return Unknown(f"{program.resolved!r} is {name} {minor}, whose search path is not worked out here"), ()
    prefixes = find_prefixes(fs, program.executable, minor, environment, compiled)
    if isinstance(prefixes, Unknown):
        return prefixes, ()
    musl = "/ld-musl-" in (program.header.loader or "")
    python = Python(prefixes, minor, site_rules(fs, prefixes, minor), musl)
    path = search_path(fs, python, environment)
    if path.unlisted:
        if unlisted is None:
            return Unknown(f"{path.unlisted[0]!r} was not listed, whose .pth files may add to the search path"), ()
        unlisted += path.unlisted
    runs, reasons = _runs(fs, asked, program, python, path, environment)
    interpreter = Interpreter(
        command=command,
        path=program.found.path,
        resolved=program.resolved,
        implementation=minor.implementation,
        version=patch_level(fs, minor, prefixes.base, program.resolved, environment) or str(minor),
        search_path=path.entries,
        prefix=path.prefix,
        base_prefix=prefixes.base,
        abi=minor.abi,
        machine=program.header.machine,
        libc=find_libc(fs, program.header),
        runs=runs,
        reasons=reasons,
        entrypoint=asked.passes,
        hooks=path.hooks,
    )
    changed = (f"the image's entrypoint changes {path!r} before Python starts" for path in sorted(asked.laid)[:5])
    return interpreter, (*_warnings(fs, interpreter, program, prefixes, environment), *asked.doubts, *changed)


def _runs(
    fs: Rootfs, asked: Question, program: _Program, python: Python, path: SearchPath, environment: Environment
) -> tuple[Tri, tuple[str, ...]]:
    """Tell whether it comes up, with what its search path leads to, and why not or why that isn't known."""
    assumed = python.prefixes.assumed
    if path.fails and not assumed:
        return "no", (path.fails,)
    runs, reasons = interpreter_runs(fs, program.found, program.resolved, python, environment, asked.config.platform)
    if runs == "yes":
        runs, reasons = displaced(fs, python, environment)
    if runs == "yes":
        may_be_open = (f"{each}/" for each in path.entries if not is_shut(fs, each, environment))  # others hold nothing
        doubts = of_processes(fs, path.entries), closed_paths(fs, may_be_open, environment)
        reasons = (*([assumed] if assumed else []), *doubts[0], *doubts[1])
    return "unknown" if runs == "yes" and reasons else runs, reasons


def _minor(fs: Rootfs, program: _Program, compiled: _Compiled) -> Minor | Unknown:
    """Return X.Y, by the program's name, or by its libpython's, or as it was built.

    Else by the one standard library above its home or itself.
    """
    named = named_minor(program.resolved) or linked_minor(fs, program.resolved) or named_minor(program.executable)
    if named is not None:
        return named
    built = compiled()
    if isinstance(built, Absent):
        return built
    if isinstance(built, Built) and built.minor is not None:
        return built.minor
    folders = [posixpath.dirname(program.resolved), posixpath.dirname(program.executable)]
    for folder in dict.fromkeys([*stated_homes(fs, program.executable), *folders]):
        minors = library_minors(fs, folder)
        if len(minors) == 1:
            return minors[0]
        if minors:
            names = ", ".join(minor.folder for minor in minors)
            return Unknown(f"{program.resolved!r} does not tell its version, and {names} stand above it")
    return Unknown(f"{program.resolved!r} does not tell its version, and no standard library stands above it")


def _warnings(
    fs: Rootfs, interpreter: Interpreter, program: _Program, prefixes: Prefixes, environment: Environment
) -> Iterator[str]:
    """Yield what a reader of the answer should know beside it."""
    for skipped in program.found.skipped[:5]:
        yield f"PATH: {skipped}, so it was passed over for {program.found.path!r}"
    other = _other_python(fs, interpreter.command, environment)
    if other is not None and other.resolved != program.found.resolved:
        yield f"{posixpath.basename(other.path)!r} is another program, {other.path!r}"
    if prefixes.assumed:
        yield prefixes.assumed
    if prefixes.path_file is not None:
        yield f"{prefixes.path_file.path!r} replaces the search path"
    for hook in interpreter.hooks:
        if hook.touches_torch != "no":
            yield f"{hook.path!r} {hook.effect}" + (f": {hook.text[:120]!r}" if hook.text else "")
    if interpreter.entrypoint == "argument":
        yield f"the image's entrypoint takes {interpreter.command!r} as an argument: `--entrypoint` would avoid that"
