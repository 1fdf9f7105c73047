"""Finds every torch, and what is left of one, that the asked interpreter would not import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from inspector.python.files import names_in
from inspector.python.folders import Folders
from inspector.python.model import Interpreter
from inspector.python.record import Owned, tree
from inspector.rootfs import Kind
from inspector.torchbuild.build import build_of_local, builds_on_disk, decide_build
from inspector.torchbuild.kinds import CPU, kinds
from inspector.torchbuild.model import Build, TorchElsewhere
from inspector.torchbuild.sizes import PARTS
from inspector.torchbuild.survey import CONDA, WHEEL, Survey, is_metadata
from inspector.torchbuild.version_file import VersionFile, read_version_file
from inspector.unknown import Unknown

_METADATA = r"[^-]+-([^-]+?)(?:-py\d\.\d+)?\.(?:dist-info|egg-info)"
_FOLDER_OF_MINOR = r"/lib(?:64)?/(?:python|pypy)(\d\.\d+t?)/(?:site|dist)-packages$"
_ENVIRONMENT = r"(.*)/lib(?:64)?/(?:python|pypy)\d\.\d+t?/(?:site|dist)-packages$"


class Here(msgspec.Struct, frozen=True):
    """What the interpreter does import: `path` None where it imports no torch. `files` are not counted again.

    `entries` are the directories of its search path, links followed.
    """

    interpreter: Interpreter | Unknown
    entries: Sequence[str]
    path: str | None
    files: Owned


def find_elsewhere(folders: Folders, survey: Survey, here: Here) -> Iterator[TorchElsewhere]:
    """Find all of them: packages, metadata without a package, what pip left, wheels and conda's, C++ libraries."""
    packages = [path for path in sorted(survey.packages) if path != here.path and is_torch(folders, path)]
    for path in packages:
        yield _package(folders, path, here)
    homes = {path.rpartition("/")[0] for path in [*packages, here.path or "/"]}
    for path in sorted(survey.metadata):
        if path.rpartition("/")[0] not in homes.union(here.entries):
            yield _metadata(folders, path, here)
    yield from _leftovers(folders, survey.leftovers, here)
    for path in sorted(survey.archives):
        yield _archive(folders, path)
    yield from _libtorch(folders, survey.libtorch, here)


def is_torch(folders: Folders, path: str) -> bool:
    """Test whether a directory named torch is PyTorch's: by its extension module, its libraries or its version.py."""
    children = folders.at(path).children
    libraries = folders.at(f"{path}/lib").children
    if any(name.startswith(("libtorch", "libc10")) for name in names_in(libraries, ("libtorch_cpu.so", "libc10.so"))):
        return True
    if any(name.startswith("_C.") and name.endswith(".so") for name in names_in(children, ("_C.abi3.so", "_C.so"))):
        return True
    if "version.py" not in children:
        return False
    version = read_version_file(folders, f"{path}/version.py")
    return isinstance(version, VersionFile) and version.is_torch


def _package(folders: Folders, path: str, here: Here) -> TorchElsewhere:
    site = path.rpartition("/")[0]
    version = read_version_file(folders, f"{path}/version.py")
    text: str | None = None
    build: Build = "unknown"
    if isinstance(version, VersionFile):
        text = version.version
        build, _ = decide_build(version, builds_on_disk(folders, [f"{path}/lib"]))
    metadata = [f"{site}/{name}" for name in folders.at(site).children if is_metadata(name)]
    files = tree(folders, [f"{site}/{part}" for part in PARTS] + metadata)
    size = sum(size for inode, size in files.files.items() if inode not in here.files.files)
    why = _why_not(folders, site, here)
    if size == 0 and files.files:
        why += "; its files are hard links to those of the torch that is imported"
    return TorchElsewhere(
        path=path, version=text, build=build, size=size, why_not_importable=why, layer=_layer(folders, path)
    )


def _metadata(folders: Folders, path: str, here: Here) -> TorchElsewhere:
    named = re.fullmatch(_METADATA, path.rpartition("/")[2])
    why = f"only metadata is left, and {_why_not(folders, path.rpartition('/')[0], here)}"
    return _left(folders, [path], named[1] if named else None, why, here)


