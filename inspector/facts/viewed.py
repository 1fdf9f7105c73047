"""What a container's mounts and changes do to the answer: what they hide or alter is not known, and said so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from inspector.facts.imports import unknown_imports
from inspector.facts.model import Command, ImageFacts
from inspector.layers.merge import MergedRootfs
from inspector.python.model import Interpreter
from inspector.rootfs import MOUNTED, Below, Kind, Names, Node, NotKept, resolve
from inspector.sources.access import AccessUnusable
from inspector.sources.image import Image, View
from inspector.torchbuild.model import Torch
from inspector.unknown import Importable, Unknown

_BYTECODE = "/__pycache__/"
_LIBRARY = r"\.so(?:\.[0-9.]+)?\Z"


class ViewedRootfs(MergedRootfs):
    """The tree of a container: what a mount hides is not there, and who asks for it is noted.

    `asked` are hashes of all paths that were looked at singly, `touched` the mounts among them.
    """

    def __init__(self, whole: MergedRootfs, view: View) -> None:
        vars(self).update(vars(whole))
        self.hidden = {_real(whole, path): why for path, why in view.hidden.items()}
        self.asked: set[int] = set()
        self.touched: set[str] = set()

    def lstat(self, path: str) -> Node | None:
        """See `Rootfs.lstat`."""
        self.asked.add(hash(path))
        mount = self._mount_over(path)
        if mount is None:
            node = super().lstat(path)
            self._note_empty(path, node)
            return node
        self.touched.add(mount)
        return super().lstat(path) if path == mount else None

    def scandir(self, path: str) -> Mapping[str, Node]:
        """See `Rootfs.scandir`. To list a mount is not to want what is in it: whole trees are walked."""
        mount = self._mount_over(path)
        if mount is None:
            return super().scandir(path)
        if path != mount:
            self.touched.add(mount)
        return _Hidden(lambda: self.touched.add(mount))

    def names(self, path: str) -> Names:
        """See `names_in`: nothing is listed that lies in a mount."""
        return ((), ()) if self._mount_over(path) else super().names(path)

    def sums(self, files: Mapping[str, Node]) -> dict[str, bytes | NotKept]:
        """See `sums_in`: each is looked at."""
        for path in files:
            self.lstat(path)
        return super().sums(files)

    def names_below(self, path: str) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
        """See `rootfs.names_below`: nothing is listed that lies in a mount."""
        for here, directories, others in super().names_below(path):
            if not self._mount_over(here.rstrip("/") or "/"):
                yield here, directories, others

    def below(self, path: str) -> Below | None:
        """See `files_below`: a tree that has a mount in it is listed directory by directory."""
        mounted = self._mount_over(path) or any(_within(mount, path) for mount in self.hidden)
        return None if mounted else super().below(path)

    def _note_empty(self, path: str, node: Node | None) -> None:
        """Note an empty library of the container's own: its runtime may mount another over it, as those of GPUs do."""
        if node is None or node.size or node.kind is not Kind.FILE or node.layer != len(self._binaries) - 1:
            return
        if re.search(_LIBRARY, path):
            why = f"{path[:200]!a} is empty in the container, so that another may be mounted over it"
            self.hidden.setdefault(path, why)
            self.touched.add(path)

    def _mount_over(self, path: str) -> str | None:
        return next((mount for mount in self.hidden if _within(path, mount)), None)


class _Hidden(Mapping[str, Node]):
    """What lies in a mount: nothing that is listed, and who asks for a single name is noted."""

    def __init__(self, note: Callable[[], None]) -> None:
        self._note = note

    def __getitem__(self, name: str) -> Node:
        self._note()
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def viewed(fs: MergedRootfs, view: View | None) -> MergedRootfs:
    """Return the tree as a program in the container sees it: without what lies below what every container mounts."""
    fs.clear(MOUNTED)
    return fs if view is None else ViewedRootfs(fs, view)


def seen_interpreter(fs: MergedRootfs, interpreter: Interpreter | Unknown) -> Interpreter | Unknown:
    """Return the interpreter, unknown where a mount may hold another one, or a part of it."""
    if not isinstance(fs, ViewedRootfs) or isinstance(interpreter, Unknown):
        return interpreter
    sites = [resolve(fs, entry) or entry for entry in interpreter.search_path if entry.endswith("-packages")]
    for mount, why in fs.hidden.items():
        searched = any(_within(mount, site) for site in sites)  # which decides what is imported, not by whom
        if _holds(mount, interpreter) or (mount in fs.touched and not searched):
            return Unknown(why)
    return interpreter


