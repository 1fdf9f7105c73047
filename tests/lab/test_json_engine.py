"""Archives whose documents are written oddly: what a real engine makes of them, and what is read here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import InspectorError
from inspector.testing.image import sha256
from inspector.testing.tree import tar_of
from tests.lab.engine import docker as asked
from tests.sources.samples import opened

NAME = "h-json-odd:1"
LAYERS = [tar_of({"etc/one": b"1"}), tar_of({"etc/two": b"2"})]
IDS = [f"sha256:{sha256(layer)}" for layer in LAYERS]
BASE = f'"os": "linux", "architecture": "amd64", "rootfs": {{"type": "layers", "diff_ids": {json.dumps(IDS[:1])}}}'
ITEM = f'"Config": "c", "RepoTags": ["{NAME}"], "Layers": ["l0"]'

CONFIGS = [
    '"config": {"Env": ["A=1"], "Cmd": ["x"]}, "CONFIG": {"env": ["A=2"]}',
    '"config": {"Env": ["A=1"]}, "config": {"Wor\u212aingDir": "/w", "U\u017fer": "u"}',
    '"config": {"Labels": {"a": "1", "A": "2"}, "labels": {"b": null}}',
    '"config": {"Entrypoint": "one word", "Cmd": ["a", "b"], "cmd": ["c"]}',
    '"config": {"Env": ["A=\\ud800"], "Volumes": {"/data": {"x": 1}}}',
    '"Rootf\u017f": {"DIFF_IDS": ' + json.dumps(IDS[:1]) + "}",
    '"config": {"Env": ["A=1"], "User": "u"}, "config": {"Env": null, "User": null}',
]
BROKEN = [
    '"config": {"Env": "A=1"}',
    '"config": {"Healthcheck": {"Interval": "1s"}}',
    '"config": {"Tty": 1}',
    '"created": "yesterday"',
    '"history": {}',
    '"os": null} {',
    '"rootfs": null',
    '"RootFS": {"diff_ids": 1}',
]
MANIFESTS = [
    f'[{{{ITEM}, "CONFIG": "d", "layers": ["l0", "l1"]}}]',
    f'[{{{ITEM}, "config": "d", "Layer\u017f": ["l0", "l1"]}}] and more',
    f'[{{"RepoTags": null, {ITEM}, "Parent": null}}]',
]


@pytest.fixture(autouse=True)
def _removed(docker: None) -> Iterator[None]:  # noqa: ARG001 - asks for an engine
    yield
    subprocess.run(["docker", "rmi", "--force", NAME], check=False, capture_output=True)


def written(path: Path, config: str, manifest: str) -> Path:
    """An archive with one config by each of two names, and the manifest given."""
    other = f'{{{BASE.replace(json.dumps(IDS[:1]), json.dumps(IDS))}, "config": {{"User": "other"}}}}'
    tree = {"c": config.encode(), "d": other.encode(), "l0": LAYERS[0], "l1": LAYERS[1]}
    path.write_bytes(tar_of({**tree, "manifest.json": manifest.encode()}))
    return path


def loaded(path: Path) -> Any:
    """What the engine says of the image once it has loaded it. Raises `CalledProcessError` where it refuses."""
    asked("load", "--input", str(path))
    (said,) = json.loads(asked("image", "inspect", NAME))
    return said


def agree(path: Path) -> None:
    """Check that the engine's image is the one read here."""
    said, (image,) = loaded(path), opened(f"docker-archive:{path}")
    config = {
        "User": "",
        "WorkingDir": "",
        **dict.fromkeys(("Env", "Cmd", "Entrypoint", "Labels")),
        **(said["Config"] or {}),
    }
    assert said["Id"] == image.image_id
    assert said["RootFS"]["Layers"] == [layer.diff_id for layer in image.layers]
    assert (config["Env"] or []) == (image.config.run.env or [])
    assert tuple(config["Cmd"] or ()) == image.config.cmd
    assert tuple(config["Entrypoint"] or ()) == image.config.entrypoint
    assert config["User"] == (image.config.run.user or "")
    assert config["WorkingDir"] == (image.config.run.working_dir or "")
    assert (config["Labels"] or {}) == (image.config.run.labels or {})


@pytest.mark.parametrize("more", CONFIGS)
def test_a_config_is_read_as_the_engine_reads_it(more: str, tmp_path: Path) -> None:
    agree(written(tmp_path / "x.tar", f"{{{BASE}, {more}}}", f"[{{{ITEM}}}]"))


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_json_is_read_as_the_engine_reads_it(manifest: str, tmp_path: Path) -> None:
    agree(written(tmp_path / "x.tar", f"{{{BASE}}}", manifest))


@pytest.mark.parametrize("more", BROKEN)
def test_a_config_that_the_engine_refuses_is_refused(more: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.tar", f"{{{BASE}, {more}}}", f"[{{{ITEM}}}]")
    with pytest.raises(subprocess.CalledProcessError):
        loaded(path)
    with pytest.raises(InspectorError):
        opened(f"docker-archive:{path}")
