"""The images of the examples, in a folder of their own, and a registry that has one of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.__main__ import write_all
from fixtures.roles import right_images
from inspector.testing.registry import FakeRegistry

_ROLES = """
[roles.api]
description = "Production API: no ML dependencies"
match = ["ktrdr-backend:prod"]
torch = "absent"

[roles.worker]
match = ["ktrdr-worker-cpu:*", "*/worker:*"]
torch = "cpu"
"""


@pytest.fixture(scope="session")
def example_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write `api.tar`, `worker.tar` and `roles.toml`."""
    made, folder = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("examples")
    write_all(made)
    for name, of in (("api", "backend-prod"), ("worker", "worker-cpu"), ("gpu", "worker-gpu")):
        shutil.copy(made / f"{of}.tar", folder / f"{name}.tar")
    (folder / "roles.toml").write_text(_ROLES, encoding="utf-8")
    return folder


@pytest.fixture
def examples(example_images: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the folder of the examples."""
    monkeypatch.chdir(example_images)
    return example_images


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    """Have `team/worker:1` in a registry that answers as `registry.example.com`."""
    with FakeRegistry() as fake:
        fake.push("team/worker", "1", right_images()["worker-cpu"])
        tables = f'[[registry]]\nlocation = "{fake.host}"\nprefix = "registry.example.com"\ninsecure = true\n'
        (tmp_path / "registries.conf").write_text(tables, encoding="utf-8")
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "registries.conf"))
        yield fake
