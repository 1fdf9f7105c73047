"""Where the bytes of an image are, and which of them are waste: one pass over its merged tree, and what is gone."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from inspector.errors import LimitExceeded
from inspector.facts.categories import CACHES, SITE, Categories, of_files
from inspector.facts.removed import removed
from inspector.facts.sizes import KEPT_SHARE, SHARE, Folder, Forest, Pruner, Sizes, SizeTree
from inspector.facts.waste import CATEGORIES, Place, Waste, Wasted
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import MergedRootfs
from inspector.python.installed import Installed
from inspector.rootfs import Kind, Node
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown

ORDINAL = (1 << 32) - 1
MAX_PACKAGES = 65_000
MAPS = 20
"""Packages that have a tree of their own: those above one percent of the image."""
_MAP_NODES, _MAP_SHARE = 250, 300
MAX_PARTS = 400
"""Packages and folders of one layer that are named."""
MAX_ITEMS, MAX_PLACES, MAX_NOTED = 200, 5, 2_000
_UNOWNED, _GONE = 0, -1


def account(
    fs: MergedRootfs,
    indexes: Sequence[LayerIndex],
    steps: Sequence[str | None],
    packages: Sequence[Installed],
    torch: Torch,
) -> tuple[Sizes | Unknown, Waste | Unknown]:
    """Return the tree of the image's bytes, and its waste; unknown where the image has more than may be gone through.

    `steps` are the layers' build steps, `packages` own files.
    """
    try:
        books = _Account(fs, indexes, packages[:MAX_PACKAGES], torch)
        books.take_all()
        return books.sizes(), books.waste(steps)
    except LimitExceeded as error:
        return Unknown(str(error)), Unknown(str(error))


class _Account:
    """What was counted so far. A content is known by its layer and the position of its entry, and counts once."""

    def __init__(
        self, fs: MergedRootfs, indexes: Sequence[LayerIndex], packages: Sequence[Installed], torch: Torch
    ) -> None:
        self._fs = fs
        self._indexes = indexes
        self._packages = packages
        self._whole = sum(index.size for index in indexes)
        self._alive = [bytearray(len(index.entries)) for index in indexes]
        self._owners = _owners(indexes, packages)
        self._forest = Forest(self._whole // KEPT_SHARE)
        self._found = _Found()
        self._categories = Categories()
        cuda = torch.installed and torch.build == "cpu"
        self._cuda = {at for at, one in enumerate(packages, 1) if cuda and _is_cuda(one.key)}

    def take_all(self) -> None:
        """Go through the merged tree, caches last, then through what is gone."""
        later: list[tuple[str, int, str, str]] = []
        self._take_tree([("/", _UNOWNED, "", "")], later)
        self._take_tree(later, None)
        for layer, path, size, category, by in removed(self._fs, self._indexes, self._alive):
            folder, _, name = path.rpartition("/")
            self._forest.add(self._forest.way((layer, _GONE), folder.split("/") if folder else ()), name, size)
            if category:
                self._found.add(category, layer, by, size, "/" + "/".join(path.split("/")[:3]))

    def _take_tree(self, todo: list[tuple[str, int, str, str]], later: list[tuple[str, int, str, str]] | None) -> None:
        """Take in the folders of `todo` and those below: each with its owner, its category and where that began."""
        while todo:
            path, owner, category, root = todo.pop()
            if not category:
                category = self._categories.of_folder(path)
                root = "" if category in ("", "tests") else path  # tests are listed by package
            if later is not None and category in CACHES:
                later.append((path, owner, category, root))
                continue
            nodes = self._fs.scandir(path)
            owner = self._take_folder(path, nodes, owner, category, root)
            prefix = path.rstrip("/")
            below = sorted(name for name, node in nodes.items() if node.kind is Kind.DIRECTORY)
            todo += [(f"{prefix}/{name}", owner, category, root) for name in below]

    def _take_folder(self, path: str, nodes: Mapping[str, Node], owner: int, category: str, root: str) -> int:
        """Take in the files of a folder; return the package that it belongs to, if all owned there is of one."""
        files = {name: node for name, node in nodes.items() if node.kind in (Kind.FILE, Kind.SYMLINK)}
        if not files:
            return owner
        owners = {found for node in files.values() if (found := self._owner(node))}
        if owners:
            owner = next(iter(owners)) if len(owners) == 1 else _UNOWNED
        own = self._own_categories(path, files)
        ways: dict[tuple[int, int], list[Folder]] = {}
        for name, node in files.items():
            if not self._meet(node):
                continue
            key = (node.inode >> 32, self._owner(node) or owner)
            way = ways.get(key)
            if way is None:
                way = ways[key] = self._forest.way(key, self._parts(path, key[1]))
            size = node.size if node.kind is Kind.FILE else len(node.target.encode("utf-8", "surrogateescape"))
            self._forest.add(way, name, size)
            categories = {*own.get(name, ()), category} - {""}
            if categories or key[1] in self._cuda:
                self._count(key, size, categories, root or _place(path))
        return owner

    def _count(self, key: tuple[int, int], size: int, categories: set[str], place: str) -> None:
        layer, owner = key
        if owner in self._cuda:
            categories = {*categories, "cuda-with-cpu-torch"}
        self._found.total(size, certain=any(CATEGORIES[each].certain for each in categories))
        for each in categories:
            self._found.add(each, layer, None, size, place)

    def _own_categories(self, path: str, files: Mapping[str, Node]) -> dict[str, list[str]]:
        beside = self._fs.scandir(path.rpartition("/")[0] or "/") if path.endswith("/__pycache__") else {}
        found: dict[str, list[str]] = {}
        for name, category in of_files(path, files, beside, in_site="-packages/" in path):
            found.setdefault(name, []).append(category)
        return found

    def _owner(self, node: Node) -> int:
        layer, position = node.inode >> 32, node.inode & ORDINAL
        return self._owners[layer][position] if node.kind is Kind.FILE and layer < len(self._owners) else _UNOWNED

    def _meet(self, node: Node) -> bool:
        """Note a content as alive; tell whether it was not met before."""
        layer, position = node.inode >> 32, node.inode & ORDINAL
        if layer >= len(self._alive) or position >= len(self._alive[layer]) or self._alive[layer][position]:
            return False
        self._alive[layer][position] = 1
        return True

    def _parts(self, path: str, owner: int) -> Sequence[str]:
        """Return the folder's names below the root, or, of a package's, below the directory it is installed in."""
        site = self._packages[owner - 1].site if owner else ""
        if site and (path == site or path.startswith(f"{site}/")):
            path = path[len(site) :]
        return [name for name in path.split("/") if name]

    def sizes(self) -> Sizes:
        """Return the trees, pruned."""
        pruner = Pruner(self._whole // SHARE)
        own: list[list[tuple[int, Folder]]] = [[] for _ in self._indexes]
        for (layer, owner), folder in self._forest.roots.items():
            own[layer].append((owner, folder))
        layers = [self._layer(at, found, pruner) for at, found in enumerate(own)]
        files = sum(each.files for each in layers)
        whole = SizeTree(name="", kind="image", size=self._whole, files=files, children=tuple(layers))
        by_package: dict[int, list[Folder]] = {}
        for (_, owner), folder in self._forest.roots.items():
            if owner > 0:
                by_package.setdefault(owner, []).append(folder)
        big = ((sum(each.size for each in found), owner) for owner, found in by_package.items())
        shown = sorted((pair for pair in big if pair[0] * 100 > self._whole), key=lambda pair: (-pair[0], pair[1]))
        maps = [
            Pruner(size // _MAP_SHARE, _MAP_NODES).tree(self._packages[owner - 1].name, "package", by_package[owner])
            for size, owner in shown[:MAPS]
        ]
        return Sizes(image=whole, packages=tuple(maps))

    def _layer(self, at: int, own: Sequence[tuple[int, Folder]], pruner: Pruner) -> SizeTree:
        parts: list[SizeTree] = []
        small, least, files = 0, self._whole // SHARE, 0
        for owner, folder in sorted(own, key=lambda pair: (-pair[1].size, pair[0])):
            if owner == _UNOWNED and (children := pruner.children([folder])):
                parts += children
            elif owner == _UNOWNED or folder.size < least or folder.size == 0 or len(parts) >= MAX_PARTS:
                small, files = small + folder.size, files + folder.files
            else:
                kind, name = (
                    ("gone", "removed later") if owner == _GONE else ("package", self._packages[owner - 1].name)
                )
                parts.append(pruner.tree(name, kind, [folder]))  # type: ignore[arg-type]  # one of two words
        rest = [each for each in parts if each.kind == "rest"]
        small += sum(each.size for each in rest)
        files += sum(each.files for each in rest)
        named = sorted((each for each in parts if each.kind != "rest"), key=lambda each: -each.size)
        if named and small:
            named.append(SizeTree(name="", kind="rest", size=small, files=files))
        size = self._indexes[at].size
        count = sum(folder.files for _, folder in own)
        return SizeTree(name=f"layer {at + 1}", kind="layer", size=size, files=count, children=tuple(named))

    def waste(self, steps: Sequence[str | None]) -> Waste:
        """Return the waste, with the layers' build steps."""
        return self._found.waste(steps)


