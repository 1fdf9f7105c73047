"""torch's files against its RECORD."""

from __future__ import annotations

import pytest

from fixtures.nvidia import nvidia
from fixtures.torches import torch_cpu, torch_cuda, version_py
from inspector.testing.tree import File, Link, Member
from inspector.unknown import Tri
from tests.torchbuild.asking import SITE, ask, slim, without

TREE = slim(torch_cpu())


@pytest.mark.parametrize(
    ("gone", "importable", "clause"),
    [
        ("torch/lib/libtorch_cpu.so", "no", "libtorch_cpu.so"),
        ("torch/lib/libtorch_python.so", "no", "libtorch_python.so"),
        ("torch/lib/libtorch_global_deps.so", "no", "libtorch_global_deps.so: cannot open shared object file"),
        ("torch/lib/libgomp.so.1", "no", "libgomp.so.1: cannot open shared object file"),
        ("torch/lib", "no", "missing"),
        ("torch/cuda/__init__.py", "unknown", "files of torch's RECORD missing (1): "),
        ("torch/version.py", "no", "version.py is missing"),
        ("torch/_C.cpython-311-x86_64-linux-gnu.so", "no", "torch/_C*.so is missing"),
        ("functorch", "yes", "functorch/__init__.py"),
        ("torch/_C/__init__.pyi", "yes", "__init__.pyi"),
        ("torch/__pycache__", "yes", ""),
        ("torch-2.13.0+cpu.dist-info/RECORD", "yes", ""),
        ("torch-2.13.0+cpu.dist-info", "yes", ""),
    ],
)
def test_what_is_gone(gone: str, importable: Tri, clause: str) -> None:
    answer = ask(without(TREE, f"{SITE}/{gone}"))
    assert (answer.torch.installed, answer.torch.importable) == (True, importable)
    assert clause in answer.why


@pytest.mark.parametrize(
    ("path", "content", "importable"),
    [
        ("torch/lib/libtorch_cpu.so", b"", "no"),
        ("torch/lib/libtorch_cpu.so", b"cut", "no"),
        ("torch/lib/libgomp.so.1", b"cut", "no"),
        ("torch/__init__.py", b"# patched\n", "unknown"),
        ("torch/nn/__init__.py", b"# patched\n", "yes"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"# patched\n", "yes"),
        ("torch/version.py", version_py("2.13.0"), "yes"),
        ("torch/version.py", version_py("2.14.0+cpu"), "yes"),
        ("torch/version.py", version_py("9.9"), "yes"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"cuda = 12.4\n", "yes"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"__version__ = '2.13.0' + '+cpu'\n", "yes"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"__version__ += '.mine'\n", "unknown"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"cuda = undefined\n", "unknown"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"hip = 1 / 0\n", "unknown"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"cuda = '12.4'\n", "yes"),
        ("torch/version.py", version_py("2.13.0+cpu") + b"import os; os.abort()\n", "unknown"),
        ("torch/torch_version.py", b"", "unknown"),
        ("torch/torch_version.py", b"# cut", "unknown"),
        ("torch/torch_version.py", b"#" * 100, "yes"),
        ("torch/_C/__init__.pyi", b"# patched\n", "yes"),
        ("torch/_C.cpython-311-x86_64-linux-gnu.so", b"", "no"),
        ("torch/_C.cpython-311-x86_64-linux-gnu.so", b"not ELF at all, but long enough", "no"),
    ],
)
def test_what_has_another_size(path: str, content: bytes, importable: Tri) -> None:
    answer = ask(TREE | {f"{SITE}/{path}": File(content, 0o755)})
    assert answer.torch.importable == importable
    assert answer.torch.reasons


def test_an_edited_version_is_told_from_a_mix_of_releases() -> None:
    edited = TREE | {f"{SITE}/torch/version.py": version_py("2.14.0+cpu")}
    assert "version.py was edited" in ask(edited).why
    mixed = ask(edited | {f"{SITE}/torch/nn/__init__.py": b"# of another release\n"})
    assert mixed.torch.importable == "unknown"
    assert "two releases are mixed" in mixed.why
    unlisted = ask(without(edited, f"{SITE}/torch-2.13.0+cpu.dist-info/RECORD"))
    assert unlisted.torch.importable == "unknown"


