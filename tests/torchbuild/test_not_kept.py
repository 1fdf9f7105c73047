"""What an image was padded with so that its bytes are not kept, or can't be read, is not known: never good."""

from __future__ import annotations

import re

import pytest

from fixtures.torches import torch_cpu
from inspector.errors import LimitExceeded
from inspector.layers import sums
from inspector.oci import ImageConfig
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.testing.tree import File, Member
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch
from tests.support import config_of, few, rootfs_of
from tests.torchbuild.asking import ENV, SITE, VENV, slim, without

TREE = slim(torch_cpu())
INFO = f"{SITE}/torch-2.13.0+cpu.dist-info"
_VENV: dict[str, Member] = {
    "venv/bin/python": TREE["usr/local/bin/python3.11"],
    "venv/pyvenv.cfg": b"home = /usr/bin\n",
}


def torch_in(tree: dict[str, Member], config: ImageConfig | None = None) -> Torch:
    """The torch of an image of one layer; partial inspection, which reads what no index keeps, is not compared."""
    fs, config = rootfs_of(tree), config or config_of(env=ENV)
    interpreter, _ = find_interpreter(fs, config)
    return find_torch(fs, config, interpreter, find_distributions(fs, interpreter)[0])[0]


def padded(path: str, size: int, pad: bytes = b"#") -> dict[str, Member]:
    """The tree with so many bytes more at the end of a file, which may be new."""
    old = TREE.get(path, b"")
    mode = old.mode if isinstance(old, File) else 0o644
    data = old.data if isinstance(old, File) else old
    assert isinstance(data, bytes)
    return {**TREE, path: File(data + b"\n" + pad * (size // len(pad)), mode)}


def test_the_image_is_good_unpadded() -> None:
    assert (torch_in(dict(TREE)).importable, torch_in(dict(TREE)).build) == ("yes", "cpu")


@pytest.mark.parametrize(
    ("path", "size", "pad"),
    [
        (f"{SITE}/torch/version.py", 70_000, b"#"),
        (f"{SITE}/torch/version.py", 9_000, b"#"),
        (f"{SITE}/torch/version.py", 9_000, b"\n"),
        (f"{INFO}/METADATA", 1 << 20, b"x"),
        (f"{INFO}/RECORD", 16 << 20, b"x"),
        (f"{INFO}/RECORD", 300_000 * 4, b"a,,\n"),
        (f"{INFO}/RECORD", 280_000, b'"'),
        (f"{INFO}/entry_points.txt", 300_000, b"x"),
        (f"{SITE}/a.pth", 300_000, b"#"),
        (f"{SITE}/a.pth", 50_000, b"#\n"),
        (f"{SITE}/sitecustomize.py", 70_000, b"#"),
        ("usr/local/bin/python._pth", 70_000, b"#"),
        ("usr/local/bin/pyvenv.cfg", 70_000, b"#"),
        ("usr/local/bin/pyvenv.cfg", 33_000, b"#"),
        ("etc/passwd", 300_000, b"#"),
    ],
)
def test_padding_never_makes_a_torch_good(path: str, size: int, pad: bytes) -> None:
    torch = torch_in(padded(path, size, pad))
    assert torch.importable == "unknown", torch
    assert torch.reasons


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (
            "torch/version.py",
            b"# coding: utf-7\n__version__ = '2.13.0+cpu'\ncuda = None #+AAo-cuda = '12.4'\nhip = None\n",
        ),
        ("torch/version.py", b"# coding: hook\n__version__ = '2.13.0+cpu'\ncuda = None\nhip = None\n"),
        ("sitecustomize.py", b"# coding: utf-7\n#+AAo-import evil\n"),
        ("usercustomize.py", b"# coding: raw_unicode_escape\n#\\u000aimport evil\n"),
        ("sitecustomize.py", b"x = f'{1}' #\xe9\n"),
        ("a.pth", "\ufeffimport evil\nimport evil\n".encode()),
    ],
)
def test_what_another_codec_decides_never_makes_a_torch_good(path: str, content: bytes) -> None:
    evil = b"import os\nos._exit(0)\n"
    assert torch_in({**TREE, f"{SITE}/evil.py": evil, f"{SITE}/{path}": content}).importable == "unknown"


def test_what_ends_the_start_makes_no_torch_good() -> None:
    assert torch_in({**TREE, f"{SITE}/a.pth": b"\xff\n"}).importable == "no"


def test_a_torch_is_not_absent_where_what_may_lead_to_it_can_t_be_read() -> None:
    bare = without(TREE, f"{SITE}/torch", INFO)
    assert torch_in(bare).importable == "no"
    hidden: list[dict[str, Member]] = [
        {f"{SITE}/a.pth": b"#" * 300_000},
        {f"{INFO}/METADATA": TREE[f"{INFO}/METADATA"], f"{INFO}/direct_url.json": b"x" * 70_000},
    ]
    for more in hidden:
        assert torch_in({**bare, **more}).importable == "unknown"


def test_system_sites_behind_a_form_feed_are_seen() -> None:
    """`str.splitlines` ends a line there, and Python's files don't: the key is part of another line."""
    config = config_of(env=VENV)
    tree = {**TREE, **_VENV, "venv/lib/python3.11/site-packages/x": b""}
    for text, importable in (
        (b"include-system-site-packages = false\n", "no"),
        (b"x\x0cinclude-system-site-packages = false\n", "yes"),
    ):
        assert torch_in({**tree, "venv/pyvenv.cfg": b"home = /usr/local/bin\n" + text}, config).importable == importable


def test_entry_points_together_are_bounded() -> None:
    fs, config = rootfs_of({**TREE, f"{INFO}/entry_points.txt": b"#" * 200_000}, budget=few(steps=90_000)), ENV
    interpreter, _ = find_interpreter(fs, config_of(env=config))
    with pytest.raises(LimitExceeded, match="entry points"):
        find_torch(fs, config_of(env=config), interpreter, find_distributions(fs, interpreter)[0])


def test_sources_whose_sums_were_not_taken_are_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "MAX_FILES", 0)
    record = TREE[f"{INFO}/RECORD"]
    assert isinstance(record, bytes)
    rows = record + b"torch/more.py,sha256=" + b"A" * 43 + b",6\n"
    torch = torch_in({**TREE, f"{INFO}/RECORD": rows, f"{SITE}/torch/more.py": b"x = 1\n"})
    assert torch.importable == "unknown"
    assert re.search(r"whether sources are those of RECORD is not known \(\d+\): '/usr.*was taken", torch.reasons[0])
