"""Backend plugins that are plain enough to be worked out."""

from __future__ import annotations

import pytest

from fixtures.torches import torch_cpu
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.testing.tree import Tree
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, SITE, slim


def torch_with(sources: Tree, entry: str) -> Torch:
    """What is said of a torch beside a plugin of these sources."""
    metadata = b"Metadata-Version: 2.1\nName: plug\nVersion: 1\n"
    tree: Tree = {
        **slim(torch_cpu()),
        f"{SITE}/plug-1.dist-info/METADATA": metadata,
        f"{SITE}/plug-1.dist-info/entry_points.txt": f"[torch.backends]\nplug = {entry}\n".encode(),
        **{f"{SITE}/{path}": content for path, content in sources.items()},
    }
    fs, config = rootfs_of(tree), config_of(env=ENV)
    interpreter, _ = find_interpreter(fs, config)
    installed, _ = find_distributions(fs, interpreter)

    def content(path: str) -> bytes:
        found = tree[path.lstrip("/")]
        assert isinstance(found, bytes)
        return found

    return find_torch(fs, config, interpreter, installed, content=content)[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"def start():\n    pass\n", "yes"),
        (b"name = 'x'\n\ndef start():\n    return None\n", "yes"),
        (b"", "no"),
        (b"def begin():\n    pass\n", "no"),
        (b"def start():\n    raise ValueError\n", "no"),
        (b"def start():\n    x()\n    raise ValueError\n", "unknown"),
        (b"def start(x):\n    pass\n", "unknown"),
        (b"start = 'x'\n", "no"),
        (b"import torch\n\ndef start():\n    pass\n", "unknown"),
        (b"def start():\n    pass\nstart = 3\n", "unknown"),
        (b"def __getattr__(name):\n    return print\n", "unknown"),
        (b"@print\ndef start():\n    pass\n", "unknown"),
        (b"no python", "unknown"),
    ],
)
def test_a_plugin(source: bytes, expected: str) -> None:
    assert torch_with({"plug/__init__.py": source}, "plug:start").importable == expected


def test_a_submodule_of_the_name_is_not_called_missing() -> None:
    assert torch_with({"plug/__init__.py": b"", "plug/start.py": b""}, "plug:start").importable == "unknown"


def test_a_module_below() -> None:
    sources: Tree = {"plug/__init__.py": b"", "plug/inner.py": b"def start():\n    pass\n"}
    assert torch_with(sources, "plug.inner:start").importable == "yes"
