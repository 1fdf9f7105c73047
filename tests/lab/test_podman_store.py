"""Podman's and Buildah's own ways: working containers, connections, short names, and stores that are shared."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.pipeline import Options, inspect
from inspector.sources.container.access import CHANGED
from inspector.sources.engine.containers_storage import find_store
from inspector.unknown import Importable, Unknown
from tests.lab.others import Other

SITE = "app/.venv/lib/python3.11/site-packages"


class Store:
    """A store of the test's own, which no service has; its paths must be short."""

    def __init__(self, folder: Path, *further: Path) -> None:
        self.root = folder / "root"
        self.conf = folder / "storage.conf"
        stores = ", ".join(f'"{each}"' for each in further)
        self.conf.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.root}"\nrunroot = "{folder}/run"\n'
            f"[storage.options]\nadditionalimagestores = [{stores}]\n"
        )

    def run(self, *words: str) -> str:
        """What a command of Podman's or Buildah's prints."""
        environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(self.conf)}
        return subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout.strip()

    def close(self) -> None:
        """Unmount what Podman mounted onto itself."""
        subprocess.run(["umount", f"{self.root}/overlay"], check=False, capture_output=True)


@pytest.fixture
def folder(podman: Other) -> Iterator[Path]:
    """A folder of a short name."""
    del podman
    with tempfile.TemporaryDirectory(prefix="ps-") as made:
        yield Path(made)


@pytest.fixture
def store(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with one image, and no service anywhere."""
    (folder / "a").mkdir()
    made = Store(folder / "a")
    worker = right_images()["worker-cpu"].with_steps(tags=["quay.io/team/worker:1"])
    FORMS["docker-24"](tmp_path / "worker.tar", [worker])
    made.run("podman", "load", "--input", str(tmp_path / "worker.tar"))
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(made.conf))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    monkeypatch.setattr("inspector.engine.endpoint._podman_sockets", lambda *_: ["/nowhere.sock"])
    yield made
    made.close()


def test_buildahs_working_container(store: Store, tmp_path: Path) -> None:
    container = store.run("buildah", "from", "--pull-never", "quay.io/team/worker:1")
    metadata = tmp_path / "METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n")
    store.run("buildah", "copy", container, str(metadata), f"/{SITE}/added-1.0.dist-info/METADATA")
    store.run("buildah", "config", "--cmd", "python -V", container)
    before = store.run("buildah", "containers", "--all", "--quiet"), store.run("buildah", "images", "--all", "--quiet")
    facts = inspect(f"container:{container}", Options(cache=None))
    assert (
        store.run("buildah", "containers", "--all", "--quiet"),
        store.run("buildah", "images", "--all", "--quiet"),
    ) == before
    image = inspect("podman:quay.io/team/worker:1", Options(cache=None))
    assert facts.torch == image.torch
    assert facts.startup.argv == ("python", "-V")
    assert [each.diff_id for each in facts.layers] == [*(each.diff_id for each in image.layers), ""]
    assert facts.layers[-1].created_by == CHANGED
    assert not isinstance(facts.distributions, Unknown)
    assert {each.name: each.layer for each in facts.distributions}["added"] == len(image.layers)


def test_a_short_name_as_an_alias_has_it(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.root.is_dir()
    conf = tmp_path / "registries.conf"
    conf.write_text('[aliases]\n"job" = "quay.io/team/worker"\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
    assert store.run("podman", "image", "inspect", "--format", "{{.Id}}", "job:1")
    assert inspect("podman:job:1", Options(cache=None)).torch.importable is Importable.YES
    conf.write_text('unqualified-search-registries = ["quay.io"]\n')
    assert store.run("podman", "image", "inspect", "--format", "{{.Id}}", "team/worker:1")
    assert inspect("podman:team/worker:1", Options(cache=None)).torch.importable is Importable.YES


def test_an_image_and_a_container_over_a_further_store(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "b").mkdir()
    other = Store(folder / "b", store.root)
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(other.conf))
    try:
        container = other.run("buildah", "from", "--pull-never", "quay.io/team/worker:1")
        found = find_store()
        assert found is not None
        assert found.root == other.root
        for reference in ("podman:quay.io/team/worker:1", f"container:{container}"):
            assert inspect(reference, Options(cache=None)).torch.importable is Importable.YES
    finally:
        other.close()


def test_a_connection_that_podman_itself_added(podman: Other, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINERS_CONF", str(folder / "containers.conf"))
    (folder / "containers.conf").touch()
    command = ["podman", "system", "connection", "add", "lab", f"unix://{podman.socket}"]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    monkeypatch.setenv("CONTAINER_CONNECTION", "lab")
    facts = inspect("podman:ktrdr-backend:prod", Options(cache=None))
    assert facts.torch.importable is Importable.NO
