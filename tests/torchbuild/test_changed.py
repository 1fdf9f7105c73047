"""Which differences from what was installed make the import worth following."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import pytest

from fixtures.torches import torch_cpu
from inspector.testing.tree import Member
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


@pytest.mark.parametrize("name", ["random/__init__.py", "random.so", "random.cpython-311-x86_64-linux-gnu.so"])
def test_what_takes_the_place_of_a_module_is_told(name: str) -> None:
    assert "take the place of modules of torch (1): " in ask(TREE, {f"{SITE}/torch/{name}": b"x"}).why


def test_what_takes_no_module_s_place() -> None:
    beside = {"random/data": b"", "random.cpython-312-x86_64-linux-gnu.so": b"", "other/__init__.py": b""}
    assert "take the place" not in ask(TREE, {f"{SITE}/torch/{name}": data for name, data in beside.items()}).why


@pytest.mark.parametrize(
    ("path", "stated", "clause"),
    [
        ("torch/random.py", "sha256={}", "content is not the one that RECORD states (1): "),
        ("torch/random.py", "sha256={}=", ""),
        ("torch/random.py", "sha256=abc", ""),
        ("torch/random.py", "md5={}", ""),
        ("torch/random.py", "", ""),
        ("torch/test/random.py", "sha256={}", ""),
        ("torch/random.pyi", "sha256={}", ""),
    ],
)
def test_a_source_of_equal_size_and_another_sum_is_told(path: str, stated: str, clause: str) -> None:
    record = f"{SITE}/torch-2.13.0+cpu.dist-info/RECORD"
    rows = b"".join(
        row for row in bytes_of(TREE, record).splitlines(keepends=True) if not row.startswith(path.encode())
    )
    other = base64.urlsafe_b64encode(hashlib.sha256(b"import os\n").digest()).decode().rstrip("=")
    rows += f"{path},{stated.format(other)},10\n".encode()
    why = ask({**TREE, f"{SITE}/{path}": b"import so\n", record: rows}).why
    assert clause in why if clause else why == ""


def test_a_module_beside_torch_is_compared_too() -> None:
    path = f"{SITE}/typing_extensions.py"
    edited = b"#" * len(bytes_of(TREE, path))
    assert f"RECORD states (1): '/{path}'" in ask({**TREE, path: edited}).why


def bytes_of(tree: Mapping[str, Member], path: str) -> bytes:
    member = tree[path]
    assert isinstance(member, bytes)
    return member


def test_nothing_is_told_of_an_image_as_it_was_installed() -> None:
    assert ask(TREE).torch.reasons == ()
    assert ask(slim(), TREE).torch.reasons == ()
