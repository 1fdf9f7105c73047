"""Redirections that write to files: whether they can be opened, and what is in the files then, where that is known."""

from __future__ import annotations

import posixpath
import re

from inspector.errors import InspectorError
from inspector.python.access import EXECUTE, WRITE, allowed
from inspector.python.environment import Environment
from inspector.python.files import find, join
from inspector.python.overlay import Laid, Placed, with_placed
from inspector.python.shell.laying import ENGINES, MAX_DATA, MAX_PLACED, NotSure, made, place_of
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Simple
from inspector.python.which import Found, find_command
from inspector.rootfs import Kind, Rootfs, resolve
from inspector.unknown import Tri

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
_FORMAT = re.compile(r"%(.)|\\(.)|([^%\\]+)", re.DOTALL)


def opens(shell: Shell, command: Simple, words: list[str], state: State) -> str:
    """Write to the files of a command's redirections; return the first that the user may not write to."""
    for each in command.writes:
        name = shell.expander.single(each.target, state)
        if HOLE in name or HOLE in state.cwd:
            continue
        path, fs = posixpath.join(state.cwd, name), shell.seen(state)
        if _opened(fs, path, state.base) == "no" and path not in state.changed:
            return path
        data = _printed(shell, command, words, state) if each.printed and len(command.writes) == 1 else None
        try:
            laid = _written(fs, path, data or b"", state.base, state.laid, appends=each.appends)
        except InspectorError:
            laid = None
        if laid is not None:
            state.lay(laid)
        if laid is None or data is None:
            state.change([join(path)])
    return ""


def _printed(shell: Shell, command: Simple, words: list[str], state: State) -> bytes | None:
    """Return what a command prints; None where that isn't known."""
    if not words or words in (["true"], [":"]):
        return b""
    text = None
    if words[0] in state.functions or any(HOLE in word for word in words):
        return None
    if words in (["cat"], ["cat", "-"]) and command.given is not None and _is_program(shell, state, "cat"):
        text = shell.expander.single(command.given, state)
    elif words[0] == "echo":
        text = _echoed(words[1:], state)
    elif words[0] == "printf":
        text = formatted(words[1:])
    return None if text is None or HOLE in text else text.encode("utf-8", "surrogateescape")


def _is_program(shell: Shell, state: State, name: str) -> bool:
    environment = state.environment()
    return HOLE not in environment.variables["PATH"] and isinstance(
        find_command(shell.seen(state), name, environment), Found
    )


def _echoed(words: list[str], state: State) -> str | None:
    end = "\n"
    if words[:1] == ["-n"]:
        end, words = "", words[1:]
    text = " ".join(words)
    if (words and re.fullmatch(r"-[neE]+", words[0])) or ("\\" in text and state.dialect != "bash"):
        return None
    return text + end


def formatted(words: list[str]) -> str | None:
    r"""Return what `printf` prints for a format of `%s`, `%%` and the common escapes; None for others.

    >>> formatted(["%s:%s\\n", "a", "b"])
    'a:b\n'
    """
    if not words or (words[0].startswith("-") and words[0] != "--"):
        return None
    text, *rest = words[1:] if words[0] == "--" else words
    parts = list(_FORMAT.finditer(text))
    taken = sum(part[1] == "s" for part in parts)
    if len(rest) > taken or "".join(part[0] for part in parts) != text:
        return None
    found: list[str] = []
    for part in parts:
        if part[1] == "s":
            found.append(rest.pop(0) if rest else "")
        elif part[1]:
            if part[1] != "%":
                return None
            found.append("%")
        elif part[2]:
            if part[2] not in _ESCAPES:
                return None
            found.append(_ESCAPES[part[2]])
        else:
            found.append(part[3])
    return "".join(found)


def _opened(fs: Rootfs, path: str, environment: Environment) -> Tri:
    """Tell whether a file can be opened for writing, as far as the image's files tell."""
    if f"{path}/".startswith(ENGINES):
        return "unknown"
    there = find(fs, path)
    if there is not None:
        return "no" if there[1].kind is Kind.DIRECTORY else allowed(there[1], environment, WRITE)
    folder = find(fs, posixpath.dirname(path))
    return "unknown" if folder is None else allowed(folder[1], environment, WRITE | EXECUTE)


def _written(fs: Rootfs, path: str, data: bytes, environment: Environment, laid: Laid, *, appends: bool) -> Laid | None:
    """Return the files where `data` is written to a path; None where that isn't sure.

    Raises `InspectorError`.
    """
    if _opened(fs, path, environment) != "yes" or len(laid) >= MAX_PLACED:
        return None
    real = resolve(fs, path)
    node = fs.lstat(real) if real else None
    try:
        place = real or place_of(fs, environment, path)
        if node is None and fs.lstat(place) is not None:
            return None  # a link that leads nowhere
        data = (fs.read(place) if appends and node is not None else b"") + data
        fresh = made(environment, Kind.FILE, node.mode if node else 0o644, size=len(data))
    except NotSure:
        return None
    if len(data) + sum(len(placed.data) for placed in laid.values()) > MAX_DATA:
        return None
    return with_placed(laid, place, Placed(node=fresh, data=data))
