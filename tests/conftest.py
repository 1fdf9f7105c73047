"""What holds for every test: no cache of the user's, and a lab that may be missing or required."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point every command and library call at a cache of the test run's own."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("INSPECTOR_CACHE_DIR")
    os.environ["INSPECTOR_CACHE_DIR"] = str(folder)
    yield
    if before is None:
        del os.environ["INSPECTOR_CACHE_DIR"]
    else:
        os.environ["INSPECTOR_CACHE_DIR"] = before


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switch that writes the expected texts in tests/golden anew."""
    parser.addoption("--update-golden", action="store_true", help="write the texts in tests/golden anew")
