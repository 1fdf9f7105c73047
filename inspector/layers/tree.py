"""One layer's own tree: what the layer alone would unpack to, with its whiteouts set apart.

Engines unpack a layer alone, and the kernel lays it over those below (OCI image layer specification,
"Applying Changesets"); so a link among a layer's parents is followed only where the same layer has it.
"""

from __future__ import annotations

from itertools import count

from inspector import work
from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers import overlay
from inspector.layers.directories import MAX_DEPTH, ORDINAL, UNBOUND, Directory, Shelf
from inspector.layers.entries import CODES, Entries
from inspector.rootfs import Kind

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
MAX_HOPS = 255
"""Links followed on the way to one parent directory."""
MAX_WARNINGS = 50
"""Warnings of one layer; hostile ones could make millions."""

_AUFS = ".wh..wh."
_FILE, _DIRECTORY, _CHAR = CODES[Kind.FILE], CODES[Kind.DIRECTORY], CODES[Kind.CHAR]
_SYMLINK, _HARDLINK = CODES[Kind.SYMLINK], CODES[Kind.HARDLINK]
_STRIDE = 256  # entries placed at a time
_CHECKED = 16 * _STRIDE  # entries between two looks at whether to stop
_LATELY = 4096  # directories that are remembered with the ways to them
_DEVICE_BITS = (0xFFF, 0xFFFFF)
"""Of the major and the minor number, what dockerd hands to the kernel."""


