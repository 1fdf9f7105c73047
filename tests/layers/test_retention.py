"""The table of files whose bytes are kept."""

from __future__ import annotations

import pytest

from inspector.layers.retention import may_be_program, wanted


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/python3/dist-packages/x-1.dist-info/METADATA",
        "x.egg-info/PKG-INFO",
        "lib/x.egg/EGG-INFO/PKG-INFO",
        "site-packages/x-1.egg-info",
        "site-packages/torch/version.py",
        "venv/pyvenv.cfg",
        "site-packages/distutils-precedence.pth",
        "opt/conda/conda-meta/pytorch-2.5.1-py3.11_0.json",
        "conda-meta/history.json",
        "site-packages/__editable___torch_2_0_finder.py",
        "root/.pyenv/version",
        "etc/ld.so.cache",
        "etc/ld.so.preload",
        "etc/ld-musl-x86_64.path",
        "usr/lib/python3/dist-packages/torch/__init__.py",
        "etc/passwd",
        ".python-version",
    ],
)
def test_kept_whole(path: str) -> None:
    assert wanted(path) > 0


@pytest.mark.parametrize(
    "path",
    [
        "METADATA",
        "app/RECORD",
        "site-packages/numpy/version.py",
        "data.json",
        "home/etc/passwd",
        "x/.pth/y",
        "version",
        "a/__init__.py",
        "a/etc/ld.so.cache",
    ],
)
def test_not_kept(path: str) -> None:
    assert wanted(path) == 0


@pytest.mark.parametrize(
    ("path", "mode", "expected"),
    [
        ("usr/bin/python3.11", 0o755, True),
        ("app/run.sh", 0o755, True),
        ("app/run.sh", 0o644, False),
        ("usr/lib/libz.so.1", 0o755, False),
        ("site-packages/torch/_C.cpython-311-x86_64-linux-gnu.so", 0o644, True),
        ("torch/lib/libtorch_global_deps.so", 0o755, True),
        ("numpy/_C.so", 0o755, False),
    ],
)
def test_heads(path: str, mode: int, *, expected: bool) -> None:
    assert may_be_program(path, mode) is expected
