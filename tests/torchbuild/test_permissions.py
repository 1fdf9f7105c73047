"""Torch that the image's user may not read."""

from __future__ import annotations

import pytest

from fixtures.torches import torch_cpu
from inspector.python.interpreter import find_interpreter
from inspector.testing.tree import Dir, File, Member
from inspector.torchbuild import find_torch
from inspector.unknown import Tri
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, SITE, ask, slim, without


@pytest.mark.parametrize(
    ("path", "mode", "answer"),
    [
        (f"{SITE}/torch", 0o711, "no"),
        (f"{SITE}/torchgen", 0o711, "unknown"),
        (f"{SITE}/torch/version.py", 0o600, "no"),
    ],
)
def test_what_is_closed_to_the_user(path: str, mode: int, answer: Tri) -> None:
    tree = slim(torch_cpu())
    old = tree.get(path)
    tree = without(tree, f"{SITE}/torch/__pycache__")
    member: Member = Dir(mode)
    if path.endswith(".py"):
        assert isinstance(old, bytes | File)
        member = File(old if isinstance(old, bytes) else old.data, mode)
    tree = {**tree, path: member}
    assert ask(tree, config=config_of(env=ENV)).torch.importable == "yes"
    told = ask(tree, config=config_of(env=ENV, user="1000"))
    assert told.torch.importable == answer
    assert f"the user '1000' is not allowed to read '/{path}'" in told.why or "Permission denied" in told.why


@pytest.mark.parametrize(("edited", "answer"), [(False, "yes"), (True, "unknown")])
def test_bytecode_of_before_an_edit_does_not_spare_reading_the_source(edited: bool, answer: Tri) -> None:  # noqa: FBT001
    tree = slim(torch_cpu())
    old = tree[f"{SITE}/torch/version.py"]
    assert isinstance(old, bytes | File)
    data = old if isinstance(old, bytes) else old.data
    closed = File(data.replace(b"2.13.0+cpu", b"2.13.1+cpu") if edited else data, 0o600)
    tree[f"{SITE}/torch/__pycache__/version.cpython-311.pyc"] = b"x"
    told = ask(tree, {f"{SITE}/torch/version.py": closed}, config=config_of(env=ENV, user="1000"))
    assert told.torch.importable == answer
    assert ("Permission denied" in told.why) == edited


def test_a_folder_of_torch_that_only_others_may_list() -> None:
    tree = {**slim(torch_cpu()), f"{SITE}/torch/nn": Dir(0o705)}
    fs, config = rootfs_of(tree), config_of(env=ENV, user="1000")
    interpreter, _ = find_interpreter(fs, config)
    assert find_torch(fs, config, interpreter, ())[0].importable == "unknown"


def test_a_folder_that_may_not_be_entered_is_an_empty_namespace() -> None:
    tree = {**slim(torch_cpu()), f"{SITE}/torch": Dir(0o700)}
    fs, config = rootfs_of(tree), config_of(env=ENV, user="1000")
    interpreter, _ = find_interpreter(fs, config)
    told = find_torch(fs, config, interpreter, ())[0]
    assert (told.installed, told.importable) == (False, "yes")


def test_the_group_and_the_owner_may_read() -> None:
    tree = {**slim(torch_cpu()), f"{SITE}/torch": Dir(0o750)}  # a user without an entry in passwd has group 0
    assert ask(tree, config=config_of(env=ENV, user="1000")).torch.importable == "yes"
    tree = {**slim(torch_cpu()), f"{SITE}/torch": Dir(0o700, owner=(1000, 0))}
    assert ask(tree, config=config_of(env=ENV, user="1000")).torch.importable == "yes"


def test_a_torch_that_all_may_read() -> None:
    assert ask(slim(torch_cpu()), config=config_of(env=ENV, user="1000")).torch.importable == "yes"


def test_site_packages_that_can_t_be_listed() -> None:
    tree = {**slim(torch_cpu()), SITE: Dir(0o711)}
    assert ask(tree, config=config_of(env=ENV)).torch.importable == "yes"
    assert ask(tree, config=config_of(env=ENV, user="1000")).torch.importable == "unknown"
