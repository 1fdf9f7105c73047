"""The files of a container that was created and never started, asked for one by one through the archive API."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import BinaryIO, Protocol, TypeVar

from inspector import work
from inspector.elf import Content as Whole
from inspector.elf import Listed, LoaderFacts, NotElf, Skeleton, Symbols, read_skeleton
from inspector.engine.client import Engine
from inspector.engine.containers import created, remove_leftovers
from inspector.engine.model import Stat
from inspector.errors import InspectorError, LimitExceeded, NotFound
from inspector.layers.entry import Entry
from inspector.layers.retention import MAX_KEPT, kept
from inspector.oci import ImageConfig
from inspector.rootfs import Kind, Node, NotKept, NotListed
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.answers import HOLD_SUCH, MADE_BY_ENGINES, Content, Subtree, read_single, read_subtree

MAX_QUESTIONS = 3000
"""Requests made for one image; a whole one takes some 150, and links made to mislead could take any number."""
MAX_STREAMED = 16 << 30
"""Bytes of one directory that are waited for; a site folder with CUDA's libraries has 6 GB."""
MAX_ENTRIES = 1_500_000
"""Files of all directories taken in."""

_MAX_PATH, _MAX_NAME = 4096, 255  # bytes, Linux's own; no directory of an image holds a longer name
_AHEAD = 1 << 20
"""Bytes of a file's archive that may come beyond those asked for."""
_WHOLE = {"/bin": 1 << 20, "/sbin": 1 << 20, ".dist-info": 8 << 20}
"""Bytes up to which a folder is taken in whole, by its name's ending: of these several files are asked for."""
_CROWDED = frozenset({"/bin", "/sbin", "/usr/bin", "/usr/sbin"})
_NOTED = frozenset({Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK})
_MAX_LIBC = 4 << 20
_NO_OBJECTS = "shared libraries are not read through an engine's archive API"

T = TypeVar("T")


class Archive(Protocol):
    """What of an engine is needed here; see `Engine`."""

    def stat(self, container: str, path: str) -> Stat | None:
        """See `Engine.stat`."""

    def archive(self, container: str, path: str) -> AbstractContextManager[BinaryIO]:
        """See `Engine.archive`."""


@contextmanager
def container_files(engine: Engine, image: str, config: ImageConfig) -> Iterator[ContainerRootfs]:
    """Provide the files of a container made of `image`, best an id, which is removed on leaving.

    Raises `AccessUnusable` on leaving where the container went away meanwhile: then what was said of it is void.
    A temporary file system in the place of each volume keeps the engine from copying what the image has there;
    the archive API does not show it.
    """
    body = {"WorkingDir": "/", "HostConfig": {"Tmpfs": dict.fromkeys(config.run.volumes or (), "")}}
    with suppress(InspectorError):  # an engine may let us create and not list
        remove_leftovers(engine)
    with created(engine, image, body=body) as container:
        files = ContainerRootfs(engine, container)
        yield files
        files.confirm()


