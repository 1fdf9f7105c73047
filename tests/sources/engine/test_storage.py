"""Which store an engine's image is looked for in, and what is said where it can't be."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.forms.oci import Blobs
from inspector.engine.client import connect
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import containers_storage, overlay2
from inspector.sources.engine.content_store import candidate_roots
from inspector.sources.engine.storage import open_storage
from inspector.sources.image import Image
from inspector.testing import gzipped
from inspector.testing.engine import FakeEngine
from inspector.testing.store import Kind
from tests.sources.engine import unpacked
from tests.sources.samples import API

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)


@pytest.fixture(autouse=True)
def _all_marks_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay2, "hidden_marks", lambda _: "")
    monkeypatch.setattr(containers_storage, "refuse_hidden_marks", lambda _: None)


def stored(fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Image:
    """The image of a fake engine, from its files."""
    podman = fake.store.kind == "podman"
    monkeypatch.setenv("CONTAINER_HOST" if podman else "DOCKER_HOST", fake.address)
    engine = connect("podman" if podman else "docker")
    return open_storage(engine, engine.inspect("api:prod"))


@contextmanager
def engine(kind: Kind, root: Path, **info: object) -> Iterator[FakeEngine]:
    with FakeEngine(kind, [API], info={"DockerRootDir": str(root), **info}) as fake:
        yield fake


def steps(image: Image) -> Sequence[str | None]:
    return [layer.created_by for layer in image.layers]


STEPS = ["COPY rootfs /", "RUN pip install flask"]


def test_docker_with_its_graph_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine("graph", unpacked.overlay2(tmp_path, API)) as fake:
        image = stored(fake, monkeypatch)
    assert (image.source, image.image_id, steps(image), image.tags) == ("docker", API.image_id, STEPS, ("api:prod",))


def test_the_image_itself_tells_where_overlay2_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = {API.image_id: {"UpperDir": str(unpacked.overlay2(tmp_path, API) / "overlay2" / "x" / "diff")}}
    with FakeEngine("graph", [API], graph=graph) as fake:
        image = stored(fake, monkeypatch)
    assert (image.image_id, steps(image)) == (API.image_id, STEPS)
    assert "/info" not in {request.path for request in fake.requests}


def test_podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = unpacked.containers_storage(tmp_path / "store", API, names=["localhost/api:prod"])
    with engine("podman", root) as fake:
        image = stored(fake, monkeypatch)
    assert (image.source, image.image_id, steps(image)) == ("podman", API.image_id, STEPS)


def test_docker_with_containerd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs()
    blobs.manifest(API, [gzipped])
    folder = candidate_roots(tmp_path)[0] / "io.containerd.content.v1.content" / "blobs" / "sha256"
    folder.mkdir(parents=True)
    for digits, content in blobs.content.items():
        (folder / digits).write_bytes(content)
    with engine("containerd", tmp_path) as fake:
        image = stored(fake, monkeypatch)
    assert (image.source, image.image_id, steps(image)) == ("docker", API.image_id, STEPS)
    assert all(layer.compressed for layer in image.layers)


@pytest.mark.parametrize("kind", ["graph", "containerd", "podman"])
def test_an_engine_whose_files_are_not_here(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(kind, tmp_path / "nowhere") as fake, pytest.raises(AccessUnusable, match=r"nowhere.* on this machine"):
        stored(fake, monkeypatch)


def test_files_of_another_engine_that_has_the_same_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = API.with_steps(tags=["api:prod"], env=["OTHER=1"])
    with (
        engine("graph", unpacked.overlay2(tmp_path, other)) as fake,
        pytest.raises(AccessUnusable, match="there is no"),
    ):
        stored(fake, monkeypatch)


def test_another_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine("graph", tmp_path, Driver="btrfs") as fake, pytest.raises(AccessUnusable, match="driver 'btrfs'"):
        stored(fake, monkeypatch)


def test_an_engine_that_does_not_say_where(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine("graph", Path()) as fake, pytest.raises(AccessUnusable, match="does not say where"):
        stored(fake, monkeypatch)


def test_paths_that_the_engine_tells_are_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    graph = {API.image_id: {"UpperDir": str(secret), "LowerDir": str(secret)}}
    info = {"DockerRootDir": str(unpacked.overlay2(tmp_path / "engine", API))}
    with FakeEngine("graph", [API], graph=graph, info=info) as fake:
        image = stored(fake, monkeypatch)
    assert all(str(secret) not in str(layer.blob) for layer in image.layers)
