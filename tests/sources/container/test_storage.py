"""Containers by the files that engines keep: the layers below, what was changed on top, and what changes meanwhile."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.roles import right_images
from inspector.errors import NotFound, Unreachable
from inspector.facts import ImageFacts
from inspector.pipeline import Options, inspect
from inspector.sources.access import AccessUnusable
from inspector.sources.container import access, own_files, storage
from inspector.sources.container.access import CHANGED
from inspector.sources.container.own_files import OwnFiles
from inspector.sources.engine import containers_storage, overlay2
from inspector.testing.engine import FakeEngine
from inspector.testing.tree import Tree
from inspector.unknown import Importable, Unknown
from tests.comparable import without_layers
from tests.sources.engine import unpacked

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

WORKER = right_images()["worker-cpu"].with_steps(tags=["worker:1"])
SITE = "app/.venv/lib/python3.11/site-packages"
ADDED: Tree = {f"{SITE}/added-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: added\nVersion: 1.0\n"}
CONFIG = {"Env": ["PATH=/app/.venv/bin:/usr/local/bin:/bin"], "Cmd": ["python"]}
During = Callable[[Callable[[], None]], None]


@pytest.fixture(autouse=True)
def _all_marks_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (access, containers_storage, overlay2, storage):
        monkeypatch.setattr(room, "refuse_hidden_marks", lambda _: None)
    monkeypatch.setattr(overlay2, "hidden_marks", lambda _: "")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Docker engine's files, with the image."""
    return unpacked.overlay2(tmp_path / "docker", WORKER)


