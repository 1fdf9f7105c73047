"""One distribution from its metadata directory (`*.dist-info`, `*.egg-info`, `EGG-INFO`) or egg-info file."""

from __future__ import annotations

import msgspec

from inspector.errors import Unsupported
from inspector.oci import decoder
from inspector.python.folders import MISSING, Folder, Folders
from inspector.python.installed import Installed, Notes
from inspector.python.metadata import (
    MAX_HEADERS,
    Headers,
    canonical,
    headers_of,
    is_name,
    parse_headers,
    parse_requires_txt,
)
from inspector.python.record import Owned, Rows, by_folder, lines_of, owned
from inspector.rootfs import Kind, Node, NotKept, NotListed, resolve

_LISTS = ("RECORD", "installed-files.txt")
_BYTES_A_STEP = 10
MAX_INSTALLER = 100
"""Characters of an installer's name that are kept."""


class _DirInfo(msgspec.Struct, frozen=True):
    editable: bool = False


class _DirectUrl(msgspec.Struct, frozen=True):
    """The part of direct_url.json that matters."""

    dir_info: _DirInfo = _DirInfo()


def read_distribution(folders: Folders, site: str, name: str, notes: Notes) -> Installed | None:
    """Return the distribution whose metadata is `site`/`name`; None for what pip takes for none, with a warning.

    Metadata that can't be read is noted: its distribution goes by the name of the directory. Raises `InspectorError`
    where nothing tells, `LimitExceeded` past what an image may take.
    """
    path = resolve(folders.fs, f"{site}/{name}")
    if path is None:
        return None
    folder = folders.at(path)
    warnings = notes.warnings
    try:
        headers, layer = _headers(folders, folder, path)
    except (NotKept, Unsupported) as error:
        warnings.append(f"{f'{site}/{name}'!r} can't be read, and is listed by its name alone: {error}")
        notes.unread.append(f"{site}/{name}")
        node = folders.node(path)
        headers, layer = _named(name), node.layer if node else None
    if not is_name(headers.name):
        told = f"the name {headers.name[:100]!r}" if headers.name else "no name"
        warnings.append(f"the metadata in {f'{site}/{name}'!r} states {told}; pip takes it for no distribution")
        return None
    if not headers.version:
        warnings.append(f"the metadata in {f'{site}/{name}'!r} states no version")
    rows = _rows(folders, folder) if canonical(headers.name) == "torch" else None
    files = _owned(folders, folder, site, f"{site}/{name}", warnings, rows)
    return Installed(
        name=headers.name,
        version=headers.version,
        path=f"{site}/{name}",
        site=site,
        layer=layer,
        installer=_installer(folders, folder),
        requires=headers.requires,
        cut=headers.cut,
        owned=files,
        rows=rows,
        editable=_editable(folders, folder),
        license=headers.license,
        license_expression=headers.license_expression,
    )


def read_metadata(folders: Folders, directory: str, name: str) -> bytes | None:
    """Return the file `name` in a metadata directory; None where there is none. Raises `InspectorError`."""
    folder = folders.at(directory)
    return None if folder.path is None or name not in folder.children else folders.fs.read(f"{folder.path}/{name}")


def _headers(folders: Folders, folder: Folder, path: str) -> tuple[Headers, int | None]:
    """Return the headers of the first metadata file, in importlib.metadata's order, and the layer that brought it."""
    if folder.path is None:
        node = folders.node(path)
        headers = _parsed(folders, path, node) if node and node.kind is Kind.FILE else Headers()
        return headers, node.layer if node else None
    for file in ("METADATA", "PKG-INFO"):
        node = _file(folders, folder, file)
        if node is None:
            continue
        headers = _parsed(folders, f"{folder.path}/{file}", node)
        listed = None if headers.requires else _file(folders, folder, "requires.txt")
        if listed is not None:
            requires, cut = folders.once(
                "requires.txt", listed.inode or folder.path, lambda: _requires_txt(folders, folder)
            )
            headers = msgspec.structs.replace(headers, requires=requires, cut=cut)
        return headers, node.layer
    return Headers(), None


