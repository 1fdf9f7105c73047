"""torch's own `__init__`: bytecode in its place, and the modules that it imports."""

from __future__ import annotations

import pytest

from fixtures.torches import Torch, torch_cpu, torch_cuda
from inspector.testing.tree import File, Member
from inspector.torchbuild.package_init import own_imports
from inspector.unknown import Tri
from tests.torchbuild.asking import SITE, ask, slim, without

TREE = slim(torch_cpu())
INIT = f"{SITE}/torch/__init__.py"
IMPORTS = b"""
from torch.torch_version import __version__
from torch._C import *
from torch import (
    autograd as autograd,
    testing as testing,  # for users' tests
)
from . import random
import torch.nn.functional
if True:
    from torch import sparse
try:
    from torch import hub
except ImportError:
    pass
def later():
    from torch import optim
'''
from torch import linalg
'''
"""
PYC = {"3.10": b"\x6f\x0d\r\n", "3.11": b"\xa7\x0d\r\n", "3.12": b"\xcb\x0d\r\n", "3.13": b"\xf3\x0d\r\n"}
"""What bytecode of these Pythons begins with, as they write it."""


def with_init(content: bytes) -> dict[str, Member]:
    """The tree with another `__init__`, as RECORD lists it: nothing but its imports counts."""
    record = f"{SITE}/torch-2.13.0+cpu.dist-info/RECORD"
    rows = TREE[record]
    assert isinstance(rows, bytes)
    kept = [row for row in rows.split(b"\n") if not row.startswith(b"torch/__init__.py,")]
    more = {f"{SITE}/torch/nn/functional.py": b""}
    return {**TREE, **more, INIT: content, record: b"torch/__init__.py,,\n" + b"\n".join(kept)}


def test_what_an_init_imports_in_any_case() -> None:
    assert [*own_imports(IMPORTS.decode())] == [
        ("torch.torch_version", ""),
        ("torch", "autograd"),
        ("torch", "testing"),
        ("torch", "random"),
        ("torch.nn.functional", ""),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from torch import a, b as c\n", [("torch", "a"), ("torch", "b")]),
        ("from torch import \\\n  a\n", [("torch", "a")]),
        ("from .x.y import z; from torch import a\n", [("torch.x.y", "")]),
        ("import os, torch.x as y, torch\n", [("torch.x", "")]),
        ("from torch._C._onnx import x\nimport torch._C\nfrom torch import _C, a\n", [("torch", "a")]),
        ("x = '''\nimport torch.x\n'''\n# import torch.y\n", []),
        ("from torchvision import a\nimport torchgen\n", []),
        ("from torch import (\n", []),
        ("", []),
    ],
)
def test_statements_that_import(text: str, expected: list[tuple[str, str]]) -> None:
    assert [*own_imports(text)] == expected


@pytest.mark.parametrize(
    ("gone", "importable", "clause"),
    [
        ("testing", "no", "ImportError: cannot import name 'testing' from partially initialized module 'torch'"),
        ("autograd", "no", "cannot import name 'autograd'"),
        ("random.py", "no", "cannot import name 'random'"),
        ("nn/functional.py", "no", "ModuleNotFoundError: No module named 'torch.nn.functional'"),
        ("torch_version.py", "no", "No module named 'torch.torch_version'"),
        ("testing/__init__.py", "unknown", "whose folder has no __init__"),
        ("sparse", "unknown", "files of torch's RECORD missing"),
        ("hub.py", "unknown", "files of torch's RECORD missing"),
        ("linalg", "unknown", "files of torch's RECORD missing"),
    ],
)
def test_modules_that_the_clean_up_removed(gone: str, importable: Tri, clause: str) -> None:
    answer = ask(without(with_init(IMPORTS), f"{SITE}/torch/{gone}"))
    assert answer.torch.importable == importable
    assert clause in answer.why


def test_a_folder_that_lost_its_init_alone_is_no_module() -> None:
    tree = without(with_init(IMPORTS), f"{SITE}/torch/testing/__init__.py") | {f"{SITE}/torch/testing/x.txt": b""}
    answer = ask(tree)
    assert answer.torch.importable == "unknown"
    assert "whose folder has no __init__" in answer.why


def test_a_name_that_the_package_binds_itself_need_not_be_a_module() -> None:
    content = b"testing = None\n" + IMPORTS
    assert ask(without(with_init(content), f"{SITE}/torch/testing")).torch.importable == "unknown"
    odd = IMPORTS + b"from torch import device, Tensor\n"
    assert ask(with_init(odd)).torch.importable == "yes"


def test_what_is_no_init_of_torch_is_not_known_to_work() -> None:
    assert ask(with_init(b"import os\n")).torch.importable == "unknown"


def test_without_the_bytes_the_list_of_modules_decides() -> None:
    long = IMPORTS + b"#" * (1 << 20)
    assert ask(with_init(long)).torch.importable == "yes"
    assert ask(without(with_init(long), f"{SITE}/torch/testing")).torch.importable == "unknown"


def compiled(tree: dict[str, Member], magic: bytes, *, beside: bool = True) -> dict[str, Member]:
    """The tree after `compileall`: each source of torch's replaced, beside it (`-b`) or in `__pycache__`."""
    found: dict[str, Member] = {}
    for path, member in tree.items():
        if not path.startswith((f"{SITE}/torch/", f"{SITE}/torchgen/")) or not path.endswith(".py"):
            found[path] = member
            continue
        folder, _, name = path.rpartition("/")
        cached = f"{folder}/__pycache__/{name[:-3]}.cpython-311.pyc"
        found[f"{path}c" if beside else cached] = magic + bytes(12)
    return found


@pytest.mark.parametrize(
    ("python", "importable"), [("3.11", "yes"), ("3.10", "no"), ("3.12", "no"), ("3.13", "no"), ("", "no")]
)
def test_bytecode_alone(python: str, importable: Tri) -> None:
    answer = ask(compiled(TREE, PYC.get(python, b"text")))
    assert answer.torch.importable == importable
    assert ("bad magic number" in answer.why) is (importable == "no")


def test_bytecode_leaves_the_build_to_the_libraries() -> None:
    cpu = ask(compiled(TREE, PYC["3.11"])).torch
    assert (cpu.build, cpu.version, cpu.distribution_version) == ("cpu", None, "2.13.0+cpu")
    gpu = ask(compiled(slim(torch_cuda()), PYC["3.11"])).torch
    assert (gpu.build, gpu.cuda) == ("cuda", None)
    mixed = ask(compiled(slim(Torch(version="2.13.0+cpu", cuda="12.6").wheel()), PYC["3.11"])).torch
    assert mixed.build == "unknown"


def test_bytecode_in_the_cache_is_not_imported() -> None:
    answer = ask(compiled(TREE, PYC["3.11"], beside=False))
    assert (answer.torch.installed, answer.torch.importable) == (True, "no") or not answer.torch.installed
    tree = {**compiled(TREE, PYC["3.11"]), f"{SITE}/torch/__init__.py": File(b"")}
    assert ask(tree).torch.importable == "no"


def test_bytecode_of_unknown_make() -> None:
    tree = compiled(TREE, PYC["3.11"]) | {f"{SITE}/torch/__init__.pyc": PYC["3.11"] + bytes(1 << 20)}
    answer = ask(tree)
    assert answer.torch.importable == "unknown"
    assert "whether it is of this Python is not known" in answer.why
