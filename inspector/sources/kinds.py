"""What a directory or a tar is that is no image, by the names in it, and which reference reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from inspector.errors import NotFound

_ROOTS = ("bin", "etc", "lib", "sbin", "usr", "var")
_FEW = 3
"""So many of a root's usual folders make a directory one."""
_IN_ROOTS = (".dockerenv", "etc/passwd", "etc/os-release", "usr/lib/os-release", "bin/sh", "usr/bin/env")
"""Files by one of which the tar of a root file system is known, and no archive of images has."""
_ARCHIVES = ("manifest.json", "oci-layout", "index.json", "repositories")
_SOURCES = {
    "Chart.yaml": "it is a Helm chart: name the images that it deploys, as in `helm template CHART | grep image:`",
    "Dockerfile": "it holds a Dockerfile: build it, as in `docker build -t NAME .`, and name the image",
    "Containerfile": "it holds a Containerfile: build it, as in `podman build -t NAME .`, and name the image",
    "pyproject.toml": "it holds a Python project: name the image or the environment that it is installed in",
    "setup.py": "it holds a Python project: name the image or the environment that it is installed in",
}
"""What a directory is by a file in it: something that images are made of."""
VENV_MARKS = ("pyvenv.cfg", "conda-meta")


def is_root(path: Path) -> bool:
    """Tell whether a directory looks like a root file system."""
    return sum((path / name).is_dir() for name in _ROOTS) >= _FEW


def is_venv(path: Path) -> bool:
    """Tell whether a directory is an environment of Python's."""
    return any((path / name).exists() for name in VENV_MARKS) and (path / "bin").is_dir()


def advice(path: str) -> str:
    """Return what to write for a directory that is none of images, but something that is known; empty for another."""
    if is_venv(Path(path)):
        return f"it is a Python environment: write venv:{path}"
    if is_root(Path(path)):
        return f"it is a root file system: write rootfs:{path}"
    return next((what for name, what in _SOURCES.items() if (Path(path) / name).is_file()), "")


def advice_on_tar(where: str, has: Callable[[str], bool]) -> str:
    """Return what to write for a tar of a root file system, whose members `has` looks for; empty for another one."""
    if not any(map(has, _IN_ROOTS)):
        return ""
    path = "-" if where == "standard input" else where
    return f"it is the tar of a root file system, as `docker export` writes it: write rootfs:{path}"


def refuse_other_kind(where: str, paths: Iterable[str]) -> None:
    """Raise `NotFound` for what was named as a root file system, and is certainly none, by the paths in it."""
    names = set(paths)
    tops = {path.partition("/")[0] for path in names} - {""}
    if not tops:
        raise NotFound(f"rootfs:{where}: holds no files")
    if tops & set(VENV_MARKS) and "usr" not in tops:
        raise NotFound(f"rootfs:{where}: holds no root file system but a Python environment: write venv:{where}")
    if tops & set(_ROOTS):
        return
    if tops & set(_ARCHIVES):
        raise NotFound(f"rootfs:{where}: holds no root file system but images: write {where} alone")
    if len(tops) == 1:
        (top,) = tops
        if sum(f"{top}/{name}" in names for name in _ROOTS) >= _FEW:
            raise NotFound(
                f"rootfs:{where}: the root file system lies in the folder {top[:100]!a} of it: name that folder, or "
                f"pack it as in `tar -C {top[:100]} -c .`"
            )
