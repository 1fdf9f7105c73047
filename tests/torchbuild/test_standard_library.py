"""Modules that take the place of those that torch loads, and such as are gone."""

from __future__ import annotations

import pytest

from fixtures.torches import torch_cpu
from inspector.testing.tree import Member
from inspector.torchbuild.standard_library import LOADED
from tests.support import config_of
from tests.torchbuild.asking import ENV, SITE, ask, slim, without

LIBRARY = "usr/local/lib/python3.11"
WHOLE: dict[str, Member] = {**slim(torch_cpu()), **{f"{LIBRARY}/{name}.py": b"" for name in LOADED}}
APP = config_of(env=ENV, working_dir="/app")


@pytest.mark.parametrize(
    "path", ["random.py", "logging/__init__.py", "typing_extensions.py", "torchgen/__init__.py", "queue.pyc"]
)
def test_a_file_in_the_working_directory_stands_before(path: str) -> None:
    answer = ask({**WHOLE, f"app/{path}": b"x = 1\n"}, config=APP)
    assert answer.torch.importable == "unknown"
    assert "the place of" in answer.why
    assert (
        ask({**WHOLE, f"app/{path}": b""}, config=config_of(env=ENV | {"PYTHONPATH": "/app"})).torch.importable != "yes"
    )


@pytest.mark.parametrize("path", ["logging/app.log", "main.py", "test/__init__.py", "os.py"])
def test_what_takes_no_module_s_place(path: str) -> None:
    assert ask({**WHOLE, f"app/{path}": b""}, config=APP).torch.importable == "yes"


def test_a_backport_in_site_packages_comes_too_late() -> None:
    assert ask({**WHOLE, f"{SITE}/dataclasses.py": b""}).torch.importable == "yes"


@pytest.mark.parametrize("name", ["multiprocessing", "unittest"])
def test_a_module_that_was_taken_out(name: str) -> None:
    answer = ask(without(WHOLE, f"{LIBRARY}/{name}.py"))
    assert answer.torch.importable == "unknown"
    assert f"lacks modules that torch loads: {name!r}" in answer.why


@pytest.mark.parametrize("name", ["_ctypes", "math", "_random"])
def test_an_extension_module_that_was_not_built(name: str) -> None:
    file = f"{LIBRARY}/lib-dynload/{name}.cpython-311-x86_64-linux-gnu.so"
    torch = {f"{SITE}/torch/_utils_internal.py": b""}
    answer = ask(without({**WHOLE, **torch}, file))
    assert answer.torch.importable == "no"
    assert f"ModuleNotFoundError: No module named '{name}'" in answer.why
    answer = ask({**WHOLE, **torch, file: b"cut"})
    assert answer.torch.importable == "no"
    assert f"{file}: file too short" in answer.why
