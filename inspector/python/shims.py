"""Scripts that stand in PATH under the name of `python` and choose one: pyenv's and asdf's."""

from __future__ import annotations

import posixpath
import re

import msgspec

from inspector.python.environment import Environment
from inspector.python.files import join, list_dir, read_text, upward
from inspector.python.which import Found, find_command
from inspector.rootfs import Rootfs
from inspector.unknown import Absent, Unknown

_PYENV_ROOT = r'(?m)^export PYENV_ROOT="?([^"\n]{1,4096}?)"?$'
_PYENV = r"\bpyenv[\"']? exec\b"
_ASDF = r"\basdf[\"']? exec\b"
_WORD = r"[^\s:/]{1,128}"


def is_shim(text: str) -> bool:
    """Tell whether a script is one of pyenv's or asdf's."""
    return bool(re.search(_PYENV, text) or re.search(_ASDF, text))


def through_shim(fs: Rootfs, found: Found, text: str, command: str, environment: Environment) -> str | Unknown:
    """Return the absolute path of what the script `text` at `found` runs under the name `command`. Raises `NotKept`."""
    if re.search(_PYENV, text):
        return _pyenv(fs, found, text, command, environment)
    if re.search(_ASDF, text):
        return _asdf(fs, found, command, environment)
    first = text.partition("\n")[0][:200]
    return Unknown(f"{found.path!r} is a script ({first!r}) that may run any Python")


def _pyenv(fs: Rootfs, found: Found, text: str, command: str, environment: Environment) -> str | Unknown:
    """Return `pyenv exec`: the first of the versions asked for that has the command.

    `system` is PATH without the shims.
    """
    stated = re.search(_PYENV_ROOT, text)
    root = stated.group(1) if stated else environment.get("PYENV_ROOT") or join(environment.home, ".pyenv")
    asked = environment.get("PYENV_VERSION")
    names = asked.split(":") if asked else _versions_from_files(fs, environment.cwd, root)
    for name in names or ["system"]:
        if name == "system":
            return _beyond_shims(fs, found, command, environment)
        for version in _installed(fs, f"{root}/versions", name):
            target = f"{root}/versions/{version}/bin/{command}"
            if isinstance(find_command(fs, target, environment), Found):
                return target
    listed = ", ".join(map(repr, names[:5]))
    return Unknown(
        f"{found.path!r} is a shim of pyenv, which has no {command!r} of version {listed}; "
        "whether it then stops or runs the system's differs between its releases"
    )


def _versions_from_files(fs: Rootfs, cwd: str, root: str) -> list[str]:
    """Read the first words of the lines of the nearest `.python-version` upward, or of `version`."""
    files = [posixpath.join(folder, ".python-version") for folder in upward(cwd)]
    texts = (read_text(fs, file) for file in [*files, f"{root}/version"])
    nearest = next((text for text in texts if text is not None), "")
    firsts = (line.split()[0] for line in nearest.splitlines() if line.strip())
    return [word for word in firsts if re.fullmatch(_WORD, word) and word != ".." and not word.startswith("#")]


def _installed(fs: Rootfs, folder: str, name: str) -> list[str]:
    """Return the installed version of the name, or, for a prefix such as `3.11`, its latest."""
    exact = [name, name.removeprefix("python-")]
    names = list_dir(fs, folder)
    for candidate in exact:
        if candidate in names:
            return [candidate]
    release = re.compile(re.escape(exact[1]) + r"((?:\.\d{1,6}){1,3})")
    matches = [(match[1].split(".")[1:], match[0]) for entry in names if (match := release.fullmatch(entry))]
    return [max(matches, key=lambda pair: [int(part) for part in pair[0]])[1]] if matches else []


def _beyond_shims(fs: Rootfs, found: Found, command: str, environment: Environment) -> str | Unknown:
    """Return the next command of the name in PATH, the folder of the shims left out."""
    shims = posixpath.dirname(found.path)
    rest = ":".join(folder for folder in environment.path if join(folder) != shims)
    further = find_command(fs, command, msgspec.structs.replace(environment, variables={"PATH": rest}))
    if isinstance(further, Found):
        return further.path
    return Absent(f"{found.path!r} is a shim for the system's {command!r}, and PATH finds none beside it")


def _asdf(fs: Rootfs, found: Found, command: str, environment: Environment) -> str | Unknown:
    """Follow `asdf exec`: ASDF_PYTHON_VERSION, else the nearest `.tool-versions` upward, or at home."""
    data = environment.get("ASDF_DATA_DIR") or join(environment.home, ".asdf")
    names = environment.get("ASDF_PYTHON_VERSION").split()
    for folder in [*upward(environment.cwd), environment.home]:
        if names:
            break
        for line in (read_text(fs, posixpath.join(folder, ".tool-versions")) or "").splitlines():
            tool, *versions = line.partition("#")[0].split()[:8] or [""]
            names = names or (versions if tool == "python" else [])
    for name in names:
        if name == "system":
            return _beyond_shims(fs, found, command, environment)
        target = f"{data}/installs/python/{name}/bin/{command}"
        if re.fullmatch(_WORD, name) and isinstance(find_command(fs, target, environment), Found):
            return target
    return Unknown(f"{found.path!r} is a shim of asdf, and no version of python that it would choose is installed")
