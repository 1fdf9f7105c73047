"""Modules that torch can't be imported without, and those that it loads on its own account."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.torches import Torch, torch_cpu, torch_needs
from fixtures.wheels import Wheel, install, pure
from inspector.testing.tree import Member
from inspector.unknown import Tri
from tests.support import config_of
from tests.torchbuild.asking import ENV, SITE, ask, slim, without


def torch(version: str) -> Wheel:
    return Torch(version=f"{version}+cpu").wheel()


@pytest.mark.parametrize(
    ("version", "missing", "importable"),
    [
        ("2.13.0", "torchgen", "no"),
        ("2.3.0", "torchgen", "no"),
        ("2.1.2", "torchgen", "yes"),
        ("2.13.0", "typing_extensions.py", "no"),
        ("1.13.1", "typing_extensions.py", "no"),
        ("2.1.2", "sympy", "no"),
        ("2.2.0", "sympy", "unknown"),
        ("2.3.0", "sympy", "yes"),
        ("2.13.0", "sympy", "yes"),
        ("2.13.0", "filelock", "yes"),
        ("2.13.0", "networkx", "yes"),
        ("2.13.0", "jinja2", "yes"),
        ("2.13.0", "fsspec", "yes"),
    ],
)
def test_what_a_release_imports(version: str, missing: str, importable: Tri) -> None:
    wheel = dataclasses.replace(torch(version), metadata={})
    tree = without(slim(wheel), f"{SITE}/{missing}", f"{SITE}/torch-{version}+cpu.dist-info/RECORD")
    answer = ask(tree)
    assert answer.torch.importable == importable
    assert importable == "yes" or missing.partition(".")[0] in answer.why


def test_a_module_of_another_entry_of_the_path_serves() -> None:
    typing = install("opt/more", torch_needs()[0])
    config = config_of(env={**ENV, "PYTHONPATH": "/opt/more"})
    tree: dict[str, Member] = {**slim(torch_cpu(), needs=False), **typing}
    assert ask(tree).torch.importable == "no"
    assert ask(tree, config=config).torch.importable == "yes"


@pytest.mark.parametrize(
    ("content", "importable"),
    [
        (b"[console_scripts]\nx = y:z\n", "yes"),
        (b"text before\n[console_scripts]\n# a comment\nx = y:z\n", "yes"),
        (b"[console_scripts]\nx\n", "no"),
        (b"[console_scripts]\nx = \xe9:y\n", "no"),
    ],
)
def test_entry_points_of_any_kind_must_be_read(content: bytes, importable: Tri) -> None:
    tree = slim(torch("2.6.0"), pure("other", "1.0"))
    answer = ask({**tree, f"{SITE}/other-1.0.dist-info/entry_points.txt": content})
    assert answer.torch.importable == importable
    assert importable == "yes" or "can't be parsed" in answer.why


def test_an_archive_may_hold_a_module() -> None:
    config = config_of(env={**ENV, "PYTHONPATH": "/opt/six-1-py3.11.egg"})
    tree: dict[str, Member] = {**slim(torch_cpu(), needs=False), "opt/six-1-py3.11.egg": b"PK"}
    assert ask(tree, config=config).torch.importable == "unknown"


def test_typing_extensions_of_the_wrong_version() -> None:
    old = dataclasses.replace(torch_needs()[0], version="4.5.0")
    answer = ask(slim(old, torch("2.13.0"), needs=False))
    assert answer.torch.importable == "unknown"
    assert "typing_extensions 4.5.0" in answer.why


def test_plugins_of_other_groups_are_not_loaded() -> None:
    entries = b"[console_scripts]\nx = gone:main\n[torch.backends.more]\ny = gone:z\n"
    plugin = dataclasses.replace(pure("x", "1"), metadata={"entry_points.txt": entries})
    assert ask(slim(torch_cpu(), plugin)).torch.importable == "yes"


def test_plugins_are_loaded_from_2_5_on() -> None:
    entries = b"[torch.backends]\nx=gone.inner:main\n"
    plugin = dataclasses.replace(pure("x", "1"), metadata={"entry_points.txt": entries})
    assert ask(slim(torch("2.4.1"), plugin)).torch.importable == "yes"
    answer = ask(slim(torch("2.5.0"), plugin))
    assert answer.torch.importable == "no"
    assert "'gone.inner'" in answer.why
