"""Containers of real engines: what was changed in them, what hides parts of them, and that reading leaves no trace."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import InspectorError, NotFound
from inspector.facts import ImageFacts
from inspector.pipeline import Options, inspect
from inspector.sources.access import AccessMethod
from inspector.sources.container.access import CHANGED
from inspector.unknown import Importable, Unknown
from tests.comparable import without_layers
from tests.lab.others import Other

WAYS: tuple[AccessMethod, ...] = ("storage", "save")
PROD = {"docker": "ktrdr-backend:prod", "podman": "localhost/ktrdr-backend:prod"}
SITE = "/app/.venv/lib/python3.11/site-packages"
SOME = ("worker-cpu", "backend-torch-half-removed")
"""Fixture images whose containers are compared with them; a question to these engines takes seconds."""
Make = Callable[..., str]


@pytest.fixture
def make(any_engine: Other, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """What makes a container of an engine by docker's own words, and gives its name; all are removed."""
    for name, value in any_engine.environment.items():
        monkeypatch.setenv(name, value)
    made: list[str] = []

    def create(*words: str, how: str = "create") -> str:
        made.append(f"i-container-{os.getpid()}-{len(made)}")
        any_engine.docker(how, *(["--detach"] if how == "run" else []), "--name", made[-1], *words)
        return made[-1]

    yield create
    for name in made:
        any_engine.docker("rm", "--force", "--volumes", name)


@contextmanager
def unchanged(engine: Other, *containers: str) -> Iterator[None]:
    """Assert that nothing was added or removed, and that all is told of the containers as before.

    Of images those of the roles and of this run must stay; others' come and go, as their containers and mounts do.
    """

    def told() -> list[Any]:
        inspected = [json.loads(engine.docker("container", "inspect", name))[0] for name in containers]
        for each in inspected:
            each["Mounts"].sort(key=lambda mount: mount["Destination"])  # which come in any order
        diffs = [sorted(engine.docker("diff", name).splitlines()) for name in containers]
        return [inspected, diffs]

    def images() -> set[str]:
        named = engine.docker("images", "--format", "{{.Repository}} {{.ID}}").splitlines()
        return {line for line in named if "ktrdr-" in line or f"inspector-lab-{os.getpid()}/" in line}

    def mounts() -> set[str]:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        return {line.split()[1] for line in lines if engine.root in line}

    with engine.untouched():
        before, held, mounted = told(), images(), mounts()
        yield
        assert told() == before
        assert held <= images()
        until, left = time.monotonic() + 60, mounts() - mounted
        while left:
            assert time.monotonic() < until, left
            time.sleep(0.2)
            left &= mounts()


def read(name: str, way: AccessMethod | None = None) -> ImageFacts:
    """The facts of a container."""
    return inspect(f"container:{name}", Options(cache=None, access=way))


@pytest.mark.parametrize("way", WAYS)
def test_a_container_just_made_is_its_image(
    way: AccessMethod, any_engine: Other, small_images: dict[str, str], make: Make
) -> None:
    for reference in (small_images[name] for name in SOME):
        container = make(reference.partition(":")[2], "nothing")
        image = inspect(reference, Options(cache=None, access="storage"))
        with unchanged(any_engine, container):
            facts = read(container, way)
        told, expected = without_layers(facts), without_layers(image)
        for each in (told, expected):  # `nothing` is what this container runs
            each.pop("startup"), each.pop("command")
        assert told == expected
        assert facts.layers[-1].created_by == CHANGED
        if way == "storage":
            assert [each.diff_id for each in facts.layers[:-1]] == [each.diff_id for each in image.layers]


@pytest.mark.parametrize("way", WAYS)
def test_what_was_added_changed_and_removed_shows(
    way: AccessMethod, any_engine: Other, make: Make, tmp_path: Path
) -> None:
    container = make(PROD[any_engine.scheme])
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "version.py").write_text("__version__ = '2.9.0+cpu'\ncuda = None\nhip = None\n")
    (tmp_path / "torch" / "__init__.py").write_text("")
    (tmp_path / "torch-2.9.0.dist-info").mkdir()
    (tmp_path / "torch-2.9.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\n")
    for name in ("torch", "torch-2.9.0.dist-info"):
        any_engine.docker("cp", str(tmp_path / name), f"{container}:{SITE}/{name}")
    with unchanged(any_engine, container):
        facts = read(container, way)
    last = len(facts.layers) - 1
    assert (facts.torch.installed, facts.torch.version, facts.torch.layer) == (True, "2.9.0+cpu", last)
    assert facts.torch.created_by == CHANGED
    assert not isinstance(facts.distributions, Unknown)
    layers = {each.name: each.layer for each in facts.distributions}
    assert layers["torch"] == last
    assert layers["fastapi"] not in (None, last)


