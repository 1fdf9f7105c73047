"""Python's own files that say one thing to the interpreter and another to who reads them as UTF-8 line by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython
from fixtures.torches import torch_cpu, torch_needs
from fixtures.wheels import install
from inspector.testing.tree import File, Hardlink, Tree, tar_of
from tests.hostile.raw import BASE, SITE, Raw, docker_archive, judged, shown, torch_tree

DEBIAN_SITE = """
def getsitepackages(prefixes=None):
    return ["/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages"]
"""
CPU = b"__version__ = '2.13.0+cpu'\ncuda = None\nhip = None\nxpu = None\n"


def with_files(tmp_path: Path, files: Tree) -> Path:
    """An image without torch, and with these files."""
    return docker_archive(tmp_path / "t.tar", Raw([BASE, tar_of(files)]))


def with_version(tmp_path: Path, content: bytes) -> Path:
    """An image with a torch for CPUs whose version.py holds this, as its RECORD says too."""
    wheel = torch_cpu()
    changed = replace(wheel, files={**wheel.files, "torch/version.py": content})
    return with_files(tmp_path, install(SITE, changed, *torch_needs()))


HIDDEN_CUDA: dict[str, bytes] = {
    "UTF-7 in a comment": b"# coding: utf-7\n" + CPU + b"# +AAo-cuda = '13.0' +AAo-\n",
    "UTF-7 by Emacs": b"# -*- coding: utf_7 -*-\n" + CPU + b"# +AAo-cuda = '13.0' +AAo-\n",
    "in the second line": b"#!/usr/bin/python\n# vim: set fileencoding=utf-7 :\n"
    + CPU
    + b"# +AAo-cuda = '13.0' +AAo-\n",
    "behind a form feed": b"\x0c# coding=utf-7\n" + CPU + b"# +AAo-cuda = '13.0' +AAo-\n",
    "escapes": b"# coding: unicode_escape\n" + CPU + rb"# \ncuda = '13.0'" + b"\n",
    "a lone carriage return": CPU + b"# x\rcuda = '13.0'\n",
    "a form feed before it": CPU + b"\x0ccuda = '13.0'\n",
    "behind a semicolon": CPU + b"x = 1; cuda = '13.0'\n",
    "behind a long text": CPU + b"'''\ncuda = None\n'''; cuda = '13.0'\n",
    "continued": CPU + b"cuda = \\\n    '13.0'\n",
    "by a star": CPU + b"from os import *\n",
    "by exec": CPU + b"exec('cuda = \"13.0\"')\n",
    "by globals": CPU + b"globals()['cuda'] = '13.0'\n",
    "in a branch": CPU + b"if True:\n    cuda = '13.0'\n",
    "in another letter": CPU + "\N{MATHEMATICAL BOLD SMALL C}uda = '13.0'\n".encode(),
}
"""Each is, for CPython, a version.py whose `cuda` is 13.0, or may be."""


@pytest.mark.parametrize("content", HIDDEN_CUDA.values(), ids=HIDDEN_CUDA)
def test_a_version_that_is_no_cpu_build(content: bytes, tmp_path: Path) -> None:
    path = with_version(tmp_path, content)
    assert judged(path, folder=tmp_path, torch=True, cuda=False) in (1, 3)


NO_MODULE: dict[str, bytes] = {
    "an unknown coding": b"# coding: none-such\n" + CPU,
    "a mark and another coding": b"\xef\xbb\xbf# coding: latin-1\n" + CPU,
    "no UTF-8": CPU + b"x = '\xff'\n",
    "a NUL": CPU + b"# \0\n",
    "UTF-16": CPU.decode().encode("utf-16"),
}


@pytest.mark.parametrize("content", NO_MODULE.values(), ids=NO_MODULE)
def test_a_version_that_no_python_imports(content: bytes, tmp_path: Path) -> None:
    path = with_version(tmp_path, content)
    assert judged(path, folder=tmp_path, torch=True, cuda=False) in (1, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"# coding: latin-1\n# \xe9\n" + CPU,
        b"\xef\xbb\xbf" + CPU,
        b"\xef\xbb\xbf# coding: utf-8\n" + CPU,
        CPU.replace(b"\n", b"\r\n"),
    ],
    ids=["latin", "a mark", "a mark and its coding", "line ends of Windows"],
)
def test_a_version_that_is_a_cpu_build(content: bytes, tmp_path: Path) -> None:
    path = with_version(tmp_path, content)
    assert judged(path, folder=tmp_path, torch=True, cuda=False) == 0


@pytest.mark.parametrize("coding", ["", "# coding: utf-7\n# +AAo-"], ids=["plain", "UTF-7"])
def test_a_site_of_debian_in_a_comment(coding: str, tmp_path: Path) -> None:
    """With Debian's site.py, packages lie in dist-packages, however it is written; 3.10 is the last that runs it."""
    lib = "usr/local/lib/python3.10"
    lines = DEBIAN_SITE.strip().split("\n")
    site = coding.encode() + ("+AAo-" if coding else "\n").join(lines).encode() + b"\n"
    files = {**debian(), **cpython("3.10.14"), f"{lib}/site.py": site, **torch_tree(f"{lib}/dist-packages")}
    path = docker_archive(tmp_path / "t.tar", Raw([tar_of(files)]))
    assert judged(path, folder=tmp_path) in (1, 3)


