"""Interpreters that the kernel starts and whose libraries decide whether they come up."""

from __future__ import annotations

import pytest

from fixtures.bases import debian
from fixtures.elf import Elf
from fixtures.pythons import cpython
from fixtures.torches import torch_cpu
from inspector.facts.starting import proved
from inspector.layers.binaries import Binaries
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.testing.tree import File, Member
from inspector.torchbuild import find_torch
from inspector.unknown import Absent
from tests.support import config_of, index_of, rootfs_of
from tests.torchbuild.asking import ENV, SITE, slim, without

TREE: dict[str, Member] = {**debian(), **cpython()}
LIBRARY = "usr/local/lib/libpython3.11.so.1.0"


def come_up(tree: dict[str, Member], **env: str) -> Interpreter:
    fs, config = rootfs_of(tree), config_of(env={**ENV, **env})
    found, _ = find_interpreter(fs, config)
    answer = proved(fs, config, found)
    assert isinstance(answer, Interpreter)
    return answer


def test_one_that_starts() -> None:
    assert (come_up(TREE).runs, come_up(TREE).reasons) == ("yes", ())


@pytest.mark.parametrize(
    ("tree", "env", "text"),
    [
        (without(TREE, LIBRARY), {}, "error while loading shared libraries: libpython3.11.so.1.0: cannot open"),
        (TREE | {LIBRARY: File(b"", 0o755)}, {}, "file too short"),
        (TREE | {"opt/libpython3.11.so.1.0": File(b"", 0o755)}, {"LD_LIBRARY_PATH": "/opt"}, "file too short"),
        (
            TREE | {"opt/p.so": File(Elf(needed=("libnever.so",)).encode(), 0o755)},
            {"LD_PRELOAD": "/opt/p.so"},
            "libnever.so: cannot open shared object file",
        ),
    ],
)
def test_one_that_its_loader_ends(tree: dict[str, Member], env: dict[str, str], text: str) -> None:
    answer = come_up(tree, **env)
    assert answer.runs == "no"
    assert text in "; ".join(answer.reasons)


def test_one_that_only_some_processors_start() -> None:
    answer = come_up(TREE | {"usr/local/lib/glibc-hwcaps/x86-64-v3/libpython3.11.so.1.0": File(b"", 0o755)})
    assert answer.runs == "unknown"
    assert "it depends on the processor" in answer.reasons[0]


def test_none_is_none() -> None:
    assert proved(rootfs_of(TREE), config_of(env=ENV), Absent("gone")) == Absent("gone")


def test_a_layer_without_its_libraries_proves_no_more_than_its_files() -> None:
    tree = without(slim(torch_cpu()), f"{SITE}/torch/lib/libc10.so")
    fs, config = rootfs_of(tree), config_of(env=ENV)
    interpreter, _ = find_interpreter(fs, config)
    assert find_torch(fs, config, interpreter, ())[0].importable == "no"
    assert find_torch(fs, config, interpreter, (), blind=True)[0].importable == "yes"
    index = index_of(tree)
    assert not Binaries(index).blind
    index.objects.all_seen = False
    assert Binaries(index).blind
