"""Torches that the asked interpreter would not import."""

from __future__ import annotations

import pytest

from fixtures.bases import debian
from fixtures.pythons import venv
from fixtures.torches import torch_cpu, torch_cuda, version_py
from fixtures.wheels import install
from inspector.testing.tree import Hardlink, Link, Member
from inspector.torchbuild.model import TorchElsewhere
from tests.torchbuild.asking import SITE, ask, slim, total, without

CPU = torch_cpu()


def only(tree: dict[str, Member]) -> TorchElsewhere:
    (other,) = ask(tree).elsewhere
    return other


def test_one_in_another_environment_with_all_its_directories() -> None:
    site = "opt/venv/lib/python3.11/site-packages"
    files = install(site, CPU)
    other = only({**slim(), **venv("opt/venv"), **files})
    assert (other.path, other.version, other.build, other.layer) == (f"/{site}/torch", "2.13.0+cpu", "cpu", 0)
    assert "/opt/venv is an environment of its own" in other.why_not_importable
    assert "/usr/local/bin/python" in other.why_not_importable
    assert other.size == total({path: member for path, member in files.items() if "/bin/" not in path})


def test_a_cache_that_shares_its_files_costs_nothing_more() -> None:
    tree = slim(CPU)
    cache = "root/.cache/uv/archive-v0/x1"
    links: dict[str, Member] = {
        path.replace(SITE, cache): Hardlink(path)
        for path in tree
        if path.startswith((f"{SITE}/torch", f"{SITE}/functorch"))
    }
    other = only({**tree, **links})
    assert (other.path, other.size) == (f"/{cache}/torch", 0)
    assert "hard links" in other.why_not_importable
    assert "uv" in other.why_not_importable


def test_packed_ones() -> None:
    tree = slim() | {
        "w/torch-2.1.0%2Bcu118-cp311-cp311-linux_x86_64.whl": bytes(100),
        "opt/conda/pkgs/pytorch-2.5.1-py3.11_cuda12.4_cudnn9.1.0_0.conda": bytes(200),
    }
    found = {other.version: (other.build, other.size) for other in ask(tree).elsewhere}
    assert found == {"2.1.0+cu118": ("cuda", 100), "2.5.1": ("cuda", 200)}


def test_metadata_alone() -> None:
    tree = slim() | {"old/torch-2.0.0+cpu.dist-info/METADATA": b"Name: torch\nVersion: 2.0.0\n"}
    other = only(tree)
    assert (other.version, other.build) == ("2.0.0+cpu", "cpu")
    assert "only metadata" in other.why_not_importable


def test_cpp_libraries_alone() -> None:
    tree = slim() | {
        "opt/libtorch/lib/libtorch_cpu.so": bytes(500),
        "opt/libtorch/lib/libtorch_cuda.so": bytes(100),
        "opt/libtorch/lib/libc10.so": bytes(10),
        "opt/libtorch/lib/libother.so": bytes(1000),
    }
    other = only(tree)
    assert (other.path, other.version, other.build, other.size) == ("/opt/libtorch/lib", None, "cuda", 610)


def test_a_package_without_version_py_is_still_one() -> None:
    site = "opt/old"
    other = only(without({**slim(), **install(site, CPU)}, f"{site}/torch/version.py"))
    assert (other.path, other.version, other.build) == (f"/{site}/torch", None, "unknown")


def test_one_whose_files_contradict_each_other_is_of_unknown_build() -> None:
    tree = {**slim(), **install("opt/old", torch_cuda())} | {"opt/old/torch/version.py": version_py("2.14.1+cpu")}
    assert only(tree).build == "unknown"


@pytest.mark.parametrize(
    "tree",
    [
        {"data/torch/model.pt": b"x"},
        {"x/habana/torch/version.py": b"__version__ = '1.2'\n"},
        {"x/torch/__init__.py": b""},
        {"x/torch": Link(f"/{SITE}/torch")},
        {"x/torch/include/a.h": b""},
    ],
)
def test_what_only_has_the_name(tree: dict[str, Member]) -> None:
    assert ask({**slim(CPU), **tree}).elsewhere == ()


def test_without_an_interpreter_everything_is_elsewhere() -> None:
    answer = ask({**debian(), **install(SITE, CPU)})
    assert (answer.torch.installed, answer.torch.importable) == (False, "no")
    (other,) = answer.elsewhere
    assert "python" in other.why_not_importable


def test_the_one_that_is_imported_is_not_elsewhere_nor_what_it_holds() -> None:
    tree = slim(CPU) | {f"{SITE}/torch/include/torch/version.h": b"", f"{SITE}/torch/share/torch/x": b""}
    assert ask(tree).elsewhere == ()