def stripped(path: str, sections: int, cut: int = 0) -> dict[str, Member]:
    """The tree with a library that had so many bytes of sections at its end by RECORD, and lacks some of its own."""
    record = f"{SITE}/torch-2.13.0+cpu.dist-info/RECORD"
    library, rows = TREE[f"{SITE}/{path}"], TREE[record]
    assert isinstance(library, File)
    assert isinstance(rows, bytes)
    size = len(library.data)
    listed = rows.replace(b",%d\n" % size, b",%d\n" % (size + sections))
    return {**TREE, record: listed, f"{SITE}/{path}": File(library.data[: size - cut], library.mode)}


@pytest.mark.parametrize("name", ["libtorch_cpu.so", "libgomp.so.1", "libtorch_python.so", "libshm.so"])
def test_a_stripped_library_is_whole(name: str) -> None:
    answer = ask(stripped(f"torch/lib/{name}", 5000))
    assert answer.torch.importable == "yes"
    assert "another size than in RECORD" in answer.why
    library = TREE[f"{SITE}/torch/lib/{name}"]
    assert isinstance(library, File)
    cut = ask(stripped(f"torch/lib/{name}", 0, cut=len(library.data) - 100))
    assert cut.torch.importable == "no"


@pytest.mark.parametrize(
    ("gone", "importable"),
    [
        ("torch/bin/protoc", "yes"),
        ("torch/testing/_internal/common_dtype.py", "unknown"),
        ("torch/utils/benchmark/examples/op.py", "yes"),
        ("torch/include/torch/csrc/x.h", "yes"),
        ("torch/lib/libaoti_custom_ops.so", "yes"),
        ("torch/nn/modules/linear.py", "unknown"),
    ],
)
def test_what_is_not_loaded_is_not_missed(gone: str, importable: Tri) -> None:
    record = f"{SITE}/torch-2.13.0+cpu.dist-info/RECORD"
    rows = TREE[record]
    assert isinstance(rows, bytes)
    answer = ask(TREE | {record: rows + f"{gone},sha256=x,5\n".encode()})
    assert answer.torch.importable == importable
    assert gone in answer.why


def test_a_file_in_another_place_behind_a_link_is_whole() -> None:
    library = f"{SITE}/torch/lib/libtorch_cpu.so"
    moved: dict[str, Member] = {**TREE, "srv/libtorch_cpu.so": TREE[library], library: Link("/srv/libtorch_cpu.so")}
    assert (ask(moved).torch.importable, ask(moved).torch.reasons) == ("yes", ())


def test_libraries_that_nothing_lists_are_missed_all_the_same() -> None:
    tree = without(TREE, f"{SITE}/torch-2.13.0+cpu.dist-info", f"{SITE}/torch/lib/libtorch_cpu.so")
    answer = ask(tree)
    assert answer.torch.importable == "no"
    assert "libtorch_cpu.so" in answer.why


def test_the_program_that_import_looks_for() -> None:
    init = TREE[f"{SITE}/torch/__init__.py"]
    assert isinstance(init, bytes)
    looks = TREE | {f"{SITE}/torch/__init__.py": init + b"_manager = 'torch_shm_manager'\n"}
    answer = ask(looks)
    assert answer.torch.importable == "no"
    assert "Unable to find torch_shm_manager at " in answer.torch.reasons[0]
    assert ask(looks | {f"{SITE}/torch/bin/torch_shm_manager": b"12345"}).torch.importable == "yes"


def test_many_are_told_as_some_and_a_number() -> None:
    site = f"{SITE}/torch-2.13.0+cpu.dist-info/RECORD"
    record = TREE[site]
    assert isinstance(record, bytes)
    more = b"".join(b"torch/nn/m%d.py,sha256=x,5\n" % number for number in range(100))
    (reason,) = ask(TREE | {site: record + more}).torch.reasons
    assert "(100): " in reason
    assert reason.endswith("and 97 more")


def test_libraries_that_only_a_gpu_build_loads_at_import() -> None:
    tree = slim(torch_cuda(), *nvidia())
    lib = f"{SITE}/torch/lib"
    late = ask(without(tree, f"{lib}/libtorch_cuda_linalg.so", f"{lib}/libcaffe2_nvrtc.so"))
    assert late.torch.importable == "yes"
    assert "libtorch_cuda_linalg.so" in late.why
    gone = ask(without(tree, f"{lib}/libc10_cuda.so"))
    assert (gone.torch.importable, gone.torch.build) == ("no", "cuda")
