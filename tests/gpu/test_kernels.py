"""Other packages with kernels: what they were built for, found in described images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fixtures.elf import Elf
from fixtures.fatbin import fatbin
from fixtures.nvidia import nvidia
from fixtures.torches import torch_cpu, torch_cuda
from fixtures.wheels import Wheel
from inspector.gpu.image import Kernels
from inspector.gpu.kernels import find_kernels
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.testing.tree import File
from inspector.torchbuild import find_torch
from inspector.torchbuild.extensions import find_broken_extensions
from inspector.unknown import Unknown
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, SITE, slim

WHEEL = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120"
TAG = "cpython-311-x86_64-linux-gnu"


def library(*lists: str, needed: tuple[str, ...] = ("libc10.so",), undefined: tuple[str, ...] = ()) -> File:
    sections = {".nv_fatbin": fatbin(*lists)} if lists else {}
    return File(Elf(needed=(*needed, "libc.so.6"), undefined=undefined, sections=sections).encode(), 0o755)


def vision(version: str = "0.28.0", *, needed: tuple[str, ...] = ("libc10.so", "libc10_cuda.so"), **more: str) -> Wheel:
    files: dict[str, bytes | File] = {
        "torchvision/_C.so": library(WHEEL, WHEEL, needed=needed),
        "torchvision/image.so": library(needed=("libnever.so",)),
        "torchvision/version.py": f"__version__ = '{version}+cu130'\ncuda = _check()\n".encode(),
    }
    return Wheel(name="torchvision", version=version, files=files, requires=(f"torch=={more.get('torch', '2.13.0')}",))


def found(*wheels: Wheel, torches: Sequence[Wheel] = (torch_cuda(), *nvidia())) -> tuple[Kernels, ...]:
    """What is found beside a torch, as a rule one for CUDA 13.0."""
    tree = slim(*torches, *wheels)
    fs, config = rootfs_of(tree), config_of(env=ENV)
    interpreter, _ = find_interpreter(fs, config)
    installed, _ = find_distributions(fs, interpreter)
    torch, _, _ = find_torch(fs, config, interpreter, installed)
    tried = find_broken_extensions(fs, config, interpreter, installed, torch)
    return find_kernels(fs, installed, torch, tried)


def test_what_a_package_was_built_for() -> None:
    assert found(vision()) == (
        Kernels(
            distribution="torchvision",
            version="0.28.0",
            torch="2.13.0",
            cuda="13.0",
            architectures=tuple(WHEEL.split()),
            fits="yes",
            path=f"/{SITE}/torchvision/_C.so",
        ),
    )


def test_the_runtime_that_a_library_needs_tells_of_its_cuda() -> None:
    files: dict[str, bytes | File] = {"torchvision/_C.so": library(WHEEL, needed=("libc10.so", "libcudart.so.13"))}
    (told,) = found(Wheel(name="torchvision", version="0.28.0", files=files))
    assert (told.torch, told.cuda, told.fits) == (None, "13", "yes")


def test_what_was_not_tried_is_not_known_to_fit() -> None:
    (told,) = found(vision(), torches=(replace(torch_cuda(), requires=("typing-extensions",)),))
    assert told.fits == "unknown", "without CUDA's libraries torch can't be imported"


def test_a_cpu_torch_has_none_beside_it() -> None:
    assert found(vision(), torches=[torch_cpu()]) == ()


def test_a_library_for_another_cuda() -> None:
    files: dict[str, bytes | File] = {
        "xformers/_C.so": library("sm_75 sm_80 compute_80 sm_90a", needed=("libc10.so", "libcudart.so.12")),
        "xformers/cpp_lib.json": b'{"version": {"cuda": 1208, "hip": null, "torch": "2.10.0+cu128"}}',
    }
    (told,) = found(Wheel(name="xformers", version="0.0.35", files=files, requires=("torch>=2.10",)))
    assert (told.torch, told.cuda, told.fits) == ("2.10.0+cu128", "12.8", "no")
    assert told.reason == "OSError: libcudart.so.12: cannot open shared object file: No such file or directory"
    assert told.architectures == ("sm_75", "sm_80", "sm_90a", "compute_80")


def bits(*numbers: int) -> Wheel:
    files: dict[str, bytes | File] = {
        f"bitsandbytes/libbitsandbytes_cuda{number}.so": library(
            f"sm_75 sm_{number}", needed=(f"libcudart.so.{number // 10}",)
        )
        for number in numbers
    }
    return Wheel(name="bitsandbytes", version="0.50.2", files=files, requires=("torch<3,>=2.4",))


def test_of_many_libraries_the_one_for_torchs_cuda_counts() -> None:
    (told,) = found(bits(118, 128, 130))
    assert (told.torch, told.cuda, told.fits, told.architectures) == (None, "13", "yes", ("sm_75", "sm_130"))


def test_none_of_many_libraries_is_for_torchs_cuda() -> None:
    (told,) = found(bits(118, 128))
    assert (told.fits, told.reason) == ("no", "it has no library for CUDA 13.0, only for 118, 128")


def test_a_wheels_own_name_tells() -> None:
    name = "flash_attn-2.7.4+cu12torch2.5cxx11abiFALSE-cp311-cp311-linux_x86_64.whl"
    files: dict[str, bytes | File] = {
        f"flash_attn_2_cuda.{TAG}.so": library("sm_80 sm_90", undefined=("_ZN3c1010of_anotherEv",))
    }
    metadata = {"direct_url.json": f'{{"url": "https://example.org/{name.replace("+", "%2B")}"}}'.encode()}
    (told,) = found(Wheel(name="flash_attn", version="2.7.4", files=files, metadata=metadata))
    assert (told.distribution, told.torch, told.cuda, told.fits) == ("flash_attn", "2.5", "12", "no")
    assert told.architectures == ("sm_80", "sm_90")


def test_the_list_of_most_containers_counts_and_the_rest_is_told() -> None:
    files: dict[str, bytes | File] = {
        "vllm/_C.abi3.so": library("sm_80 sm_90", "sm_80 sm_90", "sm_90a"),
        "vllm/vllm_flash_attn/_vllm_fa2_C.abi3.so": library("sm_80 sm_90", "sm_100a sm_80"),
    }
    (told,) = found(Wheel(name="vllm", version="0.33.0", files=files, requires=("torch==2.14.0",)))
    assert (told.torch, told.architectures, told.others) == ("2.14.0", ("sm_80", "sm_90"), ("sm_90a", "sm_100a"))


@pytest.mark.parametrize(
    ("section", "told"),
    [(b"no container of any", "no container"), (fatbin("sm_80") + b"damaged.", "no container")],
)
def test_damaged_kernels_are_not_known(section: bytes, told: str) -> None:
    elf = Elf(needed=("libc.so.6",), sections={".nv_fatbin": section})
    files: dict[str, bytes | File] = {"torchvision/_C.so": File(elf.encode(), 0o755)}
    (kernels,) = found(Wheel(name="torchvision", version="0.28.0", files=files))
    assert isinstance(kernels.architectures, Unknown)
    assert told in kernels.architectures.unknown


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"version": {"cuda": "x"}}', b'{"version": 1}', b"[" * 70_000])
def test_a_strange_statement_of_xformers_states_nothing(text: bytes) -> None:
    files: dict[str, bytes | File] = {"xformers/_C.so": library("sm_80"), "xformers/cpp_lib.json": text}
    (told,) = found(Wheel(name="xformers", version="1", files=files))
    assert (told.torch, told.cuda) == (None, None)
