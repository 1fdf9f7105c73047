"""Extension modules of distributions: those that can't load in the image, and what is no fault of theirs."""

from __future__ import annotations

import pytest

from fixtures.elf import Elf
from fixtures.torches import torch_cpu
from fixtures.wheels import Wheel
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.testing.tree import File, Member
from inspector.torchbuild import extensions as module
from inspector.torchbuild import find_torch
from inspector.torchbuild.extensions import Tried, find_broken_extensions
from inspector.torchbuild.model import BrokenExtension
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, slim

TAG = "cpython-311-x86_64-linux-gnu"


def extension(name: str, *needed: str, undefined: tuple[str, ...] = (), runpath: str = "") -> File:
    elf = Elf(needed=(*needed, "libc.so.6"), symbols=(f"PyInit_{name}",), undefined=undefined, runpath=runpath)
    return File(elf.encode(), 0o755)


def tried(*wheels: Wheel, more: dict[str, Member] | None = None, torch: bool = True) -> Tried:
    fs, config = rootfs_of({**slim(*([torch_cpu()] if torch else []), *wheels), **(more or {})}), config_of(env=ENV)
    interpreter, _ = find_interpreter(fs, config)
    installed, _ = find_distributions(fs, interpreter)
    found, _, _ = find_torch(fs, config, interpreter, installed)
    return find_broken_extensions(fs, config, interpreter, installed, found)


def broken(*wheels: Wheel, more: dict[str, Member] | None = None, torch: bool = True) -> list[BrokenExtension]:
    return list(tried(*wheels, more=more, torch=torch).broken)


def flash(file: File) -> Wheel:
    return Wheel(name="flash_attn", version="2.7.4", files={f"flash_attn_2_cuda.{TAG}.so": file})


def test_a_symbol_of_another_torch() -> None:
    file = extension("flash_attn_2_cuda", "libc10.so", undefined=("_ZN3c106detail14torchCheckFailEPKcS2_jS2_",))
    (found,) = broken(flash(file))
    assert found.distribution == "flash_attn 2.7.4"
    assert found.path.endswith(f"/flash_attn_2_cuda.{TAG}.so")
    assert "undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jS2_" in found.reason
    assert found.reason.endswith("built for another torch")
    assert found.layer == 0


def test_libraries_of_torch_are_there_once_it_is_imported() -> None:
    assert broken(flash(extension("flash_attn_2_cuda", "libc10.so"))) == []
    (found,) = broken(flash(extension("flash_attn_2_cuda", "libc10.so")), torch=False)
    assert "libc10.so: cannot open shared object file" in found.reason


def test_a_library_that_is_nowhere() -> None:
    (found,) = broken(flash(extension("flash_attn_2_cuda", "libcudart.so.12")))
    assert "ImportError: libcudart.so.12: cannot open shared object file: No such file or directory" in found.reason


@pytest.mark.parametrize(
    "files",
    [
        {f"p/tests/m.{TAG}.so": extension("m", "libnever.so")},
        {"p/m.cpython-312-x86_64-linux-gnu.so": extension("m", "libnever.so")},
        {"p/libplugin.so": extension("m", "libnever.so")},
        {f"p/m.{TAG}.so": extension("m", "libcuda.so.1")},
        {f"p/m.{TAG}.so": extension("m", "libown.so"), "p/lib/libown.so": extension("x")},
        {f"p/m.{TAG}.so": extension("m")},
    ],
)
def test_what_is_no_fault(files: dict[str, File]) -> None:
    listed: dict[str, bytes | File] = {**files}
    assert broken(Wheel(name="p", version="1", files=listed)) == []


def test_each_is_judged_alone() -> None:
    files: dict[str, bytes | File] = {
        f"p/{name}.{TAG}.so": extension(name, "libnever.so" if name == "b" else "libm.so.6") for name in "abc"
    }
    assert [found.path.rpartition("/")[2] for found in broken(Wheel(name="p", version="1", files=files))] == [
        f"b.{TAG}.so"
    ]


def test_so_many_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TRIED", 3)
    files: dict[str, bytes | File] = {f"p/m{n}.{TAG}.so": extension(f"m{n}", "libnever.so") for n in range(9)}
    found = tried(Wheel(name="p", version="1", files=files))
    assert (len(found.broken), found.undecided) == (3, ("there are more than 3 of them",))


def library(*needed: str, undefined: tuple[str, ...] = ()) -> File:
    """A library without PyInit, as packages open them by `torch.ops.load_library`."""
    return File(Elf(needed=(*needed, "libc.so.6"), undefined=undefined).encode(), 0o755)


def test_a_library_that_needs_a_torch_for_cuda() -> None:
    """As torchvision 0.28.0, which asks for `torch==2.13.0`, with 2.13.0+cpu: pip sees nothing amiss."""
    files: dict[str, bytes | File] = {"torchvision/_C.so": library("libc10.so", "libc10_cuda.so", "libtorch_cuda.so")}
    vision = Wheel(name="torchvision", version="0.28.0", files=files, requires=("torch==2.13.0",))
    (found,) = broken(vision)
    assert (found.distribution, found.path.rpartition("/")[2]) == ("torchvision 0.28.0", "_C.so")
    assert found.reason.startswith("OSError: libc10_cuda.so: cannot open shared object file")
    assert broken(vision, torch=False) == [], "what it is built for is not there to be tried with"


def test_a_library_that_lacks_a_symbol() -> None:
    files: dict[str, bytes | File] = {"torchvision/_C.so": library("libc10.so", undefined=("_ZN3c1010of_anotherEv",))}
    (found,) = broken(Wheel(name="torchvision", version="0.28.0", files=files))
    assert found.reason.endswith("undefined symbol: _ZN3c1010of_anotherEv: built for another torch")


@pytest.mark.parametrize(
    "files",
    [
        {"p/_C.so": library("libc10.so")},
        {"p/_C.so": library("libnever.so")},
        {"p.libs/libq.so": library("libc10.so", "libnever.so")},
        {"p/_C.cpython-312-x86_64-linux-gnu.so": library("libc10.so", "libnever.so")},
        {"torchaudio/lib/libtorchaudio.abi3.so": library("libc10.so")},
    ],
)
def test_libraries_that_load_or_are_none_of_torchs(files: dict[str, File]) -> None:
    listed: dict[str, bytes | File] = {**files}
    found = tried(Wheel(name="p", version="1", files=listed))
    assert (found.broken, found.undecided) == ((), ())


def test_a_library_that_another_package_may_open_first() -> None:
    files: dict[str, bytes | File] = {
        "torch_tensorrt/lib/libtorchtrt.so": library("libc10.so", "libnvinfer.so.10"),
        "tensorrt_libs/libnvinfer.so.10": library(),
    }
    found = tried(Wheel(name="torch_tensorrt", version="1", files=files))
    assert found.broken == ()
    (why,) = found.undecided
    assert "libnvinfer.so.10: cannot open shared object file" in why
