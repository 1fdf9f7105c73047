"""One distribution from its metadata directory (`*.dist-info`, `*.egg-info`, `EGG-INFO`) or egg-info file."""

from __future__ import annotations

import msgspec

from inspector.oci import decoder
from inspector.python.folders import MISSING, Folder, Folders
from inspector.python.installed import Installed
from inspector.python.metadata import Headers, is_name, parse_headers, parse_requires_txt
from inspector.python.record import Owned, owned, record_paths
from inspector.rootfs import Kind, Node, NotKept, NotListed, resolve

_LISTS = ("RECORD", "installed-files.txt")
MAX_INSTALLER = 100
"""Characters of an installer's name that are kept."""


class _DirInfo(msgspec.Struct, frozen=True):
    editable: bool = False


class _DirectUrl(msgspec.Struct, frozen=True):
    """The part of direct_url.json that matters."""

    dir_info: _DirInfo = _DirInfo()


def read_distribution(folders: Folders, site: str, name: str, warnings: list[str]) -> Installed | None:
    """The distribution whose metadata is `site`/`name`; None for what pip takes for none, with a warning.

    Raises `InspectorError` where bytes are missing.
    """
    path = resolve(folders.fs, f"{site}/{name}")
    if path is None:
        return None
    folder = folders.at(path)
    headers, layer = _headers(folders, folder, path, name)
    if not is_name(headers.name):
        told = f"the name {headers.name[:100]!r}" if headers.name else "no name"
        warnings.append(f"the metadata in {f'{site}/{name}'!r} states {told}; pip takes it for no distribution")
        return None
    if not headers.version:
        warnings.append(f"the metadata in {f'{site}/{name}'!r} states no version")
    files = _owned(folders, folder, site, f"{site}/{name}", warnings)
    return Installed(
        name=headers.name,
        version=headers.version,
        path=f"{site}/{name}",
        site=site,
        layer=layer,
        installer=_installer(folders, folder),
        requires=headers.requires,
        owned=files,
        editable=_editable(folders, folder),
    )


def read_metadata(folders: Folders, directory: str, name: str) -> bytes | None:
    """The file `name` in a metadata directory; None where there is none. Raises `InspectorError`."""
    folder = folders.at(directory)
    return None if folder.path is None or name not in folder.children else folders.fs.read(f"{folder.path}/{name}")


def _headers(folders: Folders, folder: Folder, path: str, name: str) -> tuple[Headers, int | None]:
    """The headers of the first metadata file, in importlib.metadata's order, and the layer that brought it."""
    if folder.path is None:
        node = folders.node(path)
        content = folders.fs.read(path) if node is not None and node.kind is Kind.FILE else b""
        return parse_headers(content), node.layer if node else None
    for file in ("METADATA", "PKG-INFO"):
        node = _file(folders, folder, file)
        if node is not None:
            try:
                headers = parse_headers(_read(folders, folder, file))
            except NotKept:
                headers = _named(name)
            if not headers.requires and "requires.txt" in folder.children:
                headers = msgspec.structs.replace(headers, requires=_requires_txt(folders, folder))
            return headers, node.layer
    return Headers(), None


def _named(name: str) -> Headers:
    """What the name of the directory tells: `torch-2.14.1.dist-info`."""
    stem, dash, version = name.rpartition(".")[0].partition("-")
    return Headers(stem, version.partition("-")[0] if dash else "")


def _requires_txt(folders: Folders, folder: Folder) -> tuple[str, ...]:
    try:
        return parse_requires_txt(_read(folders, folder, "requires.txt"))
    except NotKept:
        return ()


def _owned(folders: Folders, folder: Folder, site: str, shown: str, warnings: list[str]) -> Owned | None:
    for name in _LISTS:
        if _file(folders, folder, name) is None:
            continue
        try:
            text = _read(folders, folder, name).decode("utf-8", "surrogateescape")
        except NotKept as error:
            warnings.append(f"the list of files of {shown!r} was not kept, so its size is not known: {error}")
            return None
        base = site if name == "RECORD" else folder.path or site
        paths = record_paths(text) if name == "RECORD" else text.splitlines()
        try:
            found = None if paths is None else owned(folders, base, paths)
        except NotListed:
            return None
        if found is None:
            warnings.append(f"the list of files of {shown!r} is not believable, so its size is not known")
        return found
    return None


def _installer(folders: Folders, folder: Folder) -> str | None:
    if _file(folders, folder, "INSTALLER") is None:
        return None
    try:
        lines = _read(folders, folder, "INSTALLER").decode("utf-8", "replace").split("\n")
    except NotKept:
        return None
    return lines[0].strip()[:MAX_INSTALLER] or None


def _editable(folders: Folders, folder: Folder) -> bool:
    """Whether direct_url.json (direct URL data structure specification) says so."""
    if _file(folders, folder, "direct_url.json") is None:
        return False
    try:
        found = decoder(_DirectUrl).decode(_read(folders, folder, "direct_url.json"))
    except (NotKept, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return found.dir_info.editable


def _file(folders: Folders, folder: Folder, name: str) -> Node | None:
    """The regular file `name` in `folder`, a link followed."""
    if folder is MISSING or name not in folder.children:
        return None
    node = folders.node(f"{folder.path}/{name}")
    return node if node is not None and node.kind is Kind.FILE else None


def _read(folders: Folders, folder: Folder, name: str) -> bytes:
    path = resolve(folders.fs, f"{folder.path}/{name}")
    return folders.fs.read(path or f"{folder.path}/{name}")
