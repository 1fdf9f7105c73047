"""Single files of an image, each of which may say anything: what is made of the image then, and how it is reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache

from fixtures.bases import debian
from fixtures.pythons import cpython
from fixtures.torches import torch_cpu
from fixtures.wheels import install, pure
from inspector.errors import InspectorError
from inspector.layers.entry import Entries, Entry, LayerIndex
from inspector.layers.merge import MergedRootfs, merge
from inspector.python.distributions import find_distributions
from inspector.python.installed import Installed
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.python.startup import find_startup
from inspector.report import diff, document, junit, markdown, show, table
from inspector.report.difference import difference
from inspector.testing.tree import File, Member
from inspector.torchbuild import find_torch
from inspector.unknown import Unknown
from tests.report import samples
from tests.support import config_of, index_of

LIB = "usr/local/lib/python3.11"
SITE = f"{LIB}/site-packages"
PLACES = {
    "site_py": f"{LIB}/site.py",
    "pth": f"{SITE}/x.pth",
    "customize": f"{SITE}/sitecustomize.py",
    "pyvenv": "usr/local/bin/pyvenv.cfg",
    "pth_underscore": "usr/local/bin/python3.11._pth",
    "elf": "usr/local/bin/python3.11",
    "script": "usr/local/bin/serve",
    "passwd": "etc/passwd",
    "patchlevel": "usr/local/include/python3.11/patchlevel.h",
    "libc": "usr/lib/x86_64-linux-gnu/libc.so.6",
    "dpkg": "var/lib/dpkg/status",
    "metadata": f"{SITE}/torch-2.13.0+cpu.dist-info/METADATA",
    "record": f"{SITE}/torch-2.13.0+cpu.dist-info/RECORD",
    "wheel": f"{SITE}/torch-2.13.0+cpu.dist-info/WHEEL",
    "direct_url": f"{SITE}/plain-1.0.dist-info/direct_url.json",
    "requires_txt": f"{SITE}/old.egg-info/requires.txt",
    "conda": "usr/local/conda-meta/torch-2.13.0-0.json",
    "version_py": f"{SITE}/torch/version.py",
    "torch_init": f"{SITE}/torch/__init__.py",
    "extension": f"{SITE}/torch/_C.cpython-311-x86_64-linux-gnu.so",
    "finder": f"{SITE}/__editable___plain_1_0_finder.py",
}
"""The file that each target writes."""
PACKAGES = frozenset({"metadata", "record", "wheel", "direct_url", "requires_txt", "conda"})
TORCH = frozenset({"version_py", "torch_init", "extension", "finder"})
CONFIG = config_of(env={"PATH": "/usr/local/bin:/usr/bin:/bin"}, cmd=["serve", "-m", "x"], user="www-data")


@cache
def base() -> dict[str, Member]:
    """A small image with torch, every file of `PLACES` in it."""
    wheels = (torch_cpu(), pure("plain", "1.0", "torch>=2"))
    tree: dict[str, Member] = {**debian(), **cpython(), **install(SITE, *wheels)}
    tree |= {
        f"{SITE}/old.egg-info/PKG-INFO": b"Name: old\nVersion: 1\n",
        f"{SITE}/old.egg-info/requires.txt": b"torch>=2\n[x:python_version>'3']\nnumpy\n",
        PLACES["direct_url"]: b'{"url": "file:///app", "dir_info": {"editable": true}}',
        PLACES["pth"]: b"/app\nimport __editable___plain_1_0_finder; __editable___plain_1_0_finder.install()\n",
        PLACES["finder"]: b"MAPPING: dict[str, str] = {'plain': '/app/plain'}\nNAMESPACES: dict = {}\n",
        PLACES["customize"]: b"import sys\nsys.path.insert(0, '/app')\n",
        PLACES["script"]: File(b"#!/usr/local/bin/python\nimport torch\n", 0o755),
        "app/plain/__init__.py": b"",
    }
    return tree


@cache
def entries() -> tuple[Entry, ...]:
    """The base as it is scanned."""
    return tuple(index_of(base()).entries)


def with_file(path: str, content: bytes) -> MergedRootfs:
    """The base, `path` holding `content` instead, as far as a scan keeps it."""
    mode = 0o755 if "/bin/" in path or ".so" in path else 0o644
    found = index_of({path: File(content, mode)}).entries
    return _merged([*_but(path), *found])


@cache
def known() -> tuple[Interpreter | Unknown, tuple[Installed, ...]]:
    """The interpreter and distributions of the base."""
    fs = _merged(entries())
    interpreter, _ = find_interpreter(fs, CONFIG, "python")
    return interpreter, find_distributions(fs, interpreter)[0]


def file_at(name: str) -> Callable[[bytes], None]:
    """A target that writes its input to a file of `PLACES`; what is made of it can be reported as JSON."""

    def target(content: bytes) -> None:
        interpreter, installed = known()
        try:
            fs = with_file(PLACES[name], content)
            if name in PACKAGES:
                found = find_distributions(fs, interpreter)
                answer: object = ([one.facts() for one in found[0]], found[1])
            elif name in TORCH:
                answer = find_torch(fs, CONFIG, interpreter, installed)
            else:
                answer = (find_interpreter(fs, CONFIG, "python"), find_startup(fs, CONFIG))
        except InspectorError:
            return
        told = document.encode(answer)
        assert inked(told)
        json.loads(told)

    return target


def inked(text: str) -> bool:
    """Whether nothing in it moves the cursor, or hides."""
    return text.replace("\n", "").replace("\N{VARIATION SELECTOR-16}", "").isprintable()


def reported(content: bytes) -> None:
    """Reports of an image that has a text of its own choice wherever it can choose one."""
    report = samples.hostile(content.decode("utf-8", "surrogateescape"))
    for render in (table.render_check, markdown.render_check, junit.render_check, document.encode):
        assert inked(render(report))
    found = [result.facts for result in report.results if result.facts]
    assert inked(show.render_show(found, width=60))
    assert inked(diff.render_diff(difference(found[0], found[-1]), width=60))


def _merged(layer: Iterable[Entry]) -> MergedRootfs:
    return merge([LayerIndex(f"sha256:{0:064}", Entries(layer), verified=True, size=0)])


def _but(path: str) -> list[Entry]:
    return [entry for entry in entries() if entry.path != path]
