"""Torch without a list of its files."""

from __future__ import annotations

import pytest

from fixtures.torches import core_modules, torch_cpu
from inspector.torchbuild.core_modules import MODULES
from tests.torchbuild.asking import SITE, ask, slim, without

INFO = f"{SITE}/torch-2.13.0+cpu.dist-info"
NN = f"{SITE}/torch/nn"


def test_the_fixture_has_what_every_release_has() -> None:
    assert {path.split("/")[1].removesuffix(".py") for path in core_modules()} == set(MODULES)


@pytest.mark.parametrize("gone", [INFO, f"{INFO}/RECORD"])
def test_without_a_list_the_modules_tell(gone: str) -> None:
    tree = without(slim(torch_cpu()), gone)
    assert ask(tree).torch.importable == "yes"
    answer = ask(without(tree, NN))
    assert answer.torch.importable == "unknown"
    assert "it lacks 'nn'" in answer.why


@pytest.mark.parametrize("record", [b"", b"torch-2.13.0.dist-info/RECORD,,\n", b"functorch/__init__.py,,0\n"])
def test_a_record_that_lists_no_torch_proves_nothing(record: bytes) -> None:
    answer = ask({**slim(torch_cpu()), f"{INFO}/RECORD": record})
    assert answer.torch.importable == "unknown"
    assert "does not list torch's files" in answer.why