def _leftovers(folders: Folders, paths: Sequence[str], here: Here) -> Iterator[TorchElsewhere]:
    """Find what an interrupted uninstall left, all of one directory as one."""
    groups: dict[str, list[str]] = {}
    for path in sorted(paths):
        groups.setdefault(path.rpartition("/")[0], []).append(path)
    for group in groups.values():
        named = [match for path in group if (match := re.fullmatch(_METADATA, path.rpartition("/")[2]))]
        packages = [path for path in group if not path.endswith("-info")] or group
        stated = [read_version_file(folders, f"{path}/version.py") for path in packages]
        said = next((version.version for version in stated if isinstance(version, VersionFile)), None)
        why = "an interrupted uninstall left it, under names that Python can't import"
        yield _left(folders, [*packages, *group], said or (named[0][1] if named else None), why, here)


def _left(folders: Folders, paths: Sequence[str], version: str | None, why: str, here: Here) -> TorchElsewhere:
    """Describe what stands at `paths`, under the name of the first."""
    files = tree(folders, paths).files
    singles = [node for path in paths if (node := folders.node(path)) is not None]
    files |= {node.inode: node.size for node in singles if node.kind is Kind.FILE}
    return TorchElsewhere(
        path=paths[0],
        version=version,
        build=build_of_local(version or ""),
        size=sum(size for inode, size in files.items() if inode not in here.files.files),
        why_not_importable=why,
        layer=_layer(folders, paths[0]),
    )


def _archive(folders: Folders, path: str) -> TorchElsewhere:
    name = path.rpartition("/")[2]
    wheel, conda = WHEEL.fullmatch(name), CONDA.fullmatch(name)
    build: Build = "unknown"
    version: str | None = None
    if wheel:
        version = wheel[1].replace("%2B", "+").replace("%2b", "+")
        build = build_of_local(version)
    elif conda:
        version = conda[1]
        build = next((kind.name for kind in reversed(kinds()) if kind.name in conda[2]), "unknown")
    node = folders.node(path)
    kind = "wheel" if wheel else "package of conda's"
    return TorchElsewhere(
        path=path,
        version=version,
        build=build,
        size=node.size if node else 0,
        why_not_importable=f"a {kind} that is packed, not installed",
        layer=node.layer if node else None,
    )


def _libtorch(folders: Folders, paths: Sequence[str], here: Here) -> Iterator[TorchElsewhere]:
    """Find C++ libraries outside of any package torch: of libtorch, or of a package whose Python part is gone."""
    for path in sorted(paths):
        folder = path.rpartition("/")[0]
        node = folders.node(path)
        if folder.endswith("/torch/lib") or "/~" in folder or node is None or node.inode in here.files.files:
            continue
        libraries = {
            child.inode: child.size
            for name, child in folders.at(folder).children.items()
            if name.startswith(("libtorch", "libc10")) and child.kind is Kind.FILE
        }
        found = builds_on_disk(folders, [folder]) or {}
        build: Build = next(iter(found)) if len(found) == 1 else "unknown" if found else CPU.name
        why = "C++ libraries without a Python package"
        size = sum(libraries.values())
        yield TorchElsewhere(
            path=folder, version=None, build=build, size=size, why_not_importable=why, layer=node.layer
        )


def _why_not(folders: Folders, site: str, here: Here) -> str:
    """Say why what lies in the directory `site` is not what is imported."""
    if isinstance(here.interpreter, Unknown):
        return here.interpreter.unknown
    python = here.interpreter.path
    if site in here.entries:
        return f"{here.path} comes first on the search path of {python}" if here.path else "it can't be imported"
    minor = re.search(_FOLDER_OF_MINOR, site)
    environment = re.fullmatch(_ENVIRONMENT, site)
    text = f"{site} is not on the search path of {python}"
    own = here.interpreter.abi.removeprefix("cp")
    if minor and own and minor[1].replace(".", "") != own.removesuffix("m"):
        text += f", which is a Python {here.interpreter.version}"
    elif environment and is_environment(folders, environment[1]):
        text += f": {environment[1]} is an environment of its own"
    elif "/archive-v0/" in f"{site}/":
        text += ": it is a cache of uv's"
    elif "/pkgs/" in site:
        text += ": it is a cache of conda's"
    return text


def is_environment(folders: Folders, prefix: str) -> bool:
    """Test whether `prefix` is that of a virtual or conda environment."""
    children = folders.at(prefix or "/").children
    return "pyvenv.cfg" in children or "conda-meta" in children


def _layer(folders: Folders, path: str) -> int | None:
    """Return the layer that brought a package: that of its version.py, else of the directory itself."""
    node = folders.node(f"{path}/version.py") or folders.node(path)
    return node.layer if node else None
