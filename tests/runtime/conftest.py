"""What holds for all tests of runs."""

from __future__ import annotations

import pytest

from inspector.engine import containers


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Don't look for containers that a fake engine never makes."""
    monkeypatch.setattr(containers, "_LATE_SECONDS", 0.1)
