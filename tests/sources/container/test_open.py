"""Containers of a fake engine: how they are asked for, what their facts say, and how they are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fixtures.roles import right_images
from inspector.errors import InspectorError, NotFound, PlatformMissing, UsageError
from inspector.facts import ImageFacts
from inspector.layers.cache import IndexCache
from inspector.oci import Platform
from inspector.pipeline import Options, inspect
from inspector.pipeline.runtime import run
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.access import AccessUnusable
from inspector.sources.container.access import CHANGED, OF_IMAGE
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from inspector.testing.tree import Tree
from inspector.unknown import Importable, Unknown
from tests.comparable import without_layers

WORKER = right_images()["worker-cpu"].with_steps(tags=["worker:1"])
SITE = "app/.venv/lib/python3.11/site-packages"
ADDED: Tree = {
    f"{SITE}/added-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: added\nVersion: 1.0\n",
    f"{SITE}/torch/.wh.version.py": b"",
}


@pytest.fixture(params=["graph", "containerd", "podman"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """The only engine that is found, with an image."""
    with FakeEngine(request.param, [WORKER]) as found:
        podman = request.param == "podman"
        monkeypatch.setenv("CONTAINER_HOST" if podman else "DOCKER_HOST", found.address)
        monkeypatch.setenv("DOCKER_HOST" if podman else "CONTAINER_HOST", "unix:///nowhere")
        yield found


def facts_of(name: str, **options: object) -> ImageFacts:
    """The facts of a container."""
    return inspect(f"container:{name}", Options(cache=None, **options))  # type: ignore[arg-type]


def test_one_just_made_is_its_image_and_is_only_looked_at(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web")
    facts = facts_of("web")
    assert {request.method for request in engine.requests} == {"GET"}
    scheme = "podman" if engine.store.kind == "podman" else "docker"
    assert without_layers(facts) == without_layers(inspect(f"{scheme}:worker:1", Options(cache=None, access="save")))
    assert [layer.created_by for layer in facts.layers] == [OF_IMAGE, CHANGED]
    assert (facts.source, facts.image_id, facts.evidence.access) == ("container", None, "save")


def test_what_was_changed_is_a_layer_of_its_own(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web", ADDED)
    facts = facts_of("web")
    assert not isinstance(facts.distributions, Unknown)
    layers = {each.name: each.layer for each in facts.distributions}
    assert (layers["added"], layers["torch"]) == (1, 0)
    assert facts.torch.importable is Importable.NO
    assert facts.layers[1].size == len(ADDED[f"{SITE}/added-1.0.dist-info/METADATA"])  # type: ignore[arg-type]


def test_its_own_settings_count(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web", Env=["PATH=/usr/local/bin"], Cmd=["python", "-V"], Entrypoint=[])
    facts = facts_of("web")
    assert not isinstance(facts.interpreter, Unknown)
    assert facts.interpreter.path == "/usr/local/bin/python"
    assert facts.startup.argv == ("python", "-V")


@pytest.mark.parametrize(
    ("place", "interpreter", "packages"),
    [
        ("/" + SITE, "known", "unknown"),
        (f"/{SITE}/torch", "known", "unknown"),
        ("/app", "unknown", "unknown"),
        ("/usr/local", "unknown", "unknown"),
        ("/usr/local/lib/python3.11", "unknown", "unknown"),
        ("/lib64", "unknown", "unknown"),
    ],
)
def test_what_a_mount_hides_is_unknown(place: str, interpreter: str, packages: str, engine: FakeEngine) -> None:
    engine.contain("worker:1", "web", mounts=[{"Type": "volume", "Name": "data", "Destination": place}])
    facts = facts_of("web")
    assert facts.torch.importable is Importable.UNKNOWN
    assert f"what is mounted at '{place}' (volume 'data') is not read" in facts.torch.reasons
    assert isinstance(facts.interpreter, Unknown) is (interpreter == "unknown")
    assert isinstance(facts.distributions, Unknown) is (packages == "unknown")


@pytest.mark.parametrize("place", ["/srv/data", "/var/lib/ktrdr", "/tmp", "/app/data", "/etc/x.conf"])
def test_a_mount_where_python_does_not_look_changes_nothing(place: str, engine: FakeEngine) -> None:
    engine.contain("worker:1", "web", mounts=[{"Type": "bind", "Source": "/host", "Destination": place}])
    engine.contain("worker:1", "plain")
    facts, without = facts_of("web"), facts_of("plain")
    assert facts.torch == without.torch
    assert facts.torch.importable is Importable.YES
    assert any(place in warning for warning in facts.warnings)


def test_a_file_that_a_runtime_mounts_over_is_unknown(engine: FakeEngine) -> None:
    """As one for GPUs does, which leaves the mount points of its libraries behind."""
    engine.contain("worker:1", "web", {"usr/lib/x86_64-linux-gnu/libstdc++.so.6": b""})
    facts = facts_of("web")
    assert facts.torch.importable is Importable.UNKNOWN
    assert "libstdc++.so.6' is empty in the container" in facts.torch.reasons[0]


def test_what_a_runtime_for_gpus_leaves_behind_is_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    lib = "usr/lib/x86_64-linux-gnu"
    left: Tree = {f"{lib}/libcuda.so.1": b"", f"{lib}/libnvidia-ml.so.1": b"", "usr/bin/nvidia-smi": b""}
    gpu = right_images()["worker-gpu"].with_steps(tags=["gpu:1"])
    with FakeEngine("graph", [gpu]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        engine.contain("gpu:1", "web", left)
        facts = facts_of("web")
    assert (facts.torch.importable, facts.torch.build) == (Importable.YES, "cuda")
    assert facts.gpu is not None


def test_it_goes_by_its_id(engine: FakeEngine) -> None:
    container = engine.contain("worker:1", "web")
    assert facts_of(container.id).reference == f"container:{container.id}"
    assert facts_of("/web").reference == "container:/web"


def test_the_image_may_be_gone(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web")
    engine.delete("worker:1")
    facts = facts_of("web")
    assert facts.torch.importable is Importable.YES
    assert any("was removed" in warning for warning in facts.warnings)


def test_a_missing_one_is_told_with_its_neighbours(engine: FakeEngine) -> None:
    with pytest.raises(NotFound, match="there is no container at all"):
        facts_of("wbe")
    engine.contain("worker:1", "web-1")
    engine.contain("worker:1", "other")
    with pytest.raises(NotFound, match=r"did you mean web-1\? there are web-1, other") as caught:
        facts_of("wbe-1")
    assert caught.value.near == ("web-1",)


@pytest.mark.parametrize("name", ["web*", "we?", "[w]eb"])
def test_a_glob_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no glob"):
        facts_of(name)


@pytest.mark.parametrize("name", ["a/b", "../x", "-x", "x y", "web:1", "x\ny", "é"])
def test_a_name_that_no_container_has_is_refused_unasked(name: str) -> None:
    with pytest.raises(NotFound, match="no container has such a name"):
        facts_of(name)


def test_all_tags_are_for_images() -> None:
    with pytest.raises(UsageError, match="--all-tags"):
        open_images(parse_reference("container:web"), every_tag=True)


def test_it_is_not_run() -> None:
    with pytest.raises(UsageError, match="only images are run"):
        run(["container:web"])


def test_another_platform_is_never_taken_instead(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web")
    with pytest.raises(PlatformMissing):
        facts_of("web", platform=Platform.parse("linux/s390x"))


def test_single_files_are_not_asked_for(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web")
    with pytest.raises(AccessUnusable, match="mount points"):
        facts_of("web", access="files")


def test_no_digest_is_verified(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web")
    with pytest.raises(InspectorError, match="has no digest"):
        facts_of("web", verify=True)


def test_a_running_one_is_read_twice_and_must_be_the_same(engine: FakeEngine) -> None:
    container = engine.contain("worker:1", "web", running=True)
    assert facts_of("web").torch.importable is Importable.YES
    assert len(engine.asked("GET", "/containers/.*/export")) == 2
    other = engine.contain("worker:1", "other", ADDED).files.tar("/")
    engine.misbehave("GET", f"/containers/{container.id}/export", lambda handler: handler._send_tar(other), after=1)
    with pytest.raises(AccessUnusable, match=r"changed while it was read: .* pause 0000"):
        facts_of("web")


@pytest.mark.parametrize(
    ("state", "said"), [("running", r"changed while it was read \(.* is cut"), ("exited", "is cut inside")]
)
def test_an_export_that_ends_early(state: str, said: str, engine: FakeEngine) -> None:
    container = engine.contain("worker:1", "web", running=state == "running")
    cut = container.files.tar("/")[: 512 + 100]
    engine.misbehave("GET", f"/containers/{container.id}/export", lambda handler: handler._send_tar(cut))
    with pytest.raises(InspectorError, match=said):
        facts_of("web")


def test_one_that_is_started_meanwhile_is_no_answer(engine: FakeEngine) -> None:
    container = engine.contain("worker:1", "web")

    def start_it(handler: object) -> None:
        container.started = container.running = True
        handler._changes(container)  # type: ignore[attr-defined]

    engine.misbehave("GET", "/containers/.*/changes", start_it, after=1)
    with pytest.raises(AccessUnusable, match="started or stopped"):
        facts_of("web")


def test_one_in_which_files_come_meanwhile_is_no_answer(engine: FakeEngine) -> None:
    container = engine.contain("worker:1", "web")

    def add(handler: object) -> None:
        container.changes["/new"] = 1
        handler._changes(container)  # type: ignore[attr-defined]

    engine.misbehave("GET", "/containers/.*/changes", add, after=1)
    with pytest.raises(AccessUnusable, match="changed while it was read"):
        facts_of("web")


def test_an_engine_that_refuses_is_told(engine: FakeEngine) -> None:
    engine.contain("worker:1", "web")
    engine.misbehave("GET", "/containers/.*/export", faults.status(500, "disk full"))
    with pytest.raises(AccessUnusable, match="disk full"):
        facts_of("web")


def test_nothing_of_it_is_kept(engine: FakeEngine, tmp_path: Path) -> None:
    engine.contain("worker:1", "web")
    with closing(IndexCache(tmp_path / "cache.sqlite", 1 << 30)) as cache:
        for _ in range(2):
            facts = inspect("container:web", Options(cache=cache))
            assert (facts.evidence.layers_cached, facts.evidence.known) == (0, None)
