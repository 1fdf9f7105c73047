"""Where bytes are and which are waste: they add up, count once, and only what helps nobody is certain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import CorruptLayer, Unsupported
from inspector.facts.account import account
from inspector.facts.sizes import MAX_CHILDREN, Sizes, SizeTree
from inspector.facts.viewed import viewed
from inspector.facts.waste import CATEGORIES, Waste
from inspector.layers.merge import merge
from inspector.python.installed import Installed
from inspector.python.record import Owned
from inspector.rootfs import walk
from inspector.testing.tree import Hardlink, Link, Tree
from inspector.torchbuild.model import Torch
from inspector.unknown import Importable, Unknown
from inspector.work import Budget
from tests.effort import examples
from tests.factories import NO_TORCH
from tests.support import few, index_of

SITE = "usr/lib/python3.11/site-packages"
CPU = Torch(installed=True, importable=Importable.YES, build="cpu")


def looked(
    *layers: Tree, packages: tuple[str, ...] = (), torch: Torch = NO_TORCH, budget: Budget | None = None
) -> tuple[Sizes, Waste]:
    """Look at an image of these layers; each of the packages owns what lies in the folder of its name."""
    indexes = [index_of(layer) for layer in layers]
    fs = viewed(merge(indexes, budget=budget), None)
    owners = [
        Installed(
            name=name,
            version="1",
            path=f"/{SITE}/{name}-1.dist-info",
            site=f"/{SITE}",
            layer=0,
            owned=Owned({n.inode: n.size for _, nodes in walk(fs, f"/{SITE}/{name}") for n in nodes.values()}),
        )
        for name in packages
    ]
    sizes, waste = account(fs, indexes, [f"RUN {at}" for at in range(len(layers))], owners, torch)
    assert isinstance(sizes, Sizes)
    assert isinstance(waste, Waste)
    assert sizes.image.size == sum(index.size for index in indexes)
    return sizes, waste


def found(waste: Waste) -> dict[str, tuple[int, int | None, int]]:
    """Each category with its layer, what removed it and its bytes; each is there once."""
    assert len({item.category for item in waste.items}) == len(waste.items)
    return {item.category: (item.layer, item.removed_by, item.bytes) for item in waste.items}


def every(tree: SizeTree) -> Iterator[SizeTree]:
    """The part and all in it."""
    yield tree
    for child in tree.children:
        yield from every(child)


def test_what_every_container_mounts_over_is_no_waste() -> None:
    _, waste = looked({"dev/null": b"nothing", "sys/link": Link("/etc")}, {"etc/x": b"1"})
    assert waste.items == ()


def test_a_file_that_a_later_layer_deletes_is_waste_of_the_layer_that_brought_it() -> None:
    sizes, waste = looked({"wheels/a.whl": b"x" * 700, "kept": b"y" * 300}, {"etc/a": b""}, {".wh.wheels": b""})
    assert found(waste) == {"deleted": (0, 2, 700)}
    assert (waste.certain, waste.possible) == (700, 0)
    (item,) = waste.items
    assert (item.created_by, [place.path for place in item.places]) == ("RUN 0", ["/wheels/a.whl"])
    (gone,) = [part for part in sizes.image.children[0].children if part.kind == "gone"]
    assert (gone.size, gone.files, gone.children[0].name) == (700, 1, "wheels")


@pytest.mark.parametrize(
    "layer", [{"a/.wh.f": b""}, {"a/.wh..wh..opq": b""}, {".wh.a": b""}], ids=lambda each: next(iter(each))
)
def test_every_form_of_whiteout_names_its_layer(layer: Tree) -> None:
    _, waste = looked({"a/f": b"x" * 50}, {}, layer)
    assert found(waste) == {"deleted": (0, 2, 50)}


def test_a_file_deleted_and_made_again_is_deleted_by_the_first_layer_that_does() -> None:
    _, waste = looked({"f": b"x" * 50}, {".wh.f": b""}, {"f": b"x" * 50})
    assert found(waste) == {"deleted": (0, 1, 50)}


def test_equal_size_is_a_copy_and_another_size_is_a_replacement() -> None:
    _, waste = looked({"f": b"x" * 50, "g": b"x" * 60}, {"f": b"y" * 50, "g": b"y" * 61})
    assert found(waste) == {"copied-again": (0, 1, 50), "replaced": (0, 1, 60)}


def test_a_content_with_two_names_counts_once_and_lives_as_long_as_one_of_them() -> None:
    sizes, waste = looked({"a": b"x" * 80, "b": Hardlink("a")}, {".wh.a": b""})
    assert waste.items == ()
    assert sizes.image.files == 1


def test_the_cache_of_uv_costs_nothing_where_its_files_are_links_of_the_environment() -> None:
    cache: Tree = {"root/.cache/uv/x/a.py": b"x" * 80, f"{SITE}/p/a.py": Hardlink("root/.cache/uv/x/a.py")}
    assert looked(cache)[1].items == ()
    assert found(looked({"root/.cache/uv/x/a.py": b"x" * 80})[1]) == {"uv-cache": (0, None, 80)}


CATEGORY_OF = {
    "var/lib/apt/lists/x": "apt-lists",
    "var/cache/apt/archives/x.deb": "apt-cache",
    "home/me/.cache/pip/http/x": "pip-cache",
    "opt/conda/pkgs/x/y": "conda-cache",
    "opt/wheels/x-1.whl": "wheels",
    f"{SITE}/torch/test/cpp/x": "torch-tests",
    f"{SITE}/torch/bin/test_api": "torch-tests",
    f"{SITE}/torch/bin/FileStoreTest": "torch-tests",
    f"{SITE}/torch/include/ATen/x.h": "torch-headers",
    f"{SITE}/triton/backends/nvidia/bin/ptxas": "triton-tools",
    f"{SITE}/x/libx.a": "static-libraries",
    f"{SITE}/pandas/tests/x.py": "tests",
    "usr/lib/python3.11/test/x.py": "tests",
    "usr/share/doc/x/y": "docs",
}
NO_WASTE = (
    f"{SITE}/torch/bin/torch_shm_manager",
    f"{SITE}/torch/testing/x.py",
    f"{SITE}/torch/lib/libcudnn_adv.so.9",
    f"{SITE}/triton/backends/nvidia/lib/cupti/libcupti.so.12",
    "usr/lib/python3.11/ensurepip/_bundled/pip-1.whl",
    "usr/lib/libx.a",
    f"{SITE}/pip/x.py",
    "app/tests/x.py",
)


@pytest.mark.parametrize(("path", "category"), CATEGORY_OF.items())
def test_what_a_file_is_by_its_path(path: str, category: str) -> None:
    _, waste = looked({path: b"x" * 20})
    assert found(waste) == {category: (0, None, 20)}
    assert (waste.certain, waste.possible) == ((20, 0) if CATEGORIES[category].certain else (0, 20))


@pytest.mark.parametrize("path", NO_WASTE)
def test_what_somebody_uses_is_no_waste(path: str) -> None:
    assert looked({path: b"x" * 20})[1].items == ()


def test_bytecode_is_told_and_only_what_no_python_reads_is_certain() -> None:
    tree = {
        "a/m.py": b"",
        "a/__pycache__/m.cpython-311.pyc": b"x" * 30,
        "a/__pycache__/m.cpython-311.opt-1.pyc": b"x" * 20,
        "a/__pycache__/gone.cpython-311.pyc": b"x" * 7,
    }
    _, waste = looked(tree)
    told = found(waste)
    assert told == {"orphaned-bytecode": (0, None, 7), "bytecode": (0, None, 57), "bytecode-twice": (0, None, 20)}
    assert (waste.certain, waste.possible) == (7, 50)


def test_a_second_pip_is_told_and_not_the_first() -> None:
    _, waste = looked({f"{SITE}/pip/a.py": b"x" * 10, "app/venv/lib/python3.11/site-packages/pip/a.py": b"x" * 9})
    assert found(waste) == {"second-pip": (0, None, 9)}


def test_cuda_beside_a_cpu_build_is_told() -> None:
    tree = {f"{SITE}/nvidia-cublas/libcublas.so": b"x" * 90}
    told = {"cuda-with-cpu-torch": (0, None, 90)}
    assert found(looked(tree, packages=("nvidia-cublas",), torch=CPU)[1]) == told
    assert looked(tree, packages=("nvidia-cublas",))[1].items == ()


def test_parts_are_layers_then_packages_then_folders_and_files() -> None:
    tree = {f"{SITE}/torch/lib/a.so": b"x" * 900, f"{SITE}/torch/lib/b.so": b"x" * 500, "etc/c": b"x" * 100}
    sizes, _ = looked(tree, {"d": b"x" * 10}, packages=("torch",))
    base, top = sizes.image.children
    assert [(each.kind, each.name, each.size) for each in base.children] == [
        ("package", "torch", 1400),
        ("folder", "etc", 100),
    ]
    (folder,) = base.children[0].children
    assert folder.name == "torch/lib"
    assert [(each.kind, each.name) for each in folder.children] == [("file", "a.so"), ("file", "b.so")]
    assert [(each.kind, each.name, each.size) for each in top.children] == [("file", "d", 10)]
    assert [(each.name, each.size) for each in sizes.packages] == [("torch", 1400)]


def test_parts_too_small_to_be_named_are_a_rest_beside_those_that_are() -> None:
    small = {f"{at}": b"x" for at in range(10)}
    sizes, _ = looked({f"{SITE}/p/a": b"x" * 100_000, **small}, packages=("p",))
    (layer,) = sizes.image.children
    assert [(each.kind, each.size, each.files) for each in layer.children] == [
        ("package", 100_000, 1),
        ("rest", 10, 10),
    ]


def test_a_package_in_several_layers_has_one_map() -> None:
    layers = {f"{SITE}/p/a": b"x" * 40}, {f"{SITE}/p/b": b"x" * 60}
    sizes, _ = looked(*layers, packages=("p",))
    assert [(each.name, each.size, each.files) for each in sizes.packages] == [("p", 100, 2)]


def test_bytecode_that_no_list_names_belongs_to_the_package_around_it() -> None:
    fs_tree = {f"{SITE}/p/a.py": b"x" * 40, f"{SITE}/p/__pycache__/a.cpython-311.pyc": b"x" * 5}
    indexes = [index_of(fs_tree)]
    fs = merge(indexes)
    node = fs.lstat(f"/{SITE}/p/a.py")
    assert node is not None
    owner = Installed(name="p", version="1", path="/x", site=f"/{SITE}", layer=0, owned=Owned({node.inode: node.size}))
    sizes, _ = account(fs, indexes, [None], [owner], NO_TORCH)
    assert isinstance(sizes, Sizes)
    assert [(each.name, each.size) for each in sizes.packages] == [("p", 45)]


def test_links_count_as_their_texts() -> None:
    sizes, waste = looked({"a": Link("somewhere"), "b": b"x"}, {"a": Link("other")})
    assert found(waste) == {"replaced": (0, 1, 9)}
    assert sizes.image.children[0].size == 10


NAMES = st.sampled_from("abcd")
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(PATHS, st.integers(0, 300).map(bytes), max_size=8)
WHITEOUTS = st.dictionaries(
    st.tuples(PATHS, NAMES).map(lambda pair: f"{pair[0]}/.wh.{pair[1]}"), st.just(b""), max_size=2
)


def _is_folder(path: str, files: Iterable[str]) -> bool:
    return any(other.startswith(f"{path}/") for other in files)


@examples(100)
@given(st.lists(st.tuples(WHITEOUTS, FILES), min_size=1, max_size=4))
def test_all_parts_add_up_to_the_image(layers: list[tuple[dict[str, bytes], dict[str, bytes]]]) -> None:
    trees = [
        {**hidden, **{path: files[path] for path in files if not _is_folder(path, files)}} for hidden, files in layers
    ]
    try:
        fs = merge([index_of(tree) for tree in trees])
    except (CorruptLayer, Unsupported):  # what engines refuse is no image
        return
    sizes, waste = looked(*trees)
    for part in every(sizes.image):
        if part.children:
            assert sum(child.size for child in part.children) == part.size
    alive = sum(node.size for _, nodes in walk(fs) for node in nodes.values())
    assert waste.certain == sizes.image.size - alive


def test_the_tree_is_bounded_whatever_the_image() -> None:
    wide = {f"w/{at}/f": b"x" * (100 + at) for at in range(500)}
    deep = {"/".join(["d"] * 60 + [f"{at}"]): b"x" * 900 for at in range(80)}
    sizes, _ = looked({**wide, **deep})
    parts = list(every(sizes.image))
    assert len(parts) < 500
    assert max(len(part.children) for part in parts) <= MAX_CHILDREN + 1


def test_an_image_past_its_bounds_is_unknown() -> None:
    indexes = [index_of({f"a{at}/b": b"x" for at in range(50)})]
    sizes, waste = account(merge(indexes, budget=few(steps=10)), indexes, [None], [], NO_TORCH)
    assert isinstance(sizes, Unknown)
    assert isinstance(waste, Unknown)
    assert "INSPECTOR_LIMITS" in sizes.unknown
