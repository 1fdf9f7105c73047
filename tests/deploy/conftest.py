"""A project that uses the integrations: images, their policy, their Dockerfiles."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.__main__ import write_all
from tests.deploy.steps import PROJECT


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture images, once for all tests here."""
    folder = tmp_path_factory.mktemp("made")
    write_all(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A folder with `inspector.toml` for right images, `wrong.toml` for wrong ones, and `deploy/docker`."""
    folder = tmp_path / "project"
    folder.mkdir()
    for path in made.iterdir():
        (folder / path.name).symlink_to(path)
    shutil.copyfile(made / "roles.toml", folder / "inspector.toml")
    shutil.copytree(PROJECT / "deploy" / "docker", folder / "deploy" / "docker")
    return folder
