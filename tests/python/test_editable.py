"""Editable installs found through setuptools' import hooks."""

from __future__ import annotations

from inspector.python.editable import find_editable, is_editable_hook
from inspector.python.folders import Folders
from inspector.python.model import Hook
from inspector.python.modules import Found, suffixes_of
from inspector.testing.tree import Member
from inspector.unknown import Unknown
from tests.python.asking import SITE, interpreter
from tests.support import few, rootfs_of

MODULE = "__editable___torch_2_0_0_finder"
HOOK = Hook(kind="pth", path=f"{SITE}/x.pth", text=f"import {MODULE}; {MODULE}.install()")
FINDER = f"{SITE.strip('/')}/{MODULE}.py"
SOURCE: dict[str, Member] = {"src/torch/__init__.py": b""}


def ask(tree: dict[str, Member], hook: Hook = HOOK) -> Found | Unknown | None:
    python = interpreter("/app", SITE, hooks=[hook])
    return find_editable(Folders(rootfs_of(tree)), python, "torch", suffixes_of(python))


def test_the_mapping_leads_to_the_source() -> None:
    found = ask({**SOURCE, FINDER: b"import sys\nMAPPING: dict[str, str] = {'torch': '/src/torch'}\nNAMESPACES = {}\n"})
    assert isinstance(found, Found)
    assert (found.path, found.entry, found.form) == ("/src/torch", "/src", "package")


def test_what_does_not_map_the_name() -> None:
    assert ask({**SOURCE, FINDER: b"MAPPING = {'other': '/src/torch'}\n"}) is None
    assert ask({FINDER: b"MAPPING = {'torch': '/src/torch'}\n"}) is None
    assert ask({**SOURCE, FINDER: b"MAPPING = {'torch': 'src/torch'}\n"}) is None
    assert ask({**SOURCE, FINDER: b"MAPPING = {'torch': '/src/torch'}\n"}, Hook(kind="pth", path="x", text="")) is None


def test_a_mapping_that_can_t_be_read_is_not_known() -> None:
    for content in (b"MAPPING = load()\n", b"MAPPING = {", b"", b"MAPPING = {}" + bytes(300_000)):
        assert isinstance(ask({**SOURCE, FINDER: content}), Unknown)
    assert isinstance(ask(SOURCE), Unknown)


def test_hooks_of_that_kind() -> None:
    assert is_editable_hook(HOOK)
    assert not is_editable_hook(Hook(kind="pth", path="x", text="import os; os.system('x')"))
    assert not is_editable_hook(Hook(kind="pth", path="x", text=f"{HOOK.text}; import sys; sys.path.append('/opt')"))
    assert not is_editable_hook(
        Hook(kind="pth", path="x", text=f"import {MODULE}; import sys; sys.path.append('/opt')")
    )
    assert not is_editable_hook(Hook(kind="sitecustomize", path="x", text=HOOK.text))


def test_finders_are_not_parsed_for_ever() -> None:
    """Hundreds of them may be one file under many names."""
    long = b"MAPPING = {}" + b"\n" * 300 + b"MAPPING = {'torch': '/src/torch'}\n"
    fs = rootfs_of({**SOURCE, FINDER: long}, budget=few(steps=1000))
    python = interpreter("/app", SITE, hooks=[HOOK])
    found = find_editable(Folders(fs), python, "torch", suffixes_of(python))
    assert isinstance(found, Unknown)
    assert "characters of Python" in found.unknown
