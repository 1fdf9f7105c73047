"""Questions about torch, asked of a described image through the real scanner, merge and interpreter."""

from __future__ import annotations

from collections.abc import Mapping

from fixtures.bases import debian
from fixtures.pythons import cpython
from fixtures.torches import torch_needs
from fixtures.wheels import Wheel, install
from inspector.oci import ImageConfig
from inspector.python.distributions import find_distributions
from inspector.python.installed import Installed
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.python.startup import find_startup
from inspector.testing.tree import File, Member, Tree
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.unknown import Unknown
from tests.facts.agreement import Whole, disagreements, partial_facts_of
from tests.support import config_of, rootfs_of

SITE = "usr/local/lib/python3.11/site-packages"
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
VENV = {"PATH": "/venv/bin:/usr/local/bin:/usr/bin:/bin"}
VENV_SITE = "venv/lib/python3.11/site-packages"


class Answer:
    """What is said of an image; by a container's files alone nothing else is said, as far as these tell."""

    def __init__(self, layers: tuple[Tree, ...], config: ImageConfig, command: str) -> None:
        fs = rootfs_of(*layers)
        self.interpreter: Interpreter | Unknown
        self.interpreter, _ = find_interpreter(fs, config, command)
        self.installed: tuple[Installed, ...]
        self.installed, self.warnings = find_distributions(fs, self.interpreter)
        self.torch: Torch
        self.elsewhere: tuple[TorchElsewhere, ...]
        self.torch, self.elsewhere, _ = find_torch(fs, config, self.interpreter, self.installed)
        distributions = tuple(one.facts() for one in self.installed)
        whole = Whole(self.interpreter, distributions, self.torch, find_startup(fs, config))
        assert disagreements(partial_facts_of(fs, config, command)[0], whole) == []

    @property
    def why(self) -> str:
        """The reasons as one text."""
        return "; ".join(self.torch.reasons)

    @property
    def names(self) -> set[str]:
        """The canonical names of what is installed."""
        return {one.key for one in self.installed}


def ask(*layers: Tree, config: ImageConfig | None = None, command: str = "python") -> Answer:
    """What is said of the layers, base first; without a config PATH is that of the official images."""
    return Answer(layers, config or config_of(env=ENV), command)


def slim(*wheels: Wheel, site: str = SITE, needs: bool = True) -> dict[str, Member]:
    """Debian with the official image's Python 3.11, and wheels in `site`, with what every torch requires."""
    every = (*(torch_needs() if needs else ()), *wheels)
    return {**debian(), **cpython(), **install(site, *every)}


def without(tree: Mapping[str, Member], *prefixes: str) -> dict[str, Member]:
    """The tree less what lies at or below `prefixes`."""
    below = tuple(f"{prefix}/" for prefix in prefixes)
    return {path: member for path, member in tree.items() if path not in prefixes and not path.startswith(below)}


def total(tree: Tree) -> int:
    """The bytes of a tree's files."""
    return sum(len(_data(member)) for member in tree.values())


def _data(member: Member) -> bytes:
    return member.data if isinstance(member, File) else member if isinstance(member, bytes) else b""
