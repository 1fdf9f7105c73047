"""The lab's engine and images, read once for all tests, and given back when they end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from tests.lab import engine, others, wrong
from tests.lab.damaged import ALL
from tests.lab.damages import prepared
from tests.lab.groups import GROUPS, group_of
from tests.lab.others import Other

ROLES = ("ktrdr-backend:prod", "ktrdr-backend:dev", "ktrdr-worker-cpu:test")

SMALL_AND_WRONG = (
    "backend-with-torch",
    "backend-cannot-start",
    "backend-without-python",
    "backend-with-dangling-python",
    "backend-torch-elsewhere",
    "backend-torch-half-removed",
    "worker-cpu-without-torch",
    "worker-cpu-with-cuda-files",
    "worker-cpu-libraries-missing",
    "worker-cpu-metadata-only",
)
"""One fixture image for each kind of thing that can be wrong with the files of an image."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here, and begin with it, since it takes longest, group by group."""
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.lab)
    order = list(GROUPS)
    places = {item: order.index(group_of(item.nodeid)) for item in ours}
    items.sort(key=lambda item: places.get(item, len(order)))


def _not_here(reason: str) -> NoReturn:
    """Skip; or fail, where the lab is required."""
    sentence = f"{reason}; `make lab` brings it up"
    if os.environ.get("INSPECTOR_LAB") == "required":
        pytest.fail(f"INSPECTOR_LAB=required, but {sentence}", pytrace=False)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def docker() -> None:
    """Ask for an engine."""
    if shutil.which("docker") is None:
        _not_here("there is no docker command")
    if not engine.answers():
        _not_here("no engine answers")


@pytest.fixture(scope="session")
def skopeo(docker: None) -> None:
    """Ask for skopeo too."""
    del docker
    if shutil.which("skopeo") is None:
        _not_here("there is no skopeo command")


@pytest.fixture(scope="session")
def roles(docker: None) -> None:
    """Ask for the role images."""
    del docker
    for name in ROLES:
        if not engine.has_image(name):
            _not_here(f"the engine has no image {name}")


@pytest.fixture(scope="session")
def undamaged(roles: None) -> Iterator[dict[str, str]]:
    """The images that damaged ones are made from, by the name that cases have for them."""
    del roles
    with prepared(list(ALL.values())) as images:
        yield images


def _other(engine_: Other) -> Other:
    if not engine_.answers:
        _not_here(f"no engine answers at {engine_.socket}")
    return engine_


@pytest.fixture(scope="session")
def podman(docker: None) -> Other:
    """Ask for Podman's service."""
    del docker
    return _other(others.PODMAN)


@pytest.fixture(scope="session")
def containerd(docker: None) -> Other:
    """Ask for a Docker with the containerd store."""
    del docker
    return _other(others.CONTAINERD)


@pytest.fixture(scope="session", params=others.ALL)
def any_engine(request: pytest.FixtureRequest, docker: None) -> Other:
    """Each engine of the lab in turn."""
    del docker
    return _other(others.ALL[request.param])


@pytest.fixture(scope="session")
def small(space: Path) -> tuple[Path, Mapping[str, str]]:
    """An archive of fixture images, of some kB each: the right ones and some made wrong; their names in it.

    The names are of this run alone, since other runs may have the same images in the same engines.
    """
    images = right_images() | {name: wrong_images()[name].image for name in SMALL_AND_WRONG}
    names = {name: f"inspector-lab-{os.getpid()}/{name}:1" for name in images}
    path = space / "small.tar"
    FORMS["docker-24"](path, [replace(image, tags=[names[name]]) for name, image in images.items()])
    return path, names


@pytest.fixture(scope="session")
def small_images(any_engine: Other, small: tuple[Path, Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """The fixture images in each engine in turn: what each is asked for by."""
    path, names = small
    any_engine.docker("load", "--input", str(path))
    yield {name: f"{any_engine.scheme}:{tag}" for name, tag in names.items()}
    any_engine.docker("rmi", "--force", *names.values())


@pytest.fixture(scope="session")
def space() -> Iterator[Path]:
    """A folder for some GB, emptied at the end: pytest's own would keep three sessions of them."""
    with tempfile.TemporaryDirectory(prefix="inspector-lab-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def saved(roles: None, space: Path) -> Path:
    """One `docker save` of all role images and of those made wrong from them, which share their layers."""
    del roles
    wrong.build_all(space)
    path = space / "saved.tar"
    engine.docker("save", "--output", str(path), *ROLES, *wrong.NAMES)
    return path


@pytest.fixture(scope="session")
def copies(skopeo: None, saved: Path, space: Path) -> dict[str, str]:
    """The API image as skopeo writes it: reference by form. The layout has gzip layers, as a registry would."""
    del skopeo
    layout = f"oci:{space}/prod-layout:prod"
    engine.skopeo_copy(f"docker-archive:{saved}:ktrdr-backend:prod", layout)
    copies = {
        "oci-archive": f"oci-archive:{space}/prod-oci.tar:prod",
        "docker-archive": f"docker-archive:{space}/prod-docker.tar:ktrdr-backend:prod",
        "dir": f"dir:{space}/prod-dir",
    }
    for target in copies.values():
        engine.skopeo_copy(layout, target)
    return {"oci": layout, **copies}


@pytest.fixture(scope="session")
def worker_layout(skopeo: None, saved: Path, space: Path) -> str:
    """The CPU worker as a layout with gzip layers."""
    del skopeo
    layout = f"oci:{space}/worker-layout:test"
    engine.skopeo_copy(f"docker-archive:{saved}:ktrdr-worker-cpu:test", layout)
    return layout
