"""Compiled parts that don't fit the interpreter."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython
from fixtures.torches import Torch, torch_cpu, torch_needs
from fixtures.wheels import install
from inspector.testing.tree import Member
from tests.torchbuild.asking import SITE, ask, slim


def test_one_built_for_another_python() -> None:
    answer = ask(slim(torch_cpu(python="3.12")))
    assert answer.torch.importable == "no"
    assert "'_C.cpython-312-x86_64-linux-gnu.so', which an interpreter cp311 on x86_64 does not load" in answer.why


def test_one_built_for_another_machine() -> None:
    answer = ask(slim(torch_cpu(machine="aarch64")))
    assert answer.torch.importable == "no"
    other = torch_cpu(machine="aarch64").files["torch/lib/libtorch_global_deps.so"]
    answer = ask(slim(torch_cpu()) | {f"{SITE}/torch/lib/libtorch_global_deps.so": other})
    assert "libtorch_global_deps.so is built for aarch64, the interpreter for x86_64" in answer.why


@pytest.mark.parametrize(
    ("tag", "importable", "clause"),
    [
        ("cp312-cp312-manylinux_2_28_x86_64", "unknown", "its wheel is for"),
        ("cp311-cp311-manylinux_2_40_x86_64", "no", "glibc 2.40"),
        ("cp311-cp311-linux_x86_64", "yes", ""),
        ("cp311-cp311-musllinux_1_2_x86_64", "unknown", "musllinux"),
    ],
)
def test_the_wheel_s_tags(tag: str, importable: str, clause: str) -> None:
    answer = ask(slim(dataclasses.replace(torch_cpu(), tags=(tag,))))
    assert answer.torch.importable == importable
    assert clause in answer.why


def test_a_wheel_of_no_stated_glibc_on_an_old_one_is_not_known() -> None:
    wheel = dataclasses.replace(torch_cpu(), tags=("cp311-cp311-linux_x86_64",))
    tree: dict[str, Member] = {**debian(version="2.27"), **cpython(), **install(SITE, *torch_needs(), wheel)}
    answer = ask(tree)
    assert answer.torch.importable == "unknown"
    assert "2.28" in answer.why
    older = dataclasses.replace(Torch(version="2.1.0+cpu").wheel(), tags=wheel.tags)
    tree = {**debian(version="2.27"), **cpython(), **install(SITE, *torch_needs(), older)}
    assert ask(tree).torch.importable == "yes"


def test_an_interpreter_that_can_t_start_imports_nothing() -> None:
    tree: dict[str, Member] = {**debian(), **cpython(machine="aarch64")}
    tree |= install(SITE, *torch_needs(), torch_cpu(machine="aarch64"))
    answer = ask(tree)
    assert (answer.torch.installed, answer.torch.importable) == (True, "no")
    assert answer.torch.build == "cpu"


def test_an_init_that_holds_nothing() -> None:
    tree = slim(torch_cpu())
    assert ask(tree | {f"{SITE}/torch/__init__.py": b""}).torch.importable == "no"
