"""The access method files on a real engine: what it states, what it asks for that, and that nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.engine.client import Engine, connect
from inspector.errors import NotFound
from inspector.facts import ImageFacts
from inspector.facts.partial import inspect_partially
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.access import as_told
from inspector.sources.engine.container import ContainerRootfs, container_files
from tests.facts.agreement import disagreements
from tests.lab import engine, ours, wrong
from tests.lab.conftest import ROLES

PRESENT = ("ktrdr-worker-cpu:test", "inspector-lab/api-with-torch:1")
GPU = "ktrdr-worker-gpu:test"
VOLUMES = "inspector-lab/python-in-a-volume:1"


@pytest.fixture(scope="module")
def docker_engine(docker: None) -> Iterator[Engine]:
    """The lab's engine, asked as we ask."""
    del docker
    with connect("docker") as found:
        yield found


def partial_facts(engine_: Engine, name: str, *, packages: str = "") -> ImageFacts:
    """The facts by a container, of which nothing may be left."""
    document = engine_.inspect(name)
    with container_files(engine_, document.id, document.config) as files:
        facts = inspect_partially(as_told(engine_, document), files, packages=packages)
        container = files._container
    with pytest.raises(NotFound):
        engine_.container(container)
    return facts


@pytest.mark.parametrize("name", [ROLES[0], ROLES[2], *wrong.NAMES])
def test_what_it_states_is_what_the_layers_say(name: str, docker_engine: Engine, saved: Path) -> None:
    facts = partial_facts(docker_engine, name)
    whole = ours.facts_of(f"docker-archive:{saved}:{name}")
    assert disagreements(facts, whole) == []
    assert facts.torch.installed is whole.torch.installed
    if name != wrong.DOCTORED:
        assert facts.torch.importable == whole.torch.importable
    assert facts.size.uncompressed == whole.size.uncompressed
    assert [layer.diff_id for layer in facts.layers] == [layer.diff_id for layer in whole.layers]


@pytest.mark.parametrize("name", PRESENT)
def test_a_torch_takes_few_questions(name: str, docker_engine: Engine, saved: Path) -> None:
    del saved
    facts = partial_facts(docker_engine, name)
    assert (facts.torch.importable, facts.torch.build) == ("yes", "cpu")
    assert facts.evidence.questions <= 150
    assert facts.evidence.bytes_read <= 8 << 20


def test_that_none_is_there_takes_few_questions_and_lists_the_packages(docker_engine: Engine, saved: Path) -> None:
    name = ROLES[0]
    facts = partial_facts(docker_engine, name)
    assert facts.torch.installed is False
    assert facts.evidence.questions <= 100
    whole = ours.facts_of(f"docker-archive:{saved}:{name}")
    facts = partial_facts(docker_engine, name, packages="the role requires some")
    assert disagreements(facts, whole) == []
    assert isinstance(facts.distributions, tuple)
    assert isinstance(whole.distributions, tuple)
    assert {each.name for each in facts.distributions} == {each.name for each in whole.distributions}
    assert facts.evidence.questions <= 125


def test_so_it_does_where_torch_has_gigabytes(docker_engine: Engine) -> None:
    if not engine.has_image(GPU):
        pytest.skip(f"the engine has no image {GPU}")
    facts = partial_facts(docker_engine, GPU)
    assert (facts.torch.importable, facts.torch.build, facts.torch.cuda) == ("yes", "cuda", "13.0")
    assert facts.evidence.questions <= 175
    assert facts.evidence.bytes_read <= 8 << 20


def test_volumes_are_neither_made_nor_in_the_way(docker_engine: Engine, roles: None, tmp_path: Path) -> None:
    del roles
    (tmp_path / "Dockerfile").write_text(f"FROM {ROLES[0]}\nVOLUME /usr/local/lib /data\n")
    engine.docker("build", "--quiet", "--network", "none", "--tag", VOLUMES, str(tmp_path))
    try:
        document = docker_engine.inspect(VOLUMES)
        with container_files(docker_engine, document.id, document.config) as files:
            assert docker_engine.container(files._container)["Mounts"] == []
            assert files.lstat("/usr/local/lib/python3.11/site.py") is not None
            assert files.lstat("/data") is None
    finally:
        engine.docker("rmi", "--force", VOLUMES)


def test_a_container_removed_meanwhile_is_told(docker_engine: Engine, roles: None) -> None:
    del roles
    document = docker_engine.inspect(ROLES[0])

    def ask() -> Iterator[ContainerRootfs]:
        with container_files(docker_engine, document.id, document.config) as files:
            yield files

    asking = ask()
    files = next(asking)
    assert files.lstat("/etc") is not None
    docker_engine.remove(files._container)
    assert files.lstat("/usr") is None
    with pytest.raises(AccessUnusable, match="removed"):
        next(asking)
