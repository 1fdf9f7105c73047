"""The files of a fake engine's container: a tree that is asked by path, with links as Docker and Podman follow them."""

from __future__ import annotations

import base64
import json
import posixpath
import stat
import tarfile
from collections.abc import Sequence

from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Member, Tree, tar_of

_GO = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}
_MADE_BY_DOCKER: Tree = {
    ".dockerenv": File(b"", 0o755),
    "dev": Dir(),
    "dev/console": File(b"", 0o755),
    "etc/hostname": File(b"", 0o755),
    "etc/hosts": File(b"", 0o755),
    "etc/resolv.conf": File(b"", 0o755),
}


class Missing(Exception):
    """No such file: answered with 404, and with the header that Podman gives for a link that dangles."""

    def __init__(self, header: str = "") -> None:
        self.header = header


class Broken(Exception):
    """A path below a file, or links in a circle: answered with 500."""


class Files:
    """What a container shows: layers merged, base first, and, with Docker, what it puts there itself."""

    def __init__(self, layers: Sequence[Tree], *, podman: bool) -> None:
        self._podman = podman
        self.members = _merged([*layers, {} if podman else _MADE_BY_DOCKER])

    def header(self, path: str) -> str:
        """Return the stat header for `path`. Raises `Missing`, `Broken`."""
        if self._podman and not path.isprintable() and any("\udc80" <= letter <= "\udcff" for letter in path):
            raise Missing  # its helper is asked in JSON, in which such bytes are lost
        follow = path.endswith("/") and path != "/"
        real = self._real(path.rstrip("/") or "/", follow=follow)
        member = self.members.get(real)
        if member is None:
            raise Missing
        target = self._target(real) if isinstance(member, Link) else ""
        if not self._podman:
            return _header(posixpath.basename(path.rstrip("/")) or "/", member, target)
        said = _header(
            posixpath.basename(target) or posixpath.basename(path) or ".", member, target or path, podman=True
        )
        if isinstance(member, Link) and target not in self.members:
            raise Missing(said)
        return said

    def tar(self, path: str) -> bytes:
        """Write the tar that GET sends: Docker's doesn't follow a link at the end, Podman's does. As `header`."""
        real = self._real(path.rstrip("/") or "/", follow=self._podman or path.endswith(("/", "/.")))
        if real not in self.members:
            raise Missing
        top = "" if real == "/" else "." if path.endswith("/.") else posixpath.basename(path.rstrip("/"))
        below = "/" if real == "/" else f"{real}/"
        found: dict[str, Member] = {}
        if isinstance(self.members[real], Dir):
            found[f"{top}/"] = self.members[real]
            found |= {
                f"{top}/{name[len(below) :]}": self.members[name] for name in sorted(self.members) if _in(name, below)
            }
        else:
            found[top] = self.members[real]
        return tar_of(found)

    def _real(self, path: str, *, follow: bool) -> str:
        """Follow the links of a path's parents inside the root; the last one's too, if asked."""
        names = [name for name in path.split("/") if name and name != "."]
        done = "/"
        for number, name in enumerate(names):
            done = posixpath.dirname(done) if name == ".." else posixpath.join(done, name)
            last = number == len(names) - 1
            if isinstance(self.members.get(done), Link) and (follow or not last):
                done = self._target(done)
            if not last and not isinstance(self.members.get(done), Dir):
                raise Missing if done not in self.members or self._podman else Broken(f"lstat {path}: not a directory")
        return done

    def _target(self, path: str) -> str:
        for _ in range(40):
            member = self.members.get(path)
            if not isinstance(member, Link):
                return path
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.target))
            try:
                path = self._real("/" + joined.lstrip("/"), follow=False)
            except Missing:
                return "/" + joined.lstrip("/")
        raise Broken("evalSymlinksInScope: too many links in " + path)


def _in(name: str, below: str) -> bool:
    return name.startswith(below) and name != below


def _merged(layers: Sequence[Tree]) -> dict[str, Member]:
    merged: dict[str, Member] = {"/": Dir()}
    for layer in layers:
        for name in layer:
            folder, base = posixpath.split("/" + name.strip("/"))
            if base == ".wh..wh..opq":
                _drop(merged, folder, keep=True)
            elif base.startswith(".wh."):
                _drop(merged, posixpath.join(folder, base[4:]))
        for name, member in layer.items():
            path = "/" + name.strip("/")
            if not posixpath.basename(path).startswith(".wh."):
                _put(merged, path, member)
    return merged


def _put(merged: dict[str, Member], path: str, member: Member) -> None:
    parent = posixpath.dirname(path)
    if parent not in merged:
        _put(merged, parent, Dir())
    if not isinstance(member, Dir):
        _drop(merged, path)
    merged[path] = merged["/" + member.target.strip("/")] if isinstance(member, Hardlink) else member


def _drop(merged: dict[str, Member], path: str, *, keep: bool = False) -> None:
    below = path.rstrip("/") + "/"
    for name in [name for name in merged if (name.startswith(below) and name != "/") or (name == path and not keep)]:
        del merged[name]


def _header(name: str, member: Member, target: str, *, podman: bool = False) -> str:
    said: dict[str, object] = {
        "name": name,
        "size": _size(member),
        "mode": _mode(member),
        "mtime": "2024-01-01T00:00:00Z",
    }
    if podman:
        said["isDir"] = isinstance(member, Dir)
    content = json.dumps(_as_go_writes({**said, "linkTarget": target})).encode()
    return (base64.urlsafe_b64encode if podman else base64.b64encode)(content).decode()


def _as_go_writes(said: dict[str, object]) -> dict[str, object]:
    """Replace bytes that are not UTF-8, as Go does."""
    return {
        key: value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else value
        for key, value in said.items()
    }


def _size(member: Member) -> int:
    match member:
        case bytes():
            return len(member)
        case File():
            return len(member.data)
        case Link():
            return len(member.target)
        case _:
            return 4096


def _mode(member: Member) -> int:
    """Return Go's FileMode."""
    match member:
        case Dir() | File():
            mode = member.mode & 0o777 | sum(go for unix, go in _GO.items() if member.mode & unix)
            return mode | (1 << 31 if isinstance(member, Dir) else 0)
        case Link():
            return 0o777 | 1 << 27
        case Device():
            return 0o644 | (1 << 26 | 1 << 21 if member.type == tarfile.CHRTYPE else 1 << 25)
        case _:
            return 0o644
