"""What `import NAME` finds, against importlib's own finder on the same files."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import platform
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.python.folders import Folders
from inspector.python.model import Interpreter
from inspector.python.modules import Found, Suffixes, extensions_of, find_modules, suffixes_of
from inspector.testing.tree import Link, Member
from tests.effort import examples
from tests.python.asking import interpreter
from tests.python.host import HostRootfs
from tests.support import rootfs_of

TAG = "cpython-311-x86_64-linux-gnu"


def find(tree: dict[str, Member], *entries: str, python: Interpreter | None = None) -> list[Found]:
    suffixes = suffixes_of(python or interpreter())
    return list(find_modules(Folders(rootfs_of(tree)), entries or ("/a", "/b"), "torch", suffixes))


def origins(tree: dict[str, Member], *entries: str) -> list[str | None]:
    return [found.origin or found.form for found in find(tree, *entries)]


def test_a_package_comes_before_modules_of_its_name() -> None:
    tree: dict[str, Member] = {"a/torch.py": b"", "a/torch.so": b"", "a/torch/__init__.py": b"", "b/torch.py": b""}
    assert origins(tree) == ["/a/torch/__init__.py", "/b/torch.py"]
    del tree["a/torch/__init__.py"]
    assert origins({**tree, "a/torch/x.py": b""}) == ["/a/torch.so", "/b/torch.py"]
    del tree["a/torch.so"]
    assert origins(tree) == ["/a/torch.py", "/b/torch.py"]


def test_loaders_in_their_order() -> None:
    order = [f"torch.{TAG}.so", "torch.abi3.so", "torch.so", "torch.py", "torch.pyc"]
    tree: dict[str, Member] = {f"a/{name}": b"" for name in reversed(order)}
    for name in order:
        assert origins(tree, "/a") == [f"/a/{name}"]
        del tree[f"a/{name}"]
    assert origins({**tree, "a/x": b"", "a/__pycache__/torch.cpython-311.pyc": b""}, "/a") == []


def test_a_namespace_never_ends_the_search() -> None:
    tree: dict[str, Member] = {"a/torch/model.pt": b"", "b/torch/__init__.py": b""}
    assert [(found.form, found.path) for found in find(tree)] == [("package", "/b/torch"), ("namespace", "/a/torch")]
    assert origins({"a/torch/model.pt": b""}) == ["namespace"]


def test_links_and_directories_in_a_file_s_place() -> None:
    tree: dict[str, Member] = {
        "a/torch.py/x": b"",
        "b/torch": Link("../real"),
        "real/__init__.py": Link("other.py"),
        "real/other.py": b"",
        "c/torch.py": Link("nowhere"),
    }
    assert origins(tree, "/a", "/c", "/b") == ["/b/torch/__init__.py"]


def test_an_archive_may_hold_anything_the_standard_library_s_too() -> None:
    tree: dict[str, Member] = {"x/my.zip": b"PK", "lib/python311.zip": b"PK", "a/torch.py": b""}
    found = find(tree, "/lib/python311.zip", "/x/my.zip", "/a", "/lib/python312.zip")
    assert [one.form for one in found] == ["archive", "archive", "module"]


@pytest.mark.parametrize(
    ("ending", "abi", "machine", "loads"),
    [
        (f".{TAG}.so", "cp311", "x86_64", True),
        (f".{TAG}.so", "cp311", None, True),
        (f".{TAG}.so", "cp312", "x86_64", False),
        (f".{TAG}.so", "cp311", "aarch64", False),
        (".cpython-313t-x86_64-linux-gnu.so", "cp313", "x86_64", False),
        (".cpython-313t-x86_64-linux-gnu.so", "cp313t", "x86_64", True),
        (".cpython-37m-x86_64-linux-gnu.so", "cp37m", "x86_64", True),
        (".cpython-311-powerpc64le-linux-gnu.so", "cp311", "ppc64le", True),
        (".cpython-311-arm-linux-gnueabihf.so", "cp311", "armv7l", True),
        (".cpython-311-i386-linux-gnu.so", "cp311", "i686", True),
        (".abi3.so", "cp311", "x86_64", True),
        (".so", "cp311", "x86_64", True),
        (".pypy310-pp73-x86_64-linux-gnu.so", "cp310", "x86_64", False),
        (".cpython-311.so", "cp311", "x86_64", False),
        (".1.so", "cp311", "x86_64", False),
    ],
)
def test_extension_suffixes(ending: str, abi: str, machine: str | None, *, loads: bool) -> None:
    assert Suffixes(abi, machine).loads(ending) is loads


def test_this_interpreter_s_suffixes() -> None:
    abi = f"cp{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
    ours = sysconfig.get_config_var("EXT_SUFFIX")
    if sys.platform != "linux" or sys.implementation.name != "cpython" or "d" in sys.abiflags:
        pytest.skip("suffixes of Linux")
    assert Suffixes(abi, platform.machine()).loads(ours)
    libc = "glibc" if ours.endswith("-gnu.so") else "musl"
    assert ours in Suffixes(abi, platform.machine(), libc).own


@pytest.mark.parametrize(
    ("machine", "libc", "ending"),
    [
        ("x86_64", "glibc", ".cpython-311-x86_64-linux-gnu.so"),
        ("aarch64", "musl", ".cpython-311-aarch64-linux-musl.so"),
        ("i686", "glibc", ".cpython-311-i386-linux-gnu.so"),
        ("armv7l", "glibc", ".cpython-311-arm-linux-gnueabihf.so"),
    ],
)
def test_an_interpreter_s_own_ending(machine: str, libc: str, ending: str) -> None:
    suffixes = Suffixes("cp311", machine, libc)
    assert ending in suffixes.own
    assert all(suffixes.loads(own) for own in suffixes.own)


def test_extensions_for_any_interpreter() -> None:
    tree = {"a/_C.cpython-311-x.so": b"", "a/_C.so": b"", "a/_Cx.so": b"", "a/_C/x.pyi": b"", "a/_C.d.so/x": b""}
    assert extensions_of(Folders(rootfs_of(tree)), "/a", "_C") == ["_C.cpython-311-x.so", "_C.so"]


_FILES = st.sampled_from(
    [
        *(f"torch{ending}" for ending in importlib.machinery.EXTENSION_SUFFIXES),
        "torch.cpython-399-x86_64-linux-gnu.so",
        "torch.py",
        "torch.pyc",
        "torch.py/x",
        "torch/x",
        "torch/__init__.py",
        "torch/__init__.pyc",
        "torch/__init__.so",
        "torch/__init__.py/x",
        "torch",
        "Torch.py",
    ]
)


@pytest.mark.skipif(sys.platform != "linux" or sys.implementation.name != "cpython", reason="suffixes of Linux")
@examples(60)
@given(st.lists(st.tuples(st.sampled_from("ab"), _FILES), max_size=6))
def test_what_is_found_is_what_importlib_finds(files: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for entry, name in files:
            path = root / entry / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
            except OSError:
                continue  # a file stands where a directory should
        entries = [str(root / "a"), str(root / "b")]
        importlib.invalidate_caches()
        spec = importlib.machinery.PathFinder.find_spec("torch", entries)
        abi = f"cp{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
        suffixes = Suffixes(abi, platform.machine())
        first = next(find_modules(Folders(HostRootfs()), entries, "torch", suffixes), None)
    for entry in entries:
        sys.path_importer_cache.pop(entry, None)
    if spec is None:
        assert first is None
    elif spec.origin is None:
        assert first is not None
        assert first.form == "namespace"
    else:
        assert first is not None
        assert first.origin == spec.origin
        assert (first.form == "package") == (spec.submodule_search_locations is not None)


def test_the_real_torch_s_name_is_found_in_this_machine_s_path() -> None:
    entries = [os.path.realpath(entry) for entry in sys.path]
    found = next(find_modules(Folders(HostRootfs()), entries, "msgspec", suffixes_of(interpreter())), None)
    spec = importlib.machinery.PathFinder.find_spec("msgspec")
    assert found is not None
    assert spec is not None
    assert spec.origin is not None
    assert found.origin == os.path.realpath(spec.origin)


def test_a_python_for_musl_loads_no_extension_named_for_glibc_from_3_11_on() -> None:
    endings = (".cpython-311-x86_64-linux-gnu.so", ".cpython-311-x86_64-linux-musl.so")
    assert [Suffixes("cp311", "x86_64", "musl").loads(ending) for ending in endings] == [False, True]
    assert Suffixes("cp310", "x86_64", "musl").loads(".cpython-310-x86_64-linux-gnu.so")
