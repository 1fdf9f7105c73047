"""Torch that the image's user may not read."""

from __future__ import annotations

import pytest

from fixtures.torches import torch_cpu
from inspector.testing.tree import Dir, File, Member
from tests.support import config_of
from tests.torchbuild.asking import ENV, SITE, ask, slim

LIBRARY = f"{SITE}/torch/lib/libtorch_python.so"


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        (f"{SITE}/torch", 0o700),
        (f"{SITE}/torch", 0o711),
        (f"{SITE}/torch/nn", 0o750),
        (f"{SITE}/torchgen", 0o700),
        (LIBRARY, 0o600),
    ],
)
def test_what_is_closed_to_others(path: str, mode: int) -> None:
    tree = slim(torch_cpu())
    old = tree.get(path)
    member: Member = Dir(mode)
    if path == LIBRARY:
        assert isinstance(old, bytes | File)
        member = File(old if isinstance(old, bytes) else old.data, mode)
    tree = {**tree, path: member}
    assert ask(tree, config=config_of(env=ENV)).torch.importable == "yes"
    answer = ask(tree, config=config_of(env=ENV, user="1000"))
    assert answer.torch.importable == "unknown"
    assert f"the user '1000' may not be allowed to read '/{path}'" in answer.why


def test_a_torch_that_all_may_read() -> None:
    assert ask(slim(torch_cpu()), config=config_of(env=ENV, user="1000")).torch.importable == "yes"


def test_site_packages_that_can_t_be_listed() -> None:
    tree = {**slim(torch_cpu()), SITE: Dir(0o711)}
    assert ask(tree, config=config_of(env=ENV)).torch.importable == "yes"
    assert ask(tree, config=config_of(env=ENV, user="1000")).torch.importable == "unknown"
