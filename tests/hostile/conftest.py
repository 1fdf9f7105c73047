"""What holds for every hostile input: it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.alarm import within

SECONDS = 60
"""Far more than any of them takes: an endless loop is ended."""


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    with within(SECONDS):
        yield
