"""Single files of a container through its archive: `stat` by HEAD, content by GET."""

from __future__ import annotations

import posixpath
import re
from contextlib import AbstractContextManager
from typing import Annotated, BinaryIO

import msgspec

from inspector.engine.failures import message, refusal
from inspector.engine.model import Stat
from inspector.engine.transport import Answer, Transport, path_segment
from inspector.errors import LimitExceeded, Malformed, Unsupported
from inspector.escape import in_ascii
from inspector.oci import decoder
from inspector.rootfs import Kind

_SECONDS = 120.0
"""A container is locked while another's answer from it is unread."""
_MAX_NAMES = 200
"""Docker answers as for links in a circle where a path, links followed, has more than 255 names."""
_MAX_NAME = 255
_HEADER = "x-docker-container-path-stat"
_MAX_HEADER = 1 << 16
_PODMAN = "libpod-api-version"
_NO_DIRECTORY = r": not a directory\Z"
_CIRCLE = r"\AevalSymlinksInScope: too many links in |: too many levels of symbolic links\Z"
"""Held to the ends of a message, since a path of the image's choice stands between."""

_DIRECTORY, _SYMLINK, _DEVICE, _FIFO, _SOCKET, _CHAR, _IRREGULAR = (1 << bit for bit in (31, 27, 26, 25, 24, 21, 19))
_KINDS = ((_SYMLINK, Kind.SYMLINK), (_DIRECTORY, Kind.DIRECTORY), (_CHAR, Kind.CHAR), (_DEVICE, Kind.BLOCK))
_SPECIAL_BITS = ((1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000))


class _PathStat(msgspec.Struct, rename="camel"):
    size: Annotated[int, msgspec.Meta(lt=1 << 62)] = 0
    mode: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 0
    link_target: str = ""


def stat(transport: Transport, container: str, path: str) -> Stat | None:
    """See `Engine.stat`; Docker and Podman are read alike."""
    path = "/" + path.strip("/")
    names = path.encode("utf-8", "surrogateescape").split(b"/")
    if any(b"\0" in name or len(name) > _MAX_NAME for name in names):
        return None
    if len(names) > _MAX_NAMES:
        raise LimitExceeded(f"{in_ascii(path)}: a path of more than {_MAX_NAMES} names")
    answer = _head(transport, container, path)
    if _HEADER in answer.headers and answer.status in (200, 404):
        return _stat(path, _decoded(path, answer.headers[_HEADER]))
    if answer.status == 200:
        raise Malformed(f"{in_ascii(path)}: the engine's answer lacks the header {_HEADER}")
    if answer.status != 404:
        return _explained(transport, container, path, answer)
    if _PODMAN in answer.headers and any("\udc80" <= letter <= "\udcff" for letter in path):
        raise Unsupported(f"{in_ascii(path)}: Podman can't be asked for a path that is not UTF-8")
    return None


def opened(transport: Transport, container: str, path: str) -> AbstractContextManager[BinaryIO]:
    """See `Engine.archive`."""
    return transport.stream(_address(container), in_ascii(path), query={"path": path}, seconds=_SECONDS)


def _explained(transport: Transport, container: str, path: str, answer: Answer) -> Stat | None:
    """Return what a 500 means: engines give it for a path below a file, and for links in a circle. Raises `Refused`.

    A HEAD brings no words, so the same is asked by GET.
    """
    again = transport.ask("GET", _address(container), query={"path": path}, seconds=_SECONDS)
    words = message(again.body).strip() if again.status == answer.status == 500 else ""
    if re.search(_NO_DIRECTORY, words):
        return None
    if not re.search(_CIRCLE, words):
        raise refusal(transport.endpoint, in_ascii(path), answer.status, again.body)
    folder = _head(transport, container, posixpath.join(posixpath.dirname(path), "."))
    return Stat(0, Kind.SYMLINK, 0o777, path) if folder.status == 200 else None


def _head(transport: Transport, container: str, path: str) -> Answer:
    return transport.ask("HEAD", _address(container), query={"path": path}, seconds=_SECONDS)


def _address(container: str) -> str:
    return f"/containers/{path_segment(container)}/archive"


def _decoded(path: str, text: str) -> _PathStat:
    """Return the header's JSON; Podman writes base64 in the alphabet for URLs."""
    where = f"{in_ascii(path)}: the engine's header {_HEADER}"
    if len(text) > _MAX_HEADER:
        raise Malformed(f"{where} has {len(text)} bytes")
    import base64  # no other access method reads such headers

    try:
        content = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
        return decoder(_PathStat).decode(content)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{where} can't be read: {error}") from error


def _stat(path: str, said: _PathStat) -> Stat:
    """Podman follows the last link, names its target, and states where every path leads."""
    kind = _kind(path, said.mode)
    leads = posixpath.normpath(said.link_target) if said.link_target else path
    if leads != path and "\ufffd" not in leads:
        kind = Kind.SYMLINK
    bits = said.mode & 0o777
    for go, unix in _SPECIAL_BITS:
        bits |= unix if said.mode & go else 0
    if kind is not Kind.SYMLINK:
        return Stat(max(said.size, 0) if kind is Kind.FILE else 0, kind, bits)
    if "\ufffd" in said.link_target:
        raise Unsupported(f"{in_ascii(path)}: the engine can't tell where this link leads, since that is not UTF-8")
    return Stat(0, kind, 0o777, said.link_target)


def _kind(path: str, mode: int) -> Kind:
    """Tell the kind of a Go `FileMode`, whose bits are not the kernel's."""
    if mode & (_SOCKET | _IRREGULAR):
        raise Unsupported(f"{in_ascii(path)}: a socket, or another thing that no layer can hold")
    if mode & _FIFO:
        return Kind.FIFO
    return next((kind for bit, kind in _KINDS if mode & bit), Kind.FILE)
