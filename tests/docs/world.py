"""The images that the pages speak of: in files, in a fake engine and in a fake registry.

`docker save` and `docker build` work on the fake engine. A build takes the image that fits its
Dockerfile: without torch, with the CPU build where PyTorch's CPU index is named, with the CUDA build otherwise.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from fixtures.forms import FORMS
from fixtures.roles import cpu_packages, python_image, right_images, synced
from fixtures.roots import merged
from fixtures.wrong import wrong_images
from inspector.testing import FakeEngine, FakeRegistry, Image
from inspector.testing.tree import tar_of

HOST = "registry.example.com"
TAGS = ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0")
WRONG_TAG = "1.3.0"
"""The one image of team/api that has torch."""


@cache
def images() -> dict[str, Image]:
    """Every image of the engine, by the name that pages use."""
    right, wrong = right_images(), wrong_images()
    named = {
        "python:3.12-slim": python_image(),
        "api:prod": right["backend-prod"],
        "api:dev": right["backend-dev"],
        "worker:cpu": right["worker-cpu"],
        "worker:gpu": right["worker-gpu"],
        "api:broken": wrong["backend-with-torch"].image,
    }
    return {name: replace(image, tags=[name]) for name, image in named.items()}


def built(dockerfile: str) -> Image:
    """The image that a Dockerfile of the pages makes."""
    if not re.search(r"\btorch\b", dockerfile):
        return images()["api:prod"]
    return images()["worker:cpu" if "whl/cpu" in dockerfile else "worker:gpu"]


def put(engine: FakeEngine, name: str, image: Image) -> None:
    """Give an image of the engine a name, which no other has then."""
    others = [each for each in engine.store.images if name not in each.tags]
    engine.store.images = [*others, replace(image, tags=[name])]


def contain(engine: FakeEngine) -> None:
    """Hold the containers that pages read: one as its image is, one in which torch was installed, one over a volume."""
    engine.contain("api:prod", "web")
    engine.contain("api:prod", "job", synced(*cpu_packages()))
    engine.contain("api:prod", "dev", mounts=[{"Type": "bind", "Source": "/home/me/api", "Destination": "/app"}])


def save(engine: FakeEngine, names: list[str], path: Path) -> None:
    """Write what `docker save` writes."""
    found = [engine.store.find(name) for name in names]
    assert None not in found, names
    FORMS["docker-25"](path, [image for image in found if image is not None])


def exported(engine: FakeEngine, name: str) -> bytes:
    """Give what `docker export` writes of a container of that image."""
    return tar_of(merged(_found(engine, name)))


def inspected(engine: FakeEngine, name: str) -> bytes:
    """Give what `docker inspect` prints of a container of that image, as far as it matters."""
    return json.dumps([{"Id": "1" * 64, "Config": json.loads(_found(engine, name).config)["config"]}]).encode()


def _found(engine: FakeEngine, name: str) -> Image:
    found = engine.store.find(name)
    assert found is not None, name
    return found


@contextmanager
def registry() -> Iterator[FakeRegistry]:
    """A registry with the repositories that pages audit."""
    with FakeRegistry() as fake:
        for tag in TAGS:
            fake.push("team/api", tag, images()["api:broken" if tag == WRONG_TAG else "api:prod"])
        fake.push("team/worker", "2.0.0", images()["worker:cpu"])
        fake.push("team/worker", "2.1.0", images()["worker:cpu"])
        yield fake


def registries_conf(fake: FakeRegistry) -> str:
    """The user's setting that leads the pages' host to the fake."""
    return f'[[registry]]\nprefix = "{HOST}"\nlocation = "{fake.host}"\ninsecure = true\n'


@cache
def _archives(folder: Path) -> Path:
    """Write the archives that pages read, once."""
    (folder / "images").mkdir(parents=True)
    for path, name in {
        "api.tar": "api:prod",
        "worker.tar": "worker:cpu",
        "worker-gpu.tar": "worker:gpu",
        "images/api.tar": "api:prod",
        "images/worker.tar": "worker:cpu",
        "api-1.4.tar": "api:prod",
        "api-1.5.tar": "api:broken",
    }.items():
        FORMS["docker-25"](folder / path, [images()[name]])
    return folder


def put_archives(folder: Path, made: Path) -> None:
    """Copy the archives that pages read into a page's folder."""
    shutil.copytree(_archives(made), folder, dirs_exist_ok=True)