class ContainerRootfs:
    """A `ContainerFiles` over a container. The `target` of a link is where it leads; `readlink` has its text.

    Once a request fails for another reason than a missing file, every further one raises `AccessUnusable`.
    """

    def __init__(self, engine: Archive, container: str) -> None:
        self._engine, self._container = engine, container
        self._nodes: dict[str, Node | None] = {}
        self._contents: dict[str, bytes] = {}
        self._texts: dict[str, str] = {}
        self._trees: dict[str, Subtree] = {}
        self._large: set[str] = set()
        self._entries = MAX_ENTRIES
        self._kept = MAX_KEPT
        self._skeletons: dict[str, Skeleton | NotElf] = {}
        self.opens_libc = True
        self.budget = work.Budget()
        self._failure = ""
        self.questions = 0
        self.bytes_read = 0

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        path = path or "/"
        tree = self._tree_of(path)
        if tree is not None:
            return tree.node(path)
        if path not in self._nodes:
            self._nodes[path] = self._asked_for(path) if self._is_reached(path) else None
        return self._nodes[path]

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `ContainerFiles`."""
        path = path or "/"
        tree = self._tree_of(path)
        if tree is not None:
            return tree.children(path)
        node = None if path == "/" else self.lstat(path)
        return _Unlisted(self, path) if path == "/" or (node and node.kind is Kind.DIRECTORY) else {}

    def readlink(self, path: str) -> str:
        """See `Rootfs.readlink`. Podman, which follows every link, tells only where this one leads."""
        self._expect(path, Kind.SYMLINK)
        self._take_folder(path)
        node = self._expect(path, Kind.SYMLINK)
        if self._tree_of(path) is not None:
            return node.target
        if path not in self._texts:  # a request takes 50 ms, and an interpreter's link is read again and again
            self._texts[path] = self._single(path).link or node.target
        return self._texts[path]

    def read(self, path: str) -> bytes:
        """See `Rootfs.read`."""
        self._expect(path, Kind.FILE)
        self._take_folder(path)
        node = self._expect(path, Kind.FILE)
        data = self._content(path, node)
        if len(data) < node.size:
            raise NotKept(f"{path!r}: not one of the files that are read whole")
        return data

    def skeleton(self, path: str) -> Skeleton | NotElf:
        """See `Rootfs.skeleton`. A library comes whole or not at all here: with `opens_libc`, the C library does."""
        if path in self._skeletons:
            return self._skeletons[path]
        node = self._expect(path, Kind.FILE)
        if not self.opens_libc or posixpath.basename(path) != "libc.so.6" or node.size > min(_MAX_LIBC, self._kept):
            raise NotKept(f"{path!r}: {_NO_OBJECTS}")
        self._kept -= node.size
        self._skeletons[path] = read_skeleton(Whole(self._start(path, node, node.size)))
        return self._skeletons[path]

    def symbols(self, path: str) -> Symbols:
        """See `Rootfs.symbols`."""
        raise NotKept(f"{path!r}: {_NO_OBJECTS}")

    def loader(self, path: str) -> LoaderFacts:
        """See `Rootfs.loader`."""
        raise NotKept(f"{path!r}: {_NO_OBJECTS}")

    def listed(self, path: str) -> Listed:
        """See `Rootfs.listed`."""
        raise NotKept(f"{path!r}: {_NO_OBJECTS}")

    def sum(self, path: str) -> bytes:
        """See `Rootfs.sum`."""
        raise NotKept(f"{path!r}: {_NO_OBJECTS}")

    def head(self, path: str) -> bytes:
        """See `Rootfs.head`."""
        self._expect(path, Kind.FILE)
        self._take_folder(path)
        node = self._expect(path, Kind.FILE)
        data = self._content(path, node)
        if node.size and not data:
            raise NotKept(f"{path!r}: not one of the files whose beginning is read")
        return data

    def stream(self, path: str, *, limit: int = MAX_STREAMED) -> None:
        """See `ContainerFiles.stream`. Raises `LimitExceeded`, `NotListed` for where an engine puts its own files."""
        if path in HOLD_SUCH or not path:
            raise NotListed(f"{path or '/'!r} is not listed in a container: it is too large, or holds the engine's own")
        if self._tree_of(path) is not None:
            return
        self._expect(path, Kind.DIRECTORY)
        self._take(path, limit)

    def confirm(self) -> None:
        """Ask once more, since an engine says the same of a missing file and of a container that is gone.

        Raises `AccessUnusable` where all answers since the last one are void.
        """
        if self._ask(lambda: self._engine.stat(self._container, "/")) is None:
            raise self._broken("the container made for it was removed meanwhile")

    def _is_reached(self, path: str) -> bool:
        """Tell whether all folders on the way are folders and no links, asked from the root on.

        None for what can't be.
        """
        raw = path.encode("utf-8", "surrogateescape")
        if len(raw) >= _MAX_PATH or b"\0" in raw or len(max(raw.split(b"/"), key=len)) > _MAX_NAME:
            return False
        at = path.find("/", 1)
        while at > 0:
            node = self.lstat(path[:at])
            if node is None or node.kind is not Kind.DIRECTORY:
                return False
            at = path.find("/", at + 1)
        return True

    def _asked_for(self, path: str) -> Node | None:
        if path in MADE_BY_ENGINES:
            raise NotKept(f"{path!r} is the engine's own in every container")
        stat = self._ask(lambda: self._engine.stat(self._container, path))
        return None if stat is None else Node(stat.kind, stat.mode, stat.size, stat.target, uid=-1, gid=-1)

    def _expect(self, path: str, kind: Kind) -> Node:
        node = self.lstat(path)
        if node is None or node.kind is not kind:
            raise NotFound(f"{path!r} is no {kind.value} of the image")
        return node

    def _content(self, path: str, node: Node) -> bytes:
        """Return what an index would keep of the file; asked for only where that is anything at all."""
        tree = self._tree_of(path)
        if tree is not None:
            return tree.data(node)
        if path not in self._contents and node.size:
            left = self._kept
            self._contents[path] = kept(
                path[1:], node.mode, node.size, left, lambda size: self._start(path, node, size)
            )
            self._kept -= len(self._contents[path])
        return self._contents.get(path, b"")

    def _start(self, path: str, node: Node, size: int) -> bytes:
        """Return the first bytes of a file."""
        found = self._single(path, size)
        if found.kind is not Kind.FILE or found.size != node.size:
            raise self._broken(f"its answers about {path[:300]!a} contradict each other")
        return found.data

    def _single(self, path: str, size: int = 0) -> Content:
        """Return what the engine's archive of one file or link holds; closed after `size` bytes of content."""

        def read() -> Content:
            with self._engine.archive(self._container, path) as stream:
                return read_single(self._counted(stream, size + _AHEAD), size)

        return self._ask(read)

    def _take_folder(self, path: str) -> None:
        """Take in the folder that `path` lies in, if it is of a kind that more is asked of, and small."""
        folder, _, _ = path.rpartition("/")
        limit = next((limit for ending, limit in _WHOLE.items() if folder.endswith(ending)), 0)
        if not limit or folder in _CROWDED or folder in self._large or self._tree_of(path) is not None:
            return
        try:
            self._take(folder, limit)
        except LimitExceeded:
            self._large.add(folder)

    def _take(self, path: str, limit: int) -> None:
        begun: list[Entry] = []

        def read() -> Subtree | LimitExceeded:
            with self._engine.archive(self._container, path) as stream:
                try:
                    return read_subtree(self._counted(stream, limit), path, len(self._trees), begun)
                except LimitExceeded as error:  # says nothing against the engine
                    return error

        tree = self._ask(read)
        if isinstance(tree, LimitExceeded):
            self._note(path, begun)
            raise tree
        self._entries -= tree.entries
        if self._entries < 0:
            raise self._broken(f"more than {MAX_ENTRIES} files were listed")
        for inner in [top for top in self._trees if top.startswith(f"{path}/")]:
            del self._trees[inner]
        self._trees[path] = tree

    def _note(self, top: str, entries: Sequence[Entry]) -> None:
        """Keep what came of a directory before it was broken off, so that it is not asked for again.

        A name that stands there twice, as no engine writes it, is left to a question of its own.
        """
        counts = Counter(entry.path for entry in entries)
        for entry in entries:
            path = f"{top}/{entry.path}"
            if not entry.path or counts[entry.path] > 1 or entry.kind not in _NOTED:
                continue
            node = Node(entry.kind, entry.mode, entry.size, entry.link, uid=entry.uid, gid=entry.gid)
            self._nodes.setdefault(path, node)
            if entry.kind is Kind.SYMLINK:
                self._texts[path] = entry.link
            elif entry.kind is Kind.FILE and len(entry.data) <= self._kept and path not in self._contents:
                self._contents[path] = entry.data
                self._kept -= len(entry.data)

    def _tree_of(self, path: str) -> Subtree | None:
        """Return the directory taken in that `path` lies in."""
        work.check()
        for top, tree in self._trees.items():
            if path == top or (path.startswith(top) and path[len(top)] == "/"):
                return tree
        return None

    def _ask(self, question: Callable[[], T]) -> T:
        """Return one request. Raises `AccessUnusable` where the engine does not answer it, as for all further ones."""
        if self._failure:
            raise AccessUnusable(self._failure)
        self.questions += 1
        if self.questions > MAX_QUESTIONS:
            raise self._broken(f"it takes more than {MAX_QUESTIONS} questions")
        try:
            return question()
        except InspectorError as error:
            raise self._broken(str(error)) from error

    def _broken(self, why: str) -> AccessUnusable:
        self._failure = self._failure or why
        return AccessUnusable(self._failure)

    def _counted(self, stream: BinaryIO, limit: int) -> Iterator[bytes]:
        """Yield the chunks of a stream, counted. Raises `LimitExceeded` past `limit`."""
        size, left = 1 << 14, limit
        while chunk := stream.read(size):
            self.bytes_read += len(chunk)
            left -= len(chunk)
            if left < 0:
                raise LimitExceeded(f"more than {limit} bytes in one answer of the engine")
            size = min(size * 2, 1 << 18)
            yield chunk


class _Unlisted(Mapping[str, Node]):
    """What lies in a directory, by name; listed once the directory was taken in."""

    def __init__(self, fs: ContainerRootfs, path: str) -> None:
        self._fs, self._path = fs, path

    def __getitem__(self, name: str) -> Node:
        node = self._fs.lstat(f"{self._path.rstrip('/')}/{name}") if name and "/" not in name else None
        if node is None:
            raise KeyError(name)
        return node

    def __iter__(self) -> Iterator[str]:
        return iter(self._listing())

    def __len__(self) -> int:
        return len(self._listing())

    def _listing(self) -> Mapping[str, Node]:
        listing = self._fs.scandir(self._path)
        if isinstance(listing, _Unlisted):
            raise NotListed(f"{self._path!r} was not listed: only single files were asked for")
        return listing
