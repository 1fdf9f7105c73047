"""Which differences from what was installed make the import worth following."""

from __future__ import annotations

import pytest

from fixtures.torches import torch_cpu
from tests.torchbuild.asking import SITE, ask, slim

TREE = slim(torch_cpu())
LIBRARY = "usr/local/lib/python3.11"


@pytest.mark.parametrize(
    ("path", "clause"),
    [
        (f"{SITE}/torch/nn/__init__.py", "sources of torch that another layer brought (1): "),
        (f"{SITE}/typing_extensions.py", "sources of typing_extensions that are not as they were installed (1): "),
        (f"{SITE}/torch/test/never.py", ""),
        (f"{SITE}/torch/nn/README", ""),
    ],
)
def test_what_a_later_layer_brings_is_told(path: str, clause: str) -> None:
    content = TREE.get(path, b"")
    assert isinstance(content, bytes)
    assert clause in ask(TREE, {path: content + b"# changed\n"}).why


def test_nothing_is_told_of_an_image_as_it_was_installed() -> None:
    assert ask(TREE).torch.reasons == ()
    assert ask(slim(), TREE).torch.reasons == ()
