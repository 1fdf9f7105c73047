"""`--config FILE`: an image's configuration, or what `docker inspect` prints of an image or a container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.oci import MAX_DOCUMENT, ImageConfig, Platform
from inspector.python.environment import DEFAULT_PATH
from inspector.sources.rootfs import config

RUN = {"Env": ["A=b"], "User": "www-data", "WorkingDir": "/app", "Entrypoint": ["/enter"], "Cmd": ["python", "x y"]}
IMAGE = {"Id": "sha256:1", "Architecture": "arm64", "Variant": "v8", "Os": "linux", "Config": RUN, "Size": 1}
CONTAINER = {"Id": "1", "Image": "sha256:1", "Platform": "linux", "Path": "/enter", "Args": ["python", "x y"]}


def read(document: object) -> ImageConfig:
    return config.config_of(json.dumps(document).encode(), "--config c.json")


@pytest.mark.parametrize(
    "document",
    [
        {"os": "linux", "architecture": "arm64", "config": RUN, "rootfs": {"type": "layers", "diff_ids": []}},
        {"os": "linux", "architecture": "arm64", "config": RUN},
        [IMAGE],
        IMAGE,
        [{**CONTAINER, "Config": RUN}],
        [{**CONTAINER, "Config": {**RUN, "Entrypoint": "/enter"}}],
        {"OCIv1": {"os": "linux", "architecture": "arm64", "config": RUN}, "Docker": {}},
    ],
)
def test_all_say_the_same(document: object) -> None:
    """An image's own, without its layers, of an image, of a container, as older Podman joins words, and Buildah's."""
    found = read(document)
    assert (found.env, found.run.user, found.working_dir) == ({"A": "b"}, "www-data", "/app")
    assert (found.entrypoint, found.cmd) == (("/enter",), ("python", "x y"))
    is_container = isinstance(document, list) and "Path" in document[0]
    assert config.stated_platform(found) == (None if is_container else Platform("linux", "arm64"))


def test_words_that_podman_joined_are_parted_by_those_that_it_runs() -> None:
    run = {**RUN, "Entrypoint": "/bin/sh -c exec x", "Cmd": None}
    found = read([{**CONTAINER, "Path": "/bin/sh", "Args": ["-c", "exec x", "y"], "Config": run}])
    assert (found.entrypoint, found.cmd) == (("/bin/sh", "-c", "exec x"), ("y",))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "describes 0 images or containers"),
        ([IMAGE, IMAGE], "describes 2 images or containers; write one"),
        ({}, "no configuration in it; expected is"),
        ("text", "no configuration in it"),
        ([["x"]], "no configuration in it"),
        ({"schemaVersion": 2, "layers": []}, "no configuration in it"),
        ([{**IMAGE, "Config": {"Env": 1}}], r"c\.json: .*Env"),
        ([{**IMAGE, "Config": None}], r"c\.json: "),
        ({"config": {"Env": ["A"], "Cmd": {"x": 1}}}, r"c\.json: "),
        ({"rootfs": {"type": "other"}, "config": RUN}, "root file system of type"),
    ],
)
def test_what_is_none_is_refused(document: Any, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read(document)


def test_no_json(tmp_path: Path) -> None:
    (path := tmp_path / "c.json").write_bytes(b"{")
    with pytest.raises(Malformed, match=r"^--config .*c\.json: "):
        config.read_config(path)
    path.write_bytes(b"[" + b" " * MAX_DOCUMENT + b"]")
    with pytest.raises(LimitExceeded):
        config.read_config(path)
    with pytest.raises(NotFound, match="can't be read: No such file"):
        config.read_config(tmp_path / "none.json")


def test_the_default_path_is_the_one_that_engines_fill_in() -> None:
    assert config.DEFAULT_PATH == DEFAULT_PATH
