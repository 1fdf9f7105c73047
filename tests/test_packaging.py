"""The distribution's name, wherever somebody may be told to install it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from inspector.cli.root import DISTRIBUTION
from tests.test_architecture import MODULES, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALL = re.compile(r"(?<![\w-])inspector\[|\b(?:pip|pipx|tool) install (?:--?[\w-]+ )*['\"`]?inspector\b")


def test_the_program_knows_its_distribution() -> None:
    assert PROJECT["name"] == DISTRIBUTION == "torch-image-inspector"


def test_the_command_goes_by_the_distributions_name_too() -> None:
    assert PROJECT["scripts"]["inspector"] == PROJECT["scripts"][DISTRIBUTION]


def test_no_message_installs_the_namesake() -> None:
    """The package index's `inspector` is a stranger's, and runs what it is sent."""
    texts: list[Path] = [*MODULES, ROOT / "pyproject.toml", ROOT / "action.yml", *(ROOT / "deploy").rglob("*.*")]
    texts = [path for path in texts if path.is_file() and path.suffix != ".pyc"]
    offenders = [path for path in texts if INSTALL.search(path.read_text(encoding="utf-8"))]
    assert not offenders
    assert INSTALL.search("pip install 'inspector[cluster]'")
    assert INSTALL.search("pip install --upgrade inspector")
    assert not INSTALL.search("pip install 'torch-image-inspector[cluster]'")
