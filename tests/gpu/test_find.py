"""What an image says about GPUs, found by its files and its environment; hostile images too."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fixtures.compat import compat_library
from fixtures.elf import Elf
from fixtures.fatbin import fatbin
from fixtures.nvidia import nvidia
from fixtures.torches import torch_cuda
from inspector.errors import LimitExceeded
from inspector.gpu.compat import Note
from inspector.gpu.find import MAX_FOLDERS, MAX_FOUND, find_gpu
from inspector.gpu.image import NOT_LOOKED, Forced, ImageGpu, Kernels, Runtime
from inspector.testing.tree import Link, Tree
from inspector.torchbuild.model import Torch
from inspector.unknown import Importable, Unknown
from tests.factories import distribution
from tests.facts.agreement import partial_facts_of
from tests.support import config_of, few, rootfs_of
from tests.torchbuild.asking import ENV, slim

LIB = "opt/torch/lib"
LIST = "sm_80 sm_90"
TORCH = Torch(installed=True, importable=Importable.YES, build="cuda", cuda="13.0", path="/opt/torch")
FILES: Tree = {
    f"{LIB}/libtorch_python.so": Elf(text=LIST.encode() + b"\0").encode(),
    f"{LIB}/libtorch_cuda.so": Elf(sections={".nv_fatbin": fatbin(LIST)}).encode(),
    f"{LIB}/libtorch_cuda_linalg.so": Elf(sections={".nv_fatbin": fatbin("sm_90")}).encode(),
    f"{LIB}/libc10_cuda.so": Elf(needed=("libcudart.so.13",)).encode(),
}
COMPAT = "usr/local/cuda-13.1/compat"


def found(tree: Tree | None = None, torch: Torch = TORCH, working_dir: str = "", **env: str) -> ImageGpu:
    """Find what the image with torch's files, and these, says."""
    config = config_of(env=env, working_dir=working_dir)
    gpu = find_gpu(
        rootfs_of({**FILES, **(tree or {})}), config, torch, (distribution("nvidia-cuda-runtime", "13.0.96"),)
    )
    assert gpu is not None
    return gpu


def test_a_plain_image() -> None:
    assert found() == ImageGpu(
        build="cuda",
        cuda="13.0",
        architectures=("sm_80", "sm_90"),
        linalg=("sm_90",),
        runtime=Runtime(soname="libcudart.so.13", distribution="nvidia-cuda-runtime", version="13.0.96"),
        min_driver="580.65.06",
    )


@pytest.mark.parametrize(
    ("torch", "build"),
    [
        (Torch(installed=False, importable=Importable.NO), None),
        (Torch(installed=True, importable=Importable.YES, build="cpu"), None),
        (Torch(installed=False, importable=Importable.UNKNOWN, reasons=("no layer was read",)), "no layer was read"),
        (Torch(installed=True, importable=Importable.UNKNOWN, build="unknown", path="/opt/torch"), "build torch is"),
    ],
)
def test_other_torches(torch: Torch, build: str | None) -> None:
    gpu = find_gpu(rootfs_of({}), config_of(), torch, ())
    if build is None or gpu is None:
        assert (gpu, build) == (None, None)
    else:
        assert isinstance(gpu.build, Unknown)
        assert build in gpu.build.unknown


def test_kernels_that_contradict_the_list_leave_it_unknown() -> None:
    other: Tree = {f"{LIB}/libtorch_cuda.so": Elf(sections={".nv_fatbin": fatbin("sm_90 sm_80a")}).encode()}
    gpu = found(other)
    assert isinstance(gpu.architectures, Unknown)
    assert "sm_80a" in gpu.architectures.unknown


def test_the_order_of_kernels_does_not_matter() -> None:
    other: Tree = {f"{LIB}/libtorch_cuda.so": Elf(sections={".nv_fatbin": fatbin("sm_90 sm_80")}).encode()}
    assert found(other).architectures == ("sm_80", "sm_90")


def test_kernels_answer_where_there_is_no_list() -> None:
    assert found({f"{LIB}/libtorch_python.so": Elf().encode()}).architectures == ("sm_80", "sm_90")
    of_two: Tree = {
        f"{LIB}/libtorch_cuda.so": Elf().encode(),
        f"{LIB}/libtorch_cuda_cu.so": Elf(sections={".nv_fatbin": fatbin("sm_70")}).encode(),
        f"{LIB}/libtorch_python.so": Elf().encode(),
    }
    assert found(of_two).architectures == ("sm_70",)


