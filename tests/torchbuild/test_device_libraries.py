"""Libraries of the devices' makers: what the metadata asks for, and where it lies."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.nvidia import nvidia
from fixtures.torches import Torch, torch_cuda, torch_xpu
from fixtures.wheels import Wheel
from inspector.testing.tree import Link, Member
from tests.torchbuild.asking import SITE, ask, slim, without

CUDA = torch_cuda()
LIB = "usr/local/cuda/lib64"


def all_of(*names: str) -> dict[str, Member]:
    library = slim(*nvidia())[f"{SITE}/nvidia/cu13/lib/libcudart.so.13"]
    return dict.fromkeys(names, library)


def requiring(*requires: str, build: Wheel = CUDA) -> Wheel:
    return dataclasses.replace(build, requires=requires)


@pytest.mark.parametrize("part", ["cublas", "cuda-runtime", "cudnn", "nccl"])
def test_each_library_is_looked_for(part: str) -> None:
    wheels = [wheel for wheel in nvidia() if not wheel.name.startswith(f"nvidia-{part}")]
    answer = ask(slim(CUDA, *wheels))
    assert answer.torch.importable == "no"
    assert "nowhere in the image" in answer.why


def test_files_decide_and_not_what_is_listed() -> None:
    metadata = {path for path in slim(*nvidia()) if "nvidia" in path and "-info/" in path}
    tree = {path: member for path, member in slim(CUDA, *nvidia()).items() if path not in metadata}
    assert ask(tree).torch.importable == "yes"


def test_another_generation_s_library_does_not_serve() -> None:
    tree = without(slim(CUDA, *nvidia()), f"{SITE}/nvidia/cu13/lib/libcudart.so.13")
    answer = ask(tree | all_of(f"{LIB}/libcudart.so.12"))
    assert answer.torch.importable == "no"
    assert "libcudart.so.13 is nowhere" in answer.why


def test_links_must_lead_somewhere() -> None:
    path = f"{SITE}/nvidia/nccl/lib/libnccl.so.2"
    tree = slim(CUDA, *nvidia())
    assert ask(tree | {path: Link("/nowhere")}).torch.importable == "no"
    moved = {**tree, "srv/libnccl.so.2": tree[path], path: Link("/srv/libnccl.so.2")}
    assert ask(moved).torch.importable == "yes"


def test_libraries_known_of_the_newest_generation_only() -> None:
    requires = 'nvidia-cufile-cu12; platform_system == "Linux"'
    old = requiring(requires, build=torch_cuda("2.5.1+cu124"))
    assert ask(slim(old)).torch.importable == "unknown"
    new = requiring(requires.replace("-cu12", ""))
    assert ask(slim(new)).torch.importable == "no"


def test_libraries_loaded_late_are_not_missed() -> None:
    assert ask(slim(requiring("nvidia-cusolver", "nvidia-nvtx", "triton"), *nvidia())).torch.importable == "yes"


def test_without_a_toolkit_s_metadata_its_extras_are_looked_for() -> None:
    wheels = [wheel for wheel in nvidia() if wheel.name not in ("cuda-toolkit", "nvidia-cuda-runtime")]
    answer = ask(slim(CUDA, *wheels))
    assert "libcudart.so.13 is nowhere" in answer.why


def test_a_bundle_without_requirements_needs_a_runtime_somewhere() -> None:
    bundle = requiring("filelock")
    assert ask(slim(bundle)).torch.importable == "unknown"
    bundled = slim(bundle) | all_of(f"{SITE}/torch/lib/libcudart-d0da41ae.so.13")
    assert ask(bundled).torch.importable == "yes"


def test_requirements_of_other_makers() -> None:
    xpu = requiring('intel-sycl-rt==2025.3; platform_system == "Linux"', "filelock", build=torch_xpu())
    answer = ask(slim(xpu))
    assert (answer.torch.build, answer.torch.importable) == ("xpu", "unknown")
    assert "intel-sycl-rt" in answer.why


def test_a_cpu_build_needs_none() -> None:
    cpu = Torch(version="2.13.0+cpu", requires=("nvidia-nccl-cu13", "intel-sycl-rt")).wheel()
    assert ask(slim(cpu)).torch.importable == "yes"