@pytest.fixture
def engine(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """Docker, and no Podman; it has one container."""
    with FakeEngine("graph", [WORKER], info={"DockerRootDir": str(root)}) as found:
        monkeypatch.setenv("DOCKER_HOST", found.address)
        monkeypatch.setenv("CONTAINER_HOST", "unix:///nowhere")
        yield found


@pytest.fixture
def own(engine: FakeEngine, root: Path) -> Path:
    """The files of that container alone."""
    return unpacked.overlay2_container(root, WORKER, engine.contain("worker:1", "web", ADDED).id, ADDED)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> During:
    """What has something done once the container's own files were read."""

    def patch(change: Callable[[], None]) -> None:
        scan = OwnFiles.scan

        def scanned(self: OwnFiles, *args: object, **more: object) -> object:
            found = scan(self, *args, **more)  # type: ignore[arg-type]
            change()
            return found

        monkeypatch.setattr(OwnFiles, "scan", scanned)

    return patch


def facts_of(name: str = "web") -> ImageFacts:
    """The facts by the storage alone."""
    return inspect(f"container:{name}", Options(cache=None, access="storage"))


def layers_by_name(facts: ImageFacts) -> dict[str, int | None]:
    """The layer of each package."""
    assert not isinstance(facts.distributions, Unknown)
    return {each.name: each.layer for each in facts.distributions}


def test_the_layers_of_the_image_lie_below_its_own(own: Path) -> None:
    assert own.is_dir()
    facts = facts_of()
    image = inspect("docker:worker:1", Options(cache=None, access="storage"))
    assert [each.diff_id for each in facts.layers] == [*(each.diff_id for each in image.layers), ""]
    assert [each.created_by for each in facts.layers] == [*(each.created_by for each in image.layers), CHANGED]
    layers = layers_by_name(facts)
    assert layers["added"] == len(facts.layers) - 1
    assert layers | layers_by_name(image) == layers
    assert without_layers(facts)["torch"] == without_layers(image)["torch"]


def test_the_image_may_be_gone(own: Path, engine: FakeEngine, root: Path) -> None:
    assert own.is_dir()
    engine.delete("worker:1")
    shutil.rmtree(root / "image" / "overlay2" / "imagedb")
    facts = facts_of()
    assert facts.torch.importable is Importable.YES
    assert [each.diff_id for each in facts.layers[:-1]] == [f"sha256:{digits}" for digits in WORKER.diff_ids]


@pytest.mark.parametrize(
    "path", [f"{SITE}/torch/version.py", f"{SITE}/new-1.0.dist-info/METADATA", "app/torch/__init__.py"]
)
def test_what_changes_where_python_looks_is_no_answer(path: str, own: Path, meanwhile: During) -> None:
    def change() -> None:
        (own / path).parent.mkdir(parents=True, exist_ok=True)
        (own / path).write_bytes(b"changed")

    meanwhile(change)
    with pytest.raises(AccessUnusable, match="changed while it was read"):
        facts_of()


@pytest.mark.parametrize("path", ["app/logs/today.log", "tmp/x", f"{SITE}/torch/__pycache__/x.cpython-311.pyc"])
def test_what_changes_elsewhere_is_let_be(path: str, own: Path, meanwhile: During) -> None:
    def change() -> None:
        (own / path).parent.mkdir(parents=True, exist_ok=True)
        (own / path).write_bytes(b"changed")

    meanwhile(change)
    assert facts_of().torch.importable is Importable.YES


def test_what_is_removed_meanwhile_is_no_answer(own: Path, meanwhile: During) -> None:
    meanwhile((own / f"{SITE}/added-1.0.dist-info/METADATA").unlink)
    with pytest.raises(AccessUnusable, match="changed while it was read"):
        facts_of()


def test_so_many_files_of_its_own_are_not_watched(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own.is_dir()
    monkeypatch.setattr(own_files, "MAX_WATCHED", 2)
    with pytest.raises(AccessUnusable, match="more than 2 files"):
        facts_of()


@pytest.mark.parametrize(
    ("name", "content"), [("mount-id", b"../../x"), ("parent", b"sha256:../x"), ("parent", b"md5:1")]
)
def test_records_that_lead_elsewhere_are_refused(name: str, content: bytes, own: Path, root: Path) -> None:
    assert own.is_dir()
    (record,) = (root / "image" / "overlay2" / "layerdb" / "mounts").iterdir()
    (record / name).write_bytes(content)
    with pytest.raises(AccessUnusable):
        facts_of()


def test_layers_in_a_circle_end(own: Path, root: Path) -> None:
    assert own.is_dir()
    (record,) = (root / "image" / "overlay2" / "layerdb" / "mounts").iterdir()
    chain = (record / "parent").read_text()
    top = root / "image" / "overlay2" / "layerdb" / chain.replace(":", "/")
    (top / "parent").write_text(chain)
    with pytest.raises(AccessUnusable, match="chains no layers"):
        facts_of()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Podman's store, and no service."""
    root = unpacked.containers_storage(tmp_path / "store", WORKER)
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{root}"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    monkeypatch.setattr("inspector.engine.endpoint._podman_sockets", lambda *_: [f"{tmp_path}/none.sock"])
    return root


def test_buildahs_working_container_needs_no_service(store: Path) -> None:
    unpacked.working_container(store, WORKER, "worker-working-container", ADDED, **CONFIG)
    facts = facts_of("worker-working-container")
    assert facts.startup.argv == ("python",)
    assert layers_by_name(facts)["added"] == len(facts.layers) - 1
    assert facts.torch.importable is Importable.YES
    with pytest.raises(NotFound, match="did you mean worker-working-container"):
        facts_of("worker-workin-container")


def test_podmans_own_container_is_told_to_need_the_service(store: Path) -> None:
    unpacked.working_container(store, WORKER, "web", ADDED)
    with pytest.raises(Unreachable, match="known to Podman's service alone"):
        facts_of("web")
    with pytest.raises(NotFound, match=r"the store .* has no such container; there are web"):
        facts_of("other")


def test_it_goes_by_what_begins_its_id(store: Path) -> None:
    unpacked.working_container(store, WORKER, "web", ADDED, **CONFIG)
    folder = containers_storage.ContainersStore(store)
    (held,) = folder.containers()
    assert folder.container(held[1].id[:5])[1] == held[1]
    with pytest.raises(NotFound):
        folder.container("wbe")