def test_without_either_the_architectures_are_not_known() -> None:
    none: Tree = {f"{LIB}/{name}.so": Elf().encode() for name in ("libtorch_python", "libtorch_cuda")}
    assert isinstance(found(none).architectures, Unknown)
    assert isinstance(
        found({f"{LIB}/libtorch_python.so": b"text", f"{LIB}/libtorch_cuda.so": b""}).architectures, Unknown
    )
    assert found({f"{LIB}/libtorch_cuda_linalg.so": Elf().encode()}).linalg is None


def test_libraries_that_need_another_runtime_make_its_version_unknown() -> None:
    gpu = found({f"{LIB}/libc10_cuda.so": Elf(needed=("libcudart.so.12",)).encode()})
    assert isinstance(gpu.cuda, Unknown)
    assert "libcudart.so.12" in gpu.cuda.unknown
    assert gpu.min_driver is None
    old = Torch(installed=True, importable=Importable.YES, build="cuda", cuda="11.7", path="/opt/torch")
    assert found({f"{LIB}/libc10_cuda.so": Elf(needed=("libcudart.so.11.0",)).encode()}, old).cuda == "11.7"


def test_compat_libraries_with_their_notes() -> None:
    tree: Tree = {
        f"{COMPAT}/libcuda.so.590.44.01": compat_library("13.1", (570, 590)),
        f"{COMPAT}/libcuda.so.1": Link("libcuda.so.590.44.01"),
        f"{COMPAT}/libcuda.so": Link("libcuda.so.1"),
        f"{COMPAT}/libnvidia-ptxjitcompiler.so.590.44.01": b"x",
        "usr/local/cuda": Link("/etc/alternatives/cuda"),
        "etc/alternatives/cuda": Link("/usr/local/cuda-13.1"),
    }
    (compat,) = found(tree).compat
    assert (compat.path, compat.version) == (f"/{COMPAT}/libcuda.so.590.44.01", "590.44.01")
    assert compat.note == Note("13.1", (570, 590), (1, 2, 7))
    assert not compat.unread


@pytest.mark.parametrize("content", [compat_library("13.1", (570,) * 2000), b""])
def test_a_note_that_can_not_be_read_is_told(content: bytes) -> None:
    tree: Tree = {"usr/local/cuda/compat/libcuda.so.590.44.01": content}
    (compat,) = found(tree).compat
    assert compat.note is None
    assert bool(compat.unread) == bool(content)


def test_files_of_a_driver() -> None:
    folder = "usr/lib/x86_64-linux-gnu"
    tree: Tree = {
        f"{folder}/libcuda.so.1": Link("libcuda.so.535.183.01"),
        f"{folder}/libcuda.so.535.183.01": b"x",
        f"{folder}/libnvidia-ml.so.1": b"",
        f"{folder}/libcudart.so.12": b"x",
        "usr/lib64": Link("lib/x86_64-linux-gnu"),
        "lib": Link("usr/lib"),
        "usr/bin/nvidia-smi": b"x",
        "usr/local/cuda/lib64/stubs/libcuda.so": b"x",
    }
    gpu = found(tree)
    assert gpu.baked == (f"/{folder}/libcuda.so.1", f"/{folder}/libcuda.so.535.183.01", "/usr/bin/nvidia-smi")
    assert gpu.leftovers == (f"/{folder}/libnvidia-ml.so.1",)
    many: Tree = {f"usr/lib/libcuda.so.{number}": b"x" for number in range(200)}
    assert len(found(many).baked) == MAX_FOUND