class _Found:
    """Waste by category, layer and the layer that made it useless, with the folders it lies in."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, int, int | None], list[int]] = {}
        self._places: dict[tuple[str, int, int | None], Counter[str]] = {}
        self._noted = 0
        self._certain = self._possible = 0

    def total(self, size: int, *, certain: bool) -> None:
        """Count a file once, whatever categories it is in."""
        if certain:
            self._certain += size
        else:
            self._possible += size

    def add(self, category: str, layer: int, by: int | None, size: int, place: str) -> None:
        """Count a file in a category."""
        key = (category, layer, by)
        sums = self._sizes.setdefault(key, [0, 0])
        sums[0] += size
        sums[1] += 1
        places = self._places.setdefault(key, Counter())
        if place in places or self._noted < MAX_NOTED:
            self._noted += place not in places
            places[place] += size

    def waste(self, steps: Sequence[str | None]) -> Waste:
        """Return what was found, what is certain and big first."""
        items = sorted(self._items(steps), key=lambda each: (not each.certain, -each.bytes, each.layer))
        gone = sum(each.bytes for each in items if each.category in ("deleted", "replaced", "copied-again"))
        return Waste(certain=self._certain + gone, possible=self._possible, items=tuple(items[:MAX_ITEMS]))

    def _items(self, steps: Sequence[str | None]) -> Iterator[Wasted]:
        for key, (size, files) in self._sizes.items():
            category, layer, by = key
            places = sorted(self._places[key].items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_PLACES]
            if size:
                yield Wasted(
                    category=category,
                    certain=CATEGORIES[category].certain,
                    bytes=size,
                    files=files,
                    layer=layer,
                    created_by=steps[layer],
                    removed_by=by,
                    places=tuple(Place(*each) for each in places),
                    change=CATEGORIES[category].change,
                )


def _owners(indexes: Sequence[LayerIndex], packages: Sequence[Installed]) -> list[array[int]]:
    """Return, for each entry of each layer, the package whose list of files names it, counted from 1."""
    owners = [array("H", bytes(2 * len(index.entries))) for index in indexes]
    for at, package in enumerate(packages, 1):
        for inode in package.owned.files if package.owned else ():
            layer, position = inode >> 32, inode & ORDINAL
            if layer < len(owners) and position < len(owners[layer]) and not owners[layer][position]:
                owners[layer][position] = at
    return owners


def _is_cuda(key: str) -> bool:
    return key == "triton" or key.startswith("nvidia-")


def _place(path: str) -> str:
    """Return the folder that waste is listed under: a package, else three names deep."""
    site = SITE.search(path)
    if site:
        package = path[site.end() :].split("/", 2)[1:2]
        return "/".join([path[: site.end()], *package])
    return "/".join(path.split("/")[:4])
