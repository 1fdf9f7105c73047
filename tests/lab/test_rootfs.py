"""The real thing beside the image that it was made of: `docker export`, a mounted image, and Buildah's mount."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector import check, inspect
from inspector.facts import ImageFacts
from tests.comparable import without_layers
from tests.lab import engine

IMAGES = ("ktrdr-backend:prod", "ktrdr-worker-cpu:test")
NAME = f"i-rootfs-{os.getpid()}"


def expected(reference: str) -> ImageFacts:
    return inspect(reference, cache=None)


@pytest.fixture(params=IMAGES)
def container(request: pytest.FixtureRequest, roles: None) -> Iterator[str]:
    """A container that is created, never started, and as it was after what was read of it."""
    del roles
    engine.docker("create", "--name", NAME, request.param)
    try:
        before = engine.docker("inspect", "--size", NAME)
        yield request.param
        assert engine.docker("inspect", "--size", NAME) == before
    finally:
        engine.docker("rm", "--volumes", NAME)


def test_the_tar_of_docker_export(container: str, space: Path) -> None:
    """As a file, and as its output by way of a pipe, with what `docker inspect` prints of the container."""
    config, tar, pipe = space / "container.json", space / "root.tar", space / "pipe"
    config.write_text(engine.docker("inspect", NAME))
    engine.docker("export", "-o", str(tar), NAME)
    os.mkfifo(pipe)
    image = without_layers(expected(f"docker:{container}"))
    with subprocess.Popen(["sh", "-c", f"exec docker export {NAME} > {pipe}"]) as export:
        for path in (tar, pipe):
            found = inspect(f"rootfs:{path}", config=config, cache=None)
            assert without_layers(found) == image
            assert (found.image_id, len(found.layers), found.source) == (None, 1, "rootfs")
        assert export.wait() == 0
    pipe.unlink()
    tar.unlink()


@pytest.fixture
def mounted(container: str, space: Path) -> Iterator[Path]:
    """The image's file system as the kernel shows it."""
    data = json.loads(engine.docker("image", "inspect", container))[0]["GraphDriver"]["Data"]
    target = space / "mounted"
    target.mkdir()
    layers = ":".join(filter(None, (data["UpperDir"], data.get("LowerDir"))))
    words = ["mount", "-t", "overlay", "-o", f"ro,lowerdir={layers}", "none", str(target)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        target.rmdir()
        pytest.skip(f"no overlay file system can be mounted here: {done.stderr.strip()}")
    yield target
    subprocess.run(["umount", str(target)], check=True)
    target.rmdir()


def test_an_image_that_is_mounted(container: str, mounted: Path, space: Path) -> None:
    config = space / "image.json"
    config.write_text(engine.docker("image", "inspect", container))
    found = inspect(f"rootfs:{mounted}", config=config, cache=None)
    assert without_layers(found) == without_layers(expected(f"docker:{container}"))


def test_buildah_s_mount(space: Path) -> None:
    """In a store of its own, of an image of some kB, with what `buildah inspect` prints."""
    archive = space / "worker.tar"
    FORMS["docker-24"](archive, [right_images()["worker-cpu"]])
    store = space / "buildah"
    own = ["--root", str(store / "root"), "--runroot", str(store / "run"), "--storage-driver", "vfs"]

    def buildah(*words: str) -> str:
        try:
            return subprocess.run(["buildah", *own, *words], check=True, capture_output=True, text=True).stdout.strip()
        except FileNotFoundError:
            pytest.skip("there is no buildah command")

    name = buildah("from", f"docker-archive:{archive}")
    config = space / "buildah.json"
    config.write_text(buildah("inspect", name))
    try:
        mount = buildah("mount", name)
        found = inspect(f"rootfs:{mount}", config=config, cache=None)
        assert without_layers(found) == without_layers(expected(f"docker-archive:{archive}"))
        assert check(f"rootfs:{mount}", {"roles": {"w": {"torch": "cpu"}}}, role="w", config=config).outcome == "pass"
    finally:
        buildah("rm", "--all")
        buildah("rmi", "--all")
