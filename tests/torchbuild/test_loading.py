"""What the loader does when torch is imported: its libraries, those of the interpreter and of others."""

from __future__ import annotations

import pytest

from fixtures.bases import debian
from fixtures.elf import Elf
from fixtures.nvidia import nvidia
from fixtures.pythons import cpython
from fixtures.torches import torch_cpu, torch_cuda, torch_needs
from fixtures.wheels import install
from inspector.testing.tree import File, Link, Member
from inspector.unknown import Tri
from tests.support import config_of
from tests.torchbuild.asking import ENV, SITE, ask, slim, without

TREE = slim(torch_cpu())
CUDA = slim(torch_cuda(), *nvidia())
LIB = f"{SITE}/torch/lib"
NEEDS = "which torch needs"


def library(name: str, **changes: object) -> File:
    """A library that has no more than its name."""
    return File(Elf(soname=name, needed=("libc.so.6",), **changes).encode(), 0o755)  # type: ignore[arg-type]


def test_one_built_for_another_python() -> None:
    answer = ask(slim(torch_cpu(python="3.12")))
    assert answer.torch.importable == "no"
    assert "'_C.cpython-312-x86_64-linux-gnu.so', which an interpreter cp311 on x86_64 does not load" in answer.why


def test_one_built_for_another_machine() -> None:
    assert ask(slim(torch_cpu(machine="aarch64"))).torch.importable == "no"
    other = torch_cpu(machine="aarch64").files["torch/lib/libtorch_global_deps.so"]
    answer = ask(TREE | {f"{LIB}/libtorch_global_deps.so": other})
    assert answer.torch.importable == "no"
    assert "libtorch_global_deps.so: cannot open shared object file: No such file" in answer.why


def test_the_c_library_decides_and_not_the_wheel_s_tags() -> None:
    tree: dict[str, Member] = {**debian(version="2.27"), **cpython(), **install(SITE, *torch_needs(), torch_cpu())}
    answer = ask(tree)
    assert answer.torch.importable == "no"
    assert "version `GLIBC_2.28' not found (required by " in answer.why


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        ("nvidia/cudnn", "ImportError: libcudnn.so.9: cannot open shared object file"),
        ("nvidia/nccl", "ImportError: libnccl.so.2: cannot open shared object file"),
        ("nvidia/cu13/lib/libcublasLt.so.13", "ImportError: libcublasLt.so.13: cannot open shared object file"),
    ],
)
def test_a_library_of_cuda_that_is_gone(gone: str, text: str) -> None:
    assert ask(CUDA).torch.importable == "yes"
    answer = ask(without(CUDA, f"{SITE}/{gone}"))
    assert answer.torch.importable == "no"
    assert text in answer.why
    assert f"needed by '/{LIB}/libtorch_cuda.so'" in answer.why


def test_what_the_metadata_requires_but_no_library_needs_is_not_missed() -> None:
    assert ask(without(CUDA, f"{SITE}/nvidia/cu13/lib/libnvrtc.so.13")).torch.importable == "yes"


def test_the_environment_of_the_image_decides_too() -> None:
    """A library of the name without the symbol: RUNPATH comes after LD_LIBRARY_PATH."""
    tree = {**TREE, "opt/x/libc10.so": File(b"", 0o755)}
    assert ask(tree).torch.importable == "yes"
    answer = ask(tree, config=config_of(env={**ENV, "LD_LIBRARY_PATH": "/opt/x"}))
    assert answer.torch.importable == "no"
    assert "/opt/x/libc10.so: file too short" in answer.why


def test_a_library_that_all_but_the_oldest_processors_find() -> None:
    answer = ask({**TREE, f"{LIB}/glibc-hwcaps/x86-64-v2/libc10.so": File(b"", 0o755)})
    assert answer.torch.importable == "no"
    assert "x86-64-v2/libc10.so: file too short" in answer.why


def test_a_library_that_only_newer_processors_find() -> None:
    tree = {**TREE, f"{LIB}/glibc-hwcaps/x86-64-v3/libc10.so": File(b"", 0o755)}
    answer = ask(tree)
    assert answer.torch.importable == "unknown"
    assert "it depends on the processor: x86-64-v3" in answer.why


def test_a_library_that_python_starts_with_on_newer_processors_alone() -> None:
    path = next(path for path in TREE if path.endswith("/libc.so.6"))
    folder, _, name = path.rpartition("/")
    tree = {other: file for other, file in TREE.items() if other != path}
    assert ask({**tree, f"{folder}/glibc-hwcaps/x86-64-v2/{name}": TREE[path]}).torch.importable == "yes"
    answer = ask({**tree, f"{folder}/glibc-hwcaps/x86-64-v3/{name}": TREE[path]})
    assert answer.torch.importable == "unknown"
    assert "it depends on the processor: x86-64-v3" in answer.why


def test_a_library_that_the_user_may_not_read() -> None:
    closed = TREE[f"{LIB}/libc10.so"]
    assert isinstance(closed, File)
    tree = {**TREE, f"{LIB}/libc10.so": File(closed.data, 0o600)}
    assert ask(tree).torch.importable == "yes"
    answer = ask(tree, config=config_of(env=ENV, user="1000"))
    assert answer.torch.importable == "no"
    assert "libc10.so: cannot open shared object file" in answer.why


def test_an_extension_without_its_function() -> None:
    file = f"{SITE}/torch/_C.cpython-311-x86_64-linux-gnu.so"
    answer = ask(TREE | {file: library("_C")})
    assert answer.torch.importable == "no"
    assert "dynamic module does not define module export function (PyInit__C)" in answer.why


def test_a_torch_that_a_link_leads_to() -> None:
    moved = {path.replace(f"{SITE}/torch/", "srv/torch/"): member for path, member in TREE.items()}
    assert ask({**moved, f"{SITE}/torch": Link("/srv/torch")}).torch.importable == "yes"


NUMPY = f"{SITE}/numpy"
CORE = f"{NUMPY}/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so"


def module(name: str, *needed: str) -> File:
    """An extension module."""
    return File(Elf(needed=("libc.so.6", *needed), symbols=(f"PyInit_{name}",)).encode(), 0o755)


@pytest.mark.parametrize(
    ("files", "importable", "text"),
    [
        ({CORE: module("_multiarray_umath")}, "yes", ""),
        ({CORE: module("_multiarray_umath", "libopenblas.so.0")}, "no", "libopenblas.so.0: cannot open"),
        ({CORE.replace("311", "312"): module("_multiarray_umath")}, "no", "numpy is there and broken"),
        ({}, "unknown", "is not numpy as it is known"),
    ],
)
def test_a_numpy_that_is_there_is_imported(files: dict[str, Member], importable: Tri, text: str) -> None:
    answer = ask({**TREE, f"{NUMPY}/__init__.py": b"", **files})
    assert answer.torch.importable == importable
    assert text in answer.why


def test_an_interpreter_that_can_t_start_imports_nothing() -> None:
    tree: dict[str, Member] = {**debian(), **cpython(machine="aarch64")}
    tree |= install(SITE, *torch_needs(), torch_cpu(machine="aarch64"))
    answer = ask(tree)
    assert (answer.torch.installed, answer.torch.importable) == (True, "no")
    assert answer.torch.build == "cpu"


def test_an_init_that_holds_nothing() -> None:
    assert ask(TREE | {f"{SITE}/torch/__init__.py": b""}).torch.importable == "no"