@pytest.mark.parametrize(
    ("value", "forced"),
    [
        ("/opt/a:/opt/b", Forced("/opt/b/libcuda.so.1", "550.54.14")),
        ("/opt/b/;/opt/a", Forced("/opt/b/libcuda.so.1", "550.54.14")),
        ("b", Forced("b/libcuda.so.1", "550.54.14")),
        ("/opt/stubs", Forced("/opt/stubs/libcuda.so.1", stub=True)),
        ("/opt/c:", Forced("./libcuda.so.1")),
        ("/opt/a", None),
        ("/opt/a:/usr/local/nvidia/lib64", None),
        ("", None),
        ("$ORIGIN/../lib", Forced("$ORIGIN/../lib/libcuda.so.1")),
        (":".join(["/opt/a"] * (MAX_FOLDERS + 1)), Forced("/opt/a/libcuda.so.1")),
        ("/opt/.." * 3000, Forced("/opt/.." * 3000 + "/libcuda.so.1")),
    ],
)
def test_the_library_that_a_variable_leads_to(value: str, forced: Forced | None) -> None:
    tree: Tree = {
        "opt/a/libcuda.so": b"x",
        "opt/b/libcuda.so.1": Link("libcuda.so.550.54.14"),
        "opt/b/libcuda.so.550.54.14": b"x",
        "opt/stubs/libcuda.so": b"x",
        "opt/stubs/libcuda.so.1": Link("libcuda.so"),
        "opt/libcuda.so.1": b"x",
    }
    assert found(tree, working_dir="/opt", LD_LIBRARY_PATH=value).forced == forced


def test_the_environment_that_decides() -> None:
    env = {"CUDA_VERSION": "12.4.1", "NVIDIA_VISIBLE_DEVICES": "all", "PATH": "/bin", "HIP_VISIBLE_DEVICES": "0"}
    gpu = found(None, TORCH, "", **env)
    assert gpu.environment == {name: value for name, value in env.items() if name != "PATH"}
    assert gpu.legacy
    assert not found(None, TORCH, "", **env, NVIDIA_REQUIRE_CUDA="cuda>=12.4").legacy


def test_the_machine_in_the_words_of_the_kernel() -> None:
    for oci, machine in (("amd64", "x86_64"), ("arm64", "aarch64"), ("riscv64", "riscv64")):
        gpu = find_gpu(rootfs_of(FILES), config_of(), TORCH, (), oci)
        assert gpu is not None
        assert gpu.architecture == machine


def test_questions_without_end_end() -> None:
    fs = rootfs_of({**FILES, "usr/lib/x": b""}, budget=few(steps=20))
    with pytest.raises(LimitExceeded, match="names that are looked up"):
        find_gpu(fs, config_of(), TORCH, ())


def test_single_files_tell_the_same_or_that_it_is_not_known() -> None:
    folder = "usr/lib/x86_64-linux-gnu"
    tree: Tree = {
        **slim(torch_cuda(), *nvidia()),
        f"{COMPAT}/libcuda.so.590.44.01": compat_library("13.1", (570, 590)),
        f"{COMPAT}/libcuda.so.1": Link("libcuda.so.590.44.01"),
        "usr/local/cuda": Link("cuda-13.1"),
        f"{folder}/libcuda.so.1": Link("libcuda.so.535.1"),
    }
    config = config_of(env={**ENV, "LD_LIBRARY_PATH": "/usr/local/cuda/compat"}, working_dir="/app")
    fs = rootfs_of(tree)
    part, _ = partial_facts_of(fs, config)
    whole = find_gpu(fs, config, part.torch, ())
    assert part.gpu is not None
    assert whole is not None
    assert isinstance(whole.architectures, tuple)
    assert isinstance(part.gpu.architectures, Unknown)
    assert isinstance(part.gpu.linalg, Unknown)
    assert whole.runtime.soname == "libcudart.so.13"
    assert isinstance(part.gpu.kernels, Unknown)
    blind = {"architectures": whole.architectures, "linalg": whole.linalg, "runtime": whole.runtime, "kernels": ()}
    assert replace(part.gpu, **blind) == whole
    assert whole.compat[0].note is not None
    assert whole.forced == Forced("/usr/local/cuda/compat/libcuda.so.1", "590.44.01")


def test_packages_with_kernels_are_named_before_they_are_looked_into() -> None:
    fs, packages = rootfs_of(FILES), (distribution("torchvision", "0.29.1"), distribution("numpy", "2.4"))
    gpu = find_gpu(fs, config_of(), TORCH, packages)
    assert gpu is not None
    unread = Unknown(NOT_LOOKED)
    assert gpu.kernels == (
        Kernels(distribution="torchvision", version="0.29.1", architectures=unread, reason=NOT_LOOKED),
    )
    unlisted = find_gpu(fs, config_of(), TORCH, Unknown("not listed"))
    assert unlisted is not None
    assert unlisted.kernels == Unknown("not listed")