def settled(fs: MergedRootfs, image: Image, seen: ImageFacts) -> ImageFacts:
    """Return the facts less what a mount hides. Raises `AccessUnusable` where they rest on what changed meanwhile."""
    if not isinstance(fs, ViewedRootfs) or image.view is None:
        return seen
    matter = _Matter(fs, image.config.working_dir, seen.interpreter)
    for changed in image.view.changed():
        path = changed.rstrip("/")
        if changed != path and _is_directory(fs, path):
            continue
        if hash(path) in fs.asked or (_BYTECODE not in f"{path}/" and matter.concerns(path)):
            raise AccessUnusable(f"{path[:300]!a} in the container changed while it was read; try again")
    asked = fs.touched.copy()
    for mount, why in fs.hidden.items():
        if mount in asked or matter.concerns(mount):
            listed = isinstance(seen.interpreter, Unknown) or any(map(matter.concerns, fs.hidden))
            return _without(seen, why, listed=listed, asked=bool(asked))
    return seen


class _Matter:
    """Where the interpreter looks for what it imports."""

    def __init__(self, fs: ViewedRootfs, cwd: str, interpreter: Interpreter | Unknown) -> None:
        self._fs = fs
        self._interpreter = interpreter if isinstance(interpreter, Interpreter) else None
        entries = self._interpreter.search_path if self._interpreter else ()
        self._entries = [(fs_path, entry in ("", cwd)) for entry in entries if (fs_path := self._real(entry or cwd))]

    def concerns(self, path: str) -> bool:
        """Tell whether what lies at or below the path may decide what is imported."""
        if self._interpreter is None:
            return False
        if _holds(path, self._interpreter):
            return True
        for entry, is_cwd in self._entries:
            if _within(entry, path) or (_within(path, entry) and (not is_cwd or self._shadows(path, entry))):
                return True
        return False

    def _shadows(self, path: str, entry: str) -> bool:
        """Tell whether the path lies in a module, of the working directory, that is named as one that torch needs."""
        name = path[len(entry.rstrip("/")) + 1 :].partition("/")[0].partition(".")[0]
        others = [other for other, is_cwd in self._entries if not is_cwd]
        names = (name, f"{name}.py", f"{name}.so")
        return name == "torch" or any(self._fs.lstat(f"{other}/{each}") for other in others for each in names)

    def _real(self, entry: str) -> str:
        return resolve(self._fs, entry) or entry


def _without(seen: ImageFacts, why: str, *, listed: bool, asked: bool) -> ImageFacts:
    """Return the facts with all unknown that may rest on what is hidden."""
    startup = seen.startup
    if asked:
        startup = msgspec.structs.replace(startup, starts="unknown", reasons=(*startup.reasons, why))
    return msgspec.structs.replace(
        seen,
        startup=startup,
        distributions=Unknown(why) if listed else seen.distributions,
        torch=Torch(installed=False, importable=Importable.UNKNOWN, reasons=(why,), size=None),
        torch_elsewhere=Unknown(why),
        command=Command(argv=seen.command.argv, path=seen.command.path, interpreter=Unknown(why)),
        imports=unknown_imports(seen.imports, why),
        extensions=(),
        extensions_undecided=(why,),
        gpu=None,
    )


def _real(fs: MergedRootfs, path: str) -> str:
    """Return the path of a mount with links followed as far as it exists; the engine makes the rest on a start."""
    rest = ""
    while path != "/":
        real = resolve(fs, path)
        if real is not None:
            return real.rstrip("/") + rest or "/"
        path, _, name = path.rpartition("/")
        path, rest = path or "/", f"/{name}{rest}"
    return rest or "/"


def _is_directory(fs: ViewedRootfs, path: str) -> bool:
    node = MergedRootfs.lstat(fs, path)
    return node is not None and node.kind is Kind.DIRECTORY


def _holds(place: str, interpreter: Interpreter) -> bool:
    """Tell whether the place is, or is above, the interpreter or what it finds itself by."""
    own = (interpreter.path, interpreter.resolved, interpreter.prefix, interpreter.base_prefix)
    return any(_within(path, place) for path in own if path)


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top.rstrip('/')}/")