class LayerTree:
    """The tree of the layer at position `layer`, from its entries in the order of the tar.

    With `literal`, names and attributes mean nothing beyond themselves: the entries are no layer's, but those of a
    merged tree. Raises `CorruptLayer` for what engines refuse to unpack, `Unsupported` where they differ in what a
    container sees, `LimitExceeded` past what the `shelf` has left.
    """

    def __init__(self, entries: Entries, layer: int, shelf: Shelf | None = None, *, literal: bool = False) -> None:
        self.layer = layer
        self.shelf = shelf or Shelf()
        self.root = Directory(-1, layer)
        self.warnings: list[str] = []
        self._entries = entries
        self._base = layer << 32
        self._links, self._contents = self.shelf.take(layer, entries)
        self._literal = literal
        self._has_marks = WHITEOUT.encode() in entries.names
        self._odd = {place for place, owner in enumerate(entries.owners) if owner[2] or owner[3]}
        self._homes: list[Directory | None] = [None] * len(entries.parents)
        self._entered: dict[str, tuple[Directory, int]] = {}
        self._unbound = self._again = self._depth = 0
        self._place_all()
        self._entered = {}
        if self._again > 1:
            self.warn(f"of all paths in the layer, {self._again} stand there again; each time the last was taken")

    def warn(self, text: str) -> None:
        """Keep a warning, as long as there are few."""
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(text)

    def _place_all(self) -> None:
        """Place all entries, some at a time."""
        begin = 0
        for names in self._entries.names_by(_STRIDE):
            if not begin % _CHECKED:
                work.check()
            self._place_some(begin, names)
            begin += len(names)

    def _place_some(self, begin: int, names: list[str]) -> None:
        """Place each entry of some; those that are most, files in known directories, without a call."""
        entries, base, end = self._entries, self._base, begin + len(names)
        homes, kinds = entries.homes[begin:end], entries.kinds[begin:end]
        plain = self._odd.isdisjoint(entries.owned[begin:end]) and not (
            self._has_marks and any(name.startswith(WHITEOUT) for name in names)
        )
        known, files, directories = -1, dict[str, int](), self.root.directories
        for ordinal, home, kind, name in zip(count(begin), homes, kinds, names, strict=False):
            if kind == _FILE and plain:
                if home != known:
                    parent = self._homes[home] or self._home(home)
                    if parent.marks is None:
                        known, files, directories = home, self.shelf.files(parent), parent.directories
                if home == known and name and not (name in files or name in directories):
                    files[name] = base | ordinal
                    continue
            self._place(ordinal, name)
            known = -1  # for that may have changed what is in any directory
        self.shelf.grown(self._homes[homes[-1]] or self.root, len(names))

    def _place(self, ordinal: int, name: str) -> None:
        entries, number = self._entries, self._base | ordinal
        parent = self._home(entries.homes[ordinal])
        code = entries.kinds[ordinal]
        if not name:
            self._add_root(number, code)
        elif name.startswith(WHITEOUT) and not self._literal:
            self._mark(parent, name, number)
        elif entries.owned[ordinal] in self._odd and not self._literal and self._is_whiteout(code, ordinal):
            self._hide(parent, name, number)
        elif code == _DIRECTORY:
            self._add_directory(parent, name, number)
        elif code == _HARDLINK:
            self._link(parent, name, ordinal)
        else:
            self._add(parent, name, number)

    def _home(self, home: int) -> Directory:
        """Return the directory at a path, made where it is missing, and remembered."""
        found = self._homes[home]
        if found is None:
            path = self._entries.parents[home]
            found = self._homes[home] = self._enter_next(path) if path else self.root
        assert found is not None
        return found

    def _enter_next(self, path: str) -> Directory | None:
        """Return the directory at `path`, from its parent where that was entered lately and simply has it."""
        parent, _, name = path.rpartition("/")
        above = self._entered.get(parent)
        found = above[0].directories.get(name) if above else None
        if above is None or found is None or above[1] >= MAX_DEPTH:
            found = self._enter(path, make=True)
        else:
            self.shelf.walk(1)
            self._depth = above[1] + 1
        if len(self._entered) >= _LATELY:
            self._entered.clear()
        if found is not None:
            self._entered[path] = found, self._depth
        return found

    def _is_whiteout(self, code: int, ordinal: int) -> bool:
        """Tell whether the entry is a character device 0:0, which overlayfs takes for a whiteout.

        Attributes that engines differ in are refused, unless they hide what is below: that depends on what is there.
        """
        _, _, attributes, device = self._entries.owner(ordinal)
        if overlay.is_overlay(attributes):
            path = self._entries.path(ordinal)
            if code == _DIRECTORY and self.layer:
                overlay.refuse_redirect(path, attributes)
            elif code != _DIRECTORY:
                size = None if code == _HARDLINK else self._entries.sizes[ordinal]
                overlay.refuse_stand_in(path, size, attributes)
            if name := overlay.unknown(attributes):
                self.warn(f"{path!r} has the attribute {name}, which is not known and was ignored")
        return code == _CHAR and device is not None and not any(map(int.__and__, device, _DEVICE_BITS))

    def _add_root(self, number: int, code: int) -> None:
        if code != _DIRECTORY:
            raise CorruptLayer("the root is no directory")
        self._notice_twice(self.root.number, number)
        self.root.number = number

    def _add(self, parent: Directory, name: str, number: int) -> None:
        """Add an entry: the last of a name wins, and takes the place of all that was there."""
        files = self.shelf.files(parent)
        self._free(parent, name, number)
        files[name] = number

    def _add_directory(self, parent: Directory, name: str, number: int) -> None:
        found = parent.directories.get(name)
        if found is None:
            self._free(parent, name, number)
            found = Directory(number, self.layer)
            parent.add(name, found)
        else:
            self._notice_twice(found.number, number)
            found.number = number
        attributes = self._entries.owner(number & ORDINAL)[2] if self._odd and not self._literal else ()
        if attributes and (attribute := overlay.opaque_mark(name, attributes)):
            found.mark().attribute = attribute

    def _free(self, parent: Directory, name: str, number: int) -> None:
        """Remove what has the name. Paths may have led through it."""
        files, old = self.shelf.files(parent), parent.directories.get(name)
        if old is not None:
            self._notice_twice(old.number, number)
            del parent.directories[name]
            self._forget_homes()
        elif name in files:
            before = files.pop(name)
            self._notice_twice(before, number)
            if self._entries.kinds[before & ORDINAL] in (_SYMLINK, _HARDLINK):
                self._forget_homes()
        elif parent.marks is not None and name in parent.marks.whiteouts:
            self._notice_twice(parent.marks.whiteouts[name], number)

    def _forget_homes(self) -> None:
        self.shelf.walk(len(self._homes) >> 4)
        self._homes = [None] * len(self._homes)
        self._entered.clear()

    def _notice_twice(self, before: int, number: int) -> None:
        """Tell of a path that a layer has twice: containerd takes the last, Docker and Podman refuse such a layer.

        They take a path that is spelled otherwise (`/x` and `x`) or comes by way of a link, and then the last as well.
        """
        if before < 0 or self.shelf.path(before) != (path := self.shelf.path(number)):
            return
        self._again += 1
        if self._again == 1:
            self.warn(
                f"{path[:200]!a} stands in the layer twice: the last was taken, as containerd does; "
                "Docker and Podman may refuse the layer"
            )

    def _link(self, parent: Directory, name: str, ordinal: int) -> None:
        """Give a hardlink the content that its target has now, whatever becomes of the target's name."""
        target = self._entries.link(ordinal)
        self._free(parent, name, self._base | ordinal)  # before the target is looked for: it may be what is replaced
        found = self._target(target)
        if isinstance(found, Directory):
            raise CorruptLayer(f"the hardlink {name!r} points to the directory {target!r}")
        if found == -1:
            self._hide(parent, name, self._base | ordinal)
            return
        content = UNBOUND if found is None else self.shelf.content(found)
        self._unbound += content == UNBOUND
        self._add(parent, name, self._base | ordinal)
        self._links.append(ordinal)
        self._contents.append(content)

    def _mark(self, parent: Directory, name: str, number: int) -> None:
        """Take in a whiteout: engines make of it a device of the name that it hides, or an attribute."""
        hidden = name.removeprefix(WHITEOUT)
        if hidden in ("", ".", ".."):
            raise CorruptLayer(f"the whiteout {self.shelf.path(number)[:200]!a} names nothing")
        if name == OPAQUE:
            parent.mark().opaque = True
            return
        if name.startswith(_AUFS):
            self.warn(f"{name!r} is taken for a whiteout of {hidden!r}; engines without overlayfs leave it out")
        if self.shelf.get(parent, hidden) is not None or hidden in parent.mark().whiteouts:
            raise CorruptLayer(f"{self.shelf.path(number)[:200]!a} hides what the same layer has before it")
        parent.mark().whiteouts[hidden] = number

    def _hide(self, parent: Directory, name: str, number: int) -> None:
        """Take in a device that is a whiteout."""
        self._free(parent, name, number)
        parent.mark().whiteouts[name] = number

    def _target(self, path: str) -> Directory | int | None:
        """Return what stands at `path` so far, with links of this layer among its parents followed.

        -1 for a whiteout.
        """
        parent_path, _, name = path.rpartition("/")
        parent = self._enter(parent_path, make=False) if parent_path else self.root
        found = self.shelf.get(parent, name) if parent else None
        hidden = found is None and parent is not None and parent.marks is not None and name in parent.marks.whiteouts
        return -1 if hidden else found

    def _enter(self, path: str, *, make: bool) -> Directory | None:
        """Return the directory at `path`, links of this layer followed inside the root; missing ones made, or None.

        What a link leads to must be there already, as engines make no directories on the other side of one.
        """
        todo = path.split("/")[::-1]
        self.shelf.walk(len(todo))
        above: list[Directory] = [self.root]
        hops = from_links = 0
        while todo:
            name = todo.pop()
            linked, from_links = from_links > 0, max(0, from_links - 1)
            if name == "..":
                del above[max(1, len(above) - 1) :]
                continue
            child = self.shelf.get(above[-1], name)
            if isinstance(child, int) and self._is_link(child) and hops < MAX_HOPS:
                hops += 1
                further = self._further(child, above)
                todo += further
                from_links += len(further)
                continue
            if not isinstance(child, Directory):
                if not make:
                    return None
                if linked or child is not None or self._is_hidden(above[-1], name):
                    raise self._no_way(path, name, child, linked=linked)
                child = self._make(above[-1], name)
            above.append(child)
            if len(above) > MAX_DEPTH:
                raise LimitExceeded(f"directories within each other, more than {MAX_DEPTH} deep")
        self._depth = len(above)
        return above[-1]

    def _is_link(self, number: int) -> bool:
        return self.shelf.content(number) != UNBOUND and self.shelf.kind(number) is Kind.SYMLINK

    def _is_hidden(self, parent: Directory, name: str) -> bool:
        return parent.marks is not None and name in parent.marks.whiteouts

    def _further(self, number: int, above: list[Directory]) -> list[str]:
        """Return the names that a link leads through, the first one last."""
        target = self.shelf.node(number).target
        if target.startswith("/"):
            del above[1:]
        further = [part for part in reversed(target.split("/")) if part not in ("", ".")]
        self.shelf.walk(len(further) + 1)
        return further

    def _no_way(self, path: str, name: str, child: int | None, *, linked: bool) -> CorruptLayer:
        """Say why no engine gets to the directory at `path`."""
        why = "no directory in this layer"
        if child is not None and self._is_link(child):
            why = "a link among too many"
        elif child is None and linked:
            why = "where a link leads, but the layer has nothing"
        return CorruptLayer(f"{path[:200]!a} leads through {name[:200]!a}, {why}: engines refuse to unpack that")

    def _make(self, parent: Directory, name: str) -> Directory:
        self.shelf.imply()
        made = Directory(-1, self.layer)
        parent.add(name, made)
        return made

    @property
    def unbound(self) -> bool:
        """Whether there are hardlinks whose targets were not there before them."""
        return self._unbound > 0

    def bind(self, lower: Directory) -> None:
        """Give hardlinks to files of lower layers the content that these have there."""
        if not self.unbound:
            return
        shelf = self.shelf
        for place, (ordinal, content) in enumerate(zip(self._links, self._contents, strict=True)):
            if content != UNBOUND:
                continue
            name, target = self._entries.name(ordinal), self._entries.link(ordinal)
            shelf.walk(target.count("/") + 1)
            own = shelf.find(self.root, target)
            found = shelf.find(lower, target) if own is None else own
            if not isinstance(found, int):
                raise CorruptLayer(f"the hardlink {name!r} points to {target!r}, which is no file")
            self._contents[place] = shelf.content(found)
            if own is not None and (found & ORDINAL >= ordinal or self._contents[place] == UNBOUND):
                raise CorruptLayer(f"the hardlink {name!r} stands before its target {target!r}")
            self.warn(f"the hardlink {name!r} points into a lower layer ({target!r}); some engines refuse that")