PTHS: dict[str, bytes] = {
    "a mark": b"\xef\xbb\xbf/opt/x\n",
    "a carriage return": b"# x\r/opt/x\n",
    "no UTF-8 in a comment": b"# \xff\n/opt/x\n",
    "behind an import": b"import sys; sys.path.append('/opt/x')\n",
    "an import behind a tab": b"import\tsys; sys.path.append('/opt/x')\n",
    "a NUL behind it": b"/opt/x\0\n",
    "plain": b"/opt/x\n",
}


@pytest.mark.parametrize("content", PTHS.values(), ids=PTHS)
def test_a_path_that_may_lead_to_torch(content: bytes, tmp_path: Path) -> None:
    """Where CPython may come to torch, no role without torch passes."""
    path = with_files(tmp_path, {f"{SITE}/a.pth": content, **torch_tree("opt/x")})
    passes = content.endswith(b"\0\n") or content.startswith((b"\xef", b"# \xff"))  # 3.11 takes neither of these
    assert judged(path, folder=tmp_path) in ((0, 1, 3) if passes else (1, 3))


def sizes(path: Path) -> dict[str, Any]:
    """The size of each distribution, None where it is unknown."""
    return {one["name"]: one["size"] for one in shown(path)["distributions"]}


RECORDS: dict[str, bytes] = {
    "a field past csv's limit": b'"' + b"x" * 140_000 + b'",,\nbig.bin,,\n',
    "a quote that never ends": b'"x,,\nbig.bin,,\n',
    "a NUL": b"x\0y,,\nbig.bin,,\n",
    "rows that are no row": b"\n\n,,\n,\nbig.bin,,\n",
    "directories that are not there": b"".join(b"gone%d/x,,\n" % at for at in range(3000)) + b"big.bin,,\n",
    "a path that climbs": b"../" * 40 + b"etc/passwd,,\nbig.bin,,\n",
    "the same row often": b"big.bin,,\n" * 20_000,
}


@pytest.mark.parametrize("rows", RECORDS.values(), ids=RECORDS)
def test_a_record_is_read_whole_or_not_believed(rows: bytes, tmp_path: Path) -> None:
    """What it lists counts, or its size is unknown; rows are never dropped without a word."""
    info = f"{SITE}/one-1.dist-info"
    big = 300_000
    tree: Tree = {f"{info}/METADATA": b"Name: one\nVersion: 1\n", f"{info}/RECORD": rows, f"{SITE}/big.bin": bytes(big)}
    facts = shown(with_files(tmp_path, tree))
    (size,) = [one["size"] for one in facts["distributions"]]
    assert size is None or size >= big or any("one" in warning for warning in facts["warnings"])


def test_one_content_under_many_names(tmp_path: Path) -> None:
    """Metadata that are hard links of one file: each is a distribution, whatever the file is called elsewhere."""
    first = f"{SITE}/p0-1.dist-info/METADATA"
    tree: dict[str, File | bytes | Hardlink] = {first: b"Name: x\nVersion: 1\n" + b"X: y\n" * 100}
    tree |= {f"{SITE}/p{at}-1.dist-info/METADATA": Hardlink(first) for at in range(1, 200)}
    found = shown(with_files(tmp_path, tree))["distributions"]
    assert [one["name"] for one in found] == ["x"]


def test_a_directory_too_deep_is_refused_or_read(tmp_path: Path) -> None:
    deep = "/".join("d" * 100 for _ in range(39))
    path = with_files(tmp_path, {f"{SITE}/{deep[: 4000 - len(SITE)]}/x.py": b"", f"{SITE}/a.pth": b"/" + deep.encode()})
    assert judged(path, folder=tmp_path) in (0, 3)
