"""The role images on disk, once for all tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.__main__ import write_all


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the role images, right and wrong, and their policies."""
    folder = tmp_path_factory.mktemp("roles")
    write_all(folder)
    return folder