@pytest.mark.parametrize("way", WAYS)
def test_a_running_container_in_which_a_package_was_installed(way: AccessMethod, any_engine: Other, make: Make) -> None:
    script = (
        "import os, shutil, sys, time; s = sys.argv[1]; p = os.path.join(s, 'added-1.2.dist-info'); os.mkdir(p); "
        "open(p + '/METADATA', 'w').write('Metadata-Version: 2.1\\nName: added\\nVersion: 1.2\\n'); "
        "[shutil.rmtree(os.path.join(s, n)) for n in os.listdir(s) if n.startswith('fastapi')]; "
        "print('done', flush=True); time.sleep(600)"
    )
    container = make("--user", "0", PROD[any_engine.scheme], "python", "-c", script, SITE, how="run")
    _wait_until_it_says_done(any_engine, container)
    with unchanged(any_engine, container):
        facts = read(container, way)
    assert not isinstance(facts.distributions, Unknown)
    found = {each.name: each for each in facts.distributions}
    assert found["added"].version == "1.2"
    assert found["added"].layer == len(facts.layers) - 1
    assert "fastapi" not in found
    any_engine.docker("stop", "--time", "0", container)
    assert without_layers(read(container, way))["distributions"] == without_layers(facts)["distributions"]


def _wait_until_it_says_done(engine: Other, container: str) -> None:
    until = time.monotonic() + 60
    while "done" not in engine.docker("logs", container):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_volume_hides_is_unknown(way: AccessMethod, any_engine: Other, make: Make) -> None:
    container = make("--volume", SITE, "--volume", "/srv/data", PROD[any_engine.scheme])
    with unchanged(any_engine, container):
        facts = read(container, way)
    assert facts.torch.importable is Importable.UNKNOWN
    assert "is not read" in facts.torch.reasons[0]
    assert SITE in facts.torch.reasons[0]
    assert isinstance(facts.distributions, Unknown)
    assert not isinstance(facts.interpreter, Unknown)
    elsewhere = read(make("--volume", "/srv/data", "--tmpfs", "/srv/t", PROD[any_engine.scheme]), way)
    assert elsewhere.torch.importable is Importable.NO
    assert any("/srv/data" in warning and "/srv/t" in warning for warning in elsewhere.warnings)


@pytest.mark.parametrize("way", WAYS)
def test_its_own_settings_count(way: AccessMethod, any_engine: Other, make: Make) -> None:
    container = make(
        "--env", "PATH=/usr/local/bin:/bin", "--workdir", "/srv", PROD[any_engine.scheme], "python3.11", "-V"
    )
    facts = read(container, way)
    assert not isinstance(facts.interpreter, Unknown)
    assert facts.interpreter.path == "/usr/local/bin/python"
    assert facts.startup.argv == ("python3.11", "-V")


def test_it_goes_by_its_id_and_what_begins_it(any_engine: Other, make: Make) -> None:
    container = make(PROD[any_engine.scheme])
    whole = any_engine.docker("container", "inspect", "--format", "{{.Id}}", container).strip()
    for name in (whole, whole[:12], f"/{container}"):
        assert read(name).reference == f"container:{name}"
    with pytest.raises(NotFound, match="did you mean") as caught:
        read(f"{container}x")
    assert caught.value.near == (container,)


@pytest.mark.parametrize("way", WAYS)
def test_the_image_may_be_gone(way: AccessMethod, any_engine: Other, small_images: dict[str, str], make: Make) -> None:
    name = small_images["worker-cpu"].partition(":")[2]
    own = f"i-container-{os.getpid()}:1"
    any_engine.docker("tag", name, own)
    container = make(own, "nothing")
    any_engine.docker("rmi", own)
    facts = read(container, way)
    assert (facts.torch.installed, facts.torch.build) == (True, "cpu")


def test_one_that_changes_all_the_time_is_no_answer(any_engine: Other, make: Make) -> None:
    script = (
        "import itertools, sys\nfor n in itertools.count():\n"
        " open(f'{sys.argv[1]}/new_{n % 50}.py', 'w').write(str(n))\n if n == 50: print('done', flush=True)"
    )
    container = make("--user", "0", PROD[any_engine.scheme], "python", "-c", script, SITE, how="run")
    _wait_until_it_says_done(any_engine, container)
    with pytest.raises(InspectorError, match="chang"):
        read(container)