def _parsed(folders: Folders, path: str, node: Node) -> Headers:
    """Return the headers in the file at `path`, read once for all its names. Raises `NotKept`, `Unsupported`."""

    def parse() -> Headers:
        content = folders.read(path)
        head = headers_of(content)
        _count(folders, MAX_HEADERS if head is None else len(head))
        if head is None:
            raise Unsupported(f"its headers have more than {MAX_HEADERS} bytes")
        return parse_headers(head)

    return folders.once("metadata", node.inode or path, parse)


def _named(name: str) -> Headers:
    """Return what the name of the directory tells, `torch-2.14.1.dist-info`; nothing of requirements."""
    stem, dash, version = name.rpartition(".")[0].partition("-")
    return Headers(stem, version.partition("-")[0] if dash else "", cut=True)


def _count(folders: Folders, size: int) -> None:
    folders.budget.spend("steps", size // _BYTES_A_STEP, "headers of metadata")


def _requires_txt(folders: Folders, folder: Folder) -> tuple[tuple[str, ...], bool]:
    try:
        content = folders.read(f"{folder.path}/requires.txt")
    except NotKept:
        return (), True
    _count(folders, len(content))
    return parse_requires_txt(content)


def _rows(folders: Folders, folder: Folder) -> Rows | None:
    """Return the rows of a RECORD, which stay in memory; None if it is missing or can't be read."""
    if _file(folders, folder, "RECORD") is None:
        return None
    try:
        rows = Rows(folders.read(f"{folder.path}/RECORD"))
    except NotKept:
        return None
    next(rows.parts(), None)  # taken apart before their folders are asked for
    return rows


def _owned(
    folders: Folders, folder: Folder, site: str, shown: str, warnings: list[str], rows: Rows | None
) -> Owned | None:
    """Return the files that the first list tells.

    None, with a warning, where there is none or it can't be read whole.
    """
    name = next((name for name in _LISTS if _file(folders, folder, name) is not None), None)
    if name is None:
        return None
    base = site if name == "RECORD" else folder.path or site
    node = _file(folders, folder, name)
    try:
        found = folders.once(name, (_content(node, folder), base), lambda: _listed(folders, folder, name, base, rows))
    except NotListed:
        return None
    if isinstance(found, str):
        warnings.append(f"the list of files of {shown!r} {found}, so its size is not known")
        return None
    return found


def _content(node: Node | None, folder: Folder) -> int | str | None:
    """Return what stands for the content of a file: where inodes are not told, the folder that it is in."""
    return (node.inode if node else 0) or folder.path


def _listed(folders: Folders, folder: Folder, name: str, base: str, rows: Rows | None) -> Owned | str:
    """Return what a list of files leads to against `base`; its `rows` may be known.

    The clause that says why it can't be used, where it can't.
    """
    try:
        content = folders.read(f"{folder.path}/{name}") if rows is None else b""
    except NotKept as error:
        return f"was not kept ({error})"
    if name == "RECORD":
        rows = rows or Rows(content)
        found = owned(folders, base, rows.folders(), folders.below(base))
    else:
        rows = None
        found = owned(folders, base, by_folder(lines_of(content)))
    if found is None:
        return "names more that is not there than is believable"
    return f"has rows that can't be read ({rows.unread})" if rows is not None and rows.unread else found


def _installer(folders: Folders, folder: Folder) -> str | None:
    if _file(folders, folder, "INSTALLER") is None:
        return None
    try:
        lines = folders.read(f"{folder.path}/INSTALLER").decode("utf-8", "replace").split("\n")
    except NotKept:
        return None
    return lines[0].strip()[:MAX_INSTALLER] or None


def _editable(folders: Folders, folder: Folder) -> bool:
    """Tell whether direct_url.json (direct URL data structure) says so, or may: its bytes were not kept."""
    if _file(folders, folder, "direct_url.json") is None:
        return False
    try:
        found = decoder(_DirectUrl).decode(folders.read(f"{folder.path}/direct_url.json"))
    except NotKept:
        return True
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return found.dir_info.editable


def _file(folders: Folders, folder: Folder, name: str) -> Node | None:
    """Return the regular file `name` in `folder`, a link followed."""
    if folder is MISSING or name not in folder.children:
        return None
    node = folders.node(f"{folder.path}/{name}")
    return node if node is not None and node.kind is Kind.FILE else None
