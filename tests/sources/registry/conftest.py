"""The fake registry, and a run that asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inspector.layers.documents import DocumentCache
from inspector.reference import parse_reference
from inspector.registry.settings import Settings
from inspector.sources import Wanted
from inspector.sources.image import Image
from inspector.sources.registry.open import Registries, open_registry_images
from inspector.testing.registry import FakeRegistry
from tests.registry.conftest import fake, settings

__all__ = ["fake", "opened", "registries", "settings"]

Opened = Callable[..., tuple[Image, ...]]


@pytest.fixture
def registries(settings: Settings, tmp_path: Path) -> Iterator[Registries]:
    """The registries of one run, which remembers documents."""
    kept = DocumentCache(tmp_path / "cache")
    run = Registries(settings, kept=kept)
    yield run
    run.close()
    kept.close()


@pytest.fixture
def opened(fake: FakeRegistry, registries: Registries) -> Opened:
    """Opens names of the fake registry."""

    def open_(name: str, wanted: Wanted = None) -> tuple[Image, ...]:
        reference = parse_reference(f"registry:{fake.host}/{name}")
        return open_registry_images(reference, wanted, registries)

    return open_
